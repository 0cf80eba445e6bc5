"""Entry and sales of synthetic firms market by market, adding up to the world's flows (MODEL 2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.panel.synthetic.firms import Firms
from firmtrade_core.panel.synthetic.structure import SyntheticDesign

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Highest share of a sector's firms present in a foreign market (MODEL 2).
HIGHEST_PRESENCE = 0.9


@dataclass(frozen=True, eq=False)
class Markets:
    """Markets as they are; S sectors, J destinations, T years.

    Parameters
    ----------
    flow : (S, J, T)
        Sales of the home country's firms, in money; foreign destinations only.
    home_flow : (S, T)
        Sales at home.
    demand, threshold : (S, J, T)
        δ and k; minus and plus infinity where nothing is sold.
    home_demand : (S, T)
        δ at home.
    presence : (S, J)
        Share of a sector's firms present in the last year, as intended.
    """

    flow: Array
    home_flow: Array
    demand: Array
    threshold: Array
    home_demand: Array
    presence: Array


@dataclass(frozen=True, eq=False)
class Sales:
    """Export sales in sparse form, one entry by firm, destination and year of presence, and sales at home.

    Parameters
    ----------
    firm, destination, year : (N,) of int
        Positions.
    value : (N,)
        Money.
    home : (F, T)
        Sales at home; 0 where not alive.
    """

    firm: NDArray[np.int64]
    destination: NDArray[np.int64]
    year: NDArray[np.int64]
    value: Array
    home: Array


@dataclass(frozen=True, eq=False)
class _Shocks:
    """ξ and ν of a year, (F, J); column J of ξ is the home market's."""

    sales: Array
    entry: Array


def sell(
    firms: Firms, flow: Array, home_flow: Array, design: SyntheticDesign, generator: np.random.Generator
) -> tuple[Markets, Sales]:
    """Let firms enter and sell.

    ``ln x = κ + ξ + δ`` if ``κ + g + ν >= k``. Thresholds give each market its share of firms in the last year and
    move against demand before it, as equation (1) says of Ê. δ makes each sector's sales in each market add up
    exactly; a market with sales has at least one seller.

    Parameters
    ----------
    flow : (S, J, T)
        Money to be sold abroad.
    home_flow : (S, T)
        Money to be sold at home.
    """
    threshold = demand = np.zeros_like(flow)
    demand = np.full_like(flow, -np.inf)
    threshold = np.full_like(flow, np.inf)
    home_demand = np.full_like(home_flow, -np.inf)
    presence: Array = np.zeros(flow.shape[:2])
    home = np.zeros(firms.alive.shape)
    parts = []
    last = flow.shape[2] - 1
    for year, shocks in _backwards(firms, flow, design, generator):
        index = firms.capability[:, year, None] + firms.g[:, year, None] + shocks.entry
        index[~firms.alive[:, year]] = -np.inf
        members = [np.flatnonzero(firms.sector == sector) for sector in range(len(flow))]
        if year == last:
            presence = _presence(index, members, flow[:, :, last], home_flow[:, last], design)
        for sector, who in enumerate(members):
            block = np.sort(index[who], axis=0)
            living = int(firms.alive[who, year].sum())
            if year == last:
                wanted = np.clip(np.round(presence[sector] * living).astype(int), 1, max(living, 1))
                cut = block[len(who) - wanted, np.arange(flow.shape[1])]
            else:
                cut = threshold[sector, :, last] - np.log(
                    np.maximum(flow[sector, :, year], 1e-300) / np.maximum(flow[sector, :, last], 1e-300)
                )
                cut = np.minimum(cut, block[-1])
            cut = np.where(flow[sector, :, year] > 0, cut, np.inf)
            threshold[sector, :, year] = cut
            sold = np.where(
                index[who] >= cut, np.exp(firms.capability[who, year, None] + shocks.sales[who, :-1]), 0.0
            )
            total = sold.sum(0)
            factor = np.divide(flow[sector, :, year], total, out=np.zeros_like(total), where=total > 0)
            demand[sector, :, year] = np.log(factor, out=np.full_like(factor, -np.inf), where=factor > 0)
            row, destination = np.nonzero(sold)
            parts.append((who[row], destination, np.full(len(row), year), (sold * factor)[row, destination]))
            local = np.exp(firms.capability[who, year] + shocks.sales[who, -1]) * firms.alive[who, year]
            if local.sum() > 0:
                scale = home_flow[sector, year] / local.sum()
                home[who, year] = local * scale
                home_demand[sector, year] = np.log(scale) if scale > 0 else -np.inf
    firm, destination, years, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((destination, years, firm))
    sales = Sales(firm[order], destination[order], years[order], value[order], home)
    return Markets(flow, home_flow, demand, threshold, home_demand, presence), sales


def _backwards(
    firms: Firms, flow: Array, design: SyntheticDesign, generator: np.random.Generator
) -> Iterator[tuple[int, _Shocks]]:
    """Years from the last to the first, each with its shocks: a stationary Gaussian process reads the same backwards."""
    shape = (len(firms.sector), flow.shape[1] + 1)
    keep, fresh = design.persistence, np.sqrt(1 - design.persistence**2)
    rest = np.sqrt(1 - design.correlation**2)
    known = generator.standard_normal(shape)
    luck = generator.standard_normal(shape)
    for year in reversed(range(flow.shape[2])):
        entry = known[:, :-1] * design.sigma_nu
        spread = design.sigma_xi * firms.scale_noise[:, None]
        yield year, _Shocks(spread * (design.correlation * known + rest * luck), entry)
        known = keep * known + fresh * generator.standard_normal(shape)
        luck = keep * luck + fresh * generator.standard_normal(shape)


def _presence(
    index: Array, members: list[NDArray[np.int64]], flow: Array, home_flow: Array, design: SyntheticDesign
) -> Array:
    """Shares of firms present, (S, J): (c R_ij/R_ii)^slope up to 0.9, c such that enough firms export anywhere."""
    relative = flow / np.maximum(home_flow, flow.max() * 1e-9)[:, None]
    best = []
    for who in members:
        block = index[who]
        living = np.isfinite(block).all(1)
        # Rank of each firm in each market, as the share of living firms that stand above it.
        ranks = (-block[living]).argsort(0).argsort(0) / max(int(living.sum()), 1)
        best.append(ranks)

    def exporters(log_scale: float) -> float:
        share = np.minimum(HIGHEST_PRESENCE, (np.exp(log_scale) * relative) ** design.presence_slope)
        found = [(ranks < row).any(1) for ranks, row in zip(best, share, strict=True)]
        return float(np.concatenate(found).mean())

    low, high = -25.0, 10.0
    for _ in range(18):
        middle = (low + high) / 2
        low, high = (middle, high) if exporters(middle) < design.exporter_share else (low, middle)
    return np.minimum(HIGHEST_PRESENCE, (np.exp(low) * relative) ** design.presence_slope)
