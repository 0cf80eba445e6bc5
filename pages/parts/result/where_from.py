"""Any headline opens where it comes from: definition, equation, what it was made of, certificate."""

from __future__ import annotations

from html import escape

import streamlit as st

from firmtrade_core.analysis.uncertainty import Band
from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.figures import Headline, headlines
from firmtrade_core.figures.uncertainty import band_of
from firmtrade_core.labels import in_powers, number
from firmtrade_core.report.where_from import Ingredient, where_from
from firmtrade_core.scenarios import Scenario
from pages.parts.frame.store import Store
from pages.parts.result import bands
from pages.parts.result.reading import Reading


def where_from_row(store: Store, reading: Reading, *, key: str) -> None:
    """A row under the headline numbers, one way in for each of them."""
    equilibrium = reading.second
    numbers = headlines(equilibrium, store.country, country_name(store.country))
    with st.container(key=f"ft_where_{key}", horizontal=True, gap=None):
        for place, item in enumerate(numbers):
            asked = st.button(
                "Where from",
                key=f"where_{key}_{place}",
                type="tertiary",
                help=f"{item.label}: definition, equation, sources, certificate",
            )
            if asked:
                found = bands.shown(store, reading)
                band = None if found is None else band_of(found, item, store.country)
                _dialog(item, equilibrium, store.scenario, band, () if found is None else found.notes)


@st.dialog("Where this number comes from", width="medium")
def _dialog(
    item: Headline, equilibrium: Equilibrium, scenario: Scenario, band: Band | None, notes: tuple[str, ...]
) -> None:
    trace = where_from(item.variable, equilibrium, scenario)
    st.html(
        f'<div class="ft-trace"><p class="ft-number-in-words"><b>{escape(item.label)}: '
        f"{escape(number(item.value, signed=True))} {escape(item.unit)}</b> · {escape(item.detail)} · {escape(_interval(band))}</p>"
        f"<p>{escape(trace.variable.explanation)}</p></div>"
    )
    if trace.variable.formula:
        st.latex(trace.variable.formula)
    st.html('<p class="ft-quiet">A hat is new over old, a prime is new; the page Methods derives it.</p>')
    _ingredients(trace.ingredients)
    _certificate(trace.certificate, dict(trace.residuals))
    if notes:
        lines = "".join(f"<li>{escape(note)}</li>" for note in notes)
        st.html(f'<h3 class="ft-heading">What the band rests on</h3><ul class="ft-list">{lines}</ul>')
    cited = "".join(f"<li>{escape(citation)}</li>" for citation in trace.literature)
    st.html(f'<h3 class="ft-heading">Rests on</h3><ul class="ft-list">{cited}</ul>')


def _interval(band: Band | None) -> str:
    return "no interval yet" if band is None else f"{band.words} (error of the ends {number(band.error)})"


def _ingredients(items: tuple[Ingredient, ...]) -> None:
    rows = "".join(
        f"<tr><th scope='row'>{escape(item.label)}</th><td>{escape(item.value)}</td><td>{escape(item.source)}</td>"
        f"<td>{escape(item.estimated) or 'observed'}</td></tr>"
        for item in items
    )
    st.html(
        '<h3 class="ft-heading">Made of</h3><div class="ft-words" tabindex="0" role="region" aria-label="Made of"><table>'
        "<thead><tr><th>Input</th><th>In this result</th><th>Source</th><th>Estimated or assumed</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _certificate(terms: tuple[tuple[str, str], ...], residuals: dict[str, float]) -> None:
    lines = "".join(f"<dt>{escape(term)}</dt><dd>{escape(words)}</dd>" for term, words in terms)
    rows = "".join(
        f"<tr><th scope='row'>{escape(equation)}</th><td>{in_powers(value, decimals=1)}</td></tr>"
        for equation, value in residuals.items()
    )
    st.html(
        f'<h3 class="ft-heading">Certificate</h3><dl class="ft-facts">{lines}</dl>'
        '<details class="ft-details"><summary>Largest gap of each equation, relative to its market</summary>'
        f'<div class="ft-words"><table><tbody>{rows}</tbody></table></div></details>'
    )
