"""Nash with other levers, the way to it, cooperation, weights of sectors, first-order starts, rankings of levers."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from firmtrade_core.analysis.optimal import (
    OptimumError,
    best_response,
    cooperate,
    curve,
    frontier,
    nash,
    rank,
    trade_war,
)
from firmtrade_core.cli.main import app
from firmtrade_core.equilibrium import Iteration, Outcome, Parameters, Shock, solve
from firmtrade_core.equilibrium.differences import gap_from_solutions
from firmtrade_core.margins import Armington, Krugman, Lognormal, Pareto
from firmtrade_core.scenarios import Scenario, compile
from firmtrade_core.world.embedded import load_embedded_world
from tests.analysis.test_optimal import two
from tests.worlds import make_world

CLOSE = Iteration(tolerance=1e-12)
BALANCED = Parameters(4.0, Pareto(1.5), deficits="removed")


@pytest.mark.parametrize("family", [Armington(), Krugman(), Lognormal(2.0)], ids=lambda f: f.name)
@pytest.mark.parametrize("entry", ["restricted", "free"])
def test_weighted_income_is_differentiated_as_whole_solutions_say(family, entry) -> None:
    if entry == "free" and family.name != "krugman":
        pytest.skip("one family with entry is enough")
    world = make_world(3, 2, seed=3)
    parameters = Parameters(4.0, family, entry=entry, deficits="proportional")
    base = solve(world, Shock(), parameters, iteration=CLOSE)
    asked = Outcome("weighted_income", "C01", weights=((world.sectors[0], 1.8),))
    found = base.gradient(asked)
    for lever in ("tariff", "production_subsidy", "productivity"):
        assert gap_from_solutions(found, lever) < 1e-6
    plain = base.gradient(Outcome("weighted_income", "C01"))
    np.testing.assert_allclose(plain.tariff, base.gradient(Outcome("real_income", "C01")).tariff, atol=1e-12)


def test_a_sector_that_counts_for_more_is_protected_more() -> None:
    world = make_world(3, 2, seed=2)
    rates = [
        best_response(
            world,
            BALANCED,
            "C00",
            instrument="sector",
            objective="weighted",
            weights={world.sectors[0]: weight},
            tries=1,
            starts=0,
        )
        for weight in (1.0, 1.3)
    ]
    assert rates[1].rates[0] > rates[0].rates[0] + 1e-3
    assert rates[1].gain > rates[1].real_income
    assert all(found.holds for found in rates)


@pytest.mark.parametrize("lever", ["tariff", "export_tax", "production_subsidy"])
def test_nobody_gains_by_departing_from_nash_whatever_the_lever(lever) -> None:
    world = make_world(3, 2, seed=4)
    found = nash(world, BALANCED, ["C00", "C01"], lever=lever, instrument="sector", tries=2)
    assert found.holds and found.moved < 1e-4
    for country, response in found.responses.items():
        alone = best_response(
            world,
            BALANCED,
            country,
            lever=lever,
            instrument="sector",
            shock=response.before.shock,
            tries=0,
            starts=1,
            seed=5,
        )
        assert alone.gain == pytest.approx(response.gain, abs=1e-5)


def test_a_war_leads_answer_by_answer_to_the_same_rest() -> None:
    world = make_world(4, 2, seed=6)
    war = trade_war(world, BALANCED, ["C00", "C02"], tries=1)
    assert all(step.certified for step in war.steps) and war.end.holds
    last = {step.country: step.response.rates[0] for step in war.steps}
    for country, response in war.end.responses.items():
        assert last[country] == pytest.approx(response.rates[0], abs=2e-4)
    # The first answer is the best response to nothing.
    alone = best_response(world, BALANCED, "C00", tries=0, starts=0)
    assert war.steps[0].response.rates[0] == pytest.approx(alone.rates[0], abs=1e-5)


def test_equals_who_cooperate_trade_freely() -> None:
    """Two alike, no markups: tariffs of each on the other cannot raise both, so the common best is none of them.

    One wedge of either is the other's by Lerner's symmetry, so that only their sum is told: rates are opposite or none.
    """
    world = two(1.0, 0.6)
    parameters = Parameters(3.0, deficits="removed")
    found = cooperate(world, parameters, ["A", "B"], tries=3)
    assert found.holds
    assert found.gains["A"] == pytest.approx(0, abs=1e-6)
    war = nash(world, parameters, ["A", "B"], tries=0)
    assert war.gains["A"] < found.gains["A"] - 0.01


def test_no_direction_raises_the_weighted_sum_and_weights_move_the_gains() -> None:
    world = make_world(4, 2, seed=7)
    found = cooperate(world, BALANCED, ["C00", "C03"], weights=[0.5, 0.5], instrument="sector", tries=2)
    assert found.holds and found.value > 0
    for country, other in (("C00", "C03"), ("C03", "C00")):
        assert set(found.weights) == {country, other}
    along = frontier(world, BALANCED, ("C00", "C03"), points=3)
    assert along[0].gains["C00"] < along[-1].gains["C00"]
    assert along[0].gains["C03"] > along[-1].gains["C03"]
    with pytest.raises(OptimumError, match="at least two"):
        cooperate(world, BALANCED, ["C00"])
    with pytest.raises(OptimumError, match="weights for"):
        cooperate(world, BALANCED, ["C00", "C01"], weights=[1.0])


@pytest.mark.parametrize("family", [Armington(), Krugman()], ids=lambda f: f.name)
def test_first_order_rates_are_the_answer_where_the_country_is_small(family) -> None:
    found = best_response(two(1e-4), Parameters(5.0, family, deficits="removed"), "A", tries=1, starts=0)
    assert found.first_order_distance < 1e-3
    assert found.first_order_gain == pytest.approx(found.gain, rel=1e-3)
    large = best_response(two(1.5, 0.5), Parameters(5.0, family, deficits="removed"), "A", tries=1, starts=0)
    assert 1e-3 < large.first_order_distance < 0.1
    assert 0 < large.first_order_gain <= large.gain


def test_the_curve_peaks_at_the_answer() -> None:
    found = best_response(two(1.5, 0.5), Parameters(3.0, deficits="removed"), "A", tries=1, starts=0)
    seen = curve(found, points=9)
    assert seen.rates[np.nanargmax(seen.gains)] == pytest.approx(found.rates[0])
    assert seen.gains[seen.rates == 0][0] == pytest.approx(0, abs=1e-8)
    assert seen.others[np.nanargmax(seen.gains)] < 0


def test_rankings_add_up_and_agree_with_a_solution() -> None:
    world = load_embedded_world()
    base = compile(Scenario(), world).solve()
    asked = Outcome("real_income", "USA")
    cells, countries = (rank(base, asked, by=by) for by in ("cell", "country"))
    mine = sum(row.value for row in cells.rows if row.codes[0] == "CHN")
    whole = next(row.value for row in countries.rows if row.codes == ("CHN",))
    assert mine == pytest.approx(whole)
    assert countries.countries[world.countries.index("CHN")] == pytest.approx(whole)
    first = cells.rows[0]
    j, i, s = world.countries.index(first.codes[0]), world.countries.index(first.codes[1]), first.codes[2]
    tariff = np.array(base.world.tariff)
    tariff[i, j, world.sectors.index(s)] += 0.001
    there = solve(base.world, Shock(tariff=tariff), base.parameters, start=base, iteration=CLOSE)
    at = world.countries.index("USA")
    moved = (there.real_income_change[at] - base.real_income_change[at]) * base.world.income[at]
    assert 10 * moved == pytest.approx(first.value, rel=0.02)
    assert abs(cells.rows[0].value) >= abs(cells.rows[1].value)
    with pytest.raises(OptimumError, match="no country"):
        rank(base, asked, of="XXX")


def test_the_verbs_tell_cooperation_the_path_of_a_war_and_what_matters(tmp_path) -> None:
    out = tmp_path / "together.yaml"
    asked = [
        "optimise",
        "--cooperate",
        "USA,CAN",
        "--weights",
        "0.6,0.4",
        "--structure",
        "none",
        "--tries",
        "1",
    ]
    result = CliRunner().invoke(app, [*asked, "--starts", "0", "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    content = json.loads(result.output)
    again = compile(Scenario.from_yaml(out.read_bytes()), load_embedded_world()).solve()
    for country, gain in ((c, content["gains"][c]) for c in ("USA", "CAN")):
        at = again.world.countries.index(country)
        assert 100 * (again.real_income_change[at] - 1) == pytest.approx(gain, abs=1e-6)
    asked = ["optimise", "--nash", "USA,CHN", "--war", "--structure", "none", "--tries", "1", "--json"]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    path = json.loads(result.output)["path"]
    assert [step["country"] for step in path[:2]] == ["USA", "CHN"] and all(s["certified"] for s in path)
    result = CliRunner().invoke(app, ["matters", "USA", "--by", "sector", "--of", "USA", "--json"])
    assert result.exit_code == 0, result.output
    content = json.loads(result.output)
    assert content["unit"] == "million USD" and content["residual"] < 1e-9
    assert all(row["country"] == "USA" and row["sector"] != "services" for row in content["rows"])
    result = CliRunner().invoke(app, ["optimise", "USA", "--nash", "USA,CHN"])
    assert result.exit_code == 2
