"""A programme for firms at home: what it gives, to whom, and what it costs."""

from __future__ import annotations

from typing import Any

import streamlit as st

from firmtrade_core.margins import FirmsError
from pages.parts.card_kinds import PROGRAMMES
from pages.parts.home import current_home, home_line
from pages.parts.store import Store, seeded

_REACHES = {"any": "All firms", "exporters": "Exporters", "non_exporters": "Firms that do not export yet"}


def has_home() -> bool:
    """Whether firms of a home country are loaded, without which a programme has nobody to reach."""
    try:
        return current_home() is not None
    except FirmsError:
        return False


def what(store: Store, index: int, card: Any) -> None:
    """What the programme gives, and whose firms it reaches."""
    st.selectbox(
        "What it gives firms",
        list(PROGRAMMES),
        format_func=PROGRAMMES.__getitem__,
        **seeded(f"card_{index}_policy", card.policy, lambda name: store.edit_card(index, {"policy": name})),
    )
    if not has_home():
        st.caption(home_line(None))


def cost(store: Store, index: int, card: Any) -> None:
    """What each firm reached costs."""
    _number(store, index, "unit_cost", "Dollars a firm a year", card.unit_cost, 0.0, 1e9, 1000.0)


def details(store: Store, index: int, card: Any) -> None:
    """Whom it may reach, how much each gets, and when."""
    rule = card.eligible.model_dump(mode="json", exclude_defaults=True)
    st.selectbox(
        "Open to",
        list(_REACHES),
        format_func=_REACHES.__getitem__,
        **seeded(
            f"card_{index}_exporters",
            card.eligible.exporters,
            lambda name: store.edit_card(index, {"eligible": rule | {"exporters": name}}),
        ),
    )
    _number(store, index, "intensity", "Units given to each firm", card.intensity, 0.01, 1000.0, 0.5)
    _number(store, index, "phase_in", "Years until all take part", card.phase_in, 0.0, 50.0, 1.0)
    _number(store, index, "horizon", "Year looked at", card.horizon, 0.0, 50.0, 1.0)
    st.toggle(
        "Depends on exporting",
        help="Support that depends on exporting falls under WTO rules on subsidies; the notes say how.",
        **seeded(
            f"card_{index}_contingent",
            card.contingent_on_exports,
            lambda on: store.edit_card(index, {"contingent_on_exports": on}),
        ),
    )


def _number(
    store: Store, index: int, field: str, label: str, value: float, lowest: float, highest: float, step: float
) -> None:
    def write(given: float | None) -> None:
        if given is not None:
            store.edit_card(index, {field: given}, sliding=True)

    key = f"card_{index}_{field}"
    st.number_input(label, lowest, highest, step=step, format="%.12g", **seeded(key, float(value), write))
