"""Uploaded records go with their session: after a normal stop, after a kill, after the browser closes, and with age."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from firmtrade_core.paths import PROJECT
from pages.parts.firms.desk import Desk
from pages.parts.frame import private
from tests.limits import HANGS

HOLD = """
import sys, time
from pages.parts.frame import private
folder = private._made("someone")
(folder / "records.csv").write_text("firm,sales")
print(folder, flush=True)
sys.stdin.read(1)
private.close()
"""


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(private, "_ours", {})


def holder() -> tuple[subprocess.Popen[str], Path]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD], cwd=PROJECT, env=dict(os.environ), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_a_killed_server_leaves_nothing_for_the_next() -> None:
    process, folder = holder()
    assert (folder / "records.csv").is_file() and stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    # While it lives, another server's start does not touch it.
    assert private.sweep() == []
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert folder.exists()
    assert private.sweep() == [folder] and not folder.exists()


def test_a_normal_stop_leaves_nothing() -> None:
    process, folder = holder()
    process.communicate("x", timeout=HANGS)
    assert process.returncode == 0 and not folder.exists()


def test_a_closed_browser_leaves_nothing_after_a_while() -> None:
    mine, other = private._made("open"), private._made("closed")
    alive = {"open"}.__contains__
    assert private.sweep_closed(alive, now=0.0) == []
    assert private.sweep_closed(alive, now=private.GRACE - 1) == [] and other.is_dir()
    assert private.sweep_closed(alive, now=private.GRACE + 1) == [other]
    assert mine.is_dir() and not other.exists()
    private.close()
    assert not mine.exists()


def test_what_is_old_goes_whoever_holds_it() -> None:
    process, folder = holder()
    assert private.sweep(time.time() + private.OLDEST + 60) == [folder] and not folder.exists()
    process.kill()
    process.wait()


def test_a_corrected_file_under_the_same_name_is_looked_at_anew(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "desk")
    desk.folder.mkdir()
    desk.put("lines.csv", b"firm,year,turnover\na,2020,1\n")
    first = desk.headers["lines.csv"]
    desk.put("lines.csv", b"firm,year,sales,workers\na,2020,1,2\n")
    assert desk.headers["lines.csv"] != first and "workers" in desk.headers["lines.csv"]
    assert len(desk.files) == 1 and "workers" in desk.columns["lines.csv"].values()
