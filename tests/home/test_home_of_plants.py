"""Real plants reach the equilibrium: the survey's own file, by its industry codes, to firms that solve."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firmtrade_core.cli.main import app
from firmtrade_core.panel import FirmPanel
from firmtrade_core.panel.source import panel_of


@pytest.mark.data
@pytest.mark.truth
def test_chiles_plants_go_from_their_file_to_a_solution(
    needs_data: Callable[[str], Path], tmp_path: Path
) -> None:
    """Every sixth plant, as `firms estimate` and `firms home` read the file that `panel describe` reads, then `solve --home`."""
    panel = panel_of(needs_data("chile-enia") / "plants_1990_1996.tsv")
    plants = panel.firms[(panel.firms["firm"].astype(int) % 6 == 0) & (panel.firms["year"] >= 1995)]
    FirmPanel.from_frames(plants, metadata=panel.metadata).save(tmp_path / "plants")
    seen = ["--attributes", "employment,materials,imported_input_share", "--sectors", "isic2"]
    run = CliRunner().invoke(
        app, ["firms", "estimate", str(tmp_path / "plants"), *seen, "--learner", "splines", "--draws", "0", "--years", "1", "--json"]
    )  # fmt: skip
    assert run.exit_code == 0, run.output
    assert "σ_u" in json.loads(run.stdout)["parameters"]
    out = tmp_path / "home.parquet"
    run = CliRunner().invoke(
        app, ["firms", "home", str(tmp_path / "plants"), *seen, "--learner", "splines", "--no-effects", "--out", str(out), "--json"]
    )  # fmt: skip
    assert run.exit_code == 0, run.output
    run = CliRunner().invoke(
        app, ["solve", "--preset", "us_ten_points", "--structure", "firms", "--home", str(out), "--json"]
    )
    assert run.exit_code == 0, run.output
    told = json.loads(run.stdout)
    assert "Chile" in told["scenario"]["assumed"] or "CHL" in json.dumps(told)
