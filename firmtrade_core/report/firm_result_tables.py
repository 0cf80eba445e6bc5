"""Tables of what a scenario means for groups of home firms, to be taken away."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from firmtrade_core.analysis.diversification import MEASURES as SPREAD
from firmtrade_core.analysis.diversification import Diversification
from firmtrade_core.home.inclusion import KINDS, MEASURES, Inclusion
from firmtrade_core.report.export import Table, table


def imported_inputs_table(groups: Mapping[str, pd.DataFrame]) -> Table:
    """Who imports inputs, what it saves, and what a scenario does through it; see `ImportedInputs.groups`."""
    words = {"status": "trading status", "size": "size of sales"}
    frame = pd.concat([by.assign(grouped_by=words[key]) for key, by in groups.items()], ignore_index=True)
    return table("imported_inputs", "Firms by what they import: costs and exports", frame)


def inclusion_table(found: Inclusion) -> Table:
    """Who is reached and who gains, by every kind of group and measure."""
    frame = pd.concat(
        [
            found.table(kind, measure).assign(grouped_by=KINDS[kind], measure=words)
            for measure, words in MEASURES.items()
            for kind in found.groups
        ],
        ignore_index=True,
    )
    return table("who_is_reached_and_gains", "Who is reached and who gains, by groups of firms", frame)


def diversification_tables(found: Diversification) -> list[Table]:
    """How widely exports are spread before and after, and who opens new markets."""
    rows = found.table.reset_index(names="key")
    rows["measure"] = [SPREAD[key][0] for key in rows["key"]]
    rows["unit"] = [SPREAD[key][1] for key in rows["key"]]
    spread = table(
        "diversification", "How widely exports are spread", rows)  # fmt: skip
    if not found.groups:
        return [spread]
    frame = pd.concat([by.assign(grouped_by=KINDS[kind]) for kind, by in found.groups.items()], ignore_index=True)  # fmt: skip
    return [spread, table("new_markets", "Who opens new markets", frame)]
