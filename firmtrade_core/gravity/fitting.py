"""One fit by pyfixest, and its covariance: the only place that knows pyfixest's inner names."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from firmtrade_core.gravity.errors import ConvergenceError, RegressorError
from firmtrade_core.gravity.panel import Array, Integers
from firmtrade_core.gravity.sample import Sample, as_frame
from firmtrade_core.gravity.separation import separated_by_regressors

#: Of the demeaning of regressors.
DEMEANING_TOLERANCE = 1e-8

#: Of the deviance, relative to that of the demeaning; and its iterations at most.
DEVIANCE_TOLERANCE, MOST_ITERATIONS = 1e-4, 200

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


def fit(sample: Sample, *, poisson: bool, tolerance: float = DEMEANING_TOLERANCE) -> RawFit:
    """Estimate by Poisson pseudo-maximum likelihood or least squares, effects swept out.

    Parameters
    ----------
    sample
    poisson
    tolerance
        Of the demeaning. At 1e-6 coefficients keep six digits, in half the time that 1e-8 takes.

    Raises
    ------
    RegressorError
        If no regressor is left, naming what took them up.
    ConvergenceError
    """
    import pyfixest  # takes seconds to import

    frame, x, e = as_frame(sample)
    frame["row"] = np.arange(len(frame))
    # A common scale of regressors and flows does no harm and keeps the normal equations well conditioned.
    scale = np.where((s := np.abs(sample.regressors).max(0)) > 0, s, 1.0)
    frame[x] = sample.regressors / scale
    level = float(sample.outcome.mean()) if poisson else 1.0
    frame["y"] = sample.outcome / level
    if poisson and not e:
        # pyfixest looks for separation along effects only.
        frame = frame[~separated_by_regressors(sample.regressors, sample.outcome)].reset_index(drop=True)
    formula = f"y ~ {' + '.join(x)}" + (f" | {' + '.join(e)}" if e else "")
    options = {"demeaner": pyfixest.MapDemeaner(fixef_tol=tolerance, fixef_maxiter=100_000)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they say about collinearity and separation is counted instead
        try:
            if poisson:
                result = pyfixest.fepois(
                    formula,
                    frame,
                    vcov="iid",
                    fixef_rm="none",
                    separation_check=["ir"] if e else [],
                    iwls_tol=DEVIANCE_TOLERANCE * tolerance,
                    iwls_maxiter=MOST_ITERATIONS,
                    **options,
                )
            else:
                result = pyfixest.feols(formula, frame, vcov="iid", fixef_rm="none", **options)
        except (ValueError, np.linalg.LinAlgError, ZeroDivisionError) as error:
            raise _explained(error, sample) from error
    return _read(result, sample, scale, level, poisson)


def _read(result: object, sample: Sample, scale: Array, level: float, poisson: bool) -> RawFit:
    fitted = vars(result)
    if poisson and not fitted.get("convergence"):
        raise ConvergenceError(
            f"PPML did not converge in {MOST_ITERATIONS} iterations on {len(sample.rows):,} observations. "
            "Leave out regressors or effects that few observations identify."
        )
    names = [*fitted["_coefnames"]]
    if not names or names == ["Intercept"]:
        raise RegressorError(_all_collinear(sample))
    by_column = {f"x{k}": (term, scale[k]) for k, term in enumerate(sample.terms)}
    by_column["Intercept"] = (CONSTANT, 1.0)
    terms = tuple(by_column[n][0] for n in names)
    factor = np.array([by_column[n][1] for n in names])
    used = fitted["_data"]["row"].to_numpy().astype(np.int64)
    X, u = fitted["_X"], np.asarray(fitted["_u_hat"]).reshape(-1)
    bread = np.linalg.inv(X.T @ X)
    covariance = clustered_covariance(
        X * u[:, None], bread, {name: labels[used] for name, labels in sample.clusters.items()}
    ) / np.outer(factor, factor)
    coefficients = np.asarray(fitted["_beta_hat"], dtype=np.float64) / factor
    index = np.asarray(fitted["_Y_hat_link"], dtype=np.float64).reshape(-1)
    if poisson:
        index = index + np.log(level)
        if CONSTANT in terms:
            coefficients[terms.index(CONSTANT)] += np.log(level)
    return RawFit(
        terms=terms,
        collinear=tuple(t for t in sample.terms if t not in terms),
        coefficients=coefficients,
        covariance=covariance,
        index=index,
        used=used,
        goodness=_goodness(sample.outcome[used], np.exp(index) if poisson else index, poisson),
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
        f"{len(sample.rows):,} observations; drop effects or choose regressors that vary within them."
    )


def _explained(error: Exception, sample: Sample) -> Exception:
    text = str(error)
    if "collinear" in text.lower() or "singular" in text.lower() or "at least one array" in text:
        return RegressorError(_all_collinear(sample))
    return ConvergenceError(
        f"The estimation on {len(sample.rows):,} observations failed: {text or type(error).__name__}. Leave out "
        "regressors or effects that few observations identify."
    )
