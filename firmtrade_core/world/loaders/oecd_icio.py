"""OECD Inter-Country Input-Output tables, as published: one wide CSV file a year.

The first column (``V1`` or unnamed) labels rows ``AUS_A01_02`` (country, industry) and, at the foot, ``TLS``, ``VA``
and ``OUT`` (2018 and 2021 editions: ``AUS_TAXSUB`` ..., ``VALU``, ``OUTPUT``; 2016: ``VA.TAXSUB``, ``OUT``). Columns are the same
country-industries, final demand ``AUS_HFCE``, ``AUS_NPISH``, ``AUS_GGFC``, ``AUS_GFCF``, ``AUS_INVNT``, ``AUS_DPABR`` (or ``AUS_P33``,
``AUS_NPS``; in 2016 the category first, ``HFCE_AUS``), and a total, ``OUT`` or ``TOTAL``; in 2016 also ``DISC``, a discrepancy that is
no country's demand. Million US dollars at basic prices. The full edition splits China's and Mexico's industries into ``CN1``,
``CN2``, ``MX1`` and ``MX2``; they are folded back. Files are called ``ICIO2016_2011.csv``, ``ICIO2018_2010.CSV``, ``ICIO2021_2018.csv``,
and from 2023 on ``2019.csv`` or ``2022_SML.csv``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from firmtrade_core.labels import grouped
from firmtrade_core.world.build import TariffUnit
from firmtrade_core.world.columns import said_of
from firmtrade_core.world.errors import WorldFileError
from firmtrade_core.world.loaders.blocks import fold, labelled_sums, world_from_blocks
from firmtrade_core.world.loaders.dating import year_in_name
from firmtrade_core.world.tables import numbers, read_table, refuse_repeated_rows
from firmtrade_core.world.world import Provenance, World

FINAL_DEMAND = (
    "HFCE",
    "NPISH",
    "NPS",
    "GGFC",
    "GFCF",
    "INVNT",
    "INV",
    "DPABR",
    "P33",
    "NONRES",
    "FD",
    "DIRP",
    "DIRPA",
    "GGCF",
    "CONSABR",
    "CONS_ABR",
    "CONS_NONRES",
    "HC",
    "NPI",
)

#: A column of differences between sources: no country demands it.
DISCREPANCY = "DISC"

SPLIT_COUNTRIES = {
    "CN1": "CHN",
    "CN2": "CHN",
    "CN3": "CHN",
    "CN4": "CHN",
    "MX1": "MEX",
    "MX2": "MEX",
    "MX3": "MEX",
}

_LABEL = re.compile(r"([A-Z][A-Z0-9]{2})(?:\.[A-Z]{3})?_(.+)")

#: Final demand as the 2016 edition labels it, the category first.
_DEMAND_FIRST = re.compile(rf"({'|'.join(sorted(FINAL_DEMAND, key=len, reverse=True))})_([A-Z][A-Z0-9]{{2}})")


def load(
    path: str | Path,
    *,
    year: int | None = None,
    sectors: Mapping[str, str] | None = None,
    sector_names: Mapping[str, str] | None = None,
    tariffs: pd.DataFrame | None = None,
    tariff_unit: TariffUnit = "check",
) -> World:
    """Read an ICIO file.

    Parameters
    ----------
    year
        Taken from the file's name unless given; an edition in the name (``ICIO2018_2010``) is no year of data.
    sectors
        User sector of every industry code; industries as published, unless given.
    tariffs
        Columns exporter, importer, sector (after folding), tariff.
    tariff_unit
        How they are written (`World.from_long`).

    Raises
    ------
    WorldFileError
        If the file is not an ICIO table, naming what was expected.
    WorldError
        If the name tells several years, or may tell the edition alone, and none is given.
    """
    path = Path(path)
    found = year_in_name(path.stem) if year is None else int(year)
    table = read_table(path)
    table.columns = ["row", *(_DEMAND_FIRST.sub(r"\2_\1", c, count=1) for c in table.columns[1:])]
    table["row"] = table["row"].astype(str).fillna("").str.strip()
    products = [row for row in table["row"] if _is_product(row)]
    uses = [
        column for column in table.columns[1:] if _LABEL.fullmatch(column) and not column.endswith("_TOTAL")
    ]
    if not products or not any(_is_product(use) for use in uses):
        raise WorldFileError(
            f"{path.name} is not an ICIO table: its rows and columns should be labelled like AUS_A01_02 and AUS_HFCE."
        )
    absent = sorted(set(products) - set(uses))
    if absent:
        raise WorldFileError(f"{path.name} has a row {absent[0]} but no such column; was it cut short?")
    part = table[table["row"].isin(set(products))]
    refuse_repeated_rows(part, ("row",), path.name)
    values = np.column_stack([numbers(part, use, path.name) for use in uses])
    rows = _labels([str(row) for row in part["row"]], sectors)
    blocks = labelled_sums(rows, _labels(uses, sectors), values)
    split = sorted({_split(row)[0] for row in products} & set(SPLIT_COUNTRIES))
    provenance = Provenance(source="OECD Inter-Country Input-Output tables", year=found, licence="CC BY 4.0")
    for said in said_of(table, ["row", *uses, DISCREPANCY], ""):
        provenance = provenance.with_change(said)
    if split:
        provenance = provenance.with_change(f"{', '.join(split)} folded into China and Mexico.")
    if found is None:
        provenance = provenance.with_change(
            "The file's name holds no year; none is stated. Give it with year=."
        )
    if DISCREPANCY in table:
        gap = numbers(part, DISCREPANCY, path.name)
        share = np.abs(gap).sum() / np.abs(values).sum()
        provenance = provenance.with_change(
            f"The column {DISCREPANCY}, differences between sources of {grouped(gap.sum(), '.4g')} million USD ({100 * share:.2g} % of all uses), "
            "is no country's demand and is left out."
        )
    return world_from_blocks(
        blocks,
        provenance,
        tariffs=tariffs,
        tariff_unit=tariff_unit,
        sector_names=sector_names,
        name=f"OECD ICIO {found or ''}".strip(),
    )


def _split(label: str) -> tuple[str, str]:
    match = _LABEL.fullmatch(label)
    if match is None:
        raise WorldFileError(f"The label {label[:40]!r} is not a country and an industry.")
    return match.group(1), match.group(2)


def _is_product(label: str) -> bool:
    match = _LABEL.fullmatch(label)
    return match is not None and match.group(2) not in (
        *FINAL_DEMAND,
        "TAXSUB",
        "TOTAL",
        "VA",
        "VALU",
        "OUTPUT",
    )


def _labels(labels: list[str], sectors: Mapping[str, str] | None) -> pd.MultiIndex:
    """(country, user sector) of each label, with split countries folded and final demand marked by ""."""
    pairs = [_split(label) for label in labels]
    industries = sorted({k for _, k in pairs if k not in FINAL_DEMAND})
    group = dict(zip(industries, fold(industries, sectors, "sectors"), strict=True))
    return pd.MultiIndex.from_tuples([(SPLIT_COUNTRIES.get(c, c), group.get(k, "")) for c, k in pairs])
