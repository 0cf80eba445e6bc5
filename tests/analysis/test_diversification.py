"""Diversification: risks come back, spread lowers only what is not common, and the lever opens other markets."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.analysis.diversification import (
    COMMON,
    RISK,
    Diversification,
    demand_risk,
    diversification,
    largest_partner,
    lever,
    volatility,
)
from firmtrade_core.equilibrium.states import ComparisonError
from firmtrade_core.scenarios import Scenario, compile
from tests.firms import make_home
from tests.scenarios.conftest import synthetic_world

STRUCTURE = {"family": "firms", "elasticity": 5.0}


def panel(risk: float, common: float, tails: bool = False, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)

    def draw(*shape: int) -> np.ndarray:
        return random.standard_t(4, shape) / np.sqrt(2) if tails else random.normal(size=shape)

    growth = random.normal(0.03, 0.02, (80, 1)) + risk * (
        np.sqrt(common) * draw(1, 60) + np.sqrt(1 - common) * draw(80, 60)
    )
    return pd.DataFrame(np.exp(np.cumsum(growth, axis=1)))


@pytest.mark.parametrize(("risk", "common", "tails"), [(0.1, 0.4, False), (0.2, 0.1, False), (0.15, 0.5, True)])  # fmt: skip
def test_risk_of_demand_comes_back(risk: float, common: float, tails: bool) -> None:
    """Within 15 % and 0.12, set before: sixty years tell the common part no better."""
    found = demand_risk(panel(risk, common, tails))
    assert found[0] == pytest.approx(risk, rel=0.15) and found[1] == pytest.approx(common, abs=0.12)


def test_swing_is_that_of_simulated_exports() -> None:
    random = np.random.default_rng(3)
    shares = np.array([0.5, 0.2, 0.2, 0.1])
    growth = 0.12 * (np.sqrt(0.4) * random.normal(size=(200_000, 1)) + np.sqrt(0.6) * random.normal(size=(200_000, 4)))  # fmt: skip
    assert volatility(shares, 0.12, 0.4) == pytest.approx((growth @ shares).std(), rel=0.01)
    assert volatility(np.ones(1), 0.1, 0.3) == pytest.approx(0.1)
    assert volatility(np.ones(10_000), 0.1, 0.3) == pytest.approx(0.1 * np.sqrt(0.3), rel=1e-3)


@cache
def opened(points: float = -0.4) -> Diversification:
    world, home = synthetic_world(), make_home()
    plain = compile(Scenario.parse({"structure": STRUCTURE}), world, home)
    base = plain.solve()
    card = lever("ZAF", largest_partner(base, "ZAF"), points)
    compiled = compile(Scenario.parse({"cards": [card], "structure": STRUCTURE}), world, home)
    return diversification(compiled.solve(), "ZAF", compiled.treatment)


def test_the_lever_spreads_exports_and_says_who_opens_markets() -> None:
    found = opened()
    after, before = found.table["after"], found.table["before"]
    assert after["largest"] < before["largest"] and after["volatility"] < before["volatility"]
    assert found.pairs > 0 and found.worth_per_pair == pytest.approx(1e6 * found.gain / found.pairs)
    assert np.isnan(found.cost_per_pair)
    for table in found.groups.values():
        assert table["share"].sum() == pytest.approx(1.0) and table["pairs"].sum() == pytest.approx(
            found.pairs
        )
    assert "equal destinations" in found.sentence() and "did not export before" in found.sentence()


def test_nothing_changes_where_nothing_is_done() -> None:
    world, home = synthetic_world(), make_home()
    still = compile(Scenario.parse({"structure": STRUCTURE}), world, home)
    found = diversification(still.solve(), "ZAF", still.treatment)
    np.testing.assert_allclose(found.table["after"], found.table["before"], rtol=1e-7)
    assert abs(found.pairs) < 1e-6
    with pytest.raises(ComparisonError, match="0 or more"):
        diversification(still.solve(), "ZAF", risk=-1)
    with pytest.raises(ComparisonError, match="three importers"):
        demand_risk(pd.DataFrame(np.ones((2, 9))))


@pytest.mark.data
def test_the_shipped_risk_is_that_of_the_tables(needs_data: Callable[[str], Path]) -> None:
    path = needs_data("icio") / "flows_2011_2022.parquet"
    flows = pd.read_parquet(path, columns=["year", "exporter", "importer", "expenditure_musd", "tariff"])
    flows = flows[flows["exporter"] != flows["importer"]]
    flows["value"] = flows["expenditure_musd"] / (1 + flows["tariff"])
    found = demand_risk(flows.groupby(["importer", "year"])["value"].sum().unstack())
    assert found == (pytest.approx(RISK, abs=0.002), pytest.approx(COMMON, abs=0.01))
