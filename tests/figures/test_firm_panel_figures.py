"""Charts of firm panels: numbers are the panel's, synthetic panels say so, small cells stay empty."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.figures.firm_panel import missing_chart, premia_chart, size_distribution
from firmtrade_core.panel import ColumnError, FirmPanel
from firmtrade_core.panel.facts import exporter_premia
from firmtrade_core.panel.synthetic.country import make_country
from firmtrade_core.panel.synthetic.structure import SyntheticDesign


@pytest.fixture(scope="module")
def panel() -> FirmPanel:
    return make_country(SyntheticDesign(firms=1_500, years=2)).panel


def test_charts_are_plain_data_and_say_synthetic(panel: FirmPanel) -> None:
    for chart in (size_distribution(panel), premia_chart(panel), missing_chart(panel)):
        text = json.dumps(chart.to_dict(), allow_nan=False)
        assert "(synthetic)" in chart.subtitle and chart.source.startswith("Synthetic: ")
        assert text and chart.title


def test_sizes_hide_classes_of_few_firms(panel: FirmPanel) -> None:
    others, exporters = size_distribution(panel).data
    table = panel.firms[panel.firms["year"] == 2022]
    sold = table[table["exports"] > 0]
    first = 100 * (sold["employment"] == 1).mean()
    assert exporters["y"][0] == (
        pytest.approx(first, abs=1e-3) if (sold["employment"] == 1).sum() >= 5 else None
    )
    for trace, rows in ((others, table[table["exports"] == 0]), (exporters, sold)):
        shown = [y for y in trace["y"] if y is not None]
        assert min(shown) >= 100 * 5 / len(rows) - 1e-3
        assert sum(shown) <= 100.01


def test_premia_are_the_facts_in_per_cent(panel: FirmPanel) -> None:
    chart = premia_chart(panel)
    premium = exporter_premia(panel).loc["sales", "same_sector"]
    assert chart.data[0]["x"][0] == pytest.approx(100 * np.expm1(premium), abs=0.01)
    assert f"{np.exp(premium):,.1f} times" in chart.title


def test_missing_shares_by_year(panel: FirmPanel) -> None:
    chart = missing_chart(panel)
    (trace,) = chart.data
    table = panel.firms
    share = 100 * table.loc[table["year"] == 2021, "skill_share"].isna().mean()
    row = trace["y"].index("skill share")
    assert trace["z"][row][trace["x"].index("2021")] == pytest.approx(share, abs=0.01)
    assert "sales" not in trace["y"]
    whole = FirmPanel.from_frames(table[["firm", "year", "sector", "sales"]])
    assert missing_chart(whole).title == "Nothing is missing"


def test_sizes_need_employment() -> None:
    with pytest.raises(ColumnError, match="persons engaged"):
        size_distribution(
            FirmPanel.from_frames(pd.DataFrame({"firm": ["a"], "year": [2020], "sector": ["x"]}))
        )
