"""Charts of what firms' differences do: laws side by side, elasticities by market, margins of a change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from firmtrade_core.analysis.heterogeneity import Laws
from firmtrade_core.analysis.steps import STEPS, Steps
from firmtrade_core.codes.countries import country_name
from firmtrade_core.figures.chart import MUTED, TEXT, Chart, base_layout
from firmtrade_core.figures.row_names import TWO_LINES, margin_for, named_rows
from firmtrade_core.labels import change, in_percent, number, shows
from firmtrade_core.words.scenario import countries as spoken

#: Okabe-Ito, one fixed slot for each law; grey for firms all alike.
COLOURS = {
    "armington": "#CC79A7",
    "krugman": "#8a8a8a",
    "pareto": "#E69F00",
    "lognormal": "#0072B2",
    "firms": "#009E73",
}

#: Margins of a change, with their colours.
MARGINS = {
    "extensive": ("Number of exporters", "#56B4E9"),
    "intensive": ("Sales of those that stay", "#0072B2"),
    "composition": ("Who they are", "#D55E00"),
}

#: Steps from competition to firms that differ, with their colours.
STEP_COLOURS = {"power": "#8a8a8a", "selection": "#0072B2", "links": "#E69F00"}

ROW = 26

#: Pixels at most for names beside stacked parts, in half a page.
MOST_NAME_WIDTH = 180

#: Grid lines that stay behind the data in light and in dark.
_GRID = "rgba(128,128,128,0.22)"

#: Keys in one line above a plot.
_KEYS_IN_LINE, _LINE = 3, 20


def keyed(entries: list[tuple[str, str]], left: int) -> dict[str, Any]:
    """Layout of keys above a plot, over the chart's whole width: label and colour of each, three in a line.

    Parameters
    ----------
    left
        Margin left of the plot, so that keys begin where the chart does.
    """
    marks = [f'<span style="color:{colour}">\u25a0</span> {label}' for label, colour in entries]
    lines = [marks[k : k + _KEYS_IN_LINE] for k in range(0, len(marks), _KEYS_IN_LINE)]
    text = "<br>".join("\u2003".join(line) for line in lines)
    return {
        "margin": {"l": left, "r": 16, "t": 8 + _LINE * len(lines), "b": 40},
        "annotations": [
            {
                "text": text,
                "x": 0,
                "xref": "paper",
                "xanchor": "left",
                "xshift": -left,
                "y": 1,
                "yref": "paper",
                "yanchor": "bottom",
                "yshift": 4,
                "align": "left",
                "showarrow": False,
                "font": {"size": 12, "color": TEXT},
            }
        ],
    }


def _axis(**changes: Any) -> dict[str, Any]:
    return {"showgrid": True, "gridcolor": _GRID, "zeroline": False, "fixedrange": True} | changes


def law_dots(laws: Laws, *, subtitle: str, source: str, most: int = 12) -> Chart:
    """Real income by country under each law: the countries for which it matters most, and the one looked at."""
    table = laws.countries()
    shown = table[(table.index < most) | (table["country"] == laws.country)]
    rows = list(range(len(shown)))
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [x for row in shown[list(laws.results)].to_numpy() for x in (row.min(), row.max(), None)],
            "y": [y for row in rows for y in (row, row, None)],
            "line": {"color": MUTED, "width": 1},
            "hoverinfo": "skip",
        }
    ]
    for law in laws.results:
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": laws.labels[law],
                "x": [round(float(v), 6) for v in shown[law]],
                "y": rows,
                "marker": {"color": COLOURS[law], "size": 11, "symbol": "circle"},
                "customdata": [
                    f"{n}<br>{laws.labels[law]}: {change(float(v))}"
                    for n, v in zip(shown["name"], shown[law], strict=True)
                ],
                "hovertemplate": "%{customdata}<extra></extra>",
            }
        )
    top = shown.to_dict("records")[0]
    title = f"The law of firms matters most for {top['name']}: {number(float(top['spread']))} points of real income"
    if not shows(float(top["spread"]), "points"):
        title = "The law of firms matters for no country's real income"
    names = [
        f"<b>{n}</b>" if c == laws.country else n
        for n, c in zip(shown["name"], shown["country"], strict=True)
    ]
    layout = base_layout(
        **keyed([(laws.labels[law], COLOURS[law]) for law in laws.results], 150),
        xaxis=_axis(
            title={"text": "Change in real income, %", "font": {"size": 13}},
            zeroline=True,
            zerolinecolor=MUTED,
        ),
        yaxis=named_rows(names),
        dragmode=False,
    )
    return Chart(title, subtitle, source, traces, layout, height=ROW * len(rows) + 80, units={"x": "%"})


def elasticity_dots(laws: Laws, *, subtitle: str, source: str) -> Chart:
    """Elasticity of the country's exports against the share of firms present, by destination and law."""
    table = laws.elasticities()
    traces: list[dict[str, Any]] = []
    for law in laws.results:
        own = table[table["law"] == law]
        levels = bool(own["presence"].notna().any())
        common: dict[str, Any] = {"type": "scatter", "name": laws.labels[law]}
        if not levels:
            # No level of presence in this law: one elasticity for all markets, drawn across.
            value = float(np.average(own["elasticity"], weights=own["exports"]))
            traces.append(
                common
                | {
                    "mode": "lines",
                    "x": [1e-4, 1.0],
                    "y": [value, value],
                    "line": {
                        "color": COLOURS[law],
                        "width": 2,
                        "dash": {"armington": "dash", "krugman": "dot"}.get(law, "solid"),
                    },
                    "hovertemplate": f"{laws.labels[law]}: {number(value, significant=3)} everywhere<extra></extra>",
                }
            )
            continue
        own = own[own["presence"].notna()]
        size = np.sqrt(own["exports"] / max(float(own["exports"].max()), 1e-12))
        traces.append(
            common
            | {
                "mode": "markers",
                "x": [round(max(float(v), 1e-6), 7) for v in own["presence"]],
                "y": [round(float(v), 4) for v in own["elasticity"]],
                "marker": {
                    "color": COLOURS[law],
                    "size": [round(6 + 18 * float(v), 1) for v in size],
                    "opacity": 0.75,
                    "line": {"width": 0},
                },
                "customdata": [
                    f"{row['name']}<br>{laws.labels[law]}<br>elasticity {number(row['elasticity'], significant=3)}<br>"
                    f"{in_percent(row['presence'])} of firms present"
                    for row in own.to_dict("records")
                ],
                "hovertemplate": "%{customdata}<extra></extra>",
            }
        )
    span = table.groupby("law")["elasticity"].agg(lambda e: e.max() - e.min())
    law = str(span.idxmax())
    own = table[table["law"] == law]
    title = (
        f"{laws.labels[law]}: elasticities from {number(float(own['elasticity'].min()), significant=3)} to "
        f"{number(float(own['elasticity'].max()), significant=3)} by market"
        if float(span.max()) >= 0.05
        else "One elasticity for every market under each law"
    )
    layout = base_layout(
        **keyed([(laws.labels[law], COLOURS[law]) for law in laws.results], 54),
        xaxis=_axis(
            type="log",
            title={"text": "Share of firms present in the market", "font": {"size": 13}},
            tickformat=".2~%",
            tickvals=[1e-4, 1e-3, 1e-2, 0.1, 1.0],
        ),
        yaxis=_axis(title={"text": "Elasticity of exports to costs", "font": {"size": 13}}),
        dragmode=False,
    )
    return Chart(
        title,
        subtitle,
        source,
        traces,
        layout,
        height=360,
        units={"x": "share of 1", "y": "elasticity, absolute value"},
    )


def margin_bars(laws: Laws, *, subtitle: str, source: str, destination: str | None = None) -> Chart:
    """The change of exports by margin, one row per law."""
    table = laws.parts(destination)
    return stacked_parts(
        table["label"].tolist(),
        table[list(MARGINS)].rename(columns={k: v[0] for k, v in MARGINS.items()}),
        [colour for _, colour in MARGINS.values()],
        _margin_title(table, country_name(laws.country)),
        subtitle,
        source,
    )


def step_bars(found: Sequence[Steps], *, subtitle: str, source: str) -> Chart:
    """What market power, selection and input-output links make of an answer: a row for each kind of elasticity shared."""
    parts = pd.DataFrame([steps.parts() for steps in found]).rename(columns=STEPS)
    largest = parts.iloc[0].abs()
    who = spoken([found[0].country]).text
    title = (
        f"{largest.idxmax()} count{'' if str(largest.idxmax()).endswith('s') else 's'} most of what firms do to the answer for {who}"
        if largest.max() >= 0.005
        else f"Firms do next to nothing to the answer for {who}"
    )
    return stacked_parts(
        [f"Same elasticity to {steps.kind}s" for steps in found],
        parts,
        [STEP_COLOURS[step] for step in STEPS],
        title,
        subtitle,
        source,
        unit="points",
    )


def _margin_title(table: pd.DataFrame, who: str) -> str:
    moving = table[table["change"].abs() > 1e-9]
    if moving.empty:
        return f"Exports of {who} do not change"
    share = (moving["extensive"].abs() / moving[list(MARGINS)].abs().sum(axis=1)).to_numpy()
    if share.max() < 0.01:
        return "All of the change comes from firms that stay"
    label = str(moving["label"].to_numpy()[int(share.argmax())])
    return f"The number of exporters matters most with {label if label.startswith('Pareto') else label[:1].lower() + label[1:]}"


def stacked_parts(
    names: list[str],
    parts: pd.DataFrame,
    colours: list[str],
    title: str,
    subtitle: str,
    source: str,
    unit: str = "bn USD",
) -> Chart:
    """Parts of changes stacked to both sides of zero, with the sum as a mark.

    Parameters
    ----------
    names
        Rows from the top.
    parts : DataFrame
        One column per part.
    """
    rows = list(range(len(names)))
    total = parts.sum(axis=1)
    traces: list[dict[str, Any]] = [
        {
            "type": "bar",
            "orientation": "h",
            "name": str(part),
            "y": rows,
            "x": [round(float(v), 6) for v in parts[part]],
            "marker": {"color": colour},
            "width": 0.6,
            "customdata": [
                f"{n}<br>{part}: {change(float(v), unit)}" for n, v in zip(names, parts[part], strict=True)
            ],
            "hovertemplate": "%{customdata}<extra></extra>",
        }
        for part, colour in zip(parts.columns, colours, strict=True)
    ]
    traces.append(
        {
            "type": "scatter",
            "mode": "markers",
            "name": "In all",
            "y": rows,
            "x": [round(float(v), 6) for v in total],
            "marker": {"symbol": "diamond", "size": 10, "color": TEXT},
            "customdata": [
                f"{n}<br>In all: {change(float(v), unit)}" for n, v in zip(names, total, strict=True)
            ],
            "hovertemplate": "%{customdata}<extra></extra>",
        }
    )
    present = [bool((parts[part].abs() > 1e-9).any()) for part in parts.columns]
    named = zip(map(str, parts.columns), colours, present, strict=True)
    left = margin_for(names, MOST_NAME_WIDTH)
    keys = keyed(
        [*((part, colour) for part, colour, here in named if here), ("In all (diamond)", TEXT)], left
    )
    layout = base_layout(
        barmode="relative",
        **keys,
        xaxis=_axis(title={"text": unit, "font": {"size": 13}}, zeroline=True, zerolinecolor=MUTED),
        yaxis=named_rows(names, left),
        dragmode=False,
    )
    return Chart(
        title,
        subtitle,
        source,
        traces,
        layout,
        height=TWO_LINES * len(rows) + 48 + keys["margin"]["t"],
        units={"x": unit},
    )
