"""One country's own trade laid over a world: its exports and imports by partner and sector replace the world's cells.

Output and value added of every country and sector stay as they are. What a country sells abroad more or less it sells less or
more at home, and what it spends follows from both: trade balances move with the trade that is given (MODEL 1, the accounts).
Cells that the table does not tell keep the world's value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.codes.countries import country_name
from firmtrade_core.codes.currencies import ExchangeRates
from firmtrade_core.labels import grouped
from firmtrade_core.world.build import closed_inputs_change
from firmtrade_core.world.errors import AccountsError, ColumnError, WorldError
from firmtrade_core.world.own_table import KNOWN_AS, guess_roles, rows_of
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

#: Smallest share of its output that a sector may be left to sell at home.
LEAST_AT_HOME = 0.001

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
    rates: ExchangeRates | None = None,
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
        How many dollars (or units of the currency that a column or the head of the values tells) one of the table's is.
    year
        Which year's rows count, where a column tells years.
    rates
        Of exchange, where values are in another currency; the European Central Bank's unless given.
    beyond
        Where more would be sold abroad than the seller makes in this world: refuse, or keep the world's cells and say so.
    name, source
        Of the world that results.

    Raises
    ------
    WorldError
        `money.MoneyError` among them, where a currency has no rate in its year.
    ColumnError
        If partner, product or value has no column, none of the rows can be read, or several years would be added up.
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
    rows = rows_of(
        world, country, table, roles, sectors_of_product, flow=flow, unit=unit, year=year, rates=rates, notes=notes
    )  # fmt: skip
    if rows.empty:
        raise ColumnError(
            f"No row of the table tells a partner, a product and a value that can be read. {' '.join(notes)}"
        )
    if beyond == "keep":
        rows = _within_output(world, country, rows, notes)
    return _laid(world, country, rows, len(table), notes, name, source)


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
            f"{country_name(world.countries[i])} would sell {grouped(abroad[i, s])} million USD of "
            f"{world.sector_name(world.sectors[s])} abroad, but makes {grouped(output[i, s])} in this world. Look at the unit of the "
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


__all__ = ["KNOWN_AS", "Beyond", "Laid", "guess_roles", "lay_over"]
