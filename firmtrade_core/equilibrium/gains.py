"""Gains from trade: what each country's real income owes to trading at all (ACR12, CR14, section 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.equilibrium.parameters import Parameters
from firmtrade_core.equilibrium.shock import Shock, empty_home_cells
from firmtrade_core.equilibrium.solver import solve
from firmtrade_core.world.world import World

Array = NDArray[np.float64]


class AutarkyError(EquilibriumError):
    """No country can live without trade in this world, or none was asked for. The message names what nobody makes at home."""


@dataclass(frozen=True, eq=False)
class GainsFromTrade:
    """What countries would lose in autarky, against the same world with balanced trade.

    Attributes
    ----------
    world : World
    loss : (N,)
        1 - Ŵ of moving to autarky, a fraction of real income; NaN where autarky is not possible.
    missing : dict
        By country, the sectors it buys and does not sell at home: without them there is no autarky to compare with.
    """

    world: World
    loss: Array
    missing: dict[str, tuple[str, ...]]

    @property
    def gain(self) -> Array:
        """Real income over that in autarky, less one, (N,)."""
        return 1 / (1 - self.loss) - 1

    @property
    def notes(self) -> tuple[str, ...]:
        """One sentence for each country without an answer."""
        return tuple(
            f"{country} buys {', '.join(self.world.sector_name(s) for s in sectors)} and sells none of it at home: what it "
            "gains from trade is not defined."
            for country, sectors in self.missing.items()
        )


def gains_from_trade(world: World, parameters: Parameters) -> GainsFromTrade:
    """Every country's loss in autarky, with deficits removed before and after.

    All countries that can are cut off at once: in autarky none hears of the others. Those that cannot go on trading with
    the largest sellers of what they lack, which are cut off in a second round.

    Parameters
    ----------
    world : World
    parameters : Parameters
        Its deficit closure is not read.

    Raises
    ------
    AutarkyError
        If every country lacks a sector at home.
    EquilibriumError
        As `solve`.
    """
    balanced = solve(world, Shock(), parameters.with_(deficits="removed"))
    start, carried = balanced.to_world(), balanced.carried_parameters()
    missing = empty_home_cells(world)
    lacking = np.array([country in missing for country in world.countries])
    if lacking.all():
        raise AutarkyError(
            "Every country buys goods that it does not sell at home, so that none can do without trade: "
            + "; ".join(f"{c}: {', '.join(s)}" for c, s in list(missing.items())[:5])
            + ". Use broader sectors."
        )
    loss = np.full(len(world.countries), np.nan)
    todo = ~lacking
    while todo.any():
        open_group = lacking.copy()
        if lacking.any():
            open_group |= _suppliers(world, lacking, open_group | ~todo, todo)
        alone = todo & ~open_group
        if not alone.any():
            break
        cost = np.where(open_group[:, None] & open_group[None, :], 1.0, np.inf)
        np.fill_diagonal(cost, 1.0)
        shock = Shock(trade_cost=np.repeat(cost[:, :, None], len(world.sectors), axis=2))
        found = solve(start, shock, carried)
        loss[alone] = 1 - found.real_income_change[alone]
        todo &= ~alone
    return GainsFromTrade(world, loss, missing)


def _suppliers(
    world: World, lacking: NDArray[np.bool_], free: NDArray[np.bool_], todo: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Countries that together sell the lacking ones all they lack, those already cut off first."""
    home = np.einsum("iis->is", world.expenditure)
    needs = (world.total_expenditure > 0) & (home <= 0) & lacking[:, None]
    chosen = np.zeros(len(world.countries), dtype=bool)
    # Countries done with in an earlier round cost nothing to leave open.
    done = free & ~todo & ~lacking
    chosen |= done
    for j, s in np.argwhere(needs):
        sellers = world.expenditure[:, j, s] * ~lacking
        if (sellers[chosen] > 0).any() or (world.expenditure[lacking, j, s] > 0).any():
            continue
        if sellers.any():
            chosen[int(sellers.argmax())] = True
    return chosen
