"""Skilled and unskilled labour as two inputs: both elasticities come back, in a world that is not the estimator's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from firmtrade_core.panel.control_function import BY_SKILL, levinsohn_petrin, production_data, wooldridge
from firmtrade_core.panel.enia import BALANCED, load_enia
from firmtrade_core.panel.errors import ColumnError, EstimationError

SKILLED, UNSKILLED, CAPITAL = 0.35, 0.25, 0.3


def plants(seed: int, firms: int = 1_500, years: int = 8, error: float = 0.0) -> pd.DataFrame:
    """Firms with a scale of their own (returns 0.9), wages by skill that last, hiring with errors, and capital by rule of thumb.

    Not the estimator's world throughout: productivity's shocks have fat tails, investment follows last year's sales, some
    firms close and others open, and materials follow planned output with an error where asked for.
    """
    random = np.random.default_rng(seed)
    omega = 0.3 * random.standard_normal(firms)
    wage = 0.3 * random.standard_normal((2, firms))
    capital = random.normal(0, 1, firms)
    beta = np.array([SKILLED, UNSKILLED])
    seen = []
    for year in range(30 + years):
        # Labour is chosen knowing half of the year's shock.
        half = np.sqrt(0.5) * 0.21 * random.standard_t(8, (2, firms)) / np.sqrt(8 / 6)
        known = 0.7 * omega + half[0]
        wage = 0.8 * wage + 0.18 * random.standard_normal((2, firms))
        planned = (CAPITAL * capital + known + beta @ (np.log(beta)[:, None] - wage)) / (1 - beta.sum())
        labour = np.log(beta)[:, None] + planned - wage + 0.2 * random.standard_normal((2, firms))
        omega = known + half[1]
        made = CAPITAL * capital + beta @ labour + omega
        if year >= 30:
            seen.append(
                pd.DataFrame(
                    {
                        "firm": np.arange(firms),
                        "year": year,
                        "output": made + 0.1 * random.standard_normal(firms),
                        "skilled": labour[0],
                        "unskilled": labour[1],
                        "labour": np.log(np.exp(labour).sum(0)),
                        "capital": capital,
                        "materials": made + error * random.standard_normal(firms),
                    }
                )
            )
        invested = 0.5 * made + 0.4 * random.standard_normal(firms)
        capital = np.log(0.8 * np.exp(capital) + 0.2 * np.exp(invested))
    table = pd.concat(seen, ignore_index=True)
    opened, closed = 30 + random.integers(0, 3, firms), 30 + years - random.integers(0, 3, firms)
    return table[
        (table["year"] >= opened[table["firm"]]) & (table["year"] < closed[table["firm"]])
    ].reset_index(drop=True)


@pytest.mark.truth
@pytest.mark.parametrize("estimate", [levinsohn_petrin, wooldridge])
def test_both_elasticities_come_back(estimate: Callable) -> None:
    """Over eight draws, means within 0.02 of the truth; set before looking."""
    found = [estimate(plants(seed), labour=BY_SKILL) for seed in range(8)]
    values = np.array([(*f.labours.values(), f.capital) for f in found])
    assert_allclose(values.mean(0), [SKILLED, UNSKILLED, CAPITAL], atol=0.02)
    assert found[0].labour == pytest.approx(sum(found[0].labours.values()))
    if estimate is wooldridge:
        errors = np.array([[f.standard_errors[name] for name in BY_SKILL] for f in found])
        held = np.abs(values[:, :2] - [SKILLED, UNSKILLED]) < 2.6 * errors
        assert held.mean() >= 0.8


def test_one_draw_and_one_labour_as_before() -> None:
    data = plants(1)
    two = levinsohn_petrin(data, labour=BY_SKILL)
    assert_allclose([*two.labours.values(), two.capital], [SKILLED, UNSKILLED, CAPITAL], atol=0.08)
    assert list(two.labours) == list(BY_SKILL) and two.returns_to_scale == pytest.approx(0.9, abs=0.05)
    one = levinsohn_petrin(data)
    assert list(one.labours) == ["labour"] and one.labour == one.labours["labour"]
    # Too few years to tell them apart end at a bound, and are refused by name.
    with pytest.raises(EstimationError, match="elasticity of skilled"):
        levinsohn_petrin(plants(1, firms=800, years=6), labour=BY_SKILL)


def test_chiles_plants_have_both(needs_data: Callable[[str], Path]) -> None:
    panel = load_enia(needs_data("chile-enia") / BALANCED)
    data = production_data(panel, by_skill=True)
    assert {*BY_SKILL} <= {*data} and "labour" not in data
    persons = panel.firms["employment"].to_numpy(float)
    both = np.exp(data["skilled"]) + np.exp(data["unskilled"])
    known = both.notna().to_numpy()
    assert known.mean() > 0.5
    assert_allclose(both[known], persons[known], rtol=1e-9)
    food = data[data["sector"] == "311"].reset_index(drop=True)
    try:
        found = levinsohn_petrin(food, labour=BY_SKILL)
    except EstimationError as error:
        assert "elasticity" in str(error)
    else:
        assert all(0 < value < 1.2 for value in (*found.labours.values(), found.capital))
    with pytest.raises(ColumnError, match="skill_share"):
        production_data(
            load_enia(needs_data("chile-enia") / "plants_1990_1996_with_capital.tsv"), by_skill=True
        )
