"""Worlds and shocks that iterations found hard: solved, or refused with the reason (MODEL 3, "Solver")."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from benchmarks.random_worlds import Case, draw, returns, run
from firmtrade_core.equilibrium import Equilibrium, Iteration, Parameters, Shock, solve
from firmtrade_core.equilibrium.anderson import Anderson
from firmtrade_core.equilibrium.errors import ConvergenceError, InsolvencyError, OneWayTradeError
from firmtrade_core.equilibrium.path import Path, part_of
from firmtrade_core.equilibrium.solver import _Search
from firmtrade_core.margins import Armington, Krugman, Lognormal, MarginFamily, Pareto
from firmtrade_core.world.embedded import load_embedded_world
from firmtrade_core.world.world import World
from tests.equilibrium.test_identities import random_shock
from tests.worlds import make_world


@pytest.mark.parametrize(
    ("case", "outcome"),
    [
        # Stopped with the numeraire off by 1.2e-9 and was withheld.
        (Case("krugman", 15, 2, 1, "fixed", 0.178, 12.0, 0.322), "certified"),
        (Case("krugman", 627136, 3, 1, "fixed", 0.5, 8.324602251117309, 0.2899476923464812), "certified"),
        # Off by inf after a few steps.
        (
            Case(
                "eaton_kortum",
                757667,
                3,
                1,
                "fixed",
                0.49805040157573094,
                6.0987851529722015,
                0.3122671173118379,
            ),
            "certified",
        ),
        # "Off by inf" because no equilibrium exists: C01 buys abroad and sells to nobody, and deficits are removed.
        (Case("armington", 637190, 3, 1, "removed", 0.0770, 6.158, 0.0117), "refused"),
        (Case("pareto 1.5", 442241, 4, 1, "removed", 0.0, 10.88, 0.0), "refused"),
        # C00 trades with nobody: its deficit cannot share a factor with the others'.
        (
            Case("pareto 2", 621657, 3, 1, "proportional", 0.20399520949046562, 5.168446763329731, 0.0014575),
            "certified",
        ),
        # The same worlds with their deficits kept.
        (Case("armington", 637190, 3, 1, "proportional", 0.0770, 6.158, 0.0117), "certified"),
        (Case("pareto 1.5", 442241, 4, 1, "fixed", 0.0, 10.88, 0.0), "certified"),
    ],
    ids=lambda value: f"{value.family}-{value.seed}-{value.closure}" if isinstance(value, Case) else value,
)
def test_examples_that_failed_once(case: Case, outcome: str) -> None:
    assert case.outcome()[0] == outcome


def test_none_of_many_random_worlds_fails() -> None:
    """A short piece of ``python -m benchmarks.random_worlds``, which runs a hundred thousand."""
    tally = run(150, 0, None)
    assert not tally.failures
    assert sum(row["certified"] for row in tally.counts.values()) >= 140
    assert draw(0, 7) == draw(0, 7) != draw(0, 8)


def test_one_way_trade_cannot_balance() -> None:
    world = make_world(3, 1, seed=637190)
    assert not returns(world)
    with pytest.raises(OneWayTradeError, match="sells to C01, from where nothing comes back"):
        solve(world, Shock(), Parameters(6.0, deficits="removed"))
    assert solve(world, Shock(), Parameters(6.0, deficits="proportional")).certificate.holds


def test_an_embargo_on_all_that_a_country_sells_cannot_balance() -> None:
    world = make_world(4, 2, seed=1, zeros=False)
    cost = np.ones_like(world.tariff)
    cost[2, [0, 1, 3]] = np.inf
    with pytest.raises(OneWayTradeError, match="C02"):
        solve(world, Shock(trade_cost=cost), Parameters(6.0, deficits="removed"))


@pytest.mark.parametrize("family", [Armington(), Pareto(1.5), Lognormal()], ids=lambda f: f.name)
def test_a_country_cut_off_keeps_no_deficit(family: MarginFamily) -> None:
    """A full embargo, under proportional deficits: each bloc balances for itself."""
    world = make_world(4, 2, seed=1, zeros=False)
    cost = np.ones_like(world.tariff)
    cost[2, [0, 1, 3]] = cost[[0, 1, 3], 2] = np.inf
    result = solve(world, Shock(trade_cost=cost), Parameters(6.0, family, deficits="proportional"))
    assert abs(world.deficits[2]) > 1e-3 * world.income[2]
    np.testing.assert_allclose(result.deficits[2] / result.income[2], 0, atol=1e-9)
    assert np.abs(result.deficits[[0, 1, 3]]).max() > 1e-3 * world.income.min()


@pytest.fixture(scope="module")
def embedded() -> World:
    return load_embedded_world()


def dearer(world: World, factor: float) -> Shock:
    """All trade costs abroad times a factor."""
    n, s = world.shape
    return Shock(trade_cost=np.where(np.eye(n, dtype=bool)[:, :, None], 1.0, factor) * np.ones(s))


@pytest.mark.parametrize("family", [Armington(), Krugman(), Pareto(1.5), Lognormal()], ids=lambda f: f.name)
@pytest.mark.parametrize("closure", ["removed", "proportional"])
def test_trade_costs_times_ten_have_an_equilibrium(
    embedded: World, family: MarginFamily, closure: str
) -> None:
    parameters = Parameters(4.0, family, deficits=closure)  # type: ignore[arg-type]
    result = solve(embedded, dearer(embedded, 10.0), parameters)
    assert result.certificate.holds
    # What is left is mostly what pays for deficits.
    assert np.median(result.exports_change) < 0.1


@pytest.mark.parametrize("family", [Armington(), Pareto(1.5)], ids=lambda f: f.name)
def test_near_autarky_is_reached(embedded: World, family: MarginFamily) -> None:
    near, far = (
        solve(embedded, dearer(embedded, factor), Parameters(4.0, family, deficits="removed"))
        for factor in (10.0, 100.0)
    )
    # Little trade is left to lose at ten times the costs, but where a sector has hardly any home production.
    change = np.abs(far.real_income_change / near.real_income_change - 1)
    assert np.quantile(change, 0.9) < 0.01


@pytest.mark.parametrize("closure", ["removed", "fixed"])
def test_the_path_leads_to_the_same_solution(closure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a first attempt is not allowed to succeed, following the shock from nothing finds the same world."""
    world, parameters = make_world(5, 3, seed=2), Parameters(6.0, Pareto(1.5), deficits=closure)  # type: ignore[arg-type]
    shock = random_shock(world, 2)
    straight = solve(world, shock, parameters)
    attempts = _Search._attempts

    def in_vain(search: _Search, start: Equilibrium | None) -> Iterator[tuple[np.ndarray, Anderson]]:
        for vector, accelerate in attempts(search, start):
            yield vector + np.nan, accelerate

    monkeypatch.setattr(_Search, "_attempts", in_vain)
    followed = solve(world, shock, parameters)
    assert followed.certificate.iterations > straight.certificate.iterations
    np.testing.assert_allclose(followed.real_income_change, straight.real_income_change, rtol=1e-8)


def test_refusals_name_the_last_point_reached() -> None:
    world = make_world(5, 3, seed=2)
    with pytest.raises(ConvergenceError, match=r"furthest from clearing: .* up to [\d.]+\s% of its size"):
        solve(world, dearer(world, 3.0), Parameters(5.0), iteration=Iteration(limit=3))


def test_a_surplus_that_cannot_be_paid_is_refused_on_the_embedded_world(embedded: World) -> None:
    with pytest.raises(InsolvencyError, match=r"[A-Z]{3} keeps its trade surplus"):
        solve(embedded, dearer(embedded, 10.0), Parameters(4.0, Krugman(), deficits="fixed"))


def test_parts_of_a_shock_lead_from_nothing_to_all_of_it() -> None:
    world = make_world(4, 2, seed=3)
    random = np.random.default_rng(0)
    cost = np.exp(random.normal(size=world.tariff.shape))
    cost[1, 2] = np.inf
    shock = Shock(
        tariff=world.tariff + 0.2,
        subsidy=world.subsidy - 0.1,
        trade_cost=cost,
        productivity=np.full(world.shape, 2.0),
        outlay=np.ones(4),
    )
    nothing, half, whole = (part_of(shock, world, fraction) for fraction in (0.0, 0.5, 1.0))
    for name, base in (("tariff", world.tariff), ("subsidy", world.subsidy), ("trade_cost", 1.0)):
        np.testing.assert_allclose(getattr(nothing, name), base, atol=1e-12)
        np.testing.assert_array_equal(getattr(whole, name), getattr(shock, name))
    assert half.tariff is not None and half.productivity is not None and half.outlay is not None
    assert half.trade_cost is not None
    np.testing.assert_allclose((1 + half.tariff) ** 2, (1 + world.tariff) * (1.2 + world.tariff))
    np.testing.assert_allclose(half.productivity, np.sqrt(2.0))
    np.testing.assert_allclose(half.outlay, 0.5)
    assert np.isfinite(half.trade_cost).all()


def test_a_path_ventures_further_where_it_is_easy_and_less_far_where_it_is_not() -> None:
    path = Path(np.zeros(2))
    assert path.ahead()[0] == 0.0
    path.advance(0.0, np.zeros(2), 5)
    path.advance(path.ahead()[0], np.array([0.25, 0.5]), 5)
    fraction, point = path.ahead()
    assert fraction == 0.75
    np.testing.assert_allclose(point, [0.75, 1.5])
    for _ in range(20):
        path.retreat()
    assert path.ended and path.reached == 0.25
