"""Two whole runs of the pipeline give the same digits, whatever the number of threads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from firmtrade_core.panel.synthetic.country import make_country
from firmtrade_core.panel.synthetic.raw import write_raw
from firmtrade_core.panel.synthetic.structure import SyntheticDesign
from firmtrade_core.paths import PROJECT

#: What says when and where a run was made: its steps, its page.
ASIDE = (".steps", "briefing.html")


@pytest.mark.truth
def test_two_runs_with_other_thread_counts(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_raw(make_country(SyntheticDesign(firms=300, years=3)), raw)
    (tmp_path / "salt").write_text("ab" * 32)
    options = [
        "--salt", str(tmp_path / "salt"), "--home", "chl", "--table-year", "2022", "--learner", "splines", "--attribute",
        "on_time_delivery", "--repetitions", "1", "--effect-learner", "linear", "--json",
    ]  # fmt: skip
    for threads in ("1", "2"):
        limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), threads)
        subprocess.run(
            [sys.executable, "-m", "firmtrade_core", "pipeline", str(raw), "-o", str(tmp_path / threads), *options],
            cwd=PROJECT, env=os.environ | limits, check=True, capture_output=True,
        )  # fmt: skip
    one, two = tmp_path / "1", tmp_path / "2"
    written, again = (
        sorted(
            p.relative_to(folder) for p in folder.rglob("*") if p.is_file() and not set(p.parts) & set(ASIDE)
        )
        for folder in (one, two)
    )
    assert written == again and {"home.parquet", "results.parquet", "effects.json"} <= set(map(str, written))
    for name in written:
        if name.suffix == ".parquet":
            # To the last bit; what a file says of the day it was made may differ.
            pd.testing.assert_frame_equal(
                pd.read_parquet(two / name), pd.read_parquet(one / name), check_exact=True
            )
        else:
            assert (two / name).read_bytes() == (one / name).read_bytes(), name
