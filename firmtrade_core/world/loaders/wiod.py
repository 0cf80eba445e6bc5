"""World Input-Output Database, as published.

2016 release: ``WIOTyyyy_October16_ROW.dta`` (or the same as CSV), a row for each product with the columns
``IndustryCode, IndustryDescription, Country, RNr, Year``, uses ``vAUS1`` ... ``vROW56`` (industries) and ``vAUS57`` ...
``vROW61`` (final demand), and ``TOT``; in the R files without the leading v. The foot rows have ``Country = TOT``.

2013 release: ``wiot_full.dta``, long, with the columns ``year, row_country, row_item, col_country, col_item, value``; items
1 to 35 are industries, columns 37 to 42 final demand, rows from 60 on the foot.

Long-run release of 2022 (1965 to 2000): ``lr_wiod_wiot_final_filled.csv``, long, with the columns ``year, row_country, row_isic3,
col_country, col_isic3, value``; what begins with x is no industry: final demand ``xCONS_h`` ..., totals ``xTOT``, the rest of the world
``xROW``.

Million US dollars at basic prices.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from firmtrade_core.world.build import TariffUnit
from firmtrade_core.world.columns import said_of
from firmtrade_core.world.errors import WorldError, WorldFileError
from firmtrade_core.world.loaders.blocks import Blocks, fold, labelled_sums, world_from_blocks
from firmtrade_core.world.loaders.dating import year_in_name
from firmtrade_core.world.tables import numbers, read_table, require_columns
from firmtrade_core.world.world import Provenance, World

_USE = re.compile(r"v?([A-Za-z]{3})(\d{1,2})")

#: Items that are industries, by release; later ones are final demand.
INDUSTRIES_2016, INDUSTRIES_2013, FINAL_2013 = range(1, 57), range(1, 36), range(37, 43)

_LONG = ("row_country", "row_item", "col_country", "col_item", "value")
_LONG_RUN = ("row_country", "row_isic3", "col_country", "col_isic3", "value")


def load(
    path: str | Path,
    *,
    year: int | None = None,
    sectors: Mapping[str, str] | None = None,
    sector_names: Mapping[str, str] | None = None,
    tariffs: pd.DataFrame | None = None,
    tariff_unit: TariffUnit = "check",
) -> World:
    """Read a WIOD table of either release.

    Parameters
    ----------
    year
        Which year, where the file holds several.
    sectors
        User sector of every industry: by code in the 2016 release (``A01``), by item in the 2013 release (``1``).
    tariffs
        Columns exporter, importer, sector (after folding), tariff.
    tariff_unit
        How they are written (`World.from_long`).

    Raises
    ------
    WorldFileError
        If the file has neither form.
    """
    path = Path(path)
    table = read_table(path)
    release, read = "2016", _wide
    if set(_LONG) <= set(table.columns):
        release, read = "2013", _long
    elif set(_LONG_RUN) <= set(table.columns):
        release, read = "long-run", _long_run
    blocks, chosen = read(table, year, sectors, path.name)
    uses = [column for column in table.columns if _USE.fullmatch(str(column))]
    long = {"2013": _LONG, "long-run": _LONG_RUN}.get(release, ())
    used = ["year", *long] if long else ["IndustryCode", "Country", "RNr", "Year", *uses]
    return world_from_blocks(
        blocks,
        Provenance(
            source=f"World Input-Output Database, {release} release (Timmer, Dietzenbacher, Los, Stehrer, de Vries 2015)",
            year=chosen,
            licence="CC BY 4.0",
            changes=tuple(said_of(table, used, "")),
        ),
        tariffs=tariffs,
        tariff_unit=tariff_unit,
        sector_names=sector_names,
        name=f"WIOD {chosen or ''}".strip(),
    )


def _wide(
    table: pd.DataFrame, year: int | None, sectors: Mapping[str, str] | None, where: str
) -> tuple[Blocks, int | None]:
    require_columns(table, ("IndustryCode", "Country", "RNr"), where)
    table, year = _pick_year(table, "Year", year, where)
    item = numbers(table, "RNr", where).astype(int)
    country = _codes(table["Country"])
    product = (country != "TOT").to_numpy() & np.isin(item, INDUSTRIES_2016)
    codes = dict(zip(item[product], table["IndustryCode"].astype(str)[product], strict=True))
    group = dict(zip(codes, fold(list(codes.values()), sectors, "sectors"), strict=True))
    uses = [name for name in table.columns if _USE.fullmatch(str(name))]
    if not uses or not product.any():
        raise WorldFileError(f"{where} is not a WIOD table: uses should be columns such as vAUS1 to vROW61.")
    part = table[product]
    values = np.column_stack([numbers(part, use, where) for use in uses])
    rows = pd.MultiIndex.from_arrays([country[product], [group[i] for i in item[product]]])
    columns = []
    for use in uses:
        match = _USE.fullmatch(use)
        assert match is not None
        columns.append((_code(match.group(1)), group.get(int(match.group(2)), "")))
    return labelled_sums(rows, pd.MultiIndex.from_tuples(columns), values), year


def _long(
    table: pd.DataFrame, year: int | None, sectors: Mapping[str, str] | None, where: str
) -> tuple[Blocks, int | None]:
    table, year = _pick_year(table, "year", year, where)
    row, column = (numbers(table, c, where).astype(int) for c in ("row_item", "col_item"))
    kept = np.isin(row, INDUSTRIES_2013) & np.isin(column, [*INDUSTRIES_2013, *FINAL_2013])
    if not kept.any():
        raise WorldFileError(f"{where} holds no industry rows (row_item 1 to 35) for {year}.")
    items = sorted({int(item) for item in row[kept]})
    group = dict(zip(items, fold([str(i) for i in items], sectors, "sectors"), strict=True))
    part = table[kept]
    long = pd.DataFrame(
        {
            "origin": _codes(part["row_country"]),
            "product": [group[i] for i in row[kept]],
            "destination": _codes(part["col_country"]),
            "use": [group[i] if i in INDUSTRIES_2013 else "" for i in column[kept]],
            "value": numbers(part, "value", where),
        }
    )
    return _from_long(long), year


def _long_run(
    table: pd.DataFrame, year: int | None, sectors: Mapping[str, str] | None, where: str
) -> tuple[Blocks, int | None]:
    table, year = _pick_year(table, "year", year, where)
    row, column, made_in, used_in = (
        table[c].astype(str).str.strip() for c in ("row_isic3", "col_isic3", "row_country", "col_country")
    )
    kept = ~row.str.startswith("x") & (made_in != "xTOT") & (used_in != "xTOT")
    if not kept.any():
        raise WorldFileError(f"{where} holds no industry rows for {year}.")
    industries = list(dict.fromkeys(row[kept]))
    group = dict(zip(industries, fold(industries, sectors, "sectors"), strict=True))
    if strange := sorted({c for c in column[kept] if c not in group and not c.startswith("x")}):
        raise WorldFileError(
            f"{where}: the industry {strange[0]} buys but makes nothing; was the file cut short?"
        )
    long = pd.DataFrame(
        {
            "origin": _codes(made_in[kept]),
            "product": row[kept].map(group),
            "destination": _codes(used_in[kept]),
            "use": column[kept].map(group).fillna(""),
            "value": numbers(table[kept], "value", where),
        }
    )
    return _from_long(long), year


def _from_long(long: pd.DataFrame) -> Blocks:
    """Blocks from rows with origin, product, destination, use ("" for final demand) and value."""
    wide = long.pivot_table(
        index=["origin", "product"],
        columns=["destination", "use"],
        values="value",
        aggfunc="sum",
        fill_value=0.0,
        sort=False,
    )
    assert isinstance(wide.index, pd.MultiIndex) and isinstance(wide.columns, pd.MultiIndex)
    rows, columns = wide.index, wide.columns
    return labelled_sums(rows, columns, wide.to_numpy(dtype=float))


def _pick_year(
    table: pd.DataFrame, column: str, year: int | None, where: str
) -> tuple[pd.DataFrame, int | None]:
    if column not in table:
        return table, year_in_name(Path(where).stem) if year is None else year
    years = sorted(int(y) for y in np.unique(numbers(table, column, where)))
    if year is None and len(years) > 1:
        raise WorldError(
            f"{where} holds the years {years[0]} to {years[-1]}. Choose one with year={years[-1]}."
        )
    chosen = years[0] if year is None else year
    if chosen not in years:
        raise WorldError(f"{where} has no year {chosen}; it holds {', '.join(map(str, years))}.")
    return table[table[column].astype(int) == chosen].reset_index(drop=True), chosen


def _code(text: str) -> str:
    """Country code: WIOD writes RoW, and ROM for Romania."""
    upper = text.strip().upper()
    return {"ROM": "ROU", "XROW": "ROW"}.get(upper, upper)


def _codes(column: pd.Series) -> pd.Series:
    return column.astype(str).map(_code)
