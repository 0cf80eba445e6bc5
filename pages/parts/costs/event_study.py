"""The section of the Trade costs page that looks before and after a policy."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import streamlit as st

from firmtrade_core.figures.trade_costs import event_plot
from firmtrade_core.gravity.errors import GravityError
from firmtrade_core.gravity.events import EventStudy, Window, sample_step, widest_window
from firmtrade_core.gravity.specification import GravitySpecification
from firmtrade_core.labels import in_percent
from firmtrade_core.report.gravity_code import event_code
from firmtrade_core.report.page_tables import about_study, event_table
from firmtrade_core.words.gravity import anticipation_words, dropped, event_finding, term_name
from pages.parts.costs import trade_panels as panels
from pages.parts.costs.trade_panels import Choices, PanelFile
from pages.parts.frame import chart
from pages.parts.frame.exports import table_downloads
from pages.parts.frame.page import complain, heading
from pages.parts.frame.store import seeded

_MOST_STEPS = 6

#: Below it, clustered errors of Poisson with three kinds of effects are visibly too small: in our simulations 95 %
#: intervals cover 70 % with 14 countries and 80 % with 40 where trade is as concentrated as between countries.
FEW_COUNTRIES = 50


def before_and_after(
    file: PanelFile, chosen: Choices, equation: GravitySpecification, code: str, source: str
) -> None:
    """Trade before and after a policy that pairs switch; says why where the panel cannot tell.

    Parameters
    ----------
    file
    chosen
    equation
        As estimated above.
    code
        Python that makes the panel.
    source
    """
    heading("Before and after a policy", "Each pair is compared with itself over the years.")
    found = panels.policies(file.content_hash, file.panel)
    if not found:
        st.html(f'<p class="ft-quiet">{escape(_why_not(file))}</p>')
        return
    place = st.expander("Look before and after", key="gravity_event", on_change="rerun")
    if place.open:
        with place:
            _section(file, chosen, equation, found, code, source)


def _why_not(file: PanelFile) -> str:
    if len(file.panel.years) < 2:
        return (
            "Cannot be told from one year of trade. Give a panel of several years, with a column of zeros and ones that "
            "switches for some pairs (a trade agreement, say), under A panel of one's own."
        )
    return (
        f"Cannot be told from {file.name}: it has no column of zeros and ones that switches within a pair from one year to "
        "another (a trade agreement, say)."
    )


def _section(
    file: PanelFile,
    chosen: Choices,
    equation: GravitySpecification,
    policies: tuple[str, ...],
    code: str,
    source: str,
) -> None:
    try:
        window = _window(file, chosen, equation, policies)
    except GravityError as problem:
        complain("No window to look through", str(problem))
        return
    sector = panels.sector_of(file, chosen)
    token = f"event{file.content_hash}{sector}{equation.content_hash}{chosen.event}{window}"
    if not panels.asked(file.panel, sector, token, chosen, key="gravity_event_go"):
        return
    try:
        study = panels.studied(
            file.content_hash, sector, equation.content_hash, chosen.event, window, file.panel, equation
        )
    except GravityError as problem:
        complain("No study to show", str(problem), "Look less far, or choose another policy.")
        return
    _show(study, file, f"{token}", source)
    about = about_study(study, file.name, file.content_hash)
    table_downloads(event_table(study), lambda: about, key="gravity_event")
    with st.expander("Python that gives the same study"):
        st.code(event_code(code, sector, equation, chosen.event, window), language="python")


def _window(
    file: PanelFile, chosen: Choices, equation: GravitySpecification, policies: tuple[str, ...]
) -> Window:
    """The policy and how far to look, as chosen; the widest usual window until a choice is made."""
    chosen.event = chosen.event if chosen.event in policies else policies[0]
    usual = widest_window(file.panel, equation)
    step = sample_step(file.panel, equation)
    one, two, three = st.columns([4, 3, 3], vertical_alignment="bottom")

    def write(name: str) -> Callable[[object], None]:
        return lambda value: setattr(chosen, name, value)

    one.selectbox(
        "Policy", policies, format_func=term_name, **seeded("gravity_policy_of", chosen.event, write("event"))
    )
    years = f"of {step} {'year' if step == 1 else 'years'}"
    leads = usual.leads if chosen.leads is None else chosen.leads
    lags = usual.lags if chosen.lags is None else chosen.lags
    two.number_input(
        f"Steps before, {years}", 1, _MOST_STEPS, **seeded("gravity_leads", leads, write("leads"))
    )
    three.number_input(f"Steps after, {years}", 0, _MOST_STEPS, **seeded("gravity_lags", lags, write("lags")))
    return Window(step, leads, lags)


def _show(study: EventStudy, file: PanelFile, result: str, source: str) -> None:
    confidence = in_percent(study.estimate.specification.confidence)
    beside = [term_name(t) for t in study.estimate.specification.regressors if study.policy not in t]
    beyond = f", beyond {', '.join(beside)}" if beside else ""
    drawn = event_plot(
        study.table,
        title=event_finding(study),
        subtitle=f"Effect on log trade of each step{beyond}; {confidence} intervals; line: added up since the policy · {file.name}",
        source=source,
    )
    chart.draw(drawn, key="gravity_event_chart", result=result)
    reading = (
        "Pair, exporter-year and importer-year effects are in: it tells how trade of pairs that switch moves against pairs "
        "that do not. Where effects differ between pairs that switch early and late, the coefficients mix them."
    )
    if study.estimate.specification.estimator == "ppml" and len(file.panel.countries) < FEW_COUNTRIES:
        reading += " With so few countries, Poisson intervals come out too narrow (Weidner and Zylkin 2021): compare with OLS on logs."
    st.html(
        f'<p class="ft-detail">{escape(anticipation_words(study))}</p>'
        f'<p class="ft-quiet">{escape(dropped(study.estimate))} {escape(reading)}</p>'
    )
