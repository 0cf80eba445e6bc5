"""Past growth of exports by what predicts it: kinds of attributes, within firms and between them."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import pandas as pd
import streamlit as st

from firmtrade_core.attribution import AttributionError, FirmHistory, PredictedGrowth, attribute_predictors
from firmtrade_core.figures.attribution import predicted_waterfall
from firmtrade_core.labels import change, grouped, listed, money
from firmtrade_core.report.export import About, Table
from pages.parts.frame import chart
from pages.parts.frame.exports import several_downloads
from pages.parts.frame.page import heading, table

_READING = (
    "Exports of all firms there in both years are fitted on their attributes, year by year (Poisson pseudo maximum "
    "likelihood), and the change is split by each firm's own: attributes that changed, exports that moved to firms with "
    "more of them, what all share. Parts add up exactly. Prediction, not effect: see Channels for effects."
)


@st.cache_resource(show_spinner=False, max_entries=8)
def _predicted(key: str, first: int, second: int, _history: FirmHistory) -> PredictedGrowth:
    return attribute_predictors(_history, first, second)


def growth_predictors(
    history: FirmHistory, key: str, first: int, second: int, about: Callable[[], About]
) -> None:
    """The section, which says why where there is nothing to tell.

    Parameters
    ----------
    key
        Identifies the history.
    """
    heading("What predicts the growth", _READING)
    try:
        with st.spinner("Fitting exports on attributes"):
            found = _predicted(key, first, second, history)
    except AttributionError as error:
        st.html(f'<p class="ft-quiet">{escape(str(error))}</p>')
        return
    unit, size = history.unit
    under = f"{unit} · {history.label} · {first} to {second}"
    left, right = st.columns([6, 6], gap="large")
    with left:
        chart.draw(
            predicted_waterfall(found, subtitle=under, source=f"Source: {history.source}."),
            key="predictors", result=f"{key}-{first}-{second}", kind="waterfall",
        )  # fmt: skip
    with right:
        table(
            "What firms did, and what predicts it",
            ("Firms", "How many", "Within", "Reallocation", "All share", "Beyond", "Opened, closed", "Change"),
            [
                (
                    str(row["label"]), grouped(row["firms"]),
                    *(change(row[name] / size, unit) for name in ("within", "reallocation", "market", "apart", "births", "change")),
                )
                for row in found.by_set().to_dict("records")
            ],
            units={"How many": "firms"},
        )  # fmt: skip
        kinds = {
            kind: [name.removeprefix("log_") for name, of in found.attributes.items() if of == kind]
            for kind in found.kinds
        }
        told = "; ".join(
            f"{kind}: {listed([name.replace('_', ' ') for name in names], most=8)}"
            for kind, names in kinds.items()
        )
        st.html(
            f'<p class="ft-quiet">Kinds of attributes: {told}. Beyond: what single firms did that their attributes do not '
            "predict; it cancels over firms there in both years. 90 % intervals, under the bars, from firms drawn anew.</p>"
        )
        several_downloads(predictor_tables(found), about, key="predictors")


def predictor_tables(found: PredictedGrowth) -> list[Table]:
    """Parts with their intervals, and what firms did."""
    unit = money(found.history.money, "m")
    steps = found.steps()[["label", "explanation", "change", "low", "high", "percent"]]
    steps.columns = pd.Index(["Part", "What it is", "Change", "Low", "High", "Of exports before"])
    sets = found.by_set()[["label", "within", "reallocation", "market", "apart", "births", "change"]]
    sets.columns = pd.Index(["Firms", "Within firms", "Reallocation", "All share", "Beyond their attributes", "Opened and closed", "Change"])  # fmt: skip
    years = f"{found.first} to {found.second}"
    return [
        Table("growth_by_predictor", f"Growth of exports by what predicts it, {years}", steps,
              {"Change": unit, "Low": unit, "High": unit, "Of exports before": "%"}),
        Table("growth_by_firms_and_predictor", f"What firms did, and what predicts it, {years}", sets,
              dict.fromkeys(map(str, sets.columns[1:]), unit)),
    ]  # fmt: skip
