"""The record of predictions beside an answer: a line under the headline, and a column beside partners."""

from __future__ import annotations

from html import escape

import pandas as pd
import streamlit as st

from firmtrade_core.backtests import BacktestError
from firmtrade_core.backtests.board import Board, stored_board
from firmtrade_core.backtests.words import beside_answer, beside_partners, mean_elasticity, standing
from firmtrade_core.codes.countries import REST_OF_WORLD
from firmtrade_core.labels import change, level
from firmtrade_core.scenarios.errors import ScenarioError
from pages.parts.frame.page import table
from pages.parts.frame.store import Store

#: Policies whose like the record holds: those that move tariffs.
_LIKE = frozenset({"tariff", "schedule", "free_trade_area", "customs_union"})

#: Partners in the table: those that change most.
_MOST = 12


def _board(store: Store) -> Board | None:
    """The stored board where the scenario moves tariffs and the board can be read."""
    if not any(card.kind in _LIKE for card in store.scenario.active_cards):
        return None
    try:
        return stored_board()
    except BacktestError:
        return None


def record_line(store: Store) -> None:
    """Under the headline: what the record says of answers of this kind."""
    board = _board(store)
    if board is None:
        return
    try:
        words = beside_answer(board, store.country, mean_elasticity(store.scenario.structure))
    except ScenarioError:
        return
    st.html(f'<p class="ft-quiet ft-record">{escape(words)}</p>')


def partners_record(store: Store, pairs: pd.DataFrame, direction: str) -> None:
    """Under the partners: each one's own record, and for whom a prediction has none to stand on.

    Parameters
    ----------
    store
    pairs
        Of `figures.by_partner`.
    direction
        ``imports``: the record is each partner's as a seller; ``exports``: it is the country's own, in all its markets.
    """
    board = _board(store)
    if board is None:
        return
    elasticity = mean_elasticity(store.scenario.structure)
    if direction == "exports":
        said = standing(board, store.country, elasticity)
        st.html(
            f'<p class="ft-quiet ft-record">Record of earlier predictions of what others bought from here: {escape(said)}.</p>'
        )
        return
    named = pairs[pairs["code"] != REST_OF_WORLD]
    moved = (named["after"] - named["before"]).abs()
    shown = named.loc[moved.sort_values(ascending=False, kind="stable").index[:_MOST]]
    st.html(
        f'<p class="ft-quiet ft-record">{escape(beside_partners(board, shown["code"].tolist(), elasticity))}</p>'
    )
    with st.expander("Each partner with its record"):
        table(
            "Imports by partner, and the record of earlier predictions of imports from it",
            ("Partner", "Before", "After", "Change", "Record"),
            [
                (
                    str(row["name"]),
                    level(float(row["before"]), "bn USD"),
                    level(float(row["after"]), "bn USD"),
                    change(float(row["change"])),
                    standing(board, str(row["code"]), elasticity),
                )
                for row in shown.to_dict("records")
            ],
            words=("Record",),
            headed=False,
        )
