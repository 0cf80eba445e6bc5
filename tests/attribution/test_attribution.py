"""Attribution adds up exactly, and finds the source that was put in (MODEL 8)."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import isclose
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from benchmarks.worlds import icio
from firmtrade_core.attribution import (
    Attribution,
    AttributionError,
    attribute_growth,
    attribute_scenario,
    growth_by_margin,
    melitz_polanec,
    shapley_values,
)
from firmtrade_core.cli.main import app
from firmtrade_core.equilibrium import Parameters, Shock, solve
from firmtrade_core.margins import Armington, Lognormal, MarginFamily, Pareto
from tests.equilibrium.test_firms_family import family, upgrade
from tests.equilibrium.test_identities import random_shock
from tests.worlds import make_world

WORLD = make_world()


def assert_adds_up(found: Attribution) -> None:
    np.testing.assert_allclose(found.parts.sum(0), found.after - found.before, atol=1e-9 * found.before.max())
    assert found.waterfall().change.sum() == pytest.approx(found.change * 1e-3)
    for table in (found.by_partner(), found.by_product()):
        sources = table[list(found.sources)].sum().sum()
        assert sources == pytest.approx((table.after - table.before).sum())


@given(st.integers(1, 5), st.integers(0, 100))
@settings(max_examples=20, deadline=None)
def test_shapley_is_efficient_symmetric_and_ignores_dummies(players: int, seed: int) -> None:
    worth = np.random.default_rng(seed).normal(size=(1 << players, 2))

    def value(members: frozenset[int]) -> np.ndarray:
        return worth[sum(1 << p for p in members if p > 0)]  # player 0 does nothing

    parts = shapley_values(players, value)
    everyone = value(frozenset(range(players)))
    np.testing.assert_allclose(parts.sum(0), everyone - value(frozenset()), atol=1e-12)
    np.testing.assert_allclose(parts[0], 0, atol=1e-12)
    twins = shapley_values(2, lambda members: np.array(float(len(members) ** 2)))
    assert twins[0] == twins[1] == 2


def test_shapley_of_a_product_by_hand() -> None:
    """v = a b: each gets half of its own effect before and after the other's."""
    parts = shapley_values(2, lambda m: np.array((3.0 if 0 in m else 1.0) * (5.0 if 1 in m else 2.0)))
    assert parts[0] == pytest.approx(0.5 * (3 - 1) * (2 + 5))
    assert parts[1] == pytest.approx(0.5 * (5 - 2) * (1 + 3))


@pytest.mark.parametrize("chosen", [Armington(), Pareto(1.5), Lognormal(2.0), family()], ids=lambda f: f.name)
def test_every_familys_scenario_adds_up(chosen: MarginFamily) -> None:
    shock = random_shock(WORLD, 3)
    cost = np.ones((4, 4, 3))
    cost[1, 2] = np.inf
    own = upgrade() if chosen.name == "firms" else None
    result = solve(
        WORLD,
        Shock(tariff=shock.tariff, subsidy=shock.subsidy, trade_cost=cost, firms=own),
        Parameters(6.0, chosen),
    )
    found = attribute_scenario(result, "C01", "a test")
    assert_adds_up(found)
    assert ("reallocation" in found.sources) == (chosen.name != "armington")
    assert ("attributes" in found.sources) == (chosen.name == "firms")
    assert found.parts[found.sources.index("trade_costs"), 2].sum() < 0
    other = attribute_scenario(result, "C00")
    assert_adds_up(other)
    assert "attributes" not in other.sources


def test_a_programme_shows_as_attributes() -> None:
    result = solve(WORLD, Shock(firms=upgrade()), Parameters(6.0, family()))
    found = attribute_scenario(result, "C01")
    table = found.waterfall().set_index("source")
    assert table.change.abs().idxmax() == "attributes" and table.change["attributes"] > 0
    assert "firms' attributes" in found.sentence()


def test_growth_from_symmetric_trade_costs_is_found() -> None:
    """A world solved with τ̂ equal in both directions, read back from its flows alone."""
    world = make_world(5, 2, zeros=False, subsidies=False)
    random = np.random.default_rng(0)
    half = random.uniform(-0.2, 0.2, (5, 5, 2))
    iceberg = np.exp(np.where(np.eye(5, dtype=bool)[:, :, None], 0.0, half + half.swapaxes(0, 1)))
    tariff = world.tariff.copy()
    tariff[1, 0] += 0.1
    result = solve(world, Shock(tariff=tariff, trade_cost=iceberg), Parameters(4.0))
    found = attribute_growth(world, result.to_world(), "C01", 4.0)
    assert_adds_up(found)
    table = found.waterfall().set_index("source").change
    assert abs(table["residual"]) < 1e-6 * found.before.sum()
    expected = attribute_scenario(result, "C01").waterfall().set_index("source").change
    for source in ("demand", "tariffs", "trade_costs"):
        assert table[source] == pytest.approx(expected[source], rel=0.1, abs=1e-3 * found.before.sum() * 1e-3)


def test_growth_with_zeros_adds_up() -> None:
    world, other = make_world(5, 3, seed=1, subsidies=False), make_world(5, 3, seed=2, subsidies=False)
    found = attribute_growth(world, other, "C02")
    assert_adds_up(found)
    assert "new_flows" in found.sources


@pytest.mark.data
def test_eleven_years_of_real_trade_add_up(needs_data: Callable[[str], Path]) -> None:
    needs_data("icio")
    found = attribute_growth(icio(2011), icio(2022), "VNM")
    assert_adds_up(found)
    assert found.percent > 200 and set(found.waterfall().source) >= {"supply", "demand", "tariffs"}


def test_no_change_has_no_sources_to_speak_of() -> None:
    found = attribute_growth(WORLD, WORLD, "C02")
    np.testing.assert_allclose(found.parts, 0, atol=1e-9 * found.before.max())
    assert "hardly change" in found.sentence()


def test_worlds_that_do_not_match_are_named() -> None:
    with pytest.raises(AttributionError, match="C04"):
        attribute_growth(WORLD, make_world(5), "C01")


FLOWS = pd.DataFrame(
    [
        ("a", "X", 1, 10.0),
        ("a", "X", 2, 14.0),
        ("a", "Y", 2, 3.0),
        ("b", "X", 1, 5.0),
        ("b", "Y", 1, 2.0),
        ("b", "Y", 2, 1.0),
        ("c", "X", 1, 4.0),
        ("d", "Y", 2, 6.0),
    ],
    columns=["firm", "destination", "year", "exports"],
)


def test_incumbents_entrants_and_exits_by_hand() -> None:
    table = growth_by_margin(FLOWS, 1, 2).set_index("destination")
    assert table.loc["X", ["incumbents", "left_markets", "exits"]].tolist() == [4, -5, -4]
    assert table.loc["Y", ["incumbents", "new_markets", "entrants"]].tolist() == [-1, 3, 6]
    kinds = ["incumbents", "new_markets", "left_markets", "entrants", "exits"]
    np.testing.assert_allclose(table[kinds].sum(axis=1), table.change)
    with pytest.raises(AttributionError, match="no flows of 3"):
        growth_by_margin(FLOWS, 1, 3)
    with pytest.raises(AttributionError, match="no column exports"):
        growth_by_margin(FLOWS.drop(columns="exports"), 1, 2)


@given(st.integers(0, 200))
@settings(max_examples=20, deadline=None)
def test_parts_of_productivity_add_up(seed: int) -> None:
    random = np.random.default_rng(seed)
    panel = pd.DataFrame(
        {
            "firm": [*range(12), *range(4, 16)],
            "year": [1] * 12 + [2] * 12,
            "productivity": random.normal(size=24),
            "sales": random.lognormal(size=24),
        }
    )
    parts = melitz_polanec(panel, 1, 2)
    total = parts.pop("total")
    assert isclose(sum(parts.values()), total, abs_tol=1e-12)
    first, second = (panel[panel.year == y] for y in (1, 2))
    expected = np.average(second.productivity, weights=second.sales) - np.average(
        first.productivity, weights=first.sales
    )
    assert isclose(total, expected, abs_tol=1e-12)


def test_the_verb_prints_numbers_that_add_up(tmp_path: Path) -> None:
    runner = CliRunner()
    done = runner.invoke(app, ["attribute", "MEX", "--preset", "us_ten_points", "--json"])
    assert done.exit_code == 0
    content = json.loads(done.stdout)
    change = content["exports_after_musd"] - content["exports_before_musd"]
    assert sum(row["change"] for row in content["waterfall"]) * 1e3 == pytest.approx(change)
    paths = [tmp_path / "one.world", tmp_path / "two.world"]
    for path, world in zip(paths, (WORLD, make_world(seed=1)), strict=True):
        world.save(path)
    done = runner.invoke(app, ["attribute", "C01", "--from", str(paths[0]), "--to", str(paths[1])])
    assert done.exit_code == 0 and "Demand abroad" in done.stdout
    assert runner.invoke(app, ["attribute", "C01", "--from", str(paths[0])]).exit_code == 2
    assert runner.invoke(app, ["attribute", "XXX", "--preset", "us_ten_points"]).exit_code == 2
