"""A firm programme as a card: which, for how many, at what cost, with what effect."""

from __future__ import annotations

import contextlib
import math
from html import escape
from typing import Any

import streamlit as st

from firmtrade_core.codes.regions import region_name
from firmtrade_core.home.home import GRADES, HomeFirms
from firmtrade_core.labels import grouped, number
from firmtrade_core.scenarios import Programme, ProgrammeEffect, ScenarioError
from firmtrade_core.scenarios.evidence import (
    Finding,
    beyond_published,
    published,
    raises_sales,
    range_words,
)
from firmtrade_core.scenarios.programmes import ATTRIBUTES, effect_of
from pages.parts.frame import pickers
from pages.parts.frame.store import Store, seeded

POLICIES = {
    "quality_certification": "Quality certification",
    "supplier_networks": "Supplier networks",
    "delivery_reliability": "Delivery reliability",
    "export_promotion": "Export promotion",
    "research": "Research and development",
    "skills": "Skills",
    "digital_trade": "Digital trade",
    "trade_finance": "Trade finance",
}

_EXPORTERS = {
    "any": "All firms",
    "exporters": "Exporters only",
    "non_exporters": "Firms that do not export yet",
}

#: Effect that a card starts with where no estimate is loaded: a placeholder, stamped as assumed.
ASSUMED: dict[str, Any] = {"capability": 0.05, "fixed_cost_saving": 0.0, "grade": "assumed"}


def of_policy(policy: str, card: Any, home: HomeFirms | None) -> dict[str, Any]:
    """What changes on a card with its policy: an effect is assumed where none is estimated, and dropped where one is."""
    known = home is not None and ATTRIBUTES[policy] in home.effects
    placeholder = ProgrammeEffect(**ASSUMED)
    effect = None if card is None else card.effect
    if known and effect in (None, placeholder):
        return {"policy": policy, "attribute": "", "effect": None}
    given = placeholder if effect is None else effect
    return {"policy": policy, "attribute": "", "effect": given.model_dump()}


def programme(store: Store, index: int, card: Any, home: HomeFirms | None) -> None:
    """Policy, take-up, cost and effect of a programme."""

    def edit(field: str, value: Any, *, sliding: bool = False) -> None:
        store.edit_card(index, {field: value}, sliding=sliding)

    st.selectbox(
        "Programme",
        list(POLICIES),
        format_func=POLICIES.__getitem__,
        **seeded(
            f"card_{index}_policy",
            card.policy,
            lambda name: store.edit_card(index, of_policy(name, card, home)),
        ),
    )
    pickers.slider(
        "Take-up",
        0,
        100,
        step=1,
        format="%d %%",
        help="Share of eligible firms that take part.",
        key=f"card_{index}_take_up",
        value=min(100, max(0, round(100 * store.shown(f"card {index}", "take_up", card.take_up)))),
        write=lambda v: edit("take_up", v / 100, sliding=True),
    )
    _who(index, card, home, edit)
    _cost(store, index, card, home, edit)
    _effect(index, card, home, edit)
    evidence(index, card, home)


# Who may take part ---------------------------------------------------------------------------------


def _who(index: int, card: Any, home: HomeFirms | None, edit: Any) -> None:
    """Exporter status at once; region, size, age, score and propensity one click further, as far as firms have them."""

    def rule(**changes: Any) -> None:
        edit("eligible", {**card.eligible.model_dump(), **changes})

    st.selectbox(
        "Open to",
        list(_EXPORTERS),
        format_func=_EXPORTERS.__getitem__,
        help="Support that depends on exporting draws a note on WTO rules.",
        **seeded(f"card_{index}_eligible", card.eligible.exporters, lambda who: rule(exporters=who)),
    )
    if home is None:
        return
    details = st.popover(
        f"Who may take part: {_restrictions(card)}",
        width="stretch",
        key=f"card_{index}_who",
        on_change="rerun",
    )
    if details.open:
        with details:
            _rules(index, card, home, rule, edit)


def _restrictions(card: Any) -> str:
    """How many conditions beyond exporting and sectors are in force."""
    rule = card.eligible
    given = sum(getattr(rule, name) is not None for name, *_ in _RANGES) + bool(rule.regions)
    by = " by propensity" if card.by == "propensity" else ""
    return ("any size, age, region" if not given else f"{given} condition{'s' if given > 1 else ''}") + by


#: Bounds: field of the rule, column of the firms' table, label, help.
_RANGES = (
    ("smallest", "employment", "From so many employees", "Smaller firms stay out; empty for no bound."),
    ("largest", "employment", "Up to so many employees", "Larger firms stay out; empty for no bound."),
    ("youngest", "age", "From so many years old", "Younger firms stay out; empty for no bound."),
    ("oldest", "age", "Up to so many years old", "Older firms stay out; empty for no bound."),
    (
        "lowest_score",
        "score",
        "From this score",
        "Percentile of capability in the firm's sector; empty for no bound.",
    ),
)


def _rules(index: int, card: Any, home: HomeFirms, rule: Any, edit: Any) -> None:
    table = home.firms
    if "region" in table:
        st.multiselect(
            "Regions",
            sorted({*home.screen.labels("region"), *card.eligible.regions}),
            placeholder="All regions",
            format_func=lambda label: region_name(home.country, label, invented=home.synthetic),
            select_all=False,
            **seeded(f"card_{index}_regions", list(card.eligible.regions), lambda names: rule(regions=names)),
        )
    st.html(f'<p class="ft-quiet">{escape(home.screen.note)}</p>')
    columns = st.columns(2, gap="small")
    here = [entry for entry in _RANGES if entry[1] in table]
    for place, (field, column, label, words) in enumerate(here):
        _bound(columns[place % 2], index, card, home.screen.ends(column), field, label, words, rule)
    if "propensity" in table and table["propensity"].notna().any():
        st.selectbox(
            "Who takes part among them",
            list(_TAKE_UP),
            format_func=_TAKE_UP.__getitem__,
            help="By propensity, firms that resemble those which already take part come first; the share stays the same.",
            **seeded(f"card_{index}_by", card.by, lambda by: edit("by", by)),
        )


_TAKE_UP = {"share": "Every eligible firm alike", "propensity": "In proportion to propensity"}


def _bound(
    place: Any,
    index: int,
    card: Any,
    ends: tuple[float, float],
    field: str,
    label: str,
    words: str,
    rule: Any,
) -> None:
    low, high = ends
    value = getattr(card.eligible, field)
    place.number_input(
        label,
        min_value=0.0,
        max_value=max(high, value or 0.0),
        step=1.0,
        format="%g",
        placeholder=f"{low:.0f} to {high:.0f}",
        help=words,
        **seeded(
            f"card_{index}_{field}", None if value is None else float(value), lambda v: rule(**{field: v})
        ),
    )


# What it costs and does ------------------------------------------------------------------------------


def _cost(store: Store, index: int, card: Any, home: HomeFirms | None, edit: Any) -> None:
    counted = home is not None and card.outlay is None
    if counted:
        st.number_input(
            "Public cost per firm treated, USD a year",
            min_value=0.0,
            step=1000.0,
            format="%.12g",
            placeholder="not entered",
            help="Not entered is not zero: the results then say what it may cost at most.",
            **seeded(
                f"card_{index}_unit_cost",
                None if card.unit_cost is None else float(card.unit_cost),
                lambda cost: store.edit_card(index, {"unit_cost": cost, "cost_source": ""}),
            ),
        )
    else:
        st.number_input(
            "Public cost in all, million USD a year",
            min_value=0.0,
            step=10.0,
            placeholder="not entered",
            help="Without firms loaded nobody can be counted, so the cost is given as a whole.",
            **seeded(
                f"card_{index}_outlay",
                None if card.outlay is None else float(card.outlay),
                lambda v: edit("outlay", v),
            ),
        )
    if not card.cost_known:
        st.html('<p class="ft-quiet">No cost entered: it is not taken for zero, and no ratio is shown.</p>')
    elif card.cost_source:
        st.html(f'<p class="ft-quiet">Cost: {escape(card.cost_source)}</p>')
    more = st.popover(_account_words(card), width="stretch", key=f"card_{index}_account", on_change="rerun")
    if more.open:
        with more:
            _account(store, index, card)


def _account_words(card: Any) -> str:
    years = "one year for all" if card.paid_years is None else f"paid {card.paid_years:g} years"
    return f"What people pay: {card.cost_of_funds:.2f} a dollar raised, {years}"


#: Terms of the account: field, label, lowest, highest, step, factor, help.
_TERMS = (
    (
        "deadweight",
        "Would have done it anyway, % of firms treated",
        0.0,
        99.0,
        5.0,
        0.01,
        "They are paid for, and nothing moves.",
    ),
    (
        "cost_of_funds",
        "Cost of raising a dollar, beyond the dollar",
        0.0,
        5.0,
        0.05,
        1.0,
        "0.25 is what the United States' Office of Management and Budget takes (Circular A-94).",
    ),
    (
        "own_cost",
        "What each firm spends itself, USD a year",
        0.0,
        1e9,
        1000.0,
        1.0,
        "Not entered is not counted; the results show the reading that it is as large as the firm's gain.",
    ),
    (
        "paid_years",
        "Years paid",
        0.5,
        50.0,
        1.0,
        1.0,
        "Empty: paid every year, and the effect lasts as long.",
    ),
)
_TERMS_OF_YEARS = (
    ("fading", "Effect lost each year after, %", 0.0, 100.0, 5.0, 0.01,
     "27 is how sales of Chilean suppliers in a finished programme fell back (Arráiz, Henríquez, Stucchi 2013)."),
    ("counted_years", "Years counted", 1.0, 50.0, 1.0, 1.0, "Gains after that count for nothing."),
    ("discount_rate", "Discount rate, % a year", 0.0, 50.0, 0.5, 0.01, "How much less a later year weighs, in real terms."),
)  # fmt: skip


def _account(store: Store, index: int, card: Any) -> None:
    """Deadweight, cost of public funds, firms' own cost; years, fading and discount rate once years are given."""
    for field, label, lowest, highest, step, factor, words in (
        *_TERMS,
        *(_TERMS_OF_YEARS if card.paid_years is not None else ()),
    ):
        given, empty = getattr(card, field), field in ("own_cost", "paid_years")

        def write(value: float | None, field: str = field, factor: float = factor) -> None:
            if value is not None or field in ("own_cost", "paid_years"):
                entered = None if value is None else round(value * factor, 6)
                store.edit_card(index, {field: entered}, sliding=True)

        st.number_input(
            label,
            lowest,
            highest,
            step=step,
            format="%.12g",
            placeholder="not entered" if empty else None,
            help=words,
            **seeded(f"card_{index}_{field}", None if given is None else round(given / factor, 6), write),
        )


def _effect(index: int, card: Any, home: HomeFirms | None, edit: Any) -> None:
    attribute = card.attribute or ATTRIBUTES[card.policy]
    known = None if home is None else home.effects.get(attribute)
    if card.effect is None and known is not None:
        unit = f" of {known.unit}" if known.unit else ""
        kind = " Estimated from synthetic firms." if home is not None and home.synthetic else ""
        st.html(
            f'<p class="ft-quiet">One unit{unit}: capability {number(known.capability, signed=True)} (± {number(known.capability_error)}), fixed '
            f"costs saved {number(known.fixed_cost_saving, signed=True)} (± {number(known.fixed_cost_error)}), log points; {GRADES[known.grade]}."
            f"{kind}</p>"
        )
        return
    given: dict[str, Any] = ASSUMED if card.effect is None else card.effect.model_dump()
    if given == ProgrammeEffect(**ASSUMED).model_dump():
        who = "nobody has estimated it" if home is not None else "no firms with estimated effects are loaded"
        st.html(f'<p class="ft-quiet">Effect assumed: {who}. Enter your own, and what it rests on.</p>')
    for field, label, words in (
        ("capability", "Effect on capability, log points", "Log revenue potential of a firm it reaches."),
        ("fixed_cost_saving", "Saving on fixed costs, log points", "Of being in a market at all."),
    ):

        def write(value: float | None, field: str = field) -> None:
            edit("effect", {**given, field: value or 0.0})

        st.number_input(
            label,
            -5.0,
            5.0,
            step=0.01,
            help=words,
            **seeded(f"card_{index}_{field}", float(given[field]), write),
        )
    st.selectbox(
        "Evidence for it",
        list(GRADES),
        format_func=lambda grade: GRADES[grade],
        **seeded(
            f"card_{index}_grade", given["grade"], lambda grade: edit("effect", {**given, "grade": grade})
        ),
    )


# What has been published ---------------------------------------------------------------------------


def evidence(index: int, card: Any, home: HomeFirms | None = None) -> None:
    """Published findings on such programmes, one click further; a mark where the card leaves their range."""
    if isinstance(card, Programme):
        with contextlib.suppress(ScenarioError):
            effect = effect_of(card, home)
            beyond = beyond_published(card, effect)
            value = f"{number(raises_sales(effect), significant=3, signed=True)}\u202f%"
            if beyond:
                st.html(
                    f'<p class="ft-quiet"><span class="ft-tag">{beyond}</span> The card raises what a treated firm sells by '
                    f"{value}. {escape(range_words(card))}</p>"
                )
    found = published(card)
    if not found:
        st.html(f'<p class="ft-quiet">{escape(range_words(card))}</p>')
        return
    more = st.popover(
        f"Published evidence: {len(found)} findings",
        width="stretch",
        key=f"card_{index}_evidence",
        on_change="rerun",
    )
    if more.open:
        with more:
            st.html(f'<p class="ft-quiet">{escape(range_words(card))}</p>{_findings(found)}')


def _findings(found: tuple[Finding, ...]) -> str:
    rows = "".join(
        f"<tr><td>{escape(each.programme)}, {escape(each.country)}</td><td>{escape(each.outcome)}: "
        f"<b>{escape(each.effect_words())}</b></td><td>{escape(each.fades)}</td>"
        f"<td class=ft-num>{_cost_words(each)}</td><td>{escape(each.source)}"
        f"{escape(f' ({each.notes})') if each.notes else ''}</td></tr>"
        for each in found
    )
    heads = ("Programme", "Finding", "Fades", "Cost a firm, USD", "Source")
    head = "".join(f"<th scope=col>{name}</th>" for name in heads)
    return f'<div class="ft-words ft-evidence"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _cost_words(found: Finding) -> str:
    return "not printed" if math.isnan(found.cost) else grouped(found.cost)


def programme_details(store: Store, index: int, card: Any) -> None:
    """How much each firm gets, and when."""
    for field, label, lowest, highest, step in (
        ("intensity", "Units given to each firm", min(0.01, card.intensity), 1000.0, 0.5),
        ("phase_in", "Years until all take part", 0.0, 50.0, 1.0),
        ("horizon", "Year looked at", 0.0, 50.0, 1.0),
    ):

        def write(given: float | None, field: str = field) -> None:
            if given is not None:
                store.edit_card(index, {field: given}, sliding=True)

        st.number_input(
            label,
            lowest,
            highest,
            step=step,
            format="%.12g",
            **seeded(f"card_{index}_{field}", float(getattr(card, field)), write),
        )
    st.toggle(
        "Depends on exporting",
        help="Support that depends on exporting falls under WTO rules on subsidies; the notes say how.",
        **seeded(
            f"card_{index}_contingent",
            card.contingent_on_exports,
            lambda on: store.edit_card(index, {"contingent_on_exports": on}),
        ),
    )
