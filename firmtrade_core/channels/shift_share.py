"""Shocks from abroad as instruments: ``z_f = Σ_n s_fn g_n``, with errors that hold however firms share their shocks.

Firm f sells the share s_fn in cell n, a product in a market, and the cell is hit by g_n. Firms with like products share the
shocks that are seen and those that are not, so that errors clustered by firm or sector are too small. What is as good as
random is the shock: the estimate is a regression over *cells* (Borusyak, Hull, Jaravel 2022, proposition 1), and its
error comes from cells, clustered where shocks move together (Adão, Kolesár, Morales 2019). With y, d net of controls W,

    A = Σ_n Σ_f w_f s_fn g̃_fn y_f,    B = Σ_n Σ_f w_f s_fn g̃_fn d_f,    β = A / B,

g̃ the shock less its exposure-weighted mean in its group of cells; W holds the firm's shares added up by group (the
incomplete-share control: a firm that sells more in cells with shocks is another firm, not a treated one). The robust set
inverts ``(A - θB)² <= t² Σ_c (A_c - θB_c)²`` over clusters of cells c: the null is imposed (their AKM0), so that it also holds
where the shocks move the attribute but little. Shocks may differ by firm in one cell, as those that leave it out do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as student

from firmtrade_core.channels.errors import InstrumentError, SampleError
from firmtrade_core.channels.weak import ConfidenceSet, FirstStage

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Firms, and clusters of shocks, below which nothing is told.
FEWEST_FIRMS, FEWEST_CLUSTERS = 50, 8

#: Effective number of clusters below which the law of large numbers over shocks is in doubt (Borusyak, Hull, Jaravel 2022, section 5).
FEW_SHOCKS = 20.0


@dataclass(frozen=True, eq=False)
class Exposure:
    """Which firm stands in which cell; P pairs of firm and cell, F firms, N cells.

    Parameters
    ----------
    firm, cell : (P,)
        0 to F-1 and 0 to N-1.
    share : (P,)
        Of the firm, from 0; a firm's shares add up to at most 1.
    shock : (P,)
        What hits the cell, as the firm sees it.
    firms : int
        F.
    cluster : (N,)
        Cells whose shocks move together.
    group : (N,)
        Cells whose shocks are compared with each other alone; zeros where all are.
    second_cluster : (N,), optional
        A second way in which shocks move together; variances of both ways are then added, which errs on the safe side.
    """

    firm: Integers
    cell: Integers
    share: Array
    shock: Array
    firms: int
    cluster: Integers
    group: Integers
    second_cluster: Integers | None = None

    def of_firms(self, values: Array) -> Array:
        """Sums of pairs' values (P,) by firm, (F,)."""
        return np.bincount(self.firm, values, self.firms).astype(float)

    @property
    def instrument(self) -> Array:
        """z, (F,)."""
        return self.of_firms(self.share * self.shock)

    def shares_by_group(self) -> Array:
        """The incomplete-share control, (F, groups): what the firm's shares add up to in each group of cells."""
        labels = self.group[self.cell]
        return np.column_stack(
            [self.of_firms(np.where(labels == group, self.share, 0.0)) for group in np.unique(labels)]
        )


@dataclass(frozen=True)
class Balance:
    """Whether shocks go with something settled before them, in standard deviations of both.

    Parameters
    ----------
    name
    effect, standard_error
        Of one standard deviation of z, clustered over cells.
    p_value
    """

    name: str
    effect: float
    standard_error: float
    p_value: float


@dataclass(frozen=True)
class ShiftShare:
    """An effect identified by shocks to firms' own cells.

    Parameters
    ----------
    effect
        Of one unit of the attribute, or of the shock itself where there is none.
    standard_error
        Over clusters of cells.
    robust
        The set with the null imposed, which is the interval to read.
    naive_error
        Clustered by firm alone, which takes firms that share shocks for independent: shown to be distrusted.
    first_stage
        None where the shock itself is the attribute.
    firms, cells, clusters
    effective_cells, effective_clusters
        1 over the sum of squared exposures: so many equal ones say as much.
    covered
        Mean of firms' shares that stand in cells with a shock.
    balance
    level
    """

    effect: float
    standard_error: float
    robust: ConfidenceSet
    naive_error: float
    first_stage: FirstStage | None
    firms: int
    cells: int
    clusters: int
    effective_cells: float
    effective_clusters: float
    covered: float
    balance: tuple[Balance, ...]
    level: float

    @property
    def few(self) -> bool:
        """Whether too few shocks count for their errors to be trusted."""
        return self.effective_clusters < FEW_SHOCKS


def shift_share(
    exposure: Exposure,
    outcome: Array,
    treatment: Array | None = None,
    controls: Array | None = None,
    *,
    settled: pd.DataFrame | None = None,
    weights: Array | None = None,
    level: float = 0.90,
) -> ShiftShare:
    """The equations above.

    Parameters
    ----------
    exposure
    outcome : (F,)
    treatment : (F,), optional
        The shock itself where none is given (the reduced form).
    controls : (F, K), optional
        A constant and the incomplete-share control are added.
    settled : DataFrame (F, .), optional
        Values settled before the shocks, for the test of balance; missing ones are set to the mean.
    weights : (F,), optional
    level
        Of intervals.

    Raises
    ------
    SampleError
        If there are too few firms or clusters of cells.
    InstrumentError
        If shocks do not vary within their groups.
    """
    w = np.ones(exposure.firms) if weights is None else weights
    clusters = len(np.unique(exposure.cluster[exposure.cell]))
    if exposure.firms < FEWEST_FIRMS or clusters < FEWEST_CLUSTERS:
        raise SampleError(
            f"{exposure.firms} firms in {clusters} clusters of shocks: at least {FEWEST_FIRMS} and {FEWEST_CLUSTERS} are needed."
        )
    shares = exposure.shares_by_group()
    known = [np.ones((exposure.firms, 1)), shares, *([] if controls is None else [controls])]
    w_root = np.sqrt(w)
    left = _Net(np.column_stack(known), w_root)
    pull = w[exposure.firm] * exposure.share
    shock = _centred(exposure, pull)
    if not np.abs(shock).max() > 1e-12:
        raise InstrumentError("Shocks do not vary within their groups of cells; there is nothing to compare.")
    z = exposure.of_firms(exposure.share * shock)
    z_net, y = left(z), left(outcome)
    d = z_net if treatment is None else left(treatment)
    cells = _Cells(exposure, pull * shock)
    total, slope = float(w @ (z * y)), float(w @ (z * d))
    effect = total / slope
    quantile = float(student.ppf(0.5 + level / 2, clusters - 1))
    spread = cells.variance(y - effect * d)
    first = None
    if treatment is not None:
        pi = slope / float(w @ (z * z_net))
        strength = slope**2 / cells.variance(d - pi * z_net)
        first = FirstStage(
            strength, float(2 * student.sf(math.sqrt(strength), clusters - 1)), pi**2 * float(w @ z_net**2) / float(w @ d**2)
        )  # fmt: skip
    weight = np.bincount(exposure.cell, pull, len(exposure.cluster)).astype(float)
    by_cluster = np.bincount(exposure.cluster, weight).astype(float)
    return ShiftShare(
        effect, math.sqrt(spread) / abs(slope),
        ConfidenceSet("over clusters of shocks, null imposed", level, _inverted(cells, y, d, total, slope, quantile)),
        math.sqrt(float(((w * z_net * (y - effect * d)) ** 2).sum())) / abs(slope),
        first, exposure.firms, len(np.unique(exposure.cell)), clusters, _effective(weight), _effective(by_cluster),
        float(np.average(shares.sum(1), weights=w)), _balance(settled, left, cells, z, w, clusters), level,
    )  # fmt: skip


class _Net:
    """Residuals of weighted least squares on controls."""

    def __init__(self, controls: Array, root: Array) -> None:
        basis, kept, _ = np.linalg.svd(controls * root[:, None], full_matrices=False)
        self._basis, self._root = basis[:, kept > 1e-9 * kept.max()], root

    def __call__(self, values: Array) -> Array:
        scaled = values * self._root
        net: Array = (scaled - self._basis @ (self._basis.T @ scaled)) / self._root
        return net


class _Cells:
    """Variances of sums over pairs, cells clustered as the exposure says."""

    def __init__(self, exposure: Exposure, lean: Array) -> None:
        self._exposure, self._lean = exposure, lean
        ways = [exposure.cluster] + ([] if exposure.second_cluster is None else [exposure.second_cluster])
        self._ways = [way[exposure.cell] for way in ways]

    def sums(self, residual: Array) -> list[Array]:
        moments = self._lean * residual[self._exposure.firm]
        return [np.bincount(way, moments).astype(float) for way in self._ways]

    def variance(self, residual: Array) -> float:
        return self.covariance(residual, residual)

    def covariance(self, one: Array, other: Array) -> float:
        return float(sum(a @ b for a, b in zip(self.sums(one), self.sums(other), strict=True)))


def _centred(exposure: Exposure, pull: Array) -> Array:
    """Shocks of pairs less the mean of their group of cells, (P,)."""
    group = exposure.group[exposure.cell]
    mean = np.bincount(group, pull * exposure.shock) / np.maximum(np.bincount(group, pull), 1e-300)
    return np.asarray(exposure.shock - mean[group])


def _inverted(
    cells: _Cells, y: Array, d: Array, total: float, slope: float, quantile: float
) -> tuple[tuple[float, float], ...]:
    """Where a quadratic in θ is not positive: an interval, two rays, everything or nothing."""
    c = quantile**2
    square = slope**2 - c * cells.variance(d)
    half = total * slope - c * cells.covariance(y, d)
    constant = total**2 - c * cells.variance(y)
    under = half**2 - square * constant
    if square > 0:
        root = math.sqrt(max(under, 0.0))
        return (((half - root) / square, (half + root) / square),)
    if under <= 0:
        return ((-math.inf, math.inf),)
    ends = sorted(((half - math.sqrt(under)) / square, (half + math.sqrt(under)) / square))
    return ((-math.inf, ends[0]), (ends[1], math.inf))


def _effective(weight: Array) -> float:
    return float(weight.sum() ** 2 / (weight**2).sum())


def _balance(
    settled: pd.DataFrame | None, left: _Net, cells: _Cells, z: Array, w: Array, clusters: int
) -> tuple[Balance, ...]:
    found = []
    z_net = left(z)
    slope = float(w @ (z * z_net))
    for name in [] if settled is None else settled:
        values = settled[name].to_numpy(float)  # type: ignore[index]
        values = np.where(np.isfinite(values), values, np.nanmean(values))
        r = left(values)
        if not r.std() > 1e-9 * (values.std() + 1e-300):  # a control itself is balanced by construction
            continue
        effect = float(w @ (z * r)) / slope
        error = math.sqrt(cells.variance(r - effect * z_net)) / abs(slope)
        unit = z_net.std() / r.std()
        chance = float(2 * student.sf(abs(effect) / error, clusters - 1)) if error > 0 else 1.0
        found.append(Balance(str(name), effect * unit, error * unit, chance))
    return tuple(found)
