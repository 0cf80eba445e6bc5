"""Ensembles: every draw is what `solve` gives alone, in all families, closures and kinds of world, certified alike."""

from __future__ import annotations

import numpy as np
import pytest

from firmtrade_core.equilibrium import Equilibrium, Parameters, Shock, solve
from firmtrade_core.equilibrium.ensembles import Draw, solve_many
from firmtrade_core.margins import Armington, EatonKortum, Firms, Krugman, Lognormal, Pareto
from firmtrade_core.margins.firm_functions import Deviations, FirmSector
from firmtrade_core.world.world import World
from tests.worlds import make_world

FAMILIES = [Armington(), EatonKortum(), Krugman(), Pareto(1.5), Lognormal()]
CLOSURES: dict[str, dict[str, object]] = {
    "fixed": {"deficits": "fixed"},
    "proportional": {"deficits": "proportional"},
    "removed": {"deficits": "removed"},
    "labour": {"deficits": "proportional", "labour_supply_elasticity": 0.5},
    "labour tax": {"deficits": "proportional", "labour_supply_elasticity": 0.3, "duties": "labour_tax"},
    "costs abroad": {"deficits": "proportional", "fixed_cost_abroad": 0.5},
    "unnested": {"deficits": "proportional", "within_elasticity": None, "trade_elasticity": 5.0},
    "tariff elasticity": {"deficits": "proportional", "elasticity_kind": "tariff"},
}


def everything(e: Equilibrium) -> dict[str, np.ndarray]:
    return {
        "wage": e.wage_change,
        "price": e.price_change,
        "income": e.income / e.world.income,
        "flows": e.flows / e.flows.sum(0),
        "duties": e.duties / e.income,
        "threshold": e.threshold_change if e.has_margins else np.zeros(1),
        "real": e.real_income_change,
    }


def drawn(base: Parameters, sectors: int, count: int = 6, seed: int = 0) -> list[Parameters]:
    random = np.random.default_rng(seed)
    elasticity = np.asarray(base.trade_elasticity) * np.exp(0.2 * random.standard_normal((count, sectors)))
    if base.within_elasticity is None:
        return [base.with_(trade_elasticity=e) for e in elasticity]
    within = 1 + 7 * np.exp(0.15 * random.standard_normal((count, sectors)))
    return [
        base.with_(trade_elasticity=e, within_elasticity=g) for e, g in zip(elasticity, within, strict=True)
    ]


def busy_shock(world: World) -> Shock:
    """Tariffs, subsidies, costs, productivity, demand, an outlay: everything that moves cells."""
    random = np.random.default_rng(5)
    tariff, subsidy = world.tariff.copy(), world.subsidy.copy()
    tariff[1:, 0] += 0.12
    subsidy[0, 1:, 0] += 0.05
    cost = np.ones(world.tariff.shape)
    cost[1, 2] = 1.2
    fixed = np.ones(world.tariff.shape)
    fixed[2, 0] = 0.7
    made = np.exp(0.02 * random.standard_normal(world.shape))
    return Shock(
        tariff=tariff,
        subsidy=subsidy,
        trade_cost=cost,
        fixed_cost=fixed,
        productivity=made,
        demand=made[:, ::-1],
        outlay=0.001 * world.income,
    )


@pytest.mark.parametrize("inputs", [True, False], ids=["linked", "unlinked"])
@pytest.mark.parametrize("closure", CLOSURES)
@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
def test_a_draw_is_what_solve_gives(family, closure, inputs) -> None:
    world = make_world(5, 2, seed=3, inputs=inputs)
    shock = busy_shock(world) if closure != "removed" else Shock(tariff=busy_shock(world).tariff)
    choices = {"trade_elasticity": 4.0, "within_elasticity": 8.0, **CLOSURES[closure]}
    base = Parameters(family=family, **choices)
    draws = drawn(base, 2)
    found = solve_many(world, shock, draws, everything, centre=solve(world, shock, base), threads=1)
    assert not found.failed and found.alone == 0
    assert found.residual.max() <= 1e-9
    for draw, value in zip(draws, found.values, strict=True):
        assert value is not None
        for name, expected in everything(solve(world, shock, draw)).items():
            np.testing.assert_allclose(value[name], expected, atol=2e-8, rtol=1e-8, err_msg=name)


def test_embargoes_and_drawn_shocks_and_worlds() -> None:
    world = make_world(4, 2, seed=9)
    base = Parameters(4.0, Lognormal(), deficits="proportional", within_elasticity=8.0)
    cost = np.ones(world.tariff.shape)
    cost[0, 1, 0] = np.inf
    ended, other = Shock(trade_cost=cost), Shock(tariff=world.tariff + 0.05 * (world.tariff > 0))
    moved = world.with_(expenditure=world.expenditure * 1.0000001, name="moved")
    draws = [
        Draw(p, s, w)
        for p in drawn(base, 2, 3)
        for s, w in ((None, None), (other, None), (None, moved), (other, moved))
    ]
    found = solve_many(world, ended, draws, everything, centre=solve(world, ended, base), threads=2)
    assert not found.failed
    for draw, value in zip(draws, found.values, strict=True):
        alone = everything(solve(draw.world or world, draw.shock or ended, draw.parameters))
        assert value is not None
        for name, expected in alone.items():
            np.testing.assert_allclose(value[name], expected, atol=2e-8, rtol=1e-8, err_msg=name)


def test_structures_that_no_batch_holds_are_solved_alone() -> None:
    world = make_world(4, 1, seed=2, inputs=False)
    free = Parameters(3.0, Krugman(), deficits="proportional", entry="free", within_elasticity=8.0)
    shock = Shock(tariff=world.tariff * 1.2)
    found = solve_many(world, shock, drawn(free, 1, 3), lambda e: e.real_income_change)
    assert not found.failed and found.alone == 3
    for draw, value in zip(drawn(free, 1, 3), found.values, strict=True):
        np.testing.assert_allclose(value, solve(world, shock, draw).real_income_change, atol=1e-8)


def test_a_draw_without_an_equilibrium_is_named_and_the_others_stay() -> None:
    world = make_world(4, 2, seed=3)
    base = Parameters(4.0, Krugman(), deficits="proportional", within_elasticity=8.0)
    draws = [*drawn(base, 2, 3), base.with_(within_elasticity=1.05)]
    found = solve_many(world, Shock(), draws, lambda e: e.income)
    assert list(found.failed) == [3] and "profits" in found.failed[3]
    assert found.values[3] is None and np.isnan(found.residual[3])


def test_own_firms_are_solved_from_the_middle_by_its_response() -> None:
    world = make_world(4, 2, seed=9, inputs=True)
    random = np.random.default_rng(3)
    sector = FirmSector(random.normal(0, 1, 400), Deviations(0.8, 0.5, 0.4))
    family = Firms("C00", {"S00": sector}, elsewhere=Lognormal())
    base = Parameters(4.0, family, deficits="proportional", within_elasticity=8.0)
    shock = busy_shock(world)
    draws = drawn(base, 2, 4)
    found = solve_many(world, shock, draws, everything, centre=solve(world, shock, base))
    assert not found.failed and found.alone == 4
    for draw, value in zip(draws, found.values, strict=True):
        assert value is not None
        for name, expected in everything(solve(world, shock, draw)).items():
            np.testing.assert_allclose(value[name], expected, atol=2e-8, rtol=1e-8, err_msg=name)


def test_threads_change_nothing() -> None:
    world = make_world(5, 2, seed=3)
    base = Parameters(4.0, Lognormal(), deficits="proportional", within_elasticity=8.0)
    shock = busy_shock(world)
    one, two = (
        solve_many(world, shock, drawn(base, 2, 60), lambda e: e.income, threads=threads)
        for threads in (1, 2)
    )
    assert np.array_equal(np.array(one.values), np.array(two.values))
