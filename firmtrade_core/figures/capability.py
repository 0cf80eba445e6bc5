"""Charts of capability: what predicts it, one firm, how well models forecast, who could export next.

Charts of Shapley values show predictions, never effects. Where single firms must not be seen, points give way to
quantiles and means of at least five firms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from firmtrade_core.capability.attributes import TOGETHER
from firmtrade_core.capability.comparison import (
    ADDITIVE,
    ECONOMETRICS,
    LEARNING,
    MEASURES,
    STRUCTURE,
    Comparison,
    Scores,
)
from firmtrade_core.capability.explanation import Explanation
from firmtrade_core.capability.prospects import Potential, TailReport
from firmtrade_core.capability.results import CapabilityResults
from firmtrade_core.capability.work import Band
from firmtrade_core.figures.chart import (
    ACCENT,
    DIVERGING,
    MUTED,
    TEXT,
    Chart,
    base_layout,
    upright,
)
from firmtrade_core.figures.intervals import (
    ROW_HEIGHT,
    Row,
    axis_words,
    interval_rows,
    interval_words,
    quiet_axis,
)
from firmtrade_core.figures.row_names import named_rows, row_height
from firmtrade_core.labels import grouped, in_percent, number
from firmtrade_core.panel.confidentiality import FEWEST_FIRMS
from firmtrade_core.words.capability import attribute_words

Array = NDArray[np.float64]

#: Okabe-Ito: low values blue, high values orange; legible on either ground.
LOW, MIDDLE, HIGH = "#0072B2", "#a6a6a6", "#E69F00"

RIVAL_COLOURS = {
    STRUCTURE: ("#56B4E9", "light blue"), ECONOMETRICS: ("#E69F00", "orange"),
    LEARNING: ("#CC79A7", "pink"), ADDITIVE: ("#009E73", "green"),
}  # fmt: skip

#: Kinds or clusters of attributes shown.
MOST_CLUSTERS = 9

#: Of an axis along an attribute.
OWN_UNIT = "the attribute's own unit"

#: Attributes of a summary, and points of each.
MOST_ATTRIBUTES, MOST_POINTS = 13, 350

NAME_WIDTH = 190


@dataclass(frozen=True)
class Reading:
    """How Shapley values are read: log revenue potential, or the trade cost that would do the same.

    Parameters
    ----------
    factor
        Multiplies values in logs.
    words
        For subtitles.
    unit
    """

    factor: float
    words: str
    unit: str


def reading(kind: Literal["revenue", "cost"], elasticity_of_substitution: float) -> Reading:
    """Log points of revenue potential, or percent of trade costs, ``-100 value/(σ-1)``."""
    if kind == "revenue":
        return Reading(1.0, "log revenue potential", "log points")
    sigma = elasticity_of_substitution
    return Reading(-100 / (sigma - 1), f"ad valorem trade-cost equivalent, σ = {sigma:.2g}", "%")


# What predicts ----------------------------------------------------------------------------------


def summary_chart(
    explanation: Explanation, attributes: Array, read: Reading, source: str, *, points: bool, index: str = "m"
) -> Chart:
    """Shapley values by attribute, most important on top: one dot a firm, or ranges where firms must not be seen.

    Parameters
    ----------
    explanation
    attributes : (E, K)
        Of the explained rows, for the colour of dots.
    points
        Whether single firms may be seen.
    """
    names = list(explanation.importance.index[:MOST_ATTRIBUTES])
    places = {str(name): place for place, name in enumerate(explanation.values.columns)}
    values = read.factor * explanation.values[names].to_numpy()
    data: list[dict[str, Any]] = []
    if points:
        chosen = np.random.default_rng(0).permutation(len(values))[:MOST_POINTS]
        data = [
            _swarm(
                values[chosen, row],
                attributes[chosen, places[str(name)]],
                row,
                attribute_words(str(name)),
                read,
            )
            for row, name in enumerate(names)
        ]
    else:
        for row, name in enumerate(names):
            data += _range(values[:, row], row, attribute_words(str(name)), read)
    reach = 1.05 * max(float(np.quantile(np.abs(values), 0.998)), 1e-6)
    layout = base_layout(
        margin={"l": NAME_WIDTH, "r": 16, "t": 2, "b": 28},
        dragmode=False,
        hovermode="closest",
        xaxis=quiet_axis(range=[-reach, reach]),
        yaxis=named_rows([attribute_words(str(name)) for name in names], NAME_WIDTH),
        shapes=[upright(0.0, MUTED)],
    )
    first = attribute_words(str(names[0]))
    what = "what firms can sell" if index == "m" else "fixed costs of entry"
    shown = (
        "one dot a firm, from low (blue) to high (orange) values of the attribute"
        if points
        else "thin: 5th to 95th percentile of firms, thick: 25th to 75th, dot: median"
    )
    return Chart(
        f"{first[0].upper()}{first[1:]} tells most about {what}",
        f"Shapley values on {read.words} ({read.unit}) · {shown} · prediction, not effect",
        source, data, layout, height=_rows_high([attribute_words(str(n)) for n in names]) + 40, units={"x": read.unit},
    )  # fmt: skip


def _swarm(values: Array, attribute: Array, row: int, name: str, read: Reading) -> dict[str, Any]:
    """Dots of a row, pushed apart where they would lie on each other."""
    order = np.argsort(values, kind="stable")
    bins = np.floor((values - values.min()) / max(float(np.ptp(values)), 1e-12) * 60).astype(int)
    counts = np.bincount(bins)
    seen = np.zeros(len(counts), dtype=int)
    height = np.zeros(len(values))
    for i in order:
        seen[bins[i]] += 1
        side = 1 if seen[bins[i]] % 2 else -1
        height[i] = side * (seen[bins[i]] // 2)
    height *= 0.38 / max(float(np.abs(height).max()), 6.0)
    rank = pd.Series(attribute).rank(pct=True).fillna(0.5).to_numpy()
    return {
        "type": "scatter",
        "mode": "markers",
        "x": values.round(4).tolist(),
        "y": (row + height).round(3).tolist(),
        "marker": {
            "size": 4.5,
            "color": rank.round(3).tolist(),
            "colorscale": [[0, LOW], [0.5, MIDDLE], [1, HIGH]],
            "cmin": 0,
            "cmax": 1,
            "opacity": 0.85,
        },
        "customdata": [
            f"<b>{name}</b><br>{_value_words(a)}<br>{number(v, signed=True)} {read.unit}"
            for a, v in zip(attribute.tolist(), values.tolist(), strict=True)
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _value_words(value: float) -> str:
    return f"value {number(value)}" if math.isfinite(value) else "not answered"


def _range(values: Array, row: int, name: str, read: Reading) -> list[dict[str, Any]]:
    low, lower, middle, upper, high = np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95]).round(4).tolist()
    words = f"<b>{name}</b><br>median {number(middle, signed=True)} {read.unit}<br>5th to 95th percentile {number(low, signed=True)} to {number(high, signed=True)}"  # fmt: skip
    lines = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": list(ends),
            "y": [row, row],
            "line": {"color": ACCENT, "width": width},
            "customdata": [words] * 2,
            "hovertemplate": "%{customdata}<extra></extra>",
        }
        for ends, width in (((low, high), 2), ((lower, upper), 8))
    ]
    dot = {
        "type": "scatter", "mode": "markers", "x": [middle], "y": [row], "customdata": [words],
        "marker": {"size": 9, "color": HIGH}, "hovertemplate": "%{customdata}<extra></extra>",
    }  # fmt: skip
    return [*lines, dot]


def groups_chart(
    explanation: Explanation, read: Reading, source: str, by: Literal["kind", "together"] = "kind"
) -> Chart:
    """Mean absolute Shapley value of attributes' kinds, or jointly of attributes that move together."""
    joint = explanation.grouped() if by == "kind" else explanation.together()
    grouped = (abs(read.factor) * joint.abs().mean()).sort_values(ascending=False).iloc[:MOST_CLUSTERS]
    total = max(float(abs(read.factor) * joint.abs().mean().sum()), 1e-12)
    names = [str(name) for name in grouped.index]
    values = grouped.to_numpy()
    told = [f"{number(v)} {read.unit}, {in_percent(v / total)}" for v in values]
    if by == "kind":
        leading = f"{names[0][0].upper()}{names[0][1:]}"
        told_most = f"{leading} carries {in_percent(values[0] / total)} of what attributes tell"
        title = told_most if values[0] > 0 else "Attributes tell nothing here"
        return _bars(
            names, values, told, title, f"Mean absolute Shapley value of kinds of attributes, {read.words} ({read.unit}) · prediction, not effect", source, unit=read.unit,
        )  # fmt: skip
    members = [name.split(" + ") for name in names]
    several = [place for place, some in enumerate(members) if len(some) > 1]
    any_together = any(len(some) > 1 for some in explanation.clusters)
    title = "Attributes that move together carry little" if any_together else "No attributes move together: each has its own credit"  # fmt: skip
    if several:
        first = several[0]
        words = " and ".join(attribute_words(each) for each in members[first][:2])
        more = f" (and {len(members[first]) - 2} more)" if len(members[first]) > 2 else ""
        title = f"{words[0].upper()}{words[1:]}{more} move together and jointly carry {in_percent(values[first] / total)}"
    return _bars(
        [", ".join(attribute_words(each) for each in some) for some in members], values, told, title,
        f"Mean absolute joint Shapley value, {read.words} ({read.unit}) · accent: attributes whose rank correlation exceeds {TOGETHER:g}, average linkage; "
        f"grey: alone; the {MOST_CLUSTERS} largest · the split within a cluster is arbitrary · prediction, not effect",
        source, colours=[ACCENT if place in several else MUTED for place in range(len(names))], unit=read.unit,
    )  # fmt: skip


def stability_chart(by_fold: pd.DataFrame, by_seed: pd.DataFrame, read: Reading, source: str) -> Chart:
    """Importance by attribute in every fold and under other divisions of firms into folds."""
    order = by_fold.mean(axis=1).sort_values(ascending=False).index[:MOST_ATTRIBUTES]
    scale = abs(read.factor)
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [round(float(scale * v), 4) for v in table.loc[order].to_numpy().ravel()],
            "y": [row for row in range(len(order)) for _ in table],
            "marker": {
                "size": size,
                "color": colour,
                "symbol": symbol,
                "line": {"width": 1.5, "color": colour},
            },
            "customdata": [
                f"<b>{attribute_words(str(name))}</b><br>{run}" for name in order for run in table
            ],
            "hovertemplate": "%{customdata}: %{x:.3f}<extra></extra>",
        }
        for table, colour, symbol, size in (
            (by_fold, ACCENT, "circle-open", 9),
            (by_seed, HIGH, "diamond", 8),
        )
    ]
    ranks = pd.concat([by_fold, by_seed], axis=1).corr("spearman").to_numpy()
    least = float(ranks.min())
    layout = base_layout(
        margin={"l": NAME_WIDTH, "r": 16, "t": 2, "b": 28}, dragmode=False, hovermode="closest",
        xaxis=quiet_axis(rangemode="tozero"), yaxis=named_rows([attribute_words(str(n)) for n in order], NAME_WIDTH),
        shapes=[upright(0.0, MUTED)],
    )  # fmt: skip
    words = "hold" if least > 0.8 else "move a little" if least > 0.5 else "are not stable"
    return Chart(
        f"Ranks {words}: least rank correlation between runs {least:.2f}",
        f"Mean absolute Shapley value ({read.unit}) · circles: folds, diamonds: other divisions into folds",
        source, data, layout, height=_rows_high([attribute_words(str(n)) for n in order]) + 40, units={"x": read.unit},
    )  # fmt: skip


def dependence_chart(
    explanation: Explanation,
    attributes: Array,
    attribute: str,
    partner: str | None,
    read: Reading,
    source: str,
    *,
    points: bool,
) -> Chart:
    """Shapley value of one attribute over its own value, coloured by the attribute it interacts with most.

    Parameters
    ----------
    explanation
    attributes : (R, K)
        Values of the attributes explained.
    attribute, partner
        On the axis, and in colour (or None).
    read, source
        Names and units of attributes; where the numbers come from.
    points
        Whether single firms may be shown.
    """
    names = [str(name) for name in explanation.values.columns]
    x = attributes[:, names.index(attribute)]
    y = read.factor * explanation.values[attribute].to_numpy()
    beside = None if partner is None else attributes[:, names.index(partner)]
    known = np.isfinite(x)
    data: list[dict[str, Any]] = []
    if points:
        data.append(_cloud(x[known], y[known], None if beside is None else beside[known]))
    else:
        halves: list[tuple[str, str, NDArray[np.bool_]]] = [(ACCENT, "", known)]
        if beside is not None and partner is not None:
            upper = beside > np.nanmedian(beside)
            word = attribute_words(partner)
            halves = [(LOW, f"low {word}", known & ~upper), (HIGH, f"high {word}", known & upper)]
        data += [
            _steps(x[some], y[some], colour, label)
            for colour, label, some in halves
            if some.sum() >= FEWEST_FIRMS
        ]
    word = attribute_words(attribute)
    slope = (
        float(np.corrcoef(pd.Series(x[known]).rank(), y[known])[0, 1])
        if known.sum() > 2 and np.ptp(y[known]) > 0
        else 0.0
    )
    sense = np.sign(slope * read.factor)
    # What is there or not has no more and less of it.
    either = set(np.unique(x[known])) <= {0.0, 1.0}
    title = f"{word[0].upper()}{word[1:]}: no steady direction"
    if abs(slope) > 0.2:
        what = f"{word[0].upper()}{word[1:]}" if either else f"More {word}"
        title = f"{what} goes with {'higher' if sense > 0 else 'lower'} predicted capability"
    colours = "" if partner is None else f" · colour: {attribute_words(partner)}, low blue to high orange"
    layout = base_layout(
        margin={"l": 54, "r": 12, "t": 6, "b": 40}, dragmode=False, hovermode="closest",
        xaxis=quiet_axis(title=axis_words(f"{word}{' (log of 1 + value)' if attribute.startswith('log_') else ''}")),
        yaxis=quiet_axis(title=axis_words(read.unit), zeroline=True, zerolinecolor=MUTED),
    )  # fmt: skip
    kind = "one dot a firm" if points else "means over tenths of firms"
    return Chart(
        title, f"Shapley value on {read.words} · {kind}{colours} · prediction, not effect", source, data, layout, height=460, units={"x": OWN_UNIT, "y": read.unit},
    )  # fmt: skip


def _cloud(x: Array, y: Array, beside: Array | None) -> dict[str, Any]:
    random = np.random.default_rng(0)
    chosen = random.permutation(len(x))[:1200]
    if len(np.unique(x)) <= 5:  # dots of few values would lie on each other
        x = x + 0.06 * np.ptp(x) * random.uniform(-1, 1, len(x))
    marker: dict[str, Any] = {"size": 5, "opacity": 0.8, "color": ACCENT}
    if beside is not None:
        rank = pd.Series(beside).rank(pct=True).fillna(0.5).to_numpy()[chosen]
        marker |= {"color": rank.round(3).tolist(), "colorscale": [[0, LOW], [0.5, MIDDLE], [1, HIGH]], "cmin": 0, "cmax": 1}  # fmt: skip
    return {
        "type": "scatter", "mode": "markers", "x": x[chosen].round(4).tolist(), "y": y[chosen].round(4).tolist(),
        "marker": marker, "hovertemplate": "%{x:.3g}: %{y:.3f}<extra></extra>",
    }  # fmt: skip


def _steps(x: Array, y: Array, colour: str, label: str) -> dict[str, Any]:
    """Means over tenths of x, each of at least five firms."""
    tenths = max(min(10, len(x) // FEWEST_FIRMS), 1)
    place = np.searchsorted(np.unique(np.quantile(x, np.linspace(0, 1, tenths + 1)[1:-1])), x)
    told = pd.DataFrame({"place": place, "x": x, "y": y}).groupby("place").agg(x=("x", "mean"), y=("y", "mean"), n=("x", "size"))  # fmt: skip
    told = told[told["n"] >= FEWEST_FIRMS]
    return {
        "type": "scatter", "mode": "lines+markers", "x": told["x"].round(4).tolist(), "y": told["y"].round(4).tolist(),
        "line": {"color": colour, "width": 2}, "marker": {"size": 8, "color": colour},
        "customdata": [f"{label}<br>{n} firms" for n in told["n"]], "hovertemplate": "%{x:.3g}: %{y:.3f}<br>%{customdata}<extra></extra>",
    }  # fmt: skip


def differences(
    explanation: Explanation,
    labels: Mapping[str, NDArray[np.bool_]],
    *,
    against: NDArray[np.bool_] | None = None,
) -> pd.DataFrame:
    """Mean Shapley value of attribute groups by group of explained rows; groups of fewer than five firms are left out.

    Parameters
    ----------
    labels
        Explained rows (E,) of each group of firms.
    against : (E,), optional
        Rows whose mean is taken off; the mean of all is zero by construction only in large samples.
    """
    grouped = explanation.grouped()
    base = grouped.mean() if against is None else grouped[against].mean()
    rows = {name: grouped[some].mean() - base for name, some in labels.items() if some.sum() >= FEWEST_FIRMS}
    return pd.DataFrame(rows).T


def differences_chart(table: pd.DataFrame, by: str, read: Reading, source: str) -> Chart:
    """A heat map of `differences`: what sets groups of firms apart."""
    values = read.factor * table.to_numpy(dtype=float)
    total = np.abs(table.to_numpy(dtype=float)).max(initial=1e-9)
    reach = abs(read.factor) * float(total)
    place = np.unravel_index(int(np.abs(values).argmax()), values.shape)
    where, what = attribute_words(str(table.index[int(place[0])])), str(table.columns[int(place[1])])
    flipped = -1 if read.factor < 0 else 1
    names = [attribute_words(str(name)) for name in table.index]
    data = [
        {
            "type": "heatmap",
            "z": values.round(4).tolist(),
            "zmin": -reach,
            "zmax": reach,
            "colorscale": [[i / 10, colour] for i, colour in enumerate(DIVERGING[::flipped])],
            "showscale": False,
            "xgap": 2,
            "ygap": 2,
            "text": [[number(v, signed=True) for v in row] for row in values],
            "texttemplate": "%{text}",
            "customdata": [
                [f"<b>{row}</b><br>{column}: {number(v, signed=True)} {read.unit}" for column, v in zip(table.columns, line, strict=True)]
                for row, line in zip(table.index, values, strict=True)
            ],
            "hovertemplate": "%{customdata}<extra></extra>",
        }
    ]  # fmt: skip
    layout = base_layout(
        margin={"l": NAME_WIDTH, "r": 12, "t": 26, "b": 6},
        dragmode=False,
        xaxis={
            "tickvals": list(range(len(table.columns))),
            "ticktext": [_wrapped(str(c)) for c in table.columns],
            "side": "top",
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
            "tickfont": {"size": 12},
            "tickangle": 0,
            "ticks": "",
        },
        yaxis=named_rows(names, NAME_WIDTH) | {"ticks": ""},
    )
    return Chart(
        f"{where[0].upper()}{where[1:]} stands out most by {what}",
        f"Mean Shapley value by {by} and attribute group against all firms, {read.words} ({read.unit}) · prediction, not effect",
        source, data, layout, height=row_height(names, NAME_WIDTH, 26) * len(table) + 50, units={"colour": read.unit},
    )  # fmt: skip


def shares_chart(shares: pd.DataFrame, source: str, flow: str = "export") -> Chart:
    """Where the variance of what all firms could trade, by firm and market, comes from."""
    order = shares.sort_values("share", ascending=False)
    rows = [
        Row(str(name), 100 * line["share"], 100 * _known(line["low"], line["share"]), 100 * _known(line["high"], line["share"]), ACCENT,
            f"<b>{name}</b><br>{interval_words(100 * line['share'], 100 * line['low'], 100 * line['high'])}\u202f%")
        for name, line in order.iterrows()
    ]  # fmt: skip
    first = str(order.index[0])
    banded = bool(np.isfinite(order["low"].to_numpy(float)).all())
    bands = (
        ", 90 % intervals over draws of the estimate and of firms"
        if banded
        else "; no interval: estimate with draws"
    )
    return interval_rows(
        rows, f"{first[0].upper()}{first[1:]} makes {in_percent(order['share'].iloc[0])} of the variance of potential {flow}s",
        f"Share of the variance of log potential {flow}s, all firms and open markets (%){bands}", source, name_width=NAME_WIDTH, unit="%",
    )  # fmt: skip


# One firm ---------------------------------------------------------------------------------------


def waterfall_chart(
    values: pd.Series, base: float, shown: Mapping[str, str], read: Reading, subtitle: str, source: str
) -> Chart:
    """One firm's prediction, attribute by attribute, from what all firms share.

    Parameters
    ----------
    values
        Shapley values by attribute, in logs.
    base
        What all share.
    shown
        The firm's own values in words, by attribute.
    """
    order = values.abs().sort_values(ascending=False)
    kept, rest = list(order.index[: MOST_ATTRIBUTES - 1]), list(order.index[MOST_ATTRIBUTES - 1 :])
    steps = [
        (f"{attribute_words(str(n))} = {shown.get(str(n), '')}", read.factor * float(values[n])) for n in kept
    ]
    if rest:
        steps.append((f"{len(rest)} others", read.factor * float(values[rest].sum())))
    names, sizes = [n for n, _ in steps], [v for _, v in steps]
    start = read.factor * base
    ends = start + np.cumsum(sizes)
    data: list[dict[str, Any]] = [
        {
            "type": "bar",
            "orientation": "h",
            "y": list(range(1, len(steps) + 1)),
            "base": [round(float(e - v), 4) for e, v in zip(ends, sizes, strict=True)],
            "x": [round(float(v), 4) for v in sizes],
            "marker": {"color": [HIGH if v * read.factor >= 0 else LOW for v in sizes]},
            "width": 0.62,
            "customdata": [f"<b>{n}</b><br>{number(v, signed=True)} {read.unit}" for n, v in steps],
            "hovertemplate": "%{customdata}<extra></extra>",
            "text": [number(v, signed=True) for v in sizes],
            "textposition": "outside",
            "cliponaxis": False,
        },
        {
            "type": "scatter",
            "mode": "markers",
            "x": [round(float(start), 4), round(float(ends[-1]), 4)],
            "y": [0, len(steps) + 1],
            "marker": {
                "size": 11,
                "color": ACCENT,
                "symbol": ["diamond-open", "diamond"],
                "line": {"width": 2, "color": ACCENT},
            },
            "customdata": [
                f"{name} {number(float(at), signed=True)} {read.unit}"
                for name, at in (("base", start), ("prediction", ends[-1]))
            ],
            "hovertemplate": "%{customdata}<extra></extra>",
        },
    ]
    every = np.concatenate([[start, 0.0], ends])
    room = 0.15 * max(float(np.ptp(every)), 1e-3)
    layout = base_layout(
        margin={"l": 210, "r": 16, "t": 2, "b": 28}, dragmode=False, hovermode="closest",
        xaxis=quiet_axis(range=[float(every.min()) - room, float(every.max()) + room], nticks=4),
        yaxis=named_rows(["base, shared by all", *names, "<b>prediction</b>"], 210), shapes=[upright(0.0, MUTED)],
    )  # fmt: skip
    word = "more" if ends[-1] * read.factor > 0 else "less"
    return Chart(
        f"Predicted {number(abs(float(ends[-1])))} {read.unit} {word} capable than the mean firm"
        if read.factor > 0 else f"Predicted as if trade costs were {number(abs(float(ends[-1])))}\u202f% {'higher' if ends[-1] > 0 else 'lower'} than the mean firm's",
        subtitle, source, data, layout, height=ROW_HEIGHT * (len(steps) + 2) + 36, units={"x": read.unit},
    )  # fmt: skip


def chances_chart(
    markets: Sequence[str], before: Array, after: Array, title: str, subtitle: str, source: str
) -> Chart:
    """Chances of entry by market of one firm, as it is and as changed, the likeliest first.

    Parameters
    ----------
    markets
        Codes, in the order of the chances.
    before, after : (J,)
        Chances of entry.
    title, subtitle, source
    """
    order = np.argsort(-np.maximum(before, after), kind="stable")[:12]
    rows = list(range(len(order)))
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [v for i in order for v in (100 * before[i], 100 * after[i], None)],
            "y": [v for row in rows for v in (row, row, None)],
            "line": {"color": MUTED, "width": 2},
            "hoverinfo": "skip",
        },
        *(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [100 * float(values[i]) for i in order],
                "y": rows,
                "marker": {
                    "size": 10,
                    "color": colour,
                    "symbol": symbol,
                    "line": {"width": 2, "color": colour},
                },
                "customdata": [f"<b>{markets[i]}</b><br>{words}: {in_percent(values[i])}" for i in order],
                "hovertemplate": "%{customdata}<extra></extra>",
            }
            for values, colour, symbol, words in (
                (before, MUTED, "circle-open", "as it is"),
                (after, ACCENT, "circle", "as changed"),
            )
        ),
    ]
    top = 105 * float(max(before[order].max(initial=0.01), after[order].max(initial=0.01)))
    layout = base_layout(
        margin={"l": 150, "r": 16, "t": 2, "b": 28}, dragmode=False, hovermode="closest",
        xaxis=quiet_axis(range=[-0.03 * top, top], ticksuffix=" %"), yaxis=named_rows([markets[i] for i in order]),
    )  # fmt: skip
    return Chart(title, subtitle, source, data, layout, height=ROW_HEIGHT * len(order) + 36, units={"x": "%"})


# How well ---------------------------------------------------------------------------------------


def model_colours(scores: Scores) -> dict[str, str]:
    """Colour by model: the accent for ours."""
    return {name: ACCENT if name == scores.ours else RIVAL_COLOURS[name][0] for name in scores.models}


def _key(scores: Scores, before: str) -> str:
    """Which colour is which rival's."""
    rivals = [f"{RIVAL_COLOURS[name][1]}: {before}{name}" for name in scores.models if name != scores.ours]
    return ", ".join(rivals)


def gains_chart(comparison: Comparison, source: str) -> Chart:
    """What the hybrid (or structure alone) saves of its rivals' losses; left of zero it loses."""
    rows, wins, colours, own = [], 0, model_colours(comparison), comparison.ours
    rivals = [name for name in comparison.models if name != own]
    for measure in MEASURES:
        for rival in rivals:
            line = comparison.gains.loc[[(measure, rival)]].iloc[0]
            gain, low, high = (100 * float(line[name]) for name in ("gain", "low", "high"))
            wins += gain > 0
            rows.append(
                Row(measure if rival == rivals[0] else "", gain, low, high, colours[rival],
                    f"<b>{measure}</b><br>against {rival}: {interval_words(gain, low, high)}\u202f%")
            )  # fmt: skip
    return interval_rows(
        rows, f"{own[0].upper()}{own[1:]} wins {wins} of {len(rows)} comparisons",
        f"Share of the rival's loss that {own} saves (%), 90 % intervals · {_key(comparison, 'against ')}",
        source, name_width=NAME_WIDTH, unit="%",
    )  # fmt: skip


def market_errors_chart(scores: Scores, names: Mapping[str, str], source: str, most: int = 8) -> Chart:
    """By market, how far each model's exports of all held-out firms lie from the truth, in log points."""
    table = scores.by_market
    markets = list(dict.fromkeys(str(name) for name in table.index.get_level_values("market")))[:most]
    models, colours = scores.models, model_colours(scores)
    rows, closest = [], dict.fromkeys(models, 0)
    for market in markets:
        here = {model: table.loc[[(market, model)]].iloc[0] for model in models}
        closest[min((abs(here[model]["error"]), model) for model in models)[1]] += 1
        for model in models:
            error, low, high = (float(here[model][name]) for name in ("error", "low", "high"))
            name = names.get(market, market)
            rows.append(
                Row(name if model == models[0] else "", error, low, high, colours[model],
                    f"<b>{name}</b><br>{model}: {interval_words(error, low, high)} log points")
            )  # fmt: skip
    told = ", ".join(f"{model} in {count}" for model, count in closest.items())
    return interval_rows(
        rows, f"Closest to exports by market: {told}",
        f"ln of predicted over actual exports (log points), 90 % intervals · the {len(markets)} markets with most sellers",
        source, name_width=NAME_WIDTH, unit="log points",
    )  # fmt: skip


def calibration_chart(comparison: Comparison, source: str) -> Chart:
    """Predicted against observed shares of cells entered, over tenths of each model's predictions."""
    table = comparison.calibration
    table = table[(table["observed"] > 0) & (table["predicted"] > 0)]
    low = 0.7 * float(table[["predicted", "observed"]].to_numpy().min())
    high = min(1.0, 1.4 * float(table[["predicted", "observed"]].to_numpy().max()))
    data: list[dict[str, Any]] = [
        {"type": "scatter", "mode": "lines", "x": [low, high], "y": [low, high],
         "line": {"color": MUTED, "width": 1}, "hoverinfo": "skip"}
    ]  # fmt: skip
    for name, colour in model_colours(comparison).items():
        here = table[table["model"] == name]
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": here["predicted"].tolist(),
                "y": here["observed"].tolist(),
                "line": {"color": colour, "width": 2},
                "marker": {"size": 7},
                "customdata": [f"<b>{name}</b><br>predicted {100 * p:.2g}\u202f%, observed {100 * o:.2g}\u202f%<br>{grouped(c)} cells"
                               for p, o, c in zip(here["predicted"], here["observed"], here["cells"], strict=True)],
                "hovertemplate": "%{customdata}<extra></extra>",
            }
        )  # fmt: skip
    errors = comparison.table["value"].loc["calibration error"]
    best = str(errors.idxmin())
    ticks = [10.0**power for power in range(math.floor(math.log10(low)), 1) if low <= 10.0**power <= high]
    axis = {"type": "log", "tickvals": ticks, "ticktext": [f"{100 * tick:g}\u202f%" for tick in ticks],
            "range": [math.log10(low), math.log10(high)]}  # fmt: skip
    layout = base_layout(
        margin={"l": 62, "r": 12, "t": 6, "b": 40}, dragmode=False, hovermode="closest",
        xaxis=quiet_axis(title=axis_words("predicted chance of entry"), **axis),
        yaxis=quiet_axis(title=axis_words("observed share"), **axis),
    )  # fmt: skip
    return Chart(
        f"Chances of entry are truest from {best}",
        f"Tenths of predictions for unseen firms, log scales; on the line they are right · accent: {comparison.ours}, {_key(comparison, '')}",
        source, data, layout, height=330, units={"x": "share of 1", "y": "share of 1"},
    )  # fmt: skip


def tail_chart(results: CapabilityResults, tail: TailReport, source: str) -> Chart:
    """Share of firms beyond each revenue potential, with the Pareto and lognormal laws that fit the top."""
    potential = Potential.of(results.m, results.data.row_weights, results.scales)
    place = np.linspace(potential.cut(0.5), potential.cut(5e-4), 40)
    beyond = np.array([potential.beyond(x) for x in place])
    cut = potential.cut(tail.top_share)
    upper = place >= cut
    pareto = tail.top_share * np.exp(-tail.pareto_tail * (place[upper] - cut))
    centre = float(potential.weights @ potential.m)
    spread = float(np.sqrt(potential.weights @ (potential.m - centre) ** 2 + potential.spread**2))
    normal = ndtr(-(place - centre) / spread)
    lines = (
        ("estimated", place, beyond, ACCENT, "solid"),
        ("lognormal", place, normal, HIGH, "dash"),
        ("Pareto", place[upper], pareto, "#CC79A7", "dot"),
    )
    data = [
        {"type": "scatter", "mode": "lines", "x": x.round(4).tolist(), "y": y.tolist(), "line": {"color": colour, "width": 2.5, "dash": dash},
         "hovertemplate": f"{name}<br>beyond %{{x:.2f}}: %{{y:.2%}} of firms<extra></extra>"}
        for name, x, y, colour, dash in lines
    ]  # fmt: skip
    layout = base_layout(
        margin={"l": 62, "r": 12, "t": 6, "b": 40}, dragmode=False,
        xaxis=quiet_axis(title=axis_words("log revenue potential")),
        yaxis=quiet_axis(title=axis_words("share of firms beyond"), type="log", tickformat=".2~%"),
    )  # fmt: skip
    top = f"the top {in_percent(tail.top_share)}"
    title = (
        f"Whether {top} fall off like a Pareto or a lognormal cannot be told"
        if tail.law is None
        else f"{top[0].upper()}{top[1:]} fall off like a {tail.law}"
    )
    source_of_errors = (
        "draws of the estimate and of firms" if tail.errors_from == "draws" else "draws of firms"
    )
    return Chart(
        f"{title}: tail {tail.pareto_tail:.2f} ± {tail.pareto_error:.2f} (lognormal: {tail.lognormal_tail:.2f})",
        f"Distribution of κ = m + u, log scale · accent: estimated, orange: lognormal, pink: Pareto above the cut · gain of Pareto "
        f"{number(tail.log_likelihood_gain, signed=True, most_decimals=4)} log likelihood a firm, 90\u202f%: {number(tail.gain_low, signed=True, most_decimals=4)} to "
        f"{number(tail.gain_high, signed=True, most_decimals=4)}, by {source_of_errors} · u is assumed normal, which leans to lognormal",
        source, data, layout, height=330, units={"x": "log points", "y": "share of 1"},
    )  # fmt: skip


def premia_chart(premia: pd.DataFrame, source: str, trader: str = "exporter") -> Chart:
    """Traders' premia as observed and as the model implies."""
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": premia[side].round(4).tolist(),
            "y": list(range(len(premia))),
            "marker": {"size": 10, "color": colour, "symbol": symbol, "line": {"width": 2, "color": colour}},
            "customdata": [
                f"<b>{name}</b><br>{side}: {number(v, signed=True)}" for name, v in premia[side].items()
            ],
            "hovertemplate": "%{customdata}<extra></extra>",
        }
        for side, colour, symbol in (("observed", ACCENT, "circle"), ("model", HIGH, "diamond-open"))
    ]
    gap = float((premia["observed"] - premia["model"]).abs().max())
    layout = base_layout(
        margin={"l": 130, "r": 16, "t": 2, "b": 28}, dragmode=False, hovermode="closest",
        xaxis=quiet_axis(rangemode="tozero"), yaxis=named_rows([str(n) for n in premia.index]), shapes=[upright(0.0, MUTED)],
    )  # fmt: skip
    return Chart(
        f"The model reproduces {trader}s' premia within {number(gap)} log points",
        f"{trader[0].upper()}{trader[1:]}s less others, log revenue potential · circle: observed, diamond: implied by the model",
        source, data, layout, height=ROW_HEIGHT * len(premia) + 40, units={"x": "log points"},
    )  # fmt: skip


def premium_chart(split: Mapping[str, Band], source: str, trader: str = "exporter") -> Chart:
    """The raw premium split into selection on attributes, unexplained capability and market access."""
    rows = [
        Row(name, b.value, b.low if math.isfinite(b.low) else b.value, b.high if math.isfinite(b.high) else b.value,
            MUTED if name == "raw premium" else ACCENT, f"<b>{name}</b><br>{interval_words(b.value, b.low, b.high)}")
        for name, b in split.items()
    ]  # fmt: skip
    raw, attributes = split["raw premium"].value, split["attributes"].value
    share = 100 * attributes / raw if raw else 0.0
    return interval_rows(
        rows, f"Attributes make {share:.0f}\u202f% of {trader}s' premium",
        f"{trader[0].upper()}{trader[1:]}s less others in expected log sales abroad, split by Shapley values, 90 % intervals",
        source, name_width=NAME_WIDTH, unit="log points",
    )  # fmt: skip


# Who next ---------------------------------------------------------------------------------------


def starters_chart(table: pd.DataFrame, by: str, names: Mapping[str, str], source: str) -> Chart:
    """Expected starters by market or sector, with bands, most first."""
    shown = table.head(14)
    rows = [
        Row(names.get(str(name), attribute_words(str(name))), line["starters"], _known(line["low"], line["starters"]),
            _known(line["high"], line["starters"]), ACCENT,
            f"<b>{names.get(str(name), attribute_words(str(name)))}</b><br>{number(line['starters'])} of {grouped(int(line['absent']))} firms<br>"
            f"90 %: {number(line['low'])} to {number(line['high'])}")
        for name, line in shown.iterrows()
    ]  # fmt: skip
    first = names.get(str(shown.index[0]), attribute_words(str(shown.index[0]))) if len(shown) else "none"
    return interval_rows(
        rows, f"Most would start in {first}" if len(shown) else "No firm is absent everywhere",
        f"Expected starters by {by} among firms that trade nowhere, were shocks drawn anew, 90\u202f% bands", source, name_width=NAME_WIDTH, unit="expected firms",
    )  # fmt: skip


# Parts ------------------------------------------------------------------------------------------


def _known(value: float, otherwise: float) -> float:
    return float(value) if math.isfinite(value) else float(otherwise)


def _bars(
    names: Sequence[str],
    values: Array,
    words: Sequence[str],
    title: str,
    subtitle: str,
    source: str,
    colours: Sequence[str] | None = None,
    *,
    unit: str,
) -> Chart:
    data = [
        {
            "type": "bar", "orientation": "h", "y": list(range(len(names))), "x": [round(float(v), 5) for v in values],
            "marker": {"color": ACCENT if colours is None else list(colours)}, "width": 0.62, "text": list(words), "textposition": "outside",
            "textfont": {"color": TEXT, "size": 12}, "cliponaxis": False,
            "customdata": [f"<b>{n}</b><br>{w}" for n, w in zip(names, words, strict=True)],
            "hovertemplate": "%{customdata}<extra></extra>",
        }
    ]  # fmt: skip
    layout = base_layout(
        margin={"l": NAME_WIDTH, "r": 130, "t": 2, "b": 8}, dragmode=False,
        xaxis=quiet_axis(range=[0, 1.02 * max(float(np.max(values)), 1e-9)], visible=False), yaxis=named_rows(list(names), NAME_WIDTH),
    )  # fmt: skip
    height = _rows_high(names) + 16
    return Chart(title, subtitle, source, data, layout, height=height, units={"x": unit})


def _rows_high(names: Sequence[str]) -> int:
    return row_height(names, NAME_WIDTH, ROW_HEIGHT) * len(names)


def _wrapped(text: str) -> str:
    return text.replace(" and ", "<br>and ")
