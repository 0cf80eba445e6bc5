"""A schedule of tariff lines on the lab's card: the trade that weighs them, and how they add up to sectors."""

from __future__ import annotations

from datetime import date
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from firmtrade_core.codes.countries import country_name
from firmtrade_core.codes.sectors import sector_words
from firmtrade_core.scenarios.offers import EVERYBODY, Offer, read_offer
from firmtrade_core.scenarios.schema import ScheduleRow
from firmtrade_core.world.uploads import Upload
from pages.parts.frame import access
from pages.parts.frame.page import table
from pages.parts.frame.store import Store
from pages.parts.frame.uploads import read_uploaded_table

#: Lines and sectors shown on a card.
_MOST = 8


def trade_of_lines(index: int) -> Any:
    """The file of trade by product beside a schedule of lines, if one is given."""
    return access.uploader(
        "Trade that weighs tariff lines (yours, or BACI's)",
        type=["csv", "xlsx", "parquet"],
        key=f"card_{index}_trade_file",
        help="Columns hs, exporter, importer and trade, or BACI's i, j, k, v. Without it every line counts the same.",
    )


def read_lines(index: int, given: pd.DataFrame, trade: Any, card: Any) -> tuple[ScheduleRow, ...]:
    """Rows of a card from tariff lines; what they rest on stays with the session.

    Raises
    ------
    ScenarioError, WorldError
    """
    flows = None if trade is None else read_uploaded_table(Upload(trade.name, trade.getvalue()))
    offer = read_offer(given, flows, importer=card.importers[0])
    rows = offer.rows(start=date(date.today().year + 1, 1, 1) if offer.cuts > 1 else None)
    st.session_state[_key(index)] = (_digest(rows), offer)
    return rows


def _key(index: int) -> str:
    return f"card_{index}_offer"


def _digest(rows: tuple[ScheduleRow, ...]) -> int:
    return hash(tuple((row.exporter, row.sector, row.rate, row.effective) for row in rows))


def offer_of(index: int, card: Any) -> Offer | None:
    """The lines that a card's rows came from, where this session read them."""
    digest, offer = st.session_state.get(_key(index), (None, None))
    return offer if offer is not None and digest == _digest(card.rows) else None


def tariff_lines(store: Store) -> None:
    """Below the map: how the tariff lines of the scenario's schedules add up."""
    for index, card in enumerate(store.scenario.cards):
        if not (card.enabled and card.kind == "schedule" and card.rows):
            continue
        if (offer := offer_of(index, card)) is None:
            continue
        with st.expander("How the tariff lines add up", expanded=True):
            left, right = st.columns(2, gap="large")
            with left:
                _sectors(offer)
            with right:
                _lines(offer)
            for note in offer.notes:
                st.html(f'<p class="ft-empty">{escape(note)}</p>')


def _who(code: str) -> str:
    return "All others" if code == EVERYBODY else country_name(code)


def _percent(value: float) -> str:
    return "–" if not np.isfinite(value) else f"{100 * value:.1f} %"


def _sectors(offer: Offer) -> None:
    shown = offer.table.assign(size=offer.table["trade"].fillna(0.0)).sort_values(
        ["size", "change"], ascending=[False, True], kind="stable"
    )
    table(
        "Largest by trade",
        ("Exporter, sector", "Change, points", "By trade", "Simple mean", "Covered"),
        [
            (
                f"{_who(row['exporter'])}, {sector_words(row['sector'])}",
                f"{100 * row['change']:+.2f}".replace("-", "−"),
                f"{_percent(row['base'])} to {_percent(row['final'])}",
                f"{_percent(row['simple_base'])} to {_percent(row['simple_final'])}",
                _percent(row["coverage"]),
            )
            for row in shown.head(_MOST).to_dict("records")
        ],
    )


def _lines(offer: Offer) -> None:
    table(
        "Lines that matter most",
        ("Line, exporter", "Sector", "Rate", "Yearly cuts", "Of its sector, points"),
        [
            (
                f"{row['hs']}, {_who(row['exporter'])}",
                sector_words(row["sector"]),
                f"{_percent(row['base'])} to {_percent(row['final'])}",
                str(row["cuts"]),
                f"{100 * row['pull']:+.2f}".replace("-", "−"),
            )
            for row in offer.lines.head(_MOST).to_dict("records")
        ],
        words=("Sector",),
        units={"Yearly cuts": "count"},
    )
