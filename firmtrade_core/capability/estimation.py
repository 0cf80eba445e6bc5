"""Structural boosting: latent capability, selection into markets and sales, with m and g learned (MODEL 6).

Each round maximises the marginal likelihood over market effects and scales, then refits m on each firm's posterior
mean of u, unshrunk: ``m + E[u]/(1 - V[u]/σ_u²)`` with weights ``(1 - V[u]/σ_u²)/σ_u²``. This is the Newton step
of the marginal likelihood in m, with the same fixed point as EM on posterior means and none of its slow tail. It
also keeps cross-fitting honest: to first order the response depends on the firm's own sales alone, not on the m that
other folds helped to fit. With two indices m alone would take what entry says of g, and give it back slowly. So, once
m has a first fit, it takes Newton steps on the sales terms while the entry index m + g stands still, and g follows with
Newton steps on the entry terms. A refit that lowers the marginal likelihood of the held-out folds is not taken.
"""

from __future__ import annotations

import importlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from firmtrade_core.capability.data import PRESENT, CapabilityData
from firmtrade_core.capability.learners import (
    CrossFit,
    Layered,
    Learner,
    Linear,
    Trial,
    cross_fit,
    line_columns,
    search,
)
from firmtrade_core.capability.maximise import Fit, Parameters, maximise, slopes_without, start
from firmtrade_core.labels import grouped

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Progress = Callable[[str, float], None]
Stage = Literal["m", "g", "both", "lines"]

#: Share of its expected value below which the observed curvature in g is not trusted.
LEAST_CURVATURE = 0.05


#: The same where m and g have their lines already: a shrunken index may forecast a little better than the true one.
LEAST_GAIN_OVER_LINES = 2.0

#: Tail from which an exponentially modified law of u is tried, and τ from which tastes that follow u are.
FIRST_TAIL, FIRST_FOLLOWS = 0.7, -0.1

#: Refusals in a row after which a kind of refit is not tried again.
MOST_REFUSALS = 2

#: Gain in log likelihood from which a refit is taken: above what steps and sums leave to chance.
LEAST_GAIN = 0.01


@dataclass(frozen=True)
class Settings:
    """How capability is estimated.

    Parameters
    ----------
    learner, entry_learner
        Of m and of g.
    two_indices
        Whether g is estimated; otherwise attributes move entry through capability alone (g = 0).
    folds
        Of cross-fitting, by firm.
    tune
        Search the learners' settings by cross-validation; otherwise use them as given.
    rounds
        Most rounds of refitting.
    tolerance
        Stop when a round adds less than this to the log likelihood.
    seed
    law
        Of unexplained capability and tastes: ``normal``, or ``chosen``: u exponentially modified, or the spread of tastes
        following u, whichever gains more, where the likelihood gains more than the Bayesian information criterion asks
        for one more parameter.
    """

    learner: Learner = field(default_factory=Learner)
    entry_learner: Learner = field(default_factory=lambda: Learner(base="linear", penalty=10.0))
    two_indices: bool = False
    folds: int = 5
    tune: bool = True
    rounds: int = 12
    tolerance: float = 0.5
    seed: int = 0
    law: Literal["chosen", "normal"] = "chosen"

    def __post_init__(self) -> None:
        if not 2 <= self.folds <= 20:
            raise ValueError(f"{self.folds} folds: give 2 to 20.")


@dataclass(frozen=True)
class Step:
    """One line of the record of an estimation.

    Parameters
    ----------
    stage
        ``parameters``, ``m``, ``g``, ``both``: m and g together, or ``lines`` beneath them.
    log_likelihood
        Marginal, at cross-fitted m and g.
    taken
        False of a refit that did not raise it by `LEAST_GAIN` and was not taken.
    seconds
        Since the start.
    """

    stage: Literal["parameters", "m", "g", "both", "lines"]
    log_likelihood: float
    taken: bool
    seconds: float


@dataclass(frozen=True, eq=False)
class State:
    """Where an estimation stands; all that a warm start needs.

    Parameters
    ----------
    fit
        Parameters and the last pass over firms.
    m, g : (R,)
        Cross-fitted, weighted means zero.
    m_form, g_form : (level, stretch)
        How the learners' predictions become m and g: ``stretch x (prediction - level)``.
    m_learned, g_learned
        The learners by fold; None before their first fit, and of g with one index.
    learner, entry_learner
        As tuned.
    folds : (R,)
    together
        Whether learning m and g together ever raised the likelihood: thin panels carry it only one after the other.
    m_lines, g_lines
        By fold, the lines on top of which learners work: found with all parameters at once (`straightened`).
    """

    fit: Fit
    m: Array
    g: Array
    m_form: tuple[float, float]
    g_form: tuple[float, float]
    m_learned: CrossFit | None
    g_learned: CrossFit | None
    learner: Learner
    entry_learner: Learner
    folds: Integers
    together: bool = False
    m_lines: tuple[Linear, ...] | None = None
    g_lines: tuple[Linear, ...] | None = None


@contextmanager
def one_thread() -> Iterator[None]:
    """Libraries' own threads switched off: many small products and trees gain nothing and wait on each other."""
    # A limit reaches only libraries already loaded.
    importlib.import_module("sklearn.ensemble")
    with threadpool_limits(1):
        yield


@dataclass(frozen=True)
class Identification:
    """What the data cannot tell.

    Parameters
    ----------
    fixed
        Scales held at their starting value, by name.
    statements
        In plain words.
    """

    fixed: tuple[str, ...]
    statements: tuple[str, ...]


def identification(data: CapabilityData) -> Identification:
    """Which scales the sample identifies: u and ξ part only where firms are seen in several markets or years."""
    sellers, _ = data.cell_counts
    markets = int((sellers.sum(0) > 0).sum())
    years_count = bool((data.temper == 1).all()) and data.firm_count < len(data.firm)
    fixed: tuple[str, ...] = ()
    said = []
    if markets == 1 and not years_count:
        fixed = ("correlation",)
        said.append(
            "Firms are seen in one market, where years count once: unexplained capability, luck in sales and demand "
            "known at entry cannot all be told apart. ρ is fixed at 0; σ_u then absorbs demand known at entry."
        )
    elif markets == 1:
        said.append(
            "There is one market: a firm's lasting taste for it counts as capability u; the two cannot be separated."
        )
    if data.exports_anywhere.all():
        said.append(
            "Every firm sells somewhere: with no never-exporters, thresholds rest on sellers' absences alone."
        )
    return Identification(fixed, tuple(said))


def firm_folds(data: CapabilityData, count: int, seed: int) -> Integers:
    """Folds (R,) by firm, exporters and others spread evenly over them."""
    generator = np.random.default_rng(seed)
    fold = np.empty(data.firm_count, dtype=np.int64)
    for group in (data.exports_anywhere, ~data.exports_anywhere):
        members = generator.permutation(np.flatnonzero(group))
        fold[members] = np.arange(len(members)) % count
    return fold[data.firm]


def capability_response(data: CapabilityData, state: State) -> tuple[Array, Array]:
    """Response (R,) and weights (R,) of the refit of m: Newton steps; of a normal u, unshrunk posterior means."""
    posterior, variance = state.fit.posterior.by_row(data), state.fit.parameters.scales.sigma_u**2
    # What a firm's data tell of its κ, as a share of what they could.
    information = np.clip(posterior.prior_information * variance, 1e-6, 1.0)
    if state.fit.parameters.scales.tail > 0 or state.fit.parameters.scales.follows != 0:
        # The density of a fat tail, or of tastes that follow u, is not concave enough for single firms; the spread of the posterior tells as much.
        information = np.clip(1 - posterior.variance / variance, LEAST_CURVATURE, 1.0)
    response = state.m + posterior.prior_score * variance / information
    return response, data.row_weights * information / variance


def entry_response(data: CapabilityData, state: State) -> tuple[Array, Array]:
    """Response (R,) and weights (R,) of the refit of g: Newton steps on the score of the entry terms."""
    posterior = state.fit.posterior.by_row(data)
    expected = np.abs(posterior.entry_curvature) + posterior.entry_score**2
    curvature = np.maximum(posterior.entry_curvature, LEAST_CURVATURE * expected + 1e-8)
    response = state.g + posterior.entry_score / curvature
    return response, data.row_weights * curvature


def sales_response(data: CapabilityData, state: State) -> tuple[Array, Array]:
    """Response (R,) and weights (R,) of the refit of m at a given entry index m + g: Newton steps on the sales terms.

    The information of n sales with u unknown is ``n/σ_ξ² (1 - V n/σ_ξ²)``, V the posterior variance of u; sales shocks
    are known up to ``σ_ξ² (1-ρ²)`` once entry is.
    """
    posterior, scales = state.fit.posterior, state.fit.parameters.scales
    spread = scales.taste_at(posterior.by_row(data).mean)
    told = (data.presence == PRESENT).sum(1) / (spread**2 * (1 - scales.correlation**2))
    if data.home_sales is not None:
        told = told + np.isfinite(data.home_sales) / scales.sigma_home**2
    of = posterior if posterior.rows is None else posterior.rows
    score = of.demand_scores.sum(1) + of.home_score
    if posterior.rows is None:
        told, score = (_by_firm(data, values)[data.firm] for values in (told, score))
    variance = posterior.by_row(data).variance
    information = told * np.clip(1 - variance * told, LEAST_CURVATURE, 1.0)
    step = np.divide(score, information, out=np.zeros_like(score), where=information > 0)
    # Firms that sell nowhere say nothing here, but every learner wants positive weights.
    return state.m + step, data.row_weights * (information + 1e-6)


def _by_firm(data: CapabilityData, values: Array) -> Array:
    total: Array = np.add.reduceat(values, data.starts[:-1])
    return total


def refit(data: CapabilityData, state: State, stage: Stage, seed: int) -> State:
    """Learn m, g, or both anew and recentre, parameters as they are.

    Parameters
    ----------
    stage
        ``m`` with g given; ``g`` with m given; ``both``: m on sales at a given entry index, then g on entry;
        ``lines``: the lines beneath both, with all parameters.
    """
    if stage == "lines":
        two = state.g_lines is not None
        return straightened(data, released(data, state), two_indices=two, tolerance=0.05)
    if stage == "both":
        moved = _learned(data, state, "m", *sales_response(data, state), seed)
        moved = settle(data, replace(moved, g=state.g + state.m - moved.m), tolerance=0.5)
        return _learned(data, moved, "g", *entry_response(data, moved), seed)
    response = capability_response if stage == "m" else entry_response
    return _learned(data, state, stage, *response(data, state), seed)


def _learned(
    data: CapabilityData, state: State, index: Literal["m", "g"], response: Array, weights: Array, seed: int
) -> State:
    learner = state.learner if index == "m" else state.entry_learner
    lines = state.m_lines if index == "m" else state.g_lines
    learned = cross_fit(
        learner, data.attributes, response, weights, state.folds, data.attribute_names, seed, lines
    )
    level = float(np.average(learned.out_of_fold, weights=data.row_weights))
    values = learned.out_of_fold - level
    if index == "m":
        return replace(state, m=values, m_form=(level, 1.0), m_learned=learned)
    return replace(state, g=values, g_form=(level, 1.0), g_learned=learned)


def climb(
    data: CapabilityData,
    settings: Settings,
    state: State | None = None,
    *,
    progress: Progress | None = None,
) -> tuple[State, tuple[Step, ...], dict[str, tuple[Trial, ...]]]:
    """Rounds of maximising and refitting until the likelihood stands still.

    Returns the final state, the record of likelihoods, and the search traces by index name.
    """
    with one_thread():
        return _Climb(data, settings, progress).run(state)


def settle(data: CapabilityData, state: State, tolerance: float) -> State:
    """Maximise over market effects, scales and the stretches of m and g, and stretch these."""
    fit = maximise(
        data, state.m, state.g, state.fit.parameters, mode=state.fit.posterior.mode, tolerance=tolerance
    )
    of_m, of_g = fit.parameters.stretch
    return replace(
        state,
        fit=replace(
            fit, parameters=replace(fit.parameters, stretch=(1.0, 1.0), fixed=state.fit.parameters.fixed)
        ),
        m=of_m * state.m,
        g=of_g * state.g,
        m_form=(state.m_form[0], state.m_form[1] * of_m),
        g_form=(state.g_form[0], state.g_form[1] * of_g),
        m_lines=_stretched(state.m_lines, of_m),
        g_lines=_stretched(state.g_lines, of_g),
    )


def _stretched(lines: tuple[Linear, ...] | None, by: float) -> tuple[Linear, ...] | None:
    if lines is None:
        return None
    return tuple(line.steeper(np.zeros(2 * len(line.slopes)), by) for line in lines)


def released(data: CapabilityData, state: State) -> State:
    """The state without its lines: m and g as far as learners add to these, so that lines can be found anew.

    Lines found on top of a firm's cross-fitted ones would make up for what its own firms were left out of.
    """
    found: dict[str, object] = {}
    for name in ("m", "g"):
        lines: tuple[Linear, ...] | None = getattr(state, f"{name}_lines")
        learned: CrossFit | None = getattr(state, f"{name}_learned")
        if lines is None or learned is None:
            continue
        more = [p.more for p in learned.predictors if isinstance(p, Layered)]
        if not more:
            found |= {name: np.zeros(len(data.firm)), f"{name}_learned": None, f"{name}_form": (0.0, 1.0)}
        else:
            values = np.empty(len(data.firm))
            for fold, predictor in enumerate(more):
                held = state.folds == fold
                values[held] = predictor.predict(data.attributes[held])
            level, by = float(np.average(values, weights=data.row_weights)), getattr(state, f"{name}_form")[1]
            found[name] = by * (values - level)
            found[f"{name}_learned"] = CrossFit(tuple(more), values, learned.loss)
            found[f"{name}_form"] = (level, by)
        found[f"{name}_lines"] = None
    return replace(state, **found)  # type: ignore[arg-type]


def straightened(data: CapabilityData, state: State, *, two_indices: bool, tolerance: float) -> State:
    """Lines in all attributes added to m and g, found with the market effects and scales in one maximisation.

    m and g apart, learned in turn, creep along a ridge: what g lacks m holds, and σ_ν is small enough to make up for it.
    A quasi-Newton climb over both indices' slopes and all parameters walks it in a few steps, from any start. A firm
    gets the slopes that its fold's firms would leave (`maximise.slopes_without`), so that m and g stay cross-fitted.
    """
    flat, design = line_columns(data.attributes, data.row_weights)
    fixed = state.fit.parameters.fixed
    held = fixed if two_indices else (*fixed, "slopes_g")
    fit = maximise(
        data, state.m, state.g, replace(state.fit.parameters, fixed=held),
        mode=state.fit.posterior.mode, tolerance=tolerance, design=design,
    )  # fmt: skip
    slopes = slopes_without(data, state.m, state.g, fit, design, state.folds)
    of_m, of_g = fit.parameters.stretch
    added = np.einsum("rk,rik->ir", design, slopes[state.folds])
    found: dict[str, object] = {}
    for number, (name, stretch) in enumerate((("m", of_m), ("g", of_g))):
        if name == "g" and not two_indices:
            continue
        earlier = getattr(state, f"{name}_lines")
        lines = tuple(
            (flat if earlier is None else earlier[k]).steeper(slopes[k, number], stretch)
            for k in range(len(slopes))
        )
        learned: CrossFit | None = getattr(state, f"{name}_learned")
        level, by = getattr(state, f"{name}_form")
        values = stretch * getattr(state, name) + added[number]
        shift = float(np.average(values, weights=data.row_weights))
        if learned is None:
            fitted = CrossFit(lines, values, float("nan"))
        else:
            # On the learners' own scale, so that one form goes on to make m of their predictions.
            more = tuple(
                Layered(flat.steeper(slopes[k, number] / (by * stretch)), predictor)
                for k, predictor in enumerate(learned.predictors)
            )
            fitted = CrossFit(more, learned.out_of_fold + added[number] / (by * stretch), learned.loss)
        form = (level + shift / (by * stretch), by * stretch)
        found |= {
            f"{name}_lines": lines,
            f"{name}_learned": fitted,
            f"{name}_form": form,
            name: values - shift,
        }
    kept = replace(fit.parameters, stretch=(1.0, 1.0), fixed=fixed, slopes=None)
    moved = replace(state, fit=replace(fit, parameters=kept), **found)  # type: ignore[arg-type]
    return settle(data, moved, tolerance)


class _Climb:
    def __init__(self, data: CapabilityData, settings: Settings, progress: Progress | None) -> None:
        self.data, self.settings, self.progress = data, settings, progress
        self.began = time.perf_counter()
        self.record: list[Step] = []
        self.trials: dict[str, tuple[Trial, ...]] = {}
        self.progress_part = 0.0, 1.0

    def run(self, state: State | None) -> tuple[State, tuple[Step, ...], dict[str, tuple[Trial, ...]]]:
        warm = state is not None
        if state is None:
            state = self._begin()
            if self.settings.learner.kind == "boosting" and not self.settings.learner.signs:
                two = self.settings.two_indices
                state = straightened(self.data, state, two_indices=two, tolerance=0.05)
                self._note("lines", state.fit.log_likelihood)
        phases = self._phases(warm, state.m_lines is not None)
        for number, stages in enumerate(phases):
            self.progress_part = number / len(phases), 1 / len(phases)
            state = self._turns(state, stages, warm)
        p = state.fit.parameters
        if self.settings.law == "chosen" and p.scales.tail == 0 and p.scales.follows == 0:
            state = self._other_law(state, phases[-1])
        state = settle(self.data, state, tolerance=1e-6)
        self._note("parameters", state.fit.log_likelihood)
        return state, tuple(self.record), self.trials

    def _other_law(self, state: State, stages: tuple[Stage, ...]) -> State:
        """An exponentially modified law of u, or tastes that follow it, and m learned anew, where one gains enough.

        The two look alike, so the better of them is taken: fat tails make sales of the most capable seem alike.
        """
        p = state.fit.parameters
        asked, best = 0.5 * float(np.log(self.data.firm_count)), state
        laws = [replace(p.scales, tail=FIRST_TAIL)]
        if (
            int((self.data.cell_counts[0].sum(0) > 0).sum()) > 1
        ):  # of one market u and ξ are hardly told apart
            laws.append(replace(p.scales, follows=FIRST_FOLLOWS))
        for scales in laws:
            tried = replace(state, fit=replace(state.fit, parameters=replace(p, scales=scales)))
            tried = settle(self.data, tried, tolerance=0.05)
            least = best.fit.log_likelihood + (asked if best is state else 0.0)
            taken = tried.fit.log_likelihood >= least
            self._note("parameters", tried.fit.log_likelihood, taken)
            if taken:
                best = tried
        return state if best is state else self._turns(best, stages, True)

    def _phases(self, warm: bool, lined: bool) -> tuple[tuple[Stage, ...], ...]:
        """Kinds of refit, in turn until none gains: each alone first, which finds the scales, then together."""
        if lined:
            return (("m", "lines") if not self.settings.two_indices else ("m", "g", "lines"),)
        if not self.settings.two_indices:
            return (("m",),)
        return (("both", "m", "g"),) if warm else (("m", "g"), ("both", "m", "g"))

    def _turns(self, state: State, stages: tuple[Stage, ...], warm: bool) -> State:
        refusals: Counter[Stage] = Counter()
        for turn in range(self.settings.rounds):
            before = state.fit.log_likelihood
            for stage in stages:
                if refusals[stage] == MOST_REFUSALS:
                    continue
                state, taken = self._refit(state, stage)
                # Settings are chosen once the responses of a first fit are near enough.
                if (
                    turn == 0
                    and stage in ("m", "g")
                    and stage not in self.trials
                    and not warm
                    and self.settings.tune
                ):
                    state = self._tune(state, stage)
                refusals[stage] = 0 if taken else refusals[stage] + 1
            self._say(state, turn)
            if state.fit.log_likelihood - before < self.settings.tolerance:
                break
        return state

    def _begin(self) -> State:
        zeros = np.zeros(len(self.data.firm))
        fixed = identification(self.data).fixed
        fit = maximise(self.data, zeros, zeros, replace(start(self.data), fixed=fixed), tolerance=0.1)
        fit = replace(fit, parameters=replace(fit.parameters, fixed=fixed))
        self._note("parameters", fit.log_likelihood)
        folds = firm_folds(self.data, self.settings.folds, self.settings.seed)
        return State(
            fit,
            zeros,
            zeros,
            (0.0, 1.0),
            (0.0, 1.0),
            None,
            None,
            self.settings.learner,
            self.settings.entry_learner,
            folds,
        )

    def _tune(self, state: State, stage: Stage) -> State:
        """Choose the settings of the learner just fitted."""
        index, of = ("m", capability_response) if stage == "m" else ("g", entry_response)
        response, weights = of(self.data, state)
        found, trials = search(
            self.settings.learner if index == "m" else self.settings.entry_learner,
            self.data.attributes,
            response,
            weights,
            state.folds,
            self.data.attribute_names,
            self.settings.seed,
            lines=state.m_lines if index == "m" else state.g_lines,
        )
        self.trials[index] = trials
        return replace(state, learner=found) if index == "m" else replace(state, entry_learner=found)

    def _refit(self, state: State, stage: Stage) -> tuple[State, bool]:
        """Refit and maximise; keep the old state unless the likelihood gains."""
        moved = settle(self.data, refit(self.data, state, stage, self.settings.seed), tolerance=0.05)
        first = state.m_learned is None
        # A refit that moves nothing gains nothing but for the last bits, which must not decide.
        least = LEAST_GAIN if state.m_lines is None else LEAST_GAIN_OVER_LINES
        taken = moved.fit.log_likelihood >= state.fit.log_likelihood + least or first
        self._note(stage, moved.fit.log_likelihood, taken)
        if not taken:
            return state, False
        return replace(moved, together=state.together or stage == "both"), True

    def _note(
        self, stage: Literal["parameters", "m", "g", "both", "lines"], value: float, taken: bool = True
    ) -> None:
        self.record.append(Step(stage, value, taken, time.perf_counter() - self.began))

    def _say(self, state: State, turn: int) -> None:
        if self.progress is not None:
            start, width = self.progress_part
            share = start + width * (turn + 1) / self.settings.rounds
            self.progress(
                f"round {turn + 1}: log likelihood {grouped(state.fit.log_likelihood, '.1f')}", share
            )


def simulate(
    data: CapabilityData, m: Array, g: Array, parameters: Parameters, generator: np.random.Generator
) -> CapabilityData:
    """Outcomes drawn anew from the model for the same firms and attributes.

    Parameters
    ----------
    data
        Firms, markets and attributes that stay.
    m, g : (R,)
        Indices.
    parameters
    generator
    """
    scales = parameters.scales
    u = scales.draw_u(generator, data.firm_count)
    shocks = generator.standard_normal((2, *data.presence.shape))
    if data.years_count_once:  # persistent taste: a firm's draws in a market are the same every year
        shocks = shocks[:, data.starts[data.firm]]
    nu = scales.sigma_nu * shocks[0]
    rest = np.sqrt(1 - scales.correlation**2)
    xi = scales.taste_at(u)[data.firm, None] * (scales.correlation * shocks[0] + rest * shocks[1])
    capability = (m + u[data.firm])[:, None]
    present = capability + g[:, None] + nu >= parameters.threshold[data.group]
    log_sales = parameters.demand[data.group] + capability + xi
    home = None
    if parameters.home is not None:
        at_home = generator.standard_normal(len(data.firm))
        if data.years_count_once:
            at_home = at_home[data.starts[data.firm]]
        home = parameters.home[data.group] + capability[:, 0] + scales.sigma_home * at_home
    return data.with_outcomes(np.where(present, PRESENT, 0).astype(np.int8), log_sales, home)
