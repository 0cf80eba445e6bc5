"""The specification curve: a headline under every choice that could have been made otherwise, in order of its size."""

from __future__ import annotations

from typing import Any

import numpy as np

from firmtrade_core.analysis.robustness import KINDS, Robustness
from firmtrade_core.analysis.uncertainty import NOTHING
from firmtrade_core.figures.chart import GAIN, LOSS, MUTED, TEXT, Chart, base_layout
from firmtrade_core.labels import change, in_percent

#: Pixels of a row of the lower part, and of the upper part.
_ROW, _CURVE = 19, 190


def specification_curve(found: Robustness, what: str, *, subtitle: str, source: str) -> Chart:
    """Answers in order above, the kind of choice behind each below.

    Parameters
    ----------
    found
    what
        The headline, as the title says it.
    subtitle, source
        Words around the chart.
    """
    rows = sorted(found.answered, key=lambda row: row.value)
    same = found.same_sign
    nothing = max(abs(end) for end in found.range) <= NOTHING
    title = (
        f"{what}: nothing moves, whatever is chosen"
        if rows and nothing
        else f"{what}: no alternative has an answer"
        if not rows
        else f"{what}: {in_percent(same)} of {len(rows)} alternatives have the answer's sign"
    )
    kinds = [kind for kind in KINDS if any(row.kind == kind for row in rows)]
    places = {kind: -float(at) for at, kind in enumerate(kinds)}
    x = list(range(1, len(rows) + 1))
    hover = [
        f"{KINDS[row.kind][0]}: {row.label}<br>{change(row.value, found.unit)} "
        f"({change(row.value - found.base_of(row.kind), found.unit)} against the choice made)"
        for row in rows
    ]
    colours = [MUTED if abs(row.value) <= NOTHING else GAIN if row.value > 0 else LOSS for row in rows]
    values = [round(row.value, 6) for row in rows]
    common: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "x": x,
        "hovertext": hover,
        "hoverinfo": "text",
    }
    data: list[dict[str, Any]] = [
        common | {"y": values, "marker": {"color": colours, "size": 8}},
        common
        | {
            "y": [places[row.kind] for row in rows],
            "yaxis": "y2",
            "marker": {"color": colours, "size": 11, "symbol": "line-ns-open", "line": {"width": 2}},
        },
    ]
    low, high = found.range
    # What certificates do not tell from nothing is not painted.
    room = 0.08 * max(high - low, 0.01)
    below = len(kinds) * _ROW
    height = _CURVE + below + 34
    split = below / (below + _CURVE) if kinds else 0.0
    layout = base_layout(
        margin={"l": 8, "r": 8, "t": 14, "b": 8},
        dragmode=False,
        xaxis={"visible": False, "fixedrange": True, "range": [0.2, len(rows) + 0.8], "anchor": "y2"},
        yaxis={
            "domain": [split + 0.06, 1],
            "fixedrange": True,
            "zeroline": True,
            "zerolinecolor": TEXT,
            "zerolinewidth": 1,
            "gridcolor": "$edge",
            "ticksuffix": f" {found.unit}" if found.unit == "%" else "",
            "range": [min(low, 0) - room, max(high, 0) + room],
            "automargin": True,
        },
        yaxis2={
            "domain": [0, split],
            "fixedrange": True,
            "tickvals": [places[kind] for kind in kinds],
            "ticktext": [KINDS[kind][0] for kind in kinds],
            "range": [-len(kinds) + 0.4, 0.6],
            "gridcolor": "$edge",
            "zeroline": False,
            "automargin": True,
        },
        shapes=[
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": found.value,
                "y1": found.value,
                "line": {"color": MUTED, "width": 1, "dash": "dash"},
            }
        ],
        annotations=[
            {
                "xref": "paper",
                "x": 0,
                "xanchor": "left",
                "y": found.value,
                "yanchor": "bottom",
                "showarrow": False,
                "text": f"as given {change(found.value, found.unit)}",
                "font": {"color": MUTED, "size": 12},
            }
        ]
        if np.isfinite(found.value)
        else [],
    )
    return Chart(
        title, subtitle, source, data, layout, height=height, units={"x": "position", "y": found.unit}
    )
