"""The synthetic home that ships is what ``make home`` writes, to the byte; the command gives the same bytes each time."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from firmtrade_core.paths import PROJECT
from firmtrade_core.scenarios.home_default import shipped_file

#: Of the file that `make home` wrote. Whoever changes the panel or the estimators runs it again and changes this line.
SHIPPED = "6921ce9985c567dee94207cfb49ee84eff16c9eb1ea1aec81589b293bcfb7ab8"


def test_the_shipped_home_is_the_one_that_make_home_wrote() -> None:
    assert hashlib.sha256(shipped_file().read_bytes()).hexdigest() == SHIPPED


@pytest.mark.truth
def test_the_command_gives_the_same_bytes_whatever_the_threads(tmp_path: Path) -> None:
    """On 600 firms, effects included; that the whole file of 20,101 comes out again takes `make home` itself."""
    made = []
    for threads in ("1", "2"):
        limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), threads)
        folder = tmp_path / threads
        panel, effects, out = folder / "panel", folder / "effects.json", folder / "home.parquet"
        for verb in (
            ["panel", "synthetic", "--firms", "600", "-o", str(panel)],
            [
                "channels", "--panel", str(panel), "--attribute", "on_time_delivery", "--repetitions", "1", "--learner", "linear",
                "--write-table", str(effects),
            ],
            ["firms", "home", str(panel), "--effects", str(effects), "--out", str(out)],
        ):  # fmt: skip
            command = [sys.executable, "-m", "firmtrade_core", *verb]
            subprocess.run(command, cwd=PROJECT, env=os.environ | limits, check=True, capture_output=True)
        made.append(out.read_bytes())
    assert made[0] == made[1]
