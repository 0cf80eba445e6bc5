"""Diversification on the page Who gains: how widely exports are spread, what that does, and a lever that opens markets."""

from __future__ import annotations

from html import escape

import numpy as np
import streamlit as st

from firmtrade_core.analysis.diversification import (
    COMMON,
    MEASURES,
    RISK,
    Diversification,
    diversification,
    largest_partner,
    lever,
)
from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium.states import origin
from firmtrade_core.home import HomeFirms
from firmtrade_core.home.inclusion import KINDS
from firmtrade_core.labels import change, grouped, in_percent, level, number
from firmtrade_core.margins import FirmsMargins
from firmtrade_core.report.export import about_result
from firmtrade_core.report.firm_result_tables import diversification_tables
from firmtrade_core.scenarios import Scenario, compile
from firmtrade_core.words.scenario import countries as spoken
from pages.parts.frame.exports import several_downloads
from pages.parts.frame.page import heading, table
from pages.parts.frame.store import Store

#: Changes of fixed costs that the lever offers.
_OFFERED = (-0.1, -0.2, -0.4)

_READING = (
    "Swings: every economy's imports grow by a shock of its own and one that all share; spreading exports takes away the former. "
    f"Estimated on imports of 81 economies, 2012 to 2022: a standard deviation of {100 * RISK:.3g} % a year, {100 * COMMON:.0f} % of "
    "its variance common (OECD inter-country input-output tables)."
)


@st.cache_resource(show_spinner=False, max_entries=12)
def _found(
    result: str, country: str, home_hash: str, _equilibrium: Equilibrium, _scenario: Scenario, _home: HomeFirms | None
) -> Diversification:  # fmt: skip
    treatment = None
    if _home is not None and isinstance(_equilibrium.margins_in_force, FirmsMargins):
        treatment = compile(_scenario, origin(_equilibrium), _home).treatment
    return diversification(_equilibrium, country, treatment)


def spread_of_exports(
    store: Store, equilibrium: Equilibrium, scenario: Scenario, country: str, home: HomeFirms | None
) -> None:
    """The section.

    Parameters
    ----------
    home
        Firms of the country that may be told of; None without.
    """
    heading("Diversification", _READING)
    own = home if home is not None and home.country == country else None
    known = "" if own is None else own.content_hash
    found = _found(equilibrium.content_hash, country, known, equilibrium, scenario, own)
    st.html(f'<p class="ft-step" data-spread="{escape(country)}"><b>{escape(found.sentence())}</b></p>')
    _lever(store, equilibrium, country)
    left, right = st.columns(2, gap="large")
    with left:
        table(
            "Before and after",
            ("Exports", "Before", "After"),
            [
                (MEASURES[key][0], _written(row["before"], MEASURES[key][1]), _written(row["after"], MEASURES[key][1]))
                for key, row in found.table.to_dict("index").items()
            ],
            units={"Before": "as its row says", "After": "as its row says"},
        )  # fmt: skip
        st.html(f'<p class="ft-quiet">{escape(_cost(found))}</p>')
    with right:
        if found.groups:
            _groups(found)
    several_downloads(
        diversification_tables(found), lambda: about_result(scenario, equilibrium), key="diversification"
    )


def _lever(store: Store, equilibrium: Equilibrium, country: str) -> None:
    partner = largest_partner(equilibrium, country)
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    by = row.selectbox(
        "Fixed costs of other markets", _OFFERED, index=1, format_func=lambda value: change(100 * value), key="spread_by", width=190
    )  # fmt: skip
    row.button(
        f"Open markets beside {spoken([partner]).text}",
        icon=":material/alt_route:",
        key="spread_lever",
        help="Adds a card to the scenario: firms' fixed costs of serving every destination but the largest fall. It says nothing of what bringing that about costs.",
        on_click=lambda: store.add_card(lever(country, partner, float(by))),
    )


def _written(value: float, unit: str) -> str:
    if not np.isfinite(value):
        return "–"
    return number(value, significant=3) if unit == "count" else level(value, unit)


def _cost(found: Diversification) -> str:
    if not np.isfinite(found.pairs):
        return "Who opens new markets is told where the scenario counts the home country's firms one by one."
    if not found.pairs > 0:
        return "No firm-market pairs are gained."
    if np.isfinite(found.cost_per_pair):
        return f"Each new firm-market pair costs {grouped(found.cost_per_pair)} USD of outlay a year."
    worth = found.worth_per_pair
    text = f"{grouped(worth)} USD a year" if worth > 0 else "nothing"
    return f"No cost is entered: a new firm-market pair is worth {text} to {country_name(found.country)} by this scenario."


def _groups(found: Diversification) -> None:
    kinds = list(found.groups)
    kind = st.segmented_control(
        "New markets by", kinds, default="exporting" if "exporting" in kinds else kinds[0], required=True,
        format_func=lambda name: KINDS[name].capitalize(), key="spread_kind",
    )  # fmt: skip
    table(
        "Who opens new markets",
        (KINDS[kind].capitalize(), "New pairs", "Share"),
        [
            (
                str(row["group"]),
                "–" if not np.isfinite(row["pairs"]) else change(row["pairs"], "firm-market pairs"),
                "–" if not np.isfinite(row["share"]) else in_percent(row["share"]),
            )
            for row in found.groups[kind].to_dict("records")
        ],
    )
