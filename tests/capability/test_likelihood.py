"""The likelihood against brute force, and its scores against finite differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from designs import reference
from scipy.stats import multivariate_normal, norm

from firmtrade_core.capability import CapabilityData, Scales
from firmtrade_core.capability.likelihood import _prior, integrate
from firmtrade_core.capability.maximise import Fit, Parameters, _tail_slope, maximise, scalar_scores, start

SCALES = Scales(0.8, 1.2, 0.6, 0.35, 0.9)


@pytest.fixture(scope="module")
def panel() -> tuple[CapabilityData, np.ndarray, np.ndarray, Parameters]:
    """80 firms over two years, 5 markets, with gaps, uneven weights, pooled years, and most firms' sales at home."""
    generator = np.random.default_rng(7)
    sales = np.where(generator.random((160, 5)) < 0.4, generator.normal(1, 1.5, (160, 5)), np.nan)
    observed = generator.random((160, 5)) < 0.9
    data = CapabilityData.from_arrays(
        sales,
        generator.standard_normal((160, 2)),
        firm=np.repeat(np.arange(80), 2),
        year=np.tile([2020, 2021], 80),
        weights=generator.uniform(0.5, 2, 160),
        observed=observed,
        home_sales=np.where(generator.random(160) < 0.8, generator.normal(2, 1, 160), np.nan),
    )
    m, g = generator.normal(0, 0.7, 160), generator.normal(0, 0.3, 160)
    parameters = Parameters(
        generator.normal(1, 0.5, (2, 5)), generator.normal(1, 0.5, (2, 5)), SCALES, home=np.array([1.8, 2.2])
    )
    return data, m, g, parameters


def value(data: CapabilityData, m: np.ndarray, g: np.ndarray, p: Parameters) -> np.ndarray:
    return integrate(data, m, g, p.demand, p.threshold, p.scales, nodes=31, home=p.home).log_likelihood


def test_a_firms_likelihood_is_the_integral_of_the_model(panel) -> None:
    data, m, g, p = panel
    u = np.linspace(-7, 7, 4001)
    s = p.scales
    for firm in (0, 17, 55):
        brute = mean_of_u = 0.0
        for r in range(data.starts[firm], data.starts[firm + 1]):
            total = norm.logpdf(u, 0, s.sigma_u)
            capability = m[r] + u
            for j in range(5):
                mean = [capability, p.threshold[data.group[r], j] - capability - g[r]]
                if data.presence[r, j] == 0:
                    part = norm.logcdf(mean[1], scale=s.sigma_nu)
                elif data.presence[r, j] == 1:
                    # f(ln x) times the probability of entry given the sales shock, from the bivariate normal
                    shock = data.log_sales[r, j] - p.demand[data.group[r], j] - capability
                    conditional = s.correlation * s.sigma_nu / s.sigma_xi * shock
                    spread = s.sigma_nu * np.sqrt(1 - s.correlation**2)
                    part = norm.logpdf(shock, scale=s.sigma_xi) + norm.logsf(mean[1], conditional, spread)
                else:
                    continue
                total = total + part
            # Years that count once: each year's own likelihood, averaged.
            home = data.home_sales[r]
            if np.isfinite(home):
                total = total + norm.logpdf(home - p.home[data.group[r]] - capability, scale=s.sigma_home)
            peak = total.max()
            mass = np.trapezoid(np.exp(total - peak), u)
            brute += data.temper[r] * (peak + np.log(mass))
            mean_of_u += data.temper[r] * np.trapezoid(u * np.exp(total - peak), u) / mass
        assert value(data, m, g, p)[firm] == pytest.approx(brute, abs=2e-6)
        posterior = integrate(data, m, g, p.demand, p.threshold, s, nodes=31, home=p.home)
        assert posterior.mean[firm] == pytest.approx(mean_of_u, abs=1e-5)


def test_correlation_is_that_of_sales_and_entry_shocks() -> None:
    """One firm, one market: the present cell's likelihood is a bivariate normal's partial integral."""
    s = Scales(1e-3, 1.2, 0.6, 0.35)
    covariance = [[1.44, s.known_demand], [s.known_demand, 0.36]]
    x, k = 0.7, 0.4
    nu = np.linspace(k, 8, 20001)
    joint = multivariate_normal([0, 0], covariance).pdf(np.column_stack([np.full_like(nu, x), nu]))
    sales = np.full((60, 2), np.nan)
    sales[:30] = x
    data = CapabilityData.from_arrays(sales[:, :1], np.arange(60.0)[::-1, None] % 7)
    found = integrate(data, np.zeros(60), np.zeros(60), np.zeros((1, 1)), np.full((1, 1), k), s)
    assert found.log_likelihood[0] == pytest.approx(np.log(np.trapezoid(joint, nu)), abs=1e-4)


def test_scores_match_finite_differences(panel) -> None:
    data, m, g, p = panel
    posterior = integrate(data, m, g, p.demand, p.threshold, p.scales, nodes=31, home=p.home)
    fit = Fit(p, posterior, 0.0, 0)
    scores, step = scalar_scores(data, m, g, fit), 1e-5
    for which in range(4):
        sides = []
        for sign in (1, -1):
            free = p.scales.free()
            free[which] += sign * step
            sides.append(value(data, m, g, replace(p, scales=Scales.from_free(free, p.scales.sigma_home))))
        np.testing.assert_allclose(scores[:, which], (sides[0] - sides[1]) / (2 * step), atol=2e-5)
    stretched = value(data, m * np.exp(step), g, p) - value(data, m * np.exp(-step), g, p)
    np.testing.assert_allclose(scores[:, 4], stretched / (2 * step), atol=2e-5)
    stretched = value(data, m, g * np.exp(step), p) - value(data, m, g * np.exp(-step), p)
    np.testing.assert_allclose(scores[:, 5], stretched / (2 * step), atol=2e-5)
    wider = [
        replace(p, scales=replace(p.scales, sigma_home=p.scales.sigma_home * np.exp(by)))
        for by in (step, -step)
    ]
    told = (value(data, m, g, wider[0]) - value(data, m, g, wider[1])) / (2 * step)
    np.testing.assert_allclose(scores[:, 6], told, atol=2e-5)
    ends = [replace(p, home=p.home + np.array([by, 0.0])) for by in (step, -step)]
    told = (value(data, m, g, ends[0]) - value(data, m, g, ends[1])).sum() / (2 * step)
    assert posterior.home_score[data.group == 0].sum() == pytest.approx(told, abs=1e-4)


def test_market_and_index_scores_match_finite_differences(panel) -> None:
    data, m, g, p = panel
    posterior = integrate(data, m, g, p.demand, p.threshold, p.scales, nodes=31, home=p.home)
    step = 1e-5
    for name, scores in (("demand", posterior.demand_scores), ("threshold", posterior.threshold_scores)):
        for cell in ((0, 1), (1, 4)):
            sides = []
            for sign in (1, -1):
                moved = getattr(p, name).copy()
                moved[cell] += sign * step
                sides.append(value(data, m, g, replace(p, **{name: moved})).sum())
            analytic = scores[data.group == cell[0], cell[1]].sum()
            assert analytic == pytest.approx((sides[0] - sides[1]) / (2 * step), abs=1e-4)
    up, down = value(data, m, g + 1e-4, p), value(data, m, g - 1e-4, p)
    np.testing.assert_allclose(posterior.entry_score, (up - down) / 2e-4, atol=1e-5)
    second = (up - 2 * value(data, m, g, p) + down) / 1e-8
    np.testing.assert_allclose(posterior.entry_curvature, -second, atol=2e-3)


def test_nine_nodes_are_enough() -> None:
    data, truth = reference(firms=800, markets=12)
    at = (data, truth.m, truth.g, truth.demand[None], truth.threshold[None], Scales(0.9, 1.1, 0.7, 0.4))
    few, many = integrate(*at), integrate(*at, nodes=61)
    assert abs(few.log_likelihood.sum() - many.log_likelihood.sum()) < 0.3  # 3e-5 by firm
    assert np.abs(few.mean - many.mean).max() < 0.01


def test_maximum_has_no_slope_and_is_climbed_to_steadily() -> None:
    data, truth = reference(firms=600, markets=8)
    fit = maximise(data, truth.m, truth.g, start(data), tolerance=1e-7)
    assert np.abs(data.weights @ scalar_scores(data, truth.m, truth.g, fit)).max() < 0.05
    assert np.abs(fit.posterior.threshold_scores.sum(0)).max() < 0.05
    rough = maximise(data, truth.m, truth.g, start(data), tolerance=5.0)
    assert rough.log_likelihood <= fit.log_likelihood


@pytest.mark.parametrize("tail", [0.3, 0.7, 0.95])
def test_an_exponentially_modified_law_integrates_to_one_with_its_moments_and_scores(
    panel, tail: float
) -> None:
    data, m, g, p = panel
    law = replace(p.scales, tail=tail)
    drawn = law.draw_u(np.random.default_rng(0), 400_000)
    assert (drawn.mean(), drawn.std()) == pytest.approx((0.0, law.sigma_u), abs=5e-3)
    # Sums over its normals have its mean and variance exactly.
    weight, mean, variance = np.array(law.components).T
    assert weight @ mean == pytest.approx(0, abs=1e-12)
    assert weight @ (mean**2 + variance) == pytest.approx(law.sigma_u**2)
    u = np.linspace(-6, 12, 6001)
    density = np.array([np.exp(_prior(x, law.sigma_u, tail)[0]) for x in u])
    assert np.trapezoid(density, u) == pytest.approx(1, abs=1e-6)
    assert np.trapezoid(u**2 * density, u) == pytest.approx(law.sigma_u**2, rel=1e-4)
    at = replace(p, scales=law)
    posterior = integrate(data, m, g, p.demand, p.threshold, law, nodes=31, home=p.home)
    scores = scalar_scores(data, m, g, Fit(at, posterior, 0.0, 0))
    for place, name, by in ((0, "sigma_u", law.sigma_u), (7, "tail", _tail_slope(tail))):
        ends = [
            value(data, m, g, replace(p, scales=replace(law, **{name: getattr(law, name) + step * by})))
            for step in (1e-4, -1e-4)
        ]
        np.testing.assert_allclose(scores[:, place].sum(), (ends[0] - ends[1]).sum() / 2e-4, atol=0.02)
    ends = [value(data, m + step, g, at).sum() for step in (1e-4, -1e-4)]
    assert posterior.prior_score.sum() == pytest.approx((ends[0] - ends[1]) / 2e-4, abs=0.02)


@pytest.mark.parametrize("follows", [-0.4, 0.3])
def test_tastes_that_follow_capability_have_their_likelihood_and_scores(panel, follows: float) -> None:
    """Against brute force over u, and against finite differences."""
    data, m, g, p = panel
    law = replace(p.scales, follows=follows)
    at = replace(p, scales=law)
    posterior = integrate(data, m, g, p.demand, p.threshold, law, nodes=31, home=p.home)
    scores = scalar_scores(data, m, g, Fit(at, posterior, 0.0, 0))
    u = np.linspace(-5, 5, 2001)
    for r in (3, 41):  # years count once here: each row by itself
        capability, group, spread = m[r] + u, data.group[r], law.sigma_xi * np.exp(follows * u)
        total = norm.logpdf(u, 0, law.sigma_u)
        for j in range(5):
            reach = p.threshold[group, j] - capability - g[r]
            if data.presence[r, j] == 0:
                total = total + norm.logcdf(reach, scale=law.sigma_nu)
            elif data.presence[r, j] == 1:
                shock = data.log_sales[r, j] - p.demand[group, j] - capability
                centre = law.correlation * law.sigma_nu / spread * shock
                rest = law.sigma_nu * np.sqrt(1 - law.correlation**2)
                total = total + norm.logpdf(shock, scale=spread) + norm.logsf(reach, centre, rest)
        if np.isfinite(data.home_sales[r]):
            total = total + norm.logpdf(data.home_sales[r] - p.home[group] - capability, scale=law.sigma_home)
        peak = total.max()
        brute = peak + np.log(np.trapezoid(np.exp(total - peak), u))
        assert posterior.by_row(data).log_likelihood[r] == pytest.approx(brute, abs=2e-5)
    for place, name, by in ((0, "sigma_u", law.sigma_u), (1, "sigma_xi", law.sigma_xi), (8, "follows", 1.0)):
        ends = [
            value(data, m, g, replace(p, scales=replace(law, **{name: getattr(law, name) + step * by})))
            for step in (1e-4, -1e-4)
        ]
        np.testing.assert_allclose(scores[:, place].sum(), (ends[0] - ends[1]).sum() / 2e-4, atol=0.02)
    ends = [value(data, m + step, g, at).sum() for step in (1e-4, -1e-4)]
    assert posterior.prior_score.sum() == pytest.approx((ends[0] - ends[1]) / 2e-4, abs=0.02)
    drawn = law.taste_at(law.draw_u(np.random.default_rng(0), 400_000))
    assert np.sqrt(np.mean(drawn**2)) == pytest.approx(law.taste_of_all, rel=0.01)
