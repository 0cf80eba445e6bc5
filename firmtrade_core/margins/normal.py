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
    """Polynomial in u = 2t - 1 for ln(erfcx(y)/t), where t = 2/(2 + y) maps y from 0 to infinity onto (0, 1].

    Fitted as a Chebyshev series; in powers of u its coefficients add up to a few units, so that nothing is lost to rounding.
    """

    x = chebyshev.chebpts1(_TERMS)
    t = (x + 1) / 2
    coefficients = 2 / _TERMS * chebyshev.chebvander(x, _TERMS - 1).T @ np.log(erfcx(2 / t - 2) / t)
    coefficients[0] /= 2
    return np.asarray(chebyshev.cheb2poly(coefficients), dtype=np.float64)


COEFFICIENTS = _series()


#: Numbers summed side by side, so that processors take several at a time and all stay in the nearest memory.
_BLOCK = 512


#: Sums may be taken in any order; infinities and NaN keep their meaning.
_ANY_ORDER = {"contract", "reassoc", "nsz"}

#: ln 2 in two parts.
_LN2_HIGH, _LN2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10

#: What carries a mantissa above 2^½ over to the next power of two, in the bits of a number.
_HALF_OCTAVE = (1 << 52) - (int(np.array(np.sqrt(2.0)).view(np.int64)) & ((1 << 52) - 1))


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
def _tails(x: Any, count: Any, c: Any, bits: Any, power: Any, tail: Any) -> None:
    """Φ(-x) from the series at |x|/√2: its even and odd powers side by side, coefficients kept in registers."""
    c0, c1, c2, c3, c4, c5, c6 = c[0], c[1], c[2], c[3], c[4], c[5], c[6]
    c7, c8, c9, c10, c11, c12, c13 = c[7], c[8], c[9], c[10], c[11], c[12], c[13]
    c14, c15, c16, c17, c18, c19, c20 = c[14], c[15], c[16], c[17], c[18], c[19], c[20]
    c21, c22, c23, c24, c25, c26, c27 = c[21], c[22], c[23], c[24], c[25], c[26], c[27]
    for i in range(count):
        u = 4.0 / (2.0 + abs(x[i]) * 0.7071067811865476) - 1.0
        v = u * u
        even = c0 + v * (
            c2
            + v
            * (
                c4
                + v
                * (
                    c6
                    + v
                    * (
                        c8
                        + v
                        * (
                            c10
                            + v
                            * (
                                c12
                                + v
                                * (c14 + v * (c16 + v * (c18 + v * (c20 + v * (c22 + v * (c24 + v * c26))))))
                            )
                        )
                    )
                )
            )
        )
        odd = c1 + v * (
            c3
            + v
            * (
                c5
                + v
                * (
                    c7
                    + v
                    * (
                        c9
                        + v
                        * (
                            c11
                            + v
                            * (
                                c13
                                + v
                                * (c15 + v * (c17 + v * (c19 + v * (c21 + v * (c23 + v * (c25 + v * c27))))))
                            )
                        )
                    )
                )
            )
        )
        # erfc(y) = t exp(series - y²) with y = |x|/√2.
        tail[i] = even + u * odd - 0.5 * x[i] * x[i]
    _exponentials(tail, count, bits, power)
    for i in range(count):
        above = tail[i] / (2.0 + abs(x[i]) * 0.7071067811865476)
        tail[i] = above if x[i] >= 0.0 else 1.0 - above


@_vectorised
def _tails_of(x: Any, coefficients: Any, bits: Any, power: Any, found: Any) -> None:
    for start in range(0, x.shape[0], _BLOCK):
        count = min(_BLOCK, x.shape[0] - start)
        _tails(x[start : start + count], count, coefficients, bits, power, found[start : start + count])


@_vectorised
def _cells_of(
    threshold: Any, change: Any, s: Any, coefficients: Any, memory: Any, bits: Any, power: Any,
    presence: Any, potential: Any, share: Any,
) -> None:  # fmt: skip
    """n = Φ(-k/s), S = Φ(s - k/s) and φ = e^(k-s²/2) n/S at k = threshold + change."""
    x, tail, other, level = memory[0], memory[1], memory[2], memory[3]
    for start in range(0, threshold.shape[0], _BLOCK):
        count = min(_BLOCK, threshold.shape[0] - start)
        for i in range(count):
            k = threshold[start + i] + change[start + i]
            level[i] = k - 0.5 * s * s
            k = k / s
            x[i] = k if k > -40.0 else -40.0
        _tails(x, count, coefficients, bits, power, tail)
        for i in range(count):
            x[i] -= s
        _tails(x, count, coefficients, bits, power, other)
        _exponentials(level, count, bits, power)
        for i in range(count):
            presence[start + i] = tail[i]
            potential[start + i] = other[i]
            share[start + i] = level[i] * tail[i] / other[i]


@_vectorised
def law_of(
    k: Any, s: Any, coefficients: Any, memory: Any, bits: Any, power: Any, potential: Any, share: Any
) -> Any:
    """S and φ at thresholds k, as `lognormal_law`; gives the smallest share of firms present.

    Parameters
    ----------
    k, s
        Thresholds, and the law's standard deviation.
    coefficients, memory, bits, power
        Of `memory_of_law`: its table, and room for what is in between.
    potential, share
        Receive S and φ.
    """
    x, tail, other, level = memory[0], memory[1], memory[2], memory[3]
    smallest = 1.0
    for start in range(0, k.shape[0], _BLOCK):
        count = min(_BLOCK, k.shape[0] - start)
        for i in range(count):
            at = k[start + i]
            level[i] = at - 0.5 * s * s
            at = at / s
            x[i] = at if at > -40.0 else -40.0
        _tails(x, count, coefficients, bits, power, tail)
        for i in range(count):
            x[i] -= s
        _tails(x, count, coefficients, bits, power, other)
        _exponentials(level, count, bits, power)
        for i in range(count):
            smallest = min(smallest, tail[i])
            potential[start + i] = other[i]
            share[start + i] = level[i] * tail[i] / other[i]
    return smallest


@_vectorised
def exponentials_of(x: Any, bits: Any, power: Any) -> None:
    """exp(x) in place, block by block."""
    for start in range(0, x.shape[0], _BLOCK):
        count = min(_BLOCK, x.shape[0] - start)
        _exponentials(x[start : start + count], count, bits, power)


@_vectorised
def logarithms_of(x: Any, bits: Any, power: Any, found: Any) -> None:
    """ln x of positive normal numbers, to fifteen digits: x = 2^e m with m around one, ln m = 2 artanh((m-1)/(m+1))."""
    for start in range(0, x.shape[0], _BLOCK):
        count = min(_BLOCK, x.shape[0] - start)
        for i in range(count):
            power[i] = x[start + i]
        for i in range(count):
            # From 2^-½ to 2^½: half an octave is added before the exponent is cut off.
            whole = ((bits[i] + _HALF_OCTAVE) >> 52) - 1023
            bits[i] -= whole << 52
            found[start + i] = whole
        for i in range(count):
            f = (power[i] - 1.0) / (power[i] + 1.0)
            v = f * f
            tail = 1 / 13.0 + v * (1 / 15.0 + v * (1 / 17.0 + v * (1 / 19.0 + v * (1 / 21.0 + v / 23.0))))
            tail = 1 / 3.0 + v * (1 / 5.0 + v * (1 / 7.0 + v * (1 / 9.0 + v * (1 / 11.0 + v * tail))))
            whole = found[start + i]
            found[start + i] = whole * _LN2_HIGH + (whole * _LN2_LOW + 2.0 * f * (1.0 + v * tail))


def memory_of_law() -> tuple[Array, NDArray[np.int64], Array]:
    """Room for one block of `law_of`: four rows of numbers, and one whose bits are read as numbers, too."""
    bits = np.empty(_BLOCK, dtype=np.int64)
    return np.empty((4, _BLOCK)), bits, bits.view(np.float64)


def upper_tail(distance: Array) -> Array:
    """Φ(-x), for x of any sign, infinite too, to fifteen digits; it underflows to zero beyond 38."""
    flat = np.maximum(distance, -40.0).ravel(order="K")
    tail = np.empty_like(flat)
    _tails_of(flat, COEFFICIENTS, *memory_of_law()[1:], tail)
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
    _cells_of(k, moved, s, COEFFICIENTS, *memory_of_law(), *(part.ravel(order="K") for part in found))
    return found
