"""Zeros that regressors predict exactly, where there are no effects: found by linear programming, without a tolerance on fits.

A zero flow is separated where some combination γ of the regressors is zero at every positive flow, not negative at any zero, and
positive there: along -γ the likelihood rises for ever and its coefficients do not exist (Santos Silva and Tenreyro 2010; Correia,
Guimarães and Zylkin 2021). The separated zeros are left out, which changes nothing in the coefficients that exist.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.gravity.errors import ConvergenceError
from firmtrade_core.gravity.panel import Array

#: Size, relative to the largest, below which a singular value or a value of a combination counts as zero.
_ZERO = 1e-9


def separated_by_regressors(regressors: Array, outcome: Array) -> NDArray[np.bool_]:
    """Which zeros the regressors, with a constant, predict exactly.

    Parameters
    ----------
    regressors : (n, K)
    outcome : (n,)
        Flows, zero or more.

    Returns
    -------
    (n,) of bool
        Never true of a positive flow.

    Raises
    ------
    ConvergenceError
        If the linear programme cannot be solved.
    """
    found = np.zeros(len(outcome), dtype=bool)
    zero = outcome == 0
    if not zero.any() or zero.all():
        return found
    scale = np.abs(regressors).max(0)
    matrix = np.column_stack([np.ones(len(outcome)), regressors / np.where(scale > 0, scale, 1.0)])
    free = _null_space(matrix[~zero])
    values = matrix[zero] @ free
    values[np.abs(values) < _ZERO] = 0.0
    if not values.any():
        return found
    # Rows that are alike are separated alike.
    distinct, which = np.unique(np.round(values, 10), axis=0, return_inverse=True)
    found[np.flatnonzero(zero)] = _positive_somewhere(distinct)[which.reshape(-1)]
    return found


def _null_space(matrix: Array) -> Array:
    """Combinations of the columns that are zero in every row, orthonormal, (K, r)."""
    _, sizes, rows = np.linalg.svd(np.linalg.qr(matrix, mode="r"))
    rank = int((sizes > _ZERO * max(sizes.max(initial=0.0), 1e-300)).sum())
    return np.asarray(rows[rank:].T, dtype=np.float64)


def _positive_somewhere(values: Array) -> NDArray[np.bool_]:
    """Rows that some γ makes positive while it makes none negative: max Σ t, 0 ≤ t ≤ 1, t ≤ values γ."""
    from scipy.optimize import linprog

    rows, size = values.shape
    objective = np.concatenate([np.zeros(size), -np.ones(rows)])
    limits = np.hstack([-values, np.eye(rows)])
    bounds = [(None, None)] * size + [(0.0, 1.0)] * rows
    solved = linprog(objective, A_ub=limits, b_ub=np.zeros(rows), bounds=bounds, method="highs")
    if not solved.success:
        raise ConvergenceError(f"Whether zeros are separated could not be told ({solved.message}).")
    # γ has no scale: a row that can be positive at all reaches 1.
    positive: NDArray[np.bool_] = solved.x[size:] > 0.5
    return positive
