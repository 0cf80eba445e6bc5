"""USITC International Trade and Production Database for Estimation (ITPD-E), releases 2 and 3, as published.

A long CSV file with the columns ``exporter_iso3, importer_iso3, year, industry_id, industry_descr, broad_sector, trade``
(million US dollars), ``flag_mirror`` and ``flag_zero`` (p positive, r reported zero, u unknown), and names or dynamic codes
beside. Rows with exporter = importer are domestic sales. No input-output links, no tariffs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from firmtrade_core.codes.countries import is_known
from firmtrade_core.codes.places import read_place, territory_notes
from firmtrade_core.world.errors import EmptyMarketError, NegativeValueError, WorldError
from firmtrade_core.world.loaders.blocks import NO_TARIFFS, fold, tariff_array
from firmtrade_core.world.tables import numbers, read_table, refuse_repeated_rows, require_columns
from firmtrade_core.world.world import Provenance, World


def load(
    path: str | Path,
    *,
    year: int | None = None,
    sectors: Mapping[str, str] | None = None,
    sector_names: Mapping[str, str] | None = None,
    tariffs: pd.DataFrame | None = None,
    min_domestic_share: float = 0.0,
) -> World:
    """Read an ITPD-E file.

    Parameters
    ----------
    year
        Needed where the file holds several.
    sectors
        User sector of every ``industry_id`` (as text); the database's broad sectors, unless given.
    tariffs
        Columns exporter, importer, sector (after folding), tariff (a fraction).
    min_domestic_share
        Countries whose recorded domestic sales are below this share of their sales are left out. Countries without
        any are always left out: their home market was not reported.

    Raises
    ------
    WorldError
        If a column is missing, a value is not a number, or the year is not there.
    """
    path = Path(path)
    table = read_table(path)
    where = path.name
    require_columns(
        table, ("exporter_iso3", "importer_iso3", "year", "industry_id", "broad_sector", "trade"), where
    )
    years = sorted(int(y) for y in np.unique(numbers(table, "year", where)))
    if year is None and len(years) > 1:
        raise WorldError(
            f"{where} holds the years {years[0]} to {years[-1]}. Choose one with year={years[-1]}."
        )
    year = years[0] if year is None else year
    if year not in years:
        raise WorldError(f"{where} has no year {year}; it holds {years[0]} to {years[-1]}.")
    table = table[table["year"].astype(int) == year].reset_index(drop=True)
    refuse_repeated_rows(table, ("exporter_iso3", "importer_iso3", "industry_id"), where)
    trade = numbers(table, "trade", where)
    if (trade < 0).any():
        raise NegativeValueError(f"{where} holds negative trade in row {int(trade.argmin()) + 1} of {year}.")
    industry = table["industry_id"].astype(str).str.removesuffix(".0")
    labels = (
        table["broad_sector"].astype(str)
        if sectors is None
        else pd.Series(fold(list(industry), sectors, "sectors"))
    )
    cells = pd.DataFrame(
        {
            "origin": table["exporter_iso3"].map(_code),
            "destination": table["importer_iso3"].map(_code),
            "sector": labels,
        }
    ).assign(trade=trade)
    cube, countries, names = _cube(cells)
    changes: list[str] = []
    kept = _with_home_market(cube, countries, min_domestic_share, changes)
    if len(kept) < 2:
        raise EmptyMarketError(f"{where}: fewer than two countries report domestic sales in {year}.")
    cube, countries = cube[np.ix_(kept, kept)], tuple(np.array(countries)[kept])
    tariff = tariff_array(tariffs, countries, names)
    changes += [NO_TARIFFS] if tariffs is None else []
    strange = [c for c in countries if not is_known(c)]
    changes += [f"Codes of the source's own kept: {', '.join(strange)}."] if strange else []
    changes += _renamed(table["exporter_iso3"], table["importer_iso3"])
    changes += territory_notes(countries, year)
    if "flag_zero" in table and (unknown := int((table["flag_zero"].astype(str) == "u").sum())):
        changes.append(f"{unknown:,} cells that the source does not know are read as zero.")
    if "flag_mirror" in table and (mirrored := (numbers(table, "flag_mirror", where) > 0)).any():
        share = trade[mirrored].sum() / trade.sum()
        changes.append(f"{100 * share:.2g} % of trade is mirrored from the exporter's records by the source.")
    return World(
        countries=countries,
        sectors=names,
        expenditure=cube * (1 + tariff),
        tariff=tariff,
        subsidy=np.zeros_like(tariff),
        goods=np.array([not name.casefold().startswith("serv") for name in names]),
        sector_names=dict(sector_names or {}),
        provenance=Provenance(
            source="USITC International Trade and Production Database for Estimation (ITPD-E)",
            year=year,
            licence="public domain (United States government)",
            changes=tuple(changes),
        ),
        name=f"ITPD-E {year}",
    )


def _code(code: object) -> str:
    """Country code, with one given up for another replaced; states that are no more keep their own (`places`)."""
    text = str(code).strip().upper()
    place = read_place(text)
    return str(place.code) if place.kind == "renamed" and len(text) == 3 else text


def _renamed(*columns: pd.Series) -> list[str]:
    """A sentence on codes that were given up for another of the same territory."""
    met = {str(code).strip().upper() for column in columns for code in column.unique()}
    read = [f"{code} as {_code(code)}" for code in sorted(met) if _code(code) != code]
    return [f"Codes given up for another of the same territory: {', '.join(read)}."] if read else []


def _cube(cells: pd.DataFrame) -> tuple[np.ndarray, tuple[str, ...], tuple[str, ...]]:
    countries = tuple(sorted(set(cells["origin"]) | set(cells["destination"])))
    sectors = tuple(dict.fromkeys(cells["sector"]))
    place = {c: i for i, c in enumerate(countries)}
    cube = np.zeros((len(countries), len(countries), len(sectors)))
    at = (
        cells["origin"].map(place).to_numpy(),
        cells["destination"].map(place).to_numpy(),
        cells["sector"].map({s: k for k, s in enumerate(sectors)}).to_numpy(),
    )
    np.add.at(cube, at, cells["trade"].to_numpy())
    return cube, countries, sectors


def _with_home_market(
    cube: np.ndarray, countries: tuple[str, ...], share: float, changes: list[str]
) -> np.ndarray:
    home = np.einsum("iis->i", cube)
    sales = cube.sum((1, 2))
    kept = (home > 0) & (home >= share * sales)
    if not kept.all():
        lost = 1 - cube[np.ix_(kept, kept)].sum() / cube.sum()
        changes.append(
            f"{int((~kept).sum())} of {len(countries)} countries left out, without domestic sales in the source: "
            f"{', '.join(np.array(countries)[~kept])} ({100 * lost:.2g} % of recorded value)."
        )
    return np.flatnonzero(kept)
