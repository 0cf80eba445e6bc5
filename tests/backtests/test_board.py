"""The board that ships: whole, readable, true to what is made anew, and what it says of partners."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firmtrade_core.backtests import BacktestError
from firmtrade_core.backtests.board import Board, nearest, store, stored_board, us_episode
from firmtrade_core.cli.main import app

KEYS = [
    "us_2025",
    "us_2025_apr_oct",
    "pair_years_1",
    "pair_years_3",
    "pair_years_5",
    "us_china_2018",
    "agreements",
]


def test_the_stored_board_holds_every_episode_with_rivals() -> None:
    board = stored_board()
    assert [e.key for e in board.episodes] == KEYS
    for episode in board.episodes:
        assert {row["kind"] for row in episode.rows} >= {"model", "econometrics"}, episode.key
        assert episode.points and episode.misses and episode.words.endswith(".")
        for row in episode.rows:
            assert (
                row["skill"] <= 1
                and -1 <= (row["correlation"] if row["correlation"] == row["correlation"] else 0) <= 1
            )
    assert {"ridge", "boosting", "projections", "published", "ppml"} <= {
        row["method"] for row in board.episode("us_2025").rows
    }
    assert [row["horizon"] for row in board.elasticities] == list(range(1, 9))
    with pytest.raises(BacktestError, match="no episode"):
        board.episode("none")


def test_what_ships_is_what_a_run_makes() -> None:
    board = stored_board()
    fresh, _ = us_episode(choices=(4.0,), board=board)
    was, now = board.episode("us_2025").row("model 4"), fresh.row("model 4")
    for name in ("correlation", "slope", "skill", "equal_growth"):
        assert now[name] == pytest.approx(was[name], abs=2e-3), name
    assert fresh.row("projections")["skill"] == pytest.approx(
        board.episode("us_2025").row("projections")["skill"], abs=2e-3
    )


def test_it_survives_writing_and_reading(tmp_path: Path) -> None:
    board = stored_board()
    again = Board.from_json(store(board, tmp_path / "board.json").read_text(encoding="utf-8"))
    assert again.to_json() == board.to_json()
    with pytest.raises(BacktestError, match="version"):
        Board.from_json('{"version": 0}')
    with pytest.raises(BacktestError, match="no board"):
        Board.from_json("[]")


def test_partners_have_records_at_the_nearest_elasticity() -> None:
    board = stored_board()
    assert nearest(4.2) == 4 and nearest(1.3) == 1 and nearest(0.03) == 1 and nearest(9) == 4
    record = board.partner("CHN", 4.0)
    assert record is not None and record["predictions"] > 10 and record["verdict"] in ("skill", "no skill")
    member, union = board.partner("LUX", 4.0), board.partner("EU", 4.0)
    assert union is not None and member is not None
    assert board.partner("XYZ", 4.0) is None


def test_the_command_prints_the_board(monkeypatch: pytest.MonkeyPatch) -> None:
    import firmtrade_core.backtests.board as module

    monkeypatch.setattr(module, "NUMBERS", (4.0,))
    gravity = {"GRAV": module.elasticity_sets()["GRAV"]}
    monkeypatch.setattr(module, "elasticity_sets", lambda: gravity)
    monkeypatch.setattr(module, "horizon_sets", dict)
    found = CliRunner().invoke(app, ["backtest", "--misses", "2"])
    assert found.exit_code == 0, found.output
    for words in (
        "United States, calendar 2025 on 2024",
        "without China",
        "stored run of",
        "missed: USA from",
        "skill",
    ):
        assert words in found.output


def test_a_file_holds_the_board_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import firmtrade_core.backtests.board as module

    monkeypatch.setattr(module, "current_board", lambda say: stored_board())
    as_json = CliRunner().invoke(app, ["backtest", "--json", "--out", str(tmp_path / "board.json")])
    assert as_json.exit_code == 0
    assert [e["key"] for e in json.loads(as_json.stdout)["episodes"]] == KEYS
    assert Board.from_json((tmp_path / "board.json").read_text(encoding="utf-8")).episodes


def test_the_command_says_what_is_missing(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["backtest", "--world-panel", str(tmp_path / "none.parquet")])
    assert found.exit_code == 2 and "none.parquet" in found.output
    found = CliRunner().invoke(app, ["backtest", "--agreements", str(tmp_path / "none.parquet")])
    assert found.exit_code == 2 and "give both or none" in found.output
    found = CliRunner().invoke(app, ["backtest", "--store"])
    assert found.exit_code == 2 and "stored whole" in found.output


@pytest.mark.truth
def test_the_stored_run_is_made_again(needs_data: Callable[[str], Path]) -> None:
    from firmtrade_core.backtests.board import full_board

    files = (
        needs_data("icio") / "flows_2011_2022.parquet",
        needs_data("agtpa") / "panel_1986_2006.parquet",
        needs_data("agtpa") / "mfn_tariffs_panel.parquet",
    )
    board, made = stored_board(), full_board(*files)
    for key in KEYS:
        for row in made.episode(key).rows:
            was = board.episode(key).row(row["method"], row["horizon"], row["sample"])
            if math.isfinite(row["skill"]):
                assert row["skill"] == pytest.approx(was["skill"], abs=0.02), (key, row["method"])


def test_the_trade_war_is_told_by_sector_too() -> None:
    (war,) = [e for e in stored_board().episodes if e.key == "us_china_2018"]
    assert len(war.sectors) > 20 and all(row["predictions"] >= 10 for row in war.sectors)
