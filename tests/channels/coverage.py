"""One replication of the coverage experiment: firms drawn anew, capability estimated, effects and sets compared with the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from firmtrade_core.capability import CapabilityData, Learner, estimate
from firmtrade_core.capability import Settings as CapabilitySettings
from firmtrade_core.channels.crossfit import CrossFit, Settings, residuals
from firmtrade_core.channels.data import ChannelData, Outcomes
from firmtrade_core.channels.estimators import Estimate, instrumented, partially_linear
from firmtrade_core.channels.generated import Capability
from firmtrade_core.channels.identification import fixed_cost_fits
from firmtrade_core.channels.posterior import outcomes
from firmtrade_core.channels.residual import residual_effect
from firmtrade_core.channels.weak import anderson_rubin
from tests.channels.design import OBSERVED, ON_CAPABILITY, ON_FIXED_COST, WEAK, Drawn, draw

FIRMS, MARKETS = 800, 8

#: One cheap learner everywhere, so that a replication takes half a second.
CHEAP = Settings(repetitions=1, learners=("linear",))
LINEAR = Learner(base="linear", rounds=0, penalty=1.0)
CAPABILITY = CapabilitySettings(learner=LINEAR, entry_learner=LINEAR, two_indices=True, tune=False, rounds=5)

PLAIN = ("naive", "right controls", "instrument", "weak instrument, Wald", "weak instrument, Anderson-Rubin")

CASES = ("naive", "right controls", "right controls, fixed costs", "instrument", "instrument, fixed costs",
         "weak instrument, Wald", "weak instrument, Anderson-Rubin")  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """Estimates and whether their nominal 90 % intervals hold the truth, by case."""

    effects: dict[str, float]
    covered: dict[str, bool]


def replicate(seed: int) -> Outcome:
    """Draw, estimate, compare."""
    with threadpool_limits(1):
        return _replicate(seed)


def _replicate(seed: int) -> Outcome:
    drawn = draw(FIRMS, MARKETS, seed)
    effects, covered = {}, {}

    def note(case: str, estimate: Estimate, truth: float) -> None:
        effects[case] = estimate.effect
        covered[case] = estimate.low <= truth <= estimate.high

    blind = _capability(drawn, (*OBSERVED, "lottery", *WEAK), seed)
    confounded = _fits(drawn, blind, OBSERVED, ("lottery",), seed)
    effect, error = residual_effect(
        confounded.data.outcomes.capability - confounded.data.outcomes.capability.mean(),
        confounded.data.treatment - confounded.data.treatment.mean(),
        confounded.data.firm,
    )
    effects["naive"], covered["naive"] = effect, abs(effect - ON_CAPABILITY) <= 1.645 * error
    note("instrument", instrumented(confounded), ON_CAPABILITY)
    note("instrument, fixed costs", instrumented(_on_fixed_costs(confounded)), ON_FIXED_COST)
    seeing = _capability(drawn, (*OBSERVED, "trait"), seed)
    honest = _fits(drawn, seeing, (*OBSERVED, "trait"), (), seed)
    note("right controls", partially_linear(honest), ON_CAPABILITY)
    note("right controls, fixed costs", partially_linear(_on_fixed_costs(honest)), ON_FIXED_COST)
    weak = _fits(drawn, blind, OBSERVED, WEAK, seed)
    estimate_ = instrumented(weak)
    note("weak instrument, Wald", estimate_, ON_CAPABILITY)
    robust = anderson_rubin(
        residuals(weak, instruments=True), weak.data.firm, 0.90, estimate_.effect, estimate_.standard_error
    )
    effects["weak instrument, Anderson-Rubin"] = estimate_.effect
    covered["weak instrument, Anderson-Rubin"] = robust.contains(ON_CAPABILITY)
    return Outcome(effects, covered)


def replicate_plain(seed: int) -> Outcome:
    """The estimators alone: true capability seen with noise, no posterior in between."""
    drawn = draw(FIRMS, MARKETS, seed)
    made = replace(CHEAP, seed=seed)
    with threadpool_limits(1):
        honest = partially_linear(CrossFit(drawn.data((*OBSERVED, "trait")), made))
        confounded = CrossFit(drawn.data(OBSERVED, ("lottery",)), made)
        naive, strong = partially_linear(confounded), instrumented(confounded)
        weak = CrossFit(drawn.data(OBSERVED, WEAK), made)
        lean = instrumented(weak)
        robust = anderson_rubin(
            residuals(weak, instruments=True), weak.data.firm, 0.90, lean.effect, lean.standard_error
        )
    estimates = (naive, honest, strong, lean, lean)
    covered = [each.low <= ON_CAPABILITY <= each.high for each in estimates[:4]]
    return Outcome(
        {case: each.effect for case, each in zip(PLAIN, estimates, strict=True)},
        dict(zip(PLAIN, [*covered, robust.contains(ON_CAPABILITY)], strict=True)),
    )


def summarise(found: Sequence[Outcome]) -> dict[str, tuple[float, float]]:
    """Median estimate and share covered, by case."""
    return {
        case: (
            float(np.median([one.effects[case] for one in found])),
            float(np.mean([one.covered[case] for one in found])),
        )
        for case in found[0].effects
    }


def _capability(drawn: Drawn, predictors: tuple[str, ...], seed: int) -> Capability:
    table = drawn.firms[["certificate", *predictors]]
    data = CapabilityData.from_arrays(drawn.log_sales, table, firm=list(drawn.firms["firm"]))
    results = estimate(data, replace(CAPABILITY, seed=seed))
    return Capability(data, results.m, results.g, results.state.fit.parameters)


def _fits(
    drawn: Drawn, capability: Capability, controls: tuple[str, ...], instruments: tuple[str, ...], seed: int
) -> CrossFit:
    basis = ChannelData.from_frame(
        drawn.firms.drop(columns="sector"), Outcomes(capability.m), "certificate", controls, instruments
    )
    fits = CrossFit(basis, replace(CHEAP, seed=seed))
    left = residuals(fits, instruments=bool(instruments))
    found = outcomes(capability, np.column_stack([left.treatment, left.instruments]))
    return fits.with_data(replace(basis, outcomes=found), "outcome")


def _on_fixed_costs(fits: CrossFit) -> CrossFit:
    changed = fixed_cost_fits(fits, fits.data.treatment)
    assert changed is not None
    return changed
