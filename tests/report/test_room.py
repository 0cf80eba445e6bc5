"""A room: who presents leads, who follows sees and can move nothing, fifty at once, and no firm leaves."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firmtrade_core.report.kept_rooms import keep, kept
from firmtrade_core.report.lever_path import Lever, LeverPath, Point, interpolated
from firmtrade_core.report.room import (
    EMPTY_SECONDS,
    MOST_ROOMS,
    Person,
    Room,
    RoomError,
    find_room,
    open_room,
)
from firmtrade_core.scenarios import Scenario
from tests.firms import make_home
from tests.limits import HANGS
from tests.scenarios.conftest import synthetic_world

WORLD = synthetic_world()
POINTS = Lever(0, "value", "Points added", "points", -20.0, 100.0, 1.0, signed=True)


def scenario(**more: Any) -> Scenario:
    home, abroad = WORLD.countries[:2]
    card = {"kind": "tariff", "importers": [home], "exporters": [abroad], "value": 0.1}
    return Scenario.parse(
        {"cards": [card], "structure": {"elasticity": 5.0, "within_elasticity": None}, **more}
    )


def room(levers: tuple[Lever, ...] = (POINTS,), **more: Any) -> Room:
    told = scenario(narrative=[f"It {{real_income.{WORLD.countries[0]}|verb}}."])
    slides = [{"key": key, "kind": key, "title": key} for key in ("numbers", "map", "winners")]

    def path(lever: Lever | None, now: Scenario | None) -> LeverPath:
        return LeverPath(now or told, WORLD, None, lever, WORLD.countries[0])

    return Room(levers, path, {"slides": slides}, **more)


class Seat:
    """Somebody in a room, and what they were told."""

    def __init__(self, where: Room, key: str = "") -> None:
        self.person: Person = where.enter(key)
        self.told: list[dict[str, Any]] = []
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while (message := await self.person.next()) is not None:
            if message:
                self.told.append(json.loads(message))

    async def until(self, what: Callable[[dict[str, Any]], bool], seconds: float = HANGS) -> dict[str, Any]:
        async with asyncio.timeout(seconds):
            while True:
                for message in self.told:
                    if what(message):
                        return message
                await asyncio.sleep(0.005)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.told if message["kind"] == kind]


def held(where: Room, act: Callable[[Room], Awaitable[None]]) -> None:
    async def run() -> None:
        try:
            await act(where)
        finally:
            for person in list(where.people):
                where.leave(person)
            where.close()

    asyncio.run(run())


def test_where_the_lever_rests_is_solved_and_certified_and_the_rest_is_read_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("firmtrade_core.report.lever_path.POINTS", 13)

    async def act(where: Room) -> None:
        presents = Seat(where, where.key)
        await presents.until(lambda m: m["kind"] == "point" and m["point"]["value"] == 100.0)
        where.hear(presents.person, json.dumps({"value": 33.3, "moving": True}))
        where.hear(presents.person, json.dumps({"value": 37.0, "moving": False}))
        point = (await presents.until(lambda m: m["kind"] == "point" and m["point"]["value"] == 37.0))[
            "point"
        ]
        assert point["certified"] and len(point["map"]) == len(WORLD.countries)
        assert point["words"][0].startswith("It ") and "{" not in point["words"][0]
        assert Scenario.parse(scenario().to_dict()).cards[0].value == 0.1
        async with asyncio.timeout(HANGS):
            while len(where.now.points) < len(where.now.planned()) + 1:
                await asyncio.sleep(0.01)
        exact = where.now.points.pop(37.0)
        points = sorted(where.now.points.values(), key=lambda p: p.value)
        for i, value in enumerate(exact.shown["map"]):
            between = interpolated([(p.value, p.shown["map"][i]) for p in points], 37.0)
            assert between == pytest.approx(value, abs=0.005)

    held(room(), act)


def test_fifty_follow_within_a_second_and_move_nothing() -> None:
    async def act(where: Room) -> None:
        presents = Seat(where, where.key)
        others = [Seat(where) for _ in range(50)]
        await presents.until(lambda m: m["kind"] == "people" and len(m["people"]) == 51)
        # Of the processor's time: others who use the machine do not take it.
        began = time.thread_time()
        where.hear(presents.person, json.dumps({"value": 12.0, "moving": True, "slide": 2}))
        for seat in others:
            await seat.until(lambda m: m["kind"] == "state" and m["slide"] == 2 and m["value"] == 12.0)
        assert time.thread_time() - began < 1.0
        before = where.value, where.slide, where.lever, dict(where.captions), where.key
        for attempt in (
            {"value": 80.0},
            {"slide": 0},
            {"lever": 0},
            {"hand": 2},
            {"slide": 0, "words": "mine"},
            {"key": "x"},
        ):
            where.hear(others[0].person, json.dumps(attempt))
        assert (where.value, where.slide, where.lever, dict(where.captions), where.key) == before
        assert not any(seat.of("hello")[0]["presents"] for seat in others)

    held(room(), act)


def test_the_lead_is_handed_over_and_the_old_key_opens_nothing() -> None:
    async def act(where: Room) -> None:
        old = where.key
        first, second = Seat(where, old), Seat(where)
        where.hear(first.person, json.dumps({"hand": second.person.number}))
        given = await second.until(lambda m: m["kind"] == "role" and m["presents"])
        assert (await first.until(lambda m: m["kind"] == "role"))["presents"] is False
        where.hear(first.person, json.dumps({"slide": 1}))
        assert where.slide == 0
        where.hear(second.person, json.dumps({"slide": 1}))
        assert where.slide == 1
        assert not where.enter(old).presents
        # A window opened again with the key that was handed over leads again, and takes the lead from the one before.
        assert where.enter(given["key"]).presents and not second.person.presents

    held(room(), act)


def test_words_on_a_slide_have_live_numbers_and_unknown_names_are_said() -> None:
    async def act(where: Room) -> None:
        presents = Seat(where, where.key)
        await presents.until(lambda m: m["kind"] == "point")
        code = WORLD.countries[0]
        where.hear(presents.person, json.dumps({"slide": 1, "words": f"Now {{real_income.{code}}}."}))
        said = await presents.until(lambda m: m["kind"] == "captions" and "map" in m["captions"])
        assert said["captions"]["map"]["text"].startswith("Now ") and "%" in said["captions"]["map"]["text"]
        where.hear(presents.person, json.dumps({"slide": 1, "words": "Now {real_incom.X}."}))
        said = await presents.until(
            lambda m: m["kind"] == "captions" and m["captions"].get("map", {}).get("problem")
        )
        assert "Did you mean real_income?" in said["captions"]["map"]["problem"]
        where.hear(presents.person, json.dumps({"slide": 1, "words": "<b>"}))
        assert "plain text" in (await presents.until(lambda m: m["kind"] == "problem"))["words"]

    held(room(), act)


def test_what_is_no_message_does_no_harm() -> None:
    async def act(where: Room) -> None:
        presents = Seat(where, where.key)
        for text in (
            "",
            "{",
            "[1]",
            "null",
            "x" * 10_000,
            '{"value": "a"}',
            '{"slide": true}',
            '{"hand": -4}',
            '{"value": 1e999}',
            "[" * 3000,
        ):
            where.hear(presents.person, text)
        assert where.slide == 0 and -20.0 <= where.value <= 100.0
        presents.person.name = ""
        where.hear(presents.person, json.dumps({"name": "<img>\x00 Ann" * 20}))
        assert "<" not in presents.person.name and len(presents.person.name) <= 40

    held(room(), act)


def test_who_is_too_slow_is_let_go_and_holds_up_nobody() -> None:
    async def act(where: Room) -> None:
        presents, slow = Seat(where, where.key), where.enter()
        for k in range(500):
            where.hear(presents.person, json.dumps({"slide": 0, "words": f"{k}"}))
            await asyncio.sleep(0)
        assert slow.gone and await slow.next() is None
        assert not presents.person.gone and len(presents.told) > 400

    held(room(), act)


def test_another_lever_starts_where_the_first_was_left() -> None:
    cards = [scenario().to_dict()["cards"][0] for _ in range(2)]
    second = Lever(1, "value", "More points", "points", -20.0, 100.0, 1.0, signed=True)

    async def act(where: Room) -> None:
        presents = Seat(where, where.key)
        where.hear(presents.person, json.dumps({"value": 30.0}))
        await presents.until(lambda m: m["kind"] == "point" and m["point"]["value"] == 30.0)
        where.hear(presents.person, json.dumps({"lever": 1}))
        assert where.now.scenario.cards[0].value == pytest.approx(0.3)
        assert where.value == pytest.approx(10.0)

    def path(lever: Lever | None, now: Scenario | None) -> LeverPath:
        return LeverPath(now or scenario(cards=cards), WORLD, None, lever, WORLD.countries[0])

    slides = {"slides": [{"key": "map", "kind": "map", "title": "map"}]}
    held(Room((POINTS, second), path, slides), act)


def test_charts_of_pages_are_drawn_anew_where_the_lever_rests() -> None:
    def charts(point: Point) -> dict[str, dict[str, Any]]:
        return {"chart_pairs": {"spec": {"hash": point.equilibrium.content_hash}}}

    async def act(where: Room) -> None:
        presents = Seat(where, where.key)
        first = await presents.until(lambda m: m["kind"] == "redrawn")
        assert first["redrawn"]["value"] == where.now.stands
        where.hear(presents.person, json.dumps({"value": 37.0, "moving": False}))
        now = await presents.until(lambda m: m["kind"] == "redrawn" and m["redrawn"]["value"] == 37.0)
        spec = now["redrawn"]["charts"]["chart_pairs"]["spec"]
        assert spec["hash"] == where.now.points[37.0].equilibrium.content_hash
        late = Seat(where)
        assert (await late.until(lambda m: m["kind"] == "hello"))["redrawn"] == now["redrawn"]

    held(room(charts=charts), act)


def test_what_a_room_stands_on_is_kept_and_stood_on_again(tmp_path: Path) -> None:
    def saved(content: dict[str, Any]) -> None:
        keep(content, tmp_path)

    first = room(keep=saved)

    async def act(where: Room) -> None:
        presents = Seat(where, where.key)
        where.hear(presents.person, json.dumps({"value": 37.0, "slide": 1, "words": "Said before."}))
        async with asyncio.timeout(HANGS):
            while kept(where.id, tmp_path) is None:
                await asyncio.sleep(0.05)

    held(first, act)
    content = kept(first.id, tmp_path)
    assert content is not None and first.key not in json.dumps(content)
    assert (tmp_path / f"{first.id}.json").stat().st_mode & 0o077 == 0

    async def again(where: Room) -> None:
        assert where.id == first.id and where.slide == 1
        follows, presents = Seat(where), Seat(where, first.key)
        hello = await follows.until(lambda m: m["kind"] == "hello")
        assert not hello["presents"] and hello["slide"] == 1 and hello["value"] == 37.0
        assert (await presents.until(lambda m: m["kind"] == "hello"))["presents"]
        point = await follows.until(lambda m: m["kind"] == "point" and m["point"]["value"] == 37.0)
        assert point["point"]["certified"]
        said = await follows.until(lambda m: m["kind"] == "captions" and "map" in m["captions"])
        assert said["captions"]["map"]["text"] == "Said before."

    held(room(id=content["id"], key_hash=content["key_hash"]).stand(content), again)


def test_what_is_no_kept_room_is_none(tmp_path: Path) -> None:
    for name in ("../secret", "", "a/b", "0-none", "x" * 100):
        assert kept(name, tmp_path) is None
    with pytest.raises(ValueError, match="no id"):
        keep({"id": "../out"}, tmp_path)
    (tmp_path / "0-bad.json").write_text("[" * 5000)
    (tmp_path / "0-other.json").write_text('{"id": "0-else"}')
    assert kept("0-bad", tmp_path) is None and kept("0-other", tmp_path) is None
    keep({"id": "0-old"}, tmp_path)
    old = time.time() - EMPTY_SECONDS - 60
    os.utime(tmp_path / "0-old.json", (old, old))
    assert kept("0-old", tmp_path) is None
    for k in range(MOST_ROOMS + 3):
        keep({"id": f"0-{k}"}, tmp_path)
    assert len(list(tmp_path.glob("*.json"))) == MOST_ROOMS and not (tmp_path / "0-old.json").exists()


def test_no_record_of_a_firm_is_among_what_leaves() -> None:
    home = make_home()
    card = {"kind": "programme", "policy": "quality_certification", "take_up": 0.4, "unit_cost": 20_000.0}
    told = Scenario.parse({"cards": [card], "structure": {"family": "firms", "elasticity": 5.0}})
    lever = Lever(0, "take_up", "Firms that take part", "%", 0.0, 100.0, 1.0)
    path = LeverPath(told, WORLD, home, lever, WORLD.countries[0])
    text = json.dumps(path.solve(40.0).shown)
    assert "more export" in text and "programmes" in text
    columns = [name for name in home.firms.columns if home.firms[name].dtype.kind == "f"]
    own = {f"{value:.7g}" for name in columns for value in home.firms[name].head(100) if np.isfinite(value)}
    own = {value for value in own if len(value.replace(".", "").strip("0")) >= 6}
    assert len(own) > 100 and not any(value in text for value in own)
    silent = LeverPath(told, WORLD, home, lever, WORLD.countries[0], tell=False).solve(40.0).shown
    assert silent["programmes"] == []


def test_rooms_are_found_by_their_id_and_the_longest_empty_ones_make_way() -> None:
    first = open_room(room())
    assert find_room(first.id) is first
    rest = [open_room(room()) for _ in range(MOST_ROOMS)]
    with pytest.raises(RoomError, match="closed"):
        find_room(first.id)
    assert find_room(rest[-1].id) is rest[-1]


@pytest.mark.parametrize("shape", [lambda x: x**2, np.exp, lambda x: 3 * x, lambda x: np.maximum(x, 0.2)])
def test_what_is_read_between_points_never_overshoots_them(shape: Callable[[Any], Any]) -> None:
    xs = np.linspace(-1, 1, 9)
    points = [(float(x), float(shape(x))) for x in xs]
    for x in np.linspace(-1, 1, 101):
        found = interpolated(points, float(x))
        k = min(int(np.searchsorted(xs, x, side="right")) - 1, 7)
        low, high = sorted((points[k][1], points[k + 1][1]))
        assert low - 1e-12 <= found <= high + 1e-12
    assert interpolated([(2.0, 5.0)], 7.0) == 5.0
