"""The synthetic home that ships is what ``make home`` wrote, to the byte."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from firmtrade_core.home.default import shipped_file
from firmtrade_core.paths import PROJECT

#: Of the file that `make home` wrote. Whoever changes the panel or the estimators runs it again and changes this line.
SHIPPED = "657ea667d5d45567fdbed2438f6beb087387d1c39c1f02b9923828ef88d5c319"


def test_the_shipped_home_is_the_one_that_make_home_wrote() -> None:
    assert hashlib.sha256(shipped_file().read_bytes()).hexdigest() == SHIPPED


@pytest.mark.truth
def test_capability_gives_the_same_bytes_whatever_the_threads(tmp_path: Path) -> None:
    """600 firms and one table of effects. The table itself follows the threads of linear algebra in its last digits: `make
    home` sets one."""
    panel, effects = tmp_path / "panel", tmp_path / "effects.json"
    settings = ["--attribute", "on_time_delivery", "--repetitions", "1", "--learner", "linear"]
    _run("1", "panel", "synthetic", "--firms", "600", "-o", str(panel))
    _run("1", "channels", "--panel", str(panel), *settings, "--write-table", str(effects))
    made = []
    for threads in ("1", "2"):
        out = tmp_path / f"{threads}.parquet"
        _run(threads, "firms", "home", "--firms", "600", "--effects", str(effects), "--out", str(out))
        made.append(out.read_bytes())
    assert made[0] == made[1]


def _run(threads: str, *verb: str) -> None:
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), threads)
    command = [sys.executable, "-m", "firmtrade_core", *verb]
    subprocess.run(command, cwd=PROJECT, env=os.environ | limits, check=True, capture_output=True)
