"""The world of 1993 of Caliendo and Parro (2015): 31 countries x 40 sectors with input-output links."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.world.shares import close_from_shares
from firmtrade_core.world.world import Provenance, World

Array = NDArray[np.float64]

#: θ of services, which the published estimates leave out.
SERVICES_ELASTICITY = 8.22

TABLES = ("bilateral.parquet", "production.csv", "input_output.parquet", "trade_elasticities.csv")

PROVENANCE = Provenance(
    source="Caliendo and Parro (2015), Estimates of the Trade and Welfare Effects of NAFTA, replication data",
    year=1993,
    licence="see the journal's replication archive",
)


@dataclass(frozen=True, eq=False)
class CaliendoParroData:
    """The world of 1993, the tariffs of 2005, and the trade elasticities.

    Attributes
    ----------
    world : World
        31 countries x 40 sectors, million USD, deficits as in 1993.
    tariff_2005 : (N, N, S)
        Fractions.
    trade_elasticity : (S,)
        θ.
    """

    world: World
    tariff_2005: Array
    trade_elasticity: Array


def load_caliendo_parro(folder: Path) -> CaliendoParroData:
    """Read the replication data and close the accounts from shares, as the paper does.

    Domestic sales are output less exports, output being at least exports; negative final-demand
    shares are set to zero and the rest rescaled; trade, input and final shares and value added are then
    held (`close_from_shares`).

    Parameters
    ----------
    folder
        Holds the four tables named in `TABLES`.
    """
    production = pd.read_csv(folder / "production.csv")
    countries = list(dict.fromkeys(production["country"]))
    sectors = sorted(production["sector"].unique())
    place = {code: i for i, code in enumerate(countries)}
    n, s = len(countries), len(sectors)

    border_value, tariff_1993, tariff_2005 = _trade(folder, place, (n, n, s))
    output, labour = np.zeros((n, s)), np.zeros((n, s))
    cells = production["country"].map(place), production["sector"] - 1
    output[cells] = production["gross_output_usd"] / 1e6
    labour[cells] = production["value_added_share"]
    gamma = _input_shares(folder, place, (n, s, s), labour)

    exports = border_value.sum(1)
    output = np.maximum(output, exports)
    home = np.arange(n)
    border_value[home, home] = output - exports
    flows = border_value * (1 + tariff_1993)
    spending = flows.sum(0)
    demand = spending - np.einsum("jks,js->jk", gamma, output)
    negative = int((demand < 0).sum())
    demand = np.maximum(demand, 0)
    world = close_from_shares(
        countries=countries,
        sectors=[f"{sector:02d}" for sector in sectors],
        trade_shares=flows / np.where(spending > 0, spending, 1.0),
        input_shares=gamma,
        final_shares=demand / demand.sum(1, keepdims=True),
        value_added=((1 - gamma.sum(1)) * output).sum(1),
        tariff=tariff_1993,
        supplied_expenditure=spending,
        provenance=PROVENANCE.with_change(
            f"{negative} negative final-demand shares and one negative input share set to zero"
        ),
        name="Caliendo-Parro 1993",
    )
    published = pd.read_csv(folder / "trade_elasticities.csv").set_index("sector")["theta"]
    elasticity = published.reindex(sectors).fillna(SERVICES_ELASTICITY)
    return CaliendoParroData(world, tariff_2005, elasticity.to_numpy(dtype=np.float64))


def _trade(folder: Path, place: dict[str, int], shape: tuple[int, int, int]) -> tuple[Array, Array, Array]:
    """Border values in million USD and the tariffs of both years, (N, N, S); services are not traded."""
    table = pd.read_parquet(folder / "bilateral.parquet")
    cells = table["exporter"].map(place), table["importer"].map(place), table["sector"] - 1
    trade, before, after = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    trade[cells] = table["trade_net_of_tariff_kusd"] / 1e3
    before[cells] = table["tariff_1993_pct"] / 100
    after[cells] = table["tariff_2005_pct"] / 100
    return trade, before, after


def _input_shares(folder: Path, place: dict[str, int], shape: tuple[int, int, int], labour: Array) -> Array:
    """γ in cost, (N, S, S): the published shares of intermediates sum to one but for rounding.

    One of them is negative (Canada, -0.0008) and counts as zero.
    """
    table = pd.read_parquet(folder / "input_output.parquet")
    shares = np.zeros(shape)
    cells = table["country"].map(place), table["input_sector"] - 1, table["output_sector"] - 1
    shares[cells] = table["share_of_intermediates"].clip(lower=0)
    total = shares.sum(1, keepdims=True)
    return shares / np.where(total > 0, total, 1.0) * (1 - labour)[:, None, :]
