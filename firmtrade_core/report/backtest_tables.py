"""The record of predictions as tables to take away."""

from __future__ import annotations

import pandas as pd

from firmtrade_core.backtests.board import Board
from firmtrade_core.codes.countries import country_name
from firmtrade_core.labels import Column
from firmtrade_core.report.export import Table, table

_SCORES = {
    "skill": Column("skill", "Skill", "skill", "1 perfect, 0 no better than equal growth, below 0 worse."),
    "correlation": Column("correlation", "Correlation", "correlation"),
    "slope": Column("slope", "Slope of actual on predicted", "times"),
    "error": Column("error", "Error", "log points"),
    "no_change": Column("no_change", "Error of no change", "log points"),
    "relative_error": Column("relative_error", "Error relative to the importer's total", "log points"),
    "equal_growth": Column("equal_growth", "Error of equal growth", "log points"),
}


def board_table(board: Board) -> Table:
    """Every score of every episode, a row each."""
    rows = [
        {
            "episode": episode.title,
            **{k: row[k] for k in ("label", "kind", "horizon", "sample", "predictions", *_SCORES)},
        }
        for episode in board.episodes
        for row in episode.rows
    ]
    frame = pd.DataFrame(rows)
    numbers = [*_SCORES]
    frame[numbers] = frame[numbers].astype(float)
    return table(
        "record_of_predictions",
        "Record of predictions",
        frame,
        {
            "episode": Column("episode", "Episode"),
            "label": Column("method", "Method"),
            "kind": Column("kind", "Kind"),
            "horizon": Column("horizon", "Ahead", "years"),
            "sample": Column("sample", "Pairs scored"),
            "predictions": Column("predictions", "Pairs", "count"),
            **_SCORES,
        },
    )


def partner_table(board: Board) -> Table:
    """Every partner's own record at each elasticity."""
    frame = pd.DataFrame(
        [
            {"method": method, "name": country_name(str(row["partner"])), **row}
            for method, rows in board.partners.items()
            for row in rows
        ]
    )
    return table(
        "records_of_partners",
        "Partners' records: predictions of imports from them after tariff changes and agreements",
        frame,
        {
            "name": "partner",
            "partner": "code",
            "method": Column("method", "Method"),
            "predictions": Column("predictions", "Predictions", "count"),
            "closer": Column("closer", "Closer than equal growth", "share of 1"),
            "right_sign": Column("right_sign", "Right sign", "share of 1"),
            "error": Column("error", "Error", "log points"),
            "equal_growth": Column("equal_growth", "Error of equal growth", "log points"),
            "skill": _SCORES["skill"],
            "verdict": "verdict",
        },
    )
