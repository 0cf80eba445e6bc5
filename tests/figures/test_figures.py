"""Charts hold what the results say, in the words and units of the screen."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from firmtrade_core.equilibrium import Equilibrium, Parameters, Shock, solve
from firmtrade_core.figures import (
    beyond,
    headlines,
    outcome,
    sector_outcomes,
    stable_scale,
    winners_and_losers,
    world_map,
)
from firmtrade_core.figures.scale import tick_words
from firmtrade_core.figures.world_map import BORDER_NOTE, UNDECIDED, drawn_areas, finding, partner_flows
from firmtrade_core.labels import VARIABLES
from firmtrade_core.margins import Pareto
from firmtrade_core.world.embedded import load_embedded_world

WORDS = {"title": "title", "subtitle": "subtitle", "source": "source."}


@pytest.fixture(scope="module")
def equilibrium() -> Equilibrium:
    """Ten points by the United States on all goods, Pareto firms."""
    world = load_embedded_world()
    tariff = world.tariff.copy()
    importer = world.country_index("USA")
    tariff[:, importer] += np.where(np.asarray(world.goods), 0.10, 0.0)
    tariff[importer, importer] = world.tariff[importer, importer]
    return solve(world, Shock(tariff=tariff), Parameters(family=Pareto()))


def test_outcomes_agree_with_the_equilibrium(equilibrium: Equilibrium) -> None:
    exports = outcome(equilibrium, "exports")
    assert exports.change == pytest.approx(100 * (equilibrium.exports_change - 1))
    assert exports.old is not None and exports.new is not None
    assert exports.new / exports.old == pytest.approx(equilibrium.exports_change)
    income = outcome(equilibrium, "real_income")
    assert income.change == pytest.approx(100 * (equilibrium.real_income_change - 1))
    duties = outcome(equilibrium, "duties")
    known = equilibrium.world.duties_known
    assert duties.new[known] == pytest.approx(equilibrium.duties[known] / 1000)
    assert np.isnan(duties.new[~known]).all() and (~known).sum() == 1


def test_every_variable_is_finite_for_every_country(equilibrium: Equilibrium) -> None:
    for key in VARIABLES:
        # Duties of the rest of the world: nobody knows its tariffs.
        told = equilibrium.world.duties_known if key == "duties" else np.ones(81, dtype=bool)
        assert (np.isfinite(outcome(equilibrium, key).change) == told).all(), key


def test_exporters_need_a_family_in_which_firms_select() -> None:
    world = load_embedded_world()
    found = outcome(solve(world, Shock(), Parameters()), "exporters")
    assert np.isnan(found.change).all() and "Pareto" in found.missing


def test_nothing_changes_without_a_shock() -> None:
    world = load_embedded_world()
    still = solve(world, Shock(), Parameters())
    assert finding(outcome(still, "real_income"), world) == "Real income: nothing changes"
    assert all(abs(item.value) < 1e-6 for item in headlines(still, "USA", "United States"))


def test_each_drawn_area_is_on_the_map_once(equilibrium: Equilibrium) -> None:
    world = equilibrium.world
    chart = world_map(outcome(equilibrium, "exports"), world, scale=5.0, chosen="USA", **WORDS)
    shown = [area for trace in chart.data[:3] for area in trace["locations"]]
    assert sorted(shown) == sorted(drawn_areas())
    grey, rest, own = (set(trace["locations"]) for trace in chart.data[:3])
    assert grey == UNDECIDED & set(drawn_areas())
    assert {"SGP", "HKG", "MLT", "USA"} <= own and {"KEN", "BHR"} <= rest
    row = float(outcome(equilibrium, "exports").change[world.country_index("ROW")])
    assert set(chart.data[1]["z"]) == {round(row, 6)}
    assert "part of the rest of the world" in chart.data[1]["hovertemplate"]
    assert chart.layout["coloraxis"]["cmin"] == -5.0 and chart.layout["coloraxis"]["cmax"] == 5.0
    assert chart.layout["geo"]["fitbounds"] is False and BORDER_NOTE in chart.source
    json.dumps(chart.to_dict(), allow_nan=False)


def test_arcs_keep_the_traces_of_a_map_without_them(equilibrium: Equilibrium) -> None:
    found, world = outcome(equilibrium, "exports"), equilibrium.world
    plain = world_map(found, world, scale=5.0, chosen="USA", **WORDS)
    arcs = world_map(found, world, scale=5.0, chosen="USA", flows=equilibrium, **WORDS)
    assert [t["type"] for t in plain.data] == [t["type"] for t in arcs.data]
    latitudes = [y for t in arcs.data if t.get("mode") == "lines" for y in t["lat"] if y is not None]
    assert latitudes and max(latitudes) < 84
    flows = partner_flows(equilibrium, "USA")
    assert set(flows.partners) >= {"CAN", "MEX", "CHN"} and (flows.percent[:3] < 0).all()


def test_winners_and_losers_are_the_extremes(equilibrium: Equilibrium) -> None:
    found, world = outcome(equilibrium, "real_income"), equilibrium.world
    chart = winners_and_losers(found, world, each=3, chosen="FRA", subtitle="", source="")
    bars = chart.data[0]["x"]
    assert len(bars) == 7 and bars == sorted(bars, reverse=True)
    # Almost everyone loses here, so the losers have the room that is left; France is added.
    counts = [int(count) for count in re.findall(r"(\d+) (?:up|down|as before)", chart.title)]
    assert counts[0] < 3 < 70 < counts[1] and sum(counts) == 81
    assert bars[0] == pytest.approx(found.change.max(), abs=1e-6)
    assert bars[-1] == pytest.approx(found.change.min(), abs=1e-6)
    assert "<b>France</b>" in chart.layout["yaxis"]["ticktext"]


def test_winners_and_losers_share_the_room(equilibrium: Equilibrium) -> None:
    found = outcome(equilibrium, "wages")
    gains = int((found.change >= 0.005).sum())
    assert gains >= 1
    bars = winners_and_losers(found, equilibrium.world, each=3, subtitle="", source="").data[0]["x"]
    assert len(bars) == 6 and sum(x > 0 for x in bars) == min(gains, 3)
    assert bars[0] == pytest.approx(found.change.max(), abs=1e-6)
    assert bars[-1] == pytest.approx(found.change.min(), abs=1e-6)


def test_sectors_add_up_to_the_country(equilibrium: Equilibrium) -> None:
    i = equilibrium.world.country_index("DEU")
    exports = outcome(equilibrium, "exports")
    assert exports.old is not None and exports.new is not None
    _, dollars = sector_outcomes(equilibrium, "DEU", "exports")
    assert dollars.sum() == pytest.approx(exports.new[i] - exports.old[i])


def test_a_scale_only_grows_while_a_slider_moves() -> None:
    small, large = np.linspace(-0.3, 0.3, 50), np.linspace(-4, 4, 50)
    assert stable_scale(small) == 0.5
    assert stable_scale(large, 0.5) == 5.0
    assert stable_scale(small, 5.0) == 5.0
    assert stable_scale(np.full(3, np.nan)) == 0.1
    assert stable_scale(np.zeros(4)) == 0.1


def test_noise_is_not_painted_at_full_strength_and_a_scale_gives_way_when_all_would_be_pale() -> None:
    noise = np.array([0.01, -0.008, 0.002])
    assert stable_scale(noise) == 0.1 and stable_scale(noise, floor=0.0) == 0.01
    assert stable_scale(noise, 2.0) == 0.1 and stable_scale(10 * noise, 0.5) == 0.5


def test_ticks_of_a_scale_are_told_apart_and_values_beyond_it_named() -> None:
    for scale in (0.001, 0.01, 0.1, 0.5, 1.0, 20.0, 1000.0):
        words = tick_words([-scale, -scale / 2, 0.0, scale / 2, scale])
        assert len(set(words)) == 5, words
    assert beyond(np.array([0.1, -3.0, np.nan, 2.0, 1.0]), 1.0) == [1, 3]
