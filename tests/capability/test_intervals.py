"""Intervals by construction: they hold their estimate, and end where numbers do; shares of variance are never negative."""

from __future__ import annotations

import numpy as np
import pytest
from designs import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from firmtrade_core.capability import CapabilityData, Learner, Settings, estimate
from firmtrade_core.capability.bootstrap import told_interval
from firmtrade_core.capability.boundary import at_the_bound, profile_of_unexplained
from firmtrade_core.capability.explanation import NOT_TOLD_APART, shapley_of_variance, variance_shares
from firmtrade_core.capability.imputations import _pooled_parameters
from firmtrade_core.capability.results import MOST_MISFIT
from firmtrade_core.capability.years import LAST, LASTING, ONCE, treatments_of_years, with_years

QUICK = Settings(tune=False, rounds=2, learner=Learner(rounds=20))
DOMAINS = {
    "real": (-np.inf, np.inf),
    "positive": (0.0, np.inf),
    "share": (0.0, 1.0),
    "correlation": (-1.0, 1.0),
}


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(DOMAINS)),
    st.lists(st.floats(-1, 1, allow_subnormal=False), min_size=4, max_size=30),
    st.booleans(),
)
def test_no_interval_leaves_out_its_estimate_or_where_the_number_lives(domain, raw, with_errors) -> None:
    least, most = DOMAINS[domain]
    values = np.array(raw)
    if domain == "positive":
        values = np.exp(3 * values) * (values > -0.9)
    elif domain == "share":
        values = np.clip(0.5 + 0.6 * values, 0, 1)
    estimate, draws = float(values[0]), values[1:]
    errors = 0.1 + np.abs(draws) if with_errors else None
    told = told_interval(estimate, draws, errors, domain=domain)
    assert least <= told.low <= estimate <= told.high <= most
    assert told.low <= told.corrected <= told.high
    assert np.isfinite([told.low, told.high]).all()


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 7), st.integers(0, 10_000))
def test_shapley_values_of_a_variance_add_up_and_none_is_negative(count, seed) -> None:
    root = np.random.default_rng(seed).standard_normal((count, max(count - seed % 2, 1)))
    covariance = root @ root.T
    split = shapley_of_variance(covariance)
    assert (split >= 0).all()
    assert split.sum() == pytest.approx(covariance.sum(), abs=1e-8 * np.abs(covariance).sum())


def test_a_source_that_works_against_the_others_has_no_negative_share() -> None:
    """x and -0.9 x + e: the covariance of the second with the sum is negative, what it tells of it is not."""
    covariance = np.array([[1.0, -0.9], [-0.9, 0.81 + 0.05]])
    assert covariance.sum(1)[1] < 0 < shapley_of_variance(covariance)[1]


def one_market(seed: int, *, sigma_u: float = 0.9) -> CapabilityData:
    """2,500 firms over two years of one market; a firm's taste for it lasts, its luck does not."""
    generator, firms = np.random.default_rng(seed), 2500
    a = generator.standard_normal((firms, 2))
    m, u = a[:, 0], sigma_u * generator.standard_normal(firms)
    taste, known = generator.standard_normal((2, firms))
    rows = []
    for _ in range(2):
        luck, cost = generator.standard_normal((2, firms))
        xi, nu = 0.9 * taste + 0.4 * luck, 0.6 * known + 0.3 * cost
        rows.append(np.where(m + u + nu > 0.7, 2 + m + u + xi, np.nan))
    return CapabilityData.from_arrays(
        np.concatenate(rows)[:, None],
        np.vstack([a, a]),
        firm=np.tile(np.arange(firms), 2),
        year=np.repeat([2020, 2021], firms),
    )


@pytest.mark.truth
def test_years_that_count_once_do_not_take_unexplained_capability_away() -> None:
    """Two years of one market: σ_u fell to 0.001 and attributes "explained 100 %", where the truth is 55 %."""
    data = one_market(0)
    found = treatments_of_years(data, QUICK)
    table = found.table
    assert list(table.index) == [ONCE, LASTING, LAST]
    assert table.loc[ONCE, "explained"] == pytest.approx(table.loc[LAST, "explained"], abs=0.1)
    assert table.loc[ONCE, "explained"] == pytest.approx(1 / 1.81, abs=0.15)
    # A lasting taste counts as capability where years are taken as independent: less is explained.
    assert table.loc[LASTING, "explained"] < table.loc[ONCE, "explained"]
    assert (table["low"] <= table["explained"]).all() and (table["explained"] <= table["high"]).all()
    assert "100\u202f%" not in found.words and "100%" not in found.words
    assert with_years(data, independent=True).temper.min() == 1


def test_a_boundary_solution_is_said_and_bounded() -> None:
    data = one_market(3, sigma_u=1e-3)
    results = estimate(with_years(data, independent=False), QUICK)
    profile = profile_of_unexplained(results.data, results.state)
    assert profile.low <= results.scales.sigma_u <= profile.high
    assert 0 < profile.explained_low < 1
    shares = variance_shares(results)
    assert NOT_TOLD_APART in shares.index and (shares["share"] >= 0).all()
    if at_the_bound(float(results.variances["share of capability explained"])):
        assert "at least" in results.table() and "bound" in results.table()
    assert "100%" not in results.table()


def test_pooled_scales_have_no_negative_interval() -> None:
    import pandas as pd

    tables = [
        pd.DataFrame({"estimate": [e, 0.1], "standard_error": [0.5 * e, 0.3]}, index=["σ_u", "v_k"])
        for e in (0.2, 0.9)
    ]
    pooled = _pooled_parameters(tables, 0.9).set_index(tables[0].index)
    assert 0 < pooled.loc["σ_u", "low"] < pooled.loc["σ_u", "estimate"] < pooled.loc["σ_u", "high"]
    assert pooled.loc["v_k", "low"] < 0


def test_all_firms_potential_is_decomposed_whoever_exports() -> None:
    """A group that lowers capability among exporters has a share of its own all the same."""
    data, _ = reference(firms=1200, markets=8, seed=3)
    shares = variance_shares(estimate(data, QUICK), {"a1": "scale", "a2": "quality", "a7": "finance"})
    assert (shares["share"] >= 0).all() and shares["share"].sum() == pytest.approx(1)
    assert shares.loc["scale", "share"] > 0.05 > 0.02 > shares.loc["finance", "share"]


def test_intervals_widen_where_firms_differ_more_than_the_model_has_it() -> None:
    """Some firms' tastes are spread six times as wide: σ_ξ of the whole is told less well than normal tastes would tell it."""
    data, truth = reference(firms=800, markets=8, seed=4)
    settings = Settings(tune=False, rounds=1, learner=Learner(rounds=10), law="normal")
    plain = estimate(data, settings, draws=4)
    wide = np.where(np.random.default_rng(4).random(800) < 0.1, 2.5, 0.4)[:, None]
    kappa = truth.capability[:, None]
    sales = np.where(kappa + truth.nu >= truth.threshold, truth.demand + kappa + wide * truth.xi, np.nan)
    mixed = estimate(CapabilityData.from_arrays(sales, data.attributes), settings, draws=4)
    assert 1.0 <= plain._misfit("σ_ξ") < 1.25
    assert 1.5 < mixed._misfit("σ_ξ") <= MOST_MISFIT
    raw = np.std([d.scales.sigma_xi for d in mixed.draws], ddof=1)
    error = mixed.parameters.loc["σ_ξ", "standard_error"]
    assert error == pytest.approx(raw * mixed._misfit("σ_ξ"))
