"""FIGARO, Eurostat's inter-country input-output tables, as published: industry by industry or product by product.

Matrix files (``matrix_eu-ic-io_ind-by-ind_24ed_2022.csv``) have a first column ``rowLabels`` with ``AT_A01`` (product by product
``AT_CPA_A01``), at the foot ``W2_D21X31`` ... ``W2_B2A3G``, and columns of the same labels with final use ``AT_P3_S13``,
``AT_P3_S14``, ``AT_P3_S15``, ``AT_P51G`` and ``AT_P5M`` behind. Flat files (``flat_eu-ic-io_ind-by-ind_24ed_2022.csv``) have the columns
``icioiRow, icioiCol, refArea, rowIi, counterpartArea, colIi, obsValue``. Countries have two letters, the rest of the world is
``FIGW1``. Million euros at basic prices: turned into US dollars at the year's average reference rate of the European Central Bank.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from firmtrade_core.codes.countries import REST_OF_WORLD
from firmtrade_core.codes.currencies import ExchangeRates
from firmtrade_core.world.build import TariffUnit
from firmtrade_core.world.columns import said_of
from firmtrade_core.world.errors import UnknownCodeError, WorldError, WorldFileError
from firmtrade_core.world.loaders.blocks import Blocks, fold, labelled_sums, world_from_blocks
from firmtrade_core.world.loaders.dating import year_in_name
from firmtrade_core.world.tables import numbers, read_table, refuse_repeated_rows
from firmtrade_core.world.world import Provenance, World

#: Final uses: government, households, non-profit bodies, fixed capital, inventories; and what other editions add.
FINAL_USE = ("P3_S13", "P3_S14", "P3_S15", "P51G", "P5M", "P5", "P3", "P52", "P53")

#: Domestic territory: rows of value added and taxes, not of a country's industries.
_FOOT = frozenset({"W2", "W0", "DOM"})

#: Areas that are not written as ISO 3166 does.
_AREAS = {
    "FIGW1": REST_OF_WORLD,
    "W1": REST_OF_WORLD,
    "WRL_REST": REST_OF_WORLD,
    "EL": "GRC",
    "UK": "GBR",
    "XK": "XKX",
}

_LABEL = re.compile(r"(FIGW1|WRL_REST|[A-Z]{2}|[A-Z]\d)_(?:CPA_)?(.+)")

_FLAT = ("refArea", "counterpartArea", "obsValue")

#: Labels of rows and of columns in the flat file, industries or products.
_SIDES = ("rowIi", "rowPi", "colIi", "colPi")


def load(
    path: str | Path,
    *,
    year: int | None = None,
    sectors: Mapping[str, str] | None = None,
    sector_names: Mapping[str, str] | None = None,
    tariffs: pd.DataFrame | None = None,
    tariff_unit: TariffUnit = "check",
) -> World:
    """Read a FIGARO file, matrix or flat.

    Parameters
    ----------
    year
        Of the data, which also tells the euro's rate; taken from the file's name unless given.
    sectors
        User sector of every industry code (``C10T12``); industries as published, unless given.
    tariffs
        Columns exporter, importer, sector (after folding), tariff.
    tariff_unit
        How they are written (`World.from_long`).

    Raises
    ------
    WorldFileError
        If the file has neither form.
    WorldError
        If no year is told, or the euro has no rate in it.
    """
    path = Path(path)
    found = year_in_name(path.stem) if year is None else int(year)
    if found is None:
        raise WorldError(
            f"The name {path.name} tells no year, and euros need the year's rate. Say which with year=, for instance year=2022."
        )
    rate = _dollars(found)
    table = read_table(path)
    flat = set(_FLAT) <= set(table.columns)
    blocks = (_flat if flat else _matrix)(table, sectors, path.name)
    used = (*_FLAT, *_SIDES) if flat else (table.columns[0], *_uses(table))
    provenance = Provenance(
        source="Eurostat, FIGARO inter-country input-output tables",
        year=found,
        licence="CC BY 4.0 (Eurostat)",
    ).with_change(
        f"Million euros turned into US dollars at the average reference rate of {found}, {rate:.4f} dollars for a euro."
    )
    for said in said_of(table, used, ""):
        provenance = provenance.with_change(said)
    scaled = Blocks(blocks.countries, blocks.sectors, blocks.intermediate, blocks.final, unit=rate)
    return world_from_blocks(
        scaled,
        provenance,
        tariffs=tariffs,
        tariff_unit=tariff_unit,
        sector_names=sector_names,
        name=f"FIGARO {found}",
    )


def _dollars(year: int) -> float:
    """US dollars for a euro, mean of the year's days."""
    rates = ExchangeRates.european_central_bank().per_unit["EUR"].dropna()
    of_year = rates[pd.DatetimeIndex(rates.index).year == year]
    if of_year.empty:
        raise WorldError(f"The euro has no reference rate in {year}; FIGARO begins in 2010.")
    return float(of_year.mean())


def _matrix(table: pd.DataFrame, sectors: Mapping[str, str] | None, where: str) -> Blocks:
    table = table.rename(columns={table.columns[0]: "row"})
    labels = table["row"].astype(str).fillna("").str.strip()
    products = [_is_product(label) for label in labels]
    uses = _uses(table)
    if not any(products) or not any(map(_is_product, uses)):
        raise WorldFileError(
            f"{where} is not a FIGARO table: rows and columns should be labelled like AT_A01 and AT_P3_S14, or the file "
            "should have the columns refArea, counterpartArea and obsValue."
        )
    part = table[products]
    refuse_repeated_rows(part, ("row",), where)
    if absent := sorted(set(labels[products]) - set(uses)):
        raise WorldFileError(f"{where} has a row {absent[0]} but no such column; was it cut short?")
    values = np.column_stack([numbers(part, use, where) for use in uses])
    return labelled_sums(*_labels([*labels[products]], uses, sectors), values)


def _uses(table: pd.DataFrame) -> list[str]:
    """Columns of the matrix that are industries or final use."""
    return [c for c in table.columns[1:] if _LABEL.fullmatch(c) and _split(c)[0] not in _FOOT]


def _flat(table: pd.DataFrame, sectors: Mapping[str, str] | None, where: str) -> Blocks:
    row, column = (_first(table, names, where) for names in (_SIDES[:2], _SIDES[2:]))
    table = table[~table["refArea"].astype(str).str.strip().isin(_FOOT)].reset_index(drop=True)
    sides = [
        table[area].astype(str).str.strip() + "_" + table[code].astype(str).str.strip()
        for area, code in (("refArea", row), ("counterpartArea", column))
    ]
    long = pd.DataFrame({"row": sides[0], "use": sides[1]})
    refuse_repeated_rows(long, ("row", "use"), where)
    if not len(long):
        raise WorldFileError(f"{where} holds no flows between countries.")
    at, rows = pd.factorize(long["row"])
    to, uses = pd.factorize(long["use"])
    values = np.zeros((len(rows), len(uses)))
    values[at, to] = numbers(table, "obsValue", where)
    return labelled_sums(*_labels(list(rows), list(uses), sectors), values)


def _first(table: pd.DataFrame, names: Sequence[str], where: str) -> str:
    found = next((name for name in names if name in table), None)
    if found is None:
        raise WorldFileError(f"{where} lacks a column {' or '.join(names)}.")
    return found


def _split(label: str) -> tuple[str, str]:
    match = _LABEL.fullmatch(label)
    if match is None:
        raise WorldFileError(f"The label {label[:40]!r} is not a country and an industry.")
    return match.group(1), match.group(2)


def _is_product(label: str) -> bool:
    match = _LABEL.fullmatch(label)
    return match is not None and match.group(1) not in _FOOT and match.group(2) not in FINAL_USE


def _labels(
    rows: Sequence[str], uses: Sequence[str], sectors: Mapping[str, str] | None
) -> tuple[pd.MultiIndex, pd.MultiIndex]:
    """(country, user sector) of rows and columns; final use is marked by ""."""
    makers, users = [_split(label) for label in rows], [_split(label) for label in uses]
    industries = sorted({k for _, k in makers})
    group = dict(zip(industries, fold(industries, sectors, "sectors"), strict=True))
    if strange := sorted({k for _, k in users if k not in group and k not in FINAL_USE}):
        raise WorldFileError(f"The table's columns name {strange[0]}, which has no row and is no final use.")
    country = {area: _country(area) for area in {a for a, _ in [*makers, *users]}}
    return (
        pd.MultiIndex.from_tuples([(country[a], group[k]) for a, k in makers]),
        pd.MultiIndex.from_tuples([(country[a], group.get(k, "")) for a, k in users]),
    )


def _country(area: str) -> str:
    import pycountry

    if area in _AREAS:
        return _AREAS[area]
    found = pycountry.countries.get(alpha_2=area)
    if found is None:
        raise UnknownCodeError(
            f"{area!r} is no area of FIGARO's; they are two letters, or FIGW1 for the rest of the world."
        )
    return str(found.alpha_3)
