"""What a firm panel looks like: sizes, what sets exporters apart, what is missing. No bar shows fewer than five firms."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.figures.chart import ACCENT, GAIN, MUTED, TEXT, Chart, base_layout
from firmtrade_core.labels import grouped
from firmtrade_core.panel import FirmPanel
from firmtrade_core.panel.confidentiality import FEWEST_FIRMS, suppress
from firmtrade_core.panel.facts import exporter_premia, exporting

Array = NDArray[np.float64]

#: Edges of size classes, in persons.
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, np.inf)

MEASURES = {
    "sales": "Sales",
    "employment": "Employment",
    "value_added": "Value added",
    "capital": "Capital",
    "sales_per_worker": "Sales per worker",
}

ROW_HEIGHT = 26


def size_distribution(panel: FirmPanel) -> Chart:
    """Share of firms and of exporters by size class, last year of the panel.

    Raises
    ------
    ColumnError
        If the panel has no employment, or does not say who exports.
    """
    panel.need("employment")
    table = exporting(panel)
    last = table[(table["year"] == table["year"].max()) & table["employment"].notna()]
    kind = pd.cut(last["employment"].astype(float), SIZES, right=False, labels=_size_names())
    names = list(kind.cat.categories)
    last = last.assign(size=kind.astype(object), firms_here=1).dropna(subset=["size"])
    traces = []
    for label, exporter, colour in (("Others", False, MUTED), ("Exporters", True, GAIN)):
        # Withheld cells are empty; classes without firms, which reveal nobody, are zero.
        own = suppress(last[last["exporter"] == exporter], ["size"], "firms_here").set_index("size")["value"]
        empty = [name for name in names if name not in own.index]
        counts = (
            own.astype(np.float64).reindex([*own.index, *empty], fill_value=0.0).reindex(names).to_numpy()
        )
        shown = 100 * counts / max(int((last["exporter"] == exporter).sum()), 1)
        traces.append(_bars(names, shown, label, colour, "%{x} persons: %{y:.1f}\u202f% of"))
    words = "How large firms are"
    if last.groupby("exporter")["firm"].nunique().reindex([True, False], fill_value=0).min() >= FEWEST_FIRMS:
        median = last.groupby("exporter")["employment"].median()
        larger = "larger" if median[True] > median[False] else "not larger"
        words = (
            f"Exporters are {larger}: median {grouped(median[True])} persons against {grouped(median[False])}"
        )
    layout = base_layout(
        margin={"l": 44, "r": 8, "t": 4, "b": 84},
        barmode="group",
        showlegend=True,
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.08},
        xaxis={
            "type": "category",
            "fixedrange": True,
            "tickangle": -45,
            "tickfont": {"size": 12, "color": MUTED},
        },
        yaxis={
            "ticksuffix": " %",
            "tickfont": {"size": 12, "color": MUTED},
            "gridcolor": "rgba(128,128,128,0.22)",
            "fixedrange": True,
            "rangemode": "tozero",
        },
    )
    subtitle = f"% of firms of each kind by persons engaged; {panel.metadata.label}, {int(last['year'].max())}, {grouped(len(last))} firms"
    return Chart(words, subtitle, _source(panel), traces, layout, height=320, units={"y": "%"})


def premia_chart(panel: FirmPanel) -> Chart:
    """How much larger exporters are than other firms of their sector and year, in per cent."""
    premia = exporter_premia(panel)
    enough = np.array([_many(panel, str(name)) for name in premia.index], dtype=bool)
    known = premia[premia["same_sector"].notna() & enough]
    percent = 100 * np.expm1(known["same_sector"].to_numpy(dtype=float))
    names = [MEASURES[str(name)] for name in known.index]
    trace = _bars(names, percent, "", ACCENT, "%{y}: %{x:+,.0f}\u202f%") | {
        "orientation": "h", "x": percent.round(2).tolist(), "y": names,
        "text": [f"{value:+,.0f}\u202f%" for value in percent], "textposition": "outside", "cliponaxis": False,
    }  # fmt: skip
    layout = base_layout(
        margin={"l": 130, "r": 80, "t": 2, "b": 4},
        xaxis={"visible": False, "fixedrange": True},
        yaxis={"autorange": "reversed", "fixedrange": True, "tickfont": {"size": 13}, "ticklabelstandoff": 8},
    )
    title = "What sets exporters apart" if names else "Too few exporters, or too few others, to compare"
    if "Sales" in names:
        title = f"Exporters sell {grouped(1 + percent[names.index('Sales')] / 100, '.1f')} times what others of their sector do"
    subtitle = f"{panel.metadata.label}; mean log difference within sectors and years, as per cent"
    return Chart(
        title,
        subtitle,
        _source(panel),
        [trace],
        layout,
        height=ROW_HEIGHT * len(names) + 40,
        units={"x": "%"},
    )


def _many(panel: FirmPanel, measure: str) -> bool:
    """Whether enough exporters and enough other firms have a measure for their means to reveal nobody."""
    table = exporting(panel)
    parts = ("sales", "employment") if measure == "sales_per_worker" else (measure,)
    used = table[(table[list(parts)].astype(float) > 0).all(axis=1)]
    counts = used.groupby("exporter")["firm"].nunique().reindex([True, False], fill_value=0)
    return bool(counts.min() >= FEWEST_FIRMS)


def missing_chart(panel: FirmPanel) -> Chart:
    """Share of firms without an answer, by column and year; columns without gaps are left out."""
    table = panel.firms
    many = table.groupby("year")["firm"].nunique()
    years = many.index[many >= FEWEST_FIRMS]
    share = 100 * table.drop(columns="year").isna().groupby(table["year"]).mean().loc[years]
    share = share.loc[:, share.max() > 0]
    order = share.mean().sort_values(ascending=False).index
    share = share[order]
    trace: dict[str, Any] = {
        "type": "heatmap",
        "z": share.T.round(2).to_numpy().tolist(),
        "x": [str(year) for year in share.index],
        "y": [str(name).replace("_", " ") for name in share.columns],
        "colorscale": [[0, "#f5f5f5"], [1, "#8c510a"]],
        "zmin": 0,
        "zmax": max(float(share.to_numpy().max(initial=0.0)), 10.0),
        "xgap": 1,
        "ygap": 1,
        "colorbar": {"ticksuffix": " %", "thickness": 10, "tickfont": {"color": TEXT}},
        "hovertemplate": "%{y}, %{x}: %{z:.1f}\u202f% missing<extra></extra>",
    }
    layout = base_layout(
        margin={"l": 150, "r": 8, "t": 2, "b": 28},
        xaxis={"type": "category", "fixedrange": True},
        yaxis={"autorange": "reversed", "fixedrange": True, "ticks": "", "ticklabelstandoff": 8},
    )
    title = "Nothing is missing"
    if len(order):
        worst = str(order[0]).replace("_", " ")
        title = f"Most is missing in {worst}: {share[order[0]].mean():.0f}\u202f% of firms"
    subtitle = f"{panel.metadata.label}; % of firms without a value"
    return Chart(
        title,
        subtitle,
        _source(panel),
        [trace],
        layout,
        height=ROW_HEIGHT * max(len(order), 1) + 60,
        units={"colour": "%"},
    )


def _size_names() -> list[str]:
    ends = itertools.pairwise(SIZES)
    return [
        f"{grouped(low)}+"
        if np.isinf(high)
        else (grouped(low) if high == low + 1 else f"{grouped(low)}–{grouped(int(high) - 1)}")
        for low, high in ends
    ]


def _bars(names: list[str], values: Array, label: str, colour: str, hover: str) -> dict[str, Any]:
    return {
        "type": "bar",
        "name": label,
        "x": names,
        "y": [None if np.isnan(value) else round(float(value), 3) for value in values],
        "marker": {"color": colour},
        "hovertemplate": f"{hover} {label.lower()}".rstrip() + "<extra></extra>",
    }


def _source(panel: FirmPanel) -> str:
    about = panel.metadata
    return f"{'Synthetic: ' if about.synthetic else 'Source: '}{about.source}."
