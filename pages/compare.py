"""Compare: any two scenarios side by side on one scale, the difference between them, and the library of saved ones."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from html import escape

import numpy as np
import streamlit as st

from firmtrade_core.analysis.band_difference import between, reversed_bands
from firmtrade_core.analysis.comparison import Comparison
from firmtrade_core.analysis.uncertainty import UNITS_OF, Bands
from firmtrade_core.analysis.uncertainty import bands as bands_around
from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.figures import (
    Outcome,
    outcome,
    sector_bars,
    sector_outcomes,
    stable_scale,
    winners_and_losers,
    world_map,
)
from firmtrade_core.figures.outcomes import SECTOR_MEASURES
from firmtrade_core.figures.world_map import finding
from firmtrade_core.labels import VARIABLES, change
from firmtrade_core.margins import FirmsError
from firmtrade_core.report.banded_tables import with_bands
from firmtrade_core.report.export import (
    About,
    about_certificate,
    about_scenario,
    about_world,
    comparison_tables,
    written_now,
)
from firmtrade_core.scenarios import Scenario, load_preset, preset_names
from firmtrade_core.scenarios.assumptions import assumed
from firmtrade_core.world.world import World
from pages.parts.data.worlds import short_sources
from pages.parts.firms.home import current_home
from pages.parts.frame import chart
from pages.parts.frame.exports import table_downloads
from pages.parts.frame.page import complain, heading, open_page, table
from pages.parts.frame.presets import sentence
from pages.parts.frame.store import Store, current, seeded
from pages.parts.lab.saved import saved_scenarios, shelf
from pages.parts.result import bands, views
from pages.parts.result.more_views import several
from pages.parts.result.solving import UnsolvedError, settled, solve_scenario

BASELINE, NOW = "baseline", "now"

_FIRST, _SECOND = "compared_first", "compared_second"


@dataclass(frozen=True)
class Side:
    """One of the two: its scenario (None for the baseline) and its result."""

    name: str
    scenario: Scenario | None
    result: Equilibrium | None


def _options(store: Store) -> Mapping[str, tuple[str, Scenario | None]]:
    """Everything that can be compared, by key: its name and scenario."""
    found: dict[str, tuple[str, Scenario | None]] = {
        BASELINE: ("The baseline, no policy", None),
        NOW: (f"On screen: {store.scenario.name}", store.scenario),
    }
    for key, (name, scenario) in saved_scenarios().items():
        found[f"saved {key}"] = (f"Saved: {name}", scenario)
    for name in preset_names():
        found[f"preset {name}"] = (load_preset(name).name, load_preset(name))
    return found


def _choose(store: Store) -> tuple[Side, Side]:
    options = _options(store)
    chosen = []
    first, swap, second = st.columns([10, 1, 10], vertical_alignment="bottom")
    for place, label, key, usual in ((first, "First", _FIRST, BASELINE), (second, "Second", _SECOND, NOW)):
        value = st.session_state.setdefault(key, usual)
        value = value if value in options else usual

        def write(option: str, key: str = key) -> None:
            st.session_state[key] = option

        place.selectbox(
            label,
            list(options),
            format_func=lambda option: options[option][0],
            **seeded(f"{key}_widget", value, write),
        )
        chosen.append(value)
    swap.button(
        "", icon=":material/swap_horiz:", help="Swap the two", on_click=_swap, key="swap", type="tertiary"
    )
    return _side(chosen[0], options), _side(chosen[1], options)


def _swap() -> None:
    state = st.session_state
    state[_FIRST], state[_SECOND] = state[_SECOND], state[_FIRST]


def _side(key: str, options: Mapping[str, tuple[str, Scenario | None]]) -> Side:
    scenario = options[key][1]
    return Side("the baseline" if scenario is None else scenario.name, scenario, None)


def _solved(side: Side, world: World) -> Side:
    if side.scenario is None:
        return side
    result, _ = solve_scenario(side.scenario, world)
    return Side(side.name, side.scenario, result)


# What is shown ------------------------------------------------------------------------------------


def _page(store: Store, world: World) -> None:
    first, second = _choose(store)
    try:
        first, second = _solved(first, world), _solved(second, world)
    except UnsolvedError as problem:
        complain(
            "One of the two has no equilibrium",
            str(problem),
            "Choose another, or change it in the Scenario lab.",
        )
        return
    _in_words(first, second, world)
    if first.result is None and second.result is None:
        st.html(
            '<p class="ft-empty">Two baselines: nothing changes. Choose a scenario for one of the two.</p>'
        )
        return
    views.choosers(store, world, read_against=False)
    _maps(store, world, first, second)
    _numbers(store, world, first, second)


def _in_words(first: Side, second: Side, world: World) -> None:
    items = "".join(
        f"<li><b>{label}</b> {sentence(side.scenario, world) if side.scenario else 'The world as observed.'}"
        f"{_under(side)}</li>"
        for label, side in (("First:", first), ("Second:", second))
    )
    st.html(f'<ul class="ft-list ft-sides">{items}</ul>')


def _under(side: Side) -> str:
    """The structure of a side, in small type."""
    if side.scenario is None or side.result is None:
        return ""
    return f'<br><span class="ft-quiet ft-assumed">{escape(assumed(side.scenario, side.result))}</span>'


def _difference(store: Store, first: Side, second: Side) -> Outcome:
    """The variable on the map from the first to the second; either may be the baseline."""
    if second.result is not None:
        return outcome(second.result, store.outcome, first.result)
    assert first.result is not None
    found = outcome(first.result, store.outcome)
    return _reversed(found)


def _reversed(found: Outcome) -> Outcome:
    """From a scenario back to the baseline."""
    if found.old is not None and found.new is not None and found.variable.unit == "%":
        back = 100 * (
            np.divide(found.old, found.new, out=np.full(found.new.shape, np.nan), where=found.new > 0) - 1
        )
    elif found.variable.unit == "%":
        back = 100 * (1 / (1 + found.change / 100) - 1)
    else:
        back = -found.change
    return Outcome(found.variable, back, found.new, found.old, found.missing)


def _maps(store: Store, world: World, first: Side, second: Side) -> None:
    variable = VARIABLES[store.outcome]
    results = [side for side in (first, second) if side.result is not None]
    shown = [outcome(side.result, store.outcome) for side in results if side.result is not None]
    if len(results) == 2:
        scale = stable_scale(np.concatenate([found.change for found in shown]))
        for place, side, found in zip(st.columns(2, gap="large"), results, shown, strict=True):
            with place:
                words = f"Change in {variable.unit} against the baseline · {world.name} · {side.name}"
                _map(store, world, found, scale, words, side.result, None, f"side_{results.index(side)}")
    found = _difference(store, first, second)
    words = f"Change in {variable.unit} from the first to the second · {world.name} · {second.name} against {first.name}"
    if len(results) == 2:
        st.html('<h2 class="ft-heading">The difference</h2>')
    left, right = st.columns([13, 8], gap="large")
    with left:
        _map(
            store,
            world,
            found,
            stable_scale(found.change),
            words,
            second.result or first.result,
            first.result,
            "difference",
        )
    with right:
        drawn = winners_and_losers(
            found, world, chosen=store.country, subtitle=words, source=short_sources(world), each=5
        )
        chart.draw(drawn, key="compare_winners", result=_mark(first, second))


def _mark(first: Side, second: Side) -> str:
    return "-".join(side.result.content_hash for side in (first, second) if side.result is not None)


def _map(
    store: Store,
    world: World,
    found: Outcome,
    scale: float,
    words: str,
    result: Equilibrium | None,
    before: Equilibrium | None,
    key: str,
) -> None:
    def pick(index: int) -> None:
        if 0 <= index < len(world.countries):
            store.country = world.countries[index]

    assert result is not None
    drawn = world_map(
        found,
        world,
        scale=scale,
        chosen=store.country,
        flows=result if store.flows else None,
        first=before if before is not result else None,
        title=finding(found, world),
        subtitle=words,
        source=short_sources(world),
    )
    chart.draw(drawn, key=f"compare_{key}", result=result.content_hash, kind="map", on_pick=pick)


def _numbers(store: Store, world: World, first: Side, second: Side) -> None:
    """Every variable of the country looked at, and its sectors."""
    left, right = st.columns(2, gap="large")
    with left:
        _table(store, world, first, second)
    if second.result is None:
        return
    with right:
        percent, dollars = sector_outcomes(second.result, store.country, store.sector_measure, first.result)
        drawn = sector_bars(
            world,
            store.country,
            SECTOR_MEASURES[store.sector_measure],
            percent,
            dollars,
            subtitle=f"Change in % from the first to the second · {world.name} · {second.name} against {first.name}",
            source=short_sources(world),
        )
        chart.draw(drawn, key="compare_sectors", result=_mark(first, second))
        views.sector_chooser(store)


def _sure(store: Store, world: World, first: Side, second: Side) -> Future[Bands] | None:
    """Bands of what lies between the two, by the same draws under both; under way or done."""
    try:
        home = current_home(world)
    except FirmsError:
        home = None
    sides = [
        (settled(side.scenario, world), side.result)
        for side in (first, second)
        if side.scenario is not None and side.result is not None
    ]
    backwards = second.result is None

    def work() -> Bands:
        drawn = [bands_around(scenario, world, home, centre=result) for scenario, result in sides]
        if len(drawn) == 2:
            return between(*drawn)
        return reversed_bands(drawn[0]) if backwards else drawn[0]

    known = home.content_hash if home else ""
    return bands.of_work(
        store, f"compare-{backwards}-{_mark(first, second)}-{world.content_hash}-{known}", work
    )


def _table(store: Store, world: World, first: Side, second: Side) -> None:
    drawn = _sure(store, world, first, second)
    bands.follow(drawn, lambda: _rows(store, world, first, second, drawn))
    if second.result is not None:
        taken = comparison_tables(Comparison(second.result, first.result), first.name, second.name)[0]
        st.html('<p class="ft-quiet">For all countries:</p>')
        taken = with_bands(taken, bands.result_of(drawn))
        table_downloads(taken, lambda: _about(world, first, second), key="comparison")


def _rows(store: Store, world: World, first: Side, second: Side, drawn: Future[Bands] | None) -> None:
    i = world.country_index(store.country)
    found: Bands | None = bands.result_of(drawn)
    waiting = bands.excuse(drawn) or "no interval yet"
    rows = []
    for key, variable in VARIABLES.items():
        values = [outcome(side.result, key).change[i] if side.result else 0.0 for side in (first, second)]
        if second.result is not None:
            apart = outcome(second.result, key, first.result).change[i]
        else:
            assert first.result is not None
            apart = _reversed(outcome(first.result, key)).change[i]
        band = waiting if found is None else "–"
        if found is not None and UNITS_OF.get(key) == variable.unit:
            told = found.band(key, store.country)
            band = f"{told.ends} {variable.unit}; {told.verdict}"
        rows.append((variable.label, *(change(float(v), variable.unit) for v in (*values, apart)), band))
    heading(f"{country_name(store.country)}: the two in numbers")
    head = (
        "Against the baseline",
        "First",
        "Second",
        "From first to second",
        "90 % band of the difference",
    )
    table("The two in numbers", head, rows, headed=False, words=("90 % band of the difference",))


def _about(world: World, first: Side, second: Side) -> About:
    lines: list[tuple[str, str]] = []
    for role, side in (("First", first), ("Second", second)):
        if side.scenario is None or side.result is None:
            lines.append((role, "the baseline, no policy"))
        else:
            lines += [*about_scenario(side.scenario, side.result, role=role), *about_certificate(side.result)]
    return (*lines, *about_world(world), written_now())


@st.fragment
def _compare(world: World) -> None:
    store = current(world)
    st.html('<h1 class="ft-sentence">Compare two scenarios</h1>')
    _page(store, world)
    several(store, world)
    shelf(store, world)


_compare(open_page("Compare"))
