"""Charts of gravity estimates: coefficients with intervals, over years, actual against fitted, elasticities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from firmtrade_core.codes.countries import country_name
from firmtrade_core.figures.chart import ACCENT, MUTED, TEXT, Chart, base_layout, upright
from firmtrade_core.figures.row_names import named_rows
from firmtrade_core.labels import number

ROW_HEIGHT = 26

#: Points drawn at most; the largest flows and an even choice of the rest.
MOST_POINTS = 2500

#: Okabe-Ito, in fixed slots.
SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#999999")


def interval_plot(
    rows: pd.DataFrame,
    *,
    title: str,
    subtitle: str,
    source: str,
    reference: float | None = 0.0,
    name_width: int = 230,
) -> Chart:
    """Estimates with intervals, one row each.

    Parameters
    ----------
    rows
        Columns label, value, low, high, quiet (drawn in grey: not usable), note (in the hover).
    reference
        Where a line stands.
    """
    places = list(range(len(rows)))
    value, low, high = (rows[c].to_numpy(dtype=np.float64) for c in ("value", "low", "high"))
    colours = [MUTED if quiet else ACCENT for quiet in rows["quiet"]]
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [float(a), float(b)],
            "y": [place, place],
            "line": {"color": colour, "width": 2},
            "hoverinfo": "skip",
        }
        for place, a, b, colour in zip(places, low, high, colours, strict=True)
        if np.isfinite(a) and np.isfinite(b)
    ]
    hover = [
        f"<b>{label}</b><br>{number(v, significant=3)} ({number(a, significant=3)} to {number(b, significant=3)})<br>{note}"
        for label, note, v, a, b in zip(
            rows["label"], rows["note"], value.tolist(), low.tolist(), high.tolist(), strict=True
        )
    ]
    data.append(
        {
            "type": "scatter",
            "mode": "markers",
            "x": value.tolist(),
            "y": places,
            "text": hover,
            "hovertemplate": "%{text}<extra></extra>",
            "marker": {
                "size": 9,
                "color": colours,
                "symbol": ["circle-open" if quiet else "circle" for quiet in rows["quiet"]],
                "line": {"width": 1.5, "color": colours},
            },
        }
    )
    shown = np.concatenate([value, _clipped(low), _clipped(high), [] if reference is None else [reference]])
    first, last = float(np.nanmin(shown)), float(np.nanmax(shown))
    margin = 0.05 * max(last - first, 1e-6)
    layout = base_layout(
        margin={"l": name_width, "r": 16, "t": 2, "b": 30},
        dragmode=False,
        xaxis=_axis(range=[first - margin, last + margin], zeroline=False),
        yaxis=named_rows(list(rows["label"])),
        shapes=[] if reference is None else [upright(reference)],
    )
    return Chart(
        title,
        subtitle,
        source,
        data,
        layout,
        height=ROW_HEIGHT * max(len(rows), 1) + 36,
        units={"x": "log points per unit"},
    )


def coefficients_over_years(
    series: Mapping[str, pd.DataFrame], *, title: str, subtitle: str, source: str
) -> Chart:
    """One line per series, the first with its band.

    Parameters
    ----------
    series
        By name: columns year, estimate, low, high. At most eight.
    """
    data: list[dict[str, Any]] = []
    notes = []
    for (name, frame), colour in zip(series.items(), SERIES, strict=False):
        years = frame["year"].tolist()
        band = {"type": "scatter", "x": years, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
        if not data:  # overlapping bands would hide each other
            data += [
                {**band, "y": frame["low"].tolist()},
                {**band, "y": frame["high"].tolist(), "fill": "tonexty", "fillcolor": _faint(colour)},
            ]
        data += [
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": years,
                "y": frame["estimate"].tolist(),
                "line": {"color": colour, "width": 2},
                "marker": {"size": 6},
                "hovertemplate": f"<b>{name}</b><br>%{{x}}: %{{y:.2f}}<extra></extra>",
            },
        ]
        notes.append((years[-1], float(frame["estimate"].iloc[-1]), name, colour))
    years = [int(y) for frame in series.values() for y in frame["year"]]
    first, last = min(years, default=0), max(years, default=0)
    layout = base_layout(
        margin={"l": 44, "r": 200, "t": 6, "b": 30},
        dragmode=False,
        xaxis=_axis(zeroline=False, dtick=2 if last - first > 6 else 1, range=[first - 0.4, last + 0.4]),
        yaxis=_axis(zeroline=True, zerolinecolor=MUTED),
        annotations=_apart(notes),
    )
    return Chart(
        title, subtitle, source, data, layout, height=330, units={"x": "year", "y": "log points per unit"}
    )


def event_plot(table: pd.DataFrame, *, title: str, subtitle: str, source: str) -> Chart:
    """Leads and lags of a policy with their intervals, and what they add up to after it.

    Parameters
    ----------
    table
        Columns horizon (years since the policy), estimate, low, high, cumulated, cumulated_low, cumulated_high, on
        log trade; as `GravityEstimate.event_study` gives it.
    """
    after = table[table["horizon"] >= 0]
    horizons = [int(h) for h in table["horizon"]]
    step = min(np.diff(horizons), default=1)
    band = {"type": "scatter", "x": after["horizon"].tolist(), "mode": "lines", "hoverinfo": "skip"}
    data: list[dict[str, Any]] = []
    if len(after) > 1:
        data = [
            {**band, "y": after["cumulated_low"].tolist(), "line": {"width": 0}},
            {
                **band,
                "y": after["cumulated_high"].tolist(),
                "line": {"width": 0},
                "fill": "tonexty",
                "fillcolor": _faint(SERIES[1]),
            },
            {
                **band,
                "y": after["cumulated"].tolist(),
                "line": {"width": 2, "color": SERIES[1]},
                "hoverinfo": None,
                "hovertemplate": "<b>added up</b>, %{x} years after: %{y:.3f}<extra></extra>",
            },
        ]
    for part, colour, symbol in (
        (table[table["horizon"] < 0], MUTED, "circle-open"),
        (after, ACCENT, "circle"),
    ):
        data.append(_bars_of(part, colour, symbol))
    ends = table[["low", "high"]].to_numpy().ravel().tolist()
    ends += after[["cumulated_low", "cumulated_high"]].to_numpy().ravel().tolist()
    low, high = min(0.0, *ends), max(0.0, *ends)
    margin = 0.08 * max(high - low, 1e-6)
    layout = base_layout(
        margin={"l": 52, "r": 190, "t": 8, "b": 44},
        dragmode=False,
        xaxis=_axis(
            zeroline=False,
            tickvals=horizons,
            ticktext=[f"{h:+d}".replace("-", "\u2212") if h else "0" for h in horizons],
            range=[horizons[0] - 0.4 * step, horizons[-1] + 0.4 * step],
            title={"text": "years since the policy", "font": {"size": 12}},
        ),
        yaxis=_axis(
            zeroline=True, zerolinecolor=MUTED, zerolinewidth=1.5, range=[low - margin, high + margin]
        ),
        shapes=[upright(-step / 2, dash="dot")],
        annotations=_event_labels(after),
    )
    return Chart(
        title,
        subtitle,
        source,
        data,
        layout,
        height=340,
        units={"x": "years since the policy", "y": "log points"},
    )


def _bars_of(rows: pd.DataFrame, colour: str, symbol: str) -> dict[str, Any]:
    value = rows["estimate"].to_numpy()
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [int(h) for h in rows["horizon"]],
        "y": value.tolist(),
        "customdata": rows[["low", "high"]].to_numpy().tolist(),
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": (rows["high"].to_numpy() - value).tolist(),
            "arrayminus": (value - rows["low"].to_numpy()).tolist(),
            "color": colour,
            "thickness": 2,
            "width": 5,
        },
        "marker": {"size": 9, "color": colour, "symbol": symbol, "line": {"width": 1.5, "color": colour}},
        "hovertemplate": "%{x} years: %{y:.3f} (%{customdata[0]:.3f} to %{customdata[1]:.3f})<extra></extra>",
    }


def _event_labels(after: pd.DataFrame) -> list[dict[str, Any]]:
    """What the effects after the policy add up to, at the end of their line."""
    last = after.iloc[-1]
    words = (
        f"added up: {number(float(last['cumulated']), signed=True)}<br>"
        f"({number(float(last['cumulated_low']), signed=True)} to {number(float(last['cumulated_high']), signed=True)})"
    )
    return [
        {
            "x": int(last["horizon"]),
            "y": float(last["cumulated"]),
            "xanchor": "left",
            "align": "left",
            "xshift": 12,
            "text": words,
            "showarrow": False,
            "font": {"size": 12, "color": SERIES[1] if len(after) > 1 else TEXT},
        }
    ]


def actual_and_fitted(
    cells: pd.DataFrame, *, title: str, subtitle: str, source: str, unit: str = "the file's own money"
) -> Chart:
    """Fitted against actual flows in logs, home sales apart.

    Parameters
    ----------
    cells
        Columns exporter, importer, trade, fitted.
    """
    positive = cells[(cells["trade"] > 0) & (cells["fitted"] > 0)].sort_values("trade", ascending=False)
    step = max(1, len(positive) // MOST_POINTS)
    positive = positive.iloc[::step]
    home = (positive["exporter"].astype(str) == positive["importer"].astype(str)).to_numpy()
    data = [
        _points(positive[home == at_home], colour, name)
        for at_home, colour, name in (
            (False, ACCENT, "between countries"),
            (True, SERIES[1], "sales at home"),
        )
        if (home == at_home).any()
    ]
    ends = [
        float(positive[["trade", "fitted"]].min().min()),
        float(positive[["trade", "fitted"]].max().max()),
    ]
    data.append(
        {
            "type": "scatter",
            "mode": "lines",
            "x": ends,
            "y": ends,
            "line": {"color": MUTED, "width": 1},
            "hoverinfo": "skip",
            "showlegend": False,
        }
    )
    layout = base_layout(
        margin={"l": 66, "r": 10, "t": 6, "b": 44},
        dragmode=False,
        showlegend=True,
        legend={"x": 0.02, "y": 0.98, "font": {"size": 12, "color": TEXT}, "bgcolor": "rgba(0,0,0,0)"},
        xaxis=_axis(
            type="log",
            title={"text": "actual, m USD", "font": {"size": 12}},
            exponentformat="power",
            dtick=2,
        ),
        yaxis=_axis(
            type="log",
            title={"text": "fitted, m USD", "font": {"size": 12}},
            exponentformat="power",
            dtick=2,
        ),
    )
    return Chart(title, subtitle, source, data, layout, height=380, units={"x": unit, "y": unit})


def _points(cells: pd.DataFrame, colour: str, name: str) -> dict[str, Any]:
    text = [
        f"{country_name(str(e))} to {country_name(str(i))}"
        for e, i in zip(cells["exporter"], cells["importer"], strict=True)
    ]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [float(f"{v:.4g}") for v in cells["trade"]],
        "y": [float(f"{v:.4g}") for v in cells["fitted"]],
        "text": text,
        "hovertemplate": "<b>%{text}</b><br>actual %{x:,.0f}<br>fitted %{y:,.0f} m USD<extra></extra>",
        "marker": {"size": 4, "color": colour, "opacity": 0.45},
    }


def _axis(**changes: Any) -> dict[str, Any]:
    return {
        "fixedrange": True,
        "gridcolor": "rgba(128,128,128,0.22)",
        "tickfont": {"size": 12, "color": MUTED},
        **changes,
    }


def _clipped(values: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Ends of intervals within a range that leaves the others readable: hovers carry the full ones."""
    known = values[np.isfinite(values)]
    if known.size < 4:
        return values
    middle, spread = np.median(known), np.subtract(*np.quantile(known, [0.75, 0.25]))
    return np.clip(values, middle - 10 * spread, middle + 10 * spread)


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.14)"


def _apart(notes: Sequence[tuple[int, float, str, str]]) -> list[dict[str, Any]]:
    """Names at the ends of lines, pushed apart where they would overlap."""
    if not notes:
        return []
    values = [n[1] for n in notes]
    gap = 0.075 * max(max(values) - min(values), 0.4)
    placed: list[dict[str, Any]] = []
    last = float("inf")
    for year, value, name, colour in sorted(notes, key=lambda n: -n[1]):
        last = min(value, last - gap)
        placed.append(
            {
                "x": year,
                "y": last,
                "xanchor": "left",
                "xshift": 8,
                "text": name,
                "showarrow": False,
                "font": {"size": 12, "color": colour},
            }
        )
    return placed
