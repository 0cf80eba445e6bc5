"""Bootstrap by firm, warm-started from the estimate (MODEL 6, 9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.capability.data import CapabilityData
from firmtrade_core.capability.estimation import (
    State,
    capability_response,
    entry_response,
    one_thread,
    settle,
    simulate,
)
from firmtrade_core.capability.learners import CrossFit, cross_fit
from firmtrade_core.capability.likelihood import Scales, integrate
from firmtrade_core.capability.maximise import Fit, Parameters

Array = NDArray[np.float64]
Kind = Literal["firms", "model"]

#: Refits by draw. The likelihood has a flat ridge along the scale of κ; after one refit the spread of draws is a
#: quarter too small, after three it has settled.
REFITS = 3


@dataclass(frozen=True, eq=False)
class Draw:
    """One bootstrap estimate.

    Parameters
    ----------
    parameters
    m, g : (R,)
        Of the sample's own firms, by learners trained on the drawn ones without the firm's fold.
    m_learned, g_learned
        The learners behind them, if kept.
    weights : (F,), optional
        Of firms in the draw: their own times how often they were drawn.
    """

    parameters: Parameters
    m: Array
    g: Array
    m_learned: CrossFit | None
    g_learned: CrossFit | None
    weights: Array | None = None

    @property
    def scales(self) -> Scales:
        """σ_u, σ_ξ, σ_ν, ρ."""
        return self.parameters.scales


def bootstrap(
    data: CapabilityData,
    state: State,
    draws: int,
    *,
    kind: Kind = "firms",
    seed: int = 0,
    first: int = 0,
    keep_learners: bool = False,
    progress: Callable[[str, float], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[Draw, ...]:
    """Draw firms again and estimate anew from the estimate: Newton refits of m (and g) and of the parameters.

    Draw b depends on the seed and b alone, so a stopped run goes on where it was.

    Parameters
    ----------
    kind
        ``firms`` draws firms with replacement (robust; a firm drawn twice stays within one fold).
        ``model`` draws firms' shocks from the estimated model, attributes given.
    first
        Draws before it are left out: they were made already.
    cancelled
        Asked before every draw.
    """
    made: list[Draw] = []
    with one_thread():
        for number in range(first, draws):
            if cancelled():
                break
            made.append(_draw(data, state, kind, seed, number, keep_learners))
            if progress is not None:
                progress(f"bootstrap draw {number + 1} of {draws}", (number + 1) / draws)
    return tuple(made)


def _draw(data: CapabilityData, state: State, kind: Kind, seed: int, number: int, keep: bool) -> Draw:
    generator = np.random.default_rng([seed, number])
    if kind == "firms":
        count = data.firm_count
        times = np.bincount(generator.integers(count, size=count), minlength=count)
        drawn, at = data.reweighted(data.weights * times), state
    else:
        drawn = simulate(data, state.m, state.g, state.fit.parameters, generator)
        at = _pass(drawn, state)
    m_learned = g_learned = None
    for _ in range(REFITS):
        m, m_learned = _refit(drawn, at, "m", seed)
        at = replace(at, m=m)
        if state.g_learned is not None:
            g, g_learned = _refit(drawn, _pass(drawn, at), "g", seed)
            at = replace(at, g=g)
        at = settle(drawn, at, tolerance=1e-2)
    found = settle(drawn, at, tolerance=1e-3)
    learned = (m_learned, g_learned) if keep else (None, None)
    return Draw(found.fit.parameters, found.m, found.g, *learned, weights=drawn.weights)


def _refit(drawn: CapabilityData, state: State, stage: str, seed: int) -> tuple[Array, CrossFit]:
    response, weights = (capability_response if stage == "m" else entry_response)(drawn, state)
    learner = state.learner if stage == "m" else state.entry_learner
    learned = cross_fit(
        learner, drawn.attributes, response, weights, state.folds, drawn.attribute_names, seed
    )
    return learned.out_of_fold - np.average(learned.out_of_fold, weights=drawn.row_weights), learned


def _pass(data: CapabilityData, state: State) -> State:
    """The state with a pass over other data, at its parameters."""
    p = state.fit.parameters
    posterior = integrate(
        data, state.m, state.g, p.demand, p.threshold, p.scales, mode=state.fit.posterior.mode
    )
    fit = Fit(p, posterior, float(data.weights @ posterior.log_likelihood), 0)
    return replace(state, fit=fit)


def corrected_interval(estimate: float, draws: Array, level: float = 0.90) -> tuple[float, float]:
    """Interval about the estimate less its bias, by the draws' spread and Student's t with one less than draws.

    A learner trained on drawn firms errs more than one trained on all, about as much more as the latter errs
    against the truth, so the draws' mean measures the bias and percentiles would double it. Quantiles of few draws
    are noisy and reflect the wrong tail; in simulations they covered less.
    """
    from scipy.stats import t as student

    corrected = 2 * estimate - float(draws.mean())
    reach = float(student.ppf((1 + level) / 2, len(draws) - 1) * draws.std(ddof=1))
    return corrected - reach, corrected + reach
