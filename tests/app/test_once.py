"""What a move does not make again: shared objects, worlds weighed, texts of tables nobody reads, places on a page."""

from __future__ import annotations

import asyncio
import copy
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from streamlit import cursor
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime import app_session, runtime

import serve
from firmtrade_core.figures import Chart
from firmtrade_core.figures.chart_table import ChartTable
from pages.parts.frame.chart import written
from pages.parts.frame.once import once
from pages.parts.frame.weighed import Weighed, bytes_of


def test_once_is_once_for_all_threads_until_cleared() -> None:
    made: list[int] = []

    @once
    def slow() -> list[int]:
        time.sleep(0.05)
        made.append(1)
        return made.copy()

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: slow(), range(8)))
    assert made == [1] and all(one is found[0] for one in found)
    slow.clear()
    assert slow() == [1, 1]


@dataclass(frozen=True, eq=False)
class Ground:
    """Shared by results."""

    cells: np.ndarray


@dataclass(frozen=True, eq=False)
class Result:
    """Stands on a ground."""

    ground: Ground
    flows: np.ndarray


def test_what_results_share_is_looked_into_once_and_counted_once() -> None:
    ground = Ground(np.zeros(1000))
    counted: set[int] = set()
    first, second = (Result(ground, np.zeros(10)) for _ in range(2))
    assert bytes_of(first, (), None, counted, (Ground,)) == 8080
    assert bytes_of(second, (), None, counted, (Ground,)) == 80
    cache: Weighed[Result] = Weighed(still=(Ground,))
    for key in range(3):
        cache.get(key, lambda: Result(ground, np.zeros(10)))
    assert cache.megabytes() == 8240 / 1e6


def test_a_table_comes_as_values_and_as_texts_once_it_is_asked_for() -> None:
    table = ChartTable(("Name", "Value"), ("", "%"), (("A – b", 0.1234), ("C", None)), signed=(1,))
    chart = Chart("T", "", "", [], {}, units={}, table=table)
    closed, opened = (json.loads(written(chart.to_dict() | {"view": view}, table)) for view in ("", "table"))
    assert closed["table"]["values"] == [["A – b", 0.1234], ["C", None]] and "rows" not in closed["table"]
    assert opened["table"]["rows"] == [
        [["A – b", "A – b"], [0.1234, "+0.12"]],
        [["C", "C"], [None, "no data"]],
    ]
    assert json.loads(written(chart.to_dict() | {"view": ""}, None))["table"] is None


def test_a_stack_of_places_is_copied_with_its_own_cursors_and_shared_parents() -> None:
    kinds = (cursor.RunningCursor, cursor.LockedCursor, DeltaGenerator)
    before = [kind.__dict__.get("__deepcopy__") for kind in kinds]
    try:
        serve._copy_places_plainly()
        root = DeltaGenerator(root_container=0, cursor=cursor.RunningCursor(0))
        inner = DeltaGenerator(root_container=0, cursor=cursor.RunningCursor(0, (3,)), parent=root)
        one, other = copy.deepcopy((root, inner))
        assert other._parent is one and one is not root
        other._cursor.lock_element()
        assert (other._cursor.delta_path, inner._cursor.delta_path) == ([0, 3, 1], [0, 3, 0])
    finally:
        for kind, method in zip(kinds, before, strict=True):
            if method is None:
                del kind.__deepcopy__
            else:
                kind.__deepcopy__ = method


def test_messages_go_out_in_order_few_wakings_for_many() -> None:
    names = ("_call_soon_on_event_loop", "_on_scriptrunner_event")
    before = [app_session.AppSession.__dict__[name] for name in names]
    woken = runtime.Runtime._enqueued_some_message
    said: list[int] = []
    wakings: list[Any] = []

    class Session:
        """As much of Streamlit's as the sending needs."""

        def __init__(self, loop: Any) -> None:
            self._event_loop = loop

        def _call_soon_on_event_loop(self, callback: Any) -> None:
            tell(self, callback)

    async def listen() -> None:
        loop = asyncio.get_running_loop()
        session = Session(loop)

        def speak() -> None:
            for k in range(50):
                session.__dict__["_at_once"] = False
                tell(session, lambda k=k: said.append(k))
            session.__dict__["_at_once"] = True
            tell(session, lambda: said.append(50))

        thread = threading.Thread(target=speak)
        thread.start()
        await asyncio.sleep(10 * serve.BLINK)
        thread.join()

    def first(session: Any, callback: Any) -> None:
        wakings.append(callback)
        session._event_loop.call_soon_threadsafe(callback)

    try:
        app_session.AppSession._call_soon_on_event_loop = first
        serve._send_in_batches()
        tell = app_session.AppSession._call_soon_on_event_loop
        # Browser tests of the same process keep a loop running in this thread.
        with ThreadPoolExecutor(1) as apart:
            apart.submit(lambda: asyncio.run(listen())).result()
    finally:
        for name, method in zip(names, before, strict=True):
            setattr(app_session.AppSession, name, method)
        runtime.Runtime._enqueued_some_message = woken
    assert said == list(range(51)) and len(wakings) < 10
