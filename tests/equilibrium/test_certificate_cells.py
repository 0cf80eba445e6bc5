"""A certificate in one pass over the cells says what the equations say, written out one after the other."""

from dataclasses import replace

import numpy as np
import pytest

from firmtrade_core.equilibrium import Outcome, Parameters, Shock, certificate, gradients, solve
from firmtrade_core.equilibrium.gradient import pulls
from firmtrade_core.margins import Armington, Krugman, Lognormal, MarginFamily, Pareto
from firmtrade_core.margins.normal import exponential, logarithm
from firmtrade_core.world.world import World
from tests.worlds import make_world

FAMILIES = [Armington(), Krugman(), Pareto(), Lognormal()]


def busy_shock(world: World, seed: int = 5) -> Shock:
    random = np.random.default_rng(seed)
    subsidy = world.subsidy.copy()
    subsidy[0, 1:, 0] += 0.05
    tariff = world.tariff.copy()
    tariff[1:, 0] += 0.12
    return Shock(
        tariff=tariff,
        subsidy=subsidy,
        trade_cost=np.exp(0.05 * random.standard_normal(tariff.shape)),
        fixed_cost=np.exp(0.1 * random.standard_normal(tariff.shape)),
        production_subsidy=0.02 * random.random(world.shape),
    )


@pytest.mark.parametrize("abroad", [0.0, 0.5])
@pytest.mark.parametrize("within", [None, 8.0])
@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
def test_one_pass_says_what_the_equations_say(
    family: MarginFamily, within: float | None, abroad: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(5, 2, seed=3, inputs=True)
    parameters = Parameters(
        5.0, family, deficits="proportional", within_elasticity=within, fixed_cost_abroad=abroad
    )
    found = solve(world, busy_shock(world), parameters)
    random = np.random.default_rng(0)
    wrong = replace(
        found,
        flows=found.flows * np.exp(1e-4 * random.standard_normal(found.flows.shape)),
        cost_change=found.cost_change * np.exp(1e-4 * random.standard_normal(found.cost_change.shape)),
        price_change=found.price_change * 1.0002,
        profits=found.profits * 1.0001,
    )
    for result in (found, wrong):
        assert certificate.read_cells(result) is not None
        once = certificate.residuals(replace(result))
        with monkeypatch.context() as patch:
            patch.setattr(certificate, "read_cells", lambda result: None)
            apart = certificate.residuals(replace(result))
        for one, other in zip(once, apart, strict=True):
            assert one.equation == other.equation
            np.testing.assert_allclose(one.values, other.values, atol=2e-12, err_msg=one.equation)


def test_embargoes_are_read_apart() -> None:
    world = make_world(4, 2, seed=9)
    cost = np.ones(world.tariff.shape)
    cost[0, 1, 0] = np.inf
    found = solve(world, Shock(trade_cost=cost), Parameters(4.0, Lognormal(), deficits="proportional"))
    assert certificate.read_cells(found) is None and found.certificate.holds


def test_logarithms_and_exponentials_of_many() -> None:
    x = np.exp(np.linspace(-690, 690, 4001))
    logs = np.array([logarithm(at) for at in x])
    np.testing.assert_allclose(logs, np.log(x), rtol=2e-15, atol=2e-16)
    np.testing.assert_allclose([exponential(at) for at in logs], x, rtol=2e-13)


@pytest.mark.parametrize("countries", [4, 60], ids=["eliminated", "iterated"])
def test_own_levers_are_columns_of_the_gradient(countries: int) -> None:
    world = make_world(countries, 3, seed=2, inputs=True)
    found = solve(
        world, busy_shock(world), Parameters(4.0, Lognormal(), deficits="proportional", within_elasticity=8.0)
    )
    outcomes = [Outcome("real_income", c) for c in world.countries[:3]] + [Outcome("duties", "C1")]
    outcomes = [o for o in outcomes if o.country in world.countries]
    for one, whole in zip(pulls(found, outcomes), gradients(found, outcomes), strict=True):
        at = world.countries.index(one.outcome.country)
        scale = np.abs(whole.tariff).max()
        np.testing.assert_allclose(one.tariff, whole.tariff[:, at], atol=1e-7 * scale)
        np.testing.assert_allclose(one.export_subsidy, whole.export_subsidy[at], atol=1e-7 * scale)
        np.testing.assert_allclose(one.production_subsidy, whole.production_subsidy[at], atol=1e-6 * scale)
    again = pulls(found, outcomes, near=pulls(found, outcomes))
    assert max(pull.residual for pull in again) <= 1e-9
