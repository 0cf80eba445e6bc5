"""Headlines with their bands, and what a band is made of: one bar, split by source."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from firmtrade_core.analysis.uncertainty import COUNTRY_OUTCOMES, UNITS_OF, UNRESOLVED, Band, Bands
from firmtrade_core.figures.chart import MUTED, Chart, base_layout
from firmtrade_core.figures.outcomes import Headline
from firmtrade_core.labels import in_percent

#: ``off`` goes without bands, on a machine that has no time for them.
VARIABLE = "FIRMTRADE_BANDS"

#: Of the sources in order; what is not resolved between them is grey.
_COLOURS = ("#2c5c8f", "#c98a2b", "#5b8f7b", "#8a5f8f", "#8f3b3b")


#: What a headline's variable is called among the outcomes that have bands, where the two differ.
_KEYS = {"duties": "duties_bn"}


def bands_wanted() -> bool:
    """Whether bands are drawn on this machine."""
    return os.environ.get(VARIABLE, "").strip().lower() not in ("off", "0", "no")


def band_of(found: Bands, item: Headline, country: str) -> Band | None:
    """The band of a headline of a country; None where its outcome has none."""
    key = _KEYS.get(item.variable, item.variable)
    if key not in UNITS_OF:
        return None
    return found.band(key, country if key in COUNTRY_OUTCOMES else None)


def banded(numbers: Sequence[Headline], found: Bands, country: str) -> list[Headline]:
    """Headlines of a country with band and verdict in words; as they are where an outcome has no band."""
    pairs = [(item, band_of(found, item, country)) for item in numbers]
    return [
        item if band is None else replace(item, band=f"90 %: {band.ends}", verdict=band.verdict)
        for item, band in pairs
    ]


#: Pixels of the bar of sources, and of each line of its legend.
_BAR, _LINE = 46, 20


def sources_bar(found: Bands, band: Band, what: str, *, subtitle: str, source: str) -> Chart:
    """Shares of an outcome's variance by source, adding up to one.

    Parameters
    ----------
    found, band
        The bands, and the outcome's own.
    what
        The outcome, as the title says it.
    subtitle, source
        Words around the chart.
    """
    labels = {s.key: s.label for s in found.sources} | {UNRESOLVED: "Not resolved between them"}
    shares = {labels.get(key, key): max(share, 0.0) for key, share in band.by_source.items()}
    known = {name: share for name, share in shares.items() if name != labels[UNRESOLVED]}
    most = max(known, key=known.__getitem__, default="")
    title = (
        f"{what}: to know better, know {most.lower()} ({in_percent(known[most])} of the variance)"
        if most
        else what
    )
    data: list[dict[str, Any]] = []
    for place, (name, share) in enumerate(shares.items()):
        colour = MUTED if name == labels[UNRESOLVED] else _COLOURS[place % len(_COLOURS)]
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": f"{name} {in_percent(share)}",
                "y": [""],
                "x": [round(100 * share, 3)],
                "marker": {"color": colour},
                "hovertemplate": f"{name}: {in_percent(share)} of the variance<extra></extra>",
            }
        )
    below = _LINE * len(data) + 12
    layout = base_layout(
        barmode="stack",
        margin={"l": 4, "r": 4, "t": 2, "b": below},
        dragmode=False,
        showlegend=True,
        # A line each below the bar: side by side they would not fit a column, and Plotly would have them scrolled.
        legend={"y": 0, "yanchor": "top", "x": 0, "traceorder": "normal", "maxheight": 1},
        xaxis={"range": [0, 100], "showgrid": False, "showticklabels": False, "fixedrange": True},
        yaxis={"showticklabels": False, "fixedrange": True},
    )
    return Chart(title, subtitle, source, data, layout, height=_BAR + below, units={"x": "% of the variance"})
