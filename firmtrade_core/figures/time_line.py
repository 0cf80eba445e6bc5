"""One outcome over the days of a dated policy: a step from each day on which it changed."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence

from firmtrade_core.codes.countries import country_name
from firmtrade_core.figures.chart import ACCENT, MUTED, TEXT, Chart, base_layout
from firmtrade_core.figures.chart_table import Cell, ChartTable
from firmtrade_core.labels import Variable, change

#: Okabe and Ito's colours after the accent, in fixed places.
_COLOURS = (ACCENT, "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#8a8a2a", "#7a6ff0")


def time_line(
    days: Sequence[datetime.date],
    values: Mapping[str, Sequence[float]],
    variable: Variable,
    *,
    until: datetime.date,
    subtitle: str,
    source: str,
) -> Chart:
    """Steps over days, a line for each economy.

    Parameters
    ----------
    days
        On which the policy changed, in order.
    values
        Code to the outcome under the policy of each day, in the variable's unit.
    variable
    until
        Where the last step ends.
    subtitle, source
        Words around the chart.
    """
    ends = [*(day.isoformat() for day in days), until.isoformat()]
    traces = []
    for place, (code, series) in enumerate(list(values.items())[: len(_COLOURS)]):
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": country_name(code),
                "x": ends,
                "y": [*(round(float(v), 6) for v in series), round(float(series[-1]), 6)],
                "line": {"shape": "hv", "color": _COLOURS[place], "width": 2},
                "marker": {"size": 7, "color": _COLOURS[place]},
                "hovertemplate": f"<b>{country_name(code)}</b><br>%{{x|%-d %B %Y}}: %{{y:.2f}} {variable.unit}<extra></extra>",
            }
        )
    layout = base_layout(
        margin={"l": 56, "r": 10, "t": 8, "b": 30},
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 12}},
        xaxis={"type": "date", "showgrid": False, "tickfont": {"color": MUTED}, "fixedrange": True},
        yaxis={
            "ticksuffix": f" {variable.unit}" if variable.unit == "%" else "",
            "title": {"text": "" if variable.unit == "%" else variable.unit, "font": {"size": 12}},
            "zeroline": True,
            "zerolinecolor": TEXT,
            "gridcolor": "rgba(128,128,128,0.18)",
            "fixedrange": True,
        },
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (day.isoformat(), *(float(series[k]) for series in values.values())) for k, day in enumerate(days)
    )
    heads = ("In force from", *(country_name(code) for code in values))
    table = ChartTable(
        heads, ("", *(variable.unit for _ in values)), rows, signed=tuple(range(1, len(heads)))
    )
    return Chart(
        _finding(days, values, variable),
        subtitle,
        source,
        traces,
        layout,
        height=340,
        units={"y": variable.unit},
        table=table,
    )


def _finding(days: Sequence[datetime.date], values: Mapping[str, Sequence[float]], variable: Variable) -> str:
    code, series = next(iter(values.items()))
    low = min(range(len(days)), key=lambda k: series[k])
    return (
        f"{country_name(code)}: {variable.label.lower()} is lowest from {days[low].day} {days[low]:%B %Y} "
        f"({change(float(series[low]), variable.unit)}), {change(float(series[-1]), variable.unit)} at the last"
    )
