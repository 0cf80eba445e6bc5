"""Smooth functions tabulated once and interpolated fast inside the solver (MODEL 2, "Firms family")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def quintic_pieces(step: float, value: Array, first: Array, second: Array) -> Array:
    """Polynomials through values, first and second derivatives at equally spaced nodes.

    Parameters
    ----------
    step : float
        Distance of the nodes.
    value, first, second : (K,)
        Function and derivatives at the nodes.

    Returns
    -------
    (K - 1, 6)
        Coefficients of 1, t, ..., t⁵ on each interval, t from 0 to 1 (quintic Hermite; twice
        continuously differentiable; the error falls with the sixth power of the step).
    """
    slope, bend = step * first, step**2 * second
    rise, d0, d1, c0, c1 = np.diff(value), slope[:-1], slope[1:], bend[:-1], bend[1:]
    return np.stack(
        [
            value[:-1],
            d0,
            c0 / 2,
            10 * rise - 6 * d0 - 4 * d1 - 1.5 * c0 + 0.5 * c1,
            -15 * rise + 8 * d0 + 7 * d1 + 1.5 * c0 - c1,
            6 * rise - 3 * (d0 + d1) - 0.5 * (c0 - c1),
        ],
        axis=1,
    )


@dataclass(frozen=True, eq=False)
class Table:
    """Functions of one variable on a common grid.

    Attributes
    ----------
    start, step : float
        First node and distance of nodes.
    pieces : (K - 1, 6 x functions)
        As `quintic_pieces`, one function after the other.
    """

    start: float
    step: float
    pieces: Array

    @property
    def end(self) -> float:
        """Last node."""
        return self.start + self.step * len(self.pieces)


class TableStack:
    """Tables of several rows (sectors), looked up together.

    Parameters
    ----------
    tables : sequence of Table
        One per row, of the same functions.
    """

    def __init__(self, tables: Sequence[Table]) -> None:
        counts = np.array([len(table.pieces) for table in tables])
        self.start = np.array([table.start for table in tables])[:, None]
        self.step = np.array([table.step for table in tables])[:, None]
        self.end = np.array([table.end for table in tables])[:, None]
        self._first = (np.cumsum(counts) - counts)[:, None]
        self._last = (np.cumsum(counts) - 1)[:, None]
        # One stretch of memory per coefficient, which is what a lookup gathers from.
        self._pieces = np.ascontiguousarray(np.concatenate([table.pieces for table in tables]).T)

    def lookup(self, at: Array, functions: Sequence[int], *, slope: bool = True) -> list[Array]:
        """Values of some functions, and the derivative of the first, at points within the tables.

        Parameters
        ----------
        at : (rows, points)
        functions
            Positions of the functions wanted.
        slope
            Whether the derivative of the first is appended.

        Returns
        -------
        list of (rows, points)
        """
        position = (at - self.start) / self.step + self._first
        index = np.clip(position.astype(np.intp), self._first, self._last)
        t = position - index
        found = []
        derivative = None
        for order, function in enumerate(functions):
            c0, c1, c2, c3, c4, c5 = (self._pieces[6 * function + power].take(index) for power in range(6))
            found.append(c0 + t * (c1 + t * (c2 + t * (c3 + t * (c4 + t * c5)))))
            if slope and order == 0:
                derivative = (c1 + t * (2 * c2 + t * (3 * c3 + t * (4 * c4 + t * 5 * c5)))) / self.step
        return found if derivative is None else [*found, derivative]
