"""Firms: what makes firms capable of trade, how well it is foreseen, who could be next."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from math import exp

import streamlit as st

from firmtrade_core.capability.bootstrap import Kind as Resampling
from firmtrade_core.capability.boundary import at_the_bound
from firmtrade_core.capability.comparison import MEASURES
from firmtrade_core.capability.work import Band, CapabilityReport, Hidden
from firmtrade_core.labels import grouped, in_percent, in_words, number
from firmtrade_core.scenarios.firm_elasticity import firm_elasticity
from firmtrade_core.words.capability import (
    HIDDEN,
    NOT_EFFECT,
    ONE_INDEX_REJECTED,
    ends,
    finding,
    rejected,
    remedy,
    trader,
)
from firmtrade_core.world import World
from pages.parts.firms.capability_bench import LEARNERS, Bench, current_bench
from pages.parts.firms.firm_source import earlier_toggle, how_to_mend, shipped_line, source_choosers
from pages.parts.firms.firm_views import VIEWS, strip
from pages.parts.frame.jobs import watch
from pages.parts.frame.opened import allowed
from pages.parts.frame.page import complain, open_page
from pages.parts.frame.store import current, seeded

DRAWS = (0, 5, 10, 20, 50)
KINDS: dict[Resampling, str] = {
    "model": "Every firm's shocks drawn anew",
    "firms": "Firms drawn with replacement",
}


def _choosers(bench: Bench) -> None:
    def take_flow(value: str | None) -> None:
        bench.flow = value or bench.flow

    firms, sample, trade, method, go = st.columns([4, 3, 3, 3, 3], vertical_alignment="bottom")
    source_choosers(firms, sample, bench, "firms")
    trade.selectbox(
        "Trade",
        ["export", "import"],
        format_func={"export": "Exports", "import": "Imports"}.__getitem__,
        help="Imports are the mirror: markets are the countries that firms source from.",
        **seeded("firms_flow", bench.flow, take_flow),
    )
    with method.popover("Method", icon=":material/tune:", width="stretch"):
        _method(bench)
    bench.problem = ""
    status = bench.look() if bench.offer().attributes else None
    if bench.problem:
        complain("The firms cannot be read", bench.problem, how_to_mend(bench))
    elif bench.shipped() is None and (status is None or status.state not in ("running", "done")):
        go.button(
            "Estimate" if status is None else "Go on",
            type="primary",
            icon=":material/science:",
            on_click=bench.start,
            key="firms_start",
            width="stretch",
        )


def _method(bench: Bench) -> None:
    def take_learner(value: str | None) -> None:
        bench.learner = value or bench.learner

    def take_two(value: bool) -> None:
        bench.two_indices = value

    def take_draws(value: int | None) -> None:
        bench.draws = bench.draws if value is None else value

    def take_seed(value: int | None) -> None:
        bench.seed = bench.seed if value is None else int(value)

    def take_sector(value: str | None) -> None:
        bench.sector = value or None

    def take_years(value: int | None) -> None:
        bench.years = value or bench.years

    def take_signs(value: bool) -> None:
        bench.signs = value

    def take_imputations(value: bool) -> None:
        bench.imputations = value

    def take_kind(value: Resampling | None) -> None:
        bench.kind = value or bench.kind

    def take_hidden(values: list[Hidden]) -> None:
        bench.hidden = tuple(name for name in HIDDEN if name in values)

    def take_out(values: list[str]) -> None:
        bench.leave_out = tuple(values)

    st.selectbox(
        "Learner", list(LEARNERS), format_func=LEARNERS.__getitem__, **seeded("firms_learner", bench.learner, take_learner)
    )  # fmt: skip
    if bench.learner == "boosting":
        st.toggle(
            "Signs of theory", help="Productivity never lowers capability, distance never raises it, and the like.",
            **seeded("firms_signs", bench.signs, take_signs),
        )  # fmt: skip
    st.toggle(
        "Two indices", help="Let attributes move fixed costs of entry too (g), beyond capability (m).",
        **seeded("firms_two", bench.two_indices, take_two),
    )  # fmt: skip
    offer = bench.offer()
    if len(offer.sectors) > 1:
        st.selectbox(
            "Sectors", ["", *offer.sectors], help="A sector alone has a capability function of its own.",
            format_func=lambda name: in_words(name) if name else "All, which share one function",
            **seeded("firms_only_sector", bench.sector or "", take_sector),
        )  # fmt: skip
    if offer.years > 1:
        st.selectbox(
            "Years up to the last", range(1, offer.years + 1), help="Years of a firm count once.",
            **seeded("firms_years", bench.years, take_years),
        )  # fmt: skip
    earlier_toggle(bench, offer.earlier, "firms")
    if offer.completed > 1:
        st.toggle(
            f"Pool {offer.completed} completed panels", help="Rubin's rules: intervals then count what filling gaps adds.",
            **seeded("firms_imputations", bench.imputations, take_imputations),
        )  # fmt: skip
    st.selectbox(
        "Bands from", list(KINDS), format_func=KINDS.__getitem__, help="Shocks drawn anew cover the truth more often in "
        "simulations; firms drawn anew are robust where the model is wrong.",
        **seeded("firms_kind", bench.kind, take_kind),
    )  # fmt: skip
    st.selectbox(
        "Bootstrap draws", DRAWS, help="Bands come from these; each takes about a quarter of the estimate's time.",
        **seeded("firms_draws", bench.draws, take_draws),
    )  # fmt: skip
    st.number_input("Seed", 0, 99_999, step=1, **seeded("firms_seed", bench.seed, take_seed))
    st.multiselect(
        "Hold out, beside firms", list(HIDDEN), format_func=lambda name: HIDDEN[name][0],
        help="How well the models foresee firms they know. Each makes the estimate take longer.",
        **seeded("firms_hidden", list(bench.hidden), take_hidden),
    )  # fmt: skip
    options = offer.attributes
    st.multiselect(
        "Leave out attributes", options, format_func=lambda name: name.replace("_", " "),
        help="Such as one that is trade in disguise.",
        **seeded("firms_out", [name for name in bench.leave_out if name in options], take_out),
    )  # fmt: skip


def _waiting(bench: Bench) -> None:
    status = None if bench.job is None or bench.problem else bench.job.status()
    if status is not None and status.state == "running":
        watch(bench.look, bench.cancel, key="firms_cancel")
    elif status is not None and status.state == "failed":
        why, what_to_do = remedy(status.message)
        complain("No estimate to show", why, what_to_do)
        _offer_to_leave_out(bench, why)
    elif status is not None:
        st.html(
            f'<p class="ft-empty">Stopped at {in_percent(status.fraction)}. Finished steps are kept: go on where it stopped.</p>'
        )
    elif not bench.problem:
        st.html(
            '<p class="ft-empty">Nothing is estimated yet for these firms. It runs in the background for some minutes: '
            "capability first, then bands, rivals on unseen firms, and who could be next.</p>"
        )


def _offer_to_leave_out(bench: Bench, why: str) -> None:
    """One click for an attribute that the estimate refused."""
    named = why.split(" ", 1)[0]
    found = next((name for name in bench.offer().attributes if named in (name, f"log_{name}")), None)
    if found is None:
        return

    def leave() -> None:
        bench.leave_out = (*bench.leave_out, found)
        bench.start()

    words = found.replace("_", " ")
    st.button(f"Leave out {words} and estimate", on_click=leave, icon=":material/block:", key="firms_leave")


def _headline(report: CapabilityReport) -> None:
    data, bands = report.results.data, report.bands
    explained = bands["explained"]
    bounded = at_the_bound(float(report.results.variances["share of capability explained"]))
    items = [
        ("Share of capability that attributes tell", number(100 * explained.value), "%",
         "at least: unexplained capability lies at its bound" if bounded else "the rest only firms' own sales tell",
         ends(explained, 100)),
    ]  # fmt: skip
    if report.premium:
        raw = report.premium["raw premium"]
        split = ", ".join(f"{name} {number(report.premium[name].value, signed=True)}" for name in ("attributes", "unexplained capability", "market access"))  # fmt: skip
        # In logs the number reads like a few per cent; people read how many times as much.
        times = Band(*(exp(value) for value in (raw.value, raw.low, raw.high)))
        bought = "sales" if report.flow == "export" else "purchases"
        items.append((f"Expected {bought} abroad, typical {trader(report)} against others", number(times.value), "times", f"{number(raw.value, signed=True)} in logs: {split}", ends(times)))  # fmt: skip
    items.append(_gain(report))
    if "starters" in bands:
        absent = int((~data.exports_anywhere).sum())
        for key, label in (
            ("starters", "Expected starters on a new draw"),
            ("likely", "Firms likelier than not to start"),
        ):
            items.append((label, grouped(bands[key].value), "firms", f"of {grouped(absent)} that {report.flow} nothing", ends(bands[key], whole=True)))  # fmt: skip
    strip(items, report.content_hash)
    if report.years is not None:
        st.html(f'<p class="ft-quiet">{escape(report.years.words)}</p>')


def _gain(report: CapabilityReport) -> tuple[str, str, str, str, str]:
    if report.comparison is None:
        return ("Gain over rivals", "–", "", "no comparison", "not asked for or not possible")
    found = report.comparison
    rival = str(found.table["value"].loc["entry log loss"].drop(found.ours).idxmin())
    line = found.gains.loc[[("entry log loss", rival)]].iloc[0]
    wins = int((found.best == found.ours).sum())
    return (
        "Log loss of entry saved, best rival", number(100 * line["gain"], signed=True), "%",
        f"{found.ours} against {rival}, on unseen firms; best on {wins} of {len(MEASURES)} measures",
        f"90 %: {number(100 * line['low'], signed=True)} to {number(100 * line['high'], signed=True)}",
    )  # fmt: skip


@st.fragment
def _sections(report: CapabilityReport, bench: Bench) -> None:
    def look_at(value: str | None) -> None:
        bench.section = value or bench.section

    st.segmented_control(
        "Section", list(VIEWS), format_func=lambda name: VIEWS[name][0], label_visibility="collapsed",
        **seeded("firms_section", bench.section, look_at),
    )  # fmt: skip
    VIEWS[bench.section][1](report, bench)


def _page(world: World) -> None:
    bench = current_bench()
    try:
        bench.look()
        report = bench.report()
    except OSError as error:
        report, bench.problem = None, str(error)
    if report is not None:
        # One σ: what the engine has under the session's structure, whatever the estimate was told.
        sigma = firm_elasticity(world, current(world).scenario.structure, report.home)
        report = replace(report, elasticity_of_substitution=sigma)
    st.html(f'<h1 class="ft-sentence">{escape(finding(report))}</h1>')
    st.html(f'<p class="ft-detail" data-label="prediction"><span class="ft-tag" style="margin-left:0">prediction, not effect</span> {escape(NOT_EFFECT.partition(": ")[2])}</p>')  # fmt: skip
    _choosers(bench)
    if report is None:
        _waiting(bench)
    elif report.synthetic or allowed("what predicts exporting", report.content_hash, "Firms"):
        shipped_line(bench)
        _headline(report)
        if rejected(report):
            complain("One index is not enough", ONE_INDEX_REJECTED, "Choose two indices under Method.")
        _sections(report, bench)


_page(open_page("Firms"))
