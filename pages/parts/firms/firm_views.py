"""The sections of the Firms page: what predicts, one firm, how well, who next, parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from html import escape

import numpy as np
import pandas as pd
import streamlit as st

from firmtrade_core.capability.comparison import STRUCTURE, Scores
from firmtrade_core.capability.data import PRESENT
from firmtrade_core.capability.explanation import Explanation
from firmtrade_core.capability.profiles import Profile, Who, firm_profile, outlook, typical_profile
from firmtrade_core.capability.work import THIRDS, CapabilityReport
from firmtrade_core.codes.countries import country_name
from firmtrade_core.codes.regions import region_name
from firmtrade_core.figures import capability as figures
from firmtrade_core.figures.capability import Reading
from firmtrade_core.labels import MINUS, grouped, in_percent, in_powers, number, probability
from firmtrade_core.panel.confidentiality import FEWEST_FIRMS
from firmtrade_core.report import capability_tables as cards
from firmtrade_core.report.export import Table
from firmtrade_core.words import capability as words
from firmtrade_core.words.capability import attribute_words
from pages.parts.firms.capability_bench import Bench
from pages.parts.firms.desk import on_loopback
from pages.parts.firms.firm_suppliers import suppliers_section
from pages.parts.firms.firm_time import over_time_section
from pages.parts.firms.hindsight import hindsight_section
from pages.parts.frame import chart, pickers
from pages.parts.frame.exports import table_downloads
from pages.parts.frame.page import complain, heading
from pages.parts.frame.store import seeded

#: Interactions below this, in log points, are not worth a colour.
VISIBLE = 5e-4

#: Firms offered one by one: the likeliest starters, and some that trade.
MOST_PROSPECTS, MOST_TRADERS = 100, 100

#: Attributes that the what-if offers, the most important first.
MOST_CHANGES = 8

_WHO = {
    "absent": "A typical firm that trades nowhere",
    "all": "A typical firm",
    "present": "A typical firm that trades",
}

_WORDY = (
    "<style>.ft-wordy.ft-wordy { max-height: 26rem; } .ft-wordy th:first-child { min-width: 11rem; } "
    ".ft-wordy.ft-wordy td.ft-left, .ft-wordy.ft-wordy th.ft-left { text-align: left; white-space: normal; }"
    "[class*=st-key-firms_private] .ft-save { display: none; }</style>"
)


def rows_table(
    label: str, head: Sequence[str], rows: Iterable[Sequence[str]], left: Sequence[int] = ()
) -> None:
    """A table of words and numbers; columns of ``left`` are words."""

    def cell(tag: str, place: int, text: str) -> str:
        side = ' class="ft-left"' if place in left else ""
        return f"<{tag}{side}>{escape(text)}</{tag}>"

    top = "".join(cell("th", i, text) for i, text in enumerate(head))
    body = "".join(
        "<tr>" + "".join(cell("th" if i == 0 else "td", i, text) for i, text in enumerate(row)) + "</tr>"
        for row in rows
    )
    st.html(
        f'{_WORDY}<div class="ft-table ft-wordy" tabindex="0" role="region" aria-label="{escape(label)}"><table>'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def source_line(report: CapabilityReport) -> str:
    """Where every chart's numbers come from."""
    data = report.results.data
    kind = (
        "Synthetic firms: no such firm exists."
        if report.synthetic
        else "Real firms; averages of at least five."
    )
    return (
        f"Source: firmtrade on {report.panel}, {report.year}: {grouped(data.firm_count)} firms, {len(data.markets)} markets, "
        f"{report.flow}s. {kind} Estimate {report.content_hash}"
    )


def downloads(report: CapabilityReport, bench: Bench, *keys: str) -> None:
    """CSV and Excel of some of the report's tables."""
    chosen = [table for table in _tables(report) if table.key in keys]
    for start in range(0, len(chosen), 3):
        for column, table in zip(st.columns(3), chosen[start : start + 3], strict=False):
            with column:
                st.html(f'<span class="ft-quiet">{escape(table.title)}</span>')
                table_downloads(
                    table, partial(cards.about, report, bench.request()), key=f"firms_{table.key}"
                )


@st.cache_data(
    show_spinner=False, max_entries=4, hash_funcs={CapabilityReport: lambda report: report.content_hash}
)
def _tables(report: CapabilityReport) -> tuple[Table, ...]:
    return cards.tables(report)


# What predicts ----------------------------------------------------------------------------------


def _explained(report: CapabilityReport, bench: Bench) -> tuple[Explanation, np.ndarray]:
    index = bench.index if bench.index in report.explanations else "m"
    explanation = report.explanations[index]
    return explanation, report.results.data.attributes[explanation.rows]


def predicts(report: CapabilityReport, bench: Bench) -> None:
    """Shapley values: summary, groups, stability, dependence, differences."""
    read = _choose_reading(report, bench)
    explanation, attributes = _explained(report, bench)
    source, stamp = source_line(report), f"{report.content_hash}{bench.index}{bench.unit}"
    left, right = st.columns([3, 2], gap="large")
    with left:
        summary = figures.summary_chart(
            explanation, attributes, read, source, points=report.synthetic, index=bench.index
        )
        chart.draw(summary, key="firms_summary", result=stamp, kind="summary")
        st.html(
            f'<p class="ft-quiet">Shapley values add up to the prediction within {in_powers(explanation.residual)} for each of '
            f"{grouped(len(explanation.rows))} firms.</p>"
        )
        _dependence(report, bench, explanation, attributes, read, source)
    with right:
        _gathered(bench)
        groups = figures.groups_chart(explanation, read, source, bench.gathered)
        chart.draw(groups, key="firms_groups", result=f"{stamp}{bench.gathered}", kind="groups")
        st.html(f'<p class="ft-quiet">{escape(words.cluster_words(explanation))}</p>')
        shares = figures.shares_chart(report.shares, source, report.flow)
        chart.draw(shares, key="firms_shares", result=report.content_hash, kind="shares")
        seeds = report.seeds[bench.index if bench.index in report.seeds else "m"]
        stable = figures.stability_chart(explanation.by_fold, seeds, read, source)
        chart.draw(stable, key="firms_stability", result=stamp, kind="stability")
    _differences(report, bench, explanation, read, source)
    downloads(report, bench, "importance", "variance")


def _choose_reading(report: CapabilityReport, bench: Bench) -> Reading:
    def take_unit(value: str | None) -> None:
        bench.unit = "cost" if value == "cost" else "revenue"

    def take_index(value: str | None) -> None:
        bench.index = "g" if value == "g" else "m"

    row = st.container(horizontal=True, gap="medium")
    row.segmented_control(
        "Read as", ["revenue", "cost"],
        format_func={"revenue": "Log revenue potential", "cost": "Trade-cost equivalent"}.__getitem__,
        help=f"Trade-cost equivalent: −value/(σ − 1), the engine's σ = {report.elasticity_of_substitution:.2g}",
        **seeded("firms_unit", bench.unit, take_unit),
    )  # fmt: skip
    if "g" in report.explanations:
        row.segmented_control(
            "Index", ["m", "g"], format_func={"m": "Capability (m)", "g": "Fixed costs saved (g)"}.__getitem__,
            **seeded("firms_index", bench.index, take_index),
        )  # fmt: skip
    return figures.reading(bench.unit, report.elasticity_of_substitution)


def _gathered(bench: Bench) -> None:
    def take(value: str | None) -> None:
        bench.gathered = "together" if value == "together" else "kind"

    st.segmented_control(
        "Gather attributes", ["kind", "together"],
        format_func={"kind": "By kind", "together": "Correlated together"}.__getitem__,
        help="Attributes that move together tell the same: only their joint value is sure.",
        **seeded("firms_gathered", bench.gathered, take),
    )  # fmt: skip


def _dependence(
    report: CapabilityReport,
    bench: Bench,
    explanation: Explanation,
    attributes: np.ndarray,
    read: Reading,
    source: str,
) -> None:
    names = [str(name) for name in explanation.importance.index]

    def take(value: str | None) -> None:
        bench.attribute = value or bench.attribute

    bench.attribute = bench.attribute if bench.attribute in names else names[0]
    st.selectbox(
        "Attribute", names, format_func=attribute_words, **seeded("firms_attribute", bench.attribute, take)
    )
    found = report.interactions[bench.index if bench.index in report.interactions else "m"]
    pairs = found.strength.loc[[bench.attribute]].iloc[0]
    partner = str(pairs.idxmax()) if pairs.max() > VISIBLE else None
    drawn = figures.dependence_chart(
        explanation, attributes, bench.attribute, partner, read, source, points=report.synthetic
    )
    chart.draw(
        drawn, key="firms_dependence", result=f"{report.content_hash}{bench.attribute}", kind="dependence"
    )
    told = words.interaction_words(found, bench.attribute, VISIBLE)
    st.html(f'<p class="ft-quiet">{escape(told)}</p>')


def _differences(
    report: CapabilityReport, bench: Bench, explanation: Explanation, read: Reading, source: str
) -> None:
    options = [name for name in ("sector", "size", "region") if name in report.places]
    options.insert(min(1, len(options)), "destination" if report.flow == "export" else "origin")

    def take(value: str | None) -> None:
        bench.by = value or bench.by

    bench.by = bench.by if bench.by in options else options[0]
    st.segmented_control(
        "Differences by", options, format_func=str.capitalize, **seeded("firms_by", bench.by, take)
    )
    if bench.by in ("destination", "origin"):
        present = report.results.data.presence[explanation.rows] == PRESENT
        order = np.argsort(-present.sum(0), kind="stable")[:12]
        labels = {country_name(report.results.data.markets[j]): present[:, j] for j in order}
    else:
        here = report.places[bench.by].to_numpy()[explanation.rows]
        names = (
            [n for n in THIRDS if (here == n).any()]
            if bench.by == "size"
            else pd.Series(here).value_counts().index[:12]
        )
        labels = {
            region_name(report.home, str(name), invented=report.synthetic)
            if bench.by == "region"
            else str(name): here == name
            for name in names
        }
    table = figures.differences(explanation, labels)
    if table.empty:
        complain("No group has five firms", "Estimate with more firms to compare groups.")
        return
    drawn = figures.differences_chart(table, bench.by, read, source)
    chart.draw(drawn, key="firms_differences", result=f"{report.content_hash}{bench.by}", kind="differences")


# One firm ---------------------------------------------------------------------------------------


def one_firm(report: CapabilityReport, bench: Bench) -> None:
    """A firm's waterfall, and what if its attributes were others."""
    results, data = report.results, report.results.data
    offered = _offered(report)
    if bench.who not in offered:
        bench.who, bench.changes = "absent", {}

    def take_who(value: str | None) -> None:
        bench.who, bench.changes = value or bench.who, {}

    def take_group(value: int | None) -> None:
        bench.group = bench.group if value is None else value

    left, right = st.columns([3, 2], vertical_alignment="bottom")
    left.selectbox(
        "Firm", list(offered), format_func=offered.__getitem__, **seeded("firms_who", bench.who, take_who)
    )
    typical = bench.who in _WHO
    bench.group = min(bench.group, len(data.group_names) - 1)
    if typical and len(data.group_names) > 1:
        right.selectbox(
            "Sector", range(len(data.group_names)), format_func=lambda group: data.group_names[group].removesuffix(f" {report.year}"),
            help="Its demand abroad and its thresholds", **seeded("firms_group", bench.group, take_group),
        )  # fmt: skip
    base = _profile(report, bench)
    changed = base.changed(data.attribute_names, bench.changes)
    before, after = outlook(results, base), outlook(results, changed)
    _firm_numbers(report, before.m, after.m, after.m_range, before.anywhere, after.anywhere)
    left, right = st.columns([1, 2], gap="large")
    with left:
        _changes(report, bench, base)
    read = figures.reading(bench.unit, report.elasticity_of_substitution)
    source, stamp = (
        source_line(report),
        f"{report.content_hash}{bench.who}{bench.group}{sorted(bench.changes.items())}",
    )
    # A real firm's charts are not to be saved.
    private = not report.synthetic and not typical
    with right.container(key="firms_private" if private else "firms_open"):
        shown = {
            name: _answer(name, value)
            for name, value in zip(data.attribute_names, changed.attributes, strict=True)
        }
        drawn = figures.waterfall_chart(
            after.explanation.values.iloc[0], after.explanation.base, shown, read,
            f"Shapley values of {'a made-up firm' if typical else 'one firm'}, {read.words} ({read.unit}) · prediction, not effect", source,
        )  # fmt: skip
        chart.draw(drawn, key="firms_waterfall", result=stamp, kind="waterfall", private=True)
    with right.container(key="firms_private_too" if private else "firms_open_too"):
        known = np.isfinite(before.chances)
        markets = [country_name(name) for name, some in zip(data.markets, known, strict=True) if some]
        rise = after.anywhere - before.anywhere
        title = (
            f"Chance to {report.flow} anywhere {'rises' if rise > 0 else 'falls'} by {100 * abs(rise):.1f} points"
            if abs(rise) > 5e-4
            else f"Chance to {report.flow} anywhere: {in_percent(before.anywhere)}"
        )
        lines = figures.chances_chart(
            markets, before.chances[known], after.chances[known], title,
            "Chance of each market on a new draw of luck · open: as it is, full: as changed · no interval for one firm", source,
        )  # fmt: skip
        chart.draw(lines, key="firms_chances", result=stamp, kind="chances")


def _offered(report: CapabilityReport) -> dict[str, str]:
    """Typical firms always; single ones where they are invented or nobody else can see the screen."""
    found = dict(_WHO)
    if not report.synthetic and not on_loopback():
        return found
    data = report.results.data
    order = (-report.prospects.anywhere).argsort(kind="stable")[:MOST_PROSPECTS]
    traders = np.flatnonzero(data.exports_anywhere)[:MOST_TRADERS]
    for firm in [*report.prospects.firms[order], *traders]:
        sector = report.places["sector"].iloc[int(data.starts[firm])] if "sector" in report.places else ""
        what = f"{report.flow}s" if data.exports_anywhere[firm] else "trades nowhere"
        found[f"firm {firm}"] = f"{data.firm_names[firm][:10]} · {str(sector).replace('_', ' ')} · {what}"
    return found


def _profile(report: CapabilityReport, bench: Bench) -> Profile:
    if bench.who in _WHO:
        who: dict[str, Who] = {"absent": "absent", "all": "all", "present": "present"}
        return typical_profile(report.results, who[bench.who], bench.group)
    return firm_profile(report.results, int(bench.who.split()[1]))


def _firm_numbers(
    report: CapabilityReport,
    before: float,
    after: float,
    span: tuple[float, float],
    chance: float,
    then: float,
) -> None:
    sigma = report.elasticity_of_substitution
    moved = after - before
    cost = -100 * moved / (sigma - 1)
    items = [
        ("Predicted capability (m)", number(after, signed=True), "log points", "against the mean firm",
         f"over learners: {number(span[0], signed=True)} to {number(span[1], signed=True)}"),
        ("Predicted difference of the changes", number(moved, signed=True), "log points", "prediction, not effect",
         "nothing changed" if moved == 0 else "effects stand on the page Channels"),
        ("Same as a change of trade costs", number(cost, signed=True), "%", f"ad valorem, the engine's σ = {sigma:.2g}", "no interval for one firm"),
        (f"Chance to {report.flow} anywhere", number(100 * then, significant=3), "%", f"as it is: {number(100 * chance, significant=3)} %",
         "on a new draw of luck"),
    ]  # fmt: skip
    strip(items, report.content_hash)


def strip(items: Sequence[tuple[str, str, str, str, str]], result: str) -> None:
    """Numbers side by side: label, value, unit, detail, band."""
    cells = "".join(
        f'<div class="ft-number"><span class="ft-label">{escape(label)}</span><span class="ft-value">{escape(value)}'
        f'<small>{escape(unit)}</small></span><span class="ft-detail">{escape(detail)}</span>'
        f'<span class="ft-band">{escape(band)}</span></div>'
        for label, value, unit, detail, band in items
    )
    style = f"<style>.ft-numbers.ft-of-{len(items)} {{ grid-template-columns: repeat({len(items)}, minmax(0, 1fr)); }}</style>"
    st.html(f'{style}<div class="ft-numbers ft-of-{len(items)}" data-result="{escape(result)}">{cells}</div>')


def _changes(report: CapabilityReport, bench: Bench, base: Profile) -> None:
    data = report.results.data
    st.html('<h3 class="ft-heading">What if</h3>')
    # A firm cannot change its sector at will.
    offered = [
        n
        for n in report.explanations["m"].importance.index
        if report.groups[str(n)] not in ("sector", "location")
    ]
    for name in offered[:MOST_CHANGES]:
        _change(
            str(name),
            data.attributes[:, data.attribute_names.index(str(name))],
            bench,
            data.attribute_names,
            base,
        )

    def put_back() -> None:
        bench.changes = {}

    st.button(
        "Put back", on_click=put_back, disabled=not bench.changes, icon=":material/undo:", key="firms_back"
    )


def _change(name: str, column: np.ndarray, bench: Bench, names: tuple[str, ...], base: Profile) -> None:
    own = float(base.attributes[names.index(name)])
    value = bench.changes.get(name, own)
    finite = column[np.isfinite(column)]
    label = attribute_words(name)
    if np.isin(finite, (0.0, 1.0)).all():

        def take(on: bool) -> None:
            _keep(bench, name, float(on), own)

        st.toggle(label, **seeded(f"firms_if_{name}", value >= 0.5, take))
        return
    out, back = _scales(name)
    low, high = (out(float(v)) for v in np.quantile(finite, [0.02, 0.98]))
    at = out(value if math.isfinite(value) else float(np.median(finite)))
    low, high = min(low, at), max(high, at)
    whole = name.startswith("log_") or np.allclose(finite[:500], np.round(finite[:500]))
    if whole:
        low, high, at = math.floor(low), math.ceil(high), round(at)
    if high <= low:
        return

    def slid(moved: float) -> None:
        _keep(bench, name, back(float(moved)), own)

    more = "" if math.isfinite(own) else " (not answered: median)"
    pickers.slider(
        f"{label}{more}",
        low,
        high,
        step=1 if whole else (high - low) / 200,
        format="%d" if whole else "%.2f",
        key=f"firms_if_{name}",
        value=at,
        write=slid,
    )


def _keep(bench: Bench, name: str, value: float, own: float) -> None:
    if value == own:
        bench.changes.pop(name, None)
    else:
        bench.changes[name] = value


def _scales(name: str) -> tuple[Callable[[float], float], Callable[[float], float]]:
    """From the model's scale to the reader's and back: amounts enter in logs of one plus the amount."""
    if name.startswith("log_"):
        return (lambda v: float(np.expm1(v))), (lambda v: float(np.log1p(v)))
    return (lambda v: v), (lambda v: v)


def _answer(name: str, value: float) -> str:
    if not math.isfinite(value):
        return "not answered"
    out, _ = _scales(name)
    return number(out(float(value)))


# How well ---------------------------------------------------------------------------------------


def how_well(report: CapabilityReport, bench: Bench) -> None:
    """Rivals on the same held-out firms, calibration, one index, tails, premia."""
    source, hash_ = source_line(report), report.content_hash
    if report.comparison is None:
        complain("No comparison to show", report.refused.get("comparison", "It was not asked for."))
    else:
        heading(
            "Against its rivals",
            f"{grouped(report.comparison.firms)} firms that no model had seen, the same for all; 90 % intervals by resampling firms.",
        )
        _scores("Held-out measures", report.comparison)
        left, right = st.columns(2, gap="large")
        with left:
            chart.draw(
                figures.gains_chart(report.comparison, source), key="firms_gains", result=hash_, kind="gains"
            )
        with right:
            chart.draw(figures.calibration_chart(report.comparison, source), key="firms_calibration", result=hash_, kind="calibration")  # fmt: skip
        drawn = figures.market_errors_chart(report.comparison, _market_names(report), source)
        chart.draw(drawn, key="firms_market_errors", result=hash_, kind="market_errors")
    _known(report)
    _index_line(report)
    left, right = st.columns(2, gap="large")
    with left:
        chart.draw(
            figures.tail_chart(report.results, report.tail, source),
            key="firms_tail",
            result=hash_,
            kind="tail",
        )
    with right:
        trader = words.trader(report)
        if report.premium:
            chart.draw(figures.premium_chart(report.premium, source, trader), key="firms_premium", result=hash_, kind="premium")  # fmt: skip
            if report.premia.notna().all(axis=None):
                chart.draw(figures.premia_chart(report.premia, source, trader), key="firms_premia", result=hash_, kind="premia")  # fmt: skip
    downloads(
        report,
        bench,
        "comparison",
        "gains",
        "calibration",
        "errors_by_market",
        "hidden_markets",
        "hidden_years",
        "premium",
        "premia",
    )


def _market_names(report: CapabilityReport) -> dict[str, str]:
    return {name: country_name(name) for name in report.results.data.markets}


def _scores(label: str, scores: Scores) -> None:
    named = [f"{name} (hybrid)" if scores.ours == name == STRUCTURE else name for name in scores.models]
    rows_table(label, ("Measure", *named, "Winner"), words.winners(scores), left=(len(named) + 1,))


def _known(report: CapabilityReport) -> None:
    """Hidden markets, and the last year."""
    for hidden, (title, seen) in words.HIDDEN.items():
        known = report.known.get(hidden)
        if known is not None:
            heading(
                title,
                f"{seen}; {grouped(known.cells)} cells; 90 % intervals by resampling firms. {' '.join(known.notes)}",
            )
            _scores(title, known)
        elif why := report.refused.get(f"hidden {hidden}"):
            st.html(f'<p class="ft-quiet">{escape(title)}: not told. {escape(why)}</p>')


def _index_line(report: CapabilityReport) -> None:
    test = report.single_index
    if test is None:
        st.html(
            f'<p class="ft-quiet">One index or two: not told. {escape(report.refused.get("single-index test", ""))}</p>'
        )
        return
    verdict = "One index is rejected" if test.rejects else "One index is not rejected"
    more = (
        "attributes move fixed costs of entry beyond capability"
        if test.rejects
        else "attributes may move entry through capability alone"
    )
    both = (
        f" Learning both together changes the held-out log likelihood by {number(test.together, signed=True)}, of which a part is "
        "two learners' gain over one."
        if test.together is not None
        else ""
    )
    heading("One index or two")
    st.html(
        f'<p class="ft-detail">{verdict}: {more}. Twice the gain in held-out log likelihood {number(test.gain)} '
        f"({probability(test.p_value)}); spread of g {number(test.entry_spread)}.{both}</p>"
    )


# Who next ---------------------------------------------------------------------------------------


def who_next(report: CapabilityReport, bench: Bench) -> None:
    """Expected starters by market and sector; single firms where they may be seen."""
    if not len(report.prospects.firms):
        complain(
            f"Every firm {report.flow}s",
            "No firm is absent everywhere, so nobody is left to start.",
            "Add firms that do not trade to the panel.",
        )
        return
    source, hash_ = source_line(report), report.content_hash
    by_sector = (
        report.by_sector if report.synthetic else report.by_sector[report.by_sector["absent"] >= FEWEST_FIRMS]
    )
    names = _market_names(report)
    left, right = st.columns(2, gap="large")
    with left:
        place = "destination" if report.flow == "export" else "origin"
        chart.draw(figures.starters_chart(report.by_market, place, names, source), key="firms_by_market", result=hash_, kind="starters")  # fmt: skip
    with right:
        chart.draw(figures.starters_chart(by_sector, "sector", {}, source), key="firms_by_sector", result=hash_, kind="starters")  # fmt: skip
    st.html(
        '<p class="ft-quiet">Entry shocks are drawn anew while what is known of each firm stays. Where tastes for markets '
        "persist, fewer start within a year.</p>"
    )
    if report.synthetic or on_loopback():
        heading(
            "Likeliest firms",
            "Synthetic firms: no such firm exists."
            if report.synthetic
            else "Shown on this machine alone; in no link, file or print.",
        )
        table = cards.next_firms(report, 25)
        rows_table(
            "Likeliest firms",
            ("Firm", "Sector", "Chance of any market, %", "90 % interval", "Likeliest market", "Chance there, %"),
            [
                (str(r["firm"])[:12], attribute_words(str(r["sector"])), number(r["chance"], significant=3), f"{number(r['low'])} to {number(r['high'])}",
                 country_name(str(r["likeliest market"])), number(r["chance there"], significant=3))
                for r in table.to_dict("records")
            ],
            left=(1, 4),
        )  # fmt: skip
    else:
        st.html(
            '<p class="ft-quiet">Single firms are shown only where nobody else can reach the dashboard.</p>'
        )
    downloads(report, bench, "starters_by_market", "starters_by_sector", "next_firms")


# Parameters -------------------------------------------------------------------------------------


def parameters(report: CapabilityReport, bench: Bench) -> None:
    """The table a paper could carry, market effects, diagnostics, model card, code."""
    results, request = report.results, bench.request()
    heading(
        "Parameters",
        f"Logs; {len(results.draws)} bootstrap draws; intervals about the corrected estimate.",
    )
    rows_table(
        "Parameters",
        ("Symbol", "Meaning", "Estimate", "Standard error", "90 % interval", "Corrected"),
        [
            (str(symbol), words.MEANINGS[str(symbol)], _three(line["estimate"]),
             "fixed" if line["fixed"] else _three(line["standard_error"]),
             "" if line["fixed"] or not math.isfinite(line["low"]) else f"{_three(line['low'])} to {_three(line['high'])}",
             _three(line["corrected"]))
            for symbol, line in results.parameters.iterrows()
        ],
        left=(1,),
    )  # fmt: skip
    if report.pooled is not None:
        heading(
            f"Pooled over {report.pooled.imputations} completed panels",
            "Rubin's rules; missing information is the share of variance that filling gaps adds.",
        )
        rows_table(
            "Pooled parameters",
            ("Symbol", "Meaning", "Estimate", "Standard error", "90 % interval", "Missing information"),
            [
                (str(symbol), words.MEANINGS[str(symbol)], _three(line["estimate"]), _three(line["standard_error"]),
                 f"{_three(line['low'])} to {_three(line['high'])}" if math.isfinite(line["low"]) else "",
                 in_percent(line['missing_information']) if math.isfinite(line["missing_information"]) else "")
                for symbol, line in report.pooled.parameters.iterrows()
            ],
            left=(1,),
        )  # fmt: skip
    heading("Markets", "Log demand δ and log entry threshold k; a higher threshold is harder to pass.")
    table = next(table.frame for table in _tables(report) if table.key == "markets")
    banded = "demand_low" in table
    rows_table(
        "Market effects",
        ("Market", "Group", "Firms there", "Demand δ", "90 %", "Threshold k", "90 %"),
        [
            (country_name(str(line["market"])), str(line["group"]).removesuffix(f" {report.year}"), grouped(line['sellers']), number(line["demand"]),
             f"{number(line['demand_low'])} to {number(line['demand_high'])}" if banded else "",
             number(line["threshold"]), f"{number(line['threshold_low'])} to {number(line['threshold_high'])}" if banded else "")
            for _, line in table.sort_values("sellers", ascending=False).head(40).iterrows()
        ],
        left=(1,),
    )  # fmt: skip
    heading("What to know before believing")
    st.html(
        '<ul class="ft-list">'
        + "".join(f"<li>{escape(said)}</li>" for said in words.limits(report))
        + "</ul>"
    )
    heading("Take away")
    row = st.container(horizontal=True, gap="small")
    row.download_button(
        "Model card (Markdown)", lambda: cards.model_card(report, request), "capability.md", "text/markdown",
        icon=":material/description:", key="firms_card", on_click="ignore",
    )  # fmt: skip
    row.download_button(
        "Table for a paper (text)", results.table(), "capability.txt", "text/plain", icon=":material/article:",
        key="firms_paper", on_click="ignore",
    )  # fmt: skip
    downloads(report, bench, "parameters", "markets", "search", "pooled", "pooled_markets")
    with st.expander("The Python that reproduces it"):
        st.code(cards.python_code(request), language="python")


def _three(value: float) -> str:
    return f"{value:.3f}".replace("-", MINUS) if math.isfinite(value) else ""


def _who_next_and_since(report: CapabilityReport, bench: Bench) -> None:
    who_next(report, bench)
    if report.flow == "export":
        hindsight_section(report, bench)


VIEWS: dict[str, tuple[str, Callable[[CapabilityReport, Bench], None]]] = {
    "predicts": ("What predicts", predicts),
    "firm": ("One firm", one_firm),
    "well": ("How well", how_well),
    "next": ("Who next", _who_next_and_since),
    "time": ("Over time", over_time_section),
    "suppliers": ("Suppliers", suppliers_section),
    "parameters": ("Parameters", parameters),
}
