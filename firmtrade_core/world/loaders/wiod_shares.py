"""The World Input-Output Database, 2014, as tables of shares: 44 countries x 50 sectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.world.errors import WorldFileError
from firmtrade_core.world.shares import close_from_shares
from firmtrade_core.world.world import Provenance, World

Array = NDArray[np.float64]

#: First sector code of services; codes from here on are not goods.
FIRST_SERVICE = "C24"

PROVENANCE = Provenance(
    source="World Input-Output Database, 2016 release (Timmer et al. 2015), with applied tariffs",
    year=2014,
    licence="WIOD: CC BY 4.0",
)


def wiod_2014_world(folder: Path) -> World:
    """The world of 2014 with input-output links, closed from shares (MODEL 1, step b).

    Reported and implied value added differ by up to 5 % because of inventories; value added is held.

    Parameters
    ----------
    folder
        Holds trade_share.csv, intermediate_share.csv, factor_share.csv, consumption_share.csv,
        value_added.csv, expenditure.csv and tariff.csv (1 + t).

    Raises
    ------
    WorldFileError
        If a table is missing or incomplete.
    """
    value_added = _table(folder, "value_added", ["country"])
    countries = [str(c) for c in value_added.index]
    sectors = sorted({str(s) for s in _table(folder, "trade_elasticity", ["sector"]).index})
    axes = {"origin": countries, "destination": countries, "country": countries}
    axes |= {"sector": sectors, "input": sectors, "output": sectors}

    def array(name: str, *columns: str) -> Array:
        return _array(folder, name, columns, axes)

    labour = array("factor_share", "country", "sector")
    return close_from_shares(
        countries=countries,
        sectors=sectors,
        trade_shares=array("trade_share", "origin", "destination", "sector"),
        input_shares=array("intermediate_share", "country", "input", "output") * (1 - labour)[:, None, :],
        final_shares=array("consumption_share", "country", "sector"),
        value_added=value_added.to_numpy(dtype=np.float64),
        tariff=array("tariff", "origin", "destination", "sector") - 1,
        supplied_expenditure=array("expenditure", "country", "sector"),
        goods=np.array([s < FIRST_SERVICE for s in sectors]),
        provenance=PROVENANCE,
        name="WIOD 2014",
    )


def wiod_2014_elasticities(folder: Path) -> dict[str, float]:
    """Trade elasticity θ by sector; the table holds 1/θ. Raises as `wiod_2014_world`."""
    inverse = _table(folder, "trade_elasticity", ["sector"])
    return {str(sector): 1 / float(value) for sector, value in inverse.items()}


def _table(folder: Path, name: str, columns: list[str]) -> pd.Series:
    path = folder / f"{name}.csv"
    if not path.is_file():
        raise WorldFileError(f"{path} is missing.")
    table = pd.read_csv(path)
    absent = {*columns, "value"} - set(table.columns)
    if absent:
        raise WorldFileError(f"{path} lacks the columns {', '.join(sorted(absent))}.")
    return table.set_index(columns)["value"]


def _array(folder: Path, name: str, columns: tuple[str, ...], axes: dict[str, list[str]]) -> Array:
    index = pd.MultiIndex.from_product([axes[c] for c in columns], names=columns)
    values = _table(folder, name, list(columns)).reindex(index)
    if values.isna().any():
        cell = values.index[values.isna()][0]
        raise WorldFileError(f"{folder / name}.csv has no value for {', '.join(cell)}.")
    array: Array = values.to_numpy(dtype=np.float64).reshape([len(axes[c]) for c in columns])
    return array
