"""Shocks from abroad as instruments, a section of the Channels page: each firm's own markets and products."""

from __future__ import annotations

from html import escape
from pathlib import Path

import streamlit as st

from firmtrade_core.channels import ChannelError
from firmtrade_core.channels.foreign_shocks import (
    CLUSTERS,
    IN_LOGS,
    RATIOS,
    Cluster,
    ForeignShocks,
    balance_words,
    foreign_shocks,
)
from firmtrade_core.labels import grouped, in_percent, number
from firmtrade_core.panel import FirmPanel, PanelError
from firmtrade_core.panel.synthetic.country import make_country
from firmtrade_core.panel.synthetic.structure import SyntheticDesign
from firmtrade_core.words.channels import plain
from pages.parts.firms.effects import Bench
from pages.parts.firms.firm_source import changed, how_to_mend
from pages.parts.frame.opened import allowed
from pages.parts.frame.page import complain, heading, table
from pages.parts.frame.store import seeded

#: Synthetic firms where no panel is named: worked out while the reader waits.
_FEW_FIRMS, _YEARS = 3_000, 4

_READING = (
    "A firm whose own markets grew, against firms whose markets did not: shocks that the firm did not choose. Firms that share "
    "markets share shocks, so errors come from markets and not from firms (Borusyak, Hull and Jaravel 2022; Adão, Kolesár and "
    "Morales 2019). Tariffs or other shocks of a table of your own: channels --shocks FILE."
)

_CLUSTERS = {
    "country": "Markets",
    "chapter": "Chapters of products",
    "both": "Markets and chapters",
}

#: What may be moved, and through what; as far as the panel has it.
_OUTCOMES = ("exports", "home_sales", "employment", "value_added_per_worker", "sales", "capital", "wage")
_THROUGH = ("exports", "imports", "skill_share", "rnd_intensity", "imported_input_share", "supplier_links", "capital")  # fmt: skip


@st.cache_resource(show_spinner=False, max_entries=2)
def _panel(folder: Path | None, changed_at: float) -> FirmPanel:
    if folder is None:
        return make_country(SyntheticDesign(firms=_FEW_FIRMS, years=_YEARS)).panel
    return FirmPanel.from_parquet(folder)


@st.cache_data(show_spinner="Comparing markets ...", max_entries=16)
def _found(
    folder: Path | None, changed_at: float, outcome: str, through: str | None, cluster: Cluster
) -> ForeignShocks:
    return foreign_shocks(_panel(folder, changed_at), outcome, through, cluster=cluster)


def foreign_shocks_section(bench: Bench) -> None:
    """The section, worked out when asked for.

    Parameters
    ----------
    bench
        Whose firms.
    """
    heading("Shocks to firms' own markets", _READING)

    def take(on: bool) -> None:
        bench.shocks = on

    st.toggle(
        "Compare firms by what happened in their markets", **seeded("effects_shocks", bench.shocks, take)
    )
    if not bench.shocks:
        return
    folder = bench.folder
    at = 0.0 if folder is None else changed(folder)
    try:
        columns = {*_panel(folder, at).column_names()}
        known = [name for name in _OUTCOMES if {*RATIOS.get(name, (name,))} <= columns]
        row = st.columns(3)
        outcome = row[0].selectbox("What changed", known, format_func=plain, key="shocks_outcome")
        through = row[1].selectbox(
            "Through", [name for name in _THROUGH if name in columns and name != outcome], format_func=plain, index=None,
            placeholder="Whatever shocks do", key="shocks_through",
        )  # fmt: skip
        cluster = row[2].selectbox(
            "Shocks move together within", CLUSTERS, format_func=_CLUSTERS.__getitem__, key="shocks_cluster"
        )  # fmt: skip
        if outcome is None:
            complain(
                "No shocks to show",
                f"The firms have none of {', '.join(plain(n) for n in (*IN_LOGS,))}.",
                how_to_mend(bench),
            )
            return
        found = _found(folder, at, outcome, through, cluster)
    except (PanelError, ChannelError, OSError) as problem:
        complain("No shocks to show", str(problem), how_to_mend(bench))
        return
    if not found.synthetic and not allowed(
        "shocks to firms' markets", f"{found.panel}, {found.years[1]}", "Channels"
    ):
        return
    whose = f"{found.panel}{': synthetic, no such firm exists' if found.synthetic else ''}. "
    st.html(f'<p class="ft-detail">{escape(whose + found.sentence())}</p>')
    for line in found.cautions:
        st.html(f'<p class="ft-quiet">{escape(line)}</p>')
    _numbers(found)


def _numbers(found: ForeignShocks) -> None:
    told = found.found
    rows = [
        (f"Effect, {found.unit}", number(told.effect, signed=True)),
        (f"{in_percent(told.level)} set over shocks, the null imposed", told.robust.words),
        ("Error over shocks, in the same unit", number(told.standard_error)),
        ("Error if firms were independent, which they are not, in the same unit", number(told.naive_error)),
        ("Firms", grouped(told.firms)),
        ("Cells of market and product", grouped(told.cells)),
        ("As many equal cells, cells", number(told.effective_cells)),
        ("As many equal clusters, clusters", number(told.effective_clusters)),
        ("Sales whose shock is known", in_percent(told.covered)),
    ]
    if told.first_stage is not None:
        rows.insert(1, ("How the shocks move it", told.first_stage.words))
    left, right = st.columns(2, gap="large")
    with left:
        table(
            "Shocks to firms' markets",
            ("What", "Value"),
            rows,
            words=("What",),
            units={"Value": "as its row says"},
        )
    with right:
        if told.balance:
            table(
                "Settled before the shocks, and still going with them?",
                (
                    "Settled before",
                    "For one standard deviation of the shocks, standard deviations",
                    "Chance of as much",
                ),
                balance_words(told),
                words=("Settled before",),
            )
