"""The register of columns: what a table's column is called, its unit, and what it is where the name does not say.

Tables are declared by these keys (`report.export.table`), so that a column cannot have one unit on screen and another
in a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from firmtrade_core.labels.units import UnitError, unit
from firmtrade_core.paths import asset, read_rows


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    key
        In code.
    label
        On screen and in files.
    unit
        Of `units.UNITS`, or an amount of money; empty where the column holds words.
    explanation
        Where the label does not say it all.
    """

    key: str
    label: str
    unit: str = ""
    explanation: str = ""

    def __post_init__(self) -> None:
        if self.unit:
            unit(self.unit)

    def within(self, prefix: str = "", suffix: str = "", unit: str | None = None) -> Column:
        """The same column of one of several: of a year, of one end of an interval, in another money."""
        return replace(self, label=f"{prefix}{self.label}{suffix}", unit=self.unit if unit is None else unit)


#: Every column by key.
COLUMNS: Mapping[str, Column] = {row["key"]: Column(**row) for row in read_rows(asset("labels/columns.csv"))}


#: The columns of every registered table in order, by what its frame calls them; keys of `COLUMNS`.
TABLES: Mapping[str, Mapping[str, str]] = {
    row["table"]: dict(
        (name, key or name) for name, _, key in (each.partition("=") for each in row["columns"].split("|"))
    )
    for row in read_rows(asset("labels/tables.csv"))
}


def columns_of(name: str) -> dict[str, Column]:
    """The columns of a registered table in order, by what its frame calls them.

    Raises
    ------
    UnitError
        If the table, or one of its columns, is not registered.
    """
    if name not in TABLES:
        raise UnitError(f"“{name}” is no registered table: add its columns to labels/tables.csv.")
    return {column: registered(key) for column, key in TABLES[name].items()}


def registered(key: str) -> Column:
    """The column of that key.

    Raises
    ------
    UnitError
        If it is not registered.
    """
    if key not in COLUMNS:
        raise UnitError(f"“{key}” is no registered column: add it to labels/columns.csv with its unit.")
    return COLUMNS[key]
