"""What capability's own parameters add to errors: derivatives against re-estimation, scores against the likelihood."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firmtrade_core.capability.likelihood import Scales
from firmtrade_core.channels.crossfit import residuals
from firmtrade_core.channels.data import Outcomes
from firmtrade_core.channels.errors import PosteriorError
from firmtrade_core.channels.estimators import instrumented, interactive, partially_linear
from firmtrade_core.channels.groups import group_effects
from firmtrade_core.channels.posterior import outcomes
from tests.channels.coverage import _capability, _fits, _on_fixed_costs
from tests.channels.design import OBSERVED, draw

WITH_TRAIT = (*OBSERVED, "trait")


@pytest.fixture(scope="module")
def drawn():
    return draw(800, 8, seed=3)


@pytest.fixture(scope="module")
def capability(drawn):
    return _capability(drawn, (*WITH_TRAIT, "lottery"), 3)


@pytest.fixture(scope="module")
def fits(drawn, capability):
    return _fits(drawn, capability, WITH_TRAIT, ("lottery",), 3)


def effect_at(fits, capability, scales=None, demand=0.0):
    """The partially linear effect with other parameters of capability, everything else as it is."""
    p = capability.parameters
    moved = replace(p, scales=scales or p.scales, demand=p.demand + demand)
    left = residuals(fits)
    made = outcomes(replace(capability, parameters=moved), left.treatment[:, None])
    return float(left.treatment @ made.capability) / float(left.treatment @ left.treatment)


def test_the_gradient_is_what_other_parameters_would_give(fits, capability):
    lean = residuals(fits).treatment
    generated = fits.data.outcomes.generated
    basis = outcomes(capability, lean[:, None]).generated.basis
    gradient = basis.gradient(lean, basis.inverse(lean, lean))
    scale = float(lean @ lean)
    assert generated.side == 0
    free, step = capability.parameters.scales.free(), 0.02
    for place in range(4):
        ends = []
        for side in (1, -1):
            moved = free.copy()
            moved[place] += side * step
            ends.append(effect_at(fits, capability, Scales.from_free(moved)))
        assert gradient.scales[place] / scale == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=0.02)
    by_demand = (effect_at(fits, capability, demand=step) - effect_at(fits, capability, demand=-step)) / (
        2 * step
    )
    assert gradient.demand.sum() / scale == pytest.approx(by_demand, abs=0.02)


def test_errors_grow_by_what_parameters_add_and_effects_stay(fits):
    bare = fits.with_data(replace(fits.data, outcomes=replace(fits.data.outcomes, generated=None)))
    for estimator in (partially_linear, instrumented):
        whole, part = estimator(fits), estimator(bare)
        assert whole.effect == pytest.approx(part.effect, abs=0.02)
    assert 1.02 < partially_linear(fits).standard_error / partially_linear(bare).standard_error < 1.5
    on_fixed = partially_linear(_on_fixed_costs(fits))
    assert abs(on_fixed.effect - 0.2) < 3 * on_fixed.standard_error < 0.4
    assert abs(interactive(fits).effect - 0.3) < 3 * interactive(fits).standard_error


def test_groups_read_capability_with_their_own_information(drawn, capability, fits):
    """Firms in few markets tell less: with one information for all their effect would be drawn to the common one."""
    labels = np.where(drawn.firms["size"] > 0, "large", "small").astype(object)
    found = {line.group: line for line in group_effects(fits, "size", labels).effects}
    for line in found.values():
        assert abs(line.effect - 0.3) < 3 * line.standard_error
    lean = residuals(fits).treatment
    basis = fits.data.outcomes.generated.basis
    of = {name: basis.inverse(lean * (labels == name), lean)[0, 0] for name in found}
    assert of["small"] > 1.3 * of["large"]


def test_several_rows_of_a_firm_are_refused(drawn, capability):
    data = replace(
        capability.data, firm=np.repeat(np.arange(400), 2), firm_names=capability.data.firm_names[:400]
    )
    with pytest.raises(PosteriorError, match="one year at a time"):
        outcomes(replace(capability, data=data), np.ones((800, 1)))


def test_outcomes_without_a_posterior_add_nothing(drawn):
    data = drawn.data(WITH_TRAIT)
    assert data.outcomes.generated is None and isinstance(data.outcomes, Outcomes)


def test_a_group_that_sells_nothing_is_left_out_and_named(drawn, fits):
    labels = np.where(drawn.entry > 0, "sellers", "none").astype(object)
    labels[(drawn.entry > 0) & (drawn.firms["skill"].to_numpy() > 0)] = "skilled sellers"
    found = group_effects(fits, "sales", labels)
    assert found.left_out == ("none",) and len(found.effects) == 2
