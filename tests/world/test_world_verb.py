"""The verb ``world``."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firmtrade_core.cli.main import app
from firmtrade_core.world.embedded import load_embedded_world
from tests.worlds import make_world

RUNNER = CliRunner()


def run(*arguments: object) -> tuple[int, str]:
    result = RUNNER.invoke(app, ["world", *map(str, arguments)])
    return result.exit_code, result.output


def test_show() -> None:
    code, text = run("show")
    assert code == 0
    assert "Value of all trade between countries, by pair and sector: 98.7\u202f%" in text
    assert "Economies whose value added is GDP to 1 %: 81 of 81" in text
    assert "none is known of Rest of the world" in text
    code, text = run("show", "--json")
    assert json.loads(text)["hash"] == load_embedded_world().content_hash


def test_check(tmp_path: Path) -> None:
    path = make_world().save(tmp_path / "a.world")
    assert run("check", path)[0] == 0
    path.write_bytes(b"hello")
    code, text = run("check", path)
    assert code == 1
    assert "is not a world file" in text
    code, text = run("check", path, "--json")
    assert (code, json.loads(text)["error"]) == (1, "WorldFileError")
    table = tmp_path / "flows.csv"
    make_world(2, 2, inputs=False).with_(countries=("DEU", "FRA")).to_long().to_csv(table, index=False)
    assert run("check", table)[0] == 0


def test_load(tmp_path: Path) -> None:
    from tests.world.test_loaders import icio_file

    groups = tmp_path / "groups.csv"
    groups.write_text("sector,group\nA01_02,goods\nC10T12,goods\nG,services\n")
    made = tmp_path / "a.world"
    code, text = run("load", "oecd-icio", icio_file(tmp_path), "-o", made, "--sectors", groups, "--json")
    assert (code, json.loads(text)["sectors"]) == (0, 2)
    assert run("show", made)[0] == 0
    code, text = run("load", "nothing", made, "-o", made)
    assert code == 2
    assert "no loader" in text


def test_build_without_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRMTRADE_FIGURES", str(tmp_path))
    code, text = run("build", "-o", tmp_path / "a.world")
    assert code == 3
    assert "lacks national_2022.csv" in text
