"""One σ: how strongly a firm's sales answer its own costs, as the engine has it, for every word about firms."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from firmtrade_core.codes.countries import REST_OF_WORLD
from firmtrade_core.scenarios.compile import compile
from firmtrade_core.scenarios.schema import Scenario, Structure
from firmtrade_core.world.embedded import load_embedded_world
from firmtrade_core.world.world import World


def firm_elasticity(
    world: World | None = None, structure: Structure | None = None, country: str = ""
) -> float:
    """γ of the engine as one number: a firm's sales move by 1 - γ for one percent of its costs (MODEL 2, 11).

    The engine has one by sector. Trade costs that do the same as an effect are ``-effect/(γ-1)``, so that the mean is taken
    of ``1/(γ-1)``, weighted by a country's exports of goods.

    Parameters
    ----------
    world, structure
        The embedded world and the structure that a session opens with, unless given. Without a nest γ is the elasticity
        between countries.
    country
        Whose exports weigh; all countries' where it is not in the world.

    Examples
    --------
    >>> 3.5 < firm_elasticity(country="CHL") < 6
    True
    """
    world = load_embedded_world() if world is None else world
    structure = Scenario().structure if structure is None else structure
    return _held(_Key(world, structure), country)


class _Key:
    """A world and a structure by their content."""

    def __init__(self, world: World, structure: Structure) -> None:
        self.world, self.structure = world, structure
        self.known = (world.content_hash, structure.model_dump_json())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.known == other.known

    def __hash__(self) -> int:
        return hash(self.known)


@lru_cache(maxsize=64)
def _held(key: _Key, country: str) -> float:
    world, structure = key.world, key.structure
    if structure.family == "firms":
        # Own firms take the elasticities of the law elsewhere; they are not needed to tell them.
        structure = structure.model_copy(update={"family": structure.elsewhere})
    try:
        parameters = compile(Scenario(structure=structure), world).parameters
        margins = parameters.family.calibrate(
            world, parameters.elasticities_for(world), parameters.within_for(world)
        )
        closeness = np.asarray(margins.within_elasticity, dtype=float) - 1
    except ValueError:
        # Every refusal is one. A structure that this world cannot carry says so where it is solved; words take the default's.
        return _held(_Key(load_embedded_world(), Scenario().structure), country)
    sold = world.border_value.copy()
    sold[np.arange(len(world.countries)), np.arange(len(world.countries))] = 0.0
    if world.goods is not None:
        sold = sold * world.goods
    by_sector = sold.sum(1)
    known = country in world.countries and country != REST_OF_WORLD
    weights = by_sector[world.country_index(country)] if known else by_sector.sum(0)
    if not weights.sum() > 0:
        weights = np.ones(len(closeness))
    return float(1 + 1 / np.average(1 / closeness, weights=weights))
