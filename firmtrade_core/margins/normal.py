"""The normal law's tail for many numbers at once, to fifteen digits: what the certificate of lognormal firms rests on.

Shares no code with the tables that the solver reads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray
from scipy.special import erfcx

from firmtrade_core.margins.tables import compiled

Array = NDArray[np.float64]

#: Terms of the series below; the last ones are at rounding.
_TERMS = 28


def _series() -> Array:
    """Chebyshev series of ln(erfcx(y)/t) in 2t - 1, where t = 2/(2 + y) maps y from 0 to infinity onto (0, 1]."""

    x = chebyshev.chebpts1(_TERMS)
    t = (x + 1) / 2
    coefficients = 2 / _TERMS * chebyshev.chebvander(x, _TERMS - 1).T @ np.log(erfcx(2 / t - 2) / t)
    coefficients[0] /= 2
    return np.asarray(coefficients, dtype=np.float64)


_COEFFICIENTS = _series()


#: Numbers summed side by side, so that processors take several at a time and all stay in the nearest memory.
_BLOCK = 512


@compiled
def _sum_series(distance: Any, coefficients: Any, t: Any, series: Any) -> None:
    """t and the series at |x|/√2, by Clenshaw's recurrence."""
    doubled, last, before = np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK)
    for start in range(0, distance.shape[0], _BLOCK):
        count = min(_BLOCK, distance.shape[0] - start)
        for i in range(count):
            here = 2.0 / (2.0 + abs(distance[start + i]) * 0.7071067811865476)
            t[start + i] = here
            doubled[i] = 4.0 * here - 2.0
            last[i] = before[i] = 0.0
        for k in range(coefficients.shape[0] - 1, 0, -1):
            c = coefficients[k]
            for i in range(count):
                now = doubled[i] * last[i] - before[i] + c
                before[i] = last[i]
                last[i] = now
        for i in range(count):
            series[start + i] = 0.5 * doubled[i] * last[i] - before[i] + coefficients[0]


@compiled
def _choose_side(distance: Any, t: Any, tail: Any) -> None:
    """Φ(-x) from t and erfcx/t times the density's exponential, at |x|."""
    for i in range(distance.shape[0]):
        above = 0.5 * t[i] * tail[i]
        tail[i] = above if distance[i] >= 0.0 else 1.0 - above


def upper_tail(distance: Array) -> Array:
    """Φ(-x), for x of any sign, infinite too, to fifteen digits; it underflows to zero beyond 38."""
    flat = np.maximum(distance, -40.0).ravel(order="K")
    t, tail = np.empty_like(flat), np.empty_like(flat)
    _sum_series(flat, _COEFFICIENTS, t, tail)
    # erfc(y) = t exp(series - y²) with y = |x|/√2.
    square = flat * flat
    square *= 0.5
    tail -= square
    np.exp(tail, out=tail)
    _choose_side(flat, t, tail)
    found = np.empty_like(distance)
    found.ravel(order="K")[...] = tail
    return found
