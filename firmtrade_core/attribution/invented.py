"""An invented earlier year of a world, so that past growth can be read before any second year of data is brought."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from firmtrade_core.equilibrium import Parameters, Shock, solve
from firmtrade_core.world.world import World

#: Years back; growth of spending in dollars a year; standard deviation of productivity's growth over all years, in logs.
YEARS, GROWTH, PRODUCTIVITY = 5, 0.04, 0.06

#: Trade costs of a pair were higher by so much in logs, give or take so much, and tariffs higher by this share of themselves.
COSTS, SPREAD, TARIFFS = 0.02, 0.03, 0.2

#: What such a world is called.
SYNTHETIC = "synthetic"

#: What is said wherever numbers of it stand.
INVENTED = (
    f"Invented: {YEARS} years earlier productivities, trade costs and tariffs are drawn at random (fixed seed) and the world is solved "
    "for them. The growth shown happened nowhere; it shows what the page tells of two years of data."
)


def invented_earlier(world: World, seed: int = 2017) -> World:
    """A world some years before another one, solved for other productivities, trade costs and tariffs.

    Parameters
    ----------
    world
        The later year.
    seed

    Returns
    -------
    World
        Consistent accounts (MODEL 4) of the same countries and sectors; its name and provenance say that it is synthetic.

    Raises
    ------
    EquilibriumError
        If the world cannot be solved for these changes.
    """
    random = np.random.default_rng(seed)
    n, s = world.shape
    productivity = np.exp(random.normal(0.0, PRODUCTIVITY, (n, s)))
    cost = random.normal(COSTS, SPREAD, (n, n, s))
    cost = (cost + cost.swapaxes(0, 1)) / 2
    cost[np.arange(n), np.arange(n)] = 0.0
    tariff = np.where(world.tariff > 0, (1 + TARIFFS) * world.tariff, world.tariff)
    found = solve(
        world,
        Shock(productivity=productivity, trade_cost=np.exp(cost), tariff=tariff),
        Parameters(trade_elasticity=4.0),
    ).to_world()
    year = None if world.provenance.year is None else world.provenance.year - YEARS
    then = (1 + GROWTH) ** -YEARS
    return found.with_(
        expenditure=then * found.expenditure,
        inputs=None if found.inputs is None else then * found.inputs,
        name=SYNTHETIC,
        provenance=replace(
            world.provenance,
            source=f"an invented earlier year (synthetic) of {world.provenance.source}",
            year=year,
            changes=(),
        ),
    )
