"""How sure: every headline with its band, other laws of firms and verdict; what the band rests on; what to know better."""

from __future__ import annotations

from concurrent.futures import Future
from html import escape

import streamlit as st

from firmtrade_core.analysis.uncertainty import DRAWS, Bands
from firmtrade_core.codes.countries import country_name
from firmtrade_core.figures import headlines
from firmtrade_core.figures.uncertainty import VARIABLE, band_of, sources_bar
from firmtrade_core.labels import change, number
from firmtrade_core.report.export import about_result
from firmtrade_core.report.page_tables import band_table
from pages.parts.data.worlds import short_sources
from pages.parts.frame import chart
from pages.parts.frame.exports import table_downloads
from pages.parts.frame.page import heading, table
from pages.parts.frame.store import Store
from pages.parts.result import bands
from pages.parts.result.reading import Reading
from pages.parts.result.robust import robust


def how_sure(store: Store, reading: Reading, *, key: str = "sure") -> None:
    """The bands of what is shown; where they are being drawn, that; where none are drawn, why."""
    _bands(store, reading, key)
    robust(store, reading, key=f"{key}_robust")


def _bands(store: Store, reading: Reading, key: str) -> None:
    asked = bands.asked(store, reading)
    found = bands.done(asked)
    if found is None:
        _none(asked)
        return
    numbers = headlines(reading.second, store.country, country_name(store.country), reading.first)
    pairs = [(item, band) for item in numbers if (band := band_of(found, item, store.country))]
    chart.draw(
        sources_bar(
            found,
            pairs[0][1],
            pairs[0][0].label,
            subtitle=f"Shares of the variance of {DRAWS} draws · {reading.name}",
            source=short_sources(reading.world),
        ),
        key=f"{key}_sources",
        result=reading.hash,
    )
    table(
        "How sure",
        ("Outcome", "Answer", "90 % band", "Error of its ends", "Other laws of firms", "Verdict"),
        [
            (
                item.label,
                change(band.value, band.unit),
                f"{band.ends} {band.unit}",
                f"±{number(band.error, most_decimals=4)} {band.unit}",
                _laws(band.laws_range, band.unit),
                band.verdict,
            )
            for item, band in pairs
        ],
        words=("Verdict",),
    )
    with st.expander("What the bands rest on"):
        st.markdown("\n".join(f"- {note}" for note in found.notes))
        table_downloads(
            band_table(found), lambda: about_result(store.scenario, reading.second), key=f"{key}_bands"
        )


def _laws(known: tuple[float, float] | None, unit: str) -> str:
    return "–" if known is None else f"{number(known[0], signed=True)} to {change(known[1], unit)}"


def _none(asked: Future[Bands | str] | None) -> None:
    heading("How sure")
    words = "The bands are being drawn; they stand here in a moment."
    if asked is None:
        words = f"No bands are drawn on this machine ({VARIABLE}=off)."
    else:
        result = asked.result() if asked.done() and not asked.cancelled() else None
        if isinstance(result, str):
            words = f"No band: {result}"
    st.html(f'<p class="ft-quiet">{escape(words)}</p>')
