"""What the record says beside an answer comes from the board's own numbers."""

from __future__ import annotations

import pytest

from firmtrade_core.backtests.board import Board, stored_board
from firmtrade_core.backtests.words import (
    beside_answer,
    beside_partners,
    finding,
    judged,
    mean_elasticity,
    standing,
    verdict,
)
from firmtrade_core.labels import number
from firmtrade_core.scenarios.schema import Structure
from firmtrade_core.world.elasticities import horizon_sets


@pytest.fixture(scope="module")
def board() -> Board:
    return stored_board()


def test_skill_in_words() -> None:
    assert judged(0.5).startswith("better") and judged(0.05).startswith("no better")
    assert judged(-0.5).startswith("worse") and judged(float("nan")).startswith("not to be told")


def test_a_partner_without_skill_says_so(board: Board) -> None:
    rows = {row["partner"]: row for row in board.partners["model 4"]}
    poor = next(code for code, row in rows.items() if row["verdict"] == "no skill" and len(code) == 3)
    good = next(code for code, row in rows.items() if row["verdict"] == "skill" and len(code) == 3)
    assert standing(board, poor, 4.0).startswith("no skill:") and standing(board, good, 4.0).startswith(
        "skill:"
    )
    words = beside_partners(board, [poor, good, "XYZ"], 4.0)
    assert (
        "no better than equal growth for" in words
        and "no record to stand on" in words
        and "better for" in words
    )
    assert standing(board, "XYZ", 4.0) == "no record"


def test_the_line_under_the_headline_has_the_boards_numbers(board: Board) -> None:
    skill = float(board.episode("us_2025").row("model 4")["skill"])
    assert f"skill {number(skill, significant=2)}" in beside_answer(board, "USA", 4.0)
    assert "elasticity of 2" in beside_answer(board, "USA", 2.2)
    assert "large tariff changes" in beside_answer(board, "CHL", 4.0)
    assert "without China" in finding(board)
    for episode in board.episodes:
        assert verdict(episode).endswith(".") and "skill" in verdict(episode)


def test_one_elasticity_for_every_structure() -> None:
    assert mean_elasticity(Structure()) == 4.0
    assert mean_elasticity(Structure(elasticity="U4")) == 4.0
    assert mean_elasticity(Structure(elasticity="BLP10")) == pytest.approx(1.12)


def test_choices_by_years_since_the_change_are_named_and_the_models_own() -> None:
    sets = horizon_sets()
    assert {"BLP5", "BLP10", "Yil1", "AY0", "AKKRSlong", "LP1", "LP8"} <= set(sets)
    for found in sets.values():
        assert found.years and found.source and min(found.cost_elasticity().values()) > 0
        assert len(set(found.by_sector.values())) == 1
    assert sets["LP5"].intervals and sets["BLP10"].intervals["services"] == (1.49, 2.75)
