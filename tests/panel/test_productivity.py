"""Index numbers of productivity."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from firmtrade_core.panel import ColumnError, FirmPanel
from firmtrade_core.panel.productivity import productivity_index


def cobb_douglas(seed: int = 3, firms: int = 40) -> tuple[FirmPanel, np.ndarray]:
    """Firms with output elasticities 0.3, 0.2, 0.5 paid their shares, and their true log productivity."""
    generator = np.random.default_rng(seed)
    years = np.repeat([2020, 2021, 2022], firms)
    truth = generator.normal(0, 0.4, 3 * firms) + 0.05 * (years - 2020)
    inputs = generator.normal(3, 1, (3, 3 * firms)) + 0.1 * (years - 2020)
    elasticities = np.array([0.3, 0.2, 0.5])
    sales = np.exp(truth + elasticities @ inputs)
    table = pd.DataFrame(
        {
            "firm": np.tile([f"f{i}" for i in range(firms)], 3),
            "year": years,
            "sector": "x",
            "employment": np.exp(inputs[0]),
            "capital": np.exp(inputs[1]),
            "materials": np.exp(inputs[2]),
            "wages": 0.3 * sales,
            "sales": sales,
        }
    )
    # Materials are worth half of sales at their price; the index needs quantities and shares to agree.
    table["materials"] = 0.5 * sales
    truth = np.log(sales) - elasticities @ np.log(table[["employment", "capital", "materials"]].to_numpy().T)
    order = table.sort_values(["firm", "year"]).index
    return FirmPanel.from_frames(table), truth[order]


def test_constant_shares_give_exact_productivity() -> None:
    panel, truth = cobb_douglas()
    index = productivity_index(panel).to_numpy()
    first = panel.firms["year"] == 2020
    assert_allclose(index - index[first].mean(), truth - truth[first].mean(), atol=1e-10)


def test_index_is_relative_to_the_first_years_average_firm() -> None:
    panel, _ = cobb_douglas()
    index = productivity_index(panel)
    assert index[panel.firms["year"] == 2020].mean() == pytest.approx(0.0, abs=1e-12)


def test_units_change_nothing_and_gaps_stay_gaps() -> None:
    panel, _ = cobb_douglas()
    table = panel.firms
    table["employment"] *= 1_000
    table.loc[3, "capital"] = np.nan
    table.loc[5, "wages"] = 2 * table.loc[5, "sales"]
    found, base = productivity_index(FirmPanel.from_frames(table)), productivity_index(panel)
    assert found.index[found.isna()].tolist() == [3, 5]
    same = FirmPanel.from_frames(table.assign(employment=table["employment"] / 1_000))
    assert_allclose(found.dropna(), productivity_index(same).dropna(), atol=1e-12)
    assert abs(found - base).max() < 0.2
    with pytest.raises(ColumnError, match="wages"):
        productivity_index(FirmPanel.from_frames(table.drop(columns="wages")))
