"""ρ ln S and φ of lognormal firms as functions of a nest's index, tabulated for any ρ in microseconds (MODEL 2, 11).

The index is x = k - (1-ρ) ln S(k), so that a cell's fixed point (`Margins.threshold_change`) is solved once, on the grid, for all
cells. All follows from one function, ln Φ, which is itself read from a table: ln S = ln Φ(s - k/s), ln n = ln Φ(-k/s).
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from scipy.special import log_ndtr

from firmtrade_core.margins.tables import Array, Table, compiled, quintic_pieces

#: Steps of the tables per standard deviation; quintic pieces then miss the functions by less than 1e-12.
STEPS_PER_DEVIATION = 32

#: Standard deviations below which all firms are present to seventeen digits, and beyond which cells are solved one by one.
ALL_PRESENT, FAR_OUT = 9.0, 30.0

#: Where φ = e^(k-s²/2) no longer counts beside one, in logs, and how many steps a table may take to get there.
_SUNK, _MOST_STEPS = 39.0, 1500

#: Coefficients of an interval: six of either function.
WIDTH = 12

# ln Φ from here on, in steps of its own table; below, and above, by its limits.
_LOWEST, _HIGHEST, _FINE = -64.0, 12.0, 64


@cache
def _log_normal() -> Array:
    """Quintic pieces of ln Φ, (intervals, 6)."""
    z = _LOWEST + np.arange(int((_HIGHEST - _LOWEST) * _FINE) + 1) / _FINE
    value = log_ndtr(z)
    first = np.exp(-0.5 * z**2 - value) / math.sqrt(2 * math.pi)
    return np.ascontiguousarray(quintic_pieces(1 / _FINE, value, first, -first * (z + first)))


@compiled
def _log_phi(z: Any, pieces: Any) -> Any:
    """ln Φ(z) between the ends of its table."""
    place = (z - _LOWEST) * _FINE
    if place >= pieces.shape[0]:
        return 0.0
    place = max(place, 0.0)
    whole = int(place)
    t = place - whole
    return pieces[whole, 0] + t * (
        pieces[whole, 1]
        + t * (pieces[whole, 2] + t * (pieces[whole, 3] + t * (pieces[whole, 4] + t * pieces[whole, 5])))
    )


@compiled
def _fill(s: Any, nests: Any, start: Any, step: Any, log_normal: Any, nodes: Any, pieces: Any) -> None:
    """Quintic pieces of both functions for every ρ, (K, intervals, 12)."""
    root = math.sqrt(2 * math.pi)
    count = pieces.shape[1]
    for row in range(nests.shape[0]):
        nest = nests[row]
        own = 1.0 - nest
        k, pace = start, 1.0
        for node in range(count + 1):
            x = start + step * node
            at = nodes[node]
            if x < s * (s - ALL_PRESENT):
                # Everybody is present, to rounding, and what fixed costs take is e^k.
                k, pace = x, 1.0
                at[0] = at[1] = at[2] = 0.0
                at[3] = math.exp(x - 0.5 * s * s)
                at[4], at[5] = step * at[3], step * step * at[3]
                continue
            k = k + pace * step if node else x
            z = s - k / s
            log_s = slope = 0.0
            for _ in range(50):
                z = s - k / s
                log_s = _log_phi(z, log_normal)
                slope = -math.exp(-0.5 * z * z - log_s) / (root * s)
                # ln S is concave, so that Newton's steps from above never overshoot.
                move = (k - own * log_s - x) / (1.0 - own * slope)
                k -= move
                if abs(move) < 1e-9 * s:
                    # The last step was quadratic: what is left is far below rounding.
                    log_s -= slope * move
                    break
            z = s - k / s
            slope = -math.exp(-0.5 * z * z - log_s) / (root * s)
            bend = slope * (s * slope - z) / -s
            share = math.exp(min(k - 0.5 * s * s + _log_phi(-k / s, log_normal) - log_s, 0.0))
            # The marginal firm's fixed cost is its profit: d(e^k n)/dk = e^k n + dS/dk.
            share_slope = share + slope * (1.0 - share)
            share_bend = share_slope + bend * (1.0 - share) - slope * share_slope
            pace = 1.0 / (1.0 - own * slope)
            quickening = own * bend * pace * pace * pace
            at[0], at[1], at[2] = (
                nest * log_s,
                step * nest * slope * pace,
                step * step * nest * bend * pace**3,
            )
            at[3], at[4] = share, step * share_slope * pace
            at[5] = step * step * (share_bend * pace * pace + share_slope * quickening)
        for piece in range(count):
            left, right, c = nodes[piece], nodes[piece + 1], pieces[row, piece]
            for f in range(2):
                v, d0, d1 = left[3 * f], left[3 * f + 1], right[3 * f + 1]
                c0, c1, rise = left[3 * f + 2], right[3 * f + 2], right[3 * f] - left[3 * f]
                c[6 * f], c[6 * f + 1], c[6 * f + 2] = v, d0, 0.5 * c0
                c[6 * f + 3] = 10.0 * rise - 6.0 * d0 - 4.0 * d1 - 1.5 * c0 + 0.5 * c1
                c[6 * f + 4] = -15.0 * rise + 8.0 * d0 + 7.0 * d1 + 1.5 * c0 - c1
                c[6 * f + 5] = 6.0 * rise - 3.0 * (d0 + d1) - 0.5 * (c0 - c1)


def lowest(s: float) -> tuple[float, bool]:
    """Where tables begin, and whether φ has sunk to nothing there: below, all functions then stay as they are."""
    step, usual, sunk = s / STEPS_PER_DEVIATION, s * (s - ALL_PRESENT), s**2 / 2 - _SUNK
    if sunk >= usual or (usual - sunk) / step <= _MOST_STEPS:
        return min(usual, sunk), True
    return usual, False


def nested_pieces(s: float, nests: Array, highest: float = FAR_OUT) -> tuple[float, float, Array]:
    """Both functions for several ρ.

    Parameters
    ----------
    s
        Standard deviation of log revenue potential.
    nests : (K,)
        ρ, up to one.
    highest
        Standard deviations up to which tables reach.

    Returns
    -------
    start, step : float
        Of the grid of x.
    pieces : (K, intervals, 12)
    """
    step, (start, _) = s / STEPS_PER_DEVIATION, lowest(s)
    count = math.ceil((highest * s - start) / step)
    pieces = np.empty((len(nests), count, WIDTH))
    _fill(s, np.ascontiguousarray(nests), start, step, _log_normal(), np.empty((count + 1, 6)), pieces)
    return start, step, pieces


def nested_table(s: float, nest: float) -> Table:
    """Both functions for one ρ."""
    start, step, pieces = nested_pieces(s, np.array([nest]))
    return Table(start, step, pieces[0])
