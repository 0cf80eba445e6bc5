"""PPML against R's fixest; skipped where R or fixest is not installed (the one test that may be)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from firmtrade_core.gravity.estimate import estimate
from firmtrade_core.gravity.panel import GravityPanel
from firmtrade_core.gravity.specification import GravitySpecification
from tests.gravity.panels import gravity_table

SCRIPT = """
library(fixest)
table <- read.csv(commandArgs(TRUE)[1])
table$border <- as.numeric(table$exporter != table$importer)
found <- fepois(trade ~ log(dist) + contiguity + border | exporter^year + importer^year, table,
                glm.tol = 1e-12, fixef.tol = 1e-12)
cat(coef(found))
"""


def test_ppml_agrees_with_fixest(tmp_path: Path) -> None:
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed")
    if subprocess.run(["Rscript", "-e", "library(fixest)"], capture_output=True, check=False).returncode:
        pytest.skip("R's fixest is not installed (Debian: r-cran-fixest)")
    table = gravity_table(noise=0.6)
    table.loc[table.index[::9], "trade"] = 0.0
    table.to_csv(tmp_path / "panel.csv", index=False)
    (tmp_path / "fixest.R").write_text(SCRIPT)
    command = ["Rscript", str(tmp_path / "fixest.R"), str(tmp_path / "panel.csv")]
    theirs = [*map(float, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())]
    equation = GravitySpecification(("log(dist)", "contiguity", "border"))
    ours = estimate(GravityPanel.from_table(table), equation)
    assert [*ours.coefficients.values()] == pytest.approx(theirs, abs=1e-6)
