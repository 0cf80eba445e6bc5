"""Estimators on a design whose effect is known: the trait biases what ignores it, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firmtrade_core.channels import ChannelData, Outcomes
from firmtrade_core.channels.crossfit import CrossFit, Settings, residuals
from firmtrade_core.channels.estimators import instrumented, interactive, median_of, partially_linear
from firmtrade_core.channels.groups import group_effects, thirds
from firmtrade_core.channels.learners import choose, make_learner
from firmtrade_core.channels.residual import residual_effect
from firmtrade_core.channels.sensitivity import sensitivity
from firmtrade_core.channels.weak import (
    anderson_rubin,
    conditional_likelihood_ratio,
    first_stage,
    overidentification,
)
from tests.channels.design import OBSERVED, ON_CAPABILITY, draw

QUICK = Settings(repetitions=2, learners=("linear",))
WITH_TRAIT = (*OBSERVED, "trait")


@pytest.fixture(scope="module")
def drawn():
    return draw(3000, seed=5)


@pytest.fixture(scope="module")
def confounded(drawn):
    return CrossFit(drawn.data(instruments=("lottery",)), QUICK)


@pytest.fixture(scope="module")
def honest(drawn):
    return CrossFit(drawn.data(WITH_TRAIT, ("lottery",)), QUICK)


def test_the_hidden_trait_biases_and_its_control_mends(confounded, honest):
    biased, right = partially_linear(confounded), partially_linear(honest)
    assert biased.low > ON_CAPABILITY + 0.3
    assert abs(right.effect - ON_CAPABILITY) < 3 * right.standard_error
    assert right.standard_error < 0.06


def test_the_instrument_is_right_without_the_trait(confounded):
    estimate = instrumented(confounded)
    assert abs(estimate.effect - ON_CAPABILITY) < 3 * estimate.standard_error
    assert estimate.standard_error < 0.15


def test_the_interactive_model_agrees_with_the_truth(honest):
    for score in ("ATE", "ATTE"):
        estimate = interactive(honest, score)
        assert abs(estimate.effect - ON_CAPABILITY) < 3 * estimate.standard_error


def test_errors_are_clustered_by_firm(drawn):
    """Doubling every row of a firm tells nothing new: effect and error stay."""
    data = drawn.data(WITH_TRAIT)
    rows = np.repeat(np.arange(len(data.treatment)), 2)
    once = CrossFit(data, QUICK)
    twice = CrossFit(data.subset(np.ones(len(data.treatment), bool)), QUICK)
    doubled = drawn.firms.iloc[rows].reset_index(drop=True)
    outcomes = data.outcomes.rows(np.ones(len(data.treatment), bool))
    outcomes = type(outcomes)(outcomes.capability[rows], outcomes.entry[rows], outcomes.entry_density[rows])
    twice = CrossFit(type(data).from_frame(doubled, outcomes, "certificate", WITH_TRAIT), QUICK)
    first, second = partially_linear(once), partially_linear(twice)
    assert second.effect == pytest.approx(first.effect, abs=0.005)
    assert second.standard_error == pytest.approx(first.standard_error, rel=0.03)


def test_errors_match_doubleml_where_every_firm_has_one_row(honest):
    from firmtrade_core.channels.estimators import partially_linear_model

    ours, theirs = partially_linear(honest), partially_linear_model(honest)
    np.testing.assert_allclose([r[0] for r in ours.repetitions], theirs.all_coef[0])
    np.testing.assert_allclose([r[1] for r in ours.repetitions], theirs.all_se[0], rtol=1e-3)


def test_residual_regression_equals_the_score(honest):
    estimate = partially_linear(CrossFit(honest.data, Settings(repetitions=1, learners=("linear",))))
    left = residuals(CrossFit(honest.data, Settings(repetitions=1, learners=("linear",))))
    effect, error = residual_effect(left.outcome, left.treatment, honest.data.firm)
    assert effect == pytest.approx(estimate.effect, rel=1e-9)
    assert error == pytest.approx(estimate.standard_error, rel=1e-9)


def test_same_seed_same_answer_other_seed_other_folds(drawn):
    data = drawn.data(WITH_TRAIT)
    first, again = (partially_linear(CrossFit(data, QUICK)).effect for _ in range(2))
    other = partially_linear(CrossFit(data, Settings(repetitions=2, learners=("linear",), seed=9))).effect
    assert first == again != other


def test_median_carries_the_spread_between_repetitions():
    effect, error = median_of([(1.0, 0.1), (1.2, 0.1), (0.8, 0.1)])
    assert effect == 1.0
    assert error == pytest.approx(np.sqrt(0.1**2 + 0.2**2))


def test_a_strong_instrument_has_a_bounded_set_that_agrees_with_the_wald_interval(confounded):
    estimate, left = instrumented(confounded), residuals(confounded, instruments=True)
    firm = confounded.data.firm
    assert first_stage(left, firm).effective_f > 100
    robust = anderson_rubin(left, firm, 0.9, estimate.effect, estimate.standard_error)
    assert robust.bounded and len(robust.parts) == 1
    np.testing.assert_allclose(robust.hull, (estimate.low, estimate.high), atol=0.03)
    classic = conditional_likelihood_ratio(left, firm, 0.9)
    np.testing.assert_allclose(classic.hull, robust.hull, atol=0.02)


def test_an_instrument_that_predicts_nothing_excludes_nothing(drawn):
    fits = CrossFit(drawn.data(instruments=("nothing",)), QUICK)
    left = residuals(fits, instruments=True)
    strength = first_stage(left, fits.data.firm)
    assert not strength.moves and "predicts nothing" in strength.words
    assert not anderson_rubin(left, fits.data.firm, 0.99, 0.0, 1.0).bounded
    assert anderson_rubin(left, fits.data.firm, 0.99, 0.0, 1.0).contains(ON_CAPABILITY)


def test_robust_set_by_inversion_equals_the_statistic(confounded):
    """Every end of the set has the critical value; with one instrument the statistic has a closed form."""
    left, firm = residuals(confounded, instruments=True), confounded.data.firm
    robust = anderson_rubin(left, firm, 0.9, 0.0, 0.2)
    z, y, d = left.instruments[:, 0], left.outcome, left.treatment
    for end in robust.hull:
        moment = z * (y - end * d)
        statistic = moment.sum() ** 2 / ((moment - moment.mean()) ** 2).sum() * (len(z) - 1) / len(z)
        assert statistic == pytest.approx(2.7055, rel=2e-3)


def test_instruments_that_contradict_each_other_are_noticed(drawn):
    """The trait is no instrument: it moves capability directly."""
    fits = CrossFit(drawn.data(instruments=("lottery", "trait")), QUICK)
    left = residuals(fits, instruments=True)
    estimate = instrumented(fits)
    assert overidentification(left, fits.data.firm, estimate.effect, estimate.standard_error) < 0.001
    agreeing = CrossFit(drawn.data(instruments=("lottery", "slots_1")), QUICK)
    left, estimate = residuals(agreeing, instruments=True), instrumented(agreeing)
    assert overidentification(left, agreeing.data.firm, estimate.effect, estimate.standard_error) > 0.05


def test_effects_differ_by_group_where_they_do(drawn):
    data = drawn.data(WITH_TRAIT)
    extra = 0.5 * (data.sector == "food") * data.treatment
    fits = CrossFit(data.with_outcome(data.outcomes.capability + extra), QUICK)
    by_sector = group_effects(fits, "sector", data.sector)
    same = group_effects(CrossFit(data, QUICK), "sector", data.sector)
    gap, chance = (each.effects[0].effect - each.effects[1].effect for each in (by_sector, same))
    assert by_sector.effects[0].group == "food"
    assert gap - chance == pytest.approx(0.5, abs=0.03)
    assert by_sector.p_value < 0.001 < 0.01 < same.p_value


def test_thirds_hold_a_third_of_firms_each(drawn):
    data = drawn.data()
    labels = thirds(drawn.firms["size"].to_numpy(), data.firm, ("small", "medium", "large"))
    assert {name: int((labels == name).sum()) for name in ("small", "medium", "large")} == dict.fromkeys(
        ("small", "medium", "large"), 1000
    )
    assert drawn.firms["size"][labels == "small"].max() < drawn.firms["size"][labels == "large"].min()


def test_the_learner_is_chosen_by_its_loss(drawn):
    generator = np.random.default_rng(0)
    controls = generator.standard_normal((600, 2))
    folds = np.arange(600) % 5
    bent = np.abs(controls[:, 0]) + 0.1 * generator.standard_normal(600)
    straight = controls[:, 0] + 0.1 * generator.standard_normal(600)
    curved, predicted = choose(("linear", "splines"), controls, bent, folds, "bent")
    assert curved.learner == "splines"
    assert 1 - np.var(bent - predicted) / np.var(bent) == pytest.approx(curved.explained, abs=0.01)
    found, _ = choose(("linear", "boosting"), controls, straight, folds, "straight")
    assert found.learner == "linear" and found.explained > 0.9


def test_unknown_learner_is_refused():
    with pytest.raises(ValueError, match="no learner"):
        make_learner("oracle")


def test_sampling_weights_count_firms_as_often_as_they_stand_for(drawn):
    """Weights of 1 and 3 give the effect of a sample in which the firms of weight 3 stand three times."""
    small = draw(700, seed=8)
    times = np.where(small.firms["sector"] == "food", 3, 1)
    made = Settings(repetitions=1, learners=("linear",))
    weighted = weigh(small, times.astype(float))
    fits = CrossFit(weighted, made)
    rows = np.repeat(np.arange(700), times)
    data = weighted
    copied = replace(
        data,
        outcomes=Outcomes(data.outcomes.capability[rows]),
        treatment=data.treatment[rows],
        controls=data.controls.iloc[rows].reset_index(drop=True),
        instruments=data.instruments.iloc[rows].reset_index(drop=True),
        firm=data.firm[rows],
        sector=data.sector[rows],
        year=data.year[rows],
        weights=None,
    )
    again = CrossFit(copied, made)
    for estimator in (partially_linear, instrumented, interactive):
        first, second = estimator(fits), estimator(again)
        assert first.effect == pytest.approx(second.effect, abs=2e-3), estimator
        assert first.standard_error == pytest.approx(second.standard_error, rel=0.02), estimator
    left, of_copies = (residuals(each, instruments=True) for each in (fits, again))
    sets = [
        anderson_rubin(r, data.firm if r is left else copied.firm, 0.9, 0.3, 0.2) for r in (left, of_copies)
    ]
    np.testing.assert_allclose(sets[0].hull, sets[1].hull, atol=5e-3)
    assert first_stage(left, data.firm).effective_f == pytest.approx(
        first_stage(of_copies, copied.firm).effective_f, rel=0.03
    )
    assert sensitivity(fits).robustness == pytest.approx(sensitivity(again).robustness, rel=0.02)
    unweighted = partially_linear(CrossFit(replace(data, weights=None), made))
    assert abs(unweighted.effect - partially_linear(fits).effect) > 0.005


def test_rows_that_stand_for_no_firm_are_left_out(drawn):
    weights = np.ones(3000)
    weights[:10] = 0.0
    data = weigh(drawn, weights)
    assert len(data.treatment) == 2990 and data.weights is None
    assert "weight left out" in data.notes[0]


def weigh(drawn, weights):
    outcomes = Outcomes(drawn.capability, drawn.entry, drawn.entry_density)
    return ChannelData.from_frame(
        drawn.firms.assign(weight=weights), outcomes, "certificate", WITH_TRAIT, ("lottery",)
    )
