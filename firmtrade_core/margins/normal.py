"""The normal law's tail for many numbers at once, to fourteen digits: what the certificate of lognormal firms rests on.

Shares no code with the tables that the solver reads. Functions of one number are written out wherever they are used, so that
processors take several numbers at a time.
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
_TERMS = 20

#: Where the series' variable is halfway: with it the terms fall fastest.
_HALFWAY = 3.75

#: Sums may be taken in any order; infinities and NaN keep their meaning.
_ANY_ORDER = {"contract", "reassoc", "nsz"}

#: ln 2 in two parts.
_LN2_HIGH, _LN2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10

#: What carries a mantissa above 2^½ over to the next power of two, in the bits of a number.
_HALF_OCTAVE = (1 << 52) - (int(np.array(np.sqrt(2.0)).view(np.int64)) & ((1 << 52) - 1))

#: Below this, functions are taken in logs, elsewhere.
SMALLEST = 1e-250

_ROOT_HALF = float(np.sqrt(0.5))


def _series() -> Array:
    """Polynomial in u = 2t - 1 for erfcx(y)/t, where t = h/(h + y) maps y from 0 to infinity onto (0, 1].

    Fitted as a Chebyshev series; in powers of u its coefficients add up to one, so that nothing is lost to rounding.
    """
    x = chebyshev.chebpts1(_TERMS)
    t = (x + 1) / 2
    coefficients = 2 / _TERMS * chebyshev.chebvander(x, _TERMS - 1).T @ (erfcx(_HALFWAY / t - _HALFWAY) / t)
    coefficients[0] /= 2
    return np.asarray(chebyshev.cheb2poly(coefficients), dtype=np.float64)


_SERIES = _series()


def _vectorised(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    return compiled(function, fastmath=_ANY_ORDER, error_model="numpy", **options)


def _written_out(function: Callable[..., Any]) -> Callable[..., Any]:
    return _vectorised(function, inline="always")


@_written_out
def exponential(x: Any) -> Any:
    """e^x, x cut off at ±690, so that products with what is small stay normal numbers, which processors multiply fast."""
    x = x if x > -690.0 else -690.0
    x = x if x < 690.0 else 690.0
    whole = np.floor(x * 1.4426950408889634 + 0.5)
    r = x - whole * _LN2_HIGH
    r = r - whole * _LN2_LOW
    tail = 1 / 5040.0 + r * (
        1 / 40320.0 + r * (1 / 362880.0 + r * (1 / 3628800.0 + r * (1 / 39916800.0 + r / 479001600.0)))
    )
    near = 1.0 + r * (
        1.0 + r * (0.5 + r * (1 / 6.0 + r * (1 / 24.0 + r * (1 / 120.0 + r * (1 / 720.0 + r * tail)))))
    )
    return near * np.int64((np.int64(whole) + 1023) << 52).view(np.float64)


@_written_out
def logarithm(x: Any) -> Any:
    """ln x of a positive normal number, to fifteen digits: x = 2^e m with m around one, ln m = 2 artanh((m-1)/(m+1))."""
    # From 2^-½ to 2^½: half an octave is added before the exponent is cut off.
    bits = np.float64(x).view(np.int64)
    whole = ((bits + _HALF_OCTAVE) >> 52) - 1023
    m = np.int64(bits - (whole << 52)).view(np.float64)
    f = (m - 1.0) / (m + 1.0)
    v = f * f
    tail = 1 / 13.0 + v * (1 / 15.0 + v * (1 / 17.0 + v * (1 / 19.0 + v * (1 / 21.0 + v / 23.0))))
    tail = 1 / 3.0 + v * (1 / 5.0 + v * (1 / 7.0 + v * (1 / 9.0 + v * (1 / 11.0 + v * tail))))
    return whole * _LN2_HIGH + (whole * _LN2_LOW + 2.0 * f * (1.0 + v * tail))


@_written_out
def _scaled_tail(t: Any) -> Any:
    """erfcx(y) at t = h/(h + y), even and odd powers of the series side by side."""
    u = 2.0 * t - 1.0
    v = u * u
    even, odd = _SERIES[_TERMS - 2], _SERIES[_TERMS - 1]
    for power in range(_TERMS - 4, -1, -2):
        even = even * v + _SERIES[power]
        odd = odd * v + _SERIES[power + 1]
    return t * (even + u * odd)


@_written_out
def law_at(k: Any, s: Any) -> Any:
    """S and φ at a threshold k, infinite below where everybody is present, by closed forms that hold while S exceeds `SMALLEST`.

    With x = k/s and the normal density f, S = Φ(s - x) and e^(k-s²/2) f(x) = f(x - s): one exponential serves both tails.
    """
    x = k * (1.0 / s)
    x = x if x > -40.0 else -40.0
    z = x - s
    of_z, of_x = _HALFWAY + abs(z) * _ROOT_HALF, _HALFWAY + abs(x) * _ROOT_HALF
    both = _HALFWAY / (of_z * of_x)
    density, everyone = 0.5 * exponential(-0.5 * z * z), exponential(k - 0.5 * s * s)
    tail, fixed = density * _scaled_tail(both * of_x), density * _scaled_tail(both * of_z)
    tail = tail if z >= 0.0 else 1.0 - tail
    fixed = fixed if x >= 0.0 else everyone - fixed
    return tail, fixed / tail


@_vectorised
def law_of(k: Any, s: Any, potential: Any, share: Any) -> Any:
    """S and φ at many thresholds; gives how many S have sunk below `SMALLEST`."""
    few = 0
    for i in range(k.shape[0]):
        tail, fixed = law_at(k[i], s)
        few += 1 if tail <= SMALLEST else 0
        potential[i], share[i] = tail, fixed
    return few


def lognormal_law(threshold: Array, change: Array, s: float) -> tuple[Array, Array]:
    """S and φ of lognormal firms at k + Δk, by their closed forms, each like the thresholds; see `law_of`.

    Parameters
    ----------
    threshold, change : array
        k, infinite below where everybody is present, and Δk.
    s
        Standard deviation of log revenue potential.
    """
    k = threshold + change
    found = np.empty_like(k), np.empty_like(k)
    law_of(k.ravel(order="K"), s, *(part.ravel(order="K") for part in found))
    return found
