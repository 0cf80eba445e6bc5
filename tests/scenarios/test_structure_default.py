"""What a scenario assumes where it does not say, what older scenarios meant, and policies read alone."""

from dataclasses import replace

import numpy as np
import pytest

from firmtrade_core.analysis.comparison import Comparison
from firmtrade_core.equilibrium import Shock, solve
from firmtrade_core.equilibrium.states import ComparisonError, origin
from firmtrade_core.figures.outcomes import headlines
from firmtrade_core.margins import Firms, Lognormal
from firmtrade_core.scenarios import (
    ProductionSubsidy,
    Programme,
    Scenario,
    Structure,
    Tariff,
    compile,
    describe,
    resolved,
    run,
)
from firmtrade_core.scenarios.assumptions import FIXED_DEFICITS, assumed
from firmtrade_core.scenarios.links import (
    VERSION,
    _base64,
    _canonical,
    _deflated,
    _header,
    decode,
    encode,
    older_link,
)
from firmtrade_core.scenarios.results import country_table
from firmtrade_core.scenarios.schema import older_default
from firmtrade_core.world.embedded import load_embedded_world
from firmtrade_core.world.world import World
from tests.firms import make_home
from tests.worlds import make_world

CARD = {"kind": "tariff", "importers": ["USA"], "value": 0.1}

TARIFF = Tariff(importers="USA", value=0.1)


# Defaults -------------------------------------------------------------------------------------


def test_firms_differ_and_deficits_move_with_income_unless_a_scenario_says_otherwise(world: World) -> None:
    compiled = compile(Scenario(cards=[TARIFF]), world)
    assert compiled.parameters.family == Lognormal(2.4)
    assert compiled.parameters.deficits == "proportional"
    assert compiled.scenario.structure.family == "lognormal"


def test_the_homes_own_firms_where_they_are_data_or_treated(world: World) -> None:
    data = make_home()
    invented = replace(data, source="synthetic, for tests")
    plain = Scenario(cards=[TARIFF])
    treating = plain.with_(cards=(TARIFF, Programme(policy="quality_certification", country="ZAF")))
    off = plain.with_(cards=(TARIFF, Programme(policy="quality_certification", country="ZAF", enabled=False)))
    assert resolved(plain, data).structure.family == "firms"
    assert resolved(plain, invented).structure.family == "lognormal"
    assert resolved(treating, invented).structure.family == "firms"
    assert resolved(treating, None).structure.family == "lognormal"
    # A programme switched off is still compared with: its firms stay, and so does the hash that caches go by.
    assert resolved(off, invented).structure.family == "firms"
    assert off.content_hash != plain.content_hash
    assert isinstance(compile(plain, world, data).parameters.family, Firms)
    named = plain.with_(structure=Structure(family="lognormal"))
    assert resolved(named, data) is named


@pytest.mark.parametrize("structure", [{"family": "pareto"}, {"elasticity": 6.0}, {"deficits": "removed"}])
def test_a_structure_named_by_version_1_keeps_its_meaning(structure: dict) -> None:
    meant = {"family": "armington", "elsewhere": "pareto", "deficits": "fixed", "elasticity": 4.0}
    meant |= {"within_elasticity": None}
    old = {"version": 1, "cards": [CARD], "structure": structure}
    for read in (Scenario.parse(old), decode(_link_of(old)), Scenario.from_yaml(_yaml_of(old))):
        found = read.structure.model_dump()
        assert {name: found[name] for name in meant} == meant | structure
        assert Scenario.from_yaml(read.to_yaml()) == read == decode(encode(read))


def test_version_1_without_a_structure_is_the_default_now() -> None:
    old = {"version": 1, "cards": [CARD]}
    for read in (Scenario.parse(old), decode(_link_of(old)), Scenario.parse(old | {"structure": {}})):
        assert read.structure == Structure()
        assert read.version == 2


def _link_of(content: dict) -> str:
    body = _deflated(_canonical(content))
    return f"{VERSION}.{_base64(_header(body) + body)}"


def _yaml_of(content: dict) -> str:
    from firmtrade_core.scenarios.yaml_text import write

    return write(content)


# Words ----------------------------------------------------------------------------------------


def test_what_was_assumed_is_read_from_the_result(world: World) -> None:
    scenario = Scenario(cards=[TARIFF])
    line = assumed(scenario, run(scenario, world))
    assert line == (
        "lognormal firms (spread 2.4) · trade elasticity 4 · markups of Lashkaripour and Lugovskyy 2023 · "
        "deficits in step with income"
    )
    removed = scenario.with_(structure=Structure(family="krugman", deficits="removed", elasticity=5.0))
    line = assumed(removed, run(removed, world))
    assert line == (
        "firms all alike (Krugman) · trade elasticity 5 · markups of Lashkaripour and Lugovskyy 2023 · "
        "trade balanced before and after"
    )
    home = scenario.with_(structure=Structure(family="firms"))
    line = assumed(home, run(home, world, home=make_home()))
    assert line.startswith("own firms of South Africa, elsewhere lognormal firms (spread 2.4)")


def test_fixed_deficits_are_warned_of(world: World) -> None:
    fixed = Scenario(cards=[TARIFF], structure=Structure(deficits="fixed"))
    assert FIXED_DEFICITS in compile(fixed, world).report
    assert FIXED_DEFICITS not in compile(Scenario(cards=[TARIFF]), world).report


def test_fixed_deficits_move_surplus_countries_most() -> None:
    """Ten points of the United States, on the world that is shipped: Angola lends 47 % of its income."""
    world = load_embedded_world()
    angola = world.country_index("AGO")
    assert world.deficits[angola] < -0.4 * world.income[angola]
    lost = {
        deficits: 100
        * float(
            run(Scenario(cards=[TARIFF], structure=Structure(deficits=deficits)), world).real_income_change[
                angola
            ]
            - 1
        )
        for deficits in ("fixed", "proportional", "removed")
    }
    assert lost["fixed"] == pytest.approx(-1.11, abs=0.01)
    assert lost["proportional"] == pytest.approx(-0.31, abs=0.01) and lost["removed"] == pytest.approx(
        -0.29, abs=0.01
    )


# Policies alone -------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["armington", "krugman", "pareto", "lognormal", "firms"])
@pytest.mark.parametrize("inputs", [True, False])
def test_without_deficits_a_policy_is_read_against_no_policy_in_the_balanced_world(
    family: str, inputs: bool
) -> None:
    world = make_world(4, 2, seed=3, inputs=inputs)
    world = world.with_(countries=("USA", "CHN", "ZAF", "DEU"), sectors=("agriculture", "metals"))
    scenario = Scenario(
        cards=[TARIFF], structure=Structure(family=family, deficits="removed", elasticity=5.0)
    )
    home = make_home() if family == "firms" else None
    fixed = scenario.with_(structure=Structure(family=family, deficits="fixed", elasticity=5.0))
    there = compile(fixed, world, home)
    parameters = there.parameters.with_(deficits="removed")
    both, balancing = (
        solve(world, shock, parameters) for shock in (there.shock, Shock(firms=there.shock.firms))
    )
    assert np.abs(balancing.real_income_change - 1).max() > 1e-3

    alone = run(scenario, world, home=home)
    np.testing.assert_allclose(
        alone.real_income_change, both.real_income_change / balancing.real_income_change, rtol=1e-8
    )
    np.testing.assert_allclose(alone.flows, both.flows, rtol=1e-7, atol=1e-9)
    nothing = run(scenario.with_(cards=()), world, home=home)
    np.testing.assert_allclose(nothing.real_income_change, 1.0, atol=1e-9)
    assert origin(alone) is world
    # The same again, from another object that holds the same: one hash, for caches and code.
    assert run(scenario, world.with_(), home=home).content_hash == alone.content_hash


def test_closures_are_compared_by_what_policies_do_under_each(world: World) -> None:
    scenario = Scenario(cards=[TARIFF])
    removed = scenario.with_(structure=Structure(deficits="removed"))
    first, second = run(scenario, world), run(removed, world)
    read = Comparison(second, first)
    between = read.country("real_income").change
    expected = 100 * (second.real_income_change / first.real_income_change - 1)
    np.testing.assert_allclose(between, expected, rtol=1e-12)
    for key in ("exports", "imports"):
        one, other = read.sides(key)
        np.testing.assert_allclose(one.change, Comparison(first).country(key).change, rtol=1e-9)
        # Each pair's change under balanced trade, weighted as trade is today.
        assert np.abs(other.change - Comparison(second).country(key).change).max() < 1.0
    duties = read.country("duties")
    assert duties.new is not None and np.isfinite(duties.new).all()
    with pytest.raises(ComparisonError, match="different worlds"):
        Comparison(
            run(removed, make_world(5, 3, seed=9).with_(countries=world.countries, sectors=world.sectors)),
            first,
        )


# Further choices ------------------------------------------------------------------------------


def test_further_choices_reach_the_engine_and_travel(world: World) -> None:
    structure = Structure(
        duties="labour_tax",
        fixed_cost_abroad=0.5,
        labour_supply_elasticity=0.4,
        elasticity_kind="tariff",
        within_elasticity=6.0,
    )
    scenario = Scenario(
        cards=[ProductionSubsidy(countries="USA", sectors=["metals"], value=0.05)], structure=structure
    )
    assert decode(encode(scenario)) == scenario == Scenario.from_yaml(scenario.to_yaml())
    compiled = compile(scenario, world)
    parameters = compiled.parameters
    assert (parameters.duties, parameters.fixed_cost_abroad) == ("labour_tax", 0.5)
    assert (parameters.elasticity_kind, parameters.within_elasticity) == ("tariff", 6.0)
    assert compiled.shock.production_subsidy is not None
    assert compiled.shock.production_subsidy[0].tolist() == [0, 0.05, 0]
    assert describe(scenario, world) == (
        "The United States subsidises its producers of metals by 5\u202f% of their sales."
    )
    line = assumed(scenario, compiled.solve())
    for words in ("4 to tariffs", "markup 20 %", "labour supply 0.4", "tax on labour", "50 % of fixed costs"):
        assert words in line


@pytest.mark.parametrize("closure", ["removed", "proportional"])
def test_closures_of_the_budget_go_with_every_closure_of_deficits(closure: str) -> None:
    world = make_world(4, 2, seed=3).with_(countries=("USA", "CHN", "ZAF", "DEU"))
    structure = Structure(
        deficits=closure,
        duties="labour_tax",
        labour_supply_elasticity=0.4,
        fixed_cost_abroad=0.3,
        elasticity=6.0,
    )
    scenario = Scenario(cards=[Tariff(importers="USA", sectors=["all"], value=0.1)], structure=structure)
    nothing = run(scenario.with_(cards=()), world)
    np.testing.assert_allclose(nothing.real_income_change, 1.0, atol=1e-8)
    result = run(scenario, world)
    assert result.certificate.holds and np.abs(result.real_income_change - 1).max() > 1e-4
    table = country_table(result)
    np.testing.assert_allclose(table.welfare * result.world.income, table.equivalent_variation)
    told = headlines(result, "USA", "United States")[0].detail
    assert told.startswith("welfare ") and "%" in told and "USD a year" in told


def test_markups_no_set_knows_follow_from_the_trade_elasticity() -> None:
    compiled = compile(Scenario(), make_world(3, 2))
    assert compiled.parameters.within_elasticity is None
    assert any("markups follow from the trade elasticity" in note for note in compiled.report)


def test_readers_of_an_older_scenario_are_told_what_changed() -> None:
    old = {"version": 1, "cards": [CARD]}
    assert "firms that differ" in older_default(old) and "firms that differ" in older_link(_link_of(old))
    named = old | {"structure": {"family": "pareto"}}
    assert older_default(named) == older_link(_link_of(named)) == ""
    assert older_link(encode(Scenario.parse(old))) == ""
