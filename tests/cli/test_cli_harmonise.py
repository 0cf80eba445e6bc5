"""The verb harmonise."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
from typer.testing import CliRunner

from firmtrade_core.cli.main import app
from firmtrade_core.harmonise.example import messy_folder


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["harmonise", *arguments])
    return result.exit_code, result.output


def test_a_folder_becomes_a_panel(tmp_path: Path) -> None:
    messy_folder(tmp_path / "in", 40)
    options = ["--salt", str(tmp_path / "salt"), "--home", "chl", "--review", str(tmp_path / "review.csv")]
    code, printed = run(str(tmp_path / "in"), "-o", str(tmp_path / "out"), *options, "--json")
    assert code == 0
    report = json.loads(printed.strip().splitlines()[-1])
    assert report["mirror"]["home"] == "CHL" and report["linkage"]["linked"] > 20
    assert len(pd.read_parquet(tmp_path / "out" / "panel" / "trade.parquet")) > 50
    assert (tmp_path / "salt").stat().st_mode & 0o077 == 0
    assert not (tmp_path / "out" / ".steps").exists()
    pd.read_csv(tmp_path / "review.csv")


def test_mistakes_are_told_in_words(tmp_path: Path) -> None:
    code, printed = run(str(tmp_path / "nowhere"), "-o", str(tmp_path / "out"))
    assert code == 2 and "does not exist" in printed
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    options = ["-o", str(tmp_path / "out"), "--salt", str(tmp_path / "salt")]
    code, printed = run(str(tmp_path / "a.csv"), *options)
    assert code == 2 and "which column holds" in printed
    code, printed = run(str(tmp_path / "a.csv"), *options, "--correct", "x=y", "--json")
    assert code == 2 and "lacks its field" in json.loads(printed)["message"]
