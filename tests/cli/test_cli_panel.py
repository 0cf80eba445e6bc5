"""The verb ``panel``."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
from typer.testing import CliRunner

from firmtrade_core.cli.main import app

SMALL = ["panel", "synthetic", "--firms", "400", "--years", "3", "--seed", "3"]


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, result.output
    return result.stdout


def test_synthetic_validate_and_describe(tmp_path: Path) -> None:
    folder, truth = tmp_path / "panel", tmp_path / "truth.parquet"
    told = json.loads(
        run(*SMALL, "-o", str(folder), "--truth", str(truth), "--raw", str(tmp_path / "raw"), "--json")
    )
    assert "synthetic" in told["panel"]
    assert {row["regularity"] for row in told["comparison"]} >= {"Share of firms that export"}
    assert "kappa" in pd.read_parquet(truth)
    assert (tmp_path / "raw" / "README.txt").exists()
    report = json.loads(run("panel", "validate", str(folder), "--json"))
    assert report == {"usable": True, "rows": report["rows"], "broken": []}
    summary = json.loads(run("panel", "describe", str(folder), "--json"))
    assert summary["synthetic"] and summary["years"] == [2020, 2021, 2022]
    assert 0.1 < summary["exporter_share"]["2022"] < 0.3
    assert "exporter share:" in run("panel", "describe", str(folder))
    assert "kappa" not in pd.read_parquet(folder / "firms.parquet")


def test_comparison_is_printed() -> None:
    text = run(*SMALL)
    assert "| Share of firms that export | 0.21 |" in text


def test_few_firms_leave_blanks_in_the_comparison() -> None:
    few = ["panel", "synthetic", "--firms", "200", "--years", "3", "--home", "ISL"]
    assert "too few firms" in run(*few)
    told = {r["regularity"]: r["here"] for r in json.loads(run(*few, "--json"))["comparison"]}
    assert told["Exit rate from a destination"] is None


def test_broken_panels_exit_1_and_missing_ones_2(tmp_path: Path) -> None:
    pd.DataFrame({"firm": ["a", "a"], "year": [2020, 2020]}).to_parquet(tmp_path / "firms.parquet")
    report = json.loads(run("panel", "validate", str(tmp_path), "--json", code=1))
    assert not report["usable"]
    assert "each firm x year appears once" in {row["rule"] for row in report["broken"]}
    assert "lacks: sector" in json.loads(run("panel", "describe", str(tmp_path), "--json", code=2))["message"]
    refused = json.loads(run("panel", "describe", str(tmp_path / "nowhere.tsv"), "--json", code=2))
    assert "is missing" in refused["message"]
    refused = json.loads(run("panel", "synthetic", "--home", "XXX", "--json", code=2))
    assert "no economy XXX" in refused["message"]
