"""The cache of results counts megabytes, what results have computed since included."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest

from firmtrade_core.scenarios import Scenario, Tariff, compile
from firmtrade_core.world.embedded import load_embedded_world
from pages.parts.frame.weighed import Weighed, bytes_of, megabytes_allowed


@dataclass(frozen=True, eq=False)
class Result:
    """One megabyte, and two once more is asked."""

    flows: np.ndarray

    @cached_property
    def revenue(self) -> np.ndarray:
        """Another array of the same size."""
        return self.flows * 2


def _result(_: int = 0) -> Result:
    return Result(np.zeros(125_000))


def test_the_oldest_go_when_all_weigh_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRMTRADE_CACHE_MB", "5")
    cache: Weighed[Result] = Weighed()
    for key in range(5):
        cache.get(key, _result)
    assert len(cache) == 5
    # Asked for again, the first is no longer the oldest.
    first = cache.get(0, lambda: pytest.fail("made twice"))
    cache.get(5, _result)
    assert len(cache) == 5 and cache.get(0, _result) is first
    for key in (2, 3, 4, 5):
        _ = cache.get(key, _result).revenue
    assert cache.megabytes() > 8
    cache.get(6, _result)
    assert cache.megabytes() <= 5


def test_forty_results_of_a_large_world_stay_within_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRMTRADE_CACHE_MB", "100")
    cache: Weighed[Result] = Weighed()
    for key in range(40):
        found = cache.get(key, lambda: Result(np.zeros(2_500_000)))
        assert found.revenue is not None
        assert cache.megabytes() <= 140
    assert len(cache) >= 2


def test_what_is_on_screen_stays_whatever_it_weighs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRMTRADE_CACHE_MB", "1")
    cache: Weighed[Result] = Weighed()
    for key in range(4):
        cache.get(key, lambda: Result(np.zeros(1_000_000)))
    assert len(cache) == 2


def test_equal_questions_at_once_are_answered_once_and_failures_not_kept() -> None:
    cache: Weighed[int] = Weighed()
    made = []

    def make() -> int:
        made.append(1)
        time.sleep(0.1)
        return len(made)

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: cache.get("a", make), range(4))) == {1}
    with pytest.raises(ZeroDivisionError):
        cache.get("b", lambda: 1 // 0)
    assert cache.get("b", lambda: 7) == 7


def test_a_real_result_is_weighed_with_its_arrays() -> None:
    world = load_embedded_world()
    found = compile(Scenario(cards=[Tariff(importers=["USA"], method="add", value=0.1)]), world).solve()
    cells = 8 * world.shape[0] ** 2 * world.shape[1]
    before = bytes_of(found, (type(world),))
    assert before >= cells
    assert found.border_value.nbytes == cells
    assert bytes_of(found, (type(world),)) >= before + cells


def test_an_unreadable_limit_is_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for given in ("", "-3", "much", "²"):
        monkeypatch.setenv("FIRMTRADE_CACHE_MB", given)
        assert megabytes_allowed() == 400
