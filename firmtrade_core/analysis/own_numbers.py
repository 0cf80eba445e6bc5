"""Bands of numbers that are no outcome of `uncertainty`: whatever is read off an answer, over the same draws (MODEL 9, 14)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.analysis.assumed import around
from firmtrade_core.analysis.uncertainty import DRAWS, FEWEST, Band, UncertaintyError, own_band
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium.ensembles import solve_many
from firmtrade_core.home.home import HomeFirms
from firmtrade_core.jobs import CancelledError
from firmtrade_core.scenarios.compile import compile
from firmtrade_core.scenarios.schema import Scenario
from firmtrade_core.world.world import World

Array = NDArray[np.float64]


def bands_of_numbers(
    scenario: Scenario,
    world: World,
    home: HomeFirms | None,
    read: Callable[[Equilibrium], Array],
    *,
    unit: str,
    centre: Equilibrium,
    draws: int = DRAWS,
    seed: int = 0,
    stop: Callable[[], bool] | None = None,
) -> tuple[Band, ...]:
    """A 90 % band for each number that is read off a scenario's answer, one after another in its order.

    Parameters
    ----------
    scenario, world, home
        As `scenarios.compile`.
    read
        The numbers, (K,), in ``unit``: of as many sources or places whatever the draw. Called from several threads.
    unit
        Registered (`labels.units`).
    centre
        The scenario's answer.
    draws, seed
        As `uncertainty.bands`: the same seed gives the same draws, so that these bands and a page's others are of one ensemble.
    stop
        Asked between draws; true where nobody waits any more.

    Raises
    ------
    CancelledError
        Where ``stop`` said so.
    ScenarioError, EquilibriumError
        The scenario itself has no certified answer.
    UncertaintyError
        Too few draws have one.
    """
    compiled = compile(scenario, world, home)
    sample = around(compiled, world, home, seed=seed).sample(draws, seed)

    def told(equilibrium: Equilibrium) -> Array:
        if stop is not None and stop():
            raise CancelledError("Nobody waits for these bands any more.")
        return read(equilibrium)

    found = solve_many(compiled.world, compiled.shock, sample.draws, told, centre=centre)
    drawn = [value for value in found.values if value is not None]
    if len(drawn) < FEWEST:
        raise UncertaintyError(
            f"No band: only {len(drawn)} of {draws} draws have a certified equilibrium. The first that has none: "
            f"{next(iter(found.failed.values()), '')}"
        )
    columns = np.array(drawn).T
    return tuple(
        own_band("", unit, float(value), column, {})
        for value, column in zip(read(centre), columns, strict=True)
    )
