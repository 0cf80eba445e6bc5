"""Small designs of the estimator: recovery, steady climbing, weights, years, sectors, failures of identification."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from designs import correlation, reference
from scipy.special import ndtr

from firmtrade_core.capability import (
    CapabilityData,
    CapabilityError,
    Learner,
    Scales,
    Settings,
    estimate,
    pool_imputations,
)
from firmtrade_core.capability.bootstrap import corrected_interval
from firmtrade_core.capability.estimation import simulate
from firmtrade_core.capability.imputations import rubin
from firmtrade_core.capability.likelihood import integrate
from firmtrade_core.capability.maximise import Parameters, block_scores, maximise, start

QUICK = Settings(tune=False, rounds=4, learner=Learner(rounds=30))


@pytest.fixture(scope="module")
def estimated():
    data, truth = reference(firms=1500, markets=15, seed=11)
    return data, truth, estimate(data, QUICK, draws=6)


def test_capability_is_recovered_on_a_small_design(estimated) -> None:
    _, truth, results = estimated
    assert correlation(results.m, truth.m) > 0.94
    assert correlation(results.capability, truth.capability) > 0.88
    s = results.scales
    assert (s.sigma_u, s.sigma_xi, s.sigma_nu) == pytest.approx((0.9, 1.1, 0.7), rel=0.2)
    effects = results.market_effects
    assert correlation(effects["demand"], truth.demand) > 0.95
    assert correlation(effects["threshold"], truth.threshold) > 0.98


def test_likelihood_never_falls_along_the_steps_taken(estimated) -> None:
    _, _, results = estimated
    taken = [step.log_likelihood for step in results.record if step.taken]
    assert (np.diff(taken) > -1e-6).all()


def test_indices_have_mean_zero_and_tables_hold_together(estimated) -> None:
    data, _, results = estimated
    assert abs(np.average(results.m, weights=data.row_weights)) < 1e-9
    table = results.parameters
    assert (table["low"] < table["high"]).all() and (table["standard_error"] > 0).all()
    assert "σ_u" in results.table() and "bootstrap" in results.table()
    assert len(results.firms) == data.firm_count
    # Unseen firms get the mean of the folds' models, close to what held-out firms got.
    assert correlation(results.predict_m(data.attributes), results.m) > 0.98


def test_the_engine_takes_the_firms_and_reproduces_presence(estimated) -> None:
    data, _, results = estimated
    sector = results.firm_sectors()["all"]
    threshold = results.market_effects["threshold"].to_numpy()
    present = ndtr((results.m[:, None] + results.g[:, None] - threshold) / sector.deviations.spread).mean(0)
    np.testing.assert_allclose(present, data.cell_counts[0][0] / data.firm_count, atol=0.02)
    assert (sector.arrays[0] == results.m).all() and sector.deviations == results.deviations


def test_draws_depend_on_seed_and_number_alone(estimated) -> None:
    _, _, results = estimated
    fewer = results.with_bootstrap(2)
    for first, second in zip(fewer.draws, results.draws, strict=False):
        assert first.scales == second.scales
    stopped = results.with_bootstrap(5, cancelled=lambda: True)
    assert stopped.draws == ()


def test_fixed_costs_are_told_from_capability() -> None:
    data, truth = reference(firms=2000, markets=15, seed=4, two_index=True)
    results = estimate(data, replace(QUICK, two_indices=True, rounds=8))
    assert correlation(results.g, truth.g) > 0.9
    assert results.g.std() == pytest.approx(truth.g.std(), rel=0.3)
    assert abs(correlation(results.m, truth.g)) < 0.1


def test_a_firm_with_weight_two_counts_as_two_firms() -> None:
    data, _ = reference(firms=400, markets=6, seed=5)
    twice = data.subset(np.concatenate([np.arange(400), np.arange(100)]))
    weights = np.where(np.arange(400) < 100, 2.0, 1.0)
    m = data.attributes[:, 0]
    one = maximise(data.reweighted(weights), m, 0 * m, start(data), tolerance=1e-8)
    two = maximise(twice, twice.attributes[:, 0], np.zeros(500), start(data), tolerance=1e-8)
    assert one.log_likelihood == pytest.approx(two.log_likelihood, abs=1e-5)
    assert one.parameters.scales.sigma_u == pytest.approx(two.parameters.scales.sigma_u, abs=1e-3)


def test_identical_years_count_as_one() -> None:
    data, truth = reference(firms=500, markets=8, seed=6)
    sales = np.where(data.presence == 1, data.log_sales, np.nan)
    panel = CapabilityData.from_arrays(
        np.vstack([sales, sales]),
        np.vstack([data.attributes, data.attributes]),
        firm=np.tile(np.arange(500), 2),
        year=np.repeat([2020, 2021], 500),
    )
    order = [int(name) for name in panel.firm_names]
    p = Parameters(truth.demand[None], truth.threshold[None], Scales(0.9, 1.1, 0.7, 0.4))
    single = integrate(data, truth.m, truth.g, p.demand, p.threshold, p.scales)
    m, demand, threshold = (
        np.repeat(truth.m[order], 2),
        np.tile(p.demand, (2, 1)),
        np.tile(p.threshold, (2, 1)),
    )
    double = integrate(panel, m, 0 * m, demand, threshold, p.scales)
    np.testing.assert_allclose(double.log_likelihood, single.log_likelihood[order])
    np.testing.assert_allclose(double.mean, single.mean[order], atol=1e-10)


def test_sectors_have_markets_of_their_own() -> None:
    data, _truth = reference(firms=800, markets=6, seed=7)
    sales = np.where(data.presence == 1, data.log_sales, np.nan)
    sector = np.where(np.arange(800) % 2 == 0, "food", "steel")
    sales[sector == "steel"] += 3.0
    both = CapabilityData.from_arrays(sales, data.attributes, sector=sector)
    results = estimate(both, QUICK)
    effects = results.market_effects.set_index(["group", "market"])["demand"].unstack("group")
    assert (effects["steel"] - effects["food"]).mean() == pytest.approx(3.0, abs=0.4)
    assert len(block_scores(both, results.state.fit.posterior)) == 2


@pytest.mark.truth
def test_one_market_in_one_year_says_what_it_cannot_know() -> None:
    data, _ = reference(firms=1200, markets=1, seed=8)
    results = estimate(data, QUICK, draws=3)
    assert results.scales.correlation == 0
    assert any("ρ is fixed" in line for line in results.diagnostics)
    assert results.parameters.loc["ρ", "fixed"] and np.isnan(results.parameters.loc["v_k", "low"])
    assert "fixed" in results.table()


def test_noise_is_reported_as_no_prediction() -> None:
    data, _ = reference(firms=400, markets=6, seed=9)
    noise = replace(
        data, attributes=np.random.default_rng(0).standard_normal((400, 2)), attribute_names=("x", "y")
    )
    results = estimate(noise, QUICK)
    assert results.variances["share of capability explained"] < 0.06


def test_simulated_outcomes_follow_the_model() -> None:
    data, _truth = reference(firms=4000, markets=10, seed=10)
    results = estimate(data, replace(QUICK, rounds=1))
    drawn = simulate(data, results.m, results.g, results.state.fit.parameters, np.random.default_rng(1))
    assert (drawn.presence == 1).mean() == pytest.approx((data.presence == 1).mean(), rel=0.05)
    assert drawn.log_sales[drawn.presence == 1].std() == pytest.approx(
        data.log_sales[data.presence == 1].std(), rel=0.05
    )


def test_imputations_are_pooled_by_rubins_rules(estimated) -> None:
    _, _, results = estimated
    pooled = pool_imputations([results, results])
    told = pooled.parameters.loc["σ_u"]
    assert told["standard_error"] == pytest.approx(results.parameters.loc["σ_u", "standard_error"])
    assert told["missing_information"] == 0
    np.testing.assert_allclose(pooled.firms["capability"], results.capability)
    np.testing.assert_allclose(pooled.firms["spread"], results.capability_spread)
    assert len(pooled.markets) == len(results.market_effects) and (pooled.markets["demand_error"] > 0).all()
    with pytest.raises(CapabilityError, match="two completed panels"):
        pool_imputations([results])


def test_rubins_rules_cover_where_values_are_missing_at_random() -> None:
    """A mean with a third missing, filled by draws from the posterior predictive: intervals cover, single filling does not."""
    generator, pooled, single = np.random.default_rng(0), 0, 0
    for _ in range(400):
        known = generator.normal(size=40)
        means, variances = [], []
        for _ in range(10):
            scale = known.std(ddof=1) * np.sqrt(39 / generator.chisquare(39))
            filled = generator.normal(known.mean() + scale / np.sqrt(40) * generator.normal(), scale, 20)
            whole = np.concatenate([known, filled])
            means.append(whole.mean())
            variances.append(whole.var(ddof=1) / 60)
        told = rubin(np.array(means)[:, None], np.array(variances)[:, None]).iloc[0]
        pooled += told["low"] <= 0 <= told["high"]
        single += abs(means[0]) < 1.645 * np.sqrt(variances[0])
    assert 0.86 <= pooled / 400 <= 0.95
    assert single / 400 < 0.82


@pytest.mark.truth
def test_intervals_stay_where_parameters_live_when_draws_collapse() -> None:
    """σ_u at its bound in some draws, errors there anything: no run-away, no sign that a scale cannot have."""
    draws = np.array([0.0, 0.0, 0.02, 0.4, 0.9, 1.1, 0.7, 0.0, 0.5, 1.3])
    errors = np.array([9.0, 30.0, 4.0, 0.5, 0.3, 0.2, 0.4, 55.0, 0.5, 0.1])
    low, high = corrected_interval(0.6, draws, errors)
    assert -3 < low < high < 4
    assert np.isnan(corrected_interval(0.6, draws[:2], errors[:2])).all()
    data, _ = reference(firms=600, markets=1, seed=0)
    table = estimate(data, QUICK, draws=10).parameters
    told = table[table["low"].notna()]
    scales = told.drop(index=[name for name in ("ρ", "v_k") if name in told.index])
    assert (scales["low"] >= 0).all() and (scales["high"] < 20).all()
