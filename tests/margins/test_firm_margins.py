"""Margins of the home country's own firms, against simulation, closed forms and direct sums (MODEL 2)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from firmtrade_core.margins import (
    Deviations,
    Firms,
    FirmSector,
    FirmsError,
    FirmShift,
    FirmsMargins,
    Lognormal,
)
from firmtrade_core.margins.firm_functions import FirmRows
from firmtrade_core.margins.lognormal import LognormalMargins, assumed_presence
from tests.worlds import make_world

DEVIATIONS = Deviations(0.9, 1.1, 0.7, 0.3)
THRESHOLDS = np.linspace(-4.0, 6.0, 41)


def some_firms(count: int = 300, seed: int = 0, deviations: Deviations = DEVIATIONS) -> FirmSector:
    random = np.random.default_rng(seed)
    return FirmSector(
        random.normal(0, 1.2, count), deviations, random.normal(0, 0.4, count), random.uniform(0.5, 3, count)
    )


def direct(sector: FirmSector, k: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(2) to (4) as they are written, firm by firm: n, S and φ."""
    m, g, w = sector.arrays
    d, w = sector.deviations, w / w.sum()
    s, a = d.spread, m + g - k[:, None]
    v_k, v_f = d.known_taste, d.entry**2 - d.known_taste
    n = ndtr(a / s) @ w
    potential = np.exp(0.5 * (d.capability**2 + d.taste**2)) * (
        ndtr((a + d.capability**2 + v_k) / s) @ (w * np.exp(m))
    )
    fixed = np.exp(k + 0.5 * (d.taste**2 - v_k + v_f)) * (ndtr((a - v_f) / s) @ (w * np.exp(-g)))
    return n, potential, fixed / potential


def test_against_firms_drawn_one_by_one() -> None:
    """Firms that draw u, ξ and ν, enter or not, sell and pay fixed costs: (2) to (4) to three digits."""
    random, draws = np.random.default_rng(1), 4_000_000
    m, g, k = np.array([-0.5, 0.8]), np.array([0.3, -0.2]), 0.9
    d = DEVIATIONS
    which = random.integers(0, 2, draws)
    correlation = d.known_taste / (d.taste * d.entry)
    first, second = random.normal(size=(2, draws))
    taste = d.taste * first
    entry = d.entry * (correlation * first + np.sqrt(1 - correlation**2) * second)
    capability = m[which] + d.capability * random.normal(size=draws)
    present = capability + g[which] + entry >= k
    sales = np.exp(capability + taste) * present
    # Zero profit at the margin, where expected demand given ν is e^(κ + E[ξ|ν] + var/2).
    known = d.known_taste / d.entry**2 * entry
    left = d.taste**2 - d.known_taste**2 / d.entry**2
    fixed = np.exp(k - g[which] - entry + known + left / 2) * present
    n, log_s, share = (
        np.exp(FirmSector(m, d, g).functions.exact(np.array(k))[2]),
        FirmSector(m, d, g).functions.exact(np.array(k))[0] + 0.5 * (d.capability**2 + d.taste**2),
        FirmSector(m, d, g).functions.exact(np.array(k))[1],
    )
    assert present.mean() == pytest.approx(float(n), rel=2e-3)
    assert sales.mean() == pytest.approx(float(np.exp(log_s)), rel=5e-3)
    assert fixed.mean() / sales.mean() == pytest.approx(float(share), rel=5e-3)


def test_bins_and_table_against_direct_sums() -> None:
    sector = some_firms(2000)
    n, potential, share = direct(sector, THRESHOLDS)
    level = 0.5 * (DEVIATIONS.capability**2 + DEVIATIONS.taste**2)
    log_s, exact_share, log_n = sector.functions.exact(THRESHOLDS)
    np.testing.assert_allclose(log_s + level, np.log(potential), atol=2e-4)
    np.testing.assert_allclose(np.exp(log_n), n, rtol=1e-3)
    np.testing.assert_allclose(exact_share, share, rtol=1e-3)
    rows = FirmRows([sector.functions])
    found = rows.potential(THRESHOLDS[None])
    np.testing.assert_allclose(found[0][0], log_s, atol=1e-11)
    np.testing.assert_allclose(found[2][0], exact_share, atol=1e-11)
    np.testing.assert_allclose(rows.presence(THRESHOLDS[None])[0], log_n, atol=1e-10)
    assert sector.functions.table_error < 1e-11


def test_one_group_is_the_lognormal() -> None:
    """BMT17: constant m and g with v_f = 0 is the lognormal with variance s² (MODEL 2, tests)."""
    deviations = Deviations(0.8, 1.0, 0.6, 0.36)
    functions = FirmSector(np.full(5, 0.7), deviations).functions
    s, before, change = deviations.spread, 0.4, np.linspace(-3, 5, 30)
    closed = LognormalMargins(np.array([3.0]), s, np.full((1, 1, 1), before - 0.7))
    expected = closed.evaluate(change[:, None, None])
    base, moved = functions.exact(np.array([before])), functions.exact(before + change)
    np.testing.assert_allclose(moved[0] - base[0], expected.log_potential.ravel(), atol=1e-12)
    np.testing.assert_allclose(moved[2] - base[2], expected.log_presence.ravel(), atol=1e-12)
    np.testing.assert_allclose(moved[1], expected.fixed_cost_share.ravel(), rtol=1e-12)


def test_a_fine_sample_from_a_pareto_law_is_pareto_well_inside() -> None:
    """Exponential weights on a grid of m: constant slopes -(ζ-1) and -ζ, φ = (ζ-1)/ζ."""
    tail, m = 1.6, np.arange(0, 60, 0.02)
    rows = FirmRows([FirmSector(m, Deviations(0.4), weight=np.exp(-tail * m)).functions])
    k = np.linspace(6.0, 20.0, 50)[None]
    log_s, slope, share = rows.potential(k)
    np.testing.assert_allclose(slope, -(tail - 1), atol=1e-4)
    np.testing.assert_allclose(np.gradient(rows.presence(k)[0], k[0]), -tail, atol=1e-4)
    np.testing.assert_allclose(share, (tail - 1) / tail, atol=1e-4)
    np.testing.assert_allclose(np.diff(log_s[0]), -(tail - 1) * np.diff(k[0]), atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    u=st.floats(0.1, 2.5),
    xi=st.floats(0, 2),
    nu=st.floats(0.1, 1.5),
    known=st.floats(0, 1),
)
def test_functions_have_the_shape_the_model_gives_them(
    seed: int, u: float, xi: float, nu: float, known: float
) -> None:
    """0 <= φ < 1, n and S fall in k, and the slopes are those of the functions (MODEL 10)."""
    sector = some_firms(60, seed, Deviations(u, xi, nu, known * min(xi, nu) ** 2))
    rows, k = FirmRows([sector.functions]), np.linspace(-8, 12, 801)[None]
    log_s, slope, share = rows.potential(k)
    assert (share >= 0).all() and (share < 1).all()
    assert (
        (slope <= 1e-12).all()
        and (np.diff(log_s) <= 1e-13).all()
        and (np.diff(rows.presence(k)) <= 1e-13).all()
    )
    tiny = 1e-4
    numerical = (rows.potential(k + tiny)[0] - rows.potential(k - tiny)[0]) / (2 * tiny)
    np.testing.assert_allclose(slope, numerical, atol=1e-6 * (1 + np.abs(slope).max()))


def test_the_marginal_firm_just_covers_its_fixed_cost() -> None:
    """d(φS)/dk = φS + dS/dk: fixed costs rise with e^k, less those of the firms that leave."""
    functions, k, tiny = some_firms().functions, np.linspace(-2, 4, 13), 1e-5

    def fixed(at: np.ndarray) -> np.ndarray:
        log_s, share, _ = functions.exact(at)
        return share * np.exp(log_s)

    potential = [np.exp(functions.exact(k + side * tiny)[0]) for side in (1, -1)]
    change = (fixed(k + tiny) - fixed(k - tiny)) / (2 * tiny)
    expected = fixed(k) + (potential[0] - potential[1]) / (2 * tiny)
    np.testing.assert_allclose(change, expected, atol=1e-8)


def test_outside_the_table_sums_are_exact() -> None:
    functions = some_firms().functions
    rows = FirmRows([functions])
    for k in (functions.table.start - 7.0, functions.table.end + 5.0):
        log_s, slope, share = (part.item() for part in rows.potential(np.array([[k]])))
        exact = functions.exact(np.array([k]))
        assert log_s == pytest.approx(exact[0].item(), abs=1e-12)
        assert share == pytest.approx(exact[1].item(), rel=1e-9)
        assert slope <= 0
    everyone = rows.potential(np.array([[-np.inf]]))
    assert everyone[0].item() == pytest.approx(functions.log_potential_of_all, abs=1e-14)
    assert everyone[2].item() == rows.presence(np.array([[-np.inf]])).item() == 0
    assert abs(everyone[1].item()) < 1e-15


WORLD = make_world(5, 3)
ELASTICITY = np.array([3.0, 4.0, 5.0])
FAMILY = Firms("C01", {"S00": some_firms(seed=1), "S02": some_firms(seed=2)})


def test_thresholds_match_presence_and_the_mean_elasticity_is_as_asked() -> None:
    margins = FAMILY.calibrate(WORLD, ELASTICITY)
    assert isinstance(margins, FirmsMargins)
    share = np.exp(margins.before.presence(margins.threshold))
    np.testing.assert_allclose(share, assumed_presence(WORLD)[1][:, [0, 2]].T, rtol=1e-10)
    change = margins.evaluate(np.zeros((5, 5, 3)))
    abroad = WORLD.border_value * ~np.eye(5, dtype=bool)[:, :, None]
    elasticity = (margins.elasticity_of_substitution - 1) * (1 - change.potential_slope)
    np.testing.assert_allclose((abroad * elasticity).sum((0, 1)) / abroad.sum((0, 1)), ELASTICITY)
    assert elasticity[1, [0, 2, 3, 4], 0].std() > 0.02
    for part in (change.log_potential, change.log_presence, change.fixed_cost_share):
        assert part[1, 1, 0] == 0


def test_observed_presence_is_matched() -> None:
    family = Firms("C01", FAMILY.sectors, {"S00": {"C03": 0.123, "C00": 0.4}})
    margins = family.calibrate(WORLD, ELASTICITY)
    assert isinstance(margins, FirmsMargins)
    share = np.exp(margins.before.presence(margins.threshold))
    assert share[0, 3] == pytest.approx(0.123)
    assert share[0, 0] == pytest.approx(0.4)


def test_home_sectors_without_firms_follow_the_others() -> None:
    alone = Firms("C01", {}).calibrate(WORLD, ELASTICITY)
    np.testing.assert_array_equal(alone.elasticity_of_substitution, 1 + ELASTICITY / 1.5)


def test_programmes_move_the_firms_named_and_only_those() -> None:
    margins = FAMILY.calibrate(WORLD, ELASTICITY)
    assert isinstance(margins, FirmsMargins)
    shift = FirmShift({"S00": FAMILY.sectors["S00"].shifted(0.2)})
    after = margins.shifted(shift).evaluate(np.zeros((5, 5, 3)))
    assert after.log_potential[1, 1, 0] == pytest.approx(0.2)
    assert (after.log_potential[1, :, 0] > 0.19).all() and (after.log_presence[1, [0, 2], 0] > 0).all()
    others = np.ones((5, 5, 3), dtype=bool)
    others[1, :, 0] = False
    assert (after.log_potential[others] == 0).all() and (after.log_presence[others] == 0).all()
    easier = margins.shifted(FirmShift({"S00": FAMILY.sectors["S00"].shifted(0.0, 0.2)})).evaluate(
        np.zeros((5, 5, 3))
    )
    assert easier.log_presence[1, 0, 0] > 0 and easier.log_potential[1, 1, 0] == 0


def test_elsewhere_may_be_lognormal() -> None:
    margins = Firms("C01", FAMILY.sectors, elsewhere=Lognormal(2.0)).calibrate(WORLD, ELASTICITY)
    change = margins.evaluate(np.zeros((5, 5, 3)))
    abroad = WORLD.border_value * ~np.eye(5, dtype=bool)[:, :, None]
    elasticity = (margins.elasticity_of_substitution - 1) * (1 - change.potential_slope)
    np.testing.assert_allclose((abroad * elasticity).sum((0, 1)) / abroad.sum((0, 1)), ELASTICITY)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Deviations(-1.0), "σ_u is -1"),
        (lambda: Deviations(0.0, 1.0), "at least 0.05"),
        (lambda: Deviations(1.0, 0.5, 0.5, 0.3), "the smaller of"),
        (lambda: FirmSector(np.array([]), DEVIATIONS), "without firms"),
        (lambda: FirmSector(np.array([1.0, np.nan]), DEVIATIONS), "1 firms have no capability"),
        (lambda: FirmSector(np.ones(2), DEVIATIONS, weight=np.array([1.0, -1.0])), "zero or more"),
        (lambda: FirmSector(np.array([0.0, 1e6]), DEVIATIONS).functions, "outliers"),
        (lambda: Firms("XXX", FAMILY.sectors).calibrate(WORLD, ELASTICITY), "XXX, which is not in the world"),
        (lambda: Firms("C01", {"S9": some_firms()}).calibrate(WORLD, ELASTICITY), "no sector S9"),
        (
            lambda: FAMILY.calibrate(WORLD, ELASTICITY).shifted(FirmShift({"S00": some_firms(9)})),
            "weigh",
        ),
        (lambda: Firms("C01", {}, {"S00": {"C00": 1.4}}), "it lies from 0 to 1"),
    ],
)
def test_bad_input_is_named(make: object, words: str) -> None:
    assert callable(make)
    with pytest.raises(FirmsError, match=words):
        make()
