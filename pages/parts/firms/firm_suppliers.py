"""Suppliers lost together, a section of the Firms page: which firms' loss costs most, with a bound on any other set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

import pandas as pd
import streamlit as st

from firmtrade_core.capability.work import CapabilityReport
from firmtrade_core.figures.bars import value_bars
from firmtrade_core.home.supplier_loss import Lost, study_suppliers, supplier_arguments
from firmtrade_core.labels import change, grouped, in_percent
from firmtrade_core.report.export import About, Table, written_now
from pages.parts.firms.asked_work import AskedWork, current
from pages.parts.firms.capability_bench import Bench
from pages.parts.frame import chart
from pages.parts.frame.exports import table_downloads
from pages.parts.frame.jobs import say_why_not, watch
from pages.parts.frame.page import heading, table
from pages.parts.frame.store import seeded

_KEY = "suppliers"

_MEASURES = {"sales": "Sales", "exports": "Exports"}

_READING = (
    "A buyer makes what its inputs let it, and nothing replaces a supplier in the short run: what is lost runs on along the "
    "links. Which firms, lost together, cost most is chosen one by one; no other set of as many can cost more than the bound."
)


@dataclass(eq=False)
class Watch(AskedWork[Lost]):
    """A session's work here.

    Parameters
    ----------
    measure
        Of `_MEASURES`: what a firm lost takes along.
    """

    measure: str = "sales"

    def asked(self, bench: Bench) -> tuple[Callable[..., Lost], dict[str, object]]:
        """Losses of the measure looked at."""
        return study_suppliers, supplier_arguments(bench.basis, self.measure)


def suppliers_section(report: CapabilityReport, bench: Bench) -> None:
    """The section: begun by a click."""
    seen = current(_KEY, Watch)
    heading("Suppliers lost together", _READING)

    def take(value: str | None) -> None:
        seen.measure = value or seen.measure

    st.segmented_control(
        "Lost with a firm", list(_MEASURES), format_func=_MEASURES.__getitem__, **seeded("suppliers_measure", seen.measure, take)
    )  # fmt: skip
    status = seen.look(bench)
    if status is None or status.state in ("cancelled", "lost"):
        st.button("Find the worst", type="primary", icon=":material/link_off:", key="suppliers_start", on_click=lambda: seen.start(bench))  # fmt: skip
        return
    if status.state == "running":
        watch(lambda: seen.look(bench), lambda: seen.job and seen.job.cancel(), key="suppliers_cancel")
        return
    if status.state != "done":
        say_why_not(
            status,
            "The loss of suppliers cannot be told",
            "Add a table of links and a column materials to the panel.",
        )
        return
    _show(seen.result(), seen, "" if seen.job is None else seen.job.folder.name)


def _show(found: Lost, seen: Watch, key: str) -> None:
    told, total = found.told(), float(found.network.value.sum())
    st.html(f'<p class="ft-step" data-suppliers="1"><b>{escape(found.sentence())}</b></p>')
    if told.empty:
        return
    what = _MEASURES[seen.measure].lower()
    rows = told[told["together"].isin([1, 2, 3, 4, 5, 10, 15, 20])]
    left, right = st.columns(2, gap="large")
    with left:
        drawn = value_bars(
            [f"{grouped(k)} firm{'s' if k > 1 else ''}" for k in rows["together"]],
            -100 * rows["share"].to_numpy(float), "%", f"What is lost of all {what}",
            f"Change in all {what}, % · {found.network.label}, {found.network.year}",
            "Links do not say how much is bought of each supplier: a buyer's domestic inputs are shared alike among them.", name_width=110,
            notes=[f"<br>no set loses more than {in_percent(most / total)}" for most in rows["most"]],
        )  # fmt: skip
        chart.draw(drawn, key=f"suppliers_{seen.measure}", result=key, kind="suppliers")
    with right:
        table(
            f"Firms lost together, of all {what}",
            ("Firms", "Lost", "Their own", "Of their buyers", "At most", "Certified"),
            [
                (
                    grouped(row["together"]), in_percent(row["share"]), in_percent(row["own"] / total),
                    in_percent(row["share"] - row["own"] / total), in_percent(row["most"] / total), in_percent(row["certified"]),
                )
                for row in rows.to_dict("records")
            ],
            units={"Firms": "firms"},
        )  # fmt: skip
        st.html(
            f'<p class="ft-quiet">Certified: the least that the firms chosen can be of the worst set there is. '
            f"{'Losing the ' + grouped(len(found.chosen)) + ' largest firms instead would cost ' + change(-100 * found.largest_share) + '.' if found.network.synthetic else 'Real firms are told by fives.'}</p>"
        )
        table_downloads(supplier_table(found), lambda: about_suppliers(found), key="suppliers")


def about_suppliers(found: Lost) -> About:
    """Where the numbers come from."""
    network = found.network
    return (
        ("Firms", network.label),
        ("Year", str(network.year)),
        ("Synthetic", "yes: no such firm exists" if network.synthetic else "no; told by fives"),
        written_now(),
    )


def supplier_table(found: Lost) -> Table:
    """The sets that may be told."""
    told, total = found.told(), float(found.network.value.sum())
    frame = pd.DataFrame(
        {
            "Firms lost together": told["together"],
            "Lost": told["share"],
            "Their own": told["own"] / total,
            "At most": told["most"] / total,
            "Certified": told["certified"],
        }
    )
    shares = dict.fromkeys(["Lost", "Their own", "At most", "Certified"], "share of 1")
    return Table("suppliers_lost_together", "Suppliers whose loss together costs most", frame, {"Firms lost together": "firms", **shares})  # fmt: skip
