"""The normal law's tail for many numbers at once, to fifteen digits: what the certificate of lognormal firms rests on.

Shares no code with the tables that the solver reads.
"""

from __future__ import annotations

from collections.abc import Callable
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


#: Sums may be taken in any order; infinities and NaN keep their meaning.
_ANY_ORDER = {"contract", "reassoc", "nsz"}

#: ln 2 in two parts.
_LN2_HIGH, _LN2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10


def _vectorised(function: Callable[..., Any]) -> Callable[..., Any]:
    return compiled(function, fastmath=_ANY_ORDER, error_model="numpy")


@_vectorised
def _exponentials(x: Any, count: Any, bits: Any, power: Any) -> None:
    """exp(x) in place; ``power`` reads as a number what is written to ``bits``."""
    for i in range(count):
        here = x[i]
        here = here if here > -707.0 else -707.0
        here = here if here < 707.0 else 707.0
        whole = np.floor(here * 1.4426950408889634 + 0.5)
        r = here - whole * _LN2_HIGH
        r = r - whole * _LN2_LOW
        bits[i] = (np.int64(whole) + 1023) << 52
        tail = 1 / 5040.0 + r * (
            1 / 40320.0 + r * (1 / 362880.0 + r * (1 / 3628800.0 + r * (1 / 39916800.0 + r / 479001600.0)))
        )
        x[i] = 1.0 + r * (
            1.0 + r * (0.5 + r * (1 / 6.0 + r * (1 / 24.0 + r * (1 / 120.0 + r * (1 / 720.0 + r * tail)))))
        )
    for i in range(count):
        x[i] *= power[i]


@_vectorised
def _tails(x: Any, count: Any, coefficients: Any, memory: Any, bits: Any, power: Any, tail: Any) -> None:
    """Φ(-x) from the series at |x|/√2, by Clenshaw's recurrence."""
    doubled, last, before = memory[0], memory[1], memory[2]
    for i in range(count):
        doubled[i] = 8.0 / (2.0 + abs(x[i]) * 0.7071067811865476) - 2.0
        last[i] = before[i] = 0.0
    for k in range(coefficients.shape[0] - 1, 0, -1):
        c = coefficients[k]
        for i in range(count):
            now = doubled[i] * last[i] - before[i] + c
            before[i] = last[i]
            last[i] = now
    for i in range(count):
        # erfc(y) = t exp(series - y²) with y = |x|/√2.
        tail[i] = 0.5 * doubled[i] * last[i] - before[i] + coefficients[0] - 0.5 * x[i] * x[i]
    _exponentials(tail, count, bits, power)
    for i in range(count):
        above = 0.125 * (doubled[i] + 2.0) * tail[i]
        tail[i] = above if x[i] >= 0.0 else 1.0 - above


@_vectorised
def _tails_of(x: Any, coefficients: Any, memory: Any, bits: Any, power: Any, found: Any) -> None:
    for start in range(0, x.shape[0], _BLOCK):
        count = min(_BLOCK, x.shape[0] - start)
        _tails(
            x[start : start + count], count, coefficients, memory, bits, power, found[start : start + count]
        )


@_vectorised
def _cells_of(
    threshold: Any, change: Any, s: Any, coefficients: Any, memory: Any, bits: Any, power: Any,
    presence: Any, potential: Any, share: Any,
) -> None:  # fmt: skip
    """n = Φ(-k/s), S = Φ(s - k/s) and φ = e^(k-s²/2) n/S at k = threshold + change."""
    x, tail, other, level = memory[3], memory[4], memory[5], memory[6]
    for start in range(0, threshold.shape[0], _BLOCK):
        count = min(_BLOCK, threshold.shape[0] - start)
        for i in range(count):
            k = threshold[start + i] + change[start + i]
            level[i] = k - 0.5 * s * s
            k = k / s
            x[i] = k if k > -40.0 else -40.0
        _tails(x, count, coefficients, memory, bits, power, tail)
        for i in range(count):
            x[i] -= s
        _tails(x, count, coefficients, memory, bits, power, other)
        _exponentials(level, count, bits, power)
        for i in range(count):
            presence[start + i] = tail[i]
            potential[start + i] = other[i]
            share[start + i] = level[i] * tail[i] / other[i]


def _memory() -> tuple[Array, NDArray[np.int64], Array]:
    bits = np.empty(_BLOCK, dtype=np.int64)
    return np.empty((7, _BLOCK)), bits, bits.view(np.float64)


def upper_tail(distance: Array) -> Array:
    """Φ(-x), for x of any sign, infinite too, to fifteen digits; it underflows to zero beyond 38."""
    flat = np.maximum(distance, -40.0).ravel(order="K")
    tail = np.empty_like(flat)
    _tails_of(flat, _COEFFICIENTS, *_memory(), tail)
    tail[flat > 38.5] = 0.0
    found = np.empty_like(distance)
    found.ravel(order="K")[...] = tail
    return found


def lognormal_law(threshold: Array, change: Array, s: float) -> tuple[Array, Array, Array]:
    """n, S and φ of lognormal firms at k + Δk, by their closed forms, each like the thresholds.

    Parameters
    ----------
    threshold, change : array
        k, infinite below where everybody is present, and Δk, laid out alike.
    s
        Standard deviation of log revenue potential.
    """
    alike = threshold.strides == change.strides
    k = threshold.ravel(order="K") if alike else (threshold + change).ravel(order="K")
    moved = change.ravel(order="K") if alike else np.zeros_like(k)
    shape = threshold if alike else threshold + change
    found = np.empty_like(shape), np.empty_like(shape), np.empty_like(shape)
    _cells_of(k, moved, s, _COEFFICIENTS, *_memory(), *(part.ravel(order="K") for part in found))
    return found
