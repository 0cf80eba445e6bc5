"""Jobs: they finish, report, stop when asked, resume, and fail with a reason."""

from __future__ import annotations

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.jobs import Checkpoints, Job, JobError, content_hash, part
from firmtrade_core.jobs.job import birth, write_status
from tests.jobs import work
from tests.limits import HANGS


def test_a_job_returns_its_result_and_is_found_again(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    job = Job.start(work.square_slowly, {"count": 3, "trace": trace}, tmp_path)
    assert job.wait(HANGS).state == "done"
    assert job.result() == [0, 1, 4]


def test_cancel_then_resume_repeats_no_finished_step(tmp_path: Path) -> None:
    trace = tmp_path / "somewhere" / "trace"
    trace.parent.mkdir()
    hold = trace.with_name("hold")
    hold.touch()
    arguments = {"count": 40, "trace": trace}
    job = Job.start(work.square_slowly, arguments, tmp_path)
    while job.status().fraction < 0.5:
        time.sleep(0.02)
    assert job.cancel().state == "cancelled"
    with pytest.raises(JobError, match="cancelled"):
        job.result()
    done = trace.read_text().split()
    trace_before = len(done)
    assert 0 < trace_before < 40
    hold.unlink()
    trace.unlink()  # the argument's content hash counts the file, which did not exist at the start
    again = Job.start(work.square_slowly, arguments, tmp_path)
    assert again.folder == job.folder
    assert again.wait(HANGS).state == "done"
    assert again.result() == [i * i for i in range(40)]
    assert len(trace.read_text().split()) == 40 - trace_before


def test_failure_gives_the_reason(tmp_path: Path) -> None:
    job = Job.start(work.fail, {}, tmp_path)
    assert job.wait(HANGS).state == "failed"
    with pytest.raises(JobError, match="country XXX is unknown"):
        job.result()


def test_a_deaf_job_is_ended(tmp_path: Path) -> None:
    job = Job.start(work.ignore_everything, {}, tmp_path)
    assert job.cancel(grace=0.3).state == "cancelled"


def test_a_killed_process_is_lost(tmp_path: Path) -> None:
    job = Job.start(work.ignore_everything, {}, tmp_path)
    os.kill(job.status().pid, 9)
    assert Job(job.folder).wait(HANGS).state == "lost"
    assert job.wait(HANGS).state == "lost"


def test_only_importable_functions() -> None:
    with pytest.raises(JobError, match="importable"):
        Job.start(lambda progress, checkpoints: None, {}, Path("unused"))


def test_content_hash_sees_content(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": [1.0, 2.0]})
    file = tmp_path / "x.csv"
    file.write_text("1")
    before = content_hash(file, {"a": 1, "b": 2}, table, np.arange(3))
    assert before == content_hash(file, {"b": 2, "a": 1}, table.copy(), np.arange(3))
    file.write_text("2")
    assert before != content_hash(file, {"a": 1, "b": 2}, table, np.arange(3))
    assert content_hash(table) != content_hash(table.rename(columns={"a": "b"}))
    assert content_hash(["a", "b"]) != content_hash(["ab"])
    with pytest.raises(TypeError, match="no content hash"):
        content_hash(object())


def test_damaged_checkpoints_are_computed_again(tmp_path: Path) -> None:
    steps = Checkpoints(tmp_path)
    assert steps.step("one", 1, lambda: "first") == "first"
    assert steps.step("one", 1, lambda: "second") == "first"
    next(tmp_path.glob("one-*.kept")).write_bytes(b"damaged")
    assert steps.step("one", 1, lambda: "third") == "third"


def test_part_spans_its_share() -> None:
    seen: list[float] = []
    step = part(lambda fraction, message: seen.append(fraction), 0.5, 0.75)
    step(0.0, ""), step(1.0, ""), step(7.0, "")
    assert seen == [0.5, 0.75, 0.75]


def test_another_program_with_the_jobs_number_is_left_alone(tmp_path: Path) -> None:
    """Numbers of processes are used again: a stale one must not be signalled."""
    job = Job.start(work.ignore_everything, {}, tmp_path)
    worker = job.status()
    os.kill(worker.pid, 9)
    assert job.wait(HANGS).state == "lost"
    bystander = subprocess.Popen(["sleep", "600"])
    try:
        stale = replace(worker, state="running", pid=bystander.pid)
        assert stale.born != birth(bystander.pid) > 0
        write_status(job.folder, stale)
        found = Job(job.folder)
        assert found.status().state == "lost"
        found.cancel(grace=0.1)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_equal_starts_at_once_make_one_worker(tmp_path: Path) -> None:
    arguments = {"count": 5, "trace": tmp_path / "trace"}
    with ThreadPoolExecutor(3) as pool:
        jobs = [*pool.map(lambda _: Job.start(work.square_slowly, arguments, tmp_path), range(3))]
    assert len({job.folder for job in jobs}) == 1
    assert jobs[0].wait(HANGS).state == "done"
    assert (tmp_path / "trace").read_text().split() == [*"01234"]
