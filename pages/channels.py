"""Channels: what a policy may move. Effects of firms' attributes beside what predicts, and what speaks for and against."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from pathlib import Path

import streamlit as st

from firmtrade_core.channels import ChannelError, Settings, Study
from firmtrade_core.channels.advantages import KINDS, OUTCOMES, Advantages, advantages
from firmtrade_core.channels.from_panel import EARLIER_PRODUCTIVITY, PRODUCTIVITY, ChannelReport
from firmtrade_core.figures.effects import (
    balance_chart,
    beside_prediction_chart,
    groups_chart,
    overlap_chart,
    readings_chart,
    sensitivity_chart,
    shapley_chart,
)
from firmtrade_core.labels import grouped, in_percent, in_powers, number
from firmtrade_core.panel import FirmPanel, PanelError
from firmtrade_core.panel.columns import INSTRUMENT_PREFIX
from firmtrade_core.panel.synthetic.country import make_country
from firmtrade_core.panel.synthetic.structure import SyntheticDesign
from firmtrade_core.report.channel_card import model_card, python_code
from firmtrade_core.report.page_tables import about_effects, effects_table
from firmtrade_core.scenarios.firm_elasticity import firm_elasticity
from firmtrade_core.words.channels import (
    NO_PRODUCTIVITY,
    band,
    evidence,
    headline,
    parting,
    plain,
    shapley,
    trials,
)
from firmtrade_core.world import World
from pages.parts.firms.effects import Bench, current_bench
from pages.parts.firms.firm_source import changed, earlier_toggle, how_to_mend, shipped_line, source_choosers
from pages.parts.firms.foreign_shocks import foreign_shocks_section
from pages.parts.frame import chart, pickers
from pages.parts.frame.exports import table_downloads
from pages.parts.frame.jobs import say_why_not, watch
from pages.parts.frame.opened import allowed
from pages.parts.frame.page import complain, heading, open_page, table, warn
from pages.parts.frame.store import current, seeded

#: Synthetic firms that the table of kinds is worked out on where no panel is named: it is drawn while the reader waits.
FEW_FIRMS = 3_000

# Asking ------------------------------------------------------------------------------------------


def _choosers(bench: Bench) -> None:
    left, middle, asked, right = st.columns([4, 3, 3, 3], vertical_alignment="bottom")
    source_choosers(left, middle, bench, "effects")
    status = bench.look()
    if bench.problem:
        complain("The firms cannot be read", bench.problem, how_to_mend(bench))
        return
    with asked.popover("Questions", icon=":material/tune:", width="stretch"):
        _questions(bench)
    if bench.shipped() is None and (status is None or status.state not in ("running", "done")):
        label = "Estimate effects" if status is None else "Go on"
        right.button(
            label,
            type="primary",
            icon=":material/science:",
            on_click=bench.start,
            key="effects_start",
            width="stretch",
            disabled=not bench.questions(),
        )


def _questions(bench: Bench) -> None:
    """Which attributes are studied, with which instruments and how well measured."""
    offer = bench.offer()
    askable = bench.askable()
    asked = {question.attribute: question for question in bench.questions()}

    def take_attributes(names: list[str]) -> None:
        bench.studied = tuple(names)

    def take_left_out(names: list[str]) -> None:
        bench.leave_out = tuple(names)

    earlier_toggle(bench, offer.earlier, "effects")
    st.multiselect(
        "Attributes", askable, format_func=plain, help="All others are controls, unless left out below.",
        **seeded("effects_studied", list(asked), take_attributes),
    )  # fmt: skip
    named = {name for question in asked.values() for name in question.columns}
    st.multiselect(
        "Leave out of the controls", [name for name in askable if name not in named], format_func=plain,
        help="Attributes that are results of exporting, or exports in disguise. Columns made of exports never count.",
        placeholder="None", **seeded("effects_left_out", list(bench.left_out()), take_left_out),
    )  # fmt: skip
    st.button(
        "The usual questions", on_click=bench.ask_the_usual, icon=":material/undo:", key="effects_usual",
        disabled=bench.asks_the_usual,
    )  # fmt: skip
    if not {*PRODUCTIVITY, *EARLIER_PRODUCTIVITY} & {*askable}:
        st.html(f'<p class="ft-quiet">{escape(NO_PRODUCTIVITY)}</p>')
    if not asked:
        st.html('<p class="ft-quiet">Choose at least one attribute.</p>')
        return

    def take_detailed(name: str | None) -> None:
        bench.detailed = name or bench.detailed

    bench.detailed = bench.detailed if bench.detailed in asked else next(iter(asked))
    st.selectbox(
        "More about",
        list(asked),
        format_func=plain,
        **seeded("effects_detailed", bench.detailed, take_detailed),
    )
    question = asked[bench.detailed]

    def take_instruments(names: list[str]) -> None:
        bench.instruments[question.attribute] = tuple(names)

    def take_reliability(share: float) -> None:
        if share < 1:
            bench.reliability[question.attribute] = share
        else:
            bench.reliability.pop(question.attribute, None)

    def take_proxy(name: str | None) -> None:
        if name is None:
            bench.proxy.pop(question.attribute, None)
        else:
            bench.proxy[question.attribute] = name

    st.multiselect(
        "Its instruments", offer.instruments, format_func=plain,
        help=f"Columns named {INSTRUMENT_PREFIX}…: they must move the attribute, and sales through nothing else.",
        disabled=not offer.instruments, placeholder="Choose" if offer.instruments else "This panel has none",
        **seeded(f"effects_instruments_{question.attribute}", list(question.instruments), take_instruments),
    )  # fmt: skip
    pickers.slider(
        "How reliably it is measured",
        0.3,
        1.0,
        step=0.05,
        help="Share of its variance that is no error. Below 1, the effect with the error undone is shown too.",
        key=f"effects_reliability_{question.attribute}",
        value=question.reliability or 1.0,
        write=take_reliability,
    )
    st.selectbox(
        "Measured a second time by", [name for name in askable if name not in asked], format_func=plain,
        help="Another column that measures the same thing and errs independently: the effect by it is shown beside. It is "
        "then no control of this attribute.",
        placeholder="Nothing", index=None, **seeded(f"effects_proxy_{question.attribute}", question.proxy, take_proxy),
    )  # fmt: skip


def _waiting(bench: Bench) -> None:
    status = None if bench.job is None else bench.job.status()
    if status is not None and status.state == "running":
        watch(bench.look, bench.cancel, key="effects_cancel")
    elif status is not None:
        say_why_not(status, "No effects to show")
    elif not bench.problem:
        st.html(
            '<p class="ft-empty">Nothing is estimated yet for these firms. It runs in the background for some minutes: '
            "first what firms are capable of, then each attribute.</p>"
        )


# Showing -----------------------------------------------------------------------------------------


def _headline(study: Study, report: ChannelReport) -> None:
    effect = study.effect
    if effect is None:
        complain(
            f"No effect of {plain(study.attribute)} to show",
            " ".join(study.refused.values()) or "No method could tell one.",
        )
        return
    per = f"of {study.step[1]}"
    scaled = effect.by_step()
    sigma = report.table.elasticity_of_substitution
    cost, fixed = scaled.ad_valorem(sigma), scaled.fixed_cost_percent
    level = in_percent(study.level)
    strength = study.instruments.first_stage.words if study.instruments else "no instrument"
    items = [
        (
            f"Effect on capability, {per}",
            scaled.capability,
            "log points",
            "log revenue potential",
            scaled.capability_interval,
        ),
        (
            "Same as a change of trade costs",
            cost[0],
            "%",
            f"ad valorem, the engine's σ = {sigma:.2g}",
            cost[1:],
        ),
        ("Fixed cost of serving a market", fixed[0], "%", "from entry beyond capability", fixed[1:]),
    ]
    cells = "".join(
        f'<div class="ft-number"><span class="ft-label">{escape(label)}</span><span class="ft-value">'
        f"{escape(number(value, signed=True))}<small>{escape(unit)}</small></span>"
        f'<span class="ft-detail">{escape(detail)}</span><span class="ft-band">{level}: {escape(_ends(ends))}</span></div>'
        for label, value, unit, detail, ends in items
    )
    cells += (
        f'<div class="ft-number"><span class="ft-label">Evidence</span><span class="ft-value">{escape(effect.grade)}</span>'
        f'<span class="ft-detail">{escape(effect.words)}</span><span class="ft-band">{escape(strength)}</span></div>'
    )
    st.html(
        "<style>.ft-numbers.ft-four { grid-template-columns: repeat(4, minmax(0, 1fr)); }</style>"
        f'<div class="ft-numbers ft-four" data-result="{escape(report.content_hash)}">{cells}</div>'
    )


def _ends(ends: Sequence[float]) -> str:
    return band(0.0, (ends[0], ends[1])).partition("(")[2].rstrip(")")


def _effects_table(report: ChannelReport) -> None:
    heading(
        "Every attribute",
        "Of a usual step: having it, 10 points of a share, else one standard deviation. SHAP is prediction, not effect.",
    )
    sigma = report.table.elasticity_of_substitution
    rows = []
    for per_unit in report.table:
        effect, (step, words) = per_unit.by_step(), per_unit.step
        cost, fixed = effect.ad_valorem(sigma), effect.fixed_cost_percent
        rows.append(
            (plain(effect.attribute), words, band(effect.capability, effect.capability_interval),
             shapley(step * report.prediction(effect.attribute).capability),
             band(cost[0], cost[1:]), band(fixed[0], fixed[1:]), effect.words)
        )  # fmt: skip
    head = (
        "Attribute",
        "Step",
        "Capability, log points",
        "SHAP, log points",
        "Trade cost equivalent, %",
        "Fixed costs, %",
        "Evidence",
    )
    table("Effects by attribute", head, rows, words=("Step", "Evidence"), headed=False)
    for name, why in report.table.refused.items():
        st.html(f'<p class="ft-quiet">{escape(plain(name))}: no effect. {escape(why)}</p>')


def _tests(study: Study) -> None:
    heading("What speaks against it", "Tests that an effect ought to pass.")
    table("Tests", ("Test", "Result", "Chance", "Reading"), trials(study), words=("Reading",), headed=False)
    for step, why in study.refused.items():
        st.html(f'<p class="ft-quiet">{escape(step)}: not told. {escape(why)}</p>')


def _charts(study: Study, report: ChannelReport, source: str) -> None:
    key, result = study.attribute, report.content_hash
    left, right = st.columns(2, gap="large")
    with left:
        chart.draw(readings_chart(study, source), key="readings", result=result)
    with right:
        _shapley_chart(study, report, source)
    heading(
        "Prediction beside effect",
        "SHAP says what the model credits an attribute with when it predicts; the effect is what giving it to a firm does.",
    )
    left, right = st.columns(2, gap="large")
    with left:
        chart.draw(beside_prediction_chart(report, source), key="beside", result=result)
    with right:
        chart.draw(beside_prediction_chart(report, source, "fixed costs"), key="beside_fixed", result=result)
    if study.groups:
        heading("For whom")
        # Sectors, the first, have many rows: they take one half, the others share the second.
        halves = st.columns(2, gap="large")
        for place, groups in enumerate(study.groups):
            with halves[min(place, 1)]:
                chart.draw(
                    groups_chart(groups, study, source),
                    key=f"groups_{groups.grouping}",
                    result=f"{result}{key}",
                )
    heading("Who is compared with whom, and what may hide")
    left, right = st.columns(2, gap="large")
    with left:
        if study.overlap is not None:
            chart.draw(overlap_chart(study.overlap, study, source), key="overlap", result=f"{result}{key}")
    with right:
        if study.sensitivity is not None:
            chart.draw(
                sensitivity_chart(study.sensitivity, study, source),
                key="sensitivity",
                result=f"{result}{key}",
            )
    with left:
        if study.balance:
            chart.draw(balance_chart(study.balance, study, source), key="balance", result=f"{result}{key}")


def _shapley_chart(study: Study, report: ChannelReport, source: str) -> None:
    predicted = report.prediction(study.attribute)
    try:
        made = shapley_chart(study, predicted, source)
    except ValueError as reason:
        st.html(f'<p class="ft-quiet">{escape(str(reason))}</p>')
        return
    chart.draw(made, key="shapley", result=f"{report.content_hash}{study.attribute}")
    st.html(
        f'<p class="ft-detail">{escape(plain(study.attribute).capitalize())} ranks {predicted.rank} of {predicted.of} in what the model '
        f"predicts by; SHAP of {grouped(predicted.rows)} firms, which add up to predictions within {in_powers(predicted.additivity)}.</p>"
    )


def _notes(lines: Sequence[str]) -> str:
    return (
        f'<ul class="ft-notes">{"".join(f"<li>{escape(line)}</li>" for line in lines)}</ul>' if lines else ""
    )


def _foundation(report: ChannelReport) -> None:
    """What was noted when capability, the outcome of every effect, was estimated."""
    heading(
        "What it rests on",
        "Every effect is on capability as estimated from sales and entry; that estimate notes:",
    )
    st.html(_notes([*report.capability, *([report.weights] if report.weights else [])]))


def _take_away(report: ChannelReport, bench: Bench) -> None:
    request = bench.request()
    row = st.container(horizontal=True, gap="small")
    row.download_button(
        "Table for programmes (JSON)",
        report.table.to_json(),
        "effects.json",
        "application/json",
        key="effects_json",
    )
    with row:
        table_downloads(effects_table(report), lambda: about_effects(report), key="effects")
    row.download_button(
        "Model card", model_card(report, request), "effects.md", "text/markdown", key="effects_card"
    )
    learners = [
        {"attribute": s.attribute, "target": c.target, "losses": dict(c.losses)}
        for s in report.studies
        for c in s.choices
    ]
    row.download_button(
        "Choice of learners (JSON)",
        json.dumps(learners, indent=1),
        "learners.json",
        "application/json",
        key="effects_learners",
    )
    with st.expander("The Python that reproduces it"):
        sigma = report.table.elasticity_of_substitution
        st.code(python_code(replace(request, elasticity_of_substitution=sigma)), language="python")


def _show(report: ChannelReport, bench: Bench) -> None:
    names = [study.attribute for study in report.studies]
    if not names:
        complain("No attribute could be studied", " ".join(report.table.refused.values()))
        return

    def look_at(name: str | None) -> None:
        bench.attribute = name or bench.attribute

    bench.attribute = bench.attribute if bench.attribute in names else names[0]
    st.segmented_control(
        "Attribute",
        names,
        format_func=plain,
        label_visibility="collapsed",
        **seeded("effects_attribute", bench.attribute, look_at),
    )
    study = report.study(bench.attribute)
    _headline(study, report)
    if study.effect is not None:
        st.html(f'<p class="ft-detail">{escape(evidence(study))}</p>{_notes(study.effect.cautions)}')
    if warning := parting(study, report.prediction(study.attribute)):
        warn("Prediction is not effect", warning)
    kind = "Synthetic firms: no such firm exists." if report.synthetic else "Real firms; averages only."
    source = f"Source: firmtrade on {report.panel}, {report.year}: {grouped(report.firms)} firms, {report.markets} destinations. {kind}"
    _charts(study, report, source)
    _tests(study)
    _effects_table(report)
    _foundation(report)
    _take_away(report, bench)


@st.cache_resource(show_spinner="Holding attributes against outcomes ...", max_entries=4)
def _advantages(folder: Path | None, changed_at: float, sigma: float) -> Advantages:
    panel = (
        make_country(SyntheticDesign(firms=FEW_FIRMS, years=3)).panel
        if folder is None
        else FirmPanel.from_parquet(folder)
    )
    return advantages(panel, sigma=sigma, settings=Settings(repetitions=1, learners=("linear", "splines")))


def _kinds(bench: Bench, sigma: float) -> None:
    """Scale, differentiation or information networks: one table, worked out when asked for."""
    heading(
        "Scale, differentiation, or information networks",
        "Which kind of advantage an attribute goes with, firms alike in all else that is known: association, no proven effect.",
    )

    def take(on: bool) -> None:
        bench.kinds = on

    st.toggle(
        "Hold attributes against productivity, quality, prices, margins, partners and places",
        **seeded("effects_kinds", bench.kinds, take),
    )
    if not bench.kinds:
        return
    folder = bench.folder
    try:
        found = _advantages(folder, 0.0 if folder is None else changed(folder), sigma)
    except (PanelError, ChannelError, OSError) as problem:
        complain("No kinds of advantage to show", str(problem), how_to_mend(bench))
        return
    if not found.synthetic and not allowed("kinds of advantage", f"{found.panel}, {found.year}", "Channels"):
        return
    asked = list(dict.fromkeys(found.cells["attribute"]))
    whose = f"{found.panel}, {found.year}{': synthetic, no such firm exists' if found.synthetic else ''}."
    st.html(f'<p class="ft-quiet">{escape(whose)} {escape("; ".join(KINDS.values()))}.</p>')
    st.html(_notes([found.words(name) for name in asked]))
    rows = [
        (
            plain(str(row["attribute"])),
            str(row["step"]),
            str(row["kind"]),
            OUTCOMES[str(row["outcome"])][1],
            band(row["effect"], (row["low"], row["high"])),
            "yes" if row["found"] else "",
        )
        for row in found.cells.to_dict("records")
    ]
    table(
        f"Of a usual step, in standard deviations of the outcome, {in_percent(found.level)} intervals",
        (
            "Attribute",
            "Step",
            "Kind",
            "Outcome",
            "Effect, standard deviations",
            "Stands out of the whole table",
        ),
        rows,
        words=("Step", "Kind", "Outcome", "Stands out of the whole table"),
    )
    for what, why in found.refused.items():
        st.html(f'<p class="ft-quiet">{escape(what.capitalize())}: not told. {escape(why)}</p>')


def _page(world: World) -> None:
    bench = current_bench()
    bench.look()
    report = bench.report()
    if report is not None:
        # One σ: what the engine has under the session's structure, whatever the estimate was told.
        sigma = firm_elasticity(world, current(world).scenario.structure, report.home)
        report = replace(report, table=replace(report.table, elasticity_of_substitution=sigma))
    st.html(f'<h1 class="ft-sentence">{escape(headline(report))}</h1>')
    _choosers(bench)
    if report is None:
        _waiting(bench)
    elif report.synthetic or allowed("effects of attributes", report.content_hash, "Channels"):
        shipped_line(bench)
        _show(report, bench)
    home = report.home if report is not None else ""
    _kinds(bench, firm_elasticity(world, current(world).scenario.structure, home))
    foreign_shocks_section(bench)


_page(open_page("Channels"))
