"""Episode: what the United States imported in 2025 by partner, from 2024 and the tariffs of the days in between.

Tariffs are added ones weighted by days (`assets/backtests/us_2025_tariffs.csv`), imports general imports of the Census
(`us_2025_imports.csv`); both are described in `assets/backtests/README.md`. The European Union is one partner, as its
tariffs are.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.backtests.errors import BacktestError
from firmtrade_core.backtests.predicting import Growth, under
from firmtrade_core.codes.countries import REST_OF_WORLD
from firmtrade_core.codes.groups import group_members
from firmtrade_core.codes.sectors import BROAD_SECTORS
from firmtrade_core.paths import asset
from firmtrade_core.scenarios.schema import Structure
from firmtrade_core.world.world import World

Array = NDArray[np.float64]
Period = Literal["2025", "2025-04..10"]

IMPORTER, UNION = "USA", "EU"

#: Columns of imports before and after, by period.
_IMPORTS = {"2025": ("y2024", "y2025"), "2025-04..10": ("apr_oct_2024", "apr_oct_2025")}

#: Where gold passes through: its imports of early 2025 have nothing to do with tariffs on other goods.
GOLD = ("CHE", "AUS", "GBR", "ZAF", "HKG", "ARE")

#: What the episode is looked at without, named before the result was seen: the one partner with very high tariffs, the
#: one whose servers the boom in computing bought, and the gold.
WITHOUT = {
    "without China": ("CHN",),
    "without Taiwan": ("TWN",),
    "without the gold hubs": GOLD,
    "without China, Taiwan and the gold hubs": ("CHN", "TWN", *GOLD),
}


@cache
def actual_imports() -> pd.DataFrame:
    """General imports of goods by partner, million US dollars: y2024, y2025, apr_oct_2024, apr_oct_2025."""
    return pd.read_csv(
        asset("backtests/us_2025_imports.csv"), index_col="partner", keep_default_na=False, na_values=[""]
    )


@cache
def added_tariffs(period: Period = "2025") -> pd.DataFrame:
    """Day-weighted tariffs added, by exporter (``EU`` is one) and the nine goods sectors, fractions; basis beside them.

    Raises
    ------
    BacktestError
        If there is no such period.
    """
    table = pd.read_csv(asset("backtests/us_2025_tariffs.csv"), keep_default_na=False, na_values=[""])
    table = table[table["period"] == period].set_index("exporter").drop(columns="period")
    if table.empty:
        raise BacktestError(f"There are no tariffs of {period!r}; choose 2025 or 2025-04..10.")
    return table


def partner_of(code: str) -> str:
    """The partner that a country is counted under: the union for its members."""
    return UNION if code in group_members(UNION) else code


def tariff_after(world: World, period: Period = "2025") -> Array:
    """The world's tariffs with those of the period added by the United States, (N, N, S).

    Raises
    ------
    BacktestError
        If the world lacks the United States, or has other sectors than the ten broad ones.
    """
    if IMPORTER not in world.countries or not set(world.sectors) <= set(BROAD_SECTORS):
        raise BacktestError(
            "This episode needs a world with the United States and the ten broad sectors, such as the embedded one."
        )
    added, here = added_tariffs(period), world.country_index(IMPORTER)
    tariff = world.tariff.copy()
    for i, code in enumerate(world.countries):
        source = partner_of(code)
        if code == IMPORTER or source not in added.index:
            continue
        for s, sector in enumerate(world.sectors):
            if sector in added and np.isfinite(rate := float(added[sector][source])):
                tariff[i, here, s] += rate
    return tariff


def predictions(world: World, growth: Growth, period: Period = "2025") -> pd.DataFrame:
    """The table of predictions (`scoring.COLUMNS`), with ``tariff``: the change of log (1 + tariff) by baseline trade.

    Only partners of the world by name whose imports are known before and after; the rest of the world is left out.
    """
    before, after = _IMPORTS[period]
    actual = actual_imports()
    here, added = world.country_index(IMPORTER), tariff_after(world, period)
    members: dict[str, list[int]] = {}
    for i, code in enumerate(world.countries):
        known = code in actual.index and np.isfinite(actual.loc[code, [before, after]].to_numpy(float)).all()
        if code not in (IMPORTER, REST_OF_WORLD) and known:
            members.setdefault(partner_of(code), []).append(i)
    rows = []
    for partner, places in sorted(members.items()):
        codes = [world.countries[i] for i in places]
        chosen = np.isin(np.arange(len(world.countries)), places)
        value = world.border_value[chosen, here]
        rate = np.log1p(added[chosen, here]) - np.log1p(world.tariff[chosen, here])
        was, became = (float(actual.loc[codes, c].sum()) for c in (before, after))
        rows.append(
            {
                "importer": IMPORTER,
                "partner": partner,
                "since": before.removeprefix("y").replace("apr_oct_2024", "2024-04..10"),
                "until": period,
                "weight": was,
                "actual": float(np.log(became / was)),
                "predicted": growth.pair(chosen, here),
                "tariff": float((value * rate).sum() / value.sum()) if value.sum() > 0 else np.nan,
            }
        )
    table = pd.DataFrame(rows)
    weight = table["weight"].to_numpy(float)
    for name in ("actual", "predicted"):
        total = np.log((weight * np.exp(table[name].to_numpy(float))).sum() / weight.sum())
        table["common" if name == "actual" else "predicted_common"] = total
    return table


def us_2025(world: World, structure: Structure, period: Period = "2025") -> pd.DataFrame:
    """The episode's predictions under a structure.

    Raises
    ------
    BacktestError, EquilibriumError
    """
    return predictions(world, under(structure, world, tariff_after(world, period)), period)
