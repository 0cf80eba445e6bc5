"""A shock in the making: levels and factors that cards change one after the other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium import Shock
from firmtrade_core.margins import FirmShift
from firmtrade_core.scenarios.errors import ScenarioError
from firmtrade_core.world.world import World

if TYPE_CHECKING:
    from firmtrade_core.home.treatment import Treatment

Array = NDArray[np.float64]


class Draft:
    """Tariff and subsidy levels, and factors on costs, productivity and demand.

    Parameters
    ----------
    world : World
        The baseline.

    Attributes
    ----------
    tariff, subsidy, trade_cost, fixed_cost : (N, N, S)
    production_subsidy : (N, S)
        Of market revenue, on top of what the baseline pays.
    productivity, demand : (N, S)
    outlay : (N,)
        Of programmes, million USD.
    treatment : Treatment or None
        The home country's firms after programmes; None where no firms are in use.
    stamps : list of str
        What must stand beside every number that follows from programmes, each once.
    """

    def __init__(self, world: World, treatment: Treatment | None = None) -> None:
        n, s = world.shape
        self.world = world
        # The world's own until a card puts others in their place; factors by cell are made where a card asks for them.
        self.tariff = world.tariff
        self.subsidy = world.subsidy
        self._factors: dict[str, Array] = {}
        self.production_subsidy = np.zeros((n, s))
        self.productivity = np.ones((n, s))
        self.demand = np.ones((n, s))
        self.outlay = np.zeros(n)
        self.treatment = treatment
        self.stamps: list[str] = []

    @property
    def trade_cost(self) -> Array:
        """Factors on trade costs, (N, N, S)."""
        return self._factor("trade_cost")

    @trade_cost.setter
    def trade_cost(self, factors: Array) -> None:
        self._factors["trade_cost"] = factors

    @property
    def fixed_cost(self) -> Array:
        """Factors on fixed costs, (N, N, S)."""
        return self._factor("fixed_cost")

    @fixed_cost.setter
    def fixed_cost(self, factors: Array) -> None:
        self._factors["fixed_cost"] = factors

    def _factor(self, kind: str) -> Array:
        n, s = self.world.shape
        # Laid out sector by sector, as all cells are: element by element, unlike layouts take three times as long.
        return self._factors.setdefault(kind, np.moveaxis(np.ones((s, n, n)), 0, 2))

    def stamp(self, *words: str) -> None:
        """Adds what must stand beside every number, each once."""
        self.stamps += [word for word in dict.fromkeys(words) if word not in self.stamps]

    def _shift(self) -> FirmShift | None:
        found = None if self.treatment is None else self.treatment.shift(self.world)
        return None if found is None else replace(found, stamps=tuple(self.stamps))

    def check(self) -> None:
        """Refuses levels that no price can carry.

        Raises
        ------
        ScenarioError
            Naming the cell.
        """
        if (self.tariff <= -1).any():
            cell = self._cell(int(self.tariff.argmin()))
            raise ScenarioError(
                f"It takes the tariff {cell} to {self.tariff.min() * 100:.4g} %; it must stay above -100 %."
            )
        if self.subsidy is not self.world.subsidy and (self.subsidy >= 1).any():
            cell = self._cell(int(self.subsidy.argmax()))
            raise ScenarioError(
                f"It takes the export subsidy {cell} to {self.subsidy.max() * 100:.4g} %; keep it below 100 %."
            )

    def _cell(self, position: int) -> str:
        i, j, s = np.unravel_index(position, self.tariff.shape)
        countries, sectors = self.world.countries, self.world.sectors
        return f"from {countries[i]} to {countries[j]} in {sectors[s]}"

    def shock(self) -> Shock:
        """The shock; what no card has changed is None."""
        return Shock(
            tariff=_if_changed(self.tariff, self.world.tariff),
            subsidy=_if_changed(self.subsidy, self.world.subsidy),
            trade_cost=_if_changed(self._factors.get("trade_cost"), 1.0),
            fixed_cost=_if_changed(self._factors.get("fixed_cost"), 1.0),
            production_subsidy=_if_changed(self.production_subsidy, 0.0),
            productivity=_if_changed(self.productivity, 1.0),
            demand=_if_changed(self.demand, 1.0),
            outlay=_if_changed(self.outlay, 0.0),
            firms=self._shift(),
        )


def _if_changed(after: Array | None, before: Array | float) -> Array | None:
    return None if after is None or after is before or not (after != before).any() else after


def blend(before: Array, after: Array | float, coverage: Array) -> Array:
    """``before`` where nothing is covered, ``after`` where all is, the mean in proportion between."""
    after = np.broadcast_to(after, before.shape)
    whole, none = coverage == 1, coverage == 0
    if (whole | none).all():
        return np.where(whole, after, before)
    mixed = before + coverage * (after - before)
    return np.where(none, before, np.where(whole, after, mixed))
