"""One country's own trade laid over a world: its exports and imports by partner and sector replace the world's cells.

Output and value added of every country and sector stay as they are. What a country sells abroad more or less it sells less or
more at home, and what it spends follows from both: trade balances move with the trade that is given (MODEL 1, the accounts).
Cells that the table does not tell keep the world's value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.codes.countries import REST_OF_WORLD, country_name
from firmtrade_core.codes.iso import plain_text
from firmtrade_core.codes.places import PRESENT, read_place
from firmtrade_core.world.build import closed_inputs_change
from firmtrade_core.world.errors import AccountsError, ColumnError, WorldError
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

#: Smallest share of its output that a sector may be left to sell at home.
LEAST_AT_HOME = 0.001

#: What columns of such tables are called, in plain text: by publishers of trade statistics and ministries in several languages.
KNOWN_AS = {
    "partner": (
        "partneriso", "partneriso3", "partner", "partnerdesc", "partnercode", "country", "countrycode", "pais", "paisdestino", "pais destino",
        "destino", "origen", "pais origen", "pais de destino", "pais de origen", "pays", "pays partenaire", "partenaire", "land", "partnerland", "parceiro",
        "pais parceiro", "destination", "origin", "importer", "exporter",
    ),
    "flow": (
        "flowcode", "flow", "flowdesc", "tradeflow", "trade flow", "trade flow code", "flujo", "fluxo", "flux", "tipo", "operacion", "regimen", "warenstrom",
    ),
    "product": (
        "cmdcode", "commodity code", "commodity", "product", "productcode", "hs", "hs code", "hs6", "hs4", "hs2", "sector", "industry", "producto", "partida",
        "codigo arancelario", "arancel", "subpartida", "capitulo", "rama", "produit", "secteur", "produto", "ncm", "setor", "ware", "warennummer",
    ),
    "value": (
        "primaryvalue", "tradevalue", "trade value", "trade value us", "trade value usd", "value", "value usd", "valor", "valor fob", "valor fob usd",
        "valor usd", "monto", "fob", "fobvalue", "cifvalue", "valeur", "montant", "wert", "expenditure musd", "value musd", "us fob", "us",
    ),
    "year": ("refyear", "year", "period", "ano", "anio", "annee", "jahr", "gestion"),
}  # fmt: skip

_EXPORTS = frozenset(
    {"x", "export", "exports", "exportacion", "exportaciones", "exportation", "exportations", "exportacao", "exportacoes", "expo", "ausfuhr", "1 export", "dx"}
)  # fmt: skip
_IMPORTS = frozenset(
    {"m", "import", "imports", "importacion", "importaciones", "importation", "importations", "importacao", "importacoes", "impo", "einfuhr", "2 import", "fm"}
)  # fmt: skip
_TOTALS = frozenset({"total", "all", "todos", "tous", "ag0", "alle", "all commodities"})


Beyond = Literal["refuse", "keep"]


@dataclass(frozen=True)
class Laid:
    """A world with one country's own trade, and what became of the table.

    Parameters
    ----------
    world
    told
        Cells of exports and of imports that the table tells.
    rows, used
        Rows of the table, and those that a cell was made of.
    notes
        What was set aside or read in a way that should be known.
    exports, imports
        Of the country in those cells, million USD: before, after.
    """

    world: World
    told: tuple[int, int]
    rows: int
    used: int
    notes: tuple[str, ...]
    exports: tuple[float, float]
    imports: tuple[float, float]


def guess_roles(columns: Sequence[str]) -> dict[str, str | None]:
    """Which column tells partner, flow, product, value and year; None where none looks like it.

    Examples
    --------
    >>> guess_roles(["refYear", "flowCode", "partnerISO", "cmdCode", "primaryValue"])["value"]
    'primaryValue'
    >>> guess_roles(["País destino", "Capítulo", "Valor FOB (USD)"])["partner"]
    'País destino'
    """
    plain = {plain_text(str(column)): str(column) for column in reversed(list(columns))}
    return {
        role: next((plain[name] for name in names if name in plain), None) for role, names in KNOWN_AS.items()
    }


def plain_numbers(column: pd.Series) -> tuple[Array, bool]:
    """A column as numbers, NaN where it is none, and whether its commas are decimal.

    A comma is decimal where points group thousands before it, or where some number has other than three digits behind its only comma.
    """
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype=np.float64, na_value=np.nan), False
    text = column.astype("string").str.replace("[\\s\u00a0\u202f'’$€]", "", regex=True)
    commas = text[text.str.contains(",", na=False)]
    both = commas.str.contains(".", regex=False, na=False)
    decimal = bool(
        (both & (commas.str.rfind(",") > commas.str.rfind("."))).any()
        or (~both & ~commas.str.fullmatch(r"-?\d{1,3}(,\d{3})+").fillna(False)).any()
    )
    if decimal:
        text = text.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
    else:
        text = text.str.replace(",", "", regex=False)
    return pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan), decimal


def lay_over(
    world: World,
    country: str,
    table: pd.DataFrame,
    roles: dict[str, str | None],
    *,
    sectors_of_product: Callable[[str, Sequence[str]], tuple[str, ...]],
    flow: str = "exports",
    unit: float = 1.0,
    year: int | None = None,
    beyond: Beyond = "refuse",
    name: str = "",
    source: str = "",
) -> Laid:
    """Lay a country's trade over a world.

    Parameters
    ----------
    world
    country
        ISO code; one that the world tells by itself.
    table
        A row for each partner, product and flow; several rows of one cell are added.
    roles
        As `guess_roles` gives them: which column is which.
    sectors_of_product
        Which of a world's sectors hold a code of the Harmonised System.
    flow
        ``exports`` or ``imports``, where no column tells.
    unit
        US dollars in one of the table's.
    year
        Which year's rows count, where a column tells years.
    beyond
        Where more would be sold abroad than the seller makes in this world: refuse, or keep the world's cells and say so.
    name, source
        Of the world that results.

    Raises
    ------
    WorldError
    ColumnError
        If partner, product or value has no column, or none of the rows can be read.
    AccountsError
        If a sector would sell nothing at home any more, naming it, the gap and what may be wrong.
    """
    if country not in world.countries:
        raise WorldError(
            f"{country_name(country)} is not told by itself in {world.name}: choose another country."
        )
    for role in ("partner", "product", "value"):
        if roles.get(role) is None:
            raise ColumnError(f"Choose the column that tells the {role}.")
    notes: list[str] = []
    rows = _read(world, country, table, roles, sectors_of_product, flow, year, notes)
    if rows.empty:
        raise ColumnError(
            f"No row of the table tells a partner, a product and a value that can be read. {' '.join(notes)}"
        )
    rows["value"] *= unit / 1e6
    if beyond == "keep":
        rows = _within_output(world, country, rows, notes)
    return _laid(world, country, rows, len(table), notes, name, source)


def _read(
    world: World,
    country: str,
    table: pd.DataFrame,
    roles: dict[str, str | None],
    sectors_of_product: Callable[[str, Sequence[str]], tuple[str, ...]],
    flow: str,
    year: int | None,
    notes: list[str],
) -> pd.DataFrame:
    values, decimal = plain_numbers(table[str(roles["value"])])
    if decimal:
        notes.append("Commas in values are read as decimal.")
    rows = pd.DataFrame(
        {
            "partner": table[str(roles["partner"])].map(_partners(world, country, table[str(roles["partner"])], notes)),
            "product": table[str(roles["product"])].astype("string").str.strip(),
            "value": values,
        }
    )  # fmt: skip
    rows["flow"] = _flows(table, roles.get("flow"), flow, notes)
    if (column := roles.get("year")) and year is not None:
        rows = rows[pd.to_numeric(table[column], errors="coerce") == year]
    bad = ~np.isfinite(rows["value"]) | (rows["value"] < 0)
    if bad.any():
        notes.append(f"{int(bad.sum())} rows have no value, or one below zero, and are set aside.")
    rows = rows[~bad & rows["partner"].notna() & rows["flow"].notna()]
    rows = _one_level(rows, notes)
    known = {
        name: _sector(world, str(name), sectors_of_product) for name in rows["product"].dropna().unique()
    }
    lost = sorted(str(name) for name, sector in known.items() if sector is None)
    if lost:
        more = f" and {len(lost) - 5} more" if len(lost) > 5 else ""
        notes.append(
            f"Products that lie in no single sector of this world are set aside: {', '.join(lost[:5])}{more}."
        )
    rows = rows.assign(sector=rows["product"].map(known))
    return rows[rows["sector"].notna()].reset_index(drop=True)


def _partners(world: World, country: str, column: pd.Series, notes: list[str]) -> dict[object, str | None]:
    found: dict[object, str | None] = {}
    unknown: list[str] = []
    aside: set[str] = set()
    for label in column.dropna().unique():
        place = read_place(str(label).split(".")[0] if str(label).endswith(".0") else str(label))
        code = place.code if place.kind in PRESENT else None
        if code is None:
            if place.kind == "unknown":
                unknown.append(str(label))
            else:
                aside.add(str(label))
            continue
        told = code if code in world.countries else REST_OF_WORLD
        found[label] = None if told == country or told not in world.countries else told
    if unknown:
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        notes.append(f"Partners that mean no country are set aside: {', '.join(unknown[:5])}{more}.")
    if aside:
        notes.append(f"Totals, groups and former states are set aside: {', '.join(sorted(aside)[:5])}.")
    return found


def _flows(table: pd.DataFrame, column: str | None, flow: str, notes: list[str]) -> pd.Series:
    if column is None:
        return pd.Series(flow, index=table.index)
    words = table[column].astype("string").map(lambda text: plain_text(str(text)), na_action="ignore")
    read = words.map(
        lambda w: "exports" if w in _EXPORTS else "imports" if w in _IMPORTS else None, na_action="ignore"
    )
    if lost := int(read.isna().sum()):
        notes.append(f"{lost} rows are neither exports nor imports (re-exports, transit) and are set aside.")
    return read


def _one_level(rows: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Rows without totals, and codes of one length: tables of several levels count their trade at each."""
    plain = rows["product"].map(lambda text: plain_text(str(text)), na_action="ignore")
    rows = rows[~plain.isin(_TOTALS)]
    codes = rows["product"].str.fullmatch(r"\d{2,10}").fillna(False)
    lengths = rows.loc[codes, "product"].str.len()
    if lengths.nunique() <= 1:
        return rows
    # Odd lengths are those of codes that lost a zero; levels lie two digits apart.
    level = (lengths + 1) // 2 * 2
    if level.nunique() == 1:
        return rows
    kept = int(str(level.value_counts().idxmax()))
    notes.append(
        f"Codes of several lengths tell the same trade at several levels: those of {kept} digits count."
    )
    return rows[~codes | (rows["product"].str.len().add(1) // 2 * 2 == kept)]


def _sector(
    world: World, label: str, sectors_of_product: Callable[[str, Sequence[str]], tuple[str, ...]]
) -> str | None:
    by_name = {plain_text(code): code for code in world.sectors}
    by_name |= {plain_text(world.sector_name(code)): code for code in world.sectors}
    if (named := by_name.get(plain_text(label))) is not None:
        return named
    digits = re.sub(r"[.\s]", "", label)
    if re.fullmatch(r"\d{1,10}", digits):
        found = sectors_of_product(digits.zfill(len(digits) + len(digits) % 2), world.sectors)
        return found[0] if len(found) == 1 else None
    return None


def _cells(rows: pd.DataFrame) -> list[tuple[str, str, str, float]]:
    """Flow, partner, sector and million USD of each cell that rows tell."""
    sums = rows.groupby(["flow", "partner", "sector"], observed=True, as_index=False)["value"].sum()
    return [
        (str(flow), str(partner), str(sector), float(value))
        for flow, partner, sector, value in sums.itertuples(index=False, name=None)
    ]


def _within_output(world: World, country: str, rows: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Rows without those of a seller's sector that would sell more abroad than it makes."""
    h = world.country_index(country)
    border, output = np.array(world.border_value), world.gross_output
    for flow, partner, sector, value in _cells(rows):
        j, s = world.country_index(partner), world.sector_index(sector)
        border[(h, j, s) if flow == "exports" else (j, h, s)] = value
    n = np.arange(len(world.countries))
    left = output - (border.sum(1) - border[n, n])
    before = output - (world.border_value.sum(1) - world.border_value[n, n])
    short = (left < LEAST_AT_HOME * output) & (left < before - 1e-6)
    kept = []
    for i, s in np.argwhere(short):
        seller, sector = world.countries[int(i)], world.sectors[int(s)]
        own = (
            (rows["flow"] == "exports")
            if int(i) == h
            else (rows["flow"] == "imports") & (rows["partner"] == seller)
        )
        gone = own & (rows["sector"] == sector)
        if gone.any():
            rows = rows[~gone]
            kept.append(f"{country_name(seller)}, {world.sector_name(sector)}")
    if kept:
        notes.append(
            "More would be sold abroad than is made in this world, so these keep the world's cells (national accounts may put such "
            f"goods elsewhere): {'; '.join(kept)}."
        )
    return rows


def _laid(
    world: World, country: str, rows: pd.DataFrame, count: int, notes: list[str], name: str, source: str
) -> Laid:
    h = world.country_index(country)
    spent = np.array(world.expenditure)
    wedge = (1 + world.tariff) * (1 - world.subsidy)
    revenue = spent / wedge
    output = revenue.sum(1)
    border = np.array(world.border_value)
    before = {"exports": 0.0, "imports": 0.0}
    after = dict(before)
    told = {"exports": 0, "imports": 0}
    for flow, partner, sector, value in _cells(rows):
        j, s = world.country_index(partner), world.sector_index(sector)
        cell = (h, j, s) if flow == "exports" else (j, h, s)
        before[flow] += float(border[cell])
        after[flow] += float(value)
        told[flow] += 1
        spent[cell] = value * (1 + world.tariff[cell])
    revenue = spent / wedge
    n = len(world.countries)
    home = np.arange(n)
    abroad = revenue.sum(1) - revenue[home, home]
    left = output - abroad
    # Only where the table takes from sales at home: the world itself may have sectors that sell hardly anything there.
    short = (left < LEAST_AT_HOME * output) & (left < (world.expenditure / wedge)[home, home] - 1e-6)
    worst = np.argwhere(short)
    if len(worst):
        i, s = (int(v) for v in worst[int(np.argmin([left[tuple(w)] for w in worst]))])
        raise AccountsError(
            f"{country_name(world.countries[i])} would sell {abroad[i, s]:,.0f} million USD of "
            f"{world.sector_name(world.sectors[s])} abroad, but makes {output[i, s]:,.0f} in this world. Look at the unit of the "
            f"values, at the year (this world is of {world.provenance.year or 'another year'}), at re-exports among the rows, and at where national "
            "accounts put such goods (refined copper is mining in some)."
        )
    spent[home, home] = left * wedge[home, home]
    inputs, changes = world.inputs, []
    if inputs is not None:
        inputs, closed = closed_inputs_change(np.array(inputs), spent, world.countries)
        changes = [closed] if closed else []
    said = (
        f"{country_name(country)}: {told['exports']} cells of exports and {told['imports']} of imports are those of {source or 'a table of the user'}; "
        "output stays, sales at home and trade balances follow."
    )
    provenance = world.provenance.with_change(said)
    for change in changes:
        provenance = provenance.with_change(change)
    provenance = replace(
        provenance, source=f"{provenance.source}; {country_name(country)}: {source or 'own table'}"
    )
    laid = world.with_(
        expenditure=spent,
        inputs=inputs,
        name=name or f"{world.name} with own trade of {country_name(country)}",
        provenance=provenance,
    )
    return Laid(
        laid,
        (told["exports"], told["imports"]),
        count,
        len(rows),
        tuple(notes),
        (before["exports"], after["exports"]),
        (before["imports"], after["imports"]),
    )
