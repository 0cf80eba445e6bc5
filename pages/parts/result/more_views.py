"""More views of a result: all economies in order, trade as areas, over the days of a dated policy, several scenarios at once."""

from __future__ import annotations

import datetime
from dataclasses import replace

import numpy as np
import streamlit as st

from firmtrade_core.codes.countries import country_name
from firmtrade_core.figures import outcome, stable_scale, world_map
from firmtrade_core.figures.outcomes import Outcome
from firmtrade_core.figures.ranking import outcome_table
from firmtrade_core.figures.time_line import time_line
from firmtrade_core.figures.world_map import finding
from firmtrade_core.labels import VARIABLES
from firmtrade_core.scenarios import Scenario, load_preset, preset_names
from firmtrade_core.scenarios.schedules import dated
from firmtrade_core.scenarios.schema import TariffSchedule
from firmtrade_core.world.world import World
from pages.parts.data.worlds import short_sources
from pages.parts.frame import chart
from pages.parts.frame.page import complain, heading
from pages.parts.frame.store import Store, seeded
from pages.parts.result import bands, redrawn
from pages.parts.result.reading import Reading
from pages.parts.result.redrawn import DIRECTIONS, Look
from pages.parts.result.solving import UnsolvedError, solve_scenario

#: Scenarios side by side at most, and in a row.
MOST_MULTIPLES, IN_A_ROW = 9, 3


def all_economies(store: Store, reading: Reading) -> None:
    """Every economy by the outcome on the map, the largest gain on top."""
    found = bands.around(outcome(reading.second, store.outcome, reading.first), store, reading)
    look = Look.of("economies", store, reading.world)
    drawn = redrawn.economies(look, reading, found)
    chart.draw(drawn, key="all_economies", result=reading.hash, look=look, under=reading.name)


def as_areas(store: Store, reading: Reading) -> None:
    """Trade of the country looked at by product and partner."""
    st.segmented_control(
        "Direction",
        list(DIRECTIONS),
        required=True,
        format_func=DIRECTIONS.__getitem__,
        **seeded("areas_direction", store.direction, lambda name: setattr(store, "direction", name)),
    )
    look = Look.of("areas", store, reading.world)
    drawn = redrawn.areas(look, reading)
    chart.draw(drawn, key="areas", result=reading.hash, kind="treemap", look=look, under=reading.name)


# Over the days of a policy ------------------------------------------------------------------------


def over_days(store: Store, reading: Reading) -> None:
    """The outcome on the map under each regime of the scenario's dated schedule."""
    place = next(
        (
            k
            for k, card in enumerate(store.scenario.cards)
            if isinstance(card, TariffSchedule) and card.enabled and dated(card) is not None
        ),
        None,
    )
    if place is None:
        st.html(
            '<p class="ft-empty">The scenario has no policy with dates. Load one in force, such as '
            f"“{load_preset(preset_names()[0]).name}”, or bring a schedule with dates of your own.</p>"
        )
        return
    card = store.scenario.cards[place]
    assert isinstance(card, TariffSchedule)
    table = dated(card)
    assert table is not None
    days = [regime.since for regime in table.regimes]
    codes = list(dict.fromkeys((store.country, *store.pins)))[:8]
    found: dict[str, list[float]] = {code: [] for code in codes}
    try:
        for day in days:
            result, _ = solve_scenario(_on(store.scenario, place, day), reading.world, reading.second)
            change = outcome(result, store.outcome).change
            for code in codes:
                found[code].append(float(change[reading.world.country_index(code)]))
    except UnsolvedError as problem:
        complain(
            "Not every day can be solved", str(problem), "Change the scenario, or look at one day at a time."
        )
        return
    variable = VARIABLES[store.outcome]
    drawn = time_line(
        days,
        found,
        variable,
        until=max(days[-1] + datetime.timedelta(days=30), days[-1]),
        subtitle=f"Change in {variable.unit} against the baseline, by the policy in force on each day, all else as it is: "
        f"each step is a long-run equilibrium, not a forecast of the weeks between · {table.label}",
        source=short_sources(reading.world),
    )
    chart.draw(drawn, key="over_days", result=f"{reading.hash}{store.outcome}{'.'.join(codes)}", kind="lines")
    if len(codes) == 1:
        st.html('<p class="ft-quiet">Pin countries in the table below the map to see them here, too.</p>')


def _on(scenario: Scenario, place: int, day: datetime.date) -> Scenario:
    content = scenario.to_dict()
    content["cards"][place] |= {"day": day}
    return Scenario.parse(content)


# Several scenarios at once --------------------------------------------------------------------------

_SEVERAL = "several_scenarios"


def several(store: Store, world: World) -> None:
    """Small maps of several scenarios on one scale."""
    heading(
        "Several at once",
        "Each map is read against the baseline, all on one scale of colours. The scenario in force comes first.",
    )
    names = st.multiselect(
        "Scenarios",
        preset_names(),
        default=["us_schedule_2025_04_02", "us_china_trade_war", "eu_mercosur"],
        format_func=lambda name: load_preset(name).name,
        max_selections=MOST_MULTIPLES - 1,
        key=_SEVERAL,
    )
    shown: list[tuple[Scenario, Outcome, str]] = []
    for scenario in (store.scenario, *(load_preset(name) for name in names)):
        try:
            result, _ = solve_scenario(scenario, world, store.latest)
        except UnsolvedError as problem:
            complain(f"{scenario.name} has no result to show", str(problem), "Take it out of the list.")
            continue
        shown.append((scenario, outcome(result, store.outcome), result.content_hash))
    if not shown:
        return
    scale = stable_scale(np.concatenate([found.change for _, found, _ in shown]))
    numbered = list(enumerate(shown))
    for start in range(0, len(numbered), IN_A_ROW):
        row = numbered[start : start + IN_A_ROW]
        for column, (k, (scenario, found, result_hash)) in zip(
            st.columns(IN_A_ROW, gap="small"), row, strict=False
        ):
            with column:
                drawn = world_map(
                    found,
                    world,
                    scale=scale,
                    chosen=store.country,
                    pinned=store.pins,
                    title=scenario.name,
                    subtitle=f"{finding(found, world)} · {country_name(store.country)} is outlined",
                    source="",
                )
                drawn = replace(drawn, source=short_sources(world), table=outcome_table(found, world))
                chart.draw(drawn, key=f"several_{k}", result=result_hash, kind="map")
