"""USITC International Trade and Production Database for Estimation (ITPD-E), releases 1 to 3, as published.

A long CSV file of several gigabytes with the columns ``exporter_iso3, importer_iso3, year, industry_id, industry_descr,
broad_sector, trade`` (million US dollars), ``flag_mirror`` and ``flag_zero`` (p positive, r reported zero, u unknown), and names or
(releases 2 and 3) dynamic codes beside; files without the industries' names and broad sectors circulate too. Rows with exporter = importer are domestic sales. No input-output links, no tariffs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from firmtrade_core.codes.iso import is_known
from firmtrade_core.codes.places import read_place, territory_notes
from firmtrade_core.labels import grouped
from firmtrade_core.world.build import TariffUnit
from firmtrade_core.world.columns import said_of
from firmtrade_core.world.errors import EmptyMarketError, NegativeValueError, WorldError
from firmtrade_core.world.joins import named, without_partner
from firmtrade_core.world.loaders.blocks import fold, tariff_array
from firmtrade_core.world.tables import (
    numbers,
    read_pieces,
    read_table,
    refuse_repeated_rows,
    require_columns,
)
from firmtrade_core.world.world import Provenance, World

#: What is read of a file, where it has it.
COLUMNS = (
    "exporter_iso3",
    "importer_iso3",
    "year",
    "industry_id",
    "broad_sector",
    "trade",
    "flag_mirror",
    "flag_zero",
)

#: Industries 1 to 28, 29 to 35, 36 to 153 and 154 to 170, where a file leaves their names out.
BROAD_SECTORS = ("Agriculture", "Mining and Energy", "Manufacturing", "Services")


def load(
    path: str | Path,
    *,
    year: int | None = None,
    sectors: Mapping[str, str] | None = None,
    sector_names: Mapping[str, str] | None = None,
    tariffs: pd.DataFrame | None = None,
    tariff_unit: TariffUnit = "check",
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
        Columns exporter, importer, sector (after folding), tariff.
    tariff_unit
        How they are written (`World.from_long`).
    min_domestic_share
        Countries whose recorded domestic sales are below this share of their sales are left out. Countries without
        any are always left out: their home market was not reported.

    Raises
    ------
    EmptyMarketError, NegativeValueError
    WorldError
        If a column is missing, a value is not a number, or the year is not there.
    """
    path = Path(path)
    where = path.name
    table, year = _of_one_year(path, year)
    changes = said_of(table, COLUMNS, "")
    refuse_repeated_rows(table, ("exporter_iso3", "importer_iso3", "industry_id"), where)
    table, unknown = _known_trade(table)
    trade = numbers(table, "trade", where)
    if (trade < 0).any():
        raise NegativeValueError(f"{where} holds negative trade in row {int(trade.argmin()) + 1} of {year}.")
    industry = table["industry_id"].astype(str).str.strip().str.removesuffix(".0")
    if sectors is not None:
        labels = pd.Series(fold(list(industry), sectors, "sectors"))
    elif "broad_sector" in table:
        labels = table["broad_sector"].astype(str).str.strip()
    else:
        labels = _broad_sectors(industry, where)
    cells = pd.DataFrame(
        {
            "origin": table["exporter_iso3"].map(_code),
            "destination": table["importer_iso3"].map(_code),
            "sector": labels,
        }
    ).assign(trade=trade)
    cube, countries, names = _cube(cells)
    kept = _with_home_market(cube, countries, min_domestic_share, changes)
    if len(kept) < 2:
        raise EmptyMarketError(f"{where}: fewer than two countries report domestic sales in {year}.")
    cube, countries = cube[np.ix_(kept, kept)], tuple(np.array(countries)[kept])
    changes += without_partner(countries, cube)
    tariff, known = tariff_array(tariffs, tariff_unit, countries, names, cube, changes)
    strange = [c for c in countries if not is_known(c)]
    changes += [f"Codes of the source's own kept: {', '.join(strange)}."] if strange else []
    changes += _renamed(table["exporter_iso3"], table["importer_iso3"])
    changes += territory_notes(countries, year)
    if unknown:
        changes.append(f"{grouped(unknown)} cells that the source does not know are read as zero.")
    if "flag_mirror" in table and (mirrored := _flagged(table["flag_mirror"])).any():
        share = trade[mirrored].sum() / trade.sum()
        changes.append(f"{100 * share:.2g} % of trade is mirrored from the exporter's records by the source.")
    return World(
        countries=countries,
        sectors=names,
        expenditure=cube * (1 + tariff),
        tariff=tariff,
        tariff_known=known,
        tariffs_stated=tariff_unit != "check",
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


def _of_one_year(path: Path, year: int | None) -> tuple[pd.DataFrame, int]:
    """Rows of one year; a text file, of several gigabytes as published, is read piece by piece."""
    where, met = path.name, set[int]()

    def chosen(part: pd.DataFrame) -> pd.DataFrame:
        require_columns(part, ("exporter_iso3", "importer_iso3", "year", "industry_id", "trade"), where)
        years = numbers(part, "year", where).astype(int)
        met.update(int(y) for y in np.unique(years))
        return part[years == (year if year is not None else min(met))]

    if path.suffix.lower() in (".csv", ".tsv"):
        parts = []
        for part in read_pieces(path, columns=COLUMNS):
            parts.append(chosen(part))
            if year is None and len(met) > 1:
                break
    else:
        parts = [chosen(read_table(path))]
    years = sorted(met)
    if year is None and len(years) > 1:
        raise WorldError(
            f"{where} holds several years, among them {years[0]} and {years[-1]}. Choose one with year={years[-1]}."
        )
    if year is not None and year not in met:
        raise WorldError(f"{where} has no year {year}; it holds {', '.join(map(str, years)) or 'no rows'}.")
    if not years:
        raise WorldError(f"{where} has no rows.")
    whole = pd.concat(parts, ignore_index=True)
    whole.attrs = dict(parts[0].attrs)
    return whole, years[0] if year is None else int(year)


def _known_trade(table: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The table with trade that the source does not know as zero, and how many cells that are."""
    unknown = pd.Series(False, index=table.index)
    if "flag_zero" in table:
        unknown = table["flag_zero"].astype(str).str.strip().str.casefold() == "u"
    blank = table["trade"].isna() | table["trade"].astype(str).str.strip().str.upper().isin(["", "NA", "."])
    return table.assign(trade=table["trade"].mask(blank & unknown, 0.0)), int(unknown.sum())


def _flagged(column: pd.Series) -> np.ndarray:
    """Which rows a flag is set in, written as number or as word."""
    number = pd.to_numeric(column, errors="coerce")
    words = column.astype(str).str.strip().str.casefold().isin(["t", "true", "y", "yes", "m"])
    return ((number.fillna(0) > 0) | words).to_numpy(dtype=bool)


def _broad_sectors(industry: pd.Series, where: str) -> pd.Series:
    """Broad sectors by the number of the industry, as the database's documentation groups them."""
    number = pd.to_numeric(industry, errors="coerce")
    found = pd.cut(number, [0, 28, 35, 153, 170], labels=list(BROAD_SECTORS)).astype("object")
    if found.isna().any():
        strange = industry[found.isna()].iloc[0]
        raise WorldError(
            f"{where} has no column broad_sector, and industry {strange} is none of 1 to 170. Give your own sectors: sector, group."
        )
    return found.astype(str)


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
        worth = sales + cube.sum((0, 2)) - home
        who = {countries[i]: float(worth[i]) for i in np.flatnonzero(~kept)}
        changes.append(
            f"{int((~kept).sum())} of {len(countries)} countries left out, without domestic sales in the source: "
            f"{', '.join(sorted(who))} ({100 * lost:.2g} % of recorded value); by trade {named(who)}."
        )
    return np.flatnonzero(kept)
