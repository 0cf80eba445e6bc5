"""The three margin functions of firms that differ, as tables: Gaussian sums over firms gathered on a grid (MODEL 2)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from scipy.interpolate import CubicSpline, PPoly
from scipy.special import log_ndtr, logsumexp, ndtr

from firmtrade_core.margins.base import (
    Array,
)
from firmtrade_core.margins.firm_record import FirmRecord
from firmtrade_core.margins.tables import Table, TableStack, quintic_pieces

#: Bins of capability and of g, and steps of the table, per standard deviation s.
BINS_PER_DEVIATION = 80
STEPS_PER_DEVIATION = 20

#: Standard deviations beyond the firms' own range that a table covers.
_REACH = 8.5

#: Largest number of bins: firms spread further apart than this are not capability in logs.
_MOST_BINS = 40_000

#: Observed shares present are kept this far inside (0, 1), so that thresholds stay finite.
_SMALLEST_SHARE = 1e-9

#: Every so many intervals of a table are held against the exact sums.
_CHECK_EVERY = 4

# Positions of the functions in a table.
_POTENTIAL, _FIXED_SHARE, _PRESENCE = 0, 1, 2


class FirmsError(ValueError):
    """Firms do not make a distribution, or do not fit the world. The message says what to mend."""


@dataclass(frozen=True)
class Deviations:
    """Standard deviations of what is not observed of a firm (MODEL 2, "Firms family").

    Parameters
    ----------
    capability
        σ_u, of capability that attributes do not explain.
    taste
        σ_ξ, of demand by market.
    entry
        σ_ν, of demand known beforehand and of fixed costs.
    known_taste
        v_k = cov(ξ, ν), from 0 to min(σ_ξ², σ_ν²).

    Raises
    ------
    FirmsError
    """

    capability: float
    taste: float = 0.0
    entry: float = 0.0
    known_taste: float = 0.0

    def __post_init__(self) -> None:
        values = {"σ_u": self.capability, "σ_ξ": self.taste, "σ_ν": self.entry}
        for name, value in values.items():
            if not 0 <= value <= 10:
                raise FirmsError(f"{name} is {value:g}; give a standard deviation of logs from 0 to 10.")
        if not 0 <= self.known_taste <= min(self.taste, self.entry) ** 2 * (1 + 1e-9):
            raise FirmsError(
                f"The covariance v_k of taste and entry is {self.known_taste:g}; it lies from 0 to "
                f"{min(self.taste, self.entry) ** 2:g}, the smaller of σ_ξ² and σ_ν²."
            )
        if self.spread < 0.05:
            raise FirmsError(
                f"The spread s = √(σ_u² + σ_ν²) is {self.spread:g}; it must be at least 0.05, or entry would jump "
                "from firm to firm. Give the part of capability that attributes do not explain."
            )

    @property
    def spread(self) -> float:
        """s = √(σ_u² + σ_ν²)."""
        return float(np.hypot(self.capability, self.entry))

    @property
    def potential_shift(self) -> float:
        """σ_u² + v_k: how far the revenue-weighted law of κ + ν lies above the unweighted one."""
        return self.capability**2 + self.known_taste

    @property
    def fixed_cost_shift(self) -> float:
        """v_f = σ_ν² - v_k: variance of fixed costs."""
        return self.entry**2 - self.known_taste


@dataclass(frozen=True, eq=False)
class FirmSector:
    """The potential firms of one sector.

    Parameters
    ----------
    capability : (F,)
        m: log revenue potential that attributes predict.
    deviations : Deviations
    fixed_cost_saving : (F,), optional
        g: what attributes take off log fixed cost; zeros unless given.
    weight : (F,), optional
        Sampling weights; ones unless given.
    record : FirmRecord, optional
        What each firm sold where (`records`); without one the law alone speaks of single firms.

    Raises
    ------
    FirmsError
        Naming the column and what to mend.
    """

    capability: Array
    deviations: Deviations
    fixed_cost_saving: Array | None = None
    weight: Array | None = None
    record: FirmRecord | None = None

    def __post_init__(self) -> None:
        count = np.size(self.capability)
        if count == 0:
            raise FirmsError("A sector without firms has no distribution; leave it out.")
        for name, default in (("capability", None), ("fixed_cost_saving", 0.0), ("weight", 1.0)):
            given = getattr(self, name)
            values = np.full(count, default) if given is None else np.array(given, dtype=np.float64)
            if values.shape != (count,):
                raise FirmsError(f"{name} has shape {values.shape}; {count} firms call for ({count},).")
            if not np.isfinite(values).all():
                raise FirmsError(f"{int((~np.isfinite(values)).sum())} firms have no {name}; leave them out.")
            values.setflags(write=False)
            object.__setattr__(self, name, values)
        weight = self.arrays[2]
        if (weight < 0).any() or not weight.sum() > 0:
            raise FirmsError("Sampling weights must be zero or more, and some above zero.")

    @property
    def arrays(self) -> tuple[Array, Array, Array]:
        """m, g and weights, each (F,)."""
        assert self.fixed_cost_saving is not None and self.weight is not None
        return self.capability, self.fixed_cost_saving, self.weight

    def shifted(self, capability: Array | float = 0.0, fixed_cost_saving: Array | float = 0.0) -> FirmSector:
        """The same firms after m and g have moved."""
        m, g, weight = self.arrays
        return FirmSector(m + capability, self.deviations, g + fixed_cost_saving, weight)

    @cached_property
    def content_hash(self) -> str:
        """Sixteen hexadecimal digits that identify firms and deviations."""
        digest = hashlib.blake2b(repr(self.deviations).encode(), digest_size=8)
        for values in self.arrays:
            digest.update(values.tobytes())
        if self.record is not None:
            digest.update(self.record.content_hash.encode())
        return digest.hexdigest()

    @cached_property
    def functions(self) -> FirmFunctions:
        """n, S and φ of these firms."""
        return FirmFunctions(self)


@cache
def _quadrature() -> tuple[Array, Array]:
    """Nodes and weights for integrals over u."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(21)
    return nodes, weights


@dataclass(frozen=True, eq=False)
class _Bins:
    """Firms gathered on a grid of m + g: pseudo-firms that keep Σw, Σwe^m and Σwe^-g exactly.

    Attributes
    ----------
    start, step : float
    presence, potential, saving : (B,)
        Σ of w, we^m and we^-g, each in units of the weights' total.
    """

    start: float
    step: float
    presence: Array
    potential: Array
    saving: Array

    @property
    def nodes(self) -> Array:
        """m + g of the bins, (B,)."""
        return np.asarray(self.start + self.step * np.arange(len(self.presence)), dtype=np.float64)


def _gather(sector: FirmSector) -> _Bins:
    """Bin firms by (m, g), then by m + g, each split between its neighbours on the grid."""
    m, g, weight = sector.arrays
    step = sector.deviations.spread / BINS_PER_DEVIATION
    count = int((np.ptp(m) + np.ptp(g)) / step) + 4
    if count > _MOST_BINS:
        raise FirmsError(
            f"Capability runs from {m.min():.3g} to {m.max():.3g} and g from {g.min():.3g} to {g.max():.3g}, against "
            f"a spread of {sector.deviations.spread:.3g}: that is no log revenue potential. Look for outliers."
        )
    i, j = ((v - v.min()) // step for v in (m, g))
    m_low, g_low = m.min() + step * i, g.min() + step * j
    # Shares of the upper neighbour, such that the sums of e^m and of e^-g are kept.
    upper_m = np.expm1(m - m_low) / np.expm1(step)
    upper_g = np.expm1(g_low - g) / np.expm1(-step)
    base = (i + j).astype(np.intp)
    sums = np.zeros((3, count))
    for up_m in (0, 1):
        for up_g in (0, 1):
            part = weight * np.abs(1 - up_m - upper_m) * np.abs(1 - up_g - upper_g)
            for row, scale in enumerate((0.0, m_low + up_m * step, -(g_low + up_g * step))):
                sums[row] += np.bincount(base + up_m + up_g, part * np.exp(scale), minlength=count)
    total = weight.sum()
    return _Bins(float(m.min() + g.min()), step, *(row / total for row in sums))


#: Answers of `FirmFunctions.share_in_any` that are kept.
_MOST_KEPT = 8


class FirmFunctions:
    """n(k), S(k) and φ(k) of a sector's firms, exactly and from a table.

    Parameters
    ----------
    sector : FirmSector

    Attributes
    ----------
    table : Table
        ln S, φ and ln n, up to the constant e^((σ_u²+σ_ξ²)/2) of S.
    table_error : float
        Largest distance of the table from the exact sums, measured between its nodes.
    """

    def __init__(self, sector: FirmSector) -> None:
        self.deviations = sector.deviations
        self._bins = _gather(sector)
        self.table = self._tabulate()
        self.table_error = self._measured_error()
        self._in_any: dict[bytes, float] = {}

    @cached_property
    def _log_weights(self) -> tuple[Array, Array, Array, Array]:
        """Nodes and log weights of the bins that hold firms."""
        bins = self._bins
        held = bins.presence > 0
        presence, potential, saving = (
            np.log(weights[held]) for weights in (bins.presence, bins.potential, bins.saving)
        )
        return bins.nodes[held], presence, potential, saving

    def exact(self, threshold: Array) -> tuple[Array, Array, Array]:
        """ln S, φ and ln n by direct summation over bins, each like ``threshold``; (2) to (4)."""
        s = self.deviations.spread
        nodes, presence, potential, saving = self._log_weights
        distance = nodes - np.asarray(threshold)[..., None]
        log_n = logsumexp(presence + log_ndtr(distance / s), axis=-1)
        log_s = logsumexp(potential + log_ndtr((distance + self.deviations.potential_shift) / s), axis=-1)
        log_f = logsumexp(saving + log_ndtr((distance - self.deviations.fixed_cost_shift) / s), axis=-1)
        return log_s, np.exp(threshold + self._fixed_cost_level + log_f - log_s), log_n

    @property
    def _fixed_cost_level(self) -> float:
        """ln of what multiplies e^k Σwe^-gΦ / Σwe^mΦ in (4): (σ_ξ²-v_k+v_f)/2 - (σ_u²+σ_ξ²)/2."""
        return (self.deviations.fixed_cost_shift - self.deviations.potential_shift) / 2

    @property
    def log_potential_of_all(self) -> float:
        """ln S where all firms are present."""
        return float(np.log(self._bins.potential.sum()))

    @cached_property
    def _polynomials(self) -> PPoly:
        """ln S and φ as piecewise polynomials of another library."""
        table = self.table
        ends = table.start + table.step * np.arange(len(table.pieces) + 1)
        powers = table.pieces[:, :12].reshape(-1, 2, 6) * table.step ** -np.arange(6.0)
        return PPoly(np.ascontiguousarray(np.moveaxis(powers, 2, 0)[::-1]), ends)

    def verified(self, threshold: Array) -> tuple[Array, Array]:
        """ln S and φ by code of its own: the table's polynomials, direct sums outside the table."""
        table = self.table
        low, high = threshold < table.start, threshold > table.end
        inside = np.where(low | high, table.start, threshold)
        log_s, share = np.moveaxis(self._polynomials(inside), -1, 0)
        share = np.where(low, share * np.exp(np.minimum(threshold - table.start, 0.0)), share)
        if high.any():
            log_s[high], share[high], _ = self.exact(threshold[high])
        return log_s, share

    def share_in_any(self, thresholds: Array) -> float:
        """Share of firms present in at least one of several markets, (D,) thresholds.

        Firms carry one u to all markets and draw ν by market; the integral over u takes 21 Gauss-Hermite nodes.
        The log chance of staying out of every market depends on m + g + u alone: it is tabulated once and interpolated.
        The latest answers are kept: the baseline's, and that without a programme, are asked for at every move of a lever.
        """
        asked = thresholds.tobytes()
        found = self._in_any.get(asked)
        if found is None:
            for oldest in list(self._in_any)[: 1 - _MOST_KEPT]:
                self._in_any.pop(oldest, None)
            found = self._in_any[asked] = self._share_in_any(thresholds)
        return found

    def _share_in_any(self, thresholds: Array) -> float:
        nodes, weights = _quadrature()
        entry = max(self.deviations.entry, 1e-3)
        held = self._bins.presence > 0
        firms = self._bins.nodes[held]
        index = firms + self.deviations.capability * nodes[:, None]
        # Far below every threshold the chance is one; above the table firms are surely somewhere.
        low, high = thresholds.min() - 9 * entry, thresholds.min() + 9 * entry
        grid = np.arange(low, high + entry / 10, entry / 10)
        nowhere = log_ndtr((thresholds[:, None] - grid) / entry).sum(0)
        inside = CubicSpline(grid, nowhere)(np.clip(index, low, grid[-1]))
        absent = weights @ np.exp(np.where(index < low, 0.0, inside)) / weights.sum()
        presence = self._bins.presence[held]
        return float(1 - (absent * presence).sum() / presence.sum())

    def _tabulate(self) -> Table:
        bins, s = self._bins, self.deviations.spread
        stride = BINS_PER_DEVIATION // STEPS_PER_DEVIATION
        above = int((self.deviations.fixed_cost_shift + _REACH * s) / bins.step) + 1
        below = int((self.deviations.potential_shift + _REACH * s) / bins.step) + 1
        intervals = -(-(above + len(bins.presence) + below) // stride)
        count = intervals * stride + 1
        k = bins.start - above * bins.step + stride * bins.step * np.arange(intervals + 1)
        # Bin less threshold, over the grid of both, for one sliding product per function.
        distance = bins.step * (np.arange(len(bins.presence) + count - 1) - (count - 1) + above)

        def slide(weights: Array, kernel: Array) -> Array:
            return np.convolve(kernel, weights[::-1], "valid")[::-1][::stride]

        logs = []
        for weights, shift in (
            (bins.potential, self.deviations.potential_shift),
            (bins.presence, 0.0),
        ):
            z = (distance + shift) / s
            density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
            level = slide(weights, ndtr(z))
            first = slide(weights, density) / (-s * level)
            second = slide(weights, z * density) / (-(s**2) * level) - first**2
            logs.append((np.log(level), first, second))
        (log_s, slope, bend), log_n = logs
        fixed = slide(bins.saving, ndtr((distance - self.deviations.fixed_cost_shift) / s))
        share = np.exp(k + self._fixed_cost_level - log_s) * fixed
        # The marginal firm's fixed cost is its profit: d(e^k F)/dk = e^k F + dS/dk.
        share_slope = share + slope * (1 - share)
        share_bend = share_slope + bend * (1 - share) - slope * share_slope
        step = stride * bins.step
        pieces = [
            quintic_pieces(step, *rows)
            for rows in ((log_s, slope, bend), (share, share_slope, share_bend), log_n)
        ]
        return Table(float(k[0]), step, np.concatenate(pieces, axis=1))

    def error_at(self, threshold: Array) -> float:
        """Largest distance of ln S and φ in the table from direct sums over bins, at points of the table, (P,)."""
        s, bins = self.deviations.spread, self._bins
        distance = (bins.nodes - threshold[:, None]) / s
        potential = ndtr(distance + self.deviations.potential_shift / s) @ bins.potential
        fixed = ndtr(distance - self.deviations.fixed_cost_shift / s) @ bins.saving
        share = np.exp(threshold + self._fixed_cost_level) * fixed / potential
        log_s, tabulated = self.verified(threshold)
        return float(max(np.abs(log_s - np.log(potential)).max(), np.abs(tabulated - share).max()))

    def _measured_error(self) -> float:
        """The same midway between nodes."""
        middle = np.arange(0.5, len(self.table.pieces), _CHECK_EVERY)
        return self.error_at(self.table.start + self.table.step * middle)


class FirmRows:
    """The functions of several sectors, looked up together: the home country's rows of a world.

    Parameters
    ----------
    functions : sequence of FirmFunctions
        One per row.
    """

    def __init__(self, functions: list[FirmFunctions]) -> None:
        self.functions = functions
        self.stack = TableStack([f.table for f in functions])

    def solve_presence(self, share: Array) -> Array:
        """Thresholds at which a share of firms is present, (rows, points); minus infinity for one."""
        target = np.log(np.clip(share, _SMALLEST_SHARE, 1 - _SMALLEST_SHARE))
        low, high = (
            np.broadcast_to(edge, target.shape).copy() for edge in (self.stack.start, self.stack.end)
        )
        threshold = (low + high) / 2
        for _ in range(60):
            value, slope = self.stack.lookup(threshold, (_PRESENCE,))
            gap = value - target
            low, high = np.where(gap > 0, threshold, low), np.where(gap > 0, high, threshold)
            step = threshold - gap / np.minimum(slope, -1e-300)
            inside = (step > low) & (step < high)
            moved = np.where(inside, step, (low + high) / 2)
            done = np.abs(moved - threshold).max() < 1e-13
            threshold = moved
            if done:
                break
        return np.where(share >= 1, -np.inf, threshold)

    def potential(self, threshold: Array) -> tuple[Array, Array, Array]:
        """ln S, its slope and φ at thresholds, each (rows, points)."""
        # Below the table everybody is present to seventeen digits, and fixed costs move one for one with e^k.
        log_s, slope, share, beyond = self.stack.read(threshold)
        if beyond:
            high = threshold > self.stack.end
            for row in np.flatnonzero(high.any(1)):
                far = high[row]
                log_s[row, far], share[row, far], slope[row, far] = self._beyond(row, threshold[row, far])
        return log_s, slope, share

    def _beyond(self, row: int | np.intp, threshold: Array) -> tuple[Array, Array, Array]:
        """The same by direct summation, above the table."""
        functions, tiny = self.functions[row], 1e-5
        log_s, share, _ = functions.exact(threshold)
        above, below = (functions.exact(threshold + side * tiny)[0] for side in (1, -1))
        return log_s, np.minimum(share, 1.0), (above - below) / (2 * tiny)

    def presence(self, threshold: Array) -> Array:
        """ln n at thresholds, (rows, points)."""
        stack = self.stack
        inside = np.clip(threshold, stack.start, stack.end)
        (found,) = stack.lookup(inside, (_PRESENCE,), slope=False)
        found = np.where(threshold < stack.start, 0.0, found)
        for row in np.flatnonzero((threshold > stack.end).any(1)):
            far = threshold[row] > stack.end[row]
            found[row, far] = self.functions[row].exact(threshold[row, far])[2]
        return np.minimum(found, 0.0)
