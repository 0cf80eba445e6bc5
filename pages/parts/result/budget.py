"""The public budget on screen, wherever a policy pays: what is collected, what is paid, and who bears the sum."""

from __future__ import annotations

from html import escape

import streamlit as st

from firmtrade_core.analysis.budget import amount, budget, payers, sentence
from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.labels import level
from firmtrade_core.words.scenario import countries as spoken
from pages.parts.frame.page import table


def show_budget(equilibrium: Equilibrium, country: str) -> None:
    """The budget of the country looked at, and who else pays; nothing where duties alone move."""
    paying = payers(equilibrium)
    if words := sentence(equilibrium, country):
        rows = [
            (
                str(row["label"]),
                level(row["before"], "bn USD"),
                level(row["after"], "bn USD"),
                amount(row["change"]),
            )
            for row in budget(equilibrium, country).to_dict("records")
        ]
        table(
            f"Public budget of {country_name(country)}, a year",
            ("Collected (+), paid (−)", "Before", "After", "Change"),
            rows,
        )
        st.html(f'<p class="ft-quiet">{escape(words)}</p>')
    others = [code for code in paying if code != country]
    if others:
        first = sentence(equilibrium, others[0])
        more = len(others) - 1
        said = f" {more} more {'budget moves' if more == 1 else 'budgets move'} too." if more else ""
        if country not in paying:
            said += f" That of {spoken([country]).text} pays for none of these policies."
        st.html(f'<p class="ft-quiet">{escape(first + said)}</p>')
