"""What the model predicts: growth of goods imports by importer and partner when tariffs change and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.backtests.errors import BacktestError
from firmtrade_core.equilibrium import Equilibrium, Parameters, Shock, solve
from firmtrade_core.scenarios import Scenario, compile
from firmtrade_core.scenarios.schema import Structure
from firmtrade_core.world.world import World

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Growth:
    """Goods imports before tariffs, by exporter, importer and goods sector, before and after; (N, N, S) each."""

    before: Array
    after: Array

    def pair(self, exporters: Bools, importer: int) -> float:
        """Log change of what an importer buys from some exporters, (N,) of bool, together."""
        before, after = (v[exporters, importer].sum() for v in (self.before, self.after))
        return float(np.log(after / before)) if before > 0 and after > 0 else float("nan")

    @property
    def by_pair(self) -> Array:
        """Log change of goods imports, (N, N); NaN where there were none, and at home."""
        return _logs(self.before.sum(2), self.after.sum(2))

    @property
    def common(self) -> Array:
        """Log change of an importer's goods imports from all others, (N,)."""
        away = ~np.eye(len(self.before), dtype=bool)
        before, after = ((v.sum(2) * away).sum(0) for v in (self.before, self.after))
        return np.log(after / before)


def _logs(before: Array, after: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.log(after / before)
    change[~np.isfinite(change)] = np.nan
    np.fill_diagonal(change, np.nan)
    return change


def goods_of(world: World) -> Bools:
    """Which sectors are goods, (S,)."""
    return np.ones(len(world.sectors), dtype=bool) if world.goods is None else world.goods


def with_tariffs(world: World, tariff: Array, parameters: Parameters) -> Growth:
    """The model's growth of goods imports when tariffs go to new levels.

    Parameters
    ----------
    world
        As it was before.
    tariff : (N, N, S)
        New levels, fractions.
    parameters

    Raises
    ------
    BacktestError
        If no certified equilibrium exists.
    """
    result = solve(world, Shock(tariff=tariff), parameters)
    return _growth(result)


def under(structure: Structure, world: World, tariff: Array) -> Growth:
    """`with_tariffs` under a scenario's structure: markups suited to the world, deficits as chosen."""
    compiled = compile(Scenario(structure=structure), world)
    # Removing deficits changes the world; new tariffs are levels, so that they hold there too.
    return with_tariffs(compiled.world, tariff, compiled.parameters)


def _growth(result: Equilibrium) -> Growth:
    if not result.certificate.holds:
        raise BacktestError("The model's equilibrium does not hold its certificate; no prediction is made.")
    goods = np.flatnonzero(goods_of(result.world))
    return Growth(result.world.border_value[:, :, goods], result.border_value[:, :, goods])


def structure_of(choice: str | float | Mapping[str, float], structure: Structure | None = None) -> Structure:
    """A structure with another trade elasticity: a number or the name of a set, the rest as given or the default."""
    given = structure or Structure()
    return Structure.model_validate({**given.model_dump(), "elasticity": choice})
