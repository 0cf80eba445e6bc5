"""Exact Shapley values: each source's mean contribution over every order in which sources may come (MODEL 8)."""

from __future__ import annotations

from collections.abc import Callable
from math import factorial

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: More sources than this would take too many coalitions.
MOST_PLAYERS = 12


def shapley_values(players: int, value: Callable[[frozenset[int]], Array]) -> Array:
    """Contributions that add up to ``value(all) - value(none)`` exactly, cell by cell.

    Parameters
    ----------
    players : int
        Number of sources P; 2^P coalitions are valued.
    value
        Of a set of sources, an array of any shape.

    Returns
    -------
    (P, ...)

    Raises
    ------
    ValueError
        For more than `MOST_PLAYERS`.

    Notes
    -----
    Weight of a coalition of c others: c! (P-c-1)! / P! (Shapley 1953).
    """
    if players > MOST_PLAYERS:
        raise ValueError(f"{players} sources make too many coalitions; join some (at most {MOST_PLAYERS}).")
    worth = [
        np.asarray(value(frozenset(p for p in range(players) if mask >> p & 1)))
        for mask in range(1 << players)
    ]
    found = np.zeros((players, *worth[0].shape))
    weights = [factorial(c) * factorial(players - c - 1) / factorial(players) for c in range(players)]
    for mask in range(1 << players):
        for player in range(players):
            if not mask >> player & 1:
                weight = weights[mask.bit_count()]
                found[player] += weight * (worth[mask | 1 << player] - worth[mask])
    return found
