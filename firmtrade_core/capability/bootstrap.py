"""Bootstrap by firm, warm-started from the estimate (MODEL 6, 9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.capability.data import CapabilityData
from firmtrade_core.capability.estimation import Stage, State, one_thread, refit, settle, simulate
from firmtrade_core.capability.learners import CrossFit, Layered
from firmtrade_core.capability.likelihood import Scales, integrate
from firmtrade_core.capability.maximise import Fit, Parameters, scalar_covariance
from firmtrade_core.jobs import CancelledError
from firmtrade_core.jobs.spread import spread, wanted

Array = NDArray[np.float64]
Kind = Literal["firms", "model"]

#: Refits by draw. The likelihood has a flat ridge along the scale of κ; after one refit the spread of draws is a
#: quarter too small, after three it has settled.
REFITS = 3


#: Errors of draws are taken to be at least this share of their median.
SMALLEST_ERROR = 0.2

#: Draws below which no interval is told, and below which how errors grow with a parameter cannot be seen.
FEWEST_DRAWS, FEWEST_FOR_SLOPE = 3, 10

#: Ranges of the draws beyond which an interval on a curved scale is not believed.
MOST_RANGES = 2.0


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
    covariance : (9, 9)
        Of the scalars, m and g given: see `maximise.scalar_covariance`.
    kind
        See `bootstrap`.
    weights : (F,), optional
        Of firms in the draw: their own times how often they were drawn.
    m_form, g_form
        Level and stretch that make m and g of the learners' predictions.
    """

    parameters: Parameters
    m: Array
    g: Array
    m_learned: CrossFit | None
    g_learned: CrossFit | None
    covariance: Array
    kind: Kind = "model"
    weights: Array | None = None
    m_form: tuple[float, float] = (0.0, 1.0)
    g_form: tuple[float, float] = (0.0, 1.0)

    @property
    def scales(self) -> Scales:
        """σ_u, σ_ξ, σ_ν, ρ."""
        return self.parameters.scales


def bootstrap(
    data: CapabilityData,
    state: State,
    draws: int,
    *,
    kind: Kind = "model",
    seed: int = 0,
    first: int = 0,
    keep_learners: bool = False,
    progress: Callable[[str, float], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[Draw, ...]:
    """Draw data again and estimate anew from the estimate: Newton refits of m (and g) and of the parameters.

    Draw b depends on the seed and b alone, so a stopped run goes on where it was.

    Parameters
    ----------
    kind
        ``model`` draws each firm's u, ξ and ν from the estimated model, attributes given: it sees the bias of the
        estimator itself, and in simulations its intervals covered more. ``firms`` draws firms with replacement,
        robust where the model is wrong (a firm drawn twice stays within one fold).
    first
        Draws before it are left out: they were made already.
    cancelled
        Asked before every draw.
    """
    made: list[Draw] = []
    if wanted():
        return _spread(data, state, range(first, draws), kind, seed, keep_learners, progress, cancelled)
    with one_thread():
        for number in range(first, draws):
            if cancelled():
                break
            made.append(_draw(data, state, kind, seed, number, keep_learners))
            if progress is not None:
                progress(f"bootstrap draw {number + 1} of {draws}", (number + 1) / draws)
    return tuple(made)


def _spread(
    data: CapabilityData,
    state: State,
    numbers: range,
    kind: Kind,
    seed: int,
    keep: bool,
    progress: Callable[[str, float], None] | None,
    cancelled: Callable[[], bool],
) -> tuple[Draw, ...]:
    """The same draws on a cluster; none of them where the work is called off."""

    def told(share: float, words: str) -> None:
        if cancelled():
            raise CancelledError
        if progress is not None:
            progress(words, (numbers.start + share * len(numbers)) / numbers.stop)

    try:
        found = spread(
            _one,
            list(numbers),
            shared=(data, state, kind, seed, keep),
            progress=told,
            words="bootstrap draw {done} of {all}",
        )
    except CancelledError:
        return ()
    return tuple(found)


def _one(data: CapabilityData, state: State, kind: Kind, seed: int, keep: bool, number: int) -> Draw:
    with one_thread():
        return _draw(data, state, kind, seed, number, keep)


def _draw(data: CapabilityData, state: State, kind: Kind, seed: int, number: int, keep: bool) -> Draw:
    generator = np.random.default_rng([seed, number])
    if kind == "firms":
        count = data.firm_count
        times = np.bincount(generator.integers(count, size=count), minlength=count)
        drawn, at = data.reweighted(data.weights * times), state
    else:
        drawn = simulate(data, state.m, state.g, state.fit.parameters, generator)
        at = _pass(drawn, state)
    if state.m_lines is not None:
        at = _with_lines(drawn, at, seed)
    else:
        # As the estimate was made: learners that it could not carry together would run away here.
        stages: tuple[Stage, ...] = ("m",) if state.g_learned is None else ("m", "g")
        for _ in range(REFITS):
            for stage in ("both",) if state.together else stages:
                at = settle(drawn, refit(drawn, at, stage, seed), tolerance=1e-2)
    # A flat ridge: a draw that stops early stays near the estimate, and the spread comes out too small.
    found = settle(drawn, at, tolerance=1e-5)
    learned = (found.m_learned, found.g_learned) if keep else (None, None)
    covariance = scalar_covariance(drawn, found.m, found.g, found.fit)
    return Draw(
        found.fit.parameters,
        found.m,
        found.g,
        *learned,
        covariance,
        kind,
        drawn.weights,
        found.m_form,
        found.g_form,
    )


def _with_lines(data: CapabilityData, state: State, seed: int) -> State:
    """Lines with all parameters, which walk the ridge at once, and one refit of what learners added to them."""
    at = refit(data, state, "lines", seed)
    kinds: tuple[tuple[Stage, CrossFit | None], ...] = (("m", state.m_learned), ("g", state.g_learned))
    for stage, learned in kinds:
        if learned is not None and isinstance(learned.predictors[0], Layered):
            at = settle(data, refit(data, at, stage, seed), tolerance=1e-2)
    return at


def _pass(data: CapabilityData, state: State) -> State:
    """The state with a pass over other data, at its parameters."""
    p = state.fit.parameters
    posterior = integrate(
        data, state.m, state.g, p.demand, p.threshold, p.scales, mode=state.fit.posterior.mode, home=p.home
    )
    fit = Fit(p, posterior, float(data.weights @ posterior.log_likelihood), 0)
    return replace(state, fit=fit)


def freedom_lost(data: CapabilityData, state: State) -> float:
    """Factor by which the spread of draws of firms falls short of the sampling error: parameters fitted to few sellers.

    Drawing firms again treats them as the population to which δ, k and the scalars were fitted; the spread is
    short by ``√(1 - p/n)`` as in a regression, with n the firms that sell anywhere. Draws from the model are not.
    """
    sellers = int(data.exports_anywhere.sum())
    fitted = 2 * int((data.cell_counts[0] > 0).sum()) + 5 + (state.g_learned is not None)
    return float(np.sqrt(sellers / max(sellers - fitted, 0.25 * sellers)))


def corrected_interval(
    estimate: float, draws: Array, errors: Array | None = None, level: float = 0.90, inflation: float = 1.0
) -> tuple[float, float]:
    """Interval about the estimate less its bias, by the draws' spread and Student's t with one less than draws.

    A learner trained on drawn firms errs more than one trained on all, about as much more as the latter errs
    against the truth, so the draws' mean measures the bias and percentiles would double it. Quantiles of few draws
    are noisy and reflect the wrong tail; in simulations they covered less.

    Parameters
    ----------
    errors : (B,), optional
        A standard error of each draw. Where they grow with the draws, as those of v_k do, the interval is
        made on the scale on which they would not (variance stabilisation, Tibshirani 1988).
    inflation
        See `freedom_lost`.

    Fewer than `FEWEST_DRAWS` tell no interval: NaN.
    """
    from scipy.stats import t as student

    if len(draws) < FEWEST_DRAWS:
        return float("nan"), float("nan")
    scale = _Stabilised.of(draws, errors)
    made = scale.forth(draws)
    corrected = 2 * float(scale.forth(np.array(estimate))) - float(made.mean())
    spread = float(made.std(ddof=1))
    if scale.slope:
        # On this scale the information matrix puts the error at one: two noisy measures of the same error, pooled.
        spread = float(np.sqrt((spread**2 + 1.0) / 2))
    reach = inflation * float(student.ppf((1 + level) / 2, len(draws) - 1)) * spread
    low, high = sorted((scale.back(corrected - reach), scale.back(corrected + reach)))
    farthest = MOST_RANGES * float(np.ptp(draws))
    if scale.slope and not (draws.min() - farthest <= low and high <= draws.max() + farthest):
        # Where draws collapse to a bound, errors do not follow a line, and the curved scale runs away with it.
        return corrected_interval(estimate, draws, None, level, inflation)
    return low, high


Domain = Literal["real", "positive", "share", "correlation"]

#: By domain, a scale without bounds, its inverse and its slope.
_SCALES: dict[Domain, tuple[Callable[[Array], Array], Callable[[float], float], Callable[[Array], Array]]] = {
    "real": (lambda v: v, lambda t: t, lambda v: np.ones_like(v)),
    "positive": (np.log, lambda t: float(np.exp(min(t, 700.0))), lambda v: 1 / v),
    "share": (lambda v: np.log(v / (1 - v)), lambda t: float(0.5 * (1 + np.tanh(t / 2))), lambda v: 1 / (v * (1 - v))),
    "correlation": (np.arctanh, lambda t: float(np.tanh(t)), lambda v: 1 / (1 - v**2)),
}  # fmt: skip
_ENDS: dict[Domain, tuple[float, float]] = {
    "real": (-np.inf, np.inf), "positive": (0.0, np.inf), "share": (0.0, 1.0), "correlation": (-1.0, 1.0),
}  # fmt: skip

#: Nearer to a bound than this share of the draws' reach, a number counts as lying at it.
AT_BOUND = 1e-3

#: Standard deviation of draws' logs beyond which intervals are made on the plain scale.
MOST_LOG_SPREAD = 0.7


@dataclass(frozen=True)
class Told:
    """An estimate less its bias, and an interval that holds the estimate itself and ends where the domain does.

    Parameters
    ----------
    corrected, low, high
        NaN with fewer than `FEWEST_DRAWS` draws.
    widened
        Whether the interval about the corrected value had to be widened to hold the estimate: the bias that the draws
        measure is larger than their spread.
    """

    corrected: float
    low: float
    high: float
    widened: bool = False


def told_interval(
    estimate: float,
    draws: Array,
    errors: Array | None = None,
    *,
    domain: Domain = "real",
    level: float = 0.90,
    inflation: float = 1.0,
) -> Told:
    """`corrected_interval` on a scale without bounds (logs, log odds, artanh), widened to hold the estimate.

    A number that cannot be negative gets no negative end, a share none beyond 0 and 1. Where some draws lie at a
    bound, which such a scale throws to infinity, the plain scale is used and cut at the bound.

    Parameters
    ----------
    estimate, draws, errors, level, inflation
        As in `corrected_interval`.
    domain
        Where the number lives.
    """
    if len(draws) < FEWEST_DRAWS:
        return Told(np.nan, np.nan, np.nan)
    least, most = _ENDS[domain]
    every = np.append(draws, estimate)
    reach = max(float(np.abs(every).max()), 1e-300) if domain == "positive" else 1.0
    inside = every.min() > least + AT_BOUND * reach and every.max() < most - AT_BOUND * reach
    if inside and domain == "positive":
        # Draws that part by factors have a scale that was not pinned down: logs would run away upwards.
        inside = float(np.log(draws).std(ddof=1)) < MOST_LOG_SPREAD
    forth, back, slope = _SCALES[domain if inside else "real"]
    here, made = forth(np.array(estimate, dtype=float)), forth(np.asarray(draws, dtype=float))
    scaled = None if errors is None else errors * slope(np.asarray(draws, dtype=float))
    ends = corrected_interval(float(here), made, scaled, level, inflation)
    low, high = np.clip([back(end) for end in ends], least, most)
    corrected = float(np.clip(back(2 * float(here) - float(made.mean())), low, high))
    return Told(corrected, float(min(low, estimate)), float(max(high, estimate)), not low <= estimate <= high)


@dataclass(frozen=True)
class _Stabilised:
    """A scale ``∫ dv / (level + slope v)`` on which standard errors are constant; straight where they would vanish."""

    level: float
    slope: float
    edge: float

    @classmethod
    def of(cls, draws: Array, errors: Array | None) -> _Stabilised:
        """From a line through errors against draws; the identity without errors or where they do not vary."""
        usable = (
            errors is not None
            and len(draws) >= FEWEST_FOR_SLOPE
            and np.isfinite(errors).all()
            and np.median(errors) > 0
            and np.ptp(draws) > 0
        )
        if errors is None or not usable:
            return cls(1.0, 0.0, 0.0)
        slope, level = np.polyfit(draws, errors, 1)
        typical = float(np.median(errors))
        if abs(slope) * draws.std() < 1e-6 * typical:
            return cls(1.0, 0.0, 0.0)
        return cls(float(level), float(slope), SMALLEST_ERROR * typical)

    def forth(self, values: Array) -> Array:
        """Onto the scale."""
        if self.slope == 0:
            return values
        line = self.level + self.slope * values
        curved: Array = np.log(np.maximum(line, self.edge)) / self.slope
        return curved + np.minimum(line - self.edge, 0.0) / (self.slope * self.edge)

    def back(self, values: float) -> float:
        """The inverse of `forth`."""
        if self.slope == 0:
            return values
        at_edge = np.log(self.edge) / self.slope
        beyond = self.slope * (values - at_edge)
        line = self.edge * np.exp(min(beyond, 50.0)) if beyond >= 0 else self.edge * (1 + beyond)
        return float((line - self.level) / self.slope)
