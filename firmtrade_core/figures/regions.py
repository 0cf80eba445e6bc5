"""A map of a country's regions: a dot at each seat, because no borders of regions are shipped."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.codes.countries import country_name
from firmtrade_core.codes.regions import Region
from firmtrade_core.figures.chart import EDGE, MUTED, NO_DATA, TEXT, Chart, base_layout
from firmtrade_core.figures.chart_table import ChartTable
from firmtrade_core.figures.scale import diverging_axis, stable_scale
from firmtrade_core.labels import change

#: What the map is, for its foot.
SEATS = "Dots at the regions' seats, larger where firms sold more before; borders of regions are not shipped."

#: Diameter of the largest and of the least dot, pixels; pixels between two names at least.
LARGEST, LEAST, APART = 26.0, 7.0, 15.0

#: The country's shape: fainter than what stands for no data.
GROUND = "rgba(127,127,127,0.22)"

#: Pixels of the map's height, and degrees left free around the seats.
HEIGHT, ROOM = 520, 2.0


def region_map(
    country: str,
    places: Sequence[Region],
    values: NDArray[np.float64],
    size: NDArray[np.float64],
    unit: str,
    title: str,
    subtitle: str,
    source: str,
) -> Chart:
    """Change by region.

    Parameters
    ----------
    country
        Its code; the shape is drawn behind the dots.
    places
        Regions of the country, R of them.
    values : (R,)
        In the unit; NaN is grey.
    size : (R,)
        What dots are as large as, from 0; NaN is drawn least.
    unit, title, subtitle, source
        Words around the chart.
    """
    latitude = np.array([place.latitude for place in places])
    longitude = np.array([place.longitude for place in places])
    south, north = float(latitude.min()) - ROOM, float(latitude.max()) + ROOM
    known = np.isfinite(values)
    share = np.nan_to_num(size) / max(float(np.nan_to_num(size).max(initial=0.0)), 1e-300)
    dots = np.maximum(LARGEST * np.sqrt(share), LEAST)
    words = [change(float(v), unit) if np.isfinite(v) else "withheld" for v in values]
    text = [f"{place.name} {word}" for place, word in zip(places, words, strict=True)]
    lines = _lines(latitude, (north - south) / (HEIGHT - 40) * APART)
    east = float(longitude.max()) + 1.6
    scale = stable_scale(values[known], None)
    order = [int(i) for i in np.argsort(-size)]  # small dots above large ones

    def marks(chosen: list[int], colour: dict[str, object]) -> dict[str, object]:
        return {
            "type": "scattergeo",
            "mode": "markers",
            "lon": longitude[chosen].tolist(),
            "lat": latitude[chosen].tolist(),
            "text": [f"<b>{places[i].name}</b> ({places[i].seat})<br>{words[i]}" for i in chosen],
            "hovertemplate": "%{text}<extra></extra>",
            "marker": {"size": [round(float(dots[i]), 1) for i in chosen], "line": {"color": TEXT, "width": 0.8}, **colour},
            "showlegend": False,
        }  # fmt: skip

    told = [i for i in order if known[i]]
    data: list[dict[str, object]] = [
        {
            "type": "choropleth",
            "locations": [country],
            "z": [0],
            "colorscale": [[0, GROUND], [1, GROUND]],
            "showscale": False,
            "hoverinfo": "skip",
            "marker": {"line": {"color": EDGE, "width": 0.5}},
        },
        *(
            {
                "type": "scattergeo",
                "mode": "lines",
                "lon": [float(longitude[i]), east],
                "lat": [float(latitude[i]), float(lines[i])],
                "line": {"color": MUTED, "width": 0.7},
                "hoverinfo": "skip",
                "showlegend": False,
            }
            for i in range(len(places))
        ),
        marks([i for i in order if not known[i]], {"color": NO_DATA}),
        marks(told, {"color": [round(float(values[i]), 6) for i in told], "coloraxis": "coloraxis"}),
        {
            "type": "scattergeo",
            "mode": "text",
            "lon": [east + 0.15] * len(places),
            "lat": [float(v) for v in lines],
            "text": text,
            "textposition": "middle right",
            "textfont": {"size": 12, "color": TEXT},
            "hoverinfo": "skip",
            "showlegend": False,
        },
    ]
    layout = base_layout(
        margin={"l": 0, "r": 0, "t": 0, "b": 40},
        coloraxis=diverging_axis(scale, unit, steps=2, length=0.8),
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": MUTED, "activecolor": TEXT, "orientation": "v"},
        geo={
            "fitbounds": False,
            "resolution": 50,
            "projection": {"type": "mercator"},
            "lataxis": {"range": [south, north]},
            "lonaxis": {"range": [float(longitude.min()) - 2.5, east + 12.0]},
            "bgcolor": "rgba(0,0,0,0)",
            "showframe": False,
            "showcoastlines": False,
            "showland": False,
        },
    )
    return Chart(
        title,
        subtitle,
        f"{source} Shape of {country_name(country)} only. {SEATS}",
        data,
        layout,
        height=HEIGHT,
        units={"colour": unit},
        table=ChartTable(
            ("Region", "Seat", "Change"),
            ("", "", unit),
            tuple(
                (places[i].name, places[i].seat, round(float(values[i]), 9) if known[i] else None)
                for i in (int(i) for i in np.argsort(-latitude))
            ),
            signed=(2,),
        ),
    )


def _lines(latitude: NDArray[np.float64], apart: float) -> NDArray[np.float64]:
    """Latitudes of the names: those of the seats, pushed apart where they would touch."""
    order = np.argsort(-latitude)
    placed = latitude[order].copy()
    for _ in range(60):
        gaps = placed[:-1] - placed[1:]
        short = np.maximum(apart - gaps, 0.0) / 2
        if short.max(initial=0.0) < 1e-3:
            break
        placed[:-1] += short
        placed[1:] -= short
    found = np.empty_like(placed)
    found[order] = placed
    return found
