"""An equation of one's own on the Trade costs page: a formula, combinations, tests, and what a change would do."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import pandas as pd
import streamlit as st

from firmtrade_core.analysis.gravity_counterfactual import (
    GravityCounterfactual,
    gravity_counterfactual,
    read_change,
)
from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.gravity.effects import effects_table, predict
from firmtrade_core.gravity.errors import GravityError
from firmtrade_core.gravity.estimated import Coefficient, GravityEstimate
from firmtrade_core.gravity.formula import read_formula, read_years, write_formula
from firmtrade_core.gravity.panel import GravityPanel
from firmtrade_core.gravity.panel_file import FLOWS
from firmtrade_core.gravity.specification import GravitySpecification
from firmtrade_core.gravity.variables import split
from firmtrade_core.labels import grouped, in_percent, in_powers, number, probability
from firmtrade_core.report.export import About
from firmtrade_core.report.page_tables import (
    coefficient_table,
    gravity_change_table,
    gravity_effects_table,
    predicted_table,
)
from firmtrade_core.words.gravity import dropped
from firmtrade_core.world.errors import WorldError
from pages.parts.costs import trade_panels as panels
from pages.parts.costs.trade_panels import Choices, PanelFile
from pages.parts.frame.exports import table_downloads
from pages.parts.frame.page import complain, heading, table

_FOUND = "own_equation"

_ESTIMATORS = {"ppml": "PPML", "ols": "OLS on logs", "ols_remoteness": "OLS with remoteness"}

_GRAMMAR = (
    "Regressors joined by +, effects after a bar. `log(x)`, `log1p(x)`, `lag(x, 4)`, `lead(x, 2)`, `change(x, 3)`, "
    "`x:y`, `is(year, 2001)`, `by(border, year)`; effects such as `exporter^year`, `importer^year`, `pair`, `symmetric_pair`."
)


def own_equation(
    file: PanelFile, chosen: Choices, shown: GravitySpecification, about: Callable[[], About]
) -> None:
    """Estimate what a researcher writes, on the trade chosen above; nothing else on the page changes.

    Parameters
    ----------
    file, chosen
        The trade and its sector.
    shown
        The equation of the page, from which the first formula is written.
    about
        Provenance of downloads.
    """
    heading("An equation of one's own")
    with st.form("own_equation_form", border=False):
        formula = st.text_input("Formula", write_formula(shown), key="own_formula", help=_GRAMMAR)
        one, two, three = st.columns([2, 1, 1])
        combine = one.text_input(
            "Linear combinations, separated by ;",
            key="own_combine",
            placeholder="rta + lag(rta, 4); 2*contiguity - language",
        )
        estimator = two.selectbox(
            "Estimator", list(_ESTIMATORS), format_func=_ESTIMATORS.__getitem__, key="own_estimator"
        )
        years = three.text_input("Years", key="own_years", placeholder="all; 1986:2006:4")
        asked = st.form_submit_button("Estimate the formula", type="primary")
    if asked:
        st.session_state[_FOUND] = _answer(file, chosen, formula, combine, estimator, years, shown)
    held = st.session_state.get(_FOUND)
    if held is None or held[0] != file.content_hash:
        return
    if isinstance(held[1], str):
        complain(
            "No estimate to show", held[1], "The formula stays as you wrote it: mend it and estimate again."
        )
        return
    _, found, panel, combined = held
    _coefficients(found, combined)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        table_downloads(coefficient_table(found), about, key="own_coefficients")
        if found.specification.effects:
            table_downloads(
                gravity_effects_table(effects_table(found)), about, key="own_effects", label="Effects"
            )
        table_downloads(
            predicted_table(panel.table.assign(predicted=predict(found, panel)), file.unit),
            about,
            key="own_predicted",
            label="Predictions",
        )
    _what_if(found, panel, about)


def _answer(
    file: PanelFile,
    chosen: Choices,
    formula: str,
    combine: str,
    estimator: str,
    years: str,
    shown: GravitySpecification,
) -> tuple[object, ...]:
    """The trade's hash with the estimate, its panel and combinations; or with what is wrong."""
    try:
        sector = panels.sector_of(file, chosen)
        panel = file.panel.only(sectors=[sector]) if sector else file.panel
        flow, equation = read_formula(
            formula,
            estimator=estimator,
            clusters=shown.clusters,
            domestic=shown.domestic,
            years=read_years(years) if years.strip() else None,
        )
        if flow not in ("trade", *FLOWS):
            return file.content_hash, f"The flow is called trade here, not {flow!r}: write trade ~ ..."
        found = panels.estimated(file.content_hash, sector, equation.content_hash, panel, equation)
        combined = [found.combination(text) for text in split(combine, ";") if text.strip()]
        return file.content_hash, found, panel, combined
    except (GravityError, ValueError) as error:
        return file.content_hash, str(error)


def _coefficients(found: GravityEstimate, combined: list[Coefficient]) -> None:
    rows = pd.concat([found.table(), pd.DataFrame([vars(c) for c in combined])], ignore_index=True)
    interval = f"{in_percent(found.specification.confidence)} interval"
    table(
        "Coefficients of the formula",
        ("Of", "Estimate", "Std. error", interval),
        [
            (str(term), number(estimate), number(error), f"{number(low)} to {number(high)}")
            for term, estimate, error, low, high in zip(
                *(rows[c] for c in ("term", "estimate", "std_error", "low", "high")), strict=True
            )
        ],
        words=("Of",),
        units=dict.fromkeys(("Estimate", "Std. error", interval), "log points per unit"),
        headed=False,
        whole=False,
    )
    words = [f"{grouped(found.observations)} observations.", dropped(found), *found.notes]
    if "log" not in found.specification.estimator and len(found.terms):
        try:
            test = found.reset_test()
            words.append(f"RESET: χ² {number(test.statistic)}, {probability(test.p_value)}.")
        except GravityError as error:
            words.append(f"RESET: {error}")
    st.html(f'<p class="ft-quiet">{escape(" ".join(words))}</p>')


def _what_if(found: GravityEstimate, panel: GravityPanel, about: Callable[[], About]) -> None:
    """Changes of regressors between countries, at given outputs and in full equilibrium."""
    with st.form("own_change_form", border=False):
        one, two, three, four = st.columns([3, 1, 1, 3])
        text = one.text_input(
            "What changes, separated by ;",
            key="own_change",
            placeholder="border=0; rta=1@CHL,USA",
            help="A regressor's new value between countries, or between members only.",
        )
        elasticity = two.number_input(
            "Trade elasticity ε",
            0.5,
            30.0,
            4.0,
            0.5,
            key="own_elasticity",
            help="Of the equation's trade costs.",
        )
        year = three.selectbox("Year", sorted({*map(int, found.cells["year"])}, reverse=True), key="own_year")
        second = four.text_input(
            "What predicts costs of pairs without an effect",
            key="own_second",
            placeholder="log(dist) + contiguity",
        )
        asked = st.form_submit_button("What would it do?")
    if not asked or not text.strip():
        return
    try:
        result = gravity_counterfactual(
            found,
            panel,
            [read_change(part) for part in split(text, ";") if part.strip()],
            year=int(year),
            elasticity=float(elasticity),
            second_stage=split(second, "+") if second.strip() else (),
        )
    except (GravityError, WorldError, EquilibriumError, ValueError) as error:
        complain("No counterfactual to show", str(error), "The estimate above stays.")
        return
    _changes(result, about)


def _changes(result: GravityCounterfactual, about: Callable[[], About]) -> None:
    by_country = result.table()
    table(
        "What the change would do, by country",
        ("Country", "Exports, outputs given, %", "Exports, full, %", "Real income, %"),
        [
            (country_name(str(code)), *map(number, values))
            for code, *values in by_country.sort_values("real_income", ascending=False)[
                ["country", "exports_conditional", "exports_full", "real_income"]
            ].itertuples(index=False)
        ],
        whole=False,
    )
    certificate = result.equilibrium.certificate
    completed = int(result.structure.completed.sum())
    st.html(
        f'<p class="ft-quiet">One sector, competitive, endowments; deficits in step with income; full effects in units of '
        f"{escape(country_name(result.structure.reading.reference))}'s consumer price. Largest residual {in_powers(certificate.largest)}."
        + (f" Costs of {grouped(completed)} pairs that never trade were predicted." if completed else "")
        + "</p>"
    )
    table_downloads(gravity_change_table(by_country), about, key="own_change")
