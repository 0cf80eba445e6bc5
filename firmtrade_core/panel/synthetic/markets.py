"""Entry and sales of synthetic firms market by market, adding up to the world's flows (MODEL 2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.panel.synthetic.firms import Firms
from firmtrade_core.panel.synthetic.structure import TASTE_OF_CAPABILITY, SyntheticDesign

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Positions = NDArray[np.int64]

#: Standard deviation of sales shocks at home over that abroad.
HOME_RISK = 0.4

#: Highest share of a sector's firms present in a foreign market (MODEL 2).
HIGHEST_PRESENCE = 0.9

#: Sectors that export more of their sales have more exporters, less than in proportion; most firms never export.
EXPORTERS_ON_INTENSITY, MOST_EXPORTERS = 0.4, 0.6


@dataclass(frozen=True, eq=False)
class Markets:
    """Markets as they are; S sectors, J foreign destinations, T years.

    Parameters
    ----------
    flow : (S, J, T)
        Sales of the home country's firms abroad, in money.
    home_flow : (S, T)
        Sales at home.
    demand, threshold : (S, J, T)
        δ and k; minus and plus infinity where nothing is sold.
    home_demand : (S, T)
        δ at home.
    """

    flow: Array
    home_flow: Array
    demand: Array
    threshold: Array
    home_demand: Array


@dataclass(frozen=True, eq=False)
class Shocks:
    """Shocks of a year: ξ at home (F,), ξ and ν abroad (F, J)."""

    home: Array
    sales: Array
    entry: Array


@dataclass(frozen=True, eq=False)
class Sales:
    """Sales of every year.

    Parameters
    ----------
    firm, destination, year, value : (N,)
        Exports in sparse form, one entry by firm, destination and year of presence: positions, and money.
    home : (F, T)
        Sales at home; 0 where not alive.
    """

    firm: Positions
    destination: Positions
    year: Positions
    value: Array
    home: Array

    def exports(self) -> Array:
        """Sales abroad by firm and year, (F, T)."""
        total = np.zeros(self.home.shape)
        np.add.at(total, (self.firm, self.year), self.value)
        return total


def sell(
    firms: Firms, flow: Array, home_flow: Array, design: SyntheticDesign, generator: np.random.Generator
) -> tuple[Markets, Sales, Shocks]:
    """Let firms enter and sell: ``ln x = κ + ξ + δ`` where ``κ + g + ν >= k``.

    Thresholds give each market its share of firms in the last year and move against demand before it, as equation
    (1) says of Ê. δ makes each sector's sales in each market add up exactly; a market with sales has a seller.

    Parameters
    ----------
    flow : (S, J, T)
        Money to be sold abroad.
    home_flow : (S, T)
        Money to be sold at home.

    Returns
    -------
    markets, sales, shocks
        The shocks are the last year's.
    """
    last = flow.shape[2] - 1
    members = [np.flatnonzero(firms.sector == sector) for sector in range(len(flow))]
    demand, threshold = np.full_like(flow, -np.inf), np.full_like(flow, np.inf)
    home_demand = np.full_like(home_flow, -np.inf)
    home = np.zeros(firms.alive.shape)
    parts: list[tuple[Positions, Positions, Positions, Array]] = []
    presence, latest = np.zeros(flow.shape[:2]), None
    for year, shocks in _backwards(firms, flow, design, generator):
        index = entry_index(firms.capability[:, year], firms.g[:, year], shocks, firms.alive[:, year])
        potential = np.exp(firms.capability[:, year, None] + shocks.sales)
        if latest is None:
            latest, presence = shocks, _presence(index, members, flow[:, :, last], home_flow[:, last], design)
        for sector, who in enumerate(members):
            if not len(who):  # a sector that sells nothing
                continue
            wanted = flow[sector, :, year]
            cut = (
                _marginal(index[who], presence[sector])
                if year == last
                else np.minimum(
                    threshold[sector, :, last] - _log_ratio(wanted, flow[sector, :, last]), index[who].max(0)
                )
            )
            cut = np.where(wanted > 0, cut, np.inf)
            sold = np.where(index[who] >= cut, potential[who], 0.0)
            factor = _scale(wanted, sold.sum(0))
            threshold[sector, :, year], demand[sector, :, year] = cut, _log(factor)
            row, destination = np.nonzero(sold)
            parts.append((who[row], destination, np.full(len(row), year), (sold * factor)[row, destination]))
            local = np.exp(firms.capability[who, year] + shocks.home[who]) * firms.alive[who, year]
            scale = _scale(home_flow[sector, year], local.sum())
            home[who, year], home_demand[sector, year] = local * scale, float(_log(scale))
    assert latest is not None
    firm, destination, years, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((destination, years, firm))
    sales = Sales(firm[order], destination[order], years[order], value[order], home)
    return Markets(flow, home_flow, demand, threshold, home_demand), sales, latest


def entry_index(capability: Array, g: Array, shocks: Shocks, alive: Mask) -> Array:
    """κ + g + ν, (F, J): a firm enters where it reaches k; minus infinity for firms not alive."""
    index: Array = capability[:, None] + g[:, None] + shocks.entry
    index[~alive] = -np.inf
    return index


def _marginal(index: Array, presence: Array) -> Array:
    """Thresholds (J,) that let the share ``presence`` of the living firms in, at least one."""
    living = int(np.isfinite(index[:, :1]).sum())
    wanted = np.clip(np.round(presence * living).astype(int), 1, max(living, 1))
    cut: Array = np.sort(index, axis=0)[len(index) - wanted, np.arange(index.shape[1])]
    return cut


def _scale(wanted: Array, sold: Array) -> Array:
    wanted, sold = np.asarray(wanted, dtype=float), np.asarray(sold, dtype=float)
    return np.divide(wanted, sold, out=np.zeros_like(sold), where=sold > 0)


def _log(values: Array) -> Array:
    return np.log(values, out=np.full_like(values, -np.inf), where=values > 0)


def _log_ratio(upper: Array, lower: Array) -> Array:
    both = (upper > 0) & (lower > 0)
    return np.log(np.divide(upper, lower, out=np.ones_like(upper), where=both))


def _backwards(
    firms: Firms, flow: Array, design: SyntheticDesign, generator: np.random.Generator
) -> Iterator[tuple[int, Shocks]]:
    """Years from the last to the first, each with its shocks: a firm's lasting taste in a market, and luck of the year."""
    shape = (len(firms.sector), flow.shape[1])
    lasting, fleeting = np.sqrt(design.persistence), np.sqrt(1 - design.persistence)
    spread = design.sigma_xi * firms.scale_noise
    # What a firm knows of its demand at entry is its lasting taste: there alone ξ and ν go together.
    shared = design.correlation / max(design.persistence, design.correlation)
    known = generator.standard_normal(shape)
    liked = shared * known + np.sqrt(1 - shared**2) * generator.standard_normal(shape)
    if design.variant == "taste_follows_capability":
        own = firms.unexplained[:, None] / design.sigma_u
        liked = TASTE_OF_CAPABILITY * own + np.sqrt(1 - TASTE_OF_CAPABILITY**2) * liked
    at_home = generator.standard_normal(len(spread))
    for year in reversed(range(flow.shape[2])):
        luck, cost = generator.standard_normal((2, *shape))
        home = lasting * at_home + fleeting * generator.standard_normal(len(spread))
        yield (
            year,
            Shocks(
                home=HOME_RISK * spread * home,
                sales=spread[:, None] * (lasting * liked + fleeting * luck),
                entry=design.sigma_nu * (lasting * known + fleeting * cost),
            ),
        )


def _presence(
    index: Array, members: list[Positions], flow: Array, home_flow: Array, design: SyntheticDesign
) -> Array:
    """Shares of firms present, (S, J): (c_s R_sj/R_s)^slope up to 0.9.

    c_s such that the sector's share of exporters is in proportion to its export intensity to the power
    `EXPORTERS_ON_INTENSITY`, and the whole country's share the one asked for.
    """
    abroad = flow.sum(1)
    intensity = abroad / np.maximum(abroad + home_flow, 1e-300)
    living = [who[np.isfinite(index[who, 0])] for who in members]
    counts = np.array([len(who) for who in living], dtype=float)
    targets = _capped(intensity**EXPORTERS_ON_INTENSITY, counts, design.exporter_share)
    relative = flow / np.maximum(abroad[:, None], 1e-300)
    presence = np.zeros_like(flow)
    for sector, who in enumerate(living):
        if len(who):
            # Rank of each firm in each market, as the share of living firms that stand above it.
            ranks = (-index[who]).argsort(0).argsort(0) / len(who)
            presence[sector] = _share_present(ranks, relative[sector], targets[sector], design.presence_slope)
    return presence


def _capped(weight: Array, counts: Array, mean: float) -> Array:
    """Shares in proportion to ``weight`` with the given mean over firms, none above `MOST_EXPORTERS`."""
    highest = max(MOST_EXPORTERS, mean)
    shares = np.full_like(weight, mean)
    for _ in range(20):
        room = shares < highest
        missing = mean * counts.sum() - highest * counts[~room].sum()
        scale = missing / max(float((counts * weight)[room].sum()), 1e-300)
        shares = np.where(room, np.minimum(weight * scale, highest), highest)
    return shares


def _share_present(ranks: Array, relative: Array, target: float, slope: float) -> Array:
    """Presence by market, (J,), such that the share ``target`` of firms exports somewhere."""

    def share(log_scale: float) -> Array:
        return np.asarray(np.minimum(HIGHEST_PRESENCE, (np.exp(log_scale) * relative) ** slope))

    low, high = -30.0, 10.0
    for _ in range(18):
        middle = (low + high) / 2
        few = float((ranks < share(middle)).any(1).mean()) < target
        low, high = (middle, high) if few else (low, middle)
    return share(low)
