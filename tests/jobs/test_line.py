"""The line before the machine: one at a time, in order, told where one stands; the dead stand in nobody's way."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from firmtrade_core.jobs import Job
from firmtrade_core.jobs.line import FullLineError, turn
from tests.jobs import work
from tests.limits import HANGS


@pytest.fixture(autouse=True)
def own_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A line of the test's own, with one place."""
    line = tmp_path / "line"
    line.mkdir()
    monkeypatch.setenv("TMPDIR", str(line))
    monkeypatch.setattr("tempfile.tempdir", str(line))
    monkeypatch.setenv("FIRMTRADE_JOBS", "1")
    return line


def test_jobs_run_in_turn_and_say_where_they_stand(tmp_path: Path) -> None:
    trace = tmp_path / "elsewhere" / "trace"
    trace.parent.mkdir()
    said: list[str] = []
    with turn(said.append):
        jobs = []
        for name in ("a", "b"):
            jobs.append(Job.start(work.note_the_time, {"trace": trace, "name": name}, tmp_path / "jobs"))
            while not jobs[-1].status().message.startswith(("Next in line", "In line")):
                time.sleep(0.02)
        assert jobs[0].status().message == "Next in line"
        assert jobs[1].status().message == "In line: 1 before this one"
        assert not trace.exists()
        # A job that waits can be called off like one that runs.
        third = Job.start(work.note_the_time, {"trace": trace, "name": "c"}, tmp_path / "jobs")
        assert third.cancel().state == "cancelled"
    assert [job.wait(HANGS).state for job in jobs] == ["done", "done"]
    assert trace.read_text().split("\n")[:4] == ["begin a", "end a", "begin b", "end b"]


def test_a_full_line_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FIRMTRADE_JOBS_WAITING", "1")
    folder = tmp_path / "short"
    child = os.fork() if hasattr(os, "fork") else 0
    if child == 0:
        with turn(lambda _: None, folder):
            (folder / "held").touch()
            time.sleep(HANGS)
        os._exit(0)
    while not (folder / "held").exists():
        time.sleep(0.02)
    waiting = os.fork()
    if waiting == 0:
        with turn(lambda _: None, folder):
            pass
        os._exit(0)
    while not list(folder.glob("*.wait")):
        time.sleep(0.02)
    try:
        with pytest.raises(FullLineError, match="1 jobs wait already"), turn(lambda _: None, folder):
            pass
        # Killed, neither holds a place.
        for pid in (child, waiting):
            os.kill(pid, 9)
            os.waitpid(pid, 0)
        with turn(lambda _: None, folder):
            assert not list(folder.glob("*.wait"))
    finally:
        for pid in (child, waiting):
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                continue


def test_one_readers_cancel_does_not_end_anothers(tmp_path: Path) -> None:
    trace = tmp_path / "elsewhere" / "trace"
    trace.parent.mkdir()
    trace.with_name("hold").touch()
    job = Job.start(work.square_slowly, {"count": 60, "trace": trace}, tmp_path)
    job.wanted("one")
    job.wanted("other")
    assert not job.leave("one")
    assert job.status().state == "running"
    assert job.leave("other")
    assert job.status().state == "cancelled"
