"""Shrinkage of noisy estimates by random-effects meta-analysis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RandomEffects:
    """Estimates read as draws around a common mean: y_s = μ + u_s + e_s, u_s ~ N(0, τ²), e_s ~ N(0, v_s).

    Parameters
    ----------
    mean, mean_error
        μ and its standard error.
    spread
        τ: by how much true values differ, beyond what sampling explains.
    shrunk, shrunk_error : (S,)
        Each true value's best guess given all estimates, and its standard error with that of μ.
    heterogeneity
        I²: the share of the estimates' variance that is not sampling error.
    """

    mean: float
    mean_error: float
    spread: float
    shrunk: Array
    shrunk_error: Array
    heterogeneity: float

    @property
    def prediction_error(self) -> float:
        """Standard error for a value of which nothing is known but that it is one of these."""
        return float(np.hypot(self.spread, self.mean_error))


def random_effects(estimates: ArrayLike, errors: ArrayLike) -> RandomEffects:
    """Fit by restricted maximum likelihood (Viechtbauer 2005).

    Parameters
    ----------
    estimates, errors : (S,)
        Estimates and their standard errors, above zero; three or more.

    Raises
    ------
    ValueError
        With fewer than three, or errors that are not positive.
    """
    y, v = np.asarray(estimates, dtype=np.float64), np.asarray(errors, dtype=np.float64) ** 2
    if len(y) < 3 or not (np.isfinite(y).all() and np.isfinite(v).all() and (v > 0).all()):
        raise ValueError("Pooling needs at least three estimates with standard errors above zero.")
    tau2 = _restricted_likelihood(y, v)
    weight = 1 / (v + tau2)
    mean = float(weight @ y / weight.sum())
    variance = float(1 / weight.sum())
    own = tau2 / (tau2 + v)
    shrunk = own * y + (1 - own) * mean
    # Of a true value: what is left of its own noise, and of the mean's.
    shrunk_error = np.sqrt(own * v + (1 - own) ** 2 * variance)
    fixed = 1 / v
    q = float(fixed @ (y - fixed @ y / fixed.sum()) ** 2)
    return RandomEffects(
        mean=mean,
        mean_error=float(np.sqrt(variance)),
        spread=float(np.sqrt(tau2)),
        shrunk=shrunk,
        shrunk_error=shrunk_error,
        heterogeneity=max(0.0, 1 - (len(y) - 1) / q) if q > 0 else 0.0,
    )


def _restricted_likelihood(y: Array, v: Array) -> float:
    from scipy.optimize import minimize_scalar

    def deviance(root: float) -> float:
        weight = 1 / (v + root**2)
        mean = weight @ y / weight.sum()
        return float(-np.log(weight).sum() + np.log(weight.sum()) + weight @ (y - mean) ** 2)

    # The likelihood may have a second peak at zero: the best of a grid starts the search.
    grid = np.linspace(0, 3 * float(np.std(y)) + 1e-12, 61)
    best = int(np.argmin([deviance(root) for root in grid]))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(deviance, bounds=(low, high), method="bounded", options={"xatol": 1e-10})
    root = 0.0 if best == 0 and deviance(0.0) <= found.fun else float(found.x)
    return root**2
