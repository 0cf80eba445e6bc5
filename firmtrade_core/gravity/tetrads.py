"""The tetrad estimator of trade elasticities (CP15, equation 23)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firmtrade_core.gravity.errors import FlowError, RegressorError, TariffUnitError
from firmtrade_core.gravity.panel import PERCENT_SUSPECT
from firmtrade_core.labels import grouped

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TetradEstimate:
    """A tariff elasticity from ratios in which everything but asymmetric tariffs cancels.

    Parameters
    ----------
    elasticity
        ε of consumer values to tariffs.
    std_error
        By a jackknife over countries, which share triples.
    triples
        Used: all six flows positive, and tariffs that do not cancel out.
    zero_triples
        Left out because a flow is zero.
    flat_triples
        Without information: the tariffs cancel out.
    """

    elasticity: float
    std_error: float
    triples: int
    zero_triples: int
    flat_triples: int

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Normal confidence interval."""
        from scipy.stats import norm

        half = float(norm.ppf(0.5 + confidence / 2)) * self.std_error
        return self.elasticity - half, self.elasticity + half


def tetrads(
    flows: ArrayLike, tariffs: ArrayLike, *, flow_values: Literal["consumer", "border"] = "consumer"
) -> TetradEstimate:
    """Estimate ε in ln(X_ni X_ih X_hn / (X_in X_hi X_nh)) = -ε ln(T_ni T_ih T_hn / (T_in T_hi T_nh)) + error.

    Over all triples of countries n < i < h, T = 1 + t: origin and destination terms and symmetric trade costs
    cancel. Least squares without a constant.

    Parameters
    ----------
    flows, tariffs : (N, N)
        Origin by destination; tariffs as fractions. The diagonal is not used.
    flow_values : {"consumer", "border"}
        Border values fall by one more with tariffs than consumer values do (MODEL 3).

    Raises
    ------
    FlowError, RegressorError, TariffUnitError
        With counts.
    """
    X, t = np.asarray(flows, dtype=np.float64), np.asarray(tariffs, dtype=np.float64)
    n = len(X)
    if n < 4:
        raise FlowError(f"Triples of {n} countries leave nothing for errors; give at least four.")
    paying = (t > 0) & (X > 0) & ~np.eye(n, dtype=bool)
    if (t <= -1).any() or (paying.any() and np.average(t[paying], weights=X[paying]) > PERCENT_SUSPECT):
        high = int((t > PERCENT_SUSPECT).sum())
        raise TariffUnitError(
            f"{grouped(high)} of {grouped(t.size)} tariffs look like percent: divide by 100."
        )
    triples = np.array([*combinations(range(n), 3)])
    with np.errstate(divide="ignore", invalid="ignore"):
        trade, wedge = _cycle(np.log(X), triples), _cycle(np.log1p(t), triples)
    known = np.isfinite(trade)
    moving = known & (np.abs(wedge) > 1e-12)
    if int(moving.sum()) <= n:
        raise RegressorError(
            f"Of {grouped(len(triples))} triples {grouped(int((~known).sum()))} have a zero flow, and in "
            f"{grouped(int((known & ~moving).sum()))} tariffs cancel out; {grouped(int(moving.sum()))} are left, too few."
        )
    slope, spread = _slope_with_jackknife(trade[moving], wedge[moving], triples[moving], n)
    return TetradEstimate(
        elasticity=-slope - (flow_values == "border"),
        std_error=spread,
        triples=int(moving.sum()),
        zero_triples=int((~known).sum()),
        flat_triples=int((known & ~moving).sum()),
    )


def _cycle(logs: Array, triples: NDArray[np.int64]) -> Array:
    """Around the triangle one way less the other way, (triples,)."""
    a, b, c = triples.T
    difference: Array = logs[a, b] + logs[b, c] + logs[c, a] - logs[b, a] - logs[c, b] - logs[a, c]
    return difference


def _slope_with_jackknife(y: Array, x: Array, triples: NDArray[np.int64], n: int) -> tuple[float, float]:
    xy, xx = x * y, x * x
    without_xy, without_xx = (
        total.sum() - sum(np.bincount(corner, weights=total, minlength=n) for corner in triples.T)
        for total in (xy, xx)
    )
    present = np.bincount(triples.ravel(), minlength=n) > 0
    slopes = (without_xy / without_xx)[present]
    count = len(slopes)
    spread = np.sqrt((count - 1) / count * ((slopes - slopes.mean()) ** 2).sum())
    return float(xy.sum() / xx.sum()), float(spread)
