"""Best responses and Nash against closed forms, finite differences and Lerner's symmetry."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from firmtrade_core.analysis.optimal import (
    OptimumError,
    best_response,
    break_even,
    nash,
    tipping_retaliation,
)
from firmtrade_core.cli.main import app
from firmtrade_core.equilibrium import Iteration, Parameters, Shock, solve
from firmtrade_core.margins import Armington, EatonKortum, Krugman, Pareto
from firmtrade_core.scenarios import Scenario, compile
from firmtrade_core.world.embedded import load_embedded_world
from firmtrade_core.world.world import World
from tests.worlds import make_world

CLOSE = Iteration(tolerance=1e-12)


def two(home: float, openness: float = 0.3) -> World:
    """Two countries, one sector, balanced trade: the home country's size against one abroad."""
    trade = openness * home / (1 + home)
    expenditure = np.array([[home - trade, trade], [trade, 1 - trade]])[:, :, None]
    none = np.zeros((2, 2, 1))
    return World(("A", "B"), ("S",), 1e6 * expenditure, none, none, None, name="two")


@pytest.mark.parametrize("family", [Armington(), Krugman(), EatonKortum()], ids=lambda f: f.name)
@pytest.mark.parametrize("elasticity", [2.0, 5.0])
def test_a_small_country_sets_the_inverse_of_the_elasticity(family, elasticity) -> None:
    """Gros 1987: with σ - 1 = ε and one sector, 1/(σ-1) as the country's share of the world goes to none.

    With Eaton-Kortum firms 1/θ (Alvarez, Lucas 2007: tariffs come back lump-sum).
    """
    parameters = Parameters(elasticity, family, deficits="removed")
    found = best_response(two(1e-4), parameters, "A", tries=2, starts=0)
    assert found.rates[0] == pytest.approx(1 / elasticity, rel=1e-3)
    assert found.holds


@pytest.mark.parametrize("family", [Armington(), Krugman()], ids=lambda f: f.name)
def test_a_large_country_sets_more_by_the_share_abroad_that_stays_home(family) -> None:
    """Gros 1987: 1/((σ-1) λ), λ the share of its spending that the other country keeps at home, at the answer."""
    found = best_response(two(1.5, 0.5), Parameters(3.0, family, deficits="removed"), "A", tries=2)
    bought = found.equilibrium.to_world().expenditure[:, 1, 0]
    assert found.rates[0] == pytest.approx(1 / (3 * bought[1] / bought.sum()), rel=1e-5)
    low, high = found.flat
    assert low < found.rates[0] < high


def test_equal_countries_rest_at_equal_tariffs() -> None:
    """Nash of equals: t = (1 - a(1-λ))/((σ-1) λ), a = t/(1+t), for duties are spent, also on imports."""
    found = nash(two(1.0, 0.6), Parameters(3.0, deficits="removed"), ["A", "B"])
    t = [found.responses[c].rates[0] for c in "AB"]
    bought = found.equilibrium.to_world().expenditure[:, 1, 0]
    kept = bought[1] / bought.sum()
    assert t[0] == pytest.approx(t[1], abs=2e-4)
    assert t[0] == pytest.approx((1 - t[0] / (1 + t[0]) * (1 - kept)) / (3 * kept), rel=1e-3)
    assert found.holds
    assert found.gains["A"] < 0 and found.gains["B"] < 0


@pytest.mark.parametrize("family", [Armington(), Krugman()], ids=lambda f: f.name)
def test_taxing_all_exports_is_taxing_all_imports(family) -> None:
    """Lerner 1936: without deficits and other tariffs, the same rates and the same real outcomes."""
    world = make_world(3, 2, seed=4, tariffs=False, subsidies=False, zeros=False)
    balanced = solve(world, Shock(), Parameters(4.0, family, deficits="removed"), iteration=CLOSE).to_world()
    parameters = Parameters(4.0, family, deficits="removed")
    one, other = (
        best_response(balanced, parameters, "C00", lever=lever, sectors=["all"], tries=1, starts=0)
        for lever in ("tariff", "export_tax")
    )
    assert one.rates[0] == pytest.approx(other.rates[0], abs=1e-5)
    assert one.gain == pytest.approx(other.gain, abs=1e-8)
    tax = best_response(balanced, parameters, "C00", lever="export_tax", sectors=["all"], tries=0, starts=0)
    np.testing.assert_allclose(
        one.equilibrium.real_income_change, tax.equilibrium.real_income_change, atol=1e-6
    )


@pytest.mark.parametrize("instrument", ["sector", "partner_sector"])
def test_nothing_is_gained_by_moving_any_rate(instrument) -> None:
    """Central differences of whole solutions at the answer, rate by rate, other countries' tariffs in force."""
    world = make_world(4, 2, seed=2)
    parameters = Parameters(4.0, Pareto(1.5), deficits="removed")
    found = best_response(world, parameters, "C01", instrument=instrument, tries=3)
    assert found.holds and found.gain > 0
    base = found.equilibrium.shock
    inner = [k for k in range(len(found.rates)) if k not in found.at_bounds]
    assert inner
    for k in inner:
        ends = []
        for step in (-1e-3, 1e-3):
            shock = replace(base, tariff=base.tariff + step * (found.cells == k))
            there = solve(world, shock, parameters, start=found.equilibrium, iteration=CLOSE)
            ends.append(np.log(there.real_income_change[1]))
        assert abs(ends[1] - ends[0]) / 2e-3 < 1e-5
        assert max(ends) < np.log(found.equilibrium.real_income_change[1])


def test_gains_end_where_the_sign_turns() -> None:
    parameters = Parameters(3.0, deficits="removed")
    found = best_response(two(1.5, 0.5), parameters, "A", tries=0, starts=0)
    rate = break_even(found)
    assert rate is not None and rate > found.rates[0]
    tariff = np.zeros((2, 2, 1))
    tariff[1, 0] = rate
    there = solve(found.equilibrium.world, Shock(tariff=tariff), parameters)
    assert there.real_income_change[0] == pytest.approx(1, abs=1e-6)
    answer = tipping_retaliation(found)
    assert answer is not None
    tariff[1, 0], tariff[0, 1] = found.rates[0], answer
    there = solve(found.equilibrium.world, Shock(tariff=tariff), parameters)
    assert there.real_income_change[0] == pytest.approx(1, abs=1e-6)


def test_duties_are_largest_beyond_the_best_tariff() -> None:
    parameters = Parameters(3.0, deficits="removed")
    income, duties = (
        best_response(two(1.0), parameters, "A", objective=o, tries=2) for o in ("real_income", "duties")
    )
    assert duties.rates[0] > income.rates[0]
    assert duties.holds


def test_proportional_deficits_can_drive_a_rate_to_its_bound_and_it_says_so() -> None:
    """A deficit of 9 % of income: a larger income then borrows more, and tariffs raise it."""
    world, parameters = make_world(4, 2, seed=2), Parameters(4.0, Pareto(1.5), deficits="proportional")
    found = best_response(world, parameters, "C01", instrument="sector", tries=2, starts=0)
    assert world.deficits[1] / world.income[1] > 0.08
    assert found.at_bounds == (0, 1)
    small = best_response(world, parameters, "C00", instrument="sector", tries=2, starts=0)
    assert small.holds and not small.at_bounds


def test_what_cannot_be_answered_is_refused() -> None:
    world = make_world(3, 2)
    with pytest.raises(OptimumError, match="no best tariff under fixed trade deficits"):
        best_response(world, Parameters(4.0, deficits="fixed"), "C00")
    with pytest.raises(OptimumError, match="no country"):
        best_response(world, Parameters(4.0, deficits="removed"), "XXX")
    with pytest.raises(OptimumError, match="no partners"):
        best_response(
            world,
            Parameters(4.0, deficits="removed"),
            "C00",
            lever="production_subsidy",
            instrument="partner_sector",
        )
    with pytest.raises(OptimumError, match="at least two"):
        nash(world, Parameters(4.0, deficits="removed"), ["C00"])


def test_the_verb_writes_the_answer_as_a_scenario(tmp_path) -> None:
    out = tmp_path / "best.yaml"
    asked = [
        "optimise",
        "NZL",
        "--instrument",
        "sector",
        "--structure",
        "none",
        "--tries",
        "1",
        "--starts",
        "0",
    ]
    result = CliRunner().invoke(app, [*asked, "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    answer = json.loads(result.output)["answers"][0]
    assert answer["certificate"]["holds"] and answer["gain"] > 0
    again = compile(Scenario.from_yaml(out.read_bytes()), load_embedded_world()).solve()
    at = again.world.countries.index("NZL")
    assert 100 * (again.real_income_change[at] - 1) == pytest.approx(answer["gain"], abs=1e-6)


def test_the_verb_refuses_fixed_deficits() -> None:
    result = CliRunner().invoke(app, ["optimise", "USA", "--deficits", "fixed"])
    assert result.exit_code == 2
    assert "fixed trade deficits" in result.output


def test_the_verb_tells_where_a_uniform_gain_ends(tmp_path) -> None:
    given = tmp_path / "scenario.yaml"
    given.write_text("name: Mine\ncards: [{kind: tariff, importers: CHN, value: 5 %}]\n", encoding="utf-8")
    asked = [
        "optimise",
        "USA",
        "--structure",
        "none",
        "--tries",
        "1",
        "--starts",
        "0",
        "--against",
        str(given),
    ]
    result = CliRunner().invoke(app, [*asked, "--json"])
    assert result.exit_code == 0, result.output
    content = json.loads(result.output)
    assert content["break_even"] > content["answers"][0]["rates"][0]["rate"]
    assert content["tipping_retaliation"] > 0
