"""Trade of one country as areas: products, and within each the partners; size by value, colour by change."""

from __future__ import annotations

import numpy as np

from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium.states import before_and_after
from firmtrade_core.figures.chart import SURFACE, Chart, base_layout
from firmtrade_core.figures.chart_table import ChartTable
from firmtrade_core.figures.flows import Direction
from firmtrade_core.figures.outcomes import BILLION, foreign
from firmtrade_core.figures.scale import diverging_axis, stable_scale
from firmtrade_core.labels import change, in_percent, level

#: Partners told apart within a product; the others are one area.
MOST_PARTNERS = 14


def trade_treemap(
    equilibrium: Equilibrium,
    country: str,
    direction: Direction,
    first: Equilibrium | None = None,
    *,
    subtitle: str,
    source: str,
) -> Chart:
    """Exports or imports by product and partner after the change.

    Parameters
    ----------
    equilibrium
    country
        Code.
    direction
    first
        What it is read against; the baseline unless given.
    subtitle, source
        Words around the chart.
    """
    world = equilibrium.world
    i = world.country_index(country)
    old, new = (
        _of(foreign(state.accounts("border_value")), i, direction) * BILLION
        for state in before_and_after(equilibrium, first)
    )
    ids, labels, parents, values, changes = ["all"], [""], [""], [float(new.sum())], [0.0]
    rows: list[tuple[str, str, float, float, float]] = []

    def put(name: str, label: str, parent: str, before: float, after: float) -> None:
        ids.append(name)
        labels.append(label)
        parents.append(parent)
        values.append(after)
        changes.append(_percent(before, after))

    for s, sector in enumerate(world.sectors):
        if new[:, s].sum() <= 0:
            continue
        name = world.sector_name(sector)
        put(sector, name, "all", float(old[:, s].sum()), float(new[:, s].sum()))
        order = [int(j) for j in np.argsort(-new[:, s]) if new[j, s] > 0]
        for j in order:
            told = (name, country_name(world.countries[j]))
            rows.append((*told, float(new[j, s]), float(old[j, s]), _percent(old[j, s], new[j, s])))
        for j in order[:MOST_PARTNERS]:
            put(
                f"{sector}/{world.countries[j]}",
                country_name(world.countries[j]),
                sector,
                old[j, s],
                new[j, s],
            )
        if rest := order[MOST_PARTNERS:]:
            put(f"{sector}/others", "Others", sector, float(old[rest, s].sum()), float(new[rest, s].sum()))
    scale = stable_scale(np.array(changes[1:]), floor=1.0)
    trace = {
        "type": "treemap",
        "ids": ids,
        "labels": labels,
        "parents": parents,
        "values": [round(v, 6) for v in values],
        "branchvalues": "total",
        "marker": {
            "colors": [round(v, 4) for v in changes],
            "coloraxis": "coloraxis",
            "line": {"color": SURFACE, "width": 1},
            "pad": {"t": 22, "l": 2, "r": 2, "b": 2},
        },
        "text": [
            f"{level(v, 'bn USD')}, {change(c)}" for v, c in zip(values, changes, strict=True)
        ],
        "textinfo": "label+text",
        "hovertemplate": "<b>%{label}</b><br>%{text}<extra></extra>",
        "tiling": {"packing": "squarify"},
        "pathbar": {"visible": False},
        "root": {"color": "rgba(0,0,0,0)"},
        "sort": True,
    }  # fmt: skip
    layout = base_layout(
        margin={"l": 0, "r": 0, "t": 2, "b": 30},
        uniformtext={"minsize": 10, "mode": "hide"},
        coloraxis=diverging_axis(scale, "%", steps=2, length=0.4),
    )
    rows.sort(key=lambda row: -row[2])
    table = ChartTable(
        ("Product", "Partner", "After", "Before", "Change"),
        ("", "", "bn USD", "bn USD", "%"),
        tuple(rows),
        signed=(4,),
    )
    return Chart(
        _finding(country, direction, labels, parents, values),
        subtitle,
        source,
        [trace],
        layout,
        aspect=0.52,
        units={"size": "bn USD", "colour": "%"},
        table=table,
    )


def _of(trade: np.ndarray, i: int, direction: Direction) -> np.ndarray:
    """(N, S) with each partner."""
    return np.asarray(trade[i] if direction == "exports" else trade[:, i])


def _percent(before: float, after: float) -> float:
    return 100 * (after / before - 1) if before > 0 else 0.0


def _finding(
    country: str, direction: Direction, labels: list[str], parents: list[str], values: list[float]
) -> str:
    whole = values[0]
    heads = [
        (v, label)
        for v, label, parent in zip(values[1:], labels[1:], parents[1:], strict=True)
        if parent == "all"
    ]
    if not heads or whole <= 0:
        return f"{country_name(country)}: no {direction}"
    value, label = max(heads)
    return f"{country_name(country)}: {in_percent(value / whole)} of {direction} are {label[0].lower()}{label[1:]}"
