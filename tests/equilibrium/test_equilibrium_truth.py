"""Slow truth tests of the engine: many random worlds, and real trade under every family."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.random_worlds import returns
from benchmarks.worlds import added_tariff, icio, wiod
from firmtrade_core.equilibrium import Parameters, Shock, solve
from firmtrade_core.equilibrium.errors import InsolvencyError, OneWayTradeError
from firmtrade_core.margins import Armington, EatonKortum, Krugman, Lognormal, MarginFamily, Pareto
from firmtrade_core.margins.lognormal import LognormalMargins
from firmtrade_core.world.world import World
from tests.equilibrium.test_identities import random_shock
from tests.worlds import make_world

pytestmark = pytest.mark.truth

FAMILIES = [Armington(), EatonKortum(), Krugman(), Pareto(1.5), Pareto(2.0), Lognormal(2.4)]


@pytest.fixture
def trade(needs_data: Callable[[str], Path]) -> World:
    needs_data("icio")
    return _icio()


@cache
def _icio() -> World:
    return icio()


@pytest.mark.parametrize("family", FAMILIES, ids=repr)
@given(
    seed=st.integers(0, 10**6),
    countries=st.integers(2, 9),
    sectors=st.integers(1, 6),
    closure=st.sampled_from(["fixed", "proportional", "removed"]),
    labour=st.floats(0, 0.5),
    elasticity=st.floats(4.0, 12.0),
    size=st.floats(0, 0.4),
)
@settings(max_examples=100, deadline=None)
def test_any_world_any_shock_is_certified(
    family: MarginFamily,
    seed: int,
    countries: int,
    sectors: int,
    closure: str,
    labour: float,
    elasticity: float,
    size: float,
) -> None:
    world = make_world(countries, sectors, seed=seed)
    parameters = Parameters(elasticity, family, deficits=closure, labour_supply_elasticity=labour)  # type: ignore[arg-type]
    try:
        assert solve(world, random_shock(world, seed, size), parameters).certificate.holds
    except InsolvencyError:
        assert closure == "fixed"  # the only closure under which a surplus can outgrow an income
    except OneWayTradeError:
        assert closure == "removed" and not returns(world)


@pytest.mark.parametrize("family", FAMILIES, ids=repr)
@pytest.mark.parametrize("closure", ["fixed", "proportional", "removed"])
def test_real_trade_is_certified(trade: World, family: MarginFamily, closure: str) -> None:
    parameters = Parameters(5.0, family, deficits=closure)  # type: ignore[arg-type]
    for shock in (
        added_tariff(trade, "USA", 0.10),
        added_tariff(trade, "USA", 1e6),
        Shock(tariff=np.zeros_like(trade.tariff)),
    ):
        assert solve(trade, shock, parameters).certificate.holds


def test_real_trade_steps_compose(trade: World) -> None:
    half, full = (added_tariff(trade, "USA", points) for points in (0.05, 0.10))
    for family in FAMILIES:
        parameters = Parameters(5.0, family)
        once, first = solve(trade, full, parameters), solve(trade, half, parameters)
        second = solve(first.to_world(), full, first.carried_parameters())
        composed = first.real_income_change * second.real_income_change
        np.testing.assert_allclose(composed, once.real_income_change, rtol=1e-8)


def test_input_output_links_amplify_on_real_trade(needs_data: Callable[[str], Path]) -> None:
    """Global tariff cuts gain more with input-output links than without (CR14, section 5)."""
    needs_data("wiod-2014-io")
    linked = wiod()
    plain = linked.with_(inputs=None)
    shock = Shock(tariff=np.zeros_like(linked.tariff))
    gains = [solve(w, shock, Parameters(5.0)).equivalent_variation.sum() for w in (linked, plain)]
    assert gains[0] > gains[1] > 0


def test_lognormal_against_a_large_population() -> None:
    """Equations (2) to (4) on twenty million firms, to three digits."""
    dispersion = 1.5
    sizes = np.random.default_rng(1).normal(0, dispersion, 20_000_000)
    margins = LognormalMargins(np.array([4.0]), dispersion, np.full((1, 1, 1), 0.2))
    potential = np.exp(sizes)
    base = potential[sizes >= 0.2].sum(), (sizes >= 0.2).sum()
    for threshold in (-1.0, 0.9, 2.0):
        change = margins.evaluate(np.full((1, 1, 1), threshold - 0.2))
        present = sizes >= threshold
        joint = potential[present].sum()
        assert np.exp(change.log_potential.item()) == pytest.approx(joint / base[0], rel=3e-3)
        assert np.exp(change.log_presence.item()) == pytest.approx(present.sum() / base[1], rel=3e-3)
        assert change.fixed_cost_share.item() == pytest.approx(
            np.exp(threshold) * present.sum() / joint, rel=3e-3
        )
