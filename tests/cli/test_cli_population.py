"""``--population``: firms of the country by sector and size, wherever the command line loads a home."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from firmtrade_core.cli.main import app
from firmtrade_core.home import HomeFirms
from firmtrade_core.home.population import count
from tests.firms import make_home
from tests.scenarios.conftest import synthetic_world

SCENARIO = (
    "name: P\ncards:\n- {kind: programme, policy: quality_certification, take_up: 0.5, unit_cost: 1.0e+5}\n"
)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    home = make_home()
    home.save(tmp_path / "home.parquet")
    home.weighted_to({}).save(tmp_path / "same.parquet")
    synthetic_world().save(tmp_path / "small.world")
    (tmp_path / "p.yaml").write_text(SCENARIO)
    rows = [(s, k, 3 * n) for s, sizes in count(home.firms).items() for k, n in sizes.items()]
    pd.DataFrame(rows, columns=["sector", "size", "firms"]).to_csv(tmp_path / "population.csv", index=False)
    return tmp_path


def solved(files: Path, *more: str, code: int = 0) -> dict[str, object]:
    arguments = [
        "solve",
        files / "p.yaml",
        "--world",
        files / "small.world",
        "--home",
        files / "home.parquet",
        *more,
    ]
    done = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    assert done.exit_code == code, done.output
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_three_times_the_firms_cost_three_times_the_money(files: Path) -> None:
    plain, more = solved(files), solved(files, "--population", str(files / "population.csv"))

    def outlay(found: dict[str, object]) -> float:
        budget = pd.DataFrame(found["budget"]).set_index("country").loc["ZAF"]
        lines = budget[budget["line"] == "programmes"]
        return float(abs(lines["after"].iloc[0] - lines["before"].iloc[0]))

    assert outlay(plain) > 0
    assert outlay(more) == pytest.approx(3 * outlay(plain), rel=0.05)


def test_a_population_of_nobody_is_refused_in_words(files: Path) -> None:
    (files / "p.csv").write_text("sector,size\nx,1-9\n")
    assert "no column firms" in str(solved(files, "--population", str(files / "p.csv"), code=2)["error"])
    (files / "t.yaml").write_text(
        "name: T\ncards:\n- {kind: tariff, importers: [USA], method: add, value: 0.1}\n"
    )
    done = CliRunner().invoke(
        app, ["solve", str(files / "t.yaml"), "--home", "none", "--population", str(files / "population.csv")]
    )
    assert done.exit_code == 2 and "uses none" in done.output


def test_the_same_firms_again(files: Path) -> None:
    assert (
        HomeFirms.load(files / "same.parquet").content_hash
        == HomeFirms.load(files / "home.parquet").content_hash
    )
