"""What each kind of card does to a draft (MODEL 4)."""

from __future__ import annotations

from functools import singledispatch

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.labels import grouped
from firmtrade_core.scenarios import schema
from firmtrade_core.scenarios.atlas import Atlas
from firmtrade_core.scenarios.draft import Draft, blend
from firmtrade_core.scenarios.errors import ScenarioError
from firmtrade_core.scenarios.schedules import dated, entries, rows_rates

Array = NDArray[np.float64]


@singledispatch
def apply(card: schema.Card, draft: Draft, atlas: Atlas) -> None:
    """Changes the draft as the card says.

    Raises
    ------
    ScenarioError
        If the card does not fit the world.
    """
    raise ScenarioError(f"Cards of kind {card.kind} cannot be compiled.")


# Tariffs ----------------------------------------------------------------------------------------


@apply.register
def _(card: schema.Tariff, draft: Draft, atlas: Atlas) -> None:
    covered = reach(card, atlas)
    draft.tariff = blend(draft.tariff, new_rates(draft.tariff, card.method, card.value), covered)


def new_rates(rates: Array, method: str, value: float) -> Array:
    """Tariffs after a formula.

    Parameters
    ----------
    rates
        t, fractions.
    method : {"add", "set", "scale", "swiss"}
        t + v, v, v t, or v t/(v + t) where t is positive (the Swiss formula of the Tokyo Round).
    value
        v.
    """
    if method == "add":
        return rates + value
    if method == "set":
        return np.full_like(rates, value)
    if method == "scale":
        return rates * value
    positive = np.maximum(rates, 0.0)
    return np.where(rates > 0, value * positive / (value + positive), rates)


@apply.register
def _(card: schema.TariffSchedule, draft: Draft, atlas: Atlas) -> None:
    if card.rows:
        rates, covered = rows_rates(card, atlas)
    else:
        covered, rates = schedule_reach(card, atlas), _by_exporter(card, atlas)
    after = draft.tariff + rates if card.method == "add" else np.broadcast_to(rates, draft.tariff.shape)
    if card.share != 1:
        after = draft.tariff + card.share * (after - draft.tariff)
    if card.method == "add":
        # A tariff that is cut stops at zero: what is taken off may be of another year's, higher, base rates.
        least = np.minimum(draft.tariff, 0.0)
        stopped = (after < least) & (covered > 0) & atlas.abroad & (draft.world.expenditure > 0)
        if stopped.any():
            atlas.note(
                f"A schedule takes off more than there is in {grouped(int(stopped.sum()))} flows: tariffs stop at zero there."
            )
        after = np.maximum(after, least)
    draft.tariff = blend(draft.tariff, after, covered)


def _by_exporter(card: schema.TariffSchedule, atlas: Atlas) -> Array:
    """Rates of a card's list or table, as they apply to each cell, (N, 1, S) or (N, 1, 1)."""
    table = dated(card)
    if table is None:
        return atlas.by_country(entries(card), card.otherwise, strict=not card.table)[:, None, None]
    if card.digest and card.digest != table.digest:
        atlas.note(f"{table.label}: the table has changed since this scenario was written.")
    if card.day is not None and (old := table.age(card.day)):
        atlas.note(old)
    return table.added(card.day, atlas)[:, None, :]


@apply.register(schema.FreeTradeArea)
@apply.register(schema.CustomsUnion)
def _(card: schema.FreeTradeArea | schema.CustomsUnion, draft: Draft, atlas: Atlas) -> None:
    members = atlas.countries(card.members)
    sectors = atlas.sectors(card.sectors, card.except_sectors)
    inside = atlas.cells(members, members, sectors)
    if isinstance(card, schema.CustomsUnion) and (members < 1).any():
        outside = atlas.cells(1 - members, members, sectors)
        common = card.external_tariff
        rates = mean_tariff(draft, outside) if common is None else np.full(len(sectors), common)
        draft.tariff = blend(draft.tariff, rates, outside)
    draft.tariff = blend(draft.tariff, 0.0, inside)


def mean_tariff(draft: Draft, cells: Array) -> Array:
    """Trade-weighted mean of known tariffs by sector over the cells, (S,); simple mean where nothing is traded."""
    weight = draft.world.border_value * cells * ~draft.world.tariff_unknown
    weight = np.where(weight.sum((0, 1)) > 0, weight, cells)
    total = weight.sum((0, 1))
    return (weight * draft.tariff).sum((0, 1)) / np.where(total > 0, total, 1.0)


# Other policies on trade ------------------------------------------------------------------------


@apply.register
def _(card: schema.ExportSubsidy, draft: Draft, atlas: Atlas) -> None:
    after = draft.subsidy + card.value if card.method == "add" else card.value
    draft.subsidy = blend(draft.subsidy, after, reach(card, atlas))


@apply.register
def _(card: schema.ProductionSubsidy, draft: Draft, atlas: Atlas) -> None:
    covered = atlas.countries(card.countries)[:, None] * atlas.sectors(card.sectors, card.except_sectors)
    draft.production_subsidy = draft.production_subsidy + card.value * covered


@apply.register
def _(card: schema.TradeCost, draft: Draft, atlas: Atlas) -> None:
    draft.trade_cost = draft.trade_cost * (1 + card.change * reach(card, atlas))


@apply.register
def _(card: schema.FixedCost, draft: Draft, atlas: Atlas) -> None:
    draft.fixed_cost = draft.fixed_cost * (1 + card.change * reach(card, atlas))


@apply.register
def _(card: schema.Embargo, draft: Draft, atlas: Atlas) -> None:
    covered = reach(card, atlas)
    if ((covered > 0) & (covered < 1)).any():
        raise ScenarioError(
            "An embargo cannot hit a part of a country or sector of this world. Name the whole (such as ROW), leave "
            "it out (for instance with except_importers: [ROW]), or use a world that tells its parts apart."
        )
    draft.trade_cost = np.where(covered > 0, np.inf, draft.trade_cost)


def reach(card: schema.Reach, atlas: Atlas) -> Array:
    """Share of each cell that a card on trade covers, (N, N, S)."""
    covered = atlas.cells(
        atlas.countries(card.exporters, card.except_exporters),
        atlas.countries(card.importers, card.except_importers),
        atlas.sectors(card.sectors, card.except_sectors),
    )
    both = getattr(card, "both_directions", False)
    return np.maximum(covered, covered.swapaxes(0, 1)) if both else covered


def schedule_reach(card: schema.TariffSchedule, atlas: Atlas) -> Array:
    """Share of each cell that a schedule covers, (N, N, S)."""
    return atlas.cells(
        atlas.countries((schema.EVERYTHING,), card.except_exporters),
        atlas.countries(card.importers),
        atlas.sectors(card.sectors, card.except_sectors),
    )


# At home ----------------------------------------------------------------------------------------


@apply.register
def _(card: schema.Productivity, draft: Draft, atlas: Atlas) -> None:
    draft.productivity = draft.productivity * _factor_at_home(card, atlas)


@apply.register
def _(card: schema.Demand, draft: Draft, atlas: Atlas) -> None:
    draft.demand = draft.demand * _factor_at_home(card, atlas)


def _factor_at_home(card: schema.Productivity | schema.Demand, atlas: Atlas) -> Array:
    countries = atlas.countries(card.countries)
    return 1 + card.change * countries[:, None] * atlas.sectors(card.sectors, card.except_sectors)
