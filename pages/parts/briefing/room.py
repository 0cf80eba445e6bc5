"""From what a session shows to a room: its slides, its levers, its bands."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from firmtrade_core.analysis.uncertainty import bands
from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.figures import headlines
from firmtrade_core.figures.outcomes import SECTOR_MEASURES
from firmtrade_core.figures.uncertainty import banded, bands_wanted
from firmtrade_core.figures.world_map import BORDER_NOTE, DOTTED, PLURAL, areas_shown
from firmtrade_core.home import HomeFirms
from firmtrade_core.labels import VARIABLES
from firmtrade_core.report.kept_rooms import is_ours, keep, kept
from firmtrade_core.report.lever_path import Lever, LeverPath, Point
from firmtrade_core.report.room import UNSOLVED, Room, RoomError, find_room, open_room
from firmtrade_core.scenarios import Scenario, compile, resolved
from firmtrade_core.world.errors import WorldError
from firmtrade_core.world.world import World
from pages.parts.data.worlds import shared_world, short_sources
from pages.parts.firms.home import current_home
from pages.parts.frame import address
from pages.parts.frame.chart import for_a_room
from pages.parts.frame.opened import allowed
from pages.parts.frame.store import Store
from pages.parts.lab.card_kinds import KINDS, SHARE, TARIFF_SLIDES, Slide
from pages.parts.lab.programme_results import programmes_shown
from pages.parts.result.reading import Reading
from pages.parts.result.redrawn import Look, draw_anew

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
    if home is not None and not home.synthetic and programmes_shown(store):
        tell = allowed("what programmes achieve", home.content_hash, "Presenter")
    else:
        tell = home is not None
    looks = {
        one.key: [one.look.to_dict(), one.kind, one.other]
        for one in store.pinned_charts
        if one.look is not None
    }
    stage = _Stage(
        world,
        home,
        store.scenario,
        store.country,
        store.outcome,
        store.sector_measure,
        tell,
        reading.first,
        store.reference if reading.first is not None else None,
        reading.name,
        reading.against,
        looks,
        reading.second,
    )
    room = stage.room(_deck(store, world, reading, mind))
    open_room(room)
    if room.keep is not None:
        room.keep(room.standing())
    return f"room/{room.id}#key={room.key}"


@dataclass(frozen=True, eq=False)
class _Stage:
    """What a room reads its answers from, apart from the session that opened it.

    Parameters
    ----------
    tell
        Whether programmes are told firm by firm, in sums.
    first, reference
        What is read against, and the scenario it is the answer to; None for the baseline.
    name, against
        Of what is shown, and of what it is read against, as subtitles say it.
    looks
        By key of the slide: what a chart that follows the lever shows, its kind, and whether it is the other picture.
    start
        A solution near by.
    """

    world: World
    home: HomeFirms | None
    scenario: Scenario
    country: str
    outcome: str
    measure: str
    tell: bool
    first: Equilibrium | None
    reference: Scenario | None
    name: str
    against: str
    looks: dict[str, list[Any]]
    start: Equilibrium | None = None

    def room(self, deck: dict[str, Any], **more: Any) -> Room:
        """A room on it."""
        banded = bands_wanted() and self.first is None
        found = Room(
            levers=tuple(levers(self.scenario)),
            path=self.path,
            deck=deck,
            bands=_bands(self.world, self.home, self.country) if banded else None,
            charts=self.charts if self.looks else None,
            **more,
        )
        if self.may_be_kept():
            found.keep = self.keep
        return found

    def path(self, lever: Lever | None, scenario: Scenario | None = None) -> LeverPath:
        """Answers along a lever."""
        return LeverPath(
            scenario or self.scenario,
            self.world,
            self.home,
            lever,
            self.country,
            self.outcome,
            self.measure,
            self.first,
            self.start,
            tell=self.tell,
        )

    def charts(self, point: Point) -> dict[str, dict[str, Any]]:
        """Charts of pages as they are at a point; one that has nothing to draw there is left as it stood."""
        reading = Reading(point.equilibrium, self.first, self.name, self.against, (), ())
        found = {}
        for key, (look, kind, other) in self.looks.items():
            try:
                seen = Look.read(look)
                drawn = draw_anew(seen, reading)
            except (ValueError, KeyError, IndexError):
                continue
            spec = for_a_room(drawn, point.equilibrium.content_hash, kind, other=other, pins=seen.pins)
            found[key] = {"spec": spec, "title": drawn.title}
        return found

    # What is kept of it ---------------------------------------------------------------------------

    def may_be_kept(self) -> bool:
        """Whether another server could stand on the same: on data that every session has, and on nobody's real firms."""
        try:
            shared = shared_world()
        except WorldError:
            return False
        known = shared.content_hash == self.world.content_hash and shared.shown_hash == self.world.shown_hash
        return known and (self.home is None or self.home.synthetic)

    def keep(self, standing: dict[str, Any]) -> None:
        """Keep a room; one that cannot be kept ends with its server, as it says then."""
        about = {
            "world": self.world.content_hash,
            "home": "" if self.home is None else self.home.content_hash,
            "opened": self.scenario.to_dict(),
            "reference": None if self.reference is None else self.reference.to_dict(),
            "looks": self.looks,
            **{name: getattr(self, name) for name in _PLAIN},
        }
        with suppress(OSError, ValueError):
            keep({**standing, "stage": about})


#: Fields of a stage that are plain data.
_PLAIN = ("country", "outcome", "measure", "tell", "name", "against")

_reviving = threading.Lock()


def room_of(name: str) -> Room:
    """The room of an id: of this server's, or one that was kept by the server before it. Not for the server's own loop.

    Raises
    ------
    RoomError
        Where there is none any more.
    """
    try:
        return find_room(name)
    except RoomError:
        if not is_ours(name):
            raise
    with _reviving:
        # Many come back at once; the first one opens it for all.
        with suppress(RoomError):
            return find_room(name)
        content = kept(name)
        found = None if content is None else _revived(content)
        if found is None:
            raise RoomError(
                "This room is closed: ask whoever presents for a new link, or open the slides again. Rooms on a table of one's "
                "own, or on real firms, end with the server."
            )
        return open_room(found)


def _revived(content: Mapping[str, Any]) -> Room | None:
    """The room that was kept; None where the server now stands on other data."""
    try:
        about = content["stage"]
        world = shared_world()
        home = current_home(world)
        if about["world"] != world.content_hash or about["home"] != (
            "" if home is None else home.content_hash
        ):
            return None
        reference = None if about["reference"] is None else Scenario.parse(about["reference"])
        first = None if reference is None else compile(reference, world, home).solve()
        stage = _Stage(
            world=world,
            home=home,
            scenario=Scenario.parse(about["opened"]),
            first=first,
            reference=reference,
            looks=dict(about["looks"]),
            **{name: about[name] for name in _PLAIN},
        )
        if not stage.may_be_kept():
            return None
        found = stage.room(content["deck"], id=str(content["id"]), key_hash=str(content["key_hash"]))
        return found.stand(content)
    except (*UNSOLVED, KeyError, TypeError, ValueError):
        return None


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
                "follows": charts[key].look is not None,
                "title": charts[key].title,
            }
        found.append(slide)
    return found


def _bands(world: World, home: HomeFirms | None, country: str) -> Callable[[Point], list[dict[str, Any]]]:
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
