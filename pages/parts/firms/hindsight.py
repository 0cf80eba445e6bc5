"""What came of the rule's advice, a section of the Firms page: told in an early year, looked at in the last."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import streamlit as st

from firmtrade_core.capability.hindsight import (
    GROUPS,
    OUTCOMES,
    Hindsight,
    Outcome,
    hindsight_arguments,
    study_hindsight,
)
from firmtrade_core.capability.work import CapabilityReport
from firmtrade_core.labels import change, grouped, in_percent, number
from pages.parts.firms.asked_work import AskedWork, current
from pages.parts.firms.capability_bench import Bench
from pages.parts.frame.jobs import say_why_not, watch
from pages.parts.frame.page import heading, table

_KEY = "hindsight"


class _Watch(AskedWork[Hindsight]):
    def asked(self, bench: Bench) -> tuple[Callable[..., Hindsight], dict[str, object]]:
        return study_hindsight, hindsight_arguments(bench.basis)


def hindsight_section(report: CapabilityReport, bench: Bench) -> None:
    """The section: begun by a click, for an early year has to be estimated by itself.

    Parameters
    ----------
    report, bench
        Of the page.
    """
    heading(
        "What came of such advice",
        "Whom the same rule would have told to be treated in an earlier year, by what was known then, and what those firms did "
        "since, against firms not told of the same sector, size and exporting. Prediction, not effect: nobody was treated.",
    )
    seen = current(_KEY, _Watch)
    status = seen.look(bench)
    if status is None or status.state in ("cancelled", "lost"):
        st.button(
            "Look back", icon=":material/history:", key="hindsight_start", on_click=lambda: seen.start(bench)
        )
        return
    if status.state == "running":
        watch(lambda: seen.look(bench), lambda: seen.job and seen.job.cancel(), key="hindsight_cancel")
        return
    if status.state != "done":
        say_why_not(status, "Nothing can be told of earlier advice")
        return
    _show(seen.result())


def _show(found: Hindsight) -> None:
    whose = f"{found.panel}{': synthetic, no such firm exists' if found.synthetic else ''}. "
    st.html(f'<p class="ft-detail" data-label="prediction">{escape(whose + found.sentences()[0])}</p>')
    table(
        f"Told in {found.first}, seen in {found.last}",
        ("Firms", "What", "Firms told", "Told", "Like firms not told", "All not told", "Told less like", "90 % interval"),
        [_row(each) for each in found.outcomes],
        words=("Firms", "What"),
        units={"Firms told": "firms"},
    )  # fmt: skip
    for line in found.refused:
        st.html(f'<p class="ft-quiet">{escape(line)}</p>')


def _row(each: Outcome) -> tuple[str, ...]:
    def shown(value: float) -> str:
        return f"{number(100 * value, signed=True)} %" if each.outcome == "growth" else in_percent(value)

    apart = [change(100 * value, "points") for value in (each.difference, each.low, each.high)]
    return (
        GROUPS[each.group].capitalize(), OUTCOMES[each.outcome][0], grouped(each.firms), shown(each.told), shown(each.like),
        shown(each.others), apart[0], f"{apart[1]} to {apart[2]}",
    )  # fmt: skip
