"""Firm programmes: who is treated, what it does, what it costs, and what is refused (MODEL 4, issue 7)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.equilibrium import Parameters, solve
from firmtrade_core.home import HomeFirms
from firmtrade_core.margins import Deviations, FirmsError, FirmsMargins, Pareto
from firmtrade_core.scenarios import Scenario, ScenarioError, compile, describe, run
from firmtrade_core.scenarios.links import decode, encode
from firmtrade_core.world.world import World
from tests.firms import make_home

HOME = make_home()
STRUCTURE = {"family": "firms", "elasticity": 5.0}


def scenario(*cards: dict[str, Any], **structure: Any) -> Scenario:
    return Scenario.parse(
        {
            "cards": [{"kind": "programme", "policy": "quality_certification", **card} for card in cards],
            "structure": STRUCTURE | structure,
        }
    )


def test_a_programme_moves_eligible_firms_and_is_paid_for(world: World) -> None:
    card = {
        "take_up": 0.4,
        "unit_cost": 20_000,
        "eligible": {"regions": ["north"], "smallest": 5, "exporters": "non_exporters"},
    }
    compiled = compile(scenario(card), world, HOME)
    treatment = compiled.treatment
    assert treatment is not None
    table = HOME.firms
    eligible = (
        (table.region == "north")
        & (table.employment >= 5)
        & ~(table.exports > 0)
        & (table.quality_certificate == 0)
    )
    assert treatment.count[0] == pytest.approx(0.4 * table.weight[eligible].sum())
    home = world.country_index("ZAF")
    outlay = np.zeros(5)
    outlay[home] = treatment.count[0] * 0.02
    np.testing.assert_allclose(compiled.shock.outlay, outlay)
    assert set(table.index[eligible]) == set(treatment.firm[treatment.treated])
    np.testing.assert_allclose(
        np.bincount(treatment.firm, treatment.weight), table.weight.to_numpy(), rtol=1e-12
    )
    moved = treatment.capability - table.capability.to_numpy()[treatment.firm]
    np.testing.assert_allclose(moved, np.where(treatment.treated, 0.25, 0.0), atol=1e-12)
    result = solve(world, compiled.shock, compiled.parameters)
    assert result.certificate.holds and result.outlay[home] > 0
    assert result.exports_change[home] > 1


def test_full_take_up_shifts_everyone_alike(world: World) -> None:
    """All firms without binary attribute moved by d: home's terms rise by e^d, as a productivity of its sales."""
    effect = {"capability": 0.2, "grade": "observables"}
    card = {"policy": "export_promotion", "take_up": 1.0, "effect": effect}
    compiled = compile(scenario(card), world, HOME)
    result = solve(world, compiled.shock, compiled.parameters)
    margins = result.margins_in_force
    assert isinstance(margins, FirmsMargins)
    zero = np.zeros(world.revenue.shape)
    home = world.country_index("ZAF")
    assert margins.evaluate(zero).log_potential[home, home, 0] == pytest.approx(0.2, abs=1e-9)
    assert compiled.stamps == (
        "effect given selection on observables",
        "beyond published effects",
        "cost not entered",
    )


def test_take_up_by_propensity_reaches_the_same_number(world: World) -> None:
    by_share = compile(scenario({"take_up": 0.35}), world, HOME).treatment
    by_score = compile(scenario({"take_up": 0.35, "by": "propensity"}), world, HOME).treatment
    assert by_share is not None and by_score is not None
    assert by_score.count[0] == pytest.approx(by_share.count[0], rel=1e-9)
    part = by_score.weight[by_score.treated] / HOME.firms.weight.to_numpy()[by_score.firm[by_score.treated]]
    score = HOME.firms.propensity.to_numpy()[by_score.firm[by_score.treated]]
    assert np.corrcoef(part, score)[0, 1] > 0.95


def test_phase_in_and_interval(world: World) -> None:
    half = compile(scenario({"phase_in": 10, "horizon": 5, "unit_cost": 1e4}), world, HOME)
    full = compile(scenario({"unit_cost": 1e4}), world, HOME)
    assert half.treatment is not None and full.treatment is not None
    assert half.treatment.outlay == pytest.approx(full.treatment.outlay / 2)
    low = compile(scenario({"effect_deviations": -2}), world, HOME).treatment
    assert low is not None
    treated = low.treated
    moved = (low.capability - HOME.firms.capability.to_numpy()[low.firm])[treated]
    np.testing.assert_allclose(moved, 0.25 - 2 * 0.08, atol=1e-12)


def test_programmes_stack(world: World) -> None:
    both = compile(scenario({"take_up": 0.5}, {"policy": "skills", "take_up": 0.5}), world, HOME)
    assert both.treatment is not None and both.shock.firms is not None
    moved = both.treatment.capability - HOME.firms.capability.to_numpy()[both.treatment.firm]
    assert {round(float(v), 6) for v in np.unique(moved.round(6))} == {0.0, 0.25, 0.4, 0.65}
    assert both.treatment.grades == ("association", "instrument")


def test_association_is_allowed_and_stamped(world: World) -> None:
    compiled = compile(scenario({"policy": "skills"}), world, HOME)
    assert compiled.stamps == (
        "association, not a proven effect",
        "beyond published effects",
        "cost not entered",
    )
    assert any("association" in note for note in compiled.report)


def test_export_contingent_support_draws_a_note(world: World) -> None:
    for card in ({"eligible": {"exporters": "exporters"}}, {"contingent_on_exports": True}):
        assert any("Article 3.1(a)" in note for note in compile(scenario(card), world, HOME).report)
    assert not any("Article" in note for note in compile(scenario({}), world, HOME).report)
    subsidy = Scenario.parse({"cards": [{"kind": "export_subsidy", "exporters": "ZAF", "value": 0.1}]})
    assert any("Article 3.1(a)" in note for note in compile(subsidy, world).report)


def test_without_firms_the_pareto_law_answers_and_says_so(world: World) -> None:
    card = {"country": "ZAF", "effect": {"capability": 0.2, "fixed_cost_saving": 0.1}, "take_up": 0.5}
    compiled = compile(scenario(card, elsewhere="pareto", within_elasticity=None), world)
    assert isinstance(compiled.parameters.family, Pareto)
    assert any("No home firms are loaded" in note for note in compiled.report)
    assert any("Pareto firms of a sector as a whole" in note for note in compiled.report)
    home, tail = world.country_index("ZAF"), 1.5
    result = solve(world, compiled.shock, compiled.parameters)
    assert result.real_income_change[home] > 1
    # Half of all firms moved by d raise S and n by B = 1/2 + e^(ζd)/2: so must the equivalent trade cost.
    lift = 0.5 + 0.5 * np.exp(tail * 0.2)
    assert compiled.shock.trade_cost is not None
    np.testing.assert_allclose(compiled.shock.trade_cost[home, :, 0] ** -5.0, lift)
    saving = 0.5 + 0.5 * np.exp((tail - 1) * 0.1)
    assert compiled.shock.fixed_cost is not None
    np.testing.assert_allclose(compiled.shock.fixed_cost[home, 0, 0] ** -(tail - 1), saving)


def test_under_another_law_the_same_firms_are_reached_and_paid_for(world: World) -> None:
    card = {"take_up": 0.4, "unit_cost": 20_000, "sectors": ["metals"]}
    own = compile(scenario(card), world, HOME)
    law = compile(scenario(card, family="pareto", within_elasticity=None), world, HOME)
    assert own.shock.outlay is not None and law.shock.outlay is not None and own.treatment is not None
    np.testing.assert_allclose(law.shock.outlay, own.shock.outlay)
    metals = HOME.firms[HOME.firms.sector == "metals"]
    reached = own.treatment.count[0] / metals.weight.sum()
    assert law.shock.trade_cost is not None
    home = world.country_index("ZAF")
    lift = 1 - reached + reached * np.exp(1.5 * 0.25)
    np.testing.assert_allclose(law.shock.trade_cost[home, :, 1] ** -5.0, lift)
    assert (law.shock.trade_cost[home, :, 0] == 1).all()


def test_lognormal_firms_all_moved_are_the_lognormal_moved(world: World) -> None:
    """Full take-up in a world of lognormal firms: own firms of the same law, moved one by one, give one world."""
    card = {"country": "ZAF", "take_up": 1.0, "effect": {"capability": 0.2, "fixed_cost_saving": 0.1}}
    shape = {"dispersion": 1.4, "elsewhere": "lognormal"}
    as_a_whole = run(scenario(card, family="lognormal", **shape), world)
    table = pd.DataFrame({"sector": ["agriculture", "metals", "services"], "capability": 0.0})
    alike = HomeFirms("ZAF", table, Deviations(1.4), public=True)
    own = run(scenario(card | {"sectors": ["all goods"]}, **shape), world, home=alike)
    np.testing.assert_allclose(own.real_income_change, as_a_whole.real_income_change, rtol=1e-8)
    np.testing.assert_allclose(own.flows, as_a_whole.flows, rtol=1e-7)


@pytest.mark.parametrize(
    ("card", "words"),
    [
        ({"take_up": 1.2}, "take-up is a share"),
        ({"take_up": -0.1}, "take-up is a share"),
        ({"unit_cost": -1.0}, "must be from 0 to a billion"),
        ({"policy": "flying"}, "not one of"),
        ({"intensity": 0}, "greater than 0"),
    ],
)
def test_cards_that_cannot_be(card: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        scenario(card)


@pytest.mark.parametrize(
    ("card", "words"),
    [
        ({"eligible": {"smallest": 1e6}}, "no firm is eligible"),
        ({"eligible": {"regions": ["moon"]}}, "no firm is eligible"),
        (
            {"policy": "research"},
            "nobody has estimated what research does.*rnd_intensity.*Effects are known of",
        ),
        ({"country": "USA"}, "firms loaded are of ZAF"),
        ({"sectors": ["shoes"]}, "no sector of this world"),
    ],
)
def test_programmes_that_do_not_fit_the_firms(card: dict[str, Any], words: str, world: World) -> None:
    with pytest.raises(ScenarioError, match=words):
        compile(scenario(card), world, HOME)


def test_a_country_outside_the_world_is_named(world: World) -> None:
    card = {"country": "USB", "effect": {"capability": 0.2}}
    with pytest.raises(ScenarioError, match="USB is not in this world"):
        compile(scenario(card), world)


def test_a_column_that_is_missing_is_named(world: World) -> None:
    bare = HomeFirms("ZAF", HOME.firms.drop(columns=["age"]), HOME.deviations, {}, HOME.effects)
    with pytest.raises(ScenarioError, match="asks for age"):
        compile(scenario({"eligible": {"oldest": 5}}), world, bare)
    with pytest.raises(FirmsError, match="no column capability"):
        HomeFirms("ZAF", HOME.firms.drop(columns=["capability"]), HOME.deviations)


def test_attributes_keep_their_bounds(world: World) -> None:
    """Ten units of a share that ends at 1: nobody gets more than there is room for."""
    from dataclasses import replace

    table = HOME.firms.assign(on_time_delivery=np.where(HOME.firms.index % 2, 0.95, 0.6))
    table.loc[:9, "on_time_delivery"] = np.nan
    effects = {"on_time_delivery": replace(HOME.effects["skill_share"], capability=0.2, step=0.1)}
    home = HomeFirms("ZAF", table, HOME.deviations, HOME.presence, effects, HOME.source, public=True)
    card = {"policy": "delivery_reliability", "take_up": 1.0, "intensity": 10}
    compiled = compile(scenario(card), world, home)
    treatment = compiled.treatment
    assert treatment is not None
    units = (treatment.capability - table.capability.to_numpy()[treatment.firm])[treatment.treated] / 0.2
    has = table.on_time_delivery.fillna(table.on_time_delivery.median()).to_numpy()
    np.testing.assert_allclose(units, ((1 - has) / 0.1)[treatment.firm[treatment.treated]], atol=1e-9)
    assert any("ends before 10 units" in line for line in compiled.report)
    whole = compile(scenario(card | {"intensity": 1e3}), world, home).treatment
    assert whole is not None and np.array_equal(whole.capability, treatment.capability)
    given = compile(scenario({"intensity": 10, "take_up": 1.0}), world, HOME).treatment
    assert given is not None and given.units == (1.0,)  # a certificate is had once


def test_those_who_would_have_done_it_anyway_are_paid_and_do_not_move(world: World) -> None:
    card = {"take_up": 0.5, "unit_cost": 1e4}
    plain = compile(scenario(card), world, HOME).treatment
    idle = compile(scenario(card | {"deadweight": 0.4}), world, HOME).treatment
    assert plain is not None and idle is not None
    assert idle.count == pytest.approx(plain.count) and idle.outlay == pytest.approx(plain.outlay)
    assert idle.weight[idle.treated].sum() == pytest.approx(0.6 * plain.weight[plain.treated].sum())
    law = compile(scenario(card | {"deadweight": 0.4}, family="pareto"), world, HOME)
    assert law.shock.outlay is not None and law.shock.outlay.sum() == pytest.approx(plain.outlay)


def test_a_cost_not_entered_is_said(world: World) -> None:
    compiled = compile(scenario({}), world, HOME)
    assert compiled.treatment is not None and compiled.treatment.outlay == 0
    assert any("No cost of quality certification is entered" in line for line in compiled.report)
    assert "at a cost not entered" in describe(scenario({}), world)
    free = compile(scenario({"unit_cost": 0}), world, HOME)
    assert not any("No cost" in line for line in free.report)


def test_programmes_travel_in_yaml_and_links(world: World) -> None:
    given = scenario({"eligible": {"regions": ["north"], "oldest": 10}, "take_up": "40 %", "unit_cost": 500})
    assert Scenario.from_yaml(given.to_yaml()) == given
    assert decode(encode(given)) == given
    assert "quality certification reaches 40\u202f% of eligible firms" in describe(given, world)


def test_home_firms_keep_in_a_file(tmp_path: Path, world: World) -> None:
    path = tmp_path / "home.parquet"
    HOME.save(path)
    again = HomeFirms.load(path)
    assert again.content_hash == HOME.content_hash and again.effects == HOME.effects
    path.write_bytes(b"nothing")
    with pytest.raises(FirmsError, match="no file of home firms"):
        HomeFirms.load(path)


def test_firms_by_isic_find_their_sector() -> None:
    from tests.scenarios.conftest import synthetic_world

    world = synthetic_world(sectors=("agriculture", "metals", "services"))
    home = make_home(sectors=("C24", "A01"))
    found, notes = home.family(world)
    assert set(found.sectors) == {"agriculture", "metals"} and not notes
    odd = make_home(sectors=("C24", "moonshine"))
    found, notes = odd.family(world)
    assert set(found.sectors) == {"metals"} and "moonshine" in notes[0]
    with pytest.raises(ScenarioError, match="None of the firms' sectors"):
        compile(scenario({}), world, make_home(sectors=("moonshine", "sunbeams")))


def test_firms_of_a_world_without_programmes_change_nothing(world: World) -> None:
    empty = Scenario.parse({"structure": STRUCTURE})
    np.testing.assert_allclose(run(empty, world, home=HOME).real_income_change, 1, atol=1e-9)
    assert isinstance(compile(empty, world, HOME).parameters, Parameters)
