"""What programmes achieve, and what results mean for single firms."""

from __future__ import annotations

import numpy as np
import pytest

from firmtrade_core.analysis.programme_study import equal_cost_tariff_cut
from firmtrade_core.analysis.programmes import evaluate_programme
from firmtrade_core.equilibrium import solve
from firmtrade_core.equilibrium.states import ComparisonError
from firmtrade_core.home.outcomes import exporters, firm_outcomes
from firmtrade_core.scenarios import Scenario, compile
from firmtrade_core.world.world import World
from tests.firms import make_home, unrecorded
from tests.scenarios.conftest import synthetic_world

HOME = make_home()
STRUCTURE = {"family": "firms", "elasticity": 5.0}
PROGRAMME = {"kind": "programme", "policy": "quality_certification", "take_up": 0.4, "unit_cost": 100_000}


@pytest.fixture(scope="module")
def world() -> World:
    return synthetic_world()


def parsed(*cards: dict) -> Scenario:
    return Scenario.parse({"cards": list(cards), "structure": STRUCTURE})


def test_firms_add_up_to_the_world(world: World) -> None:
    tariff = {"kind": "tariff", "importers": "USA", "exporters": "ZAF", "value": -0.05}
    compiled = compile(parsed(tariff, PROGRAMME), world, HOME)
    result = solve(world, compiled.shock, compiled.parameters)
    assert compiled.treatment is not None
    found = firm_outcomes(result, compiled.treatment)
    home = world.country_index("ZAF")
    abroad = np.arange(5) != home
    for s in (0, 1):
        rows = found.sector == s
        for state, revenue in enumerate((world.revenue, result.revenue)):
            assert found.exports[rows, state].sum() == pytest.approx(revenue[home, abroad, s].sum())
            assert found.home_sales[rows, state].sum() == pytest.approx(revenue[home, home, s])
    counted = exporters(result)
    assert found.markets.sum(0) == pytest.approx(counted.pairs.sum((1, 2)), rel=1e-3)
    change = counted.pairs[1] / np.where(counted.pairs[0] > 0, counted.pairs[0], 1)
    np.testing.assert_allclose(change[:, abroad], result.exporters_change[home][abroad][:, :2].T, rtol=1e-9)


def test_share_that_exports_anywhere_against_draws(world: World) -> None:
    """Firms that carry one u to all markets and a ν to each."""
    compiled = compile(parsed(), world, unrecorded(HOME))
    result = solve(world, compiled.shock, compiled.parameters)
    found, margins = exporters(result), result.margins_in_force
    sector = margins.sectors[0]  # type: ignore[attr-defined]
    m, g, w = sector.arrays
    random, draws = np.random.default_rng(0), 4000
    u = 0.9 * random.normal(size=(draws, len(m)))
    abroad = np.arange(5) != world.country_index("ZAF")
    somewhere = np.zeros((draws, len(m)), dtype=bool)
    for k in margins.threshold[0, abroad]:  # type: ignore[attr-defined]
        somewhere |= m + g + u + 0.7 * random.normal(size=u.shape) >= k
    assert found.firms[0, 0] == pytest.approx((somewhere.mean(0) * w).sum(), rel=5e-3)


def test_lower_barriers_abroad_lift_large_firms_and_shrink_the_smallest(world: World) -> None:
    """EKK11: easier markets abroad raise wages at home, which the smallest firms pay without gaining customers."""
    tariff = {"kind": "trade_cost", "exporters": "ZAF", "change": -0.15}
    compiled = compile(parsed(tariff), world, HOME)
    result = solve(world, compiled.shock, compiled.parameters)
    assert compiled.treatment is not None
    found = firm_outcomes(result, compiled.treatment)
    grown = 1 + found.by(found.deciles())["sales_percent"] / 100
    labour = grown / result.wage_change[world.country_index("ZAF")]
    assert labour[10] > 1 > labour[1]


def test_a_programme_is_judged_against_the_scenario_without_it(world: World) -> None:
    tariff = {"kind": "tariff", "importers": "USA", "value": 0.10}
    result = evaluate_programme(parsed(tariff, PROGRAMME), world, HOME, 1)
    home = world.country_index("ZAF")
    assert result.new_exporters > 0 and result.new_pairs > result.new_exporters
    assert result.destinations.pairs.sum() == pytest.approx(result.new_pairs)
    assert result.destinations.exports.sum() == pytest.approx(result.exports)
    assert result.products.exports.sum() == pytest.approx(result.exports)
    assert result.outlay == pytest.approx(result.treated * 0.1, rel=0.05)
    assert result.cost_per_new_exporter == pytest.approx(1e6 * result.public_cost / result.new_exporters)
    assert result.displaced["firms"] > 0 and result.displaced["exporters"] > 0
    assert result.without.real_income_change[home] < 1
    assert result.stamp == "effect identified by an instrument" and result.wto == ""
    # Total labour is fixed: who is hired somewhere has left somewhere else.
    assert result.jobs["persons"].sum() == pytest.approx(0, abs=1e-6 * result.jobs["staff"].sum())
    assert (np.sign(result.jobs["persons"]) == np.sign(result.jobs["percent"])).all()
    assert (result.jobs["persons"] >= -result.jobs["staff"]).all()


def test_a_tariff_cut_of_equal_cost(world: World) -> None:
    cheap = PROGRAMME | {"unit_cost": 0, "outlay": 1.0}
    result = evaluate_programme(parsed(cheap), world, HOME, 0)
    share, cut = equal_cost_tariff_cut(result, parsed(), world, HOME)
    home = world.country_index("ZAF")
    lost = (result.without.duties - cut.duties)[home]
    assert 0 < share < 1 and lost == pytest.approx(result.public_cost, rel=0.02, abs=1e-3)


def test_only_programmes_of_the_firms_family_are_judged(world: World) -> None:
    tariff = {"kind": "tariff", "importers": "USA", "value": 0.10}
    with pytest.raises(ComparisonError, match="choose a programme"):
        evaluate_programme(parsed(tariff), world, HOME, 0)
    other = Scenario.parse({"cards": [PROGRAMME], "structure": {"family": "pareto"}})
    with pytest.raises(ComparisonError, match="firms family"):
        evaluate_programme(other, world, HOME, 0)
