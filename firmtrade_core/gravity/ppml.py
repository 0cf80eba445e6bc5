"""Poisson pseudo-maximum likelihood with fixed effects (SST06; Correia, Guimarães and Zylkin 2020, 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.gravity.errors import ConvergenceError
from firmtrade_core.gravity.panel import Array, Integers
from firmtrade_core.gravity.projection import Projector
from firmtrade_core.gravity.separation import separated_by_regressors, separated_with_effects
from firmtrade_core.labels import grouped

MOST_STEPS, MOST_RECTIFICATIONS = 200, 200

#: Of one regression of the rectifier, before the slower way that always ends is taken.
MOST_PASSES = 1_000

#: Of projections inside steps, relative: the next step mends what this one left, so that early ones need little.
LOOSE, TIGHT = 1e-2, 1e-6

#: Below this share of its own variance a regressor counts as explained by the effects and those before it.
COLLINEAR = 1e-9

#: A rectified variable counts as zero below this (Correia, Guimarães and Zylkin 2021).
SEPARATED = 1e-4


@dataclass(frozen=True, eq=False)
class PoissonFit:
    """Where the likelihood is highest.

    Parameters
    ----------
    used : (m,)
        Rows used; separated ones are out.
    kept : (K,)
        Columns that have a coefficient; where none has, nothing is fitted.
    coefficients : (K,)
    index : (m,)
        η, effects included.
    swept : (m, K)
        Regressors less their projection on the effects under the weights exp(η).
    """

    used: Integers
    kept: Integers
    coefficients: Array
    index: Array
    swept: Array


def poisson_fit(
    outcome: Array, regressors: Array, groups: Sequence[Integers], *, tolerance: float = 1e-10
) -> PoissonFit:
    """Maximise the Poisson pseudo-likelihood in coefficients and effects by Newton steps.

    Each step is a weighted regression of the working residual (y - λ)/λ on regressors and effects, with weights
    λ = exp(η); regressors are swept anew from where the last step left their projections.

    Parameters
    ----------
    outcome : (n,)
        Zero or more, in any unit.
    regressors : (n, K)
    groups
        Labels of each grouping, (n,); none means a constant, which the caller lists among the regressors.
    tolerance
        Of the step: the Newton decrement relative to the root of total outcome.

    Raises
    ------
    ConvergenceError
    """
    used = _not_separated(outcome, regressors, groups)
    y = outcome[used] / outcome[used].mean()
    x = regressors[used].astype(np.float64)
    effects = [labels[used] for labels in groups]
    projector = Projector(effects, len(y)) if effects else None
    kept = _independent(x, projector)
    x = x[:, kept]
    if not len(kept):
        return PoissonFit(used, kept, np.zeros(0), np.zeros(len(y)), x)
    eta = np.log((y + 1) / 2)
    beta = np.zeros(x.shape[1])
    own = None if projector is None else np.zeros(projector.effects)
    starts: list[Array | None] = [None] * x.shape[1]
    deviance, last, first, precision = np.inf, np.inf, True, LOOSE
    size = float(np.sqrt(y.sum()))
    for _ in range(MOST_STEPS):
        mean = np.exp(eta)
        residual = (y - mean) / mean + (eta if first else 0.0)
        swept, starts, explained = _sweep(projector, mean, x, residual, starts, precision)
        left = residual if projector is None else projector.residual(residual, explained)
        step = _least_squares(swept, mean, left)
        along = residual - (left - swept @ step)
        decrement = float(np.sqrt((mean * (along - eta if first else along) ** 2).sum()))
        drift = (
            None
            if projector is None
            else explained
            - sum(
                (b * a for b, a in zip(step, starts, strict=True) if a is not None),
                np.zeros(projector.effects),
            )
        )
        length, accepted = 1.0, False
        for _ in range(30):
            trial_beta = length * step + (0.0 if first else beta)
            trial_own = None if drift is None or own is None else length * drift + (0.0 if first else own)
            trial = x @ trial_beta + (
                0.0 if projector is None or trial_own is None else projector.expand(trial_own)
            )
            value = _deviance(y, trial)
            if first or value <= deviance + 1e-12 * abs(deviance):
                accepted = True
                break
            length /= 2
        if not accepted:
            break
        eta, beta, own, first = trial, trial_beta, trial_own, False
        # Rounding ends the climb where steps raise the likelihood no more and shrink no more.
        settled = decrement < tolerance * size or (value >= deviance and last <= decrement < 1e-5 * size)
        last = decrement
        precision = min(LOOSE, max(TIGHT, 0.1 * decrement / size))
        deviance = value
        if settled:
            break
    else:
        raise ConvergenceError(
            f"PPML did not converge in {MOST_STEPS} steps on {grouped(len(y))} observations. Leave out regressors or effects "
            "that few observations identify."
        )
    mean = np.exp(eta)
    if projector is not None:
        projector.reweigh(mean)
        swept = np.column_stack(
            [projector.residual(c, projector.fit(c, 1e-9, s)) for c, s in zip(x.T, starts, strict=True)]
        )
    else:
        swept = x
    return PoissonFit(used, kept, beta, eta + np.log(outcome[used].mean()), swept)


def _sweep(
    projector: Projector | None,
    mean: Array,
    x: Array,
    residual: Array,
    starts: list[Array | None],
    precision: float,
) -> tuple[Array, list[Array | None], Array]:
    """Regressors and residual on the effects under new weights: swept regressors, their effects, the residual's."""
    if projector is None:
        return x, starts, np.zeros(0)
    projector.reweigh(mean)
    found = [projector.fit(column, precision, start) for column, start in zip(x.T, starts, strict=True)]
    swept = np.column_stack([projector.residual(c, a) for c, a in zip(x.T, found, strict=True)])
    return swept, [*found], projector.fit(residual, precision)


def _least_squares(x: Array, weights: Array, values: Array) -> Array:
    weighted = x * weights[:, None]
    result: Array = np.linalg.solve(weighted.T @ x, weighted.T @ values).astype(np.float64)
    return result


def _deviance(y: Array, eta: Array) -> float:
    """Half the deviance up to a constant: Σ λ - y η."""
    with np.errstate(over="ignore"):
        value = float((np.exp(eta) - y * eta).sum())
    return value if np.isfinite(value) else np.inf


def _independent(x: Array, projector: Projector | None) -> Integers:
    """Columns that neither the effects nor the columns before them explain, (K,)."""
    kept: list[int] = []
    basis: list[Array] = []
    for k, column in enumerate(x.T):
        left = column.copy()
        if projector is not None:
            left = projector.residual(left, projector.fit(left, 1e-9))
        for other in basis:
            left = left - (left @ other) * other
        size = float(left @ left)
        if size > COLLINEAR * float(column @ column):
            kept.append(k)
            basis.append(left / np.sqrt(size))
    return np.array(kept, dtype=np.int64)


def _not_separated(outcome: Array, regressors: Array, groups: Sequence[Integers]) -> Integers:
    """Rows whose zeros are not predicted perfectly: the iterative rectifier of Correia, Guimarães and Zylkin (2021).

    A zero is separated where some combination of regressors and effects is zero at every positive flow, zero or more
    elsewhere, and positive there. Without effects a linear programme finds them; with effects regressions of the
    rectified last fit, in which positive flows weigh (almost) infinitely, find the largest such set; where these do not
    converge, the linear programme does, over combinations of effects as well.
    """
    zero = outcome == 0
    everything = np.arange(len(outcome))
    if not zero.any():
        return everything
    if not len(groups):
        return everything[~separated_by_regressors(regressors, outcome)]
    try:
        return everything[~_rectified(regressors, zero, groups)]
    except ConvergenceError:
        return everything[~separated_with_effects(regressors, outcome, groups)]


def _rectified(regressors: Array, zero: NDArray[np.bool_], groups: Sequence[Integers]) -> NDArray[np.bool_]:
    """Separated zeros by the iterative rectifier, (n,); raises ConvergenceError where its regressions are not found."""
    weights = np.where(zero, 1.0, (~zero).sum() / SEPARATED**2)
    projector = Projector(groups, len(zero))
    projector.reweigh(weights)
    swept = np.column_stack(
        [
            projector.residual(c, projector.fit(c, 1e-9, most=MOST_PASSES))
            for c in regressors.astype(np.float64).T
        ]
    )
    independent = _independent(swept, None)
    swept = swept[:, independent]
    target, start = zero.astype(np.float64), None
    for _ in range(MOST_RECTIFICATIONS):
        start = projector.fit(target, 1e-9, start, most=MOST_PASSES)
        left = projector.residual(target, start)
        explained = target - left + (swept @ _least_squares(swept, weights, left) if swept.shape[1] else 0.0)
        explained = np.where(
            ~zero | ((explained > -0.1 * SEPARATED) & (explained < SEPARATED)), 0.0, explained
        )
        if (explained >= 0).all():
            separated: NDArray[np.bool_] = explained > 0
            return separated
        target = np.where(zero, np.maximum(explained, 0.0), 0.0)
    raise ConvergenceError(f"Whether zeros are separated was not told in {MOST_RECTIFICATIONS} regressions.")
