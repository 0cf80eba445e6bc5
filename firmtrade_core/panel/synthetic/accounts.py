"""What the firms of the synthetic home country write in their books: costs, workers, products, purchases abroad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.panel.synthetic.firms import Firms
from firmtrade_core.panel.synthetic.markets import Sales
from firmtrade_core.panel.synthetic.products import products_of
from firmtrade_core.panel.synthetic.structure import SyntheticDesign

Array = NDArray[np.float64]

#: Labour's share of value added.
LABOUR_SHARE = 0.45

#: How log wages rise with the share of skilled workers, and with the firm's capability.
SKILL_PREMIUM, CAPABILITY_PREMIUM = 0.8, 0.25

#: Standard deviations of cost shares (logs) and of prices (logs).
COST_NOISE, PRICE_NOISE = 0.12, 0.25

#: How far prices rise with capability: the capable sell better goods rather than cheaper ones.
PRICE_OF_QUALITY = 0.08

#: Mean number of products beside the first, and value of each next product relative to the one before.
MORE_PRODUCTS, NEXT_PRODUCT = 0.7, 0.4

#: Share of markets to which a firm also sends a product beside its first.
ALSO_SENT = 0.6


def keep_books(
    firms: Firms,
    sales: Sales,
    materials_share: Array,
    design: SyntheticDesign,
    generator: np.random.Generator,
) -> dict[str, Array]:
    """Accounts (F, T) by column of the firm table: sales, materials, value added, wages and workers, as constant markups and the sector's cost shares imply.

    Parameters
    ----------
    materials_share : (S,)
        Share of inputs in each sector's output.
    """
    exports = sales.exports()
    total = sales.home + exports
    noise = np.exp(COST_NOISE * generator.standard_normal((2, *total.shape)))
    materials = np.minimum(materials_share[firms.sector][:, None] * noise[0], 0.95) * total
    value_added = total - materials
    wages = np.minimum(LABOUR_SHARE * noise[1], 0.95) * value_added
    pay = np.exp(SKILL_PREMIUM * firms.attributes["skill_share"] + CAPABILITY_PREMIUM * firms.capability)
    employment = wages / pay
    last = firms.alive[:, -1]
    employment *= design.mean_employment / employment[last, -1].mean()
    return {
        "employment": np.maximum(np.round(employment), 1.0),
        "sales": total,
        "value_added": value_added,
        "materials": materials,
        "wages": wages,
        "exports": exports,
        "imports": materials * firms.attributes["imported_input_share"],
    }


def export_lines(
    firms: Firms,
    sales: Sales,
    sectors: Sequence[str],
    destinations: Sequence[str],
    years: Sequence[int],
    identifiers: NDArray[np.object_],
    generator: np.random.Generator,
) -> pd.DataFrame:
    """Exports by firm, year, destination and product; values add up to each firm's sales in each market.

    Parameters
    ----------
    firms, sales
    sectors, destinations, years
        Labels of the axes of sales.
    identifiers : (F,)
    generator
    """
    more = generator.poisson(MORE_PRODUCTS, len(firms.sector))
    available = np.array([len(products_of(sector)) for sector in sectors])[firms.sector]
    count = np.minimum(1 + more, available)
    # A firm makes neighbouring products of its sector's list, starting at a popular one.
    first = np.minimum(generator.geometric(0.45, len(count)) - 1, available - 1)
    depth = int(count.max(initial=1))
    sent = generator.random((len(sales.value), depth)) < ALSO_SENT
    sent[:, 0] = True
    sent &= np.arange(depth) < count[sales.firm][:, None]
    weight = sent * NEXT_PRODUCT ** np.arange(depth)
    value = sales.value[:, None] * weight / weight.sum(1, keepdims=True)
    cell, rank = np.nonzero(sent)
    firm = sales.firm[cell]
    code = (first[firm] + rank) % available[firm]
    names, prices = _product_table(sectors)
    log_price = (
        prices[firms.sector[firm], code]
        + PRICE_OF_QUALITY * firms.capability[firm, sales.year[cell]]
        + PRICE_NOISE * generator.standard_normal(len(cell))
    )
    return _lines(
        "export", identifiers[firm], np.array(years)[sales.year[cell]], np.array(destinations)[sales.destination[cell]],
        names[firms.sector[firm], code], value[cell, rank], log_price,
    )  # fmt: skip


def import_lines(
    imports: Array,
    origins: Mapping[str, float],
    sectors: Sequence[str],
    years: Sequence[int],
    identifiers: NDArray[np.object_],
    generator: np.random.Generator,
) -> pd.DataFrame:
    """Imports by firm, year, origin and product: each importer buys from a few lasting origins.

    Parameters
    ----------
    imports : (F, T)
    origins
        Imports of the home country by origin: the odds of being chosen.
    """
    firm, year = np.nonzero(imports > 0)
    count = np.minimum(1 + generator.poisson(1.2, len(identifiers)), 5)
    odds = np.array(list(origins.values()))
    chosen = generator.choice(len(odds), (len(identifiers), 5), p=odds / odds.sum())
    weight = (np.arange(5) < count[:, None]) * 0.5 ** np.arange(5)
    names, prices = _product_table(sectors)
    goods = [s for s, name in enumerate(sectors) if name != "services"] or [0]
    bought = generator.choice(goods, len(identifiers))
    cell, rank = np.nonzero(weight[firm] > 0)
    buyer = firm[cell]
    value = (imports[firm, year] / weight[firm].sum(1))[cell] * weight[buyer, rank]
    log_price = prices[bought[buyer], 0] + PRICE_NOISE * generator.standard_normal(len(cell))
    lines = _lines(
        "import", identifiers[buyer], np.array(years)[year[cell]], np.array(list(origins))[chosen[buyer, rank]],
        names[bought[buyer], 0], value, log_price,
    )  # fmt: skip
    key = ["firm", "year", "flow", "country", "product"]  # an origin may have been drawn twice
    return lines.groupby(key, sort=False, as_index=False, observed=True).sum()


def _product_table(sectors: Sequence[str]) -> tuple[NDArray[np.object_], Array]:
    """Codes and log prices, (S, products)."""
    widest = max(len(products_of(sector)) for sector in sectors)
    names, prices = np.full((len(sectors), widest), "", dtype=object), np.zeros((len(sectors), widest))
    for position, sector in enumerate(sectors):
        listed = products_of(sector)
        names[position, : len(listed)] = list(listed)
        prices[position, : len(listed)] = np.log(list(listed.values()))
    return names, prices


def _lines(
    flow: str,
    firm: NDArray[np.object_],
    year: NDArray[np.int64],
    country: NDArray[np.str_],
    product: NDArray[np.object_],
    value: Array,
    log_price: Array,
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "firm": firm,
            "year": year,
            "flow": flow,
            "country": country,
            "product": product,
            "value": value,
            "quantity": value / np.exp(log_price),
        }
    )
