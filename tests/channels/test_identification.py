"""The whole study of an attribute: methods side by side, tests, conclusion, and the table that programmes read."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from firmtrade_core.channels import ChannelEffect, ChannelError, ChannelTable, CrossFit, Settings, study
from firmtrade_core.channels.errors import MeasurementError
from firmtrade_core.channels.estimators import instrumented, partially_linear
from firmtrade_core.channels.falsification import permutation, placebo, placebo_fits
from firmtrade_core.channels.identification import (
    INSTRUMENTED,
    NAIVE,
    ORDINARY,
    PARTIALLY_LINEAR,
    REMEASURED,
    fixed_cost_fits,
)
from firmtrade_core.channels.measurement import instrumented_by_proxy, simex
from firmtrade_core.channels.sensitivity import sensitivity
from firmtrade_core.channels.support import balance, overlap
from firmtrade_core.labels import in_percent
from tests.channels.design import OBSERVED, ON_CAPABILITY, ON_FIXED_COST, draw

QUICK = Settings(repetitions=1, learners=("linear",))
WITH_TRAIT = (*OBSERVED, "trait")


@pytest.fixture(scope="module")
def drawn():
    return draw(2500, seed=11)


@pytest.fixture(scope="module")
def found(drawn):
    data = drawn.data(instruments=("lottery",))
    return study(
        data,
        QUICK,
        groupings={"sector": data.sector},
        placebo_outcomes={"trait": drawn.firms["trait"].to_numpy()},
        source="an invented sample",
    )


def test_methods_stand_side_by_side(found):
    order = [found.reading(name).effect for name in (NAIVE, ORDINARY, INSTRUMENTED)]
    assert order[0] > order[1] > order[2] + 0.3
    assert found.reading(PARTIALLY_LINEAR).effect == pytest.approx(order[1], abs=0.05)
    assert abs(order[2] - ON_CAPABILITY) < 3 * found.reading(INSTRUMENTED).standard_error < 0.4
    assert found.refused == {}


def test_the_conclusion_leans_on_the_instrument(found):
    effect = found.effect
    assert effect.grade == "instrument"
    assert effect.capability_interval == pytest.approx(found.instruments.sets[0].hull)
    assert -1 < effect.correlation < 0


def test_without_instrument_a_failed_placebo_leaves_an_association(drawn):
    data = drawn.data()
    placebo_outcomes = {"trait": drawn.firms["trait"].to_numpy()}
    assert study(data, QUICK, placebo_outcomes=placebo_outcomes).effect.grade == "association"
    assert study(data, QUICK).effect.grade == "observables"


def test_effects_on_fixed_costs(drawn):
    """True κ as outcome: entry beyond it is what the attribute takes off fixed costs."""
    fits = CrossFit(drawn.data(WITH_TRAIT, noise=0.0), QUICK)
    weights = (fits.data.treatment - fits.treatment().mean(0)) ** 2
    estimate = partially_linear(fixed_cost_fits(fits, weights))
    assert abs(estimate.effect - ON_FIXED_COST) < 3 * estimate.standard_error
    assert estimate.standard_error < 0.05


def test_overlap_weights_balance_controls(drawn):
    fits = CrossFit(drawn.data(WITH_TRAIT), QUICK)
    lines = {line.control: line for line in balance(fits)}
    assert abs(lines["trait"].before) > 0.5 and abs(lines["trait"].after) < 0.06
    shape = overlap(fits)
    assert sum(shape.with_attribute) == pytest.approx(1, abs=1e-3)
    assert 0 <= shape.without_like < 0.2


def test_robustness_value_brings_the_bound_to_zero(drawn):
    fits = CrossFit(drawn.data(WITH_TRAIT), QUICK)
    told = sensitivity(fits)
    effect = partially_linear(fits).effect
    value = told.robustness
    assert value / math.sqrt(1 - value) * told.bias_scale == pytest.approx(abs(effect), rel=1e-6)
    assert told.robustness_interval < value
    assert told.benchmarks[0].control == "trait" and told.benchmarks[0].change > 0.3


def test_robustness_value_agrees_with_doubleml(drawn):
    from firmtrade_core.channels.estimators import partially_linear_model

    fits = CrossFit(drawn.data(WITH_TRAIT), QUICK)
    model = partially_linear_model(fits)
    # doubleml's level is one-sided: 0.95 there is our two-sided 0.90.
    model.sensitivity_analysis(level=0.95)
    told = sensitivity(fits)
    assert told.robustness == pytest.approx(model.sensitivity_params["rv"][0], abs=1e-3)
    assert told.robustness_interval == pytest.approx(model.sensitivity_params["rva"][0], abs=1e-3)


def test_permuted_take_up_finds_nothing(drawn):
    fits = CrossFit(drawn.data(), QUICK)
    dealt = permutation(fits, draws=300)
    assert dealt.p_value == pytest.approx(1 / 301)
    assert 0.04 < dealt.false_alarms < 0.17
    idle = fits.data.with_outcome(np.random.default_rng(3).standard_normal(len(fits.data.treatment)))
    assert permutation(CrossFit(idle, QUICK), draws=300).p_value > 0.02


def test_placebo_outcomes(drawn):
    fits = CrossFit(drawn.data(), QUICK)

    def chance(outcome):
        return placebo(placebo_fits(fits, outcome, drawn.firms[outcome].to_numpy()), outcome).p_value

    assert chance("trait") < 1e-6
    assert chance("nothing") > 0.01
    with pytest.raises(ChannelError, match="never varies"):
        placebo_fits(fits, "idle", np.ones(2500))


def test_placebo_outcomes_of_the_instrument(drawn):
    """An instrument that goes to good managers finds an effect on what was settled before; a lottery does not."""
    trait, generator = drawn.firms["trait"].to_numpy(), np.random.default_rng(8)
    favour = drawn.firms["lottery"] + 0.8 * trait + generator.standard_normal(2500)
    firms = drawn.firms.assign(favour=favour)
    outcome = {"settled": trait + generator.standard_normal(2500)}
    found = {
        name: study(replace(drawn, firms=firms).data(instruments=(name,)), QUICK, placebo_outcomes=outcome)
        for name in ("lottery", "favour")
    }
    chances = {name: {p.by_instrument: p.p_value for p in each.placebos} for name, each in found.items()}
    assert chances["lottery"][True] > 0.01 > 1e-6 > chances["lottery"][False]
    assert found["lottery"].effect.grade == "instrument"
    assert chances["favour"][True] < 1e-6
    assert found["favour"].effect.grade == "association"
    assert "seems to move settled, which it cannot: no instrument" in found["favour"].effect.cautions[0]


def test_instruments_that_agree_in_part_are_doubted_and_used(drawn):
    """A slight direct effect empties the Anderson-Rubin set: the clustered interval serves, and doubt is said."""
    generator = np.random.default_rng(4)
    voucher = (generator.random(2500) < 0.5).astype(float)
    taken = (drawn.firms["certificate"] > 0) | ((voucher > 0) & (np.random.default_rng(5).random(2500) < 0.3))
    firms = drawn.firms.assign(voucher=voucher, certificate=taken.astype(float))
    moved = drawn.capability + ON_CAPABILITY * (firms["certificate"] - drawn.firms["certificate"]).to_numpy()

    def told(direct):
        both = replace(drawn, firms=firms, capability=np.asarray(moved + direct * voucher))
        return study(both.data(instruments=("lottery", "voucher")), QUICK)

    doubted, refused = told(0.08), told(0.3)
    assert 0.01 < doubted.instruments.agreement < 0.05 and not doubted.instruments.sets[0].parts
    assert doubted.effect.grade == "instrument" and "agree only in part" in doubted.effect.cautions[0]
    wald = doubted.reading(INSTRUMENTED)
    assert doubted.effect.capability_interval == (wald.low, wald.high)
    assert all(math.isfinite(end) for end in doubted.effect.fixed_cost_interval)
    assert refused.effect.grade == "observables" and "contradict each other" in refused.effect.cautions[0]


def test_without_likes_an_effect_is_but_an_association(drawn):
    """Programmes must not take an extrapolation for an effect; where some firms have likes the caution counts the others."""
    size, generator = drawn.firms["size"], np.random.default_rng(9)

    def told(blur, threshold):
        large = size + blur * generator.standard_normal(2500) > threshold
        firms = drawn.firms.assign(certificate=large.astype(float))
        return study(
            replace(drawn, firms=firms).data(), Settings(repetitions=1, learners=("linear", "boosting"))
        )

    hopeless, patchy = told(0.1, 0.0), told(0.55, 0.0)
    assert hopeless.overlap.treated_without_like > 0.5
    assert hopeless.effect.grade == "association"
    assert (
        f"{in_percent(hopeless.overlap.treated_without_like)} of the firms that have it"
        in hopeless.effect.cautions[0]
    )
    assert 0.1 < patchy.overlap.treated_without_like < 0.5
    assert patchy.effect.grade == "observables" and "have no like" in patchy.effect.cautions[0]
    assert not any("no like" in caution for caution in study(drawn.data(), QUICK).effect.cautions)


def test_errors_in_the_attribute_are_undone():
    """Simulation-extrapolation and a second measurement both find the effect that the first measurement hides."""
    drawn = draw(6000, seed=4, binary=False, confounded=0.0)
    generator = np.random.default_rng(1)
    truth = drawn.firms["certificate"]
    spread = 0.6 * truth.std()
    first, second = (truth + spread * generator.standard_normal(6000) for _ in range(2))
    firms = drawn.firms.assign(certificate=first, second=second)
    fits = CrossFit(replace(drawn, firms=firms).data(OBSERVED, ("second",)), QUICK)
    plain = partially_linear(fits)
    assert plain.effect < 0.75 * ON_CAPABILITY
    reliability = float(truth.var() / first.var())
    mended = simex(fits, reliability)
    assert abs(mended.corrected - ON_CAPABILITY) < 3 * mended.standard_error < 0.1
    by_proxy = instrumented_by_proxy(fits)
    assert by_proxy.effect == pytest.approx(instrumented(fits).effect)
    assert abs(by_proxy.effect - ON_CAPABILITY) < 3 * by_proxy.standard_error
    beside = study(replace(drawn, firms=firms).data(OBSERVED), QUICK, measured_again=lambda: fits)
    assert beside.remeasured == by_proxy and beside.reading(REMEASURED).effect == by_proxy.effect
    noise = replace(drawn, firms=firms).data(OBSERVED, ("nothing",))
    with pytest.raises(MeasurementError, match="no second measurement"):
        instrumented_by_proxy(CrossFit(noise, QUICK))
    assert simex(fits, 1.0).corrected == pytest.approx(plain.effect, abs=1e-9)


def test_the_table_survives_its_file_and_notices_changes(found, tmp_path):
    table = ChannelTable((found.effect,), data_hash="0123", refused={"skills": "too few"})
    path = table.save(tmp_path / "effects.json")
    again = ChannelTable.load(path)
    assert again == table and again.content_hash == table.content_hash
    changed = json.loads(path.read_text())
    changed["effects"][0]["capability"] += 0.01
    path.write_text(json.dumps(changed))
    with pytest.raises(ChannelError, match="changed after it was written"):
        ChannelTable.load(path)
    path.write_text("[]")
    with pytest.raises(ChannelError, match="no table of effects"):
        ChannelTable.load(path)


def effect(**changes):
    made = ChannelEffect(
        "certificate", "0 or 1", 0.2, 0.1, 0.05, 0.03, (0.1, 0.3), (-math.inf, 0.2), -0.4, "observables", "m", "s",
        0.4, 1000,
    )  # fmt: skip
    return replace(made, **changes)


def test_units_that_people_know():
    value, low, high = effect().ad_valorem(5.0)
    assert value == pytest.approx(100 * (math.exp(-0.05) - 1))
    assert low < value < high and high == pytest.approx(100 * (math.exp(-0.025) - 1))
    fixed, smallest, largest = effect().fixed_cost_percent
    assert fixed == pytest.approx(100 * (math.exp(-0.1) - 1))
    assert largest == math.inf and smallest == pytest.approx(100 * (math.exp(-0.2) - 1))


def test_endless_intervals_are_stored():
    table = ChannelTable((effect(),))
    assert ChannelTable.from_json(table.to_json())["certificate"].fixed_cost_interval == (-math.inf, 0.2)


def test_programmes_get_the_fields_of_their_cards():
    given = ChannelTable((effect(),)).programmes()["certificate"]
    assert set(given) == {
        "capability", "fixed_cost_saving", "capability_error", "fixed_cost_error", "grade", "source",
    }  # fmt: skip
    assert given["grade"] in {"association", "observables", "instrument"}


def test_no_number_no_row():
    with pytest.raises(ChannelError, match="no number"):
        effect(capability=math.nan)
    with pytest.raises(ChannelError, match="no grade"):
        effect(grade="hearsay")
    with pytest.raises(ChannelError, match="twice"):
        ChannelTable((effect(), effect()))
