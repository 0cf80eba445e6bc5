"""Smooth functions tabulated once and interpolated fast inside the solver (MODEL 2, "Firms family")."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numba
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


def compiled(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """The function as machine code, kept on disk where a place can be written, else compiled at first use (0.5 s)."""
    try:
        return numba.njit(cache=True, nogil=True, **options)(function)
    except RuntimeError:  # no folder that a cache could be kept in
        return numba.njit(nogil=True, **options)(function)


@compiled
def _read(
    at: Any, start: Any, inverse: Any, first: Any, count: Any, pieces: Any, value: Any, slope: Any, share: Any
) -> bool:
    """Value and slope of the first function and value of the second, point by point; True where a point lies above."""
    beyond = False
    for row in range(at.shape[0]):
        low, scale, offset, pieces_here = start[row], inverse[row], first[row], count[row]
        for point in range(at.shape[1]):
            place = (at[row, point] - low) * scale
            if place < 0.0:
                c = pieces[offset]
                value[row, point], slope[row, point] = c[0], c[1] * scale
                share[row, point] = c[6] * math.exp(place / scale)
            elif place <= pieces_here:
                whole = min(int(place), pieces_here - 1)
                t = place - whole
                c = pieces[offset + whole]
                value[row, point] = c[0] + t * (c[1] + t * (c[2] + t * (c[3] + t * (c[4] + t * c[5]))))
                slope[row, point] = scale * (
                    c[1] + t * (2 * c[2] + t * (3 * c[3] + t * (4 * c[4] + t * 5 * c[5])))
                )
                share[row, point] = c[6] + t * (c[7] + t * (c[8] + t * (c[9] + t * (c[10] + t * c[11]))))
            else:
                beyond = True
                value[row, point] = slope[row, point] = share[row, point] = np.nan
    return beyond


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
        self._by_interval = np.ascontiguousarray(self._pieces.T)
        self._scale, self._count = 1 / self.step[:, 0], counts

    def read(self, at: Array) -> tuple[Array, Array, Array, bool]:
        """The first function, its derivative and the second function, at all points, as fast as it gets.

        Parameters
        ----------
        at : (rows, points)
            Below a table the first function stays and the second falls with e^x; above it all are NaN.

        Returns
        -------
        value, slope, second : (rows, points)
        beyond : bool
            Whether any point lies above its table.
        """
        at = np.ascontiguousarray(at)
        value, slope, second = np.empty_like(at), np.empty_like(at), np.empty_like(at)
        reading = (self.start[:, 0], self._scale, self._first[:, 0], self._count, self._by_interval)
        beyond = _read(at, *reading, value, slope, second)
        return value, slope, second, beyond

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


@compiled
def _read_pairs(
    at: Any, start: Any, scales: Any, first: Any, count: Any, pieces: Any, value: Any, slope: Any, second: Any
) -> bool:
    """Value and slope of the first function and value of the second, point by point; True where a point lies above."""
    beyond = False
    for row in range(at.shape[0]):
        low, scale, offset, intervals = start[row], scales[row], first[row], count[row]
        for point in range(at.shape[1]):
            place = (at[row, point] - low) * scale
            if place < 0.0:
                value[row, point], slope[row, point] = pieces[offset, 0], 0.0
                second[row, point] = pieces[offset, 6] * math.exp(place / scale)
            elif place <= intervals:
                whole = min(int(place), intervals - 1)
                t = place - whole
                c = pieces[offset + whole]
                value[row, point] = c[0] + t * (c[1] + t * (c[2] + t * (c[3] + t * (c[4] + t * c[5]))))
                slope[row, point] = scale * (
                    c[1] + t * (2.0 * c[2] + t * (3.0 * c[3] + t * (4.0 * c[4] + t * 5.0 * c[5])))
                )
                second[row, point] = c[6] + t * (c[7] + t * (c[8] + t * (c[9] + t * (c[10] + t * c[11]))))
            else:
                beyond = True
                value[row, point] = slope[row, point] = second[row, point] = np.nan
    return beyond


@compiled
def _lift(
    index: Any, places: Any, baseline: Any, weight: Any, start: Any, scales: Any, first: Any, count: Any, pieces: Any,
    found: Any,
) -> bool:  # fmt: skip
    """The index and ``weight`` times what the first function changes, point by point; True where a point lies above."""
    for row in range(index.shape[0]):
        low, scale, offset, intervals = start[row], scales[row], first[row], count[row]
        for point in range(index.shape[1]):
            place = (index[row, point] + places[row, point] - low) * scale
            if place < 0.0:
                value = pieces[offset, 0]
            elif place <= intervals:
                whole = min(int(place), intervals - 1)
                t = place - whole
                c = pieces[offset + whole]
                value = c[0] + t * (c[1] + t * (c[2] + t * (c[3] + t * (c[4] + t * c[5]))))
            else:
                return True
            found[row, point] = index[row, point] + weight[row] * (value - baseline[row, point])
    return False


class PairStack:
    """Two functions by row (sector) in the form that is read fastest; rows with the same table share it.

    Parameters
    ----------
    tables : sequence of Table
        One per row, of two functions.
    """

    def __init__(self, tables: Sequence[Table]) -> None:
        unlike = {id(table): table for table in tables}
        counts = np.array([len(table.pieces) for table in unlike.values()])
        begins = dict(zip(unlike, np.cumsum(counts) - counts, strict=True))
        self.start = np.array([table.start for table in tables])
        self.scale = np.array([1 / table.step for table in tables])
        self.first = np.array([begins[id(table)] for table in tables])
        self.count = np.array([len(table.pieces) for table in tables])
        self.pieces = np.ascontiguousarray(np.concatenate([table.pieces for table in unlike.values()]))

    @property
    def arrays(self) -> tuple[Array, Array, NDArray[np.intp], NDArray[np.intp], Array]:
        """First nodes, intervals per unit, positions and numbers of intervals by row; coefficients (intervals, 12)."""
        return self.start, self.scale, self.first, self.count, self.pieces

    def read(self, at: Array) -> tuple[Array, Array, Array, bool]:
        """As `TableStack.read`; below a table the slope is zero."""
        at = np.ascontiguousarray(at)
        value, slope, second = np.empty_like(at), np.empty_like(at), np.empty_like(at)
        beyond = _read_pairs(at, *self.arrays, value, slope, second)
        return value, slope, second, beyond

    def lifted(self, index: Array, places: Array, baseline: Array, weight: Array) -> Array | None:
        """``index + weight (first function at index + places - baseline)`` in one pass; None where a point lies above its table.

        Parameters
        ----------
        index, places, baseline : (rows, points)
        weight : (rows,)
        """
        index = np.ascontiguousarray(index)
        found = np.empty_like(index)
        return None if _lift(index, places, baseline, weight, *self.arrays, found) else found
