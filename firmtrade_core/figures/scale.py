"""Colour scales that hold still while a slider moves."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

SMALLEST, LARGEST = 0.01, 1000.0


def stable_scale(changes: NDArray[np.float64], previous: float | None = None) -> float:
    """Half-range of a symmetric colour scale around zero, from the ladder 1, 2, 5, 10, ...

    A scale in use is kept while the changes fit into it, so that colours stay comparable as a slider moves
    back and forth; it only ever grows. Values beyond it (at most the largest twentieth, when the scale is
    first chosen) show the end colour.

    Parameters
    ----------
    changes : (N,)
        In the unit shown; missing values are left out.
    previous
        Half-range in use, None for a fresh choice.
    """
    known = np.abs(changes[np.isfinite(changes)])
    wanted = float(np.quantile(known, 0.95)) if known.size else 0.0
    fresh = _ladder(wanted)
    return fresh if previous is None else max(previous, fresh)


def _ladder(value: float) -> float:
    if value <= SMALLEST:
        return SMALLEST
    power = 10.0 ** math.floor(math.log10(value))
    step = next(step for step in (1, 2, 5, 10) if value <= step * power * (1 + 1e-9))
    return min(step * power, LARGEST)
