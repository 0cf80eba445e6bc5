"""Rows of estimates with intervals, and the quiet axes that go with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from firmtrade_core.figures.chart import MUTED, Chart, base_layout, upright
from firmtrade_core.figures.row_names import named_rows, row_height
from firmtrade_core.labels import number

ROW_HEIGHT = 27


@dataclass(frozen=True)
class Row:
    """One estimate with its interval; infinite ends run to the chart's edge.

    Parameters
    ----------
    name
    value
        None of a set without a centre.
    low, high
    colour
    hover
        HTML.
    filled
        Marker filled or open.
    """

    name: str
    value: float | None
    low: float
    high: float
    colour: str
    hover: str
    filled: bool = True


def interval_rows(
    rows: Sequence[Row], title: str, subtitle: str, source: str, *, name_width: int, unit: str
) -> Chart:
    """Rows of estimates in a unit with their intervals around zero, names at the left.

    Parameters
    ----------
    rows
        Names, estimates and ends.
    title, subtitle, source
    name_width
        Pixels for names.
    unit
        Registered.
    """
    ends = [
        v for row in rows for v in (row.value, row.low, row.high) if v is not None and math.isfinite(v)
    ] or [0.0]
    core = [v for row in rows if row.value is not None for v in (row.value,)] or ends
    spread = max(max(core) - min(core), 0.05)
    # One wild interval must not squeeze the others: it runs off the edge instead.
    first = max(min(*ends, 0.0), min(*core, 0.0) - 2.5 * spread)
    last = min(max(*ends, 0.0), max(*core, 0.0) + 2.5 * spread)
    margin = 0.04 * max(last - first, 1e-6)
    data: list[dict[str, Any]] = []
    for place, row in enumerate(rows):
        low, high = max(row.low, first - margin), min(row.high, last + margin)
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": [low, high],
                "y": [place, place],
                "line": {"color": row.colour, "width": 3 if row.value is not None else 6},
                "opacity": 1.0 if row.value is not None else 0.55,
                "customdata": [row.hover] * 2,
                "hovertemplate": "%{customdata}<extra></extra>",
            }
        )
    known = [(place, row) for place, row in enumerate(rows) if row.value is not None]
    data.append(
        {
            "type": "scatter",
            "mode": "markers",
            "x": [row.value for _, row in known],
            "y": [place for place, _ in known],
            "marker": {
                "size": 10,
                "color": [row.colour for _, row in known],
                "symbol": ["circle" if row.filled else "circle-open" for _, row in known],
                "line": {"width": 2, "color": [row.colour for _, row in known]},
            },
            "customdata": [row.hover for _, row in known],
            "hovertemplate": "%{customdata}<extra></extra>",
        }
    )
    names = [row.name for row in rows]
    layout = base_layout(
        margin={"l": name_width, "r": 16, "t": 2, "b": 28},
        dragmode=False,
        hovermode="closest",
        xaxis=quiet_axis(range=[first - margin, last + margin]),
        yaxis=named_rows(names, name_width),
        shapes=[upright(0.0, MUTED)],
    )
    height = row_height(names, name_width, ROW_HEIGHT) * max(len(rows), 1) + 34
    return Chart(title, subtitle, source, data, layout, height=height, units={"x": unit})


def quiet_axis(**changes: Any) -> dict[str, Any]:
    """A value axis without grid."""
    return {"showgrid": False, "zeroline": False, "fixedrange": True, "tickfont": {"size": 12, "color": MUTED}, "nticks": 6, "tickangle": 0} | changes  # fmt: skip


def axis_words(text: str) -> dict[str, Any]:
    """An axis title."""
    return {"text": text, "font": {"size": 12, "color": MUTED}}


def inside_words(x: float, y: float, text: str, colour: str) -> dict[str, Any]:
    """Words at the right inside a chart."""
    return {"x": x, "y": y, "xref": "paper", "yref": "paper", "xanchor": "right", "yanchor": "top" if y > 0.5 else "bottom",
            "text": text, "showarrow": False, "font": {"size": 12, "color": colour}}  # fmt: skip


def interval_words(value: float, low: float, high: float) -> str:
    """An estimate with the ends of its interval."""
    ends = " to ".join(number(end, signed=True) if math.isfinite(end) else "no end" for end in (low, high))
    return f"{number(value, signed=True)} ({ends})"
