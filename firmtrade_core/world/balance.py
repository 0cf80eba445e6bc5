"""Mending steps: balancing flows to margins, and closing input tables (MODEL 1, steps a and c)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firmtrade_core.labels import grouped
from firmtrade_core.world.errors import AccountsError, MarginError, NegativeValueError, ShapeError

Array = NDArray[np.float64]

#: How far the totals of the two margins may differ, relative to their size, before they are refused.
MARGIN_TOLERANCE = 1e-8

#: Final demand kept in each country and sector when input rows are closed, as a share of expenditure.
FINAL_DEMAND_FLOOR = 0.01


@dataclass(frozen=True)
class Balanced:
    """Flows balanced to their margins.

    Parameters
    ----------
    flows : (N, M, S)
        Or (N, M), as the prior was given.
    iterations
        Sweeps over all margins.
    margin_gap
        Largest relative distance of a row or column sum from its margin.
    pair_gap
        Largest relative distance of a pair from its total; 0 without pair totals.
    largest_change
        Largest change of a row or column sum from the prior's, as a factor of at least one.
    """

    flows: Array
    iterations: int
    margin_gap: float
    pair_gap: float
    largest_change: float


def balance_flows(
    prior: ArrayLike,
    row_sums: ArrayLike,
    column_sums: ArrayLike,
    *,
    pair_totals: ArrayLike | None = None,
    pair_sectors: ArrayLike | None = None,
    pair_tolerance: float = 1e-6,
    tolerance: float = 1e-10,
    max_iterations: int = 5_000,
    origins: Sequence[str] | None = None,
    destinations: Sequence[str] | None = None,
    sectors: Sequence[str] | None = None,
) -> Balanced:
    """Iterative proportional fitting: the flows closest to a prior that have given sums.

    Parameters
    ----------
    prior : (N, M, S) or (N, M)
        Zero or more; zeros stay zero.
    row_sums, column_sums : (N, S) and (M, S), or (N,) and (M,)
        Sums over destinations and over origins.
    pair_totals : (N, M), optional
        Sums over the ``pair_sectors``; NaN where a pair is free. Rounded totals rarely agree with the
        margins to the last digit: row and column sums are met exactly, pair totals to ``pair_tolerance``.
    pair_sectors : (S,) of bool, optional
        Sectors that the pair totals cover; all, unless given.
    pair_tolerance, tolerance
        Largest relative gaps allowed.
    origins, destinations, sectors
        Labels for messages.

    Raises
    ------
    MarginError
        If no flows can have these sums, naming the row, column, sector or pair.
    """
    start, rows, columns, two_axes = _as_cells(prior, row_sums, column_sums)
    labels = _Labels(origins, destinations, sectors)
    _check_margins(start, rows, columns, labels)
    flows = start.copy()
    pairs = None if pair_totals is None else _Pairs.of(pair_totals, pair_sectors, flows, labels)
    iterations = 0
    if pairs is not None:
        for _ in range(max_iterations):
            iterations += 1
            moved = pairs.scale(flows)
            _scale(flows, columns, 0)
            _scale(flows, rows, 1)
            if moved < min(tolerance, pair_tolerance / 10):
                break
    gap = np.inf
    for _ in range(max_iterations):
        iterations += 1
        _scale(flows, columns, 0)
        _scale(flows, rows, 1)
        gap = _relative_gap(flows.sum(0), columns)
        if gap <= tolerance:
            break
    if gap > tolerance:
        raise MarginError(_unmet(flows, columns, labels))
    pair_gap = 0.0 if pairs is None else pairs.check(flows, pair_tolerance, labels)
    change = max(_largest_factor(start.sum(1), rows), _largest_factor(start.sum(0), columns))
    return Balanced(flows[:, :, 0] if two_axes else flows, iterations, gap, pair_gap, change)


@dataclass(frozen=True)
class Completed:
    """Cells filled in around those that are known.

    Parameters
    ----------
    flows : (N, M, S)
        Cells to fill; zero where the prior is.
    iterations
        Sweeps over all margins.
    margin_gap
        Largest relative distance of a row or column sum from what was left for it.
    pair_gap
        Largest distance of a pair from its band, in the unit of the flows.
    """

    flows: Array
    iterations: int
    margin_gap: float
    pair_gap: float


def complete_flows(
    prior: ArrayLike,
    row_sums: ArrayLike,
    column_sums: ArrayLike,
    *,
    ceiling: float = np.inf,
    pair_low: ArrayLike | None = None,
    pair_high: ArrayLike | None = None,
    pair_sectors: ArrayLike | None = None,
    tolerance: float = 1e-10,
    max_iterations: int = 10_000,
) -> Completed:
    """Fill cells that have given sums, lie below a ceiling, and whose pairs lie in bands.

    Iterative proportional fitting with bounds: ``min(ceiling, prior a_is b_js q_ij)``, where a and b meet row and
    column sums, and q, over the ``pair_sectors``, moves a pair's total into its band. What is known without being
    a number is used so: a cell missing from a list of the largest is smaller than the smallest of them, a pair
    missing from an exporter's main partners smaller than the last of those.

    Parameters
    ----------
    prior : (N, M, S)
        Zero or more; zeros stay zero.
    row_sums, column_sums : (N, S) and (M, S)
        What the cells of each origin and of each destination add up to.
    ceiling
        No cell is larger.
    pair_low, pair_high : (N, M), optional
        Bands of pairs' totals; from zero and without end unless given.
    pair_sectors : (S,) of bool, optional
        Sectors that the bands cover; all, unless given.

    Raises
    ------
    MarginError
        If no such cells are found, with the largest gap.
    """
    start, rows, columns, _ = _as_cells(prior, row_sums, column_sums)
    _check_margins(start, rows, columns, _Labels(None, None, None))
    n, m, s = start.shape
    low = np.zeros((n, m)) if pair_low is None else np.asarray(pair_low, dtype=np.float64)
    high = np.full((n, m), np.inf) if pair_high is None else np.asarray(pair_high, dtype=np.float64)
    covered = np.ones(s, dtype=bool) if pair_sectors is None else np.asarray(pair_sectors, dtype=bool)
    row, column, pair = np.ones((n, s)), np.ones((m, s)), np.ones((n, m))

    def cells() -> Array:
        pairs = np.where(covered, pair[:, :, None], 1.0)
        flows: Array = np.minimum(start * row[:, None] * column[None] * pairs, ceiling)
        return flows

    gap, iterations = np.inf, 0
    for _ in range(max_iterations):
        iterations += 1
        totals = cells()[:, :, covered].sum(2)
        pulled = pair * _ratio(np.clip(totals, low, high), totals)
        # Where a pair is only held down, its factor returns to one as soon as there is room.
        with np.errstate(invalid="ignore"):
            held = np.minimum(1.0, pair * _ratio(np.minimum(high, 1e300), totals))
        moved = np.where(low > 0, pulled, held)
        step = float(np.abs(moved / pair - 1).max())
        pair = moved
        column = column * _ratio(columns, cells().sum(0))
        flows = cells()
        gap = _relative_gap(flows.sum(1), rows)
        if max(gap, step) <= tolerance:
            break
        row = row * _ratio(rows, flows.sum(1))
    if gap > tolerance:
        raise MarginError(
            f"No cells have these sums below {grouped(ceiling, '.6g')}: a row is off by {gap:.2g} of its sum after "
            f"{grouped(iterations)} sweeps. Raise the ceiling, widen the pairs' bands, or correct the sums."
        )
    totals = flows[:, :, covered].sum(2)
    return Completed(flows, iterations, gap, float(np.maximum(totals - high, low - totals).max(initial=0.0)))


def _ratio(wanted: Array, have: Array) -> Array:
    """wanted / have; one where there is nothing to scale."""
    return np.divide(wanted, have, out=np.ones_like(have), where=have > 0)


@dataclass(frozen=True)
class ClosedInputs:
    """Input tables whose final demands are all positive.

    Parameters
    ----------
    inputs : (N, S, S)
        Z, million USD.
    rows_scaled
        How many country-sector rows had to shrink.
    negative_before
        How many final demands were negative.
    largest_change
        Largest fall of a row total, a fraction of it.
    largest_change_at
        Country and input of that row, as positions.
    moved_share
        Share of the world's input purchases that moved from one row to another.
    """

    inputs: Array
    rows_scaled: int
    negative_before: int
    largest_change: float
    largest_change_at: tuple[int, int]
    moved_share: float


def close_input_rows(
    inputs: ArrayLike,
    total_expenditure: ArrayLike,
    *,
    floor: float = FINAL_DEMAND_FLOOR,
    countries: Sequence[str] | None = None,
    tolerance: float = 1e-10,
    max_iterations: int = 20_000,
) -> ClosedInputs:
    """Scale input rows, keeping value-added shares, until final demands are positive (MODEL 1, step c).

    The table closest to the given one (in relative entropy) among those with the same column sums and
    with every row at most (1 - floor) of expenditure: rows that exceed it shrink, and what their users no longer buy
    from them they buy from the other rows.

    Parameters
    ----------
    inputs : (N, S, S)
        Z: input k (axis 1) bought by user s (axis 2), million USD.
    total_expenditure : (N, S)
        E, million USD.
    floor
        Smallest final demand as a share of expenditure.

    Raises
    ------
    NegativeValueError, ShapeError
    AccountsError
        If a country spends less in all than its users' inputs and the floor, naming it and the gap.
    """
    given = np.array(inputs, dtype=np.float64)
    spending = np.asarray(total_expenditure, dtype=np.float64)
    if given.ndim != 3 or spending.shape != given.shape[:2]:
        raise ShapeError(f"inputs of shape {given.shape} do not fit expenditure of shape {spending.shape}.")
    if (given < 0).any() or (spending < 0).any():
        raise NegativeValueError("Inputs and expenditure must be zero or more before rows can be scaled.")
    ceiling = (1 - floor) * spending
    short = given.sum((1, 2)) - ceiling.sum(1)
    if (short > 0).any():
        worst = int(short.argmax())
        name = countries[worst] if countries is not None else f"country {worst}"
        raise AccountsError(
            f"{name}: users buy inputs of {grouped(given[worst].sum())} million USD but only {grouped(ceiling[worst].sum())} "
            f"is spent beyond the smallest final demands (gap {grouped(short[worst])}). Lower its input shares."
        )
    closed = _capped(given, ceiling, tolerance, max_iterations)
    before, after = given.sum(2), closed.sum(2)
    fall = 1 - np.divide(after, before, out=np.ones_like(before), where=before > 0)
    where = np.unravel_index(int(fall.argmax()), fall.shape)
    return ClosedInputs(
        inputs=closed,
        rows_scaled=int((before > ceiling * (1 + 1e-9)).sum()),
        negative_before=int((before > spending * (1 + 1e-9)).sum()),
        largest_change=float(fall[where]),
        largest_change_at=(int(where[0]), int(where[1])),
        moved_share=float(0.5 * np.abs(closed - given).sum() / given.sum()) if given.any() else 0.0,
    )


def _capped(given: Array, ceiling: Array, tolerance: float, max_iterations: int) -> Array:
    """Alternate projections on row ceilings and column sums; row factors never exceed one (Dykstra)."""
    columns = given.sum(1)
    column_factor = np.ones_like(columns)
    for _ in range(max_iterations):
        unscaled = np.einsum("nks,ns->nk", given, column_factor)
        row_factor = np.minimum(
            1.0, np.divide(ceiling, unscaled, out=np.ones_like(ceiling), where=unscaled > 0)
        )
        reached = np.einsum("nks,nk->ns", given, row_factor)
        column_factor = np.divide(columns, reached, out=np.ones_like(columns), where=reached > 0)
        closed = given * row_factor[:, :, None] * column_factor[:, None, :]
        if (closed.sum(2) - ceiling <= tolerance * np.maximum(ceiling, 1e-300)).all():
            return closed
    raise AccountsError(
        "Input rows could not be scaled below expenditure: some users buy one input alone. "
        "Lower its input share, or merge the sector with another."
    )


# Steps of the fitting ---------------------------------------------------------------------------


@dataclass(frozen=True)
class _Labels:
    origins: Sequence[str] | None
    destinations: Sequence[str] | None
    sectors: Sequence[str] | None

    def name(self, axis: str, index: int) -> str:
        labels = getattr(self, f"{axis}s")
        return str(labels[index]) if labels is not None else f"{axis} {index}"


def _as_cells(prior: ArrayLike, rows: ArrayLike, columns: ArrayLike) -> tuple[Array, Array, Array, bool]:
    cells, row_sums, column_sums = (np.array(a, dtype=np.float64) for a in (prior, rows, columns))
    two_axes = cells.ndim == 2
    if two_axes:
        cells, row_sums, column_sums = cells[:, :, None], row_sums[:, None], column_sums[:, None]
    expected = (cells.shape[0], cells.shape[-1]), (cells.shape[1], cells.shape[-1])
    if cells.ndim != 3 or (row_sums.shape, column_sums.shape) != expected:
        raise ShapeError(
            f"Margins of shape {row_sums.shape} and {column_sums.shape} do not fit {cells.shape}."
        )
    for what, array in (("prior", cells), ("row sums", row_sums), ("column sums", column_sums)):
        if not (np.isfinite(array).all() and (array >= 0).all()):
            raise NegativeValueError(f"The {what} must be finite numbers, zero or more.")
    return cells, row_sums, column_sums, two_axes


def _check_margins(cells: Array, rows: Array, columns: Array, labels: _Labels) -> None:
    gap = rows.sum(0) - columns.sum(0)
    off = np.abs(gap) > MARGIN_TOLERANCE * np.maximum(rows.sum(0), columns.sum(0))
    if off.any():
        s = int(np.abs(gap).argmax())
        raise MarginError(
            f"{labels.name('sector', s)}: rows sum to {grouped(rows[:, s].sum(), '.6g')} but columns to "
            f"{grouped(columns[:, s].sum(), '.6g')} (gap {grouped(gap[s], '.6g')}). Rescale one of them first."
        )
    for axis, margin, sums in (("origin", rows, cells.sum(1)), ("destination", columns, cells.sum(0))):
        empty = (margin > 0) & (sums == 0)
        if empty.any():
            index, s = (int(i) for i in np.argwhere(empty)[0])
            raise MarginError(
                f"{labels.name(axis, index)}, {labels.name('sector', s)} must sum to {grouped(margin[index, s], '.6g')} but "
                "all its cells are zero in the prior. Give it a positive prior, or a margin of zero."
            )


def _scale(flows: Array, margin: Array, axis: int) -> None:
    sums = flows.sum(axis)
    factor = np.divide(margin, sums, out=np.zeros_like(sums), where=sums > 0)
    flows *= np.expand_dims(factor, axis)


def _relative_gap(sums: Array, margin: Array) -> float:
    return float((np.abs(sums - margin) / np.where(margin > 0, margin, 1.0)).max())


def _largest_factor(before: Array, after: Array) -> float:
    both = (before > 0) & (after > 0)
    return float(np.exp(np.abs(np.log(after[both] / before[both])).max())) if both.any() else 1.0


def _unmet(flows: Array, columns: Array, labels: _Labels) -> str:
    off = np.abs(flows.sum(0) - columns)
    j, s = (int(i) for i in np.unravel_index(int(off.argmax()), off.shape))
    return (
        f"No flows have these sums: {labels.name('destination', j)}, {labels.name('sector', s)} reaches "
        f"{grouped(flows[:, j, s].sum(), '.6g')} of {grouped(columns[j, s], '.6g')}. Too many of its cells are zero in the prior."
    )


@dataclass(frozen=True)
class _Pairs:
    """Pairs whose total over some sectors is pinned."""

    origin: NDArray[np.intp]
    destination: NDArray[np.intp]
    sector: NDArray[np.intp]
    total: Array

    @classmethod
    def of(cls, totals: ArrayLike, covered: ArrayLike | None, flows: Array, labels: _Labels) -> _Pairs:
        given = np.asarray(totals, dtype=np.float64)
        if given.shape != flows.shape[:2]:
            raise ShapeError(f"pair_totals has shape {given.shape}, expected {flows.shape[:2]}.")
        origin, destination = np.nonzero(~np.isnan(given))
        sectors = np.arange(flows.shape[2]) if covered is None else np.flatnonzero(np.asarray(covered))
        pairs = cls(origin, destination, sectors, given[origin, destination])
        empty = (pairs.total > 0) & (pairs.sums(flows) == 0)
        if empty.any() or (pairs.total < 0).any():
            p = int(np.argmax(empty | (pairs.total < 0)))
            raise MarginError(
                f"{pairs.label(p, labels)} cannot total {grouped(pairs.total[p], '.6g')}: its prior is zero."
            )
        return pairs

    def label(self, p: int, labels: _Labels) -> str:
        return f"{labels.name('origin', self.origin[p])} to {labels.name('destination', self.destination[p])}"

    def sums(self, flows: Array) -> Array:
        total: Array = flows[self.origin[:, None], self.destination[:, None], self.sector].sum(1)
        return total

    def scale(self, flows: Array) -> float:
        """Scale pairs to their totals; returns the largest relative gap there was."""
        sums = self.sums(flows)
        factor = np.divide(self.total, sums, out=np.zeros_like(sums), where=sums > 0)
        flows[self.origin[:, None], self.destination[:, None], self.sector] *= factor[:, None]
        return float(np.abs(factor[sums > 0] - 1).max(initial=0.0))

    def check(self, flows: Array, tolerance: float, labels: _Labels) -> float:
        sums = self.sums(flows)
        gap = np.abs(sums - self.total) / np.where(self.total > 0, self.total, 1.0)
        worst = int(gap.argmax()) if len(gap) else 0
        if len(gap) and gap[worst] > tolerance:
            raise MarginError(
                f"{self.label(worst, labels)} should total {grouped(self.total[worst], '.6g')} but the row and column sums leave "
                f"{grouped(sums[worst], '.6g')}. Correct the total, or allow a larger pair_tolerance."
            )
        return float(gap[worst]) if len(gap) else 0.0
