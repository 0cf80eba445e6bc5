"""Charts of exporting over time: what follows a firm's first year abroad, and how long entrants stay."""

from __future__ import annotations

from typing import Any

import pandas as pd

from firmtrade_core.channels.learning import ESTIMATORS, TOLD, Learning
from firmtrade_core.figures.chart import MUTED, Chart, base_layout, upright
from firmtrade_core.figures.intervals import axis_words, quiet_axis
from firmtrade_core.labels import number

#: Colours of the estimators, Okabe-Ito in fixed slots; the one that misleads is grey.
COLOURS = {
    "cohorts": "#0072B2",
    "two stages": "#009E73",
    "local projections": "#E69F00",
    "two-way effects": MUTED,
}

#: Horizontal step between estimators of one year.
_APART = 0.12


def learning_chart(found: Learning, *, title: str, subtitle: str, source: str) -> Chart:
    """An outcome around the first year of exports, by estimator, with 90 % intervals."""
    data: list[dict[str, Any]] = []
    for place, name in enumerate(ESTIMATORS):
        rows = found.table[found.table["estimator"] == name].sort_values("horizon")
        data.append(_series(rows, name, COLOURS[name], (place - 1.5) * _APART))
    low, high = float(found.table["low"].min()), float(found.table["high"].max())
    low, high = min(low, 0.0), max(high, 0.0)
    room = 0.06 * max(high - low, 1e-6)
    years = sorted({*(int(h) for h in found.table["horizon"]), -1})
    layout = base_layout(
        margin={"l": 56, "r": 12, "t": 4, "b": 40},
        dragmode=False,
        hovermode="closest",
        xaxis=quiet_axis(
            range=[years[0] - 0.5, years[-1] + 0.5],
            tickvals=years,
            title=axis_words("Years since the first exports"),
        ),
        yaxis=quiet_axis(
            range=[low - room, high + room],
            zeroline=True,
            zerolinecolor=MUTED,
            title=axis_words("log points"),
        ),
        shapes=[upright(-0.5, MUTED, "dot")],
    )
    return Chart(
        title, subtitle, source, data, layout, height=300,
        units={"x": "years", "y": "log points"},
    )  # fmt: skip


def _series(rows: pd.DataFrame, name: str, colour: str, shift: float) -> dict[str, Any]:
    value = rows["value"].to_numpy(float)
    hover = [
        f"{name} ({ESTIMATORS[name]})<br>year {int(h)}: {number(v, signed=True)} log points<br>90 %: {number(a, signed=True)} to {number(b, signed=True)}"
        for h, v, a, b in zip(rows["horizon"], value, rows["low"], rows["high"], strict=True)
    ]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [round(float(h) + shift, 3) for h in rows["horizon"]],
        "y": [round(float(v), 6) for v in value],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [round(float(v), 6) for v in rows["high"] - value],
            "arrayminus": [round(float(v), 6) for v in value - rows["low"]],
            "thickness": 2.0 if name == TOLD else 1.0,
            "width": 0,
            "color": colour,
        },
        "marker": {"color": colour, "size": 9 if name == TOLD else 6},
        "customdata": hover,
        "hovertemplate": "%{customdata}<extra></extra>",
    }
