"""Instruments: how strongly they move the attribute, and confidence sets that hold however weakly they do.

With residuals y, d, z of the partially linear model and moments ``g_f(θ) = Σ_{i∈f} z_i (y_i - θ d_i)``, the clustered
Anderson-Rubin statistic is ``(F-1)/F (Σ g_f)' [Σ (g_f - ḡ)(g_f - ḡ)']⁻¹ (Σ g_f)``, Hotelling's T² with L degrees of freedom
at the true θ whatever the first stage; g_f includes what the firm does to the moments through the parameters of
capability. Its minimum over θ tests whether several instruments agree (L - 1 degrees).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import chi2
from scipy.stats import f as hotelling

from firmtrade_core.channels.crossfit import Residuals, firm_sums
from firmtrade_core.labels import probability

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Effective F below which intervals of the ordinary kind mislead (Stock, Wright and Yogo 2002: 10).
WEAK = 10.0

#: Significance at which an instrument counts as moving the attribute at all.
MOVES = 0.05

_GRID = 4001


@dataclass(frozen=True)
class FirstStage:
    """How the instruments move the attribute, net of controls.

    Parameters
    ----------
    effective_f
        Clustered, of Montiel Olea and Pflueger (2013); the robust F with one instrument.
    p_value
        That they move it not at all.
    explained
        Share of the attribute's residual variance that they explain.
    """

    effective_f: float
    p_value: float
    explained: float

    @property
    def moves(self) -> bool:
        """Whether they move the attribute beyond chance."""
        return self.p_value < MOVES

    @property
    def words(self) -> str:
        """Verdict in plain words."""
        if not self.moves:
            return f"predicts nothing (effective F {self.effective_f:.1f}, {probability(self.p_value)})"
        kind = "weak" if self.effective_f < WEAK else "strong"
        return f"{kind} (effective F {self.effective_f:.1f})"


@dataclass(frozen=True)
class ConfidenceSet:
    """Values of the effect that a test does not reject: intervals, possibly none, possibly without end.

    Parameters
    ----------
    test
        ``Anderson-Rubin, clustered`` or ``conditional likelihood ratio``.
    level
    parts
        Lower and upper ends, ascending; infinite where there is no end.
    note
        What the test takes for granted beyond valid instruments.
    """

    test: str
    level: float
    parts: tuple[tuple[float, float], ...]
    note: str = ""

    @property
    def bounded(self) -> bool:
        """Whether it is not empty and has both ends."""
        return bool(self.parts) and all(math.isfinite(end) for part in self.parts for end in part)

    @property
    def everything(self) -> bool:
        """Whether no value at all is rejected."""
        return self.parts == ((-math.inf, math.inf),)

    @property
    def hull(self) -> tuple[float, float]:
        """Smallest and largest value; NaN of an empty set."""
        if not self.parts:
            return math.nan, math.nan
        return self.parts[0][0], self.parts[-1][1]

    def contains(self, value: float) -> bool:
        """Whether a value belongs to it."""
        return any(low <= value <= high for low, high in self.parts)

    @property
    def words(self) -> str:
        """In plain words."""
        if not self.parts:
            return "no value fits all instruments: they contradict each other"
        if self.everything:
            return "every value fits: the instrument says nothing"
        return " or ".join(_interval(low, high) for low, high in self.parts)


def first_stage(residuals: Residuals, firm: Integers) -> FirstStage:
    """Strength of the instruments; see `FirstStage`."""
    z, d = residuals.instruments, residuals.treatment
    count = len(d)
    # Orthonormal instruments leave F as it is and simplify the rest.
    root = np.linalg.cholesky(np.linalg.pinv(z.T @ z / count) + 1e-14 * np.eye(z.shape[1]))
    z = z @ root
    moment = z.T @ d / count
    left = d - z @ moment
    scores = firm_sums(z * left[:, None], firm)
    variance = scores.T @ scores / count**2
    wald = float(moment @ np.linalg.pinv(variance) @ moment)
    return FirstStage(
        float(moment @ moment / np.trace(variance)),
        float(chi2.sf(wald, z.shape[1])),
        float(1 - left.var() / d.var()),
    )


def anderson_rubin(
    residuals: Residuals, firm: Integers, level: float, near: float, scale: float
) -> ConfidenceSet:
    """Clustered Anderson-Rubin set by inversion.

    Parameters
    ----------
    residuals
    firm : (R,)
    level
    near, scale
        Where the search is finest: an estimate and its error.
    """
    statistic, far = _statistic(residuals, firm)
    count, firms = residuals.instruments.shape[1], int(firm.max()) + 1
    # Hotelling: the moments' variance is estimated, which many instruments make felt.
    critical = count * (firms - 1) / (firms - count) * float(hotelling.ppf(level, count, firms - count))
    parts = _below(statistic, far, critical, near, scale)
    return ConfidenceSet("Anderson-Rubin, clustered", level, parts)


def overidentification(residuals: Residuals, firm: Integers, near: float, scale: float) -> float | None:
    """p-value that several instruments agree on one effect; None with one instrument."""
    from scipy.optimize import minimize_scalar

    count = residuals.instruments.shape[1]
    if count < 2:
        return None
    statistic, _ = _statistic(residuals, firm)
    found = minimize_scalar(statistic, bounds=(near - 20 * scale, near + 20 * scale), method="bounded")
    return float(chi2.sf(found.fun, count - 1))


def conditional_likelihood_ratio(residuals: Residuals, firm: Integers, level: float) -> ConfidenceSet:
    """Moreira's set, from firms' mean residuals: it assumes independent firms of equal variance (ivmodels).

    It knows neither sampling weights' own variance nor errors in the parameters of capability, and says so. With one instrument it is the Anderson-Rubin set under the same assumption.
    """
    from ivmodels.confidence_set import ConfidenceSet as Boundaries
    from ivmodels.tests import inverse_conditional_likelihood_ratio_test

    rows = np.bincount(firm)[:, None]
    columns = np.column_stack([residuals.outcome, residuals.treatment, residuals.instruments])
    means = firm_sums(columns, firm) / rows
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = inverse_conditional_likelihood_ratio_test(
            Z=means[:, 2:], X=means[:, 1:2], y=means[:, 0], alpha=1 - level
        )
    if not isinstance(found, Boundaries):
        found = Boundaries.from_quadric(found)
    parts = sorted((float(low), float(high)) for low, high in found.boundaries)
    note = "takes firms' variances as equal and the capability model's parameters as known"
    if np.ptp(residuals.root) > 0:
        note += "; sampling weights scale firms but do not make their variances unequal, as they would"
    return ConfidenceSet("conditional likelihood ratio", level, tuple(parts), note)


def _statistic(residuals: Residuals, firm: Integers) -> tuple[Callable[[float], float], float]:
    """The Anderson-Rubin statistic as a function of θ, and its limit far out."""
    at_zero = firm_sums(
        residuals.instruments * residuals.outcome[:, None] + residuals.generated_moments, firm
    )
    by_effect = firm_sums(residuals.instruments * residuals.treatment[:, None], firm)
    correction = (len(at_zero) - 1) / len(at_zero)
    total, slope = at_zero.sum(0), by_effect.sum(0)
    own, other = at_zero - at_zero.mean(0), by_effect - by_effect.mean(0)
    squares, cross, slopes = own.T @ own, own.T @ other, other.T @ other

    def of(moment: Array, variance: Array) -> float:
        return float(correction * moment @ np.linalg.solve(variance, moment))

    def at(effect: float) -> float:
        return of(total - effect * slope, squares - effect * (cross + cross.T) + effect**2 * slopes)

    return at, of(slope, slopes)


def _below(
    statistic: Callable[[float], float], far: float, critical: float, near: float, scale: float
) -> tuple[tuple[float, float], ...]:
    """Where a statistic lies below its critical value, searched on a grid that reaches to infinity."""
    angle = np.linspace(-math.pi / 2, math.pi / 2, _GRID)[1:-1]
    grid = near + scale * np.tan(angle)
    inside = np.array([statistic(float(point)) <= critical for point in grid])
    inside = np.concatenate([[far <= critical], inside, [far <= critical]])
    points = np.concatenate([[-math.inf], grid, [math.inf]])
    edges = [-math.inf] if inside[0] else []
    for position in np.flatnonzero(inside[1:] != inside[:-1]):
        edges.append(_edge(lambda point: statistic(point) - critical, points[position], points[position + 1]))
    edges += [math.inf] if inside[-1] else []
    return tuple(zip(edges[::2], edges[1::2], strict=True))


def _edge(gap: Callable[[float], float], low: float, high: float) -> float:
    if math.isinf(low) or math.isinf(high):
        return float(high if math.isinf(low) else low)
    return float(brentq(gap, low, high, xtol=1e-10))


def _interval(low: float, high: float) -> str:
    if math.isinf(low):
        return f"at most {high:+.3g}"
    if math.isinf(high):
        return f"at least {low:+.3g}"
    return f"{low:+.3g} to {high:+.3g}"
