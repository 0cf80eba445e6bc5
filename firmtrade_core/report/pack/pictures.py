"""Charts of a pack as pictures, drawn by matplotlib: no browser is asked for."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

import numpy as np

from firmtrade_core.figures.chart import DIVERGING, GAIN, LOSS, NO_DATA
from firmtrade_core.figures.scale import tick_words
from firmtrade_core.figures.shapes import areas, colour, frame
from firmtrade_core.figures.world_map import areas_shown
from firmtrade_core.labels import change
from firmtrade_core.report.pack.content import PackChart

#: Inches, and pixels to the inch.
WIDTH, HEIGHT, DENSITY = 10.0, 5.2, 200

INK, QUIET = "#1c2733", "#5b6270"


def by_area(chart: PackChart) -> dict[str, float | None]:
    """What a map shows in every drawn area that it knows: parts of the rest of the world have the rest's value."""
    place = chart.table.measured or 0
    values = [row[place] for row in chart.table.rows]
    shown = areas_shown(chart.table.codes)
    return {
        area: float(value) if isinstance(value := values[i], int | float) else None
        for area, i in (*shown["own"], *shown["rest"])
    }


@lru_cache(maxsize=32)
def picture(chart: PackChart) -> bytes:
    """A chart as PNG, drawn once for all files of a pack.

    Raises
    ------
    ValueError
        For one that is a table only.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if chart.kind == "table":
        raise ValueError(f"“{chart.title}” is a table: there is nothing to draw.")
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DENSITY, facecolor="white")
    FigureCanvasAgg(figure)
    (_map if chart.kind == "map" else _bars)(figure, chart)
    held = io.BytesIO()
    figure.savefig(held, format="png", dpi=DENSITY)
    return held.getvalue()


def _map(figure: Any, chart: PackChart) -> None:
    from matplotlib.collections import PathCollection
    from matplotlib.colors import LinearSegmentedColormap, Normalize
    from matplotlib.path import Path

    axes = figure.add_axes((0.0, 0.1, 1.0, 0.9))
    known = by_area(chart)
    paths, colours = [], []
    for area in areas():
        paths.append(Path.make_compound_path(*(Path(ring, closed=False) for ring in area.rings)))
        colours.append(colour(known.get(area.code), chart.scale))
    axes.add_collection(PathCollection(paths, facecolors=colours, edgecolors="white", linewidths=0.3))
    left, right, foot, top = frame()
    axes.set_xlim(left, right)
    axes.set_ylim(foot, top)
    axes.set_aspect("equal")
    axes.axis("off")
    ramp = figure.add_axes((0.05, 0.085, 0.42, 0.022))
    ramp.imshow(
        np.linspace(-1, 1, 256)[None], aspect="auto", extent=(-chart.scale, chart.scale, 0, 1),
        cmap=LinearSegmentedColormap.from_list("diverging", list(DIVERGING)), norm=Normalize(-1, 1),
    )  # fmt: skip
    ticks = [float(t) for t in np.linspace(-chart.scale, chart.scale, 5)]
    words = tick_words(ticks)
    words[0], words[-1] = f"≤ {words[0]}", f"≥ {words[-1]} {chart.unit}"
    ramp.set_xticks(ticks, words, fontsize=9, color=QUIET)
    ramp.set_yticks([])
    for side in ramp.spines.values():
        side.set_visible(False)
    figure.text(0.6, 0.088, "■", color=NO_DATA, fontsize=11)
    figure.text(0.62, 0.088, "no data", color=QUIET, fontsize=9)


def _bars(figure: Any, chart: PackChart) -> None:
    rows = chart.drawn()
    names, values = [name for name, _ in rows], np.array([value for _, value in rows])
    axes = figure.add_axes((0.3, 0.03, 0.56, 0.94))
    places = np.arange(len(rows))[::-1]
    axes.barh(places, values, color=[GAIN if v >= 0 else LOSS for v in values], height=0.66)
    axes.axvline(0, color=QUIET, linewidth=0.8)
    axes.set_yticks(
        places, [name if len(name) < 38 else f"{name[:36]} …" for name in names], fontsize=10, color=INK
    )
    axes.set_xticks([])
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    for place, value in zip(places, values, strict=True):
        axes.text(
            1.02, place, change(float(value), chart.unit), transform=axes.get_yaxis_transform(), va="center",
            fontsize=10, color=INK,
        )  # fmt: skip
