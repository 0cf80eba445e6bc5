"""A room: slides with a live lever that one person leads and others follow, over any kind of connection.

A room lives in the memory of one server, which may keep what it stands on, so that its link outlives the server. Whoever holds
its key presents; all others see what is shown, and nothing they send moves it. Only what slides show leaves: numbers of
countries and sectors, sentences, charts that pages offer for taking away.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.margins import FirmsError, TailError
from firmtrade_core.report.lever_path import Lever, LeverPath, Point
from firmtrade_core.report.live_words import LiveWordsError, filled
from firmtrade_core.scenarios import Scenario
from firmtrade_core.scenarios.errors import ScenarioError
from firmtrade_core.scenarios.fields import plain
from firmtrade_core.world.errors import WorldError

#: What a lever's value may fail of: said on the slide, which keeps what it shows.
UNSOLVED = (EquilibriumError, FirmsError, ScenarioError, TailError, WorldError)

#: Rooms kept at once, seconds after which one that nobody is in is closed, people in one room.
MOST_ROOMS, EMPTY_SECONDS, MOST_PEOPLE = 24, 12 * 3600.0, 200

#: Characters of a message, of a name, of the words on a slide.
LONGEST_MESSAGE, LONGEST_NAME, LONGEST_WORDS = 4000, 40, 600

#: Messages that wait for a slow reader before it is let go.
MOST_WAITING = 400

#: Which of several servers this is: rooms say it, so that a gateway finds them.
SERVER = "FIRMTRADE_SERVER"


class RoomError(ValueError):
    """A room cannot be entered. The message says why and what to do."""


@dataclass(eq=False)
class Person:
    """Somebody in a room.

    Parameters
    ----------
    number
        Of the order in which they came.
    presents
        Whether they lead.
    """

    number: int
    presents: bool = False
    name: str = ""
    _waiting: list[str] = field(default_factory=list)
    _state: str = ""
    _awake: asyncio.Event = field(default_factory=asyncio.Event)
    gone: bool = False

    def tell(self, message: str, *, state: bool = False) -> None:
        """Put a message in line; of what the lever does only the latest is kept."""
        if state:
            self._state = message
        elif len(self._waiting) < MOST_WAITING:
            self._waiting.append(message)
        else:
            self.gone = True
        self._awake.set()

    async def next(self) -> str | None:
        """The next message; None once they are let go."""
        while not self.gone:
            if self._waiting:
                return self._waiting.pop(0)
            if self._state:
                message, self._state = self._state, ""
                return message
            self._awake.clear()
            await self._awake.wait()
        return None


@dataclass(eq=False)
class Room:
    """Slides, their lever, and who is in.

    Parameters
    ----------
    levers
        What can be slid; the first is, until another is chosen.
    path
        Makes the path of a lever (None where there is none) from a state of the scenario; of the one at opening where none is
        given.
    deck
        Plain data of the slides: what is on them and in which order; the charts that do not move.
    bands
        Gives the numbers of a point with their bands, as plain data; None where none are drawn.
    charts
        Draws the charts that follow the lever at a point, as plain data by slide; None where there are none.
    keep
        Takes what the room stands on whenever it has changed, off the server's own loop; None where nothing is kept.
    key_hash
        Of the key, where the room was kept and only its presenter knows that.
    """

    levers: tuple[Lever, ...]
    path: Callable[[Lever | None, Scenario | None], LeverPath]
    deck: dict[str, Any]
    bands: Callable[[Point], list[dict[str, Any]]] | None = None
    charts: Callable[[Point], dict[str, dict[str, Any]]] | None = None
    keep: Callable[[dict[str, Any]], None] | None = None
    id: str = field(
        default_factory=lambda: f"{os.environ.get(SERVER, '0')}-{secrets.token_urlsafe(9).replace('-', '_')}"
    )
    key: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    key_hash: str = ""
    seen: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.key_hash = self.key_hash or _hashed(self.key)
        self.people: list[Person] = []
        self.slide = 0
        self.lever = 0
        self.captions: dict[str, str] = {}
        self.now = self._begun()
        self.redrawn: dict[str, Any] = {}
        self.value = self.now.stands
        self.moving = False
        self._came = 0
        self._rests: float | None = None
        self._plan: list[float] = []
        self._work: asyncio.Task[None] | None = None
        self._banding: asyncio.Task[None] | None = None
        self._drawing: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="room")
        self._slow = ThreadPoolExecutor(1, thread_name_prefix="room bands")
        self._awake = asyncio.Event()

    def _begun(self, scenario: Scenario | None = None) -> LeverPath:
        return self.path(self.levers[self.lever] if self.levers else None, scenario)

    # What is kept -------------------------------------------------------------------------------

    def standing(self) -> dict[str, Any]:
        """What the room stands on, as plain data: from it the same room is opened again by `stand`."""
        return {
            "id": self.id,
            "key_hash": self.key_hash,
            "deck": self.deck,
            "captions": self.captions,
            "slide": self.slide,
            "lever": self.lever,
            "value": self.value,
            "scenario": self.now.scenario.to_dict(),
        }

    def stand(self, kept: Mapping[str, Any]) -> Room:
        """Stand as a room that was kept stood; raises KeyError, TypeError or ValueError where that is none."""
        lever = int(kept["lever"])
        self.lever = lever if 0 <= lever < len(self.levers) else 0
        self.slide = min(max(int(kept["slide"]), 0), len(self.deck["slides"]) - 1)
        self.captions = {str(key): str(text) for key, text in kept["captions"].items()}
        self.now = self._begun(Scenario.parse(kept["scenario"]))
        self.value = float(kept["value"]) if self.levers else self.now.stands
        if self.value != self.now.stands:
            self._rests = self.value
        return self

    def _keep_soon(self) -> None:
        """Keep what has changed, once a second at most."""
        if self.keep is not None and (self._keeping is None or self._keeping.done()):
            self._keeping = asyncio.get_running_loop().create_task(self._kept())

    async def _kept(self) -> None:
        await asyncio.sleep(1.0)
        if self.keep is not None:
            await asyncio.get_running_loop().run_in_executor(None, self.keep, self.standing())

    # Coming and going ---------------------------------------------------------------------------

    def enter(self, key: str = "", name: str = "") -> Person:
        """Somebody comes in; who holds the key presents. Call it, and all below, on the server's own loop.

        Raises
        ------
        RoomError
            Where the room is full.
        """
        if len(self.people) >= MOST_PEOPLE:
            raise RoomError(f"The room is full: {MOST_PEOPLE} people are in it.")
        self.seen = time.monotonic()
        self._came += 1
        presents = bool(key) and hmac.compare_digest(_hashed(key), self.key_hash)
        if presents:
            # A window that was opened again takes the lead from the one before it.
            for other in self.people:
                if other.presents:
                    other.presents = False
                    other.tell(_message("role", presents=False))
        person = Person(self._came, presents, _tame(name) or f"Follower {self._came}")
        self.people.append(person)
        person.tell(
            _message(
                "hello",
                me=person.number,
                presents=person.presents,
                deck=self.deck,
                levers=[lever.to_dict() for lever in self.levers],
                captions=self._captions(),
                redrawn=self.redrawn,
                **self._standing(),
            )
        )
        self._say_who()
        if self._work is None or self._work.done():
            self._plan = [value for value in self.now.planned() if value not in self.now.points]
            self._awake.set()
            self._work = asyncio.get_running_loop().create_task(self._working())
        return person

    def leave(self, person: Person) -> None:
        """Somebody goes."""
        person.gone = True
        self.seen = time.monotonic()
        if person in self.people:
            self.people.remove(person)
        self._say_who()
        if not self.people and self._work is not None:
            self._work.cancel()
            for task in (self._banding, self._drawing):
                if task is not None:
                    task.cancel()

    def close(self) -> None:
        """Send everybody home."""
        for person in list(self.people):
            person.gone = True
            person.tell("")
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._slow.shutdown(wait=False, cancel_futures=True)

    # What is said in it -------------------------------------------------------------------------

    def hear(self, person: Person, text: str) -> None:
        """Take what somebody sent; of those who follow only their name counts."""
        if len(text) > LONGEST_MESSAGE:
            return
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            return
        if not isinstance(said, dict):
            return
        if isinstance(said.get("name"), str):
            person.name = _tame(said["name"]) or person.name
            self._say_who()
        if person.presents:
            self._led(said)

    def _led(self, said: dict[str, Any]) -> None:
        slide, lever, value = said.get("slide"), said.get("lever"), said.get("value")
        if _whole(slide) and 0 <= slide < len(self.deck["slides"]):
            self.slide = slide
        if _whole(lever) and 0 <= lever < len(self.levers) and lever != self.lever:
            self._take_lever(lever)
        elif isinstance(value, int | float) and not isinstance(value, bool) and self.levers:
            ends = self.levers[self.lever]
            self.value = min(max(float(value), ends.lowest), ends.highest)
            self.moving = said.get("moving") is True
            if not self.moving:
                self._rests = self.value
                self._awake.set()
        if isinstance(said.get("words"), str) and _whole(slide):
            self._write(slide, said["words"])
        if _whole(said.get("hand")):
            self._hand_over(said["hand"])
        self._tell_all("state", state=True, **self._state())
        self._keep_soon()

    def _take_lever(self, lever: int) -> None:
        """Another lever, from where all of them stand now."""
        with suppress(*UNSOLVED):
            scenario = self.levers[self.lever].put(self.now.scenario, self.value)
            self.lever = lever
            self.now = self._begun(scenario)
        self.value, self.moving, self._rests = self.now.stands, False, None
        self._plan = self.now.planned()
        self._awake.set()
        self.redrawn = {}
        self._tell_all("lever", redrawn=self.redrawn, **self._standing())

    def _write(self, slide: int, words: str) -> None:
        key = self.deck["slides"][slide]["key"]
        try:
            text = plain(" ".join(words.split()), LONGEST_WORDS)
        except ValueError as error:
            self._problem(str(error))
            return
        self.captions[key] = text
        self._tell_all("captions", captions=self._captions())

    def _captions(self) -> dict[str, dict[str, str]]:
        """Words on slides as written, and with the numbers of the last point that was solved."""
        point = self.now.points.get(round(self.value, 6)) or self.now.points.get(self.now.stands)
        found = {}
        for key, raw in self.captions.items():
            text, problem = raw, ""
            if point is not None:
                try:
                    text = filled(raw, point.equilibrium, self.now.first)
                except LiveWordsError as error:
                    problem = str(error)
            found[key] = {"raw": raw, "text": text, "problem": problem}
        return found

    def _hand_over(self, number: int) -> None:
        """Another leads from now on; the key of before opens nothing any more."""
        taking = next((one for one in self.people if one.number == number), None)
        if taking is None or taking.presents:
            return
        self.key = secrets.token_urlsafe(18)
        self.key_hash = _hashed(self.key)
        for person in self.people:
            if person.presents:
                person.presents = False
                person.tell(_message("role", presents=False))
        taking.presents = True
        taking.tell(_message("role", presents=True, key=self.key))
        self._say_who()

    # What everybody sees ------------------------------------------------------------------------

    def _state(self) -> dict[str, Any]:
        return {"slide": self.slide, "value": round(self.value, 6), "moving": self.moving}

    def _standing(self) -> dict[str, Any]:
        points = sorted(self.now.points.values(), key=lambda point: point.value)
        return {
            "lever": self.lever,
            "stands": self.now.stands,
            "points": [point.shown for point in points],
            "planned": len(self.now.planned()),
            **self._state(),
        }

    def _say_who(self) -> None:
        people = [
            {"number": one.number, "name": one.name, "presents": one.presents}
            for one in self.people
            if not one.gone
        ]
        self._tell_all("people", people=people)

    def _problem(self, words: str) -> None:
        self._tell_all("problem", words=words)

    def _tell_all(self, kind: str, *, state: bool = False, **content: Any) -> None:
        message = _message(kind, **content)
        for person in self.people:
            person.tell(message, state=state)

    # The work -----------------------------------------------------------------------------------

    async def _working(self) -> None:
        """Solve what the lever rests on, else what is next on the plan; sleep where there is nothing to do."""
        loop = asyncio.get_running_loop()
        while True:
            path, resting = self.now, self._rests
            if resting is not None:
                value, self._rests = resting, None
            elif self._plan:
                value = self._plan.pop(0)
                if value in path.points:
                    continue
            else:
                self._awake.clear()
                await self._awake.wait()
                continue
            try:
                point = await loop.run_in_executor(self._pool, path.solve, value)
            except UNSOLVED as error:
                if path is self.now and resting is not None:
                    self._problem(f"No equilibrium there: {error}")
                continue
            if path is self.now:
                self._show(point, resting is not None)

    def _show(self, point: Point, resting: bool) -> None:
        self._tell_all("point", point=point.shown)
        at_rest = not self.moving and round(self.value, 6) == point.value
        if at_rest:
            self._tell_all("captions", captions=self._captions())
        if at_rest and self.bands is not None and (resting or point.value == self.now.stands):
            if self._banding is not None:
                self._banding.cancel()
            self._banding = asyncio.get_running_loop().create_task(self._band(point))
        if at_rest and self.charts is not None:
            if self._drawing is not None:
                self._drawing.cancel()
            self._drawing = asyncio.get_running_loop().create_task(self._draw(point))

    async def _draw(self, point: Point) -> None:
        """Charts of pages, drawn anew where the lever rests."""
        assert self.charts is not None
        path = self.now
        drawn = await asyncio.get_running_loop().run_in_executor(self._pool, self.charts, point)
        if path is self.now and round(self.value, 6) == point.value:
            self.redrawn = {"value": point.value, "charts": drawn}
            self._tell_all("redrawn", redrawn=self.redrawn)

    async def _band(self, point: Point) -> None:
        """Bands once the lever has stood still and the path is there: they take seconds."""
        path = self.now
        await asyncio.sleep(0.7)
        while self._plan:
            await asyncio.sleep(0.3)
        if path is not self.now or round(self.value, 6) != point.value or self.bands is None:
            return
        drawn = await asyncio.get_running_loop().run_in_executor(self._slow, self.bands, point)
        if path is self.now and drawn:
            point.shown["numbers"] = drawn
            self._tell_all("point", point=point.shown)


def _message(kind: str, **content: Any) -> str:
    return json.dumps({"kind": kind, **content}, ensure_ascii=False, separators=(",", ":"))


def _hashed(key: str) -> str:
    """Of a key of 144 random bits: who reads what is kept cannot lead with it."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def _tame(name: str) -> str:
    return "".join(c for c in name if c.isprintable() and c not in "<>").strip()[:LONGEST_NAME]


def _whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


# All rooms of this server -------------------------------------------------------------------------

_lock = threading.Lock()
_rooms: OrderedDict[str, Room] = OrderedDict()


def open_room(room: Room) -> Room:
    """Keep a room, so that it can be found by its id."""
    with _lock:
        _rooms[room.id] = room
        now = time.monotonic()
        old = [one for one in _rooms.values() if not one.people and now - one.seen > EMPTY_SECONDS]
        while len(_rooms) - len(old) > MOST_ROOMS:
            # The longest empty one goes first; one with people in it stays.
            empty = [one for one in _rooms.values() if not one.people and one not in old and one is not room]
            if not empty:
                break
            old.append(min(empty, key=lambda one: one.seen))
        for one in old:
            del _rooms[one.id]
            one.close()
    return room


def find_room(name: str) -> Room:
    """The room of an id.

    Raises
    ------
    RoomError
        Where there is none.
    """
    with _lock:
        room = _rooms.get(name)
    if room is None:
        raise RoomError("This room is closed: ask whoever presents for a new link, or open the slides again.")
    return room
