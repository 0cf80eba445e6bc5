"""Known firms in hidden markets, new markets and the next year; and what estimates do with thin or odd panels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from designs import reference

from firmtrade_core.capability import (
    CapabilityData,
    Learner,
    SampleError,
    Scales,
    Settings,
    estimate,
    pool_imputations,
)
from firmtrade_core.capability.comparison import ECONOMETRICS, LEARNING, STRUCTURE
from firmtrade_core.capability.forecast import LastYear, Persistence, next_year, structural_forecast
from firmtrade_core.capability.known import (
    WITHOUT_MEMORY,
    compare_in_known_markets,
    compare_in_new_markets,
    compare_next_year,
    effects_from,
    rows_of,
    simulate_years,
)
from firmtrade_core.capability.prospects import entry_probabilities
from firmtrade_core.capability.rivals import Econometrics, elsewhere, last_year

QUICK = Settings(tune=False, rounds=2, learner=Learner(base="splines", rounds=0, pairs=1))
TRUE = Scales(0.9, 1.1, 0.7, 0.4)
KEEP = Persistence(0.6, 0.5)


def column(*values: float) -> np.ndarray:
    return np.array(values)[:, None]


def test_next_year_is_the_mean_of_firms_followed_by_simulation() -> None:
    """Firms drawn from the model, those with the given last year kept: present with sales near 1.5, or absent."""
    generator = np.random.default_rng(1)
    size, kappa, variance, k, delta = 2_000_000, 0.6, 0.3, 0.5, 0.2
    u = np.sqrt(variance) * generator.standard_normal(size)
    mixed = np.linalg.cholesky([[1.21, TRUE.known_demand], [TRUE.known_demand, 0.49]])
    keep = np.array([KEEP.sales, KEEP.entry])
    fresh = np.linalg.cholesky((mixed @ mixed.T) * (1 - np.outer(keep, keep)))
    then = generator.standard_normal((size, 2)) @ mixed.T
    now = keep * then + generator.standard_normal((size, 2)) @ fresh.T
    sold = kappa + u + then[:, 1] >= k
    next_index, next_sales = kappa + 0.1 + u + now[:, 1], delta + 0.3 + kappa + 0.1 + u + now[:, 0]
    for present, chosen in ((0, ~sold), (1, sold & (np.abs(delta + kappa + u + then[:, 0] - 1.5) < 0.05))):
        enters = next_index[chosen] >= k + 0.2
        # The posterior of u given last year stands in for what an estimate would carry.
        posterior = np.array([u[chosen].mean()]), np.array([u[chosen].var()])
        last = LastYear(
            np.array([[present]], dtype=np.int8),
            column(1.5 * present),
            np.array([kappa]),
            np.zeros(1),
            column(delta),
            column(k),
        )
        found = next_year(
            np.array([kappa + 0.1]),
            np.zeros(1),
            column(delta + 0.3),
            column(k + 0.2),
            TRUE,
            posterior,
            last,
            KEEP,
        )
        assert found.entry[0, 0] == pytest.approx(enters.mean(), abs=0.02)
        assert found.log_sales[0, 0] == pytest.approx(next_sales[chosen][enters].mean(), abs=0.05)
        assert found.exports[0, 0] == pytest.approx((np.exp(next_sales[chosen]) * enters).mean(), rel=0.08)


def test_posterior_forecasts_and_no_memory_are_the_plain_formula() -> None:
    m, g, k, d = np.array([0.3]), np.array([0.1]), column(0.8), column(0.2)
    prior = structural_forecast(m, g, d, k, TRUE)
    same = structural_forecast(m, g, d, k, TRUE, (np.zeros(1), np.array([0.81])))
    last = LastYear(np.ones((1, 1), dtype=np.int8), column(9.0), m, g, d, k)
    forgotten = next_year(m, g, d, k, TRUE, (np.zeros(1), np.array([0.81])), last, Persistence())
    for name in ("entry", "log_sales", "exports"):
        np.testing.assert_allclose(getattr(prior, name), getattr(same, name))
        np.testing.assert_allclose(getattr(prior, name), getattr(forgotten, name))


def test_rivals_see_the_firm_elsewhere_but_never_the_cell_itself() -> None:
    data, _ = reference(firms=200, markets=6, seed=31)
    changed = data.presence.copy()
    changed[7, 2] = 1 - changed[7, 2]
    other = replace(
        data,
        presence=changed,
        log_sales=np.where(changed == 1, data.log_sales + 5 * (changed != data.presence), 0.0),
    )
    before, after = elsewhere(data), elsewhere(other)
    served = 2
    np.testing.assert_allclose(before[7, 2, served], after[7, 2, served])
    assert (before[7, [0, 1, 3, 4, 5], served] != after[7, [0, 1, 3, 4, 5], served]).all()
    previous = np.full(200, -1)
    previous[8] = 7
    lagged = last_year(data, previous)
    assert lagged[8, :, 0].tolist() == (data.presence[7] == 1).astype(float).tolist()
    assert (lagged[9, :, :5] == 0).all() and (lagged[9, :, 5] == 1).all() and (lagged[8, :, 5] == 0).all()


def test_a_weight_of_two_counts_twice_in_econometrics() -> None:
    data, _ = reference(firms=300, markets=5, seed=32)
    weights = np.where(np.arange(300) < 80, 2.0, 1.0)
    fits = [
        Econometrics.fit(d)
        for d in (data.reweighted(weights), data.subset(np.concatenate([np.arange(300), np.arange(80)])))
    ]
    one, two = (fit.forecast(data.attributes, data.group) for fit in fits)
    # Columns are scaled by unweighted moments, which a tiny ridge feels.
    np.testing.assert_allclose(one.entry, two.entry, atol=2e-3)
    np.testing.assert_allclose(one.log_sales, two.log_sales, atol=2e-2)


def test_structure_forecasts_known_firms_in_hidden_markets() -> None:
    data, _ = reference(firms=700, markets=10, seed=33)
    found = compare_in_known_markets(data, settings=QUICK, folds=5, folds_used=1, draws=6)
    values = found.table["value"].unstack("model")
    assert (
        values.loc["log sales RMSE", STRUCTURE] < values.loc["log sales RMSE", [ECONOMETRICS, LEARNING]].min()
    )
    # With so few cells entry is a tie with a probit that sees the firm elsewhere.
    assert values.loc["entry log loss", STRUCTURE] < 1.03 * values.loc["entry log loss"].min()
    assert (
        set(found.best) <= {STRUCTURE, ECONOMETRICS, LEARNING} and found.best["log sales RMSE"] == STRUCTURE
    )
    assert 0.15 < found.cells / data.presence.size < 0.25
    assert (found.by_market["low"] <= found.by_market["high"]).all()
    with pytest.raises(SampleError, match="one market"):
        compare_in_known_markets(reference(firms=1200, markets=1, seed=8)[0])


def test_effects_of_new_markets_come_from_features() -> None:
    features = np.random.default_rng(0).standard_normal((12, 2))
    effects = np.vstack([features @ [1.5, -0.5], 3 + features @ [1.5, -0.5]])
    sellers = np.full((2, 12), 10)
    sellers[:, 4] = 0
    blind = np.where(sellers > 0, effects, 99.0)
    np.testing.assert_allclose(effects_from(blind, sellers, features), effects)


def test_whole_markets_are_left_out_and_bad_features_refused() -> None:
    data, truth = reference(firms=500, markets=9, seed=34)
    features = pd.DataFrame({"size": truth.demand, "cost": truth.threshold}, index=list(data.markets))
    found = compare_in_new_markets(data, features, settings=QUICK, markets_used=1, draws=4)
    assert found.cells == 500 and len(found.by_market) == 3
    assert abs(found.by_market["error"].xs(STRUCTURE, level="model").iloc[0]) < 0.6
    with pytest.raises(SampleError, match="missing for"):
        compare_in_new_markets(data, features.iloc[1:])
    with pytest.raises(SampleError, match="at least"):
        compare_in_new_markets(data, pd.DataFrame(np.eye(9), index=list(data.markets)))


@pytest.fixture(scope="module")
def panel():
    """600 firms over four years whose shocks persist: outcomes simulated from an estimate."""
    data, _ = reference(firms=600, markets=6, seed=35)
    sales = np.where(data.presence == 1, data.log_sales, np.nan)
    years = CapabilityData.from_arrays(
        np.tile(sales, (4, 1)),
        np.tile(data.attributes, (4, 1)),
        firm=np.tile(np.arange(600), 4),
        year=np.repeat([2018, 2019, 2020, 2021], 600),
    )
    results = estimate(years, QUICK)
    return results, simulate_years(results, Persistence(0.8, 0.7), np.random.default_rng(2))


@pytest.mark.truth
def test_simulated_shocks_persist_as_asked(panel) -> None:
    results, _ = panel
    p = results.state.fit.parameters
    known = replace(p, threshold=np.full_like(p.threshold, -60.0), demand=np.zeros_like(p.demand))
    certain = replace(results, state=replace(results.state, fit=replace(results.state.fit, parameters=known)))
    drawn = simulate_years(certain, Persistence(0.8, 0.7), np.random.default_rng(3)).log_sales
    by_year = drawn.reshape(600, 4, 6) - results.m.reshape(600, 4, 1)
    luck = by_year - by_year.mean(2, keepdims=True)
    assert np.corrcoef(luck[:, 1].ravel(), luck[:, 2].ravel())[0, 1] == pytest.approx(0.7, abs=0.04)
    assert luck.var() * 6 / 5 == pytest.approx(results.scales.sigma_xi**2, rel=0.08)


@pytest.mark.truth
def test_next_year_is_forecast_with_the_persistence_the_sample_shows(panel) -> None:
    _, data = panel
    found = compare_next_year(data, settings=QUICK, draws=5)
    values = found.table["value"].unstack("model")
    assert found.persistence.entry >= 0.5 and "chosen on 2019 to 2020" in found.notes[0]
    assert values.loc["entry log loss", STRUCTURE] < 0.9 * values.loc["entry log loss", WITHOUT_MEMORY]
    assert values.loc["calibration error", STRUCTURE] < 0.03
    with pytest.raises(SampleError, match="at least three"):
        compare_next_year(rows_of(data, data.years >= 2020), settings=QUICK)


def test_next_year_does_not_look_at_the_year_it_forecasts(panel) -> None:
    _, whole = panel
    data = rows_of(whole, (whole.firm < 150) & (whole.years >= 2020))
    sold = (data.years == 2021)[:, None] & (data.presence == 1)
    spoilt = replace(data, log_sales=np.where(sold, data.log_sales + 1.0, data.log_sales))
    found = [
        compare_next_year(d, settings=QUICK, draws=1, persistence=Persistence(0.8)) for d in (data, spoilt)
    ]
    first, second = (c.table["value"] for c in found)
    for measure in ("entry log loss", "AUC"):
        pd.testing.assert_series_equal(first[measure], second[measure])
    assert (first["aggregate exports error"] != second["aggregate exports error"]).all()


def test_chances_of_absent_firms_are_the_frequencies_of_a_new_draw() -> None:
    """Of firms absent everywhere, by tenths of their chances, who enters when ν is drawn again."""
    data, truth = reference(firms=3000, markets=8, seed=36)
    results = estimate(data, QUICK)
    table = entry_probabilities(results, draws=2)
    place = {name: i for i, name in enumerate(data.firm_names)}
    firm, market = (
        table["firm"].map(place).to_numpy(),
        table["market"].map(list(data.markets).index).to_numpy(),
    )
    nu = 0.7 * np.random.default_rng(0).standard_normal((20, len(table)))
    enters = (truth.capability[firm] + nu >= truth.threshold[market]).mean(0)
    tenth = pd.qcut(table["probability"].rank(method="first"), 10, labels=False)
    told = pd.DataFrame({"chance": table["probability"], "enters": enters}).groupby(tenth).mean()
    assert (np.diff(told["enters"]) > -1e-3).all()
    np.testing.assert_allclose(told["chance"], told["enters"], atol=0.025)
    assert told["enters"].iloc[-1] > 0.05


def test_imputations_that_differ_widen_intervals_by_rubins_formula() -> None:
    data, _ = reference(firms=150, markets=5, seed=37)
    one = estimate(data, QUICK, draws=3)
    p, gap = one.state.fit.parameters, 0.2
    moved = replace(p, scales=replace(p.scales, sigma_u=p.scales.sigma_u + gap))
    two = replace(one, state=replace(one.state, fit=replace(one.state.fit, parameters=moved)))
    row = pool_imputations([one, two]).parameters.loc["σ_u"]
    # On logs, as σ_u cannot be negative.
    ends = np.array([p.scales.sigma_u, p.scales.sigma_u + gap])
    errors = np.array([each.parameters.loc["σ_u", "standard_error"] for each in (one, two)])
    within = np.mean((errors / ends) ** 2)
    between = 1.5 * np.log(ends).var(ddof=1)
    assert row["estimate"] == pytest.approx(np.sqrt(ends.prod()))
    assert row["standard_error"] == pytest.approx(row["estimate"] * np.sqrt(within + between))
    assert row["missing_information"] == pytest.approx(between / (within + between))


def test_an_industry_without_exporters_separates_nothing_into_infinity() -> None:
    data, _ = reference(firms=600, markets=5, seed=38)
    never = ~(data.presence == 1).any(1)
    dummy = (never & (np.arange(600) % 3 == 0)).astype(float)
    told = replace(
        data,
        attributes=np.column_stack([data.attributes, dummy]),
        attribute_names=(*data.attribute_names, "industry"),
    )
    results = estimate(told, QUICK)
    assert np.isfinite(results.m).all() and np.abs(results.m).max() < 20
    forecast = Econometrics.fit(told).forecast(told.attributes, told.group)
    assert np.isfinite(forecast.exports).all() and forecast.entry[dummy == 1].max() < 0.01


def test_a_sample_of_sellers_alone_says_what_thresholds_rest_on() -> None:
    data, _ = reference(firms=900, markets=5, seed=39)
    sellers = data.subset(np.flatnonzero(data.exports_anywhere))
    assert any("no never-exporters" in line for line in estimate(sellers, QUICK).diagnostics)
