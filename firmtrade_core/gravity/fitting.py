"""One fit and its covariance: Poisson by our own climb, least squares by pyfixest, whose inner names only this file knows."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from firmtrade_core.gravity.errors import ConvergenceError, RegressorError
from firmtrade_core.gravity.panel import Array, Integers
from firmtrade_core.gravity.ppml import poisson_fit
from firmtrade_core.gravity.sample import Sample, as_frame
from firmtrade_core.labels import grouped

#: Of the last step or the demeaning.
TOLERANCE = 1e-10

CONSTANT = "constant"


@dataclass(frozen=True, eq=False)
class RawFit:
    """Coefficients of a sample.

    Parameters
    ----------
    terms
        Regressors that have a coefficient, the constant first where there are no effects.
    collinear
        Regressors that others and the effects explain, hence without a coefficient.
    coefficients : (K,)
    covariance : (K, K)
    index : (m,)
        Linear index, effects included, of the rows used.
    used : (m,)
        Positions in the sample; fewer than all where regressors separate some.
    goodness
        Within-sample measures by name.
    """

    terms: tuple[str, ...]
    collinear: tuple[str, ...]
    coefficients: Array
    covariance: Array
    index: Array
    used: Integers
    goodness: Mapping[str, float]


def fit(sample: Sample, *, poisson: bool, tolerance: float = TOLERANCE) -> RawFit:
    """Estimate by Poisson pseudo-maximum likelihood or least squares, effects swept out.

    Parameters
    ----------
    sample
    poisson
    tolerance
        Of the last step (PPML), or of the demeaning (least squares).

    Raises
    ------
    RegressorError
        If no regressor is left, naming what took them up.
    ConvergenceError
    """
    # A common scale of regressors does no harm and keeps the normal equations well conditioned.
    scale = np.where((s := np.abs(sample.regressors).max(0)) > 0, s, 1.0)
    try:
        return (_poisson if poisson else _linear)(sample, scale, tolerance)
    except (np.linalg.LinAlgError, ZeroDivisionError) as error:
        raise _explained(error, sample) from error


def _poisson(sample: Sample, scale: Array, tolerance: float) -> RawFit:
    terms, x = sample.terms, sample.regressors / scale
    if not sample.effects:
        terms, x, scale = (CONSTANT, *terms), np.column_stack([np.ones(len(x)), x]), np.append(1.0, scale)
    found = poisson_fit(sample.outcome, x, [*sample.effects.values()], tolerance=tolerance)
    kept = tuple(terms[k] for k in found.kept)
    if not set(kept) - {CONSTANT}:
        raise RegressorError(_all_collinear(sample))
    mean = np.exp(found.index)
    coefficients = found.coefficients / scale[found.kept]
    if CONSTANT in kept:
        coefficients[kept.index(CONSTANT)] += np.log(sample.outcome[found.used].mean())
    bread: Array = np.linalg.inv((found.swept * mean[:, None]).T @ found.swept).astype(np.float64)
    scores = found.swept * (sample.outcome[found.used] - mean)[:, None]
    return _assembled(
        sample, kept, coefficients, scores, bread, scale[found.kept], found.used, found.index, True
    )


def _linear(sample: Sample, scale: Array, tolerance: float) -> RawFit:
    import pyfixest  # takes seconds to import

    frame, x, e = as_frame(sample)
    frame[x] = sample.regressors / scale
    # Blanks around the bar and the plus signs: without them the library's errors hang on the order of its hashes.
    formula = f"y ~ {' + '.join(x)}" + (f" | {' + '.join(e)}" if e else "")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they say about collinearity is counted instead
        try:
            result = pyfixest.feols(
                formula,
                frame,
                vcov="iid",
                fixef_rm="none",
                demeaner=pyfixest.MapDemeaner(fixef_tol=tolerance, fixef_maxiter=100_000),
            )
        except ValueError as error:
            raise _explained(error, sample) from error
    fitted = vars(result)
    names = [*fitted["_coefnames"]]
    if not names or names == ["Intercept"]:
        raise RegressorError(_all_collinear(sample))
    by_column = {f"x{k}": (term, scale[k]) for k, term in enumerate(sample.terms)}
    by_column["Intercept"] = (CONSTANT, 1.0)
    terms = tuple(by_column[n][0] for n in names)
    factor = np.array([by_column[n][1] for n in names])
    X, u = fitted["_X"], np.asarray(fitted["_u_hat"]).reshape(-1)
    coefficients = np.asarray(fitted["_beta_hat"], dtype=np.float64) / factor
    index = np.asarray(fitted["_Y_hat_link"], dtype=np.float64).reshape(-1)
    used = np.arange(len(frame))
    return _assembled(
        sample, terms, coefficients, X * u[:, None], np.linalg.inv(X.T @ X), factor, used, index, False
    )


def _assembled(
    sample: Sample,
    terms: tuple[str, ...],
    coefficients: Array,
    scores: Array,
    bread: Array,
    scale: Array,
    used: Integers,
    index: Array,
    poisson: bool,
) -> RawFit:
    clusters = {name: labels[used] for name, labels in sample.clusters.items()}
    outcome, fitted = sample.outcome[used], np.exp(index) if poisson else index
    return RawFit(
        terms=terms,
        collinear=tuple(t for t in sample.terms if t not in terms),
        coefficients=coefficients,
        covariance=clustered_covariance(scores, bread, clusters) / np.outer(scale, scale),
        index=index,
        used=used,
        goodness=_goodness(outcome, fitted, poisson),
    )


def _goodness(outcome: Array, fitted: Array, poisson: bool) -> dict[str, float]:
    correlation = np.corrcoef(outcome, fitted)[0, 1] if np.ptp(fitted) > 0 else 0.0
    measures = {"squared correlation of actual and fitted": float(correlation**2)}
    if not poisson:
        return measures
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(outcome > 0, outcome * np.log(outcome / fitted), 0.0)
        null = np.where(outcome > 0, outcome * np.log(outcome / outcome.mean()), 0.0)
    deviance = 2 * float((part - outcome + fitted).sum())
    return measures | {"deviance": deviance, "deviance explained": 1 - deviance / (2 * float(null.sum()))}


def clustered_covariance(scores: Array, bread: Array, clusters: Mapping[str, Integers]) -> Array:
    """Sandwich covariance with any number of clusters (Cameron, Gelbach and Miller 2011).

    Sums over the clusters and their intersections, with alternating signs, each with G/(G-1), and times
    (n-1)/(n-K) with K the regressors alone, as the published tables do; without clusters White's, times n/(n-K).

    Parameters
    ----------
    scores : (n, K)
    bread : (K, K)
    clusters
        By name: integer labels, (n,).
    """
    n, k = scores.shape
    if not clusters:
        return bread @ (scores.T @ scores) @ bread * (n / (n - k))
    meat = np.zeros((k, k))
    for size in range(1, len(clusters) + 1):
        for chosen in combinations(clusters.values(), size):
            meat += (-1) ** (size + 1) * _meat(scores, chosen)
    if len(clusters) > 1:
        # Alternating signs may leave small negative variances; the nearest covariance has none.
        values, vectors = np.linalg.eigh(meat)
        meat = vectors * np.maximum(values, 0.0) @ vectors.T
    return bread @ meat @ bread * ((n - 1) / (n - k))


def _meat(scores: Array, clusters: tuple[Integers, ...]) -> Array:
    key = np.zeros(len(scores), dtype=np.int64)
    for labels in clusters:
        key = np.unique(key * (int(labels.max()) + 1) + labels, return_inverse=True)[1]
    groups = int(key.max()) + 1
    if groups < 2:
        raise RegressorError("Errors are clustered by something that has one value only; choose another.")
    sums = np.column_stack([np.bincount(key, weights=column, minlength=groups) for column in scores.T])
    meat: Array = (sums.T @ sums).astype(np.float64) * (groups / (groups - 1))
    return meat


def _all_collinear(sample: Sample) -> str:
    effects = ", ".join(sample.effects) or "the constant"
    return (
        f"All regressors ({', '.join(sample.terms)}) are explained by the effects ({effects}) in "
        f"{grouped(len(sample.rows))} observations; drop effects or choose regressors that vary within them."
    )


def _explained(error: Exception, sample: Sample) -> Exception:
    text = str(error)
    if "collinear" in text.lower() or "singular" in text.lower() or "at least one array" in text:
        return RegressorError(_all_collinear(sample))
    return ConvergenceError(
        f"The estimation on {grouped(len(sample.rows))} observations failed: {text or type(error).__name__}. Leave out "
        "regressors or effects that few observations identify."
    )
