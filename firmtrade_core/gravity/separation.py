"""Zeros that regressors and effects predict exactly: found by linear programming, without a tolerance on fits.

A zero flow is separated where some combination γ of the regressors is zero at every positive flow, not negative at any zero, and
positive there: along -γ the likelihood rises for ever and its coefficients do not exist (Santos Silva and Tenreyro 2010; Correia,
Guimarães and Zylkin 2021). The separated zeros are left out, which changes nothing in the coefficients that exist.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.gravity.errors import ConvergenceError
from firmtrade_core.gravity.panel import Array, Integers

#: Size, relative to the largest, below which a singular value or a value of a combination counts as zero.
_ZERO = 1e-9

#: The same for eigenvalues of a cross product, which are squares and known to rounding of the largest only.
_ZERO_SQUARE = 1e-11


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
    found[np.flatnonzero(zero)] = _separated(values)
    return found


def separated_with_effects(
    regressors: Array, outcome: Array, groups: Sequence[Integers]
) -> NDArray[np.bool_]:
    """Which zeros regressors and effects predict exactly: the same programme over combinations of both.

    The grouping with most levels is eliminated; the null space of the rest over positive flows is found from its cross
    product. Slower than the iterative rectifier, whose regressions may not converge where positive flows barely
    connect the effects, and right where it is not.

    Parameters
    ----------
    regressors : (n, K)
    outcome : (n,)
        Flows, zero or more.
    groups
        Labels of each grouping, (n,); at least one.

    Returns
    -------
    (n,) of bool
        Never true of a positive flow.

    Raises
    ------
    ConvergenceError
        If the linear programme cannot be solved.
    """
    from scipy import sparse

    found = np.zeros(len(outcome), dtype=bool)
    positive = outcome > 0
    if positive.all() or not positive.any():
        return found
    places = sorted(
        (np.unique(labels, return_inverse=True)[1].reshape(-1) for labels in groups),
        key=lambda at: int(at.max()),
    )
    rows = np.arange(len(outcome))
    dummies = [sparse.csr_matrix((np.ones(len(at)), (rows, at))) for at in places]
    scale = np.abs(regressors).max(0, initial=0.0)
    columns = sparse.hstack(
        [*dummies[:-1], sparse.csr_matrix(regressors / np.where(scale > 0, scale, 1.0))], format="csr"
    )
    own = dummies[-1]
    counts = np.asarray(own[positive].sum(0)).reshape(-1)
    # A group without any positive flow is separated by its own effect.
    found |= ~positive & (counts[places[-1]] == 0)
    means = sparse.diags(1 / np.maximum(counts, 1.0)) @ (own[positive].T @ columns[positive])
    cross = columns[positive].T @ columns[positive] - means.T @ sparse.diags(counts) @ means
    sizes, vectors = np.linalg.eigh(cross.toarray())
    free = vectors[:, sizes < _ZERO_SQUARE * max(float(sizes[-1]), 1e-300)]
    left = np.flatnonzero(~positive & ~found)
    values = (columns[left] - means[places[-1][left]]) @ free
    values[np.abs(values) < _ZERO_SQUARE**0.5] = 0.0
    found[left] |= _separated(values)
    return found


def _separated(values: Array) -> NDArray[np.bool_]:
    """Rows that a combination of the columns, (m, r), makes positive while it makes none negative."""
    found = np.zeros(len(values), dtype=bool)
    told = np.flatnonzero(values.any(1))
    if len(told):
        # Rows that are alike are separated alike.
        distinct, which = np.unique(np.round(values[told], 10), axis=0, return_inverse=True)
        found[told] = _positive_somewhere(distinct)[which.reshape(-1)]
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
