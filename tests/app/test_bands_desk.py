"""The desk that draws bands: readers who move keep it from beginning, and what everybody left is left."""

from __future__ import annotations

import time
from threading import Event

import numpy as np
import pytest

from firmtrade_core.analysis.uncertainty import bands
from firmtrade_core.equilibrium import Parameters, Shock
from firmtrade_core.jobs import CancelledError
from pages.parts.result import bands as parts
from tests.limits import HANGS
from tests.worlds import make_world


def test_the_more_readers_move_the_longer_a_scenario_must_stand_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parts, "STILL", 0.01)
    monkeypatch.setattr(parts, "MOVING", HANGS)
    desk = parts._Desk()
    assert desk.still() == 0.01
    for number in range(7):
        desk.ask(f"session {number}", f"scenario {number}", lambda: "drawn")
    assert desk.still() == pytest.approx(0.07)
    # Who looks at the same again does not move.
    desk.ask("session 0", "scenario 0", lambda: "drawn")
    assert desk.still() == pytest.approx(0.07)
    monkeypatch.setattr(parts, "MOVING", 0.0)
    time.sleep(0.01)
    assert desk.still() == 0.01


def test_bands_that_everybody_left_are_left_and_drawn_anew_when_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parts, "STILL", 0.0)
    monkeypatch.setattr(parts, "LEFT", 0.05)
    desk, begun = parts._Desk(), Event()

    def long() -> str:
        begun.set()
        until = time.monotonic() + HANGS
        while time.monotonic() < until:
            if desk.unwanted("one"):
                raise CancelledError("left")
            time.sleep(0.01)
        return "drawn"

    left = desk.ask("reader", "one", long)
    assert begun.wait(HANGS)
    assert desk.ask("reader", "two", lambda: "the second").result(HANGS) == "the second"
    assert "took its place" in left.result(HANGS)
    assert desk.ask("reader", "one", lambda: "drawn after all").result(HANGS) == "drawn after all"


def test_another_reader_who_waits_keeps_bands_going(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "STILL", 0.0)
    monkeypatch.setattr(parts, "LEFT", 0.0)
    desk, begun, go = parts._Desk(), Event(), Event()

    def long() -> bool:
        begun.set()
        go.wait(HANGS)
        return desk.unwanted("one")

    desk.ask("reader", "one", long)
    found = desk.ask("other", "one", long)
    assert begun.wait(HANGS)
    desk.ask("reader", "two", lambda: "the second")
    go.set()
    assert found.result(HANGS) is False


def test_draws_stop_when_told_to() -> None:
    world = make_world(4, 2, seed=1)
    tariff = np.array(world.tariff)
    tariff[1:, 0] += 0.1
    asked = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 3

    with pytest.raises(CancelledError, match="Nobody waits"):
        bands((world, Parameters(), Shock(tariff=tariff)), draws=40, stop=stop)
