"""The hybrid adds nothing where structure is right, helps where it is not, and leaves counterfactuals to structure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from designs import reference
from scipy.special import ndtr, ndtri

from firmtrade_core.capability import CapabilityData, Learner, Settings, estimate
from firmtrade_core.capability.additive_trees import AdditiveTrees
from firmtrade_core.capability.comparison import (
    ADDITIVE,
    HYBRID,
    STRUCTURE,
    compare,
    compare_after_policy,
    measures,
)
from firmtrade_core.capability.forecast import Forecast, StructuralForecaster
from firmtrade_core.capability.hybrid import HybridForecaster, Layer
from firmtrade_core.capability.rivals import Econometrics, MachineLearning, boosting_for, earlier_years

QUICK = Settings(tune=False, rounds=3, learner=Learner(rounds=30))


def split(data: CapabilityData, held: int = 4) -> tuple[CapabilityData, CapabilityData]:
    """Three quarters of the firms to learn from, and the others."""
    firms = np.arange(data.firm_count)
    return data.subset(firms[firms % held > 0]), data.subset(firms[firms % held == 0])


@pytest.fixture(scope="module")
def home():
    """500 firms that the model describes, their estimate, and the hybrid on it."""
    data, _ = reference(firms=500, markets=5, seed=51)
    results = estimate(data, QUICK)
    return data, results, HybridForecaster.fit(results)


def test_a_policy_changes_what_structure_says_and_no_more(home) -> None:
    data, results, hybrid = home
    moved = data.attributes.copy()
    moved[:, 3] = 1.0
    structure = StructuralForecaster(results)
    before, after = (
        hybrid.forecast(data.attributes, data.group),
        hybrid.after(data.attributes, moved, data.group),
    )
    plain, then = (structure.forecast(x, data.group) for x in (data.attributes, moved))
    np.testing.assert_allclose(after.exports / before.exports, then.exports / plain.exports, rtol=1e-9)
    np.testing.assert_allclose(
        after.log_sales - before.log_sales, then.log_sales - plain.log_sales, atol=1e-9
    )
    inside = (np.abs(ndtri(after.entry)) < 5) & (np.abs(ndtri(before.entry)) < 5)
    steps = [ndtri(b.entry) - ndtri(a.entry) for a, b in ((before, after), (plain, then))]
    np.testing.assert_allclose(steps[0][inside], steps[1][inside], atol=1e-6)
    still = hybrid.after(data.attributes, data.attributes, data.group)
    np.testing.assert_allclose(still.exports, before.exports)


def test_a_policy_is_compared_by_the_terms_as_they_were(home) -> None:
    data, results, hybrid = home
    moved = data.attributes.copy()
    moved[:, 0] += 0.5
    structure = StructuralForecaster(results)
    truth = structure.forecast(data.attributes, data.group), structure.forecast(moved, data.group)
    told = compare_after_policy(data, moved, truth, {HYBRID: hybrid, STRUCTURE: structure}).table
    # Only weights of firms in totals differ.
    assert told.loc[HYBRID, "exports change"] == pytest.approx(
        told.loc[STRUCTURE, "exports change"], rel=0.25
    )


def test_a_mixture_leaves_structure_alone_unless_it_gains_more_than_its_error() -> None:
    generator = np.random.default_rng(5)
    right, luck, shock = generator.standard_normal((3, 4000))
    sales = np.where(right + shock > 0, right + 1 + luck, np.nan)
    data = CapabilityData.from_arrays(sales[:, None], right[:, None])
    true = Forecast(
        ndtr(right)[:, None], right[:, None] + 1, np.exp(right[:, None] + 1.5) * ndtr(right)[:, None]
    )
    layer = Layer.fit(data, true)
    assert layer.entry.weights.tolist() == [1, 0, 0, 0] and layer.entry.level == 0
    wrong = replace(true, entry=ndtr(0.2 * right - 1)[:, None])
    mended = Layer.fit(data, wrong)
    made = mended.terms(wrong, data.attributes, data.group).on(wrong)
    assert mended.entry.gain > 10 * mended.entry.error
    assert measures(data, made)["entry log loss"] < 1.01 * measures(data, true)["entry log loss"]


@pytest.mark.truth
def test_where_structure_is_right_the_layer_adds_about_nothing() -> None:
    """Tolerances set beforehand: terms of 0.15 on average, and no measure of loss more than 1 % above structure's."""
    data, _ = reference(firms=2000, markets=8, seed=52)
    train, tested = split(data)
    results = estimate(train, QUICK)
    structure, hybrid = StructuralForecaster(results), HybridForecaster.fit(results)
    base = structure.forecast(tested.attributes, tested.group)
    terms = hybrid.layer.terms(base, tested.attributes, tested.group)
    assert np.abs(terms.entry).mean() < 0.15 and np.abs(terms.log_sales).mean() < 0.15
    ours, plain = measures(tested, terms.on(base)), measures(tested, base)
    for name in ("entry log loss", "log sales RMSE", "Poisson deviance"):
        assert ours[name] < 1.01 * plain[name]


@pytest.mark.truth
@pytest.mark.parametrize("seed", [53, 54])
def test_where_structure_is_wrong_the_layer_helps(seed: int) -> None:
    """Fat tails and shocks that hang together, and a taste of some firms for some markets, which no index tells."""
    data, _ = reference(firms=3000, markets=8, seed=seed, variant="misspecified")
    odd = np.arange(8) % 2 == 1
    taste = 1.2 * data.attributes[:, [6]] * np.where(odd, 1, -1)
    generator = np.random.default_rng(seed)
    gone = generator.random(data.presence.shape) < 1 / (1 + np.exp(2 * taste))
    sales = np.where((data.presence == 1) & ~gone, data.log_sales + taste, np.nan)
    made = CapabilityData.from_arrays(sales, data.attributes, markets=data.markets)
    train, tested = split(made)
    results = estimate(train, QUICK)
    forecasts = [f.forecast(tested.attributes, tested.group) for f in (StructuralForecaster(results), HybridForecaster.fit(results))]  # fmt: skip
    plain, ours = (measures(tested, f) for f in forecasts)
    assert ours["entry log loss"] < 0.99 * plain["entry log loss"]
    assert ours["log sales RMSE"] < 0.99 * plain["log sales RMSE"]
    assert ours["aggregate exports error"] < plain["aggregate exports error"] + 0.05


def test_additive_trees_take_a_missing_value_for_information() -> None:
    generator = np.random.default_rng(6)
    x = generator.standard_normal((1500, 2))
    missing = generator.random(1500) < 0.3
    chance = np.where(missing, 0.8, 0.2)
    sales = np.where(
        generator.random(1500) < chance, 1 + x[:, 1] + 0.3 * generator.standard_normal(1500), np.nan
    )
    table = np.column_stack([np.where(missing, np.nan, x[:, 0]), x[:, 1]])
    data = CapabilityData.from_arrays(sales[:, None], table)
    made = AdditiveTrees.fit(data, 1).forecast(data.attributes, data.group)
    gaps = np.isnan(data.attributes[:, 0])
    assert made.entry[gaps].mean() == pytest.approx(0.8, abs=0.08)
    assert made.entry[~gaps].mean() == pytest.approx(0.2, abs=0.08)
    assert np.corrcoef(made.log_sales[:, 0], 1 + data.attributes[:, 1])[0, 1] > 0.97
    again = AdditiveTrees.fit(data, 1).forecast(data.attributes, data.group)
    np.testing.assert_array_equal(made.entry, again.entry)


def test_what_firms_did_in_all_years_before_is_counted_by_hand() -> None:
    sales = np.array([1.0, np.nan, 3.0, np.nan, 5.0, *([1.0, 5.0, 3.0] * 17)[:50]])[:, None]
    others = [f"z{number:02d}" for number in range(50)]
    data = CapabilityData.from_arrays(
        sales,
        np.random.default_rng(0).standard_normal((55, 1)),
        firm=["a", "a", "a", "b", "b", *others],
        year=[1, 2, 3, 1, 2, *([1, 2, 3] * 17)[:50]],
    )
    found = earlier_years(data, np.array([-1, 0, 1, 2, 4]))
    # All who sell in a year sell the same, so that sales stand at the year's mean.
    np.testing.assert_allclose(found[:, 0, 0], [0, 1, 1, 1, 0])
    np.testing.assert_allclose(found[:, 0, 1], [0, 1, 0.5, 2 / 3, 0.5])
    np.testing.assert_allclose(found[:, 0, 2], 0)
    np.testing.assert_allclose(found[:, 0, 3], np.log([1, 2, 3, 4, 3]))


def test_rivals_are_tuned_on_firms_left_out() -> None:
    data, _ = reference(firms=700, markets=4, seed=55)
    bent = replace(data, attributes=np.column_stack([data.attributes, np.zeros(700)]))
    bent.attributes[:, -1] = np.random.default_rng(1).standard_normal(700)
    hump = np.abs(bent.attributes[:, -1]) > 1
    sales = np.where((data.presence == 1) & ~hump[:, None], data.log_sales, np.nan)
    told = CapabilityData.from_arrays(sales, bent.attributes, markets=data.markets)
    assert len(Econometrics.tuned(told).curved) > 0 and len(Econometrics.fit(told).curved) == 0
    how = boosting_for(told)
    made = MachineLearning.tuned(told).entry
    assert (made.max_leaf_nodes, made.max_iter) == how.entry


@pytest.mark.truth
def test_the_comparison_shows_the_hybrid_first_and_its_gains() -> None:
    data, _ = reference(firms=600, markets=5, seed=56)
    found = compare(data, settings=QUICK, folds=3, folds_used=1, draws=8)
    assert found.ours == HYBRID and found.models[0] == HYBRID and found.models[-1] == ADDITIVE
    assert set(found.gains.index.get_level_values("model")) == set(found.models) - {HYBRID}
    values = found.table["value"].unstack("model")
    assert values.loc["entry log loss", HYBRID] < 1.01 * values.loc["entry log loss"].min()
