"""Reading in a process of its own: limits hold, errors come back in their own words, others are not kept waiting."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import numpy as np
import pytest

from firmtrade_core.equilibrium import Parameters, Shock, solve
from firmtrade_core.jobs import JobError, TooMuchError, apart
from firmtrade_core.world import uploads
from firmtrade_core.world.errors import WorldError
from firmtrade_core.world.uploads import Upload, apart_or_here
from tests.jobs import work
from tests.limits import HANGS
from tests.worlds import make_world


def test_what_is_returned_comes_back() -> None:
    assert apart(work.take_memory, {"size": 1000}) == 1000


def test_memory_beyond_the_limit_is_refused() -> None:
    with pytest.raises(TooMuchError, match="GB of memory"):
        apart(work.take_memory, {"size": 700 << 20}, memory=600 << 20)


def test_time_beyond_the_limit_is_refused() -> None:
    with pytest.raises(TooMuchError, match="seconds"):
        apart(work.count_for, {"seconds": HANGS}, patience=2.0)


def test_errors_keep_their_kind_and_words() -> None:
    with pytest.raises(JobError, match="mend the file"):
        apart(work.refuse, {"words": "mend the file"})
    with pytest.raises(TooMuchError, match="ZeroDivisionError"):
        apart(work.stumble, {})


def test_who_no_longer_waits_stops_the_work() -> None:
    def waiting(passed: float) -> None:
        if passed > 0.5:
            raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        apart(work.count_for, {"seconds": HANGS}, waiting=waiting)
    assert time.monotonic() - began < HANGS / 2


def test_another_session_is_not_kept_waiting() -> None:
    """Steps of another thread go on at their pace while the interpreter would be held for seconds."""

    def pause() -> float:
        began = time.perf_counter()
        time.sleep(0.005)
        return time.perf_counter() - began

    # Generous: other programs may hold the machine, the interpreter may not.
    for _ in range(5):
        reading = threading.Thread(target=lambda: apart(work.count_for, {"seconds": 2.0}))
        reading.start()
        pauses = []
        while reading.is_alive():
            pauses.append(pause())
        reading.join()
        if len(pauses) > 20 and np.quantile(pauses, 0.95) < 0.25:
            return
    pytest.fail(f"pauses of {np.quantile(pauses, 0.95):.2g} s")


@pytest.mark.truth
def test_answers_of_another_session_take_no_longer_while_bad_files_are_read() -> None:
    """A small result solved over and over: beside files that hold an interpreter for seconds as fast as alone.

    Twenty times, in one of three attempts, is generous to a busy machine; read in the server, one file would hold an answer for
    hundreds of times as long in every attempt.
    """
    world = make_world(4, 3, seed=1)
    raised = np.full(world.tariff.shape, 1.1)
    raised[np.arange(4), np.arange(4)] = 1.0

    def answer() -> float:
        began = time.perf_counter()
        solve(world, Shock(trade_cost=raised), Parameters())
        return time.perf_counter() - began

    def read(content: bytes) -> None:
        upload = Upload("bad.csv", content)
        with suppress(WorldError):
            apart_or_here(uploads.read_uploaded_table, [upload], {"upload": upload})

    answer()
    wide = b",".join(b"column%d" % k for k in range(200_000)) + b"\n" + b",".join([b"1"] * 199_999) + b"\n"
    bad = (b"\x00\xff" * 500_000, wide, b'"' * 400_000, b"a,b\n" + b"1,2,3\n" * 200_000)
    ratios = []
    for _ in range(3):
        alone = [answer() for _ in range(40)]
        beside: list[float] = []
        for content in bad:
            reader = threading.Thread(target=read, args=(content,))
            reader.start()
            while reader.is_alive():
                beside.append(answer())
                time.sleep(0.002)
            reader.join()
        ratios.append(
            float(np.quantile(beside, 0.95) / np.quantile(alone, 0.95)) if len(beside) > 20 else np.inf
        )
        if ratios[-1] < 20:
            return
    pytest.fail(f"answers take {ratios} times as long beside bad files")
