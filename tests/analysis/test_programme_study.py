"""How sure a programme's results are, what else the money would buy, and what is refused."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.analysis.programme_study import Alternative, ProgrammeStudy
from firmtrade_core.analysis.programmes import evaluate_programme, public_cost
from firmtrade_core.equilibrium.states import ComparisonError
from firmtrade_core.figures.programmes import (
    destination_bars,
    extra_exports_bars,
    finding,
    moved_jobs_bars,
    new_exporters,
    new_exporters_map,
)
from firmtrade_core.home import HomeFirms
from firmtrade_core.report.export import to_csv, to_excel
from firmtrade_core.report.programme_tables import about_programme, programme_tables
from firmtrade_core.scenarios import Programme, Scenario
from firmtrade_core.world.world import World
from tests.firms import make_home
from tests.scenarios.conftest import synthetic_world

HOME = make_home()
CARD = {"kind": "programme", "policy": "quality_certification", "take_up": 0.4, "unit_cost": 1_000.0}


def parsed(*cards: dict, **structure: object) -> Scenario:
    return Scenario.parse(
        {"cards": list(cards), "structure": {"family": "firms", "elasticity": 5.0} | structure}
    )


def begun(world: World, *cards: dict, home: HomeFirms = HOME) -> ProgrammeStudy:
    scenario = parsed(*cards)
    return ProgrammeStudy(
        scenario, world, home, len(cards) - 1, evaluate_programme(scenario, world, home, len(cards) - 1)
    )


@pytest.fixture(scope="module")
def world() -> World:
    return synthetic_world()


@pytest.fixture(scope="module")
def study(world: World) -> ProgrammeStudy:
    return begun(world, {"kind": "tariff", "importers": "USA", "value": 0.10}, CARD)


def test_work_comes_in_steps_and_ends(study: ProgrammeStudy) -> None:
    seen = [study.done]
    while not study.advance():
        seen.append(study.done)
    assert seen == sorted(seen) and len(seen) > 6 and study.finished and study.advance()


def test_bands_are_solves_at_the_ends_of_each_effect(study: ProgrammeStudy, world: World) -> None:
    study.finish()
    result, reach = study.result, 1.6448536
    known = HOME.effects["quality_certificate"]

    def exports(capability: float, fixed_cost: float) -> float:
        effect = {
            "capability": known.capability + capability * reach * known.capability_error,
            "fixed_cost_saving": known.fixed_cost_saving + fixed_cost * reach * known.fixed_cost_error,
        }
        cards = [*study.scenario.to_dict()["cards"][:-1], CARD | {"effect": effect}]
        return evaluate_programme(parsed(*cards), world, HOME, 1).exports

    below = np.hypot(result.exports - exports(-1, 0), result.exports - exports(0, -1))
    above = np.hypot(exports(1, 0) - result.exports, exports(0, 1) - result.exports)
    assert study.bands["exports"] == pytest.approx((result.exports - below, result.exports + above), rel=1e-6)
    low, high = study.bands["cost_per_export_dollar"]
    assert low < result.cost_per_export_dollar < high
    assert study.bands["benefit_cost"][0] < result.benefit_cost < study.bands["benefit_cost"][1]


def test_errors_that_offset_each_other_make_a_narrower_band(world: World) -> None:
    from dataclasses import replace

    offset = {"quality_certificate": replace(HOME.effects["quality_certificate"], correlation=-0.8)}
    other = HomeFirms(HOME.country, HOME.firms, HOME.deviations, HOME.presence, offset, HOME.source)
    wide, narrow = (np.diff(begun(world, CARD, home=h).finish().bands["exports"])[0] for h in (HOME, other))
    assert narrow < 0.9 * wide


def test_tariff_cuts_of_equal_cost(study: ProgrammeStudy, world: World) -> None:
    study.finish()
    cost, h = study.result.public_cost, study.result.home
    own, abroad = study.own_cut, study.concession
    assert isinstance(own, Alternative) and isinstance(abroad, Alternative)
    base = public_cost(study.result.without)[h]
    assert public_cost(own.equilibrium)[h] - base == pytest.approx(cost, rel=2e-3)
    lost = study.result.without.duties - abroad.equilibrium.duties
    assert np.delete(lost, h).sum() == pytest.approx(cost, rel=2e-3)
    assert abroad.exports > 0 and abroad.gain > 0 and 0 < own.share < 1 and 0 < abroad.share < 1
    assert own.equilibrium.certificate.holds and abroad.equilibrium.certificate.holds


def test_what_has_no_equal_is_said(world: World) -> None:
    free = begun(world, CARD | {"unit_cost": 0.0, "effect": {"capability": 0.0}}).finish()
    assert isinstance(free.own_cut, str) and "costs the budget nothing" in free.own_cut
    unknown = begun(world, {k: v for k, v in CARD.items() if k != "unit_cost"}).finish()
    assert isinstance(unknown.own_cut, str) and "No cost of the programme is entered" in unknown.own_cut
    assert np.isnan(unknown.result.benefit_cost) and np.isnan(unknown.result.cost_per_new_exporter)
    assert "benefit_cost" not in unknown.bands
    low, high = unknown.bands["break_even"]
    assert low < unknown.result.account.break_even < high
    assert free.bands == {} and not free.has_interval
    dear = begun(world, CARD | {"outlay": 300.0}).finish()
    assert isinstance(dear.own_cut, str) and "nothing of equal cost" in dear.own_cut
    assert dear.result.benefit_cost < 1


def test_tables_carry_bands_evidence_and_provenance(study: ProgrammeStudy) -> None:
    study.finish()
    tables = programme_tables(study)
    assert [t.key for t in tables] == ["summary", "destinations", "products", "jobs", "comparison"]
    summary = pd.read_csv(
        io.BytesIO(to_csv(tables[0], about_programme(study))), comment="#", encoding="utf-8-sig"
    )
    exports = summary[summary["Measure"] == "Extra exports"].iloc[0]
    assert exports["Low (90%)"] < exports["Value"] < exports["High (90%)"]
    assert set(summary["Evidence"]) == {"effect identified by an instrument"}
    said = dict(about_programme(study))
    assert "invented for tests" in said["Firms"] and "standard errors" in said["Band"]
    assert study.result.with_it.content_hash == said["Result's content hash"]
    assert len(to_excel(tables, about_programme(study))) > 5000


def test_figures_state_the_finding(study: ProgrammeStudy) -> None:
    result = study.result
    outcome = new_exporters(result)
    assert np.isnan(outcome.change[result.home])
    assert np.nansum(outcome.change) == pytest.approx(result.new_pairs)
    for chart in (
        new_exporters_map(result, scale=10.0, subtitle="s", source="f"),
        extra_exports_bars(result, subtitle="s", source="f"),
        destination_bars(result, subtitle="s", source="f"),
        moved_jobs_bars(result, subtitle="s", source="f"),
    ):
        assert len(chart.title) > 15 and chart.data
    assert "reaches" in finding(result) and "South Africa" in finding(result)


def test_without_firms_nobody_is_counted(world: World) -> None:
    card = CARD | {"country": "ZAF", "effect": {"capability": 0.1}}
    with pytest.raises(ComparisonError, match="nobody to count"):
        evaluate_programme(parsed(card), world, None, 0)


def test_a_programme_that_is_switched_off_is_judged_as_if_on(world: World) -> None:
    on, off = (evaluate_programme(parsed(CARD | {"enabled": e}), world, HOME, 0) for e in (True, False))
    assert off.exports == pytest.approx(on.exports) and isinstance(off.card, Programme)
