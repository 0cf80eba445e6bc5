"""A firm programme as a card: which, for how many, at what cost, with what effect."""

from __future__ import annotations

from typing import Any

import streamlit as st

from firmtrade_core.scenarios.home import GRADES, HomeFirms
from firmtrade_core.scenarios.programmes import ATTRIBUTES
from pages.parts.store import Store, seeded

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

#: Effect that a card starts with where no estimate is loaded: a placeholder, stamped as association.
ASSUMED: dict[str, Any] = {"capability": 0.05, "fixed_cost_saving": 0.0, "grade": "association"}


def programme(store: Store, index: int, card: Any, home: HomeFirms | None) -> None:
    """Policy, take-up, cost and effect of a programme."""

    def edit(field: str, value: Any, *, sliding: bool = False) -> None:
        store.edit_card(index, {field: value}, sliding=sliding)

    st.selectbox(
        "Programme",
        list(POLICIES),
        format_func=POLICIES.__getitem__,
        **seeded(f"card_{index}_policy", card.policy, lambda name: edit("policy", name)),
    )
    st.slider(
        "Take-up",
        0,
        100,
        step=1,
        format="%d %%",
        help="Share of eligible firms that take part.",
        **seeded(
            f"card_{index}_take_up",
            round(100 * store.shown(f"card {index}", "take_up", card.take_up)),
            lambda v: edit("take_up", v / 100, sliding=True),
        ),
    )
    st.selectbox(
        "Open to",
        list(_EXPORTERS),
        format_func=_EXPORTERS.__getitem__,
        help="Support that depends on exporting draws a note on WTO rules.",
        **seeded(
            f"card_{index}_eligible",
            card.eligible.exporters,
            lambda who: edit("eligible", {**card.eligible.model_dump(), "exporters": who}),
        ),
    )
    _cost(index, card, home, edit)
    _effect(index, card, home, edit)


def _cost(index: int, card: Any, home: HomeFirms | None, edit: Any) -> None:
    if home is not None:
        st.number_input(
            "Cost per firm, USD a year",
            min_value=0.0,
            step=1000.0,
            **seeded(f"card_{index}_unit_cost", float(card.unit_cost), lambda v: edit("unit_cost", v or 0.0)),
        )
        return
    st.number_input(
        "Cost in all, million USD a year",
        min_value=0.0,
        step=10.0,
        help="Without firms loaded nobody can be counted, so the cost is given as a whole.",
        **seeded(f"card_{index}_outlay", float(card.outlay or 0.0), lambda v: edit("outlay", v or 0.0)),
    )


def _effect(index: int, card: Any, home: HomeFirms | None, edit: Any) -> None:
    attribute = card.attribute or ATTRIBUTES[card.policy]
    known = None if home is None else home.effects.get(attribute)
    if card.effect is None and known is not None:
        st.html(
            f'<p class="ft-quiet">Effect on a firm: capability {known.capability:+.2f} (± {known.capability_error:.2f}), '
            f"{GRADES[known.grade]}.</p>"
        )
        return
    given: dict[str, Any] = ASSUMED if card.effect is None else card.effect.model_dump()
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
