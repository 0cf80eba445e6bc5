"""The world in one state, baseline or counterfactual, so that any two can be read against each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.margins import BalancedMargins
from firmtrade_core.world.world import World

Array = NDArray[np.float64]


class ComparisonError(ValueError):
    """Two results cannot be read against each other. The message says why and what to do."""


@dataclass(frozen=True, eq=False)
class State:
    """A world as it is, or as a scenario leaves it.

    Parameters
    ----------
    world
        The baseline world.
    equilibrium
        The counterfactual; None for the baseline itself. Indices have baseline 1. Where it stands on this world with
        its trade balanced, its changes are told on this world's own accounts, so that balancing is no part of them.
    """

    world: World
    equilibrium: Equilibrium | None = None

    def country_index(self, attribute: str) -> Array:
        """A hat of `Equilibrium` by country, (N,)."""
        if self.equilibrium is None:
            return np.ones(len(self.world.countries))
        found: Array = getattr(self.equilibrium, attribute)
        return found

    def accounts(self, attribute: str) -> Array:
        """An account that world and equilibrium both keep, million USD: border_value, gross_output, duties, income."""
        found: Array = getattr(self.world if self.equilibrium is None else self.equilibrium, attribute)
        if self.equilibrium is None or self.equilibrium.world.content_hash == self.world.content_hash:
            return found
        here: Array = getattr(self.world, attribute)
        there: Array = getattr(self.equilibrium.world, attribute)
        if attribute == "duties":  # No ratio tells the change of duties that were none.
            return here + (found - there)
        return np.where(there > 0, here * found / np.where(there > 0, there, 1.0), found)

    @cached_property
    def sold_abroad(self) -> Array:
        """Border value of sales between countries, million USD, (N, N, S); not to be written to."""
        if self.equilibrium is None:
            return _sold_abroad(self.world)
        return abroad(self.accounts("border_value"))

    def traded_abroad(self, axes: tuple[int, ...]) -> Array:
        """`sold_abroad` summed over axes; of a baseline, which every result is read against, once."""
        if self.equilibrium is None:
            return _traded_abroad(self.world, axes)
        return np.asarray(self.sold_abroad.sum(axes))

    @cached_property
    def goods_traded(self) -> float:
        """Border value of all goods sold between countries, million USD."""
        if self.equilibrium is None:
            return _goods_traded(self.world)
        return float(self.sold_abroad[:, :, np.asarray(self.world.goods)].sum())

    @property
    def employment(self) -> Array:
        """Labour used by sector, index, (N, S)."""
        if self.equilibrium is None:
            return np.ones(self.world.shape)
        return self.equilibrium.employment_change

    @property
    def counts_exporters(self) -> bool:
        """Whether firms select into markets; the baseline leaves that to what it is compared with."""
        return self.equilibrium is None or self.equilibrium.has_margins

    @property
    def exporters(self) -> Array:
        """Number of exporters by pair and sector, index, (N, N, S); raises where they are not counted."""
        n, s = self.world.shape
        return np.ones((n, n, s)) if self.equilibrium is None else self.equilibrium.exporters_change


def origin(equilibrium: Equilibrium) -> World:
    """The world a result stands on, before its trade was balanced where deficits are removed."""
    family = equilibrium.parameters.family
    given = family.origin if isinstance(family, BalancedMargins) else None
    return equilibrium.world if given is None else given


def before_and_after(second: Equilibrium, first: Equilibrium | None) -> tuple[State, State]:
    """The states of two results on one world; without a first, the baseline that the second stands on.

    Where only one of them has its trade balanced, or each under a structure of its own, both are told on the world as
    it is: a policy is always read against no policy under the same structure (MODEL 12).

    Raises
    ------
    ComparisonError
        If they stand on different worlds.
    """
    if first is None or first.world.content_hash == second.world.content_hash:
        return State(second.world, first), State(second.world, second)
    world = origin(second)
    if origin(first).content_hash != world.content_hash:
        raise ComparisonError(
            f"The two results stand on different worlds, {first.world.name} ({first.world.content_hash}) and "
            f"{second.world.name} ({second.world.content_hash}). Solve both scenarios on one of them."
        )
    return State(world, first), State(world, second)


@lru_cache(maxsize=4)
def _sold_abroad(world: World) -> Array:
    return abroad(world.border_value)


@lru_cache(maxsize=16)
def _traded_abroad(world: World, axes: tuple[int, ...]) -> Array:
    found = np.asarray(_sold_abroad(world).sum(axes))
    found.setflags(write=False)
    return found


@lru_cache(maxsize=4)
def _goods_traded(world: World) -> float:
    return float(_sold_abroad(world)[:, :, np.asarray(world.goods)].sum())


def abroad(values: Array) -> Array:
    """Values between different countries, (N, N, S): home sales set to zero."""
    trade = values.copy()
    home = np.arange(len(values))
    trade[home, home] = 0.0
    return trade


def herfindahl(values: Array) -> float:
    """Sum of squared shares: 1 where all is with one, 1/n where n share alike; 0 for nothing."""
    total = float(values.sum())
    return float(((values / total) ** 2).sum()) if total > 0 else 0.0
