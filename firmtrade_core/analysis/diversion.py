"""Trade diversion: who replaces whom in a market, and where an exporter's goods go instead.

What a market buys from each origin, home included, changes because the market for a good grows or shrinks, and
because origins win or lose shares of it. The first part is each origin's old share of the change; the second
adds up to zero over origins within every sector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium.states import before_and_after

Array = NDArray[np.float64]

BILLION = 1e-3  # of million USD


@dataclass(frozen=True, eq=False)
class Diversion:
    """Purchases of one market by origin, billion USD at the border (home sales included).

    Parameters
    ----------
    market
        Code of the importer.
    countries
        Codes of the N origins.
    before, after : (N,)
    size : (N,)
        What each origin would have gained or lost with unchanged shares of each good's market.
    diverted : (N,)
        The rest: shares of the market won from or lost to other origins; adds up to zero.
    replacement : (N, N)
        What origins that win shares (columns) take from those that lose them (rows): within each sector, every
        winner is taken to replace every loser in proportion to its gain. Rows add up to losses, columns to gains.
    """

    market: str
    countries: tuple[str, ...]
    before: Array
    after: Array
    size: Array
    diverted: Array
    replacement: Array

    @property
    def change(self) -> Array:
        """Change of purchases by origin, (N,): size and diversion together."""
        return self.after - self.before

    def table(self) -> pd.DataFrame:
        """By origin, the largest loss of shares first: origin, name, before, after, change, size, diverted (bn USD)."""
        rows = pd.DataFrame(
            {
                "origin": self.countries,
                "name": [country_name(code) for code in self.countries],
                "before": self.before,
                "after": self.after,
                "change": self.change,
                "size": self.size,
                "diverted": self.diverted,
            }
        )
        return rows.sort_values(["diverted", "origin"], ignore_index=True)

    def replacements(self, most: int = 20) -> pd.DataFrame:
        """The largest pairs of loser and winner: loser, winner, billion_usd."""
        order = np.argsort(-self.replacement, axis=None, kind="stable")[:most]
        losers, winners = np.unravel_index(order, self.replacement.shape)
        values = self.replacement[losers, winners]
        return pd.DataFrame(
            {
                "loser": [self.countries[i] for i in losers],
                "winner": [self.countries[i] for i in winners],
                "billion_usd": values,
            }
        )[values > 0]


def diversion(
    second: Equilibrium,
    market: str,
    sectors: Sequence[str] | None = None,
    *,
    first: Equilibrium | None = None,
) -> Diversion:
    """Who replaces whom in a market.

    Parameters
    ----------
    second : Equilibrium
    market
        Code of the importer.
    sectors
        Codes; all unless given.
    first : Equilibrium, optional
        What it is read against; the world's baseline unless given.

    Raises
    ------
    UnknownCodeError, ComparisonError
    """
    before, after, chosen = _purchases(second, first, sectors)
    j = second.world.country_index(market)
    old, new = before[:, j, chosen] * BILLION, after[:, j, chosen] * BILLION
    total = old.sum(0)
    growth = np.divide(new.sum(0), total, out=np.ones_like(total), where=total > 0)
    # A sector that nobody sold in before has no shares to keep: all of it counts as growth.
    size = np.where(total > 0, old * (growth - 1), new)
    diverted = new - old - size
    return Diversion(
        market=market,
        countries=second.world.countries,
        before=old.sum(1),
        after=new.sum(1),
        size=size.sum(1),
        diverted=diverted.sum(1),
        replacement=_replacement(diverted),
    )


def _replacement(diverted: Array) -> Array:
    """Losers by winners, (N, N), from changes by origin and sector, (N, S), that add up to zero by sector."""
    lost, won = np.maximum(-diverted, 0.0), np.maximum(diverted, 0.0)
    total = won.sum(0)
    shares = np.divide(won, total, out=np.zeros_like(won), where=total > 0)
    replaced: Array = lost @ shares.T
    return replaced


def redirection(
    second: Equilibrium,
    exporter: str,
    sectors: Sequence[str] | None = None,
    *,
    first: Equilibrium | None = None,
) -> pd.DataFrame:
    """Where an exporter's goods go instead, home included; parameters and errors as `diversion`.

    Returns
    -------
    DataFrame
        destination, name, before, after, change (billion USD at the border), the largest loss first.
    """
    before, after, chosen = _purchases(second, first, sectors)
    i = second.world.country_index(exporter)
    old, new = (values[i][:, chosen].sum(1) * BILLION for values in (before, after))
    rows = pd.DataFrame(
        {
            "destination": second.world.countries,
            "name": [country_name(code) for code in second.world.countries],
            "before": old,
            "after": new,
            "change": new - old,
        }
    )
    return rows.sort_values(["change", "destination"], ignore_index=True)


def _purchases(
    second: Equilibrium, first: Equilibrium | None, sectors: Sequence[str] | None
) -> tuple[Array, Array, list[int]]:
    before, after = before_and_after(second, first)
    world = second.world
    chosen = [world.sector_index(code) for code in (world.sectors if sectors is None else sectors)]
    return before.accounts("border_value"), after.accounts("border_value"), chosen
