"""Reading in a process of its own: limits hold, errors come back in their own words, others are not kept waiting."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from firmtrade_core.jobs import JobError, TooMuchError, apart
from tests.jobs import work


def test_what_is_returned_comes_back() -> None:
    assert apart(work.take_memory, {"size": 1000}) == 1000


def test_memory_beyond_the_limit_is_refused() -> None:
    with pytest.raises(TooMuchError, match="GB of memory"):
        apart(work.take_memory, {"size": 700 << 20}, memory=600 << 20)


def test_time_beyond_the_limit_is_refused() -> None:
    with pytest.raises(TooMuchError, match="seconds"):
        apart(work.count_for, {"seconds": 60.0}, patience=2.0)


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
        apart(work.count_for, {"seconds": 60.0}, waiting=waiting)
    assert time.monotonic() - began < 20


def test_another_session_is_not_kept_waiting() -> None:
    """Steps of another thread go on at their pace while the interpreter would be held for seconds."""
    reading = threading.Thread(target=lambda: apart(work.count_for, {"seconds": 2.0}))
    reading.start()
    pauses = []
    while reading.is_alive():
        began = time.perf_counter()
        time.sleep(0.005)
        pauses.append(time.perf_counter() - began)
    reading.join()
    # Generous: other programs may hold the machine, the interpreter may not.
    assert len(pauses) > 50 and np.quantile(pauses, 0.95) < 0.25
