"""Results on one synthetic world: two scenarios, one of them with an embargo, in two families."""

import numpy as np
import pytest

from firmtrade_core.equilibrium import Equilibrium, Parameters, Shock, solve
from firmtrade_core.margins import Pareto
from firmtrade_core.world.world import World
from tests.worlds import make_world

PARETO = Parameters(trade_elasticity=5.0, family=Pareto(1.4))


@pytest.fixture(scope="session")
def world() -> World:
    return make_world(5, 3, seed=3)


@pytest.fixture(scope="session")
def raised(world: World) -> Equilibrium:
    """C01 puts thirty points on C00's goods."""
    tariff = world.tariff.copy()
    tariff[0, 1] += 0.3
    return solve(world, Shock(tariff=tariff), PARETO)


@pytest.fixture(scope="session")
def embargoed(world: World) -> Equilibrium:
    """No trade from C00 to C01."""
    cost = np.ones(world.tariff.shape)
    cost[0, 1] = np.inf
    return solve(world, Shock(trade_cost=cost), PARETO)


@pytest.fixture(scope="session")
def competitive(raised: Equilibrium) -> Equilibrium:
    """The tariff again, where firms do not differ."""
    return solve(raised.world, raised.shock, Parameters(trade_elasticity=5.0))
