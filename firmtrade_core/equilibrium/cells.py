"""Terms and sales where every cell has an elasticity of its own, in two passes over the cells (MODEL 2, 11).

Arrays are sector-first, as in `system`. What is read and written lies in memory as it is visited.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.margins import FirmsMargins, Margins
from firmtrade_core.margins.lognormal import LognormalMargins
from firmtrade_core.margins.tables import compiled

Array = NDArray[np.float64]

_NOTHING = np.zeros((0, 0, 0))


@compiled
def _read_cells(
    origin: Any, destination: Any, lift: Any, places: Any, level: Any,
    start: Any, scales: Any, first: Any, count: Any, pieces: Any, value: Any, slope: Any, share: Any,
) -> bool:  # fmt: skip
    """ρ ln Ŝ plus the origin's lift, slope and φ of all cells; True where a cell lies beyond its table."""
    beyond = False
    for s in range(places.shape[0]):
        low, scale, offset, intervals = start[s], scales[s], first[s], count[s]
        for i in range(places.shape[1]):
            from_origin, up = origin[s, i] - low, lift[s, i]
            for j in range(places.shape[2]):
                place = (places[s, i, j] + from_origin - destination[s, j]) * scale
                if place >= 0.0 and place <= intervals:
                    whole = min(int(place), intervals - 1)
                    t = place - whole
                    c = pieces[offset + whole]
                    value[s, i, j] = c[0] + t * (c[1] + t * (c[2] + t * c[3])) - level[s, i, j] + up
                    slope[s, i, j] = scale * (c[1] + t * (2.0 * c[2] + t * 3.0 * c[3]))
                    share[s, i, j] = c[4] + t * (c[5] + t * (c[6] + t * c[7]))
                elif place < 0.0:
                    # Everybody is present.
                    value[s, i, j] = pieces[offset, 0] - level[s, i, j] + up
                    slope[s, i, j] = 0.0
                    share[s, i, j] = pieces[offset, 4] * np.exp(place / scale)
                else:
                    beyond = True
    return beyond


@compiled
def _gather(kernel: Any, weight: Any, slope: Any, total: Any, mean: Any) -> None:
    """Weights times the kernel, their sums by destination, and sums weighted by the slope."""
    for s in range(weight.shape[0]):
        for i in range(weight.shape[1]):
            for j in range(weight.shape[2]):
                term = weight[s, i, j] * kernel[s, i, j]
                weight[s, i, j] = term
                total[s, j] += term
                mean[s, j] += term * slope[s, i, j]


@compiled
def _sell(
    weight: Any, share: Any, market: Any, tariff_factor: Any, subsidy_factor: Any,
    border: Any, revenue: Any, kept: Any, arriving: Any,
) -> None:  # fmt: skip
    """Border values and revenues by origin, revenue less fixed costs, and border values by destination."""
    tariffs, subsidies = tariff_factor.shape[0] > 0, subsidy_factor.shape[0] > 0
    for s in range(weight.shape[0]):
        for i in range(weight.shape[1]):
            at_border, earned, after_fixed = 0.0, 0.0, 0.0
            for j in range(weight.shape[2]):
                sold = weight[s, i, j] * market[s, j]
                if tariffs:
                    sold *= tariff_factor[s, i, j]
                arriving[s, j] += sold
                at_border += sold
                if subsidies:
                    sold *= subsidy_factor[s, i, j]
                earned += sold
                after_fixed += sold * (1.0 - share[s, i, j])
            border[s, i], revenue[s, i], kept[s, i] = at_border, earned, after_fixed


class CellTerms(NamedTuple):
    """Terms of (6'), (S, N, N); their sum and share-weighted mean slope by destination, (S, N); φ, (S, N, N)."""

    weight: Array
    total: Array
    mean: Array
    fixed_share: Array


class CellSales(NamedTuple):
    """By origin: border values, revenues, (1-φ) of revenues; by destination: border values. Each (S, N), million USD."""

    border: Array
    revenue: Array
    kept: Array
    arriving: Array


class Cells:
    """Lognormal firms in all cells, the home country's own firms in its rows where they are loaded.

    Parameters
    ----------
    margins : Margins
    kernel : (S, N, N)
        What (6') holds beyond origins, destinations and ρ ln Ŝ.
    shift : (S, N, N) or None
        What the shock itself does to the index.
    """

    def __init__(self, margins: Margins, kernel: Array, shift: Array | None) -> None:
        self.firms = margins if isinstance(margins, FirmsMargins) else None
        lognormal = margins.others if isinstance(margins, FirmsMargins) else margins
        assert isinstance(lognormal, LognormalMargins)
        places, level = (part.reshape(kernel.shape) for part in lognormal.places)
        self.places, self.level = places if shift is None else places + shift, level
        self.kernel, self.shift, self.tables = kernel, shift, lognormal.tables
        # Read and left within one evaluation.
        self._slope = np.empty_like(kernel)

    @staticmethod
    def serve(margins: Margins) -> bool:
        """Whether these margins can be read so: lognormal ones, ρ up to one."""
        lognormal = margins.others if isinstance(margins, FirmsMargins) else margins
        return isinstance(lognormal, LognormalMargins) and not (margins.nest > 1).any()

    def terms(self, origin: Array, destination: Array, lift: Array) -> CellTerms | None:
        """Terms of (6') at the index origin - destination + shift; None where a cell lies beyond its table.

        Parameters
        ----------
        origin, destination, lift : (S, N)
            Parts of the index, and what else raises the origin's terms, in logs.
        """
        weight, share, slope = np.empty_like(self.kernel), np.empty_like(self.kernel), self._slope
        lift = np.ascontiguousarray(lift)
        reading = (
            np.ascontiguousarray(origin),
            np.ascontiguousarray(destination),
            lift,
            self.places,
            self.level,
        )
        if _read_cells(*reading, *self.tables.arrays, weight, slope, share):
            return None
        if self.firms is not None:
            rows, home = self.firms.rows, self.firms.home
            index = origin[rows, home, None] - destination[rows]
            index = index if self.shift is None else index + self.shift[rows, home]
            potential, slope[rows, home], share[rows, home] = self.firms.row_effective(index)
            weight[rows, home] = potential + lift[rows, home, None]
        np.exp(weight, out=weight)
        total, mean = np.zeros_like(lift), np.zeros_like(lift)
        _gather(self.kernel, weight, slope, total, mean)
        return CellTerms(weight, total, mean, share)

    @staticmethod
    def sell(
        weight: Array, share: Array, market: Array, tariff_factor: Array | None, subsidy_factor: Array | None
    ) -> CellSales:
        """Sales of all cells, summed: terms times E' over the index of the destination."""
        sales = CellSales(*(np.zeros_like(market) for _ in range(4)))
        factors = (_NOTHING if factor is None else factor for factor in (tariff_factor, subsidy_factor))
        _sell(weight, share, market, *factors, *sales)
        return sales
