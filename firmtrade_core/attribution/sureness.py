"""How sure the sources of a scenario's change are: a 90 % band for each, and for the change in all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.analysis.own_numbers import bands_of_numbers
from firmtrade_core.analysis.uncertainty import DRAWS, Band
from firmtrade_core.attribution.result import BILLION
from firmtrade_core.attribution.scenario import attribute_scenario
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.home import HomeFirms
from firmtrade_core.scenarios import Scenario
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

#: What the band of all sources together is called.
IN_ALL = "in_all"


def bands_of_sources(
    scenario: Scenario,
    world: World,
    home: HomeFirms | None,
    country: str,
    centre: Equilibrium,
    *,
    draws: int = DRAWS,
    stop: Callable[[], bool] | None = None,
) -> dict[str, Band]:
    """Bands of what each source did to a country's exports, bn USD, by key of `SOURCES`, and of their sum, `IN_ALL`.

    The sources of every draw add up to its change; the ends of their bands do not add up.

    Parameters
    ----------
    scenario, world, home
        As `scenarios.compile`.
    country
    centre
        The scenario's answer.
    draws, stop
        As `uncertainty.bands`.

    Raises
    ------
    CancelledError, ScenarioError, EquilibriumError, UncertaintyError
        As `bands_of_numbers`.
    UnknownCodeError
        For a country that is not in the world.
    """
    sources = attribute_scenario(centre, country).sources

    def read(equilibrium: Equilibrium) -> Array:
        found = attribute_scenario(equilibrium, country)
        parts = dict(zip(found.sources, found.parts.sum((1, 2)), strict=True))
        return BILLION * np.array([*(parts.get(source, 0.0) for source in sources), found.change])

    found = bands_of_numbers(
        scenario, world, home, read, unit="bn USD", centre=centre, draws=draws, stop=stop
    )
    return dict(zip((*sources, IN_ALL), found, strict=True))
