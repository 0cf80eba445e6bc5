"""The record of predictions as tables to take away."""

from __future__ import annotations

import pandas as pd

from firmtrade_core.backtests.board import Board
from firmtrade_core.codes.countries import country_name
from firmtrade_core.labels import columns_of
from firmtrade_core.report.export import Table, table


def board_table(board: Board) -> Table:
    """Every score of every episode, a row each."""
    told = list(columns_of("record_of_predictions"))[1:]
    frame = pd.DataFrame(
        [
            {"episode": episode.title, **{name: row[name] for name in told}}
            for episode in board.episodes
            for row in episode.rows
        ]
    )
    scores = told[told.index("skill") :]
    frame[scores] = frame[scores].astype(float)
    return table("record_of_predictions", "Record of predictions", frame)


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
    )
