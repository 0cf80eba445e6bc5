"""The shared cases whose files no other module reads (02, 11, 17, 18, 19, 20, 24), and that none of the cases goes untested."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pandas as pd
import pytest
from customs_lines import SHARED, command, shared
from typer.testing import CliRunner

from firmtrade_core.cli.main import app
from firmtrade_core.gravity.estimate import estimate
from firmtrade_core.world.errors import MissingPairsError
from firmtrade_core.world.validation import validate_flows
from firmtrade_core.world.world import World
from pages.parts.costs.trade_panels import Choices, read_upload, specification

RUNNER = CliRunner()


def test_every_case_is_read_by_a_test() -> None:
    shared("README.md")
    tests = " ".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    cases = sorted(path.name for path in SHARED.iterdir() if path.is_dir())
    assert len(cases) >= 21
    assert not [name for name in cases if f"{name}/" not in tests]


def test_02_a_baci_world_is_saved_and_shown(tmp_path: Path) -> None:
    data = shared("02_baci_world_file/BACI_HS17_Y2019_V202102.csv")
    target = tmp_path / "my.world"
    beside = {name: str(data.parent / f"{file}.csv") for name, file in (("--output-table", "output"), ("--concordance", "concordance"))}  # fmt: skip
    options = [text for pair in beside.items() for text in pair]
    done = RUNNER.invoke(app, ["world", "load", "baci", str(data), "-o", str(target), *options, "--json"])
    assert done.exit_code == 0, done.output
    shown = json.loads(RUNNER.invoke(app, ["world", "show", str(target), "--json"]).output)
    assert shown["hash"] == json.loads(done.output)["hash"] and shown["year"] == 2019
    assert any(change.startswith("Columns not used: q") for change in shown["changes"])


def test_11_both_sheets_of_the_workbook(tmp_path: Path) -> None:
    report = command(shared("11_workbook_sheets/exports.xlsx"), tmp_path / "out")
    trade = pd.read_parquet(tmp_path / "out" / "panel" / "trade.parquet")
    assert trade["value"].sum() == 6000
    assert "2019" in " ".join(report["notes"]) and "2020" in " ".join(report["notes"])


def test_17_a_panel_with_a_place_without_a_capital() -> None:
    path = shared("17_gravity_place/panel.csv")
    file = read_upload("panel.csv", path.read_bytes())
    own = [c for c in pd.read_csv(path, nrows=1).columns if c in file.panel.table]
    assert len(file.panel.table) == len(pd.read_csv(path)) and own
    found = estimate(file.panel, specification(file.panel, Choices(regressors=("log(dist)",))))
    assert found.observations > 0


def test_18_separation_without_effects(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(shared("18_separation_no_effects/run.py")))
    printed = capsys.readouterr().out
    assert "separated 32" in printed and "0.693" in printed and "-34" not in printed


def test_19_high_tariffs_are_estimated(tmp_path: Path) -> None:
    path = shared("19_high_tariff/flows.csv")
    out = ["--out", str(tmp_path / "out"), "--workers", "1", "--json"]
    done = RUNNER.invoke(app, ["gravity", "--world-panel", str(path), *out])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["elasticities"]


def test_20_a_home_market_that_is_missing_is_named() -> None:
    table = pd.read_csv(shared("20_one_home_market_missing/flows.csv"))
    with pytest.raises(MissingPairsError, match=r"No sales at home .* FRA \(\d"):
        World.from_long(table, missing="zero")
    report = validate_flows(table, missing="zero")
    assert not report.usable and any(
        "FRA has no row for its sales at home" in i.problem for i in report.issues
    )


@pytest.mark.parametrize(("name", "rows"), [("sep", 2), ("titled", 3), ("comtrade_api", 5)])
def test_24_lines_above_the_heads(tmp_path: Path, name: str, rows: int) -> None:
    path = shared(f"24_header_lines/{name}.csv")
    # A table of the United Nations has no firms and no currency: its reporter stands for the one, dollars for the other.
    options = [] if name != "comtrade_api" else ["--column", "firm=reporterISO", "--constant", "currency=USD"]
    report = command(path, tmp_path / "out", *options)
    source = report["sources"][0]
    # The line TOTAL at the foot, the world, a re-export and all products are set aside.
    assert source["kept"] == 2 and source["rows"] == rows
    if name == "comtrade_api":
        trade = pd.read_parquet(tmp_path / "out" / "panel" / "trade.parquet")
        assert dict(zip(trade["country"], trade["value"], strict=True)) == {"ARG": 5000.5, "TWN": 10000.0}
    else:
        assert "above the heads skipped" in " ".join(report["notes"])
