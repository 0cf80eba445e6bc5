"""What drives a result, and what would change it: neighbouring scenarios, solved and read."""

from __future__ import annotations

from html import escape

import numpy as np
import streamlit as st

from firmtrade_core.analysis.alternatives import Alternative, other_assumptions, without_each
from firmtrade_core.analysis.comparison import Comparison
from firmtrade_core.codes.countries import country_name
from firmtrade_core.figures import by_partner
from firmtrade_core.figures.bars import VISIBLE, value_bars
from firmtrade_core.figures.flows import Direction
from firmtrade_core.labels import VARIABLES, change
from firmtrade_core.scenarios import Scenario
from firmtrade_core.world.world import World
from pages.parts.data.worlds import short_sources
from pages.parts.frame import chart
from pages.parts.frame.store import Store
from pages.parts.result.reading import Reading
from pages.parts.result.solving import UnsolvedError, settled, solve_scenario


def drivers(store: Store, reading: Reading) -> list[str]:
    """Plain sentences on where the change of real income of the country looked at comes from."""
    read = Comparison(reading.second, reading.first)
    i = reading.world.country_index(store.country)
    value = {key: float(read.country(key).change[i]) for key in ("wages", "prices", "real_wage", "duties")}
    duties = read.country("duties")
    assert duties.old is not None and duties.new is not None
    name = country_name(store.country)
    return [
        f"{name}: wages {change(value['wages'])} and consumer prices {change(value['prices'])}, so that an hour of work "
        f"buys {_more_or_less(value['real_wage'])}.",
        f"Duties bring {change(float(duties.new[i] - duties.old[i]), 'bn USD')}, {change(value['duties'])} of income.",
        *_trade(store, reading),
    ]


def _more_or_less(percent: float) -> str:
    """``0.46 % less`` of -0.46."""
    if abs(percent) < VISIBLE:
        return "as much as before"
    return f"{change(abs(percent)).lstrip('+')} {'more' if percent > 0 else 'less'}"


def _trade(store: Store, reading: Reading) -> list[str]:
    """The partner with whom exports, and imports, move most."""
    ways: tuple[tuple[Direction, str], ...] = (("exports", "to"), ("imports", "from"))
    sentences = []
    for direction, word in ways:
        table = by_partner(reading.second, store.country, direction, (), reading.first)
        moved = (table["after"] - table["before"]).to_numpy()
        if moved.size and np.abs(moved).max() >= VISIBLE:
            k = int(np.abs(moved).argmax())
            sentences.append(
                f"{direction.title()} move most {word} {table['name'].iloc[k]}: {change(float(moved[k]), 'bn USD')} "
                f"({change(float(table['change'].iloc[k]))}), of {change(float(moved.sum()), 'bn USD')} in all."
            )
    return sentences


def show_drivers(store: Store, reading: Reading) -> None:
    """The drivers as a list, and each policy's part where there are several."""
    lines = "".join(f"<li>{escape(line)}</li>" for line in drivers(store, reading))
    st.html(f'<h2 class="ft-heading">What drives it</h2><ul class="ft-caveats">{lines}</ul>')


def policies(store: Store, reading: Reading, *, key: str = "policies") -> None:
    """What each policy adds: real income with all of them, less real income without it."""
    world = reading.world
    # The same firms with and without each policy, whichever it is.
    found = without_each(settled(store.scenario, world), world)
    if not found:
        return
    whole = _gain(store.scenario, store, world)
    parts = [whole - _gain(item.scenario, store, world) for item in found]
    name = country_name(store.country)
    drawn = value_bars(
        [_capital(item.label, 70) for item in found],
        np.array(parts),
        "%",
        f"{name}: what each policy adds to real income",
        "Real income with all policies, less real income without this one; the parts need not add up",
        short_sources(reading.world),
        name_width=420,
    )
    chart.draw(drawn, key=key, result=reading.hash)


def what_would_change_it(store: Store, world: World, *, key: str = "changes") -> None:
    """Real income of the country looked at under other assumptions, one changed at a time."""
    found = (
        Alternative("As in this scenario", store.scenario),
        *other_assumptions(settled(store.scenario, world)),
    )
    values = np.array([_gain(item.scenario, store, world) for item in found])
    name = country_name(store.country)
    variable = VARIABLES["real_income"]
    drawn = value_bars(
        [item.label for item in found],
        values,
        variable.unit,
        _verdict(name, values),
        "Change of real income in % that the policies bring, one assumption changed at a time",
        short_sources(world),
        name_width=230,
    )
    chart.draw(drawn, key=key, result=store.scenario.content_hash + store.country)


def _gain(scenario: Scenario, store: Store, world: World) -> float:
    """Percent of real income that the policies bring; missing where there is no equilibrium."""
    try:
        equilibrium, _ = solve_scenario(scenario, world, store.latest)
    except UnsolvedError:
        return float("nan")
    return 100 * (float(equilibrium.real_income_change[world.country_index(store.country)]) - 1)


def _verdict(name: str, values: np.ndarray) -> str:
    known = values[np.isfinite(values)]
    if not known.size or np.abs(known).max() < VISIBLE:
        return f"{name}: nothing changes under any of these"
    if (known > 0).all() or (known < 0).all():
        sign = "gains" if known[0] > 0 else "loses"
        return f"{name} {sign} under all of these assumptions, by {_span(known)}"
    return f"{name}: whether it gains or loses depends on these assumptions"


def _span(values: np.ndarray) -> str:
    low, high = sorted(np.abs([values.min(), values.max()]))
    return f"{change(float(low)).lstrip('+')} to {change(float(high)).lstrip('+')}"


def _capital(text: str, most: int) -> str:
    text = text[:1].upper() + text[1:]
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
