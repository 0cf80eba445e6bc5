"""Value chains: domestic value added in exports, distance from final use, and who depends on whom through third countries.

From a world's own accounts. They hold what users buy of each input, and what a country buys of each origin, but not which user
buys from which origin: every user of an input in a country is taken to buy from the country's mix of origins.

Notation: ``a_(i,s),(j,k) = π_ijs Z_jsk / (T_ijs R_jk)``, what seller (i, s) receives of one dollar that (j, k) sells; v value added
and d net duties on inputs of one dollar sold, so that each column of a, v and d adds up to one; ``L_ii = (I - A_ii)⁻¹``,
``B = (I - A)⁻¹``.

Sources: domestic value added in exports as the value added that would be lost without them (Los, Timmer, de Vries 2016);
upstreamness (Antràs, Chor, Fally, Hillberry 2012); trade in value added (Johnson, Noguera 2012).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.codes.countries import country_name
from firmtrade_core.labels import in_percent
from firmtrade_core.words.scenario import countries as spoken
from firmtrade_core.world.world import World

Array = NDArray[np.float64]


#: What is assumed, in words that stand beside the numbers.
MIX_OF_ORIGINS = "Every user is taken to buy each input from the country's mix of origins; the accounts hold no finer detail."


@dataclass(frozen=True, eq=False)
class ValueChains:
    """What a world's accounts say of its value chains.

    Parameters
    ----------
    world
    domestic : (N, S)
        Domestic value added in one dollar of exports, 0 to 1; the rest is foreign, or duties on inputs.
    duties : (N, S)
        Net duties on inputs in one dollar of exports.
    upstreamness : (N, S)
        Mean number of sales between a sector's output and final use, 1 where all of it is final.
    absorbed : (N, N)
        Value added of the first country in what the second finally uses, million USD; rows add up to value added.
    direct : (N, N)
        The part that went straight there and was used up there; zero on the diagonal, where nothing crosses a border.
    """

    world: World
    domestic: Array
    duties: Array
    upstreamness: Array
    absorbed: Array
    direct: Array

    def domestic_share(self, country: str) -> float:
        """Domestic value added in all exports of a country, share of them; NaN without exports."""
        i = self.world.country_index(country)
        exports = self._exports(i)
        return float(exports @ self.domestic[i] / exports.sum()) if exports.sum() > 0 else float("nan")

    def sectors(self, country: str) -> pd.DataFrame:
        """By sector: sector, name, exports (bn USD), domestic (share of exports, 0 to 1), upstreamness (sales to final use)."""
        i = self.world.country_index(country)
        return pd.DataFrame(
            {
                "sector": list(self.world.sectors),
                "name": [self.world.sector_name(code) for code in self.world.sectors],
                "exports": self._exports(i) / 1000,
                "domestic": self.domestic[i],
                "upstreamness": self.upstreamness[i],
            }
        )

    def exposure(self, country: str) -> pd.DataFrame:
        """How a country depends on each other one, the most exposed to first.

        Returns
        -------
        DataFrame
            ``partner``, ``name``; shares of the country's value added, 0 to 1: ``sold`` (used up by the partner), of which
            ``through_third`` by way of other countries, ``direct`` the rest; and ``bought``, the partner's value added in what
            the country finally uses, a share of that.
        """
        i = self.world.country_index(country)
        others = np.flatnonzero(np.arange(len(self.world.countries)) != i)
        own = self.absorbed[i].sum()
        sold, direct = self.absorbed[i, others] / own, self.direct[i, others] / own
        codes = [self.world.countries[j] for j in others]
        table = pd.DataFrame(
            {
                "partner": codes,
                "name": [country_name(code) for code in codes],
                "sold": sold,
                "direct": direct,
                "through_third": np.maximum(sold - direct, 0.0),
                "bought": self.absorbed[others, i] / self.world.final_demand[i].sum(),
            }
        )
        return table.sort_values("sold", ascending=False, ignore_index=True)

    def sentence(self, country: str) -> str:
        """The findings of a country in plain words."""
        exposed = self.exposure(country)
        share = self.domestic_share(country)
        foremost, hidden = exposed.iloc[0], exposed.iloc[int(exposed["through_third"].argmax())]
        words = (
            f"Of a dollar of exports {100 * share:.0f} cents are earned at home. {_share(foremost['sold'])} of what the country "
            f"earns is used up by {spoken([foremost['partner']]).text}, {_share(foremost['through_third'])} by way of third countries"
        )
        if hidden["partner"] == foremost["partner"]:
            return f"{words}: no other partner is reached so much through others."
        return f"{words}. Most is reached through others by {spoken([hidden['partner']]).text}: {_share(hidden['through_third'])}."

    def _exports(self, i: int) -> Array:
        sold = self.world.revenue[i].sum(0) - self.world.revenue[i, i]
        return np.asarray(sold)


def _share(value: float) -> str:
    return in_percent(float(value))


def value_chains(world: World) -> ValueChains:
    """Trace a world's accounts; a world without input-output links has all value added at home and upstreamness 1."""
    return _traced(_Key(world))


class _Key:
    """A world by its content."""

    def __init__(self, world: World) -> None:
        self.world = world

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.world.content_hash == other.world.content_hash

    def __hash__(self) -> int:
        return hash(self.world.content_hash)


@lru_cache(maxsize=6)
def _traced(key: _Key) -> ValueChains:
    world = key.world
    n, s = world.shape
    # What sellers receive of a dollar that buyers pay, (N, N, S).
    received = np.divide(
        world.revenue, world.expenditure, out=np.ones_like(world.expenditure), where=world.expenditure > 0
    )
    reaching = world.shares * received
    output = world.gross_output
    per_dollar = np.divide(
        world.input_purchases, output[:, None, :], out=np.zeros((n, s, s)), where=output[:, None, :] > 0
    )
    # (i, s) by (j, k): seller's sector and buyer's sector.
    links = np.einsum("ijs,jsk->isjk", reaching, per_dollar)
    whole = links.reshape(n * s, n * s)
    earned = np.divide(world.value_added, output, out=np.zeros((n, s)), where=output > 0)
    owed = np.where(output > 0, 1 - earned - links.sum((0, 1)), 0.0)
    finally_used = np.einsum("ijs,js->isj", reaching, world.final_demand)

    home = np.stack([np.linalg.inv(np.eye(s) - links[i, :, i, :]) for i in range(n)])
    domestic = np.einsum("ik,iks->is", earned, home)
    duties = np.einsum("ik,iks->is", owed, home)

    made = np.linalg.solve(np.eye(n * s) - whole, finally_used.reshape(n * s, n)).reshape(n, s, n)
    absorbed = np.einsum("is,isp->ip", earned, made)

    flows = whole * output.reshape(-1)[None, :]
    sold = output.reshape(-1)[:, None]
    onward = np.divide(flows, sold, out=np.zeros_like(flows), where=sold > 0)
    upstreamness = np.linalg.solve(np.eye(n * s) - onward, np.ones(n * s)).reshape(n, s)

    # Shipped straight to p: final goods, and inputs into what p makes for itself without anybody else.
    at_home = np.einsum("pks,ps->pk", home, np.einsum("psp->ps", finally_used))
    straight = finally_used + np.einsum("ispk,pk->isp", links, at_home)
    direct = np.einsum("is,isp->ip", domestic, straight)
    np.fill_diagonal(direct, 0.0)
    return ValueChains(world, domestic, duties, upstreamness, absorbed, direct)
