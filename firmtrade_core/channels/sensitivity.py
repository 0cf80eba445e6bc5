"""How strong an omitted confounder must be to explain an effect away (Chernozhukov, Cinelli, Newey, Sharma, Syrgkanis 2022).

A confounder that explains a share ``cf_y`` of the outcome's residual variance, and raises what is known of the
attribute so that ``1 - cf_d`` of the precision is left, moves the effect by at most ``√(cf_y cf_d/(1-cf_d)) B`` with
``B² = σ² ν²``, the residual variance of the outcome over that of the attribute.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

from firmtrade_core.channels.crossfit import CrossFit, firm_sums
from firmtrade_core.channels.data import control_source
from firmtrade_core.channels.estimators import partially_linear_model, weighted_score
from firmtrade_core.channels.learners import out_of_fold
from firmtrade_core.labels.units import in_percent

Array = NDArray[np.float64]

#: Controls that omitted confounders are measured against: the strongest, as straight lines tell.
MOST_BENCHMARKS = 6


@dataclass(frozen=True)
class Benchmark:
    """An observed control taken as if it had been omitted.

    Parameters
    ----------
    control
    with_outcome, with_treatment
        cf_y and cf_d that it would have had.
    change
        Of the effect when it is left out.
    """

    control: str
    with_outcome: float
    with_treatment: float
    change: float


@dataclass(frozen=True)
class Sensitivity:
    """What omitted confounders could do to an effect.

    Parameters
    ----------
    robustness
        cf_y = cf_d that would bring the effect to zero.
    robustness_interval
        The same for the nearer end of its interval; 0 where it covers zero already.
    bias_scale
        B; the largest bias is ``√(cf_y cf_d/(1-cf_d)) B``.
    benchmarks
        Strongest first.
    low, high
        Bounds of the effect under a confounder as strong as the strongest benchmark, estimation error included.
    """

    robustness: float
    robustness_interval: float
    bias_scale: float
    benchmarks: tuple[Benchmark, ...]
    low: float
    high: float

    @property
    def words(self) -> str:
        """In plain words."""
        text = (
            f"A hidden trait would have to explain {in_percent(self.robustness)} of what is left of both capability and the "
            "attribute to bring the effect to zero."
        )
        if self.benchmarks:
            strongest = self.benchmarks[0]
            text += (
                f" {control_source(strongest.control).replace('_', ' ').capitalize()}, the strongest observed control, explains "
                f"{in_percent(strongest.with_outcome)} and {in_percent(strongest.with_treatment)}."
            )
        return text


def sensitivity(fits: CrossFit) -> Sensitivity:
    """Robustness values of the partially linear estimate, clustered by firm, and observed benchmarks."""
    lean = fits.data.treatment - fits.treatment().mean(0)
    model, generated = partially_linear_model(fits.leaning(lean, lean)), fits.influence(lean, lean)
    parts = [_influence(fits, model, generated, r) for r in range(fits.settings.repetitions)]
    effect = float(np.median([theta for theta, _, _, _ in parts]))
    scale = float(np.median([bias for _, bias, _, _ in parts]))
    quantile = float(norm.ppf(0.5 + fits.settings.level / 2))
    sign = 1.0 if effect >= 0 else -1.0

    def end(strength: float, side: float) -> float:
        """End of the interval of the effect moved by a bias of ``strength`` B towards ``side``, median of repetitions."""
        ends = []
        for theta, bias, by_effect, by_bias in parts:
            error = np.sqrt(((by_effect + side * strength * by_bias) ** 2).sum())
            ends.append(theta + side * (strength * bias + quantile * error))
        return float(np.median(ends))

    def remaining(value: float) -> float:
        return sign * end(value / np.sqrt(1 - value), -sign)

    ratio = (effect / scale) ** 2
    robustness = (-ratio + np.sqrt(ratio**2 + 4 * ratio)) / 2
    interval = 0.0 if remaining(0.0) <= 0 else float(brentq(remaining, 0.0, 0.9999))
    found = benchmarks(fits)
    strength = _strength(found[0].with_outcome, found[0].with_treatment) if found else 0.0
    return Sensitivity(float(robustness), interval, scale, found, end(strength, -1.0), end(strength, 1.0))


def _strength(with_outcome: float, with_treatment: float) -> float:
    return float(np.sqrt(with_outcome * with_treatment / max(1 - with_treatment, 1e-9)))


def _influence(
    fits: CrossFit, model: Any, generated: Array, repetition: int
) -> tuple[float, float, Array, Array]:
    """θ, B, and the influence by firm on both, of one repetition; B's leaves out what parameters of capability add."""
    data, weights = fits.data, fits.data.row_weights
    theta, psi, slope = weighted_score(model, repetition, weights)
    treated = (data.treatment - fits.treatment()[repetition]) ** 2
    # ψ = d (y - θ d) of the partially linear model, so that its residual is ψ over d.
    left = psi**2 / np.maximum(treated, 1e-300)
    variance, spread = (float(np.average(values, weights=weights)) for values in (left, treated))
    bias = np.sqrt(variance / spread)
    by_bias = weights * ((left - variance) / spread - variance * (treated - spread) / spread**2)
    by_effect = firm_sums(-(weights * psi + generated) / slope, data.firm)
    return theta, float(bias), by_effect, firm_sums(by_bias, data.firm) / (2 * bias * weights.sum())


def benchmarks(fits: CrossFit) -> tuple[Benchmark, ...]:
    """The strongest controls, each left out in turn with its learner kept; dummies of a category together."""
    data = fits.data
    weights = data.row_weights
    long = _loss(data.outcomes.capability - fits.outcome()[0], data.treatment - fits.treatment()[0], weights)
    found = []
    for source in _strongest(fits):
        rest = [control_source(column) != source for column in data.control_names]
        if not any(rest):
            continue
        predicted = [_without(fits, np.array(rest), name) for name in ("outcome", "treatment")]
        short = _loss(data.outcomes.capability - predicted[0], data.treatment - predicted[1], weights)
        found.append(
            Benchmark(
                source,
                float(np.clip((short[0] - long[0]) / long[0], 0, 1)),
                float(np.clip(short[1] / long[1] - 1, 0, 1)),
                short[2] - long[2],
            )
        )
    return tuple(sorted(found, key=lambda b: -b.with_outcome * b.with_treatment))


def _strongest(fits: CrossFit) -> list[str]:
    """Controls in order of what straight lines lose of outcome and attribute together without them."""
    data = fits.data
    root = np.sqrt(data.row_weights)[:, None]
    design = root * np.column_stack([np.ones(len(root)), data.controls.to_numpy(float)])
    targets = root * np.column_stack([data.outcomes.capability, data.treatment])
    gram = design.T @ design + 1e-8 * len(root) * np.eye(design.shape[1])
    inverse = np.linalg.inv(gram)
    slopes = inverse @ (design.T @ targets)
    names = np.array(["", *(control_source(column) for column in data.control_names)])

    def lost(source: str) -> float:
        # Of a block of coefficients b with covariance V: the squares that dropping it adds, b' V^-1 b.
        here = np.flatnonzero(names == source)
        added = slopes[here] * np.linalg.solve(inverse[np.ix_(here, here)], slopes[here])
        return float(np.prod(added.sum(0)))

    return sorted(dict.fromkeys(names[1:].tolist()), key=lambda source: -lost(source))[:MOST_BENCHMARKS]


def _without(fits: CrossFit, keep: NDArray[np.bool_], name: str) -> Array:
    data = fits.data
    classify = name == "treatment" and data.binary
    target = data.treatment if name == "treatment" else data.outcomes.capability
    return out_of_fold(
        fits.choices[name].learner, fits.controls[:, keep], target, fits.folds[0], classify=classify,
        seed=fits.settings.seed, weights=data.weights,
    )  # fmt: skip


def _loss(outcome: Array, treatment: Array, weights: Array) -> tuple[float, float, float]:
    """Residual variance of the outcome net of the attribute, of the attribute, and the effect."""
    variance = float(np.average(treatment**2, weights=weights))
    effect = float(np.average(outcome * treatment, weights=weights)) / variance
    return float(np.average((outcome - effect * treatment) ** 2, weights=weights)), variance, effect
