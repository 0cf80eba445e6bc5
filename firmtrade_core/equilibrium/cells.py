"""Terms and sales where every cell has an elasticity of its own, in two passes over the cells (MODEL 2, 11).

Arrays are sector-first, as in `system`. What is read and written lies in memory as it is visited.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.margins import FirmsMargins, Margins
from firmtrade_core.margins.lognormal import LognormalMargins
from firmtrade_core.margins.near import read_pair
from firmtrade_core.margins.nested import WIDTH, lowest, nested_pieces
from firmtrade_core.margins.tables import PairStack, Table, compiled

Array = NDArray[np.float64]

_NOTHING = np.zeros((0, 1, 1))


#: Sums may be taken in any order, so that processors add several terms at once; infinities and NaN keep their meaning.
_ANY_ORDER = {"contract", "reassoc", "nsz"}

#: ln 2 in two parts, and the largest arguments of the exponential.
_LN2_HIGH, _LN2_LOW, _LARGEST = 0.693147180369123816490, 1.90821492927058770002e-10, 700.0


#: Markets are read one by one where they are fewer than one in so many.
_LITTLE = 8

#: Steps between the coefficients of an interval.
_ONE, _TWO, _THREE, _FOUR, _FIVE, _SIX = (np.uint64(step) for step in range(1, 7))


def _vectorised(function: Callable[..., Any]) -> Callable[..., Any]:
    return compiled(function, fastmath=_ANY_ORDER, error_model="numpy")


@_vectorised
def _read_sector(
    origin: Any, destination: Any, lift: Any, places: Any, level: Any, kernel: Any,
    low: Any, scale: Any, count: Any, pieces: Any, sunk: Any,
    weight: Any, slope: Any, share: Any, bits: Any, power: Any,
) -> Any:  # fmt: skip
    """Terms of (6'), slopes and φ of one sector's cells; how many lie beyond the table.

    In passes that processors take several cells at a time through: the table, then the exponential, whose power of two is written as
    ``bits`` and read as ``power``, one memory under two names.
    """
    last, beyond = count - 1, 0
    n = kernel.shape[0]
    # Places first, all at once; what they are kept in is written over below.
    for i in range(n):
        from_origin = origin[i] - low
        for j in range(n):
            place = (places[i, j] + from_origin - destination[j]) * scale
            place = place if place > 0.0 else 0.0
            beyond += 1 if place > count else 0
            place = place if place < count else count
            whole = np.int64(place)
            whole = whole if whole < last else last
            share[i, j] = place - whole
            bits[i, j] = whole * 12
    for i in range(n):
        up = lift[i]
        for j in range(n):
            # Positions without a sign need no check for places counted from the end.
            t, at = share[i, j], np.uint64(bits[i, j])
            c1, c2, c3, c4, c5 = (
                pieces[at + _ONE],
                pieces[at + _TWO],
                pieces[at + _THREE],
                pieces[at + _FOUR],
                pieces[at + _FIVE],
            )
            slope[i, j] = scale * (c1 + t * (2.0 * c2 + t * (3.0 * c3 + t * (4.0 * c4 + t * (5.0 * c5)))))
            weight[i, j] = pieces[at] + t * (c1 + t * (c2 + t * (c3 + t * (c4 + t * c5)))) - level[i, j] + up
            at += _SIX
            share[i, j] = pieces[at] + t * (
                pieces[at + _ONE]
                + t
                * (
                    pieces[at + _TWO]
                    + t * (pieces[at + _THREE] + t * (pieces[at + _FOUR] + t * pieces[at + _FIVE]))
                )
            )
    if not sunk:
        # Everybody is present below the table, and φ falls with e^x.
        for i in range(n):
            for j in range(n):
                under = places[i, j] + origin[i] - low - destination[j]
                if under < 0.0:
                    slope[i, j] = 0.0
                    share[i, j] = pieces[6] * np.exp(under)
    for i in range(n):
        for j in range(n):
            x = weight[i, j]
            x = x if x > -_LARGEST else -_LARGEST
            x = x if x < _LARGEST else _LARGEST
            whole = np.floor(x * 1.4426950408889634 + 0.5)
            r = x - whole * _LN2_HIGH
            r = r - whole * _LN2_LOW
            bits[i, j] = (np.int64(whole) + 1023) << 52
            tail = 1 / 5040.0 + r * (
                1 / 40320.0
                + r * (1 / 362880.0 + r * (1 / 3628800.0 + r * (1 / 39916800.0 + r / 479001600.0)))
            )
            weight[i, j] = 1.0 + r * (
                1.0
                + r * (0.5 + r * (1 / 6.0 + r * (1 / 24.0 + r * (1 / 120.0 + r * (1 / 720.0 + r * tail)))))
            )
    for i in range(n):
        for j in range(n):
            weight[i, j] *= power[i, j] * kernel[i, j]
    return beyond


@_vectorised
def _sum_sector(weight: Any, slope: Any, total: Any, mean: Any) -> None:
    """Terms by destination, and with the slope."""
    for i in range(weight.shape[0]):
        for j in range(weight.shape[1]):
            total[j] += weight[i, j]
            mean[j] += weight[i, j] * slope[i, j]


@_vectorised
def _read_near(
    origin: Any, destination: Any, up: Any, places: Any, kernel: Any, low: Any, scale: Any, count: Any, pieces: Any,
    home: Any, row_weight: Any, row_slope: Any, row_share: Any,
    weight: Any, share: Any, total: Any, mean: Any, part: Any, bits: Any,
) -> bool:  # fmt: skip
    """Terms of (6') and φ of one sector's cells with sums by destination, by `margins.near`; False where a cell lies beyond.

    One origin at a time: places and where to read of its cells first, all at once.
    """
    n, last, far = kernel.shape[0], count - 1, 0
    if count == 0:
        return False
    for i in range(n):
        if i == home:
            for j in range(n):
                weight[i, j], share[i, j] = row_weight[j], row_share[j]
                total[j] += row_weight[j]
                mean[j] += row_weight[j] * row_slope[j] / scale
            continue
        from_origin, raised = origin[i] - low, up[i]
        for j in range(n):
            place = (places[i, j] + from_origin - destination[j]) * scale
            place = place if place > 0.0 else 0.0
            far += 1 if place > count else 0
            place = place if place < count else count
            whole = np.int64(place)
            whole = whole if whole < last else last
            part[0, j] = place - whole
            bits[0, j] = whole * 12
        for j in range(n):
            value, share[i, j], slope = read_pair(pieces, bits[0, j], part[0, j])
            lifted = kernel[i, j] * raised
            weight[i, j] = value * lifted
            total[j] += value * lifted
            mean[j] += slope * lifted
    for j in range(n):
        mean[j] *= scale
    return far == 0


@_vectorised
def _read_terms(
    origin: Any, destination: Any, lift: Any, up: Any, places: Any, level: Any, kernel: Any,
    near_start: Any, near_scale: Any, near_count: Any, near_pieces: Any,
    start: Any, scale: Any, count: Any, pieces: Any, sunk: Any,
    home: Any, row_weight: Any, row_slope: Any, row_share: Any,
    weight: Any, slope: Any, share: Any, bits: Any, power: Any, total: Any, mean: Any,
) -> Any:  # fmt: skip
    """Terms of (6') and φ of one sector's cells with sums by destination; how many lie beyond the table.

    The ``home`` row of firms of their own, -1 without, takes the place of the law's.
    """
    if _read_near(
        origin, destination, up, places, kernel, near_start, near_scale, near_count, near_pieces,
        home, row_weight, row_slope, row_share, weight, share, total, mean, slope, bits,
    ):  # fmt: skip
        return 0
    beyond = _read_sector(
        origin, destination, lift, places, level, kernel, start, scale, count, pieces, sunk,
        weight, slope, share, bits, power,
    )  # fmt: skip
    if home >= 0:
        for j in range(kernel.shape[0]):
            weight[home, j], slope[home, j], share[home, j] = row_weight[j], row_slope[j], row_share[j]
    for j in range(kernel.shape[0]):
        total[j] = mean[j] = 0.0
    _sum_sector(weight, slope, total, mean)
    return beyond


@_vectorised
def _weigh(
    origin: Any, destination: Any, lift: Any, up: Any, places: Any, level: Any, kernel: Any,
    near_start: Any, near_scales: Any, near_first: Any, near_count: Any, near_pieces: Any,
    start: Any, scales: Any, first: Any, count: Any, pieces: Any, sunk: Any,
    home: Any, row_weight: Any, row_slope: Any, row_share: Any,
    slope: Any, share: Any, bits: Any, power: Any, total: Any, mean: Any, weight: Any,
) -> bool:  # fmt: skip
    """Terms of all cells; True where a cell lies beyond its table."""
    beyond = 0
    for s in range(places.shape[0]):
        near, begin = near_first[s] * 12, first[s] * 12
        beyond += _read_terms(
            origin[s], destination[s], lift[s], up[s], places[s], level, kernel[s],
            near_start[s], near_scales[s], near_count[s], near_pieces[near : near + near_count[s] * 12],
            start[s], scales[s], count[s], pieces[begin : begin + count[s] * 12], sunk,
            home[s], row_weight[s], row_slope[s], row_share[s],
            weight[s], slope, share, bits, power, total, mean,
        )  # fmt: skip
    return beyond > 0


@_vectorised
def _sell_sector(
    weight: Any, share: Any, market: Any, tariffs: Any, tariff_factor: Any, subsidies: Any, subsidy_factor: Any,
    border: Any, revenue: Any, kept: Any, arriving: Any, fixed: Any,
) -> None:  # fmt: skip
    """Sales of one sector: by origin at the border, as revenue, and less fixed costs; by destination at the border, and fixed costs."""
    n = weight.shape[0]
    for i in range(n):
        at_border, earned, after_fixed = 0.0, 0.0, 0.0
        if tariffs and subsidies:
            for j in range(n):
                sold = weight[i, j] * market[j] * tariff_factor[i, j]
                arriving[j] += sold
                at_border += sold
                sold *= subsidy_factor[i, j]
                earned += sold
                after_fixed += sold * (1.0 - share[i, j])
                fixed[j] += sold * share[i, j]
        elif tariffs:
            for j in range(n):
                sold = weight[i, j] * market[j] * tariff_factor[i, j]
                arriving[j] += sold
                at_border += sold
                after_fixed += sold * (1.0 - share[i, j])
                fixed[j] += sold * share[i, j]
            earned = at_border
        else:
            for j in range(n):
                sold = weight[i, j] * market[j]
                arriving[j] += sold
                at_border += sold
                if subsidies:
                    sold *= subsidy_factor[i, j]
                earned += sold
                after_fixed += sold * (1.0 - share[i, j])
                fixed[j] += sold * share[i, j]
        border[i], revenue[i], kept[i] = at_border, earned, after_fixed


@_vectorised
def _read_and_sell(
    origin: Any, destination: Any, lift: Any, up: Any, spending: Any, places: Any, level: Any, kernel: Any,
    near_start: Any, near_scales: Any, near_first: Any, near_count: Any, near_pieces: Any,
    start: Any, scales: Any, first: Any, count: Any, pieces: Any, sunk: Any, tariff_factor: Any, subsidy_factor: Any,
    home: Any, row_weight: Any, row_slope: Any, row_share: Any,
    weights: Any, slope: Any, share: Any, bits: Any, power: Any, market: Any,
    total: Any, mean: Any, border: Any, revenue: Any, kept: Any, arriving: Any, fixed: Any,
) -> bool:  # fmt: skip
    """Terms and sales, sector by sector, so that nothing by cell leaves the nearest memory; True where a cell lies beyond its table.

    ``weights`` keeps the terms of all sectors, (S, N, N), or of the last one, (1, N, N).
    """
    n, beyond = kernel.shape[1], 0
    tariffs, subsidies = tariff_factor.shape[0] > 0, subsidy_factor.shape[0] > 0
    for s in range(kernel.shape[0]):
        near, begin = near_first[s] * 12, first[s] * 12
        weight = weights[min(s, weights.shape[0] - 1)]
        beyond += _read_terms(
            origin[s], destination[s], lift[s], up[s], places[s], level, kernel[s],
            near_start[s], near_scales[s], near_count[s], near_pieces[near : near + near_count[s] * 12],
            start[s], scales[s], count[s], pieces[begin : begin + count[s] * 12], sunk,
            home[s], row_weight[s], row_slope[s], row_share[s],
            weight, slope, share, bits, power, total[s], mean[s],
        )  # fmt: skip
        for j in range(n):
            if not (spending[s, j] > 0.0 and total[s, j] > 0.0):
                total[s, j] = 1.0
            market[j] = spending[s, j] / total[s, j]
            mean[s, j] /= total[s, j]
        _sell_sector(
            weight, share, market, tariffs, tariff_factor[s if tariffs else 0 : s + 1].reshape(-1, n),
            subsidies, subsidy_factor[s if subsidies else 0 : s + 1].reshape(-1, n),
            border[s], revenue[s], kept[s], arriving[s], fixed[s],
        )  # fmt: skip
    return beyond > 0


@_vectorised
def _sell_moved(
    sectors: Any, destinations: Any, spending: Any, places: Any, kernel: Any, scales: Any, first: Any, count: Any,
    pieces: Any, start: Any, shares: Any, held: Any, tariff: Any, subsidy: Any, tariff_factor: Any, subsidy_factor: Any,
    weight: Any, share: Any, found: Any,
) -> bool:  # fmt: skip
    """Baseline sums of `Cells.sales` with some markets' sales replaced by those after what moves their cells; False where one lies beyond."""
    n = kernel.shape[1]
    tariffs, subsidies = tariff_factor.shape[0] > 0, subsidy_factor.shape[0] > 0
    for market in range(sectors.shape[0]):
        s, j = sectors[market], destinations[market]
        total, mean, begin = 0.0, 0.0, first[s] * 12
        for i in range(n):
            place = max((places[s, i, j] - start[s]) * scales[s], 0.0)
            if not place < count[s]:
                return False
            whole = np.int64(place)
            value, share[i], slope = read_pair(pieces, begin + whole * 12, place - whole)
            weight[i] = value * kernel[s, i, j]
            total += weight[i]
            mean += slope * kernel[s, i, j] * scales[s]
        spent = spending[s, j]
        total = total if spent > 0.0 and total > 0.0 else 1.0
        found[0, s, j], found[1, s, j], found[5, s, j], found[6, s, j] = total, mean / total, 0.0, 0.0
        for i in range(n):
            sold = weight[i] * spent / total * (tariff_factor[s, i, j] if tariffs else 1.0)
            before = shares[s, i, j] * spent / (1.0 + tariff[s, i, j])
            found[2, s, i] += sold - before
            found[5, s, j] += sold
            sold *= subsidy_factor[s, i, j] if subsidies else 1.0
            before /= 1.0 - subsidy[s, i, j]
            found[3, s, i] += sold - before
            found[4, s, i] += sold * (1.0 - share[i]) - before * (1.0 - held[s, i, j])
            found[6, s, j] += sold * share[i]
    return True


@_vectorised
def _read_and_sell_draws(
    which: Any, origin: Any, destination: Any, lift: Any, spending: Any,
    threshold: Any, base: Any, moved: Any, steep: Any, push: Any, kernel: Any, nest: Any, closeness: Any,
    start: Any, scale: Any, pieces: Any, sunk: Any, tariff_factor: Any, subsidy_factor: Any,
    weight: Any, slope: Any, share: Any, bits: Any, power: Any, places: Any, level: Any, market: Any,
    total: Any, mean: Any, border: Any, revenue: Any, kept: Any, arriving: Any, fixed: Any, beyond: Any,
) -> None:  # fmt: skip
    """Terms and sales of several structures, sector by sector: nothing by cell leaves the nearest memory.

    ``which`` are the structures among those that tables, ρ and σ - 1 are of.
    """
    n = kernel.shape[1]
    tariffs, subsidies = tariff_factor.shape[0] > 0, subsidy_factor.shape[0] > 0
    for s in range(kernel.shape[0]):
        taxed = tariff_factor[s if tariffs else 0 : s + 1].reshape(-1, n)
        helped = subsidy_factor[s if subsidies else 0 : s + 1].reshape(-1, n)
        for d in range(which.shape[0]):
            draw = which[d]
            rho = nest[draw, s]
            own, close = 1.0 - rho, closeness[draw, s]
            for i in range(n):
                for j in range(n):
                    places[i, j] = threshold[s, i, j] - own * base[s, i, j]
                    level[i, j] = rho * base[s, i, j]
            if moved[s]:
                for i in range(n):
                    for j in range(n):
                        places[i, j] += close * steep[s, i, j] + push[s, i, j]
                        level[i, j] += close * steep[s, i, j]
            table = pieces[draw, s]
            beyond[d] += _read_sector(
                origin[d, s], destination[d, s], lift[d, s], places, level, kernel[s], start, scale, table.shape[0] // 12,
                table, sunk, weight, slope, share, bits, power,
            )  # fmt: skip
            _sum_sector(weight, slope, total[d, s], mean[d, s])
            for j in range(n):
                spent = spending[d, s, j]
                if not (spent > 0.0 and total[d, s, j] > 0.0):
                    total[d, s, j] = 1.0
                market[j] = spent / total[d, s, j]
                mean[d, s, j] /= total[d, s, j]
            _sell_sector(
                weight, share, market, tariffs, taxed, subsidies, helped,
                border[d, s], revenue[d, s], kept[d, s], arriving[d, s], fixed[d, s],
            )  # fmt: skip


class Move(NamedTuple):
    """What a shock does to some cells, (K,) each: where they are in (S, N, N), what it adds to the index, and its factor on terms."""

    cells: tuple[NDArray[np.intp], ...]
    push: Array
    factor: Array


class CellSales(NamedTuple):
    """By origin: border values, revenues, (1-φ) of revenues; by destination: border values, φ of revenues. Each (S, N), million USD."""

    border: Array
    revenue: Array
    kept: Array
    arriving: Array
    fixed: Array


class Scratch:
    """Memory for one sector's cells, written and read within one evaluation.

    Parameters
    ----------
    countries : int
        N.
    """

    def __init__(self, countries: int) -> None:
        self.slope, self.weight, self.share, self.places, self.level = np.empty((5, countries, countries))
        self.bits = np.empty((countries, countries), dtype=np.int64)
        self.power = self.bits.view(np.float64)
        self.market = np.empty(countries)
        self.nothing = np.zeros((countries, countries))


class Cells:
    """Lognormal firms in all cells, the home country's own firms in its rows where they are loaded.

    Parameters
    ----------
    margins : Margins
    shares : (S, N, N)
        Market shares at the baseline.
    moves : list of Move
        What the shock itself does.
    """

    def __init__(self, margins: Margins, shares: Array, moves: list[Move]) -> None:
        self.firms = margins if isinstance(margins, FirmsMargins) else None
        lognormal = margins.others if isinstance(margins, FirmsMargins) else margins
        assert isinstance(lognormal, LognormalMargins)
        places = lognormal.places[0].reshape(shares.shape)
        places = places.copy() if moves else places
        # Where the baseline stands goes into the kernel: what is read from far memory is what an evaluation costs.
        relative = shares * lognormal.shrunk.reshape(shares.shape)
        for move in moves:
            places[move.cells] += move.push
            relative[move.cells] *= move.factor
        self._shares, self._moves = shares, moves
        self._held = np.ascontiguousarray(np.moveaxis(lognormal.fixed_share, 2, 0))
        self.sunk = lowest(lognormal.dispersion)[1]
        self._scratch = Scratch(shares.shape[1])
        self._home = np.full(len(shares), -1)
        self._rows = np.zeros((3, *shares.shape[:2]))
        if self.firms is not None:
            rows, home = self.firms.rows, self.firms.home
            self._home[rows] = home
            shift, kernel = np.zeros_like(shares), shares.copy()
            for move in moves:
                shift[move.cells] += move.push
                kernel[move.cells] *= move.factor
            self._row_shift, self._row_kernel = shift[rows, home], kernel[rows, home]
        near, tables = lognormal.near, lognormal.tables
        *where, counts, pieces = near.arrays
        self._tables = (
            places, self._scratch.nothing, relative,
            *where, counts if self.sunk else 0 * counts, pieces,
            tables.start, tables.scale, tables.first, tables.count, tables.pieces.reshape(-1), self.sunk,
        )  # fmt: skip

    @staticmethod
    def serve(margins: Margins) -> bool:
        """Whether these margins can be read so: lognormal ones, ρ up to one."""
        lognormal = margins.others if isinstance(margins, FirmsMargins) else margins
        return isinstance(lognormal, LognormalMargins) and not (margins.nest > 1).any()

    def weights(self, origin: Array, destination: Array, lift: Array) -> Array | None:
        """Terms of (6') at the index origin - destination + shift, (S, N, N); None where a cell lies beyond its table.

        Parameters
        ----------
        origin, destination, lift : (S, N)
            Parts of the index, and what else raises the origin's terms, in logs.
        """
        weight, sums = np.empty_like(self._tables[0]), np.zeros((2, lift.shape[1]))
        origin, destination, lift = (np.ascontiguousarray(part) for part in (origin, destination, lift))
        memory = self._scratch
        beyond = _weigh(
            origin, destination, lift, np.exp(lift), *self._tables,
            self._home, *self._own_rows(origin, destination, lift),
            memory.slope, memory.share, memory.bits, memory.power, *sums, weight,
        )  # fmt: skip
        return None if beyond else weight

    def sales_at_start(
        self, before: tuple[Array, ...], spending: Array, rates: tuple[Array, Array], *factors: Array | None
    ) -> tuple[Array, Array, CellSales] | None:
        """As `sales` where nothing but barriers has moved: only markets whose cells they move are read; None where that spares little.

        Parameters
        ----------
        before : seven of (S, N)
            What `sales` gives without a shock: totals, slopes and sales.
        spending : (S, N)
            E.
        rates : two of (S, N, N)
            Tariffs and subsidies at the baseline.
        factors : (S, N, N) or None
            As for `sales`.
        """
        places, _, kernel, start, scales, first, count, pieces, *_ = self._tables
        touched = np.zeros(spending.shape, dtype=bool)
        for move in self._moves:
            touched[move.cells[0], move.cells[2]] = True
        sectors, destinations = np.nonzero(touched)
        if self.firms is not None or len(sectors) * _LITTLE > touched.size:
            return None
        found, memory = np.array(before), self._scratch
        if not _sell_moved(
            sectors, destinations, spending, places, kernel, scales, first, count, pieces, start, self._shares, self._held,
            *rates, *(_NOTHING if factor is None else factor for factor in factors), memory.market, memory.slope[0], found,
        ):  # fmt: skip
            return None
        return found[0], found[1], CellSales(*found[2:])

    def _own_rows(self, origin: Array, destination: Array, lift: Array) -> Array:
        """Terms, slopes and φ of the home country's own firms, (3, S, N)."""
        if self.firms is not None:
            row_weight, row_slope, row_share = self._rows
            rows, home = self.firms.rows, self.firms.home
            index = origin[rows, home, None] - destination[rows] + self._row_shift
            potential, row_slope[rows], row_share[rows] = self.firms.row_effective(index)
            row_weight[rows] = self._row_kernel * np.exp(potential + lift[rows, home, None])
        return self._rows

    def sales(
        self,
        origin: Array,
        destination: Array,
        lift: Array,
        spending: Array,
        tariff_factor: Array | None,
        subsidy_factor: Array | None,
        weights: Array | None = None,
    ) -> tuple[Array, Array, CellSales] | None:
        """Totals and mean slopes of terms by destination, and sales, (S, N); None where a cell lies beyond its table.

        Parameters
        ----------
        origin, destination, lift : (S, N)
            As for `weights`.
        spending : (S, N)
            E'; zero where a market is closed.
        tariff_factor, subsidy_factor : (S, N, N) or None
            1/(1+t), 1/(1-b).
        weights : (S, N, N), optional
            Receives the terms, where they are wanted.
        """
        origin, destination, lift = (np.ascontiguousarray(part) for part in (origin, destination, lift))
        found, memory = np.zeros((7, *lift.shape)), self._scratch
        if _read_and_sell(
            origin, destination, lift, np.exp(lift), np.ascontiguousarray(spending), *self._tables,
            *(_NOTHING if factor is None else factor for factor in (tariff_factor, subsidy_factor)),
            self._home, *self._own_rows(origin, destination, lift), memory.weight[None] if weights is None else weights,
            memory.slope, memory.share, memory.bits, memory.power, memory.market, *found,
        ):  # fmt: skip
            return None
        return found[0], found[1], CellSales(*found[2:])


@_vectorised
def _weigh_draw(
    origin: Any, destination: Any, lift: Any, threshold: Any, base: Any, moved: Any, steep: Any, push: Any, kernel: Any,
    nest: Any, closeness: Any, start: Any, scale: Any, pieces: Any, sunk: Any,
    slope: Any, share: Any, bits: Any, power: Any, places: Any, level: Any, weight: Any, shift: Any,
) -> None:  # fmt: skip
    """Terms of (6') of one structure, and Δk, cell by cell."""
    n = kernel.shape[1]
    for s in range(kernel.shape[0]):
        rho, close = nest[s], closeness[s]
        own = 1.0 - rho
        for i in range(n):
            for j in range(n):
                places[i, j] = threshold[s, i, j] - own * base[s, i, j]
                level[i, j] = rho * base[s, i, j]
                shift[s, i, j] = 0.0
        if moved[s]:
            for i in range(n):
                for j in range(n):
                    shift[s, i, j] = close * steep[s, i, j] + push[s, i, j]
                    places[i, j] += shift[s, i, j]
                    level[i, j] += close * steep[s, i, j]
        table = pieces[s]
        _read_sector(
            origin[s], destination[s], lift[s], places, level, kernel[s], start, scale, table.shape[0] // 12,
            table, sunk, weight[s], slope, share, bits, power,
        )  # fmt: skip
        last, more = table.shape[0] // 12 - 1, 1.0 / rho - 1.0
        for i in range(n):
            from_origin = origin[s, i] - start
            for j in range(n):
                place = (places[i, j] + from_origin - destination[s, j]) * scale
                place = place if place > 0.0 else 0.0
                whole = np.int64(place)
                whole = whole if whole < last else last
                t = place - whole
                at = whole * 12
                value = table[at] + t * (
                    table[at + 1]
                    + t * (table[at + 2] + t * (table[at + 3] + t * (table[at + 4] + t * table[at + 5])))
                )
                # Δk = index + (1-ρ) ln Ŝ, of which the table has ρ ln S.
                shift[s, i, j] += origin[s, i] - destination[s, j] + more * (value - rho * base[s, i, j])


class DrawCells:
    """Lognormal firms in all cells under several structures of one world: σ, γ and so ρ differ, thresholds do not.

    Parameters
    ----------
    threshold, base : (S, N, N)
        k and ln S at the baseline.
    steep, push : (S, N, N) or None
        ln τ̂T̂, and ln f̂T̂: the index moves by (σ-1) steep + push, terms by -(σ-1) steep.
    kernel : (S, N, N)
        Market shares, zero where trade is embargoed.
    dispersion : float
    nest, closeness : (D, S)
        ρ and σ - 1.
    highest : float
        Standard deviations up to which tables reach.
    """

    def __init__(
        self,
        threshold: Array,
        base: Array,
        steep: Array | None,
        push: Array | None,
        kernel: Array,
        dispersion: float,
        nest: Array,
        closeness: Array,
        highest: float,
    ) -> None:
        draws, sectors = nest.shape
        self.threshold, self.base, self.kernel = threshold, base, kernel
        nothing = np.zeros((1, 1, 1))
        self.steep = nothing if steep is None else steep
        self.push = nothing if push is None else push
        self.moved = np.zeros(sectors, dtype=bool)
        for part in (steep, push):
            if part is not None:
                self.moved |= part.reshape(sectors, -1).any(1)
        self.nest, self.closeness = np.ascontiguousarray(nest), np.ascontiguousarray(closeness)
        self.sunk = lowest(dispersion)[1]
        self.start, self.step, pieces = nested_pieces(dispersion, self.nest.ravel(), highest)
        self.pieces = pieces.reshape(draws, sectors, -1)
        self._scratch = Scratch(kernel.shape[1])

    def sales(
        self,
        which: NDArray[np.intp],
        origin: Array,
        destination: Array,
        lift: Array,
        spending: Array,
        tariff_factor: Array | None,
        subsidy_factor: Array | None,
    ) -> tuple[Array, Array, CellSales, NDArray[np.intp]]:
        """As `Cells.sales` for the structures ``which``, (D, S, N) each; and how many cells lie beyond their tables.

        Parameters
        ----------
        which : (D,)
            Structures.
        origin, destination, lift, spending : (D, S, N)
            As `Cells.sales`.
        tariff_factor, subsidy_factor : (S, N, N) or None
        """
        found = np.zeros((7, *lift.shape))
        beyond, memory = np.zeros(len(which), dtype=np.intp), self._scratch
        _read_and_sell_draws(
            which, *(np.ascontiguousarray(part) for part in (origin, destination, lift, spending)),
            self.threshold, self.base, self.moved, self.steep, self.push, self.kernel, self.nest, self.closeness,
            self.start, 1 / self.step, self.pieces, self.sunk,
            *(_NOTHING if factor is None else factor for factor in (tariff_factor, subsidy_factor)),
            memory.weight, memory.slope, memory.share, memory.bits, memory.power, memory.places, memory.level,
            memory.market, *found, beyond,
        )  # fmt: skip
        return found[0], found[1], CellSales(*found[2:]), beyond

    def weights(self, draw: int, origin: Array, destination: Array, lift: Array) -> tuple[Array, Array]:
        """Terms of (6') and Δk of one structure, (S, N, N)."""
        weight, change = np.empty_like(self.kernel), np.empty_like(self.kernel)
        memory = self._scratch
        _weigh_draw(
            *(np.ascontiguousarray(part) for part in (origin, destination, lift)),
            self.threshold, self.base, self.moved, self.steep, self.push, self.kernel, self.nest[draw], self.closeness[draw],
            self.start, 1 / self.step, self.pieces[draw], self.sunk,
            memory.slope, memory.share, memory.bits, memory.power, memory.places, memory.level, weight, change,
        )  # fmt: skip
        return weight, change

    def tables(self, draw: int) -> PairStack:
        """The tables of one structure."""
        sectors = self.pieces.shape[1]
        return PairStack(
            [Table(self.start, self.step, self.pieces[draw, s].reshape(-1, WIDTH)) for s in range(sectors)]
        )
