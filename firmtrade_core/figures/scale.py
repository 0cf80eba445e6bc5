"""Colour scales that hold still while a slider moves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.figures.chart import DIVERGING, MUTED
from firmtrade_core.labels import number

#: Smallest half-range, in points and percent: less than a tenth of a point is never painted at full strength.
FLOOR = 0.1

SMALLEST, LARGEST = 0.001, 1000.0

#: A scale in use gives way to a fresh one that is this many times smaller: on it all would be pale.
TOO_WIDE = 10.0

#: Half-ranges that a reader may fix.
FIXED = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)


def stable_scale(
    changes: NDArray[np.float64], previous: float | None = None, *, floor: float = FLOOR
) -> float:
    """Half-range of a symmetric colour scale around zero, from the ladder 1, 2, 5, 10, ...

    A scale in use is kept while the changes fit into it and fill at least a tenth of it, so that colours stay
    comparable as a slider moves back and forth. Values beyond it (at most the largest twentieth, when the scale is
    first chosen) show the end colour; `beyond` names them.

    Parameters
    ----------
    changes : (N,)
        In the unit shown; missing values are left out.
    previous
        Half-range in use, None for a fresh choice.
    floor
        Smallest half-range, so that noise is not painted.
    """
    known = np.abs(changes[np.isfinite(changes)])
    wanted = float(np.quantile(known, 0.95)) if known.size else 0.0
    fresh = max(_ladder(wanted), floor)
    if previous is None or fresh * TOO_WIDE < previous:
        return fresh
    return max(previous, fresh)


def beyond(changes: NDArray[np.float64], scale: float) -> list[int]:
    """Positions of values beyond a scale, which all show its end colour, the furthest first."""
    size = np.where(np.isfinite(changes), np.abs(changes), 0.0)
    return [int(i) for i in np.argsort(-size, kind="stable") if size[i] > scale * (1 + 1e-9)]


def tick_words(values: Sequence[float]) -> list[str]:
    """Signed numbers for the ticks of an axis, with as many decimals as tell them apart."""
    for decimals in range(2, 9):
        words = [number(value, signed=True, most_decimals=decimals) for value in values]
        if len(set(words)) == len(set(values)):
            break
    return words


def _ladder(value: float) -> float:
    if value <= SMALLEST:
        return SMALLEST
    power = 10.0 ** math.floor(math.log10(value))
    step = next(step for step in (1, 2, 5, 10) if value <= step * power * (1 + 1e-9))
    return min(step * power, LARGEST)


def diverging_axis(scale: float, unit: str, *, steps: int = 4, length: float = 0.46) -> dict[str, Any]:
    """Plotly's colour axis around zero with its legend below the plot at the left, its ends open.

    Parameters
    ----------
    scale
        Half-range of the colours, in the unit.
    unit
        Stands behind the last tick.
    steps
        Between ticks.
    length
        Of the legend, as a share of the plot's width.
    """
    ticks = [float(tick) for tick in np.linspace(-scale, scale, steps + 1)]
    words = tick_words(ticks)
    words[0], words[-1] = f"≤ {words[0]}", f"≥ {words[-1]} {unit}"
    return {
        "colorscale": [[k / (len(DIVERGING) - 1), colour] for k, colour in enumerate(DIVERGING)],
        "cmin": -scale,
        "cmax": scale,
        "colorbar": {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": -0.01,
            "yanchor": "top",
            "len": length,
            "thickness": 9,
            "outlinewidth": 0,
            "xpad": 32,
            "ypad": 2,
            "tickvals": ticks,
            "ticktext": words,
            "tickfont": {"size": 12, "color": MUTED},
        },
    }
