"""Margin functions against closed forms, finite differences and simulation (MODEL 2 and 10)."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_ndtr, ndtr

from firmtrade_core.margins import Armington, Krugman, Lognormal, MarginFamily, Margins, Pareto
from firmtrade_core.margins.lognormal import LognormalMargins, assumed_presence
from firmtrade_core.margins.normal import lognormal_law
from firmtrade_core.margins.tables import compiled
from tests.worlds import make_world

WORLD = make_world(5, 3, seed=1)
ELASTICITY = np.array([3.0, 5.0, 8.0])


@pytest.mark.parametrize("family", [Pareto(1.4), Lognormal(2.4)], ids=lambda f: f.name)
@given(at=st.floats(-3, 3))
@settings(max_examples=20, deadline=None)
def test_margins_fall_in_the_threshold_and_slopes_are_derivatives(family: MarginFamily, at: float) -> None:
    margins = family.calibrate(WORLD, ELASTICITY)
    shape, step = WORLD.expenditure.shape, 1e-5
    low, mid, high = (margins.evaluate(np.full(shape, at + d)) for d in (-step, 0, step))
    assert (high.log_potential <= low.log_potential).all() and (high.log_presence <= low.log_presence).all()
    slope = (high.log_potential - low.log_potential) / (2 * step)
    np.testing.assert_allclose(mid.potential_slope, slope, rtol=1e-4, atol=1e-7)
    assert (mid.fixed_cost_share >= 0).all() and (mid.fixed_cost_share < 1).all()


def test_nothing_moves_without_heterogeneity() -> None:
    for family in (Armington(), Krugman()):
        change = family.calibrate(WORLD, ELASTICITY).evaluate(np.full((5, 5, 3), 1.3))
        assert not any(np.any(part) for part in change)


def test_pareto_follows_the_table() -> None:
    margins = Pareto(1.5).calibrate(WORLD, ELASTICITY)
    np.testing.assert_allclose(margins.elasticity_of_substitution, 1 + ELASTICITY / 1.5)
    change = margins.evaluate(np.full((5, 5, 3), 0.2))
    np.testing.assert_allclose(change.log_potential, -0.5 * 0.2)
    np.testing.assert_allclose(change.log_presence, -1.5 * 0.2)
    np.testing.assert_allclose(change.fixed_cost_share, 1 / 3)


def test_lognormal_against_a_simulated_population() -> None:
    """(2) to (4): presence, potential and fixed costs of firms drawn one by one."""
    dispersion, before, after = 1.2, 0.4, 0.9
    sizes = np.random.default_rng(0).normal(0, dispersion, 4_000_000)

    def measured(threshold: float) -> tuple[float, float, float]:
        present = sizes >= threshold
        potential = np.exp(sizes) * present
        # A firm at the threshold just covers its fixed cost: variable profit e^κ against e^k.
        return present.mean(), potential.mean(), np.exp(threshold) * present.mean() / potential.mean()

    old, new = measured(before), measured(after)
    margins = LognormalMargins(np.array([4.0]), dispersion, np.full((1, 1, 1), before))
    change = margins.evaluate(np.full((1, 1, 1), after - before))
    assert change.log_presence.item() == pytest.approx(np.log(new[0] / old[0]), abs=3e-3)
    assert change.log_potential.item() == pytest.approx(np.log(new[1] / old[1]), abs=3e-3)
    assert change.fixed_cost_share.item() == pytest.approx(new[2], abs=3e-3)


def test_lognormal_has_the_average_elasticity_asked_for() -> None:
    margins = Lognormal(2.4).calibrate(WORLD, ELASTICITY)
    assert isinstance(margins, LognormalMargins)
    slope = margins.evaluate(np.zeros((5, 5, 3))).potential_slope
    abroad = WORLD.border_value * ~np.eye(5, dtype=bool)[:, :, None]
    elasticity = (margins.elasticity_of_substitution - 1) * (1 - slope)
    np.testing.assert_allclose((abroad * elasticity).sum((0, 1)) / abroad.sum((0, 1)), ELASTICITY)
    assert (elasticity[~np.eye(5, dtype=bool)].std(0) > 0.05).all()


def test_assumed_presence_follows_sales_abroad() -> None:
    presence = assumed_presence(WORLD)
    home = np.einsum("iis->is", WORLD.revenue)
    assert (np.einsum("iis->is", presence) == 1).all()
    expected = min(0.9, (WORLD.revenue[1, 3, 2] / home[1, 2]) ** 0.65)
    assert presence[1, 3, 2] == pytest.approx(expected)


def test_everyone_is_at_home_whatever_happens() -> None:
    margins = Lognormal().calibrate(WORLD, ELASTICITY)
    change = margins.evaluate(np.full((5, 5, 3), 5.0))
    for part in (change.log_potential, change.log_presence, change.fixed_cost_share):
        assert (np.einsum("iis->is", part) == 0).all()


def test_moved_thresholds_start_where_the_change_left_them() -> None:
    margins = Lognormal().calibrate(WORLD, ELASTICITY)
    first, second = np.full((5, 5, 3), 0.3), np.full((5, 5, 3), -0.8)
    direct = margins.evaluate(first + second)
    stepwise = margins.moved(first).evaluate(second)
    np.testing.assert_allclose(
        margins.evaluate(first).log_potential + stepwise.log_potential, direct.log_potential, atol=1e-12
    )
    np.testing.assert_allclose(stepwise.fixed_cost_share, direct.fixed_cost_share)


def test_presence_matches_its_threshold() -> None:
    margins = Lognormal(2.0).calibrate(WORLD, ELASTICITY)
    assert isinstance(margins, LognormalMargins)
    np.testing.assert_allclose(ndtr(-margins.threshold / 2.0), assumed_presence(WORLD), rtol=1e-12)


@pytest.mark.parametrize("within", [None, np.array([6.0, 9.0, 30.0])], ids=["plain", "nested"])
@given(seed=st.integers(0, 1000), spread=st.floats(0.01, 3.0))
@settings(max_examples=15, deadline=None)
def test_tables_hold_the_margin_functions_and_the_nest(
    within: np.ndarray | None, seed: int, spread: float
) -> None:
    """What the solver reads against Newton's method on the exact functions, cell by cell."""
    margins = Lognormal(2.4).calibrate(WORLD, ELASTICITY, within)
    index = np.random.default_rng(seed).normal(0, spread, WORLD.expenditure.shape)
    read, exact = margins.effective(index), Margins.effective(margins, index)
    np.testing.assert_allclose(read[0], exact[0], atol=1e-11)
    np.testing.assert_allclose(read[1], exact[1], atol=1e-8)
    np.testing.assert_allclose(read[2], exact[2], atol=1e-11)
    change = margins.threshold_change(index)
    potential = margins.evaluate(change).log_potential
    np.testing.assert_allclose(change - (1 - margins.nest) * potential, index, atol=1e-10)


@pytest.mark.parametrize("within", [None, np.array([6.0, 9.0, 30.0])], ids=["plain", "nested"])
def test_cells_beyond_the_tables_are_solved_one_by_one(within: np.ndarray | None) -> None:
    margins = Lognormal(2.4).calibrate(WORLD, ELASTICITY, within)
    index = np.zeros(WORLD.expenditure.shape)
    index[0, 1], index[2, 3] = 300.0, -300.0
    potential, slope, share = margins.effective(index)
    change = margins.threshold_change(index)
    found = margins.evaluate(change)
    np.testing.assert_allclose(potential, margins.nest * found.log_potential, rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(share, found.fixed_cost_share, atol=1e-10)
    assert (slope <= 0).all()


def test_the_certificate_s_functions_are_the_closed_forms() -> None:
    margins = Lognormal(2.4).calibrate(WORLD, ELASTICITY)
    for change in (-40.0, -1.0, 0.0, 0.5, 6.0, 60.0, 300.0):
        moved = np.full(WORLD.expenditure.shape, change)
        exact, found = margins.evaluate(moved), margins.verified(moved)
        np.testing.assert_allclose(found.log_potential, exact.log_potential, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(found.fixed_cost_share, exact.fixed_cost_share, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("s", [0.3, 1.0, 2.4, 6.0])
def test_closed_forms_of_many_are_those_of_another_library(s: float) -> None:
    x = np.concatenate([np.linspace(-45, 30, 20_001), [-np.inf, 0.0]])
    potential, share = lognormal_law(s * x, np.zeros_like(x), s)
    np.testing.assert_allclose(potential, ndtr(s - x), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(potential, ndtr(s - x), rtol=0, atol=2e-15)
    np.testing.assert_allclose(share, np.exp(s * x - s**2 / 2 + log_ndtr(-x) - log_ndtr(s - x)), atol=1e-12)
    cells = np.moveaxis(np.random.default_rng(0).normal(size=(3, 4, 5)), 0, 2)
    np.testing.assert_allclose(lognormal_law(cells, 0 * cells, s)[0], ndtr(s - cells / s), rtol=1e-14)


def test_compiled_code_needs_no_place_for_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be written numba refuses to cache; the function is compiled without."""
    right = numba.njit

    def nowhere(*given: object, cache: bool = False, **options: object) -> object:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return right(*given, **options)

    monkeypatch.setattr(numba, "njit", nowhere)
    assert compiled(lambda x: 2.0 * x)(3.0) == 6.0
