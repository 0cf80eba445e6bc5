"""Charts of the record of predictions: what was predicted against what happened, and elasticities by years."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from firmtrade_core.codes.countries import country_name
from firmtrade_core.figures.chart import ACCENT, MUTED, TEXT, Chart, base_layout

#: Points that carry their name: those with most trade, and the largest misses.
NAMED = 12

#: Beyond this many points the share of points outside is cut off the axes.
_CUT = 0.02


def predicted_and_actual(
    points: Sequence[Mapping[str, Any]], method: str, *, title: str, subtitle: str, source: str
) -> Chart:
    """Actual against predicted log changes, relative to the importer's imports from all; on the line a prediction is right.

    Parameters
    ----------
    points
        Of an `Episode`.
    method
        Whose predictions: a key of the points, such as ``model 4``.
    """
    kept = [p for p in points if np.isfinite(float(p[method])) and np.isfinite(float(p["actual"]))]
    x, y = (np.array([float(p[name]) for p in kept]) for name in (method, "actual"))
    share = np.array([float(p["share"]) for p in kept])
    many = len({p["importer"] for p in kept}) > 1
    names = [
        f"{country_name(p['importer'])} from {country_name(p['partner'])}, {p['since']} to {p['until']}"
        if many
        else country_name(p["partner"])
        for p in kept
    ]
    low, high = _range(x), _range(y)
    inside = (x >= low[0]) & (x <= low[1]) & (y >= high[0]) & (y <= high[1])
    weight = share * (y - x) ** 2
    first = [*np.argsort(-weight, kind="stable")[: NAMED // 2], *np.argsort(-share, kind="stable")[:NAMED]]
    top = _apart([int(k) for k in first], x / (low[1] - low[0]), y / (high[1] - high[0]))
    short = [f"{p['importer']}←{p['partner']}" if many else p["partner"] for p in kept]
    hover = [
        f"<b>{name}</b><br>happened {b:+.2f}, predicted {a:+.2f} log points<br>{100 * s:.2g} % of the episode's imports"
        for name, a, b, s in zip(names, x, y, share, strict=True)
    ]
    ends = [min(low[0], high[0]), max(low[1], high[1])]
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": ends,
            "y": ends,
            "line": {"color": MUTED, "width": 1},
            "hoverinfo": "skip",
        },
        {
            "type": "scatter",
            "mode": "markers+text",
            "x": [round(float(v), 3) for v in x[inside]],
            "y": [round(float(v), 3) for v in y[inside]],
            "text": [short[k] if k in top else "" for k in np.flatnonzero(inside)],
            "textposition": "top center",
            "textfont": {"size": 11, "color": TEXT},
            "customdata": [hover[k] for k in np.flatnonzero(inside)],
            "hovertemplate": "%{customdata}<extra></extra>",
            "marker": {
                "size": [float(s) for s in np.round(5 + 60 * np.sqrt(share[inside]), 1).clip(5, 30)],
                "color": ACCENT,
                "opacity": 0.55,
                "line": {"width": 0},
            },
        },
    ]
    outside = int((~inside).sum())
    told = f" · {outside} point{'s' if outside > 1 else ''} beyond the edges" if outside else ""
    layout = base_layout(
        margin={"l": 58, "r": 12, "t": 6, "b": 46},
        dragmode=False,
        xaxis=_axis("predicted, log points relative to all partners", low),
        yaxis=_axis("happened", high),
    )
    return Chart(
        title,
        f"{subtitle}{told}",
        source,
        data,
        layout,
        height=430,
        units={"x": "log points", "y": "log points"},
    )


def _apart(places: Sequence[int], x: Any, y: Any) -> set[int]:
    """Of points in order of importance, those whose names do not cover one named before; x and y in widths of the picture."""
    kept: list[int] = []
    for k in places:
        if all(abs(x[k] - x[other]) > 0.055 or abs(y[k] - y[other]) > 0.045 for other in kept if other != k):
            kept.append(k)
    return set(kept)


def _range(values: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, float]:
    """Ends of an axis: nearly all values, zero among them."""
    if not values.size:
        return -0.1, 0.1
    cut = _CUT if values.size > 60 else 0.0
    low, high = min(float(np.quantile(values, cut)), 0.0), max(float(np.quantile(values, 1 - cut)), 0.0)
    room = 0.08 * max(high - low, 0.05)
    return low - room, high + room


def _axis(title: str, ends: tuple[float, float]) -> dict[str, Any]:
    return {
        "fixedrange": True,
        "range": list(ends),
        "title": {"text": title, "font": {"size": 12}},
        "gridcolor": "rgba(128,128,128,0.22)",
        "zerolinecolor": "rgba(128,128,128,0.55)",
        "tickfont": {"size": 12, "color": MUTED},
        "tickformat": ".2~f",
    }


def elasticities_by_years(
    rows: Sequence[Mapping[str, Any]],
    published: Sequence[tuple[float, float, str]],
    *,
    title: str,
    subtitle: str,
    source: str,
) -> Chart:
    """Responses of imports before duties by years since the change: estimated with its band, published ones as points.

    Parameters
    ----------
    rows
        Of `local_projections`.
    published
        Years, response (negative) and name of each.
    """
    years = [float(row["horizon"]) for row in rows]
    band = {"type": "scatter", "x": years, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    data: list[dict[str, Any]] = [
        {**band, "y": [float(row["low"]) for row in rows]},
        {
            **band,
            "y": [float(row["high"]) for row in rows],
            "fill": "tonexty",
            "fillcolor": "rgba(0,114,178,0.16)",
        },
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": years,
            "y": [round(float(row["estimate"]), 3) for row in rows],
            "line": {"color": "#0072B2", "width": 2},
            "marker": {"size": 7},
            "customdata": [
                f"<b>{row['horizon']:.0f} years</b><br>{row['estimate']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
                for row in rows
            ],
            "hovertemplate": "%{customdata}<extra>estimated here</extra>",
        },
        {
            "type": "scatter",
            "mode": "markers",
            "x": [p[0] for p in published],
            "y": [p[1] for p in published],
            "text": [p[2] for p in published],
            "hovertemplate": "<b>%{text}</b><br>%{y:.2f}<extra></extra>",
            "marker": {"size": 9, "color": "#D55E00", "symbol": "diamond"},
        },
    ]
    axis = {
        "fixedrange": True,
        "gridcolor": "rgba(128,128,128,0.22)",
        "tickfont": {"size": 12, "color": MUTED},
        "zerolinecolor": "rgba(128,128,128,0.55)",
    }
    layout = base_layout(
        margin={"l": 52, "r": 12, "t": 6, "b": 46},
        dragmode=False,
        xaxis={
            **axis,
            "title": {"text": "years since the tariff began to change", "font": {"size": 12}},
            "dtick": 1,
        },
        yaxis={**axis, "title": {"text": "% of imports per % of price", "font": {"size": 12}}},
    )
    return Chart(
        title,
        subtitle,
        source,
        data,
        layout,
        height=330,
        units={"x": "years since the policy", "y": "elasticity"},
    )
