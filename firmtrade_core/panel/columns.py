"""The columns of a firm panel: what each one means, its unit, its range, and whether it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from firmtrade_core.paths import asset, read_rows

Need = Literal["required", "recommended", "optional"]
Kind = Literal["identifier", "year", "category", "country", "number", "whole"]
Role = Literal["key", "outcome", "attribute"]

#: Unit of money columns; the panel's metadata say which money.
MONEY = "money of the year"

#: Columns with this prefix are instruments: they move an attribute and nothing else (MODEL 7).
INSTRUMENT_PREFIX = "instrument_"

FLOWS = ("export", "import")


@dataclass(frozen=True)
class Column:
    """One column of a panel's tables.

    Parameters
    ----------
    name, unit, meaning
        Plain words; ``unit`` is empty for labels.
    need
        Without a required column there is no panel; without a recommended one some pages stay empty.
    kind
        What its values are.
    lowest, highest
        Allowed range of numbers, bounds included.
    role
        Keys identify rows, outcomes follow from what firms are, attributes may explain them.
    """

    name: str
    unit: str
    meaning: str
    need: Need = "optional"
    kind: Kind = "number"
    lowest: float | None = None
    highest: float | None = None
    role: Role = "attribute"


def _read(row: Mapping[str, str]) -> Column:
    bound = int if row["kind"] in ("year", "whole") else float
    lowest, highest = (bound(row[end]) if row[end] else None for end in ("lowest", "highest"))
    need, kind, role = row["need"], row["kind"], row["role"]
    return Column(row["name"], row["unit"], row["meaning"], need, kind, lowest, highest, role)  # type: ignore[arg-type]


_ROWS = read_rows(asset("records/panel_columns.csv"))

#: Catalogue by table.
TABLES: dict[str, tuple[Column, ...]] = {
    table: tuple(_read(row) for row in _ROWS if row["table"] == table)
    for table in ("firms", "trade", "links")
}

#: Columns that identify a row of each table; no two rows share them.
KEYS: dict[str, tuple[str, ...]] = {
    "firms": ("firm", "year"),
    "trade": ("firm", "year", "flow", "country", "product"),
    "links": ("supplier", "buyer", "year"),
}


def catalogue(table: str) -> dict[str, Column]:
    """Columns of a table by name."""
    return {column.name: column for column in TABLES[table]}


def money_columns(table: str) -> tuple[str, ...]:
    """Columns of a table that hold money."""
    return tuple(column.name for column in TABLES[table] if column.unit == MONEY)
