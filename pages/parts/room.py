"""From what a session shows to a room: its slides, its levers, its bands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from firmtrade_core.analysis.uncertainty import bands
from firmtrade_core.codes.countries import country_name
from firmtrade_core.figures import headlines
from firmtrade_core.figures.outcomes import SECTOR_MEASURES
from firmtrade_core.figures.uncertainty import banded, bands_wanted
from firmtrade_core.figures.world_map import BORDER_NOTE, DOTTED, PLURAL, areas_shown
from firmtrade_core.home import HomeFirms
from firmtrade_core.labels import VARIABLES
from firmtrade_core.report.lever_path import Lever, LeverPath, Point
from firmtrade_core.report.room import UNSOLVED, Room, open_room
from firmtrade_core.scenarios import Scenario, resolved
from firmtrade_core.world.world import World
from pages.parts import address
from pages.parts.card_kinds import KINDS, SHARE, TARIFF_SLIDES, Slide
from pages.parts.home import current_home
from pages.parts.opened import allowed
from pages.parts.programme_results import programmes_shown
from pages.parts.reading import Reading
from pages.parts.store import Store
from pages.parts.worlds import short_sources

#: Slides that follow the lever, by key, in their usual order; words and charts come between.
LIVE = {
    "numbers": "The numbers",
    "map": "The map",
    "both": "Before and after",
    "winners": "Who gains, who loses",
    "sectors": "By sector",
    "programmes": "What the programme achieves",
    "mind": "Keep in mind",
}

#: Economies named on the map besides those that move most, where there is room.
NAMED = 24


def offered(store: Store) -> dict[str, str]:
    """Slides that there are for the session, by key, in order."""
    names = {key: name for key, name in LIVE.items() if key != "programmes" or programmes_shown(store)}
    words = {
        f"words{i}": f"Words: {text[:40]}{' …' if len(text) > 40 else ''}"
        for i, text in enumerate(store.scenario.narrative)
    }
    charts = {one.key: f"Chart: {one.title[:60]}" for one in store.pinned_charts}
    last = names.pop("mind")
    return {"numbers": names.pop("numbers"), **words, **names, **charts, "mind": last}


def chosen(store: Store) -> list[str]:
    """Slides in their order; all that there are unless some were chosen."""
    there = offered(store)
    return [key for key in store.deck if key in there] or list(there)


def present(store: Store, world: World, reading: Reading, mind: Sequence[str]) -> str:
    """Open a room on what the session shows; returns where it is, below the dashboard's address, with the presenter's key.

    Parameters
    ----------
    mind
        What to keep in mind, a line each.
    """
    home = current_home(world)
    scenario, latest, first, country = store.scenario, reading.second, reading.first, store.country
    if home is not None and not home.synthetic and programmes_shown(store):
        home_told = home if allowed("what programmes achieve", home.content_hash, "Presenter") else None
    else:
        home_told = home
    outcome, measure = store.outcome, store.sector_measure

    def path(lever: Lever | None) -> LeverPath:
        return LeverPath(
            scenario, world, home, lever, country, outcome, measure, first, latest, tell=home_told is not None
        )

    room = Room(
        levers=tuple(levers(scenario)),
        path=path,
        deck=_deck(store, world, reading, mind),
        bands=_bands(world, home, country, reading) if bands_wanted() and first is None else None,
    )
    open_room(room)
    return f"room/{room.id}#key={room.key}"


def levers(scenario: Scenario) -> list[Lever]:
    """What can be slid: the number of every card in force that has one."""
    found = []
    for place, card in enumerate(scenario.cards):
        slide = _slide(card)
        if not card.enabled or slide is None or getattr(card, slide.field, None) is None:
            continue
        value = float(getattr(card, slide.field)) / slide.factor
        several = len(scenario.cards) > 1
        label = f"{KINDS[card.kind].title}: {slide.label.lower()}" if several else slide.label
        found.append(
            Lever(
                place,
                slide.field,
                label,
                "points" if "pts" in slide.format else "%" if "%%" in slide.format else "times",
                min(slide.lowest, value),
                max(slide.highest, value),
                min(slide.step, 1),
                slide.factor,
                "+" in slide.format,
            )
        )
    return found


#: The lever of a programme.
TAKE_UP = Slide("take_up", "Firms that take part", 0, 100, 1, "%d %%", "")


def _slide(card: Any) -> Slide | None:
    if card.kind == "tariff":
        return TARIFF_SLIDES[card.method]
    return {"schedule": SHARE, "programme": TAKE_UP}.get(card.kind) or KINDS[card.kind].slide


def _deck(store: Store, world: World, reading: Reading, mind: Sequence[str]) -> dict[str, Any]:
    shown = reading.world
    variable = VARIABLES[store.outcome]
    year = world.provenance.year
    dated = f"{world.name}, {year}" if year and str(year) not in world.name else world.name
    query = address.query(store, world)
    names = [country_name(code) for code in shown.countries]
    return {
        "title": reading.name,
        "under": f"Change in {variable.unit} against {reading.against} · {dated}",
        "against": reading.against,
        "country": country_name(store.country),
        "chosen": shown.country_index(store.country),
        "outcome": {"label": variable.label, "unit": variable.unit, "plural": variable.label in PLURAL},
        "measure": SECTOR_MEASURES[store.sector_measure],
        "names": names,
        "large": [int(i) for i in np.argsort(-shown.income)[:NAMED]],
        "sectors": [shown.sector_name(code) for code in shown.sectors],
        "areas": areas_shown(shown.countries)
        | {"dots": [[code, shown.countries.index(code)] for code in DOTTED if code in shown.countries]},
        "borders": BORDER_NOTE,
        "source": short_sources(shown),
        "bands": bands_wanted() and reading.first is None,
        "slides": _slides(store, mind),
        "page": "briefing",
        "query": query,
        "back": f"briefing?{query}",
        "beside": "".join(f"&{part}" for part in query.split("&") if part and not part.startswith("s=")),
    }


def _slides(store: Store, mind: Sequence[str]) -> list[dict[str, Any]]:
    there, charts = offered(store), {one.key: one for one in store.pinned_charts}
    found: list[dict[str, Any]] = []
    for key in chosen(store):
        slide: dict[str, Any] = {"key": key, "title": there[key], "kind": key}
        if key.startswith("words"):
            slide |= {"kind": "words", "index": int(key.removeprefix("words"))}
        elif key == "mind":
            slide |= {"kind": "list", "items": list(mind)}
        elif key in charts:
            slide |= {
                "kind": "chart",
                "spec": charts[key].spec,
                "stamp": charts[key].stamp,
                "title": charts[key].title,
            }
        found.append(slide)
    return found


def _bands(
    world: World, home: HomeFirms | None, country: str, reading: Reading
) -> Callable[[Point], list[dict[str, Any]]]:
    """Numbers of a point with their 90 % bands, as plain data; read on a thread of its own, without the session."""

    def drawn(point: Point) -> list[dict[str, Any]]:
        try:
            found = bands(resolved(point.scenario, home), world, home, centre=point.equilibrium)
        except (*UNSOLVED, ValueError):
            return []
        told = banded(headlines(point.equilibrium, country, country_name(country)), found, country)
        return [
            {**was, "band": item.band, "verdict": item.verdict}
            for was, item in zip(point.shown["numbers"], told, strict=True)
        ]

    return drawn
