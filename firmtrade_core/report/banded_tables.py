"""The tables that are taken away, with the 90 % band of every change that has one beside it, in its own unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from firmtrade_core.analysis.uncertainty import COUNTRY_OUTCOMES, SECTOR_OUTCOMES, UNITS_OF, Bands
from firmtrade_core.labels import DEFINITIONS, ROW_UNIT, VARIABLES
from firmtrade_core.report.export import Table

#: What a band is called, after the column that it is of.
LOW, HIGH = "90 % band from", "to"

#: Columns of the table of countries, and the outcome that each is.
_COUNTRIES = {f"{variable.label}, change": key for key, variable in VARIABLES.items()} | {
    DEFINITIONS["equivalent_variation"].label: "equivalent_variation",
    f"{DEFINITIONS['equivalent_variation'].label}, of baseline income": "welfare",
}

#: The same of the table of sectors.
_SECTORS = {
    "Exports, change": "sector_exports",
    "Imports, change": "sector_imports",
    "Output, change": "output",
    "Jobs, change": "employment",
}


def with_bands(table: Table, found: Bands | None) -> Table:
    """A table of countries, of sectors or of a comparison with its bands; any other table, or without bands, as it is.

    Parameters
    ----------
    table
        Of `export.RESULT_TABLES`, or `export.comparison_tables`.
    found
        Of the same result, or of what lies between the two.
    """
    if found is None:
        return table
    if table.key == "comparison":
        return _compared(table, found)
    columns = {"countries": _COUNTRIES, "sectors": _SECTORS}.get(table.key)
    if columns is None:
        return table
    made: dict[str, object] = {}
    units = dict(table.units)
    for name in table.frame:
        made[str(name)] = table.frame[name]
        key = columns.get(str(name))
        if key is None or key not in UNITS_OF or not _same_unit(UNITS_OF[key], table.units[str(name)]):
            continue
        for words, ends in ((LOW, found.low(key)), (HIGH, found.high(key))):
            made[f"{name}, {words}"] = np.ravel(ends)
            units[f"{name}, {words}"] = table.units[str(name)]
    return replace(table, frame=pd.DataFrame(made), units=units)


def with_ends(table: Table, column: str, ends: Mapping[str, Sequence[float]]) -> Table:
    """A table with the ends of a column's band right after it, in the column's unit.

    Parameters
    ----------
    table
    column
        Its label.
    ends
        By what they are called, `LOW` and `HIGH`, one number a row.
    """
    frame, at = table.frame.copy(), [*table.frame].index(column)
    for place, (words, values) in enumerate(ends.items(), start=1):
        frame.insert(at + place, f"{column}, {words}", values)
    units = dict.fromkeys((f"{column}, {words}" for words in ends), table.units[column])
    return replace(table, frame=frame, units={**table.units, **units})


def _same_unit(of_band: str, of_column: str) -> bool:
    return (
        of_band == of_column
        or f"{of_band} a year" == of_column
        or (of_band, of_column) == ("% of income", "%")
    )


def _compared(table: Table, found: Bands) -> Table:
    """Rows by variable and country: the band of the difference."""
    frame = table.frame.copy()
    labels = {variable.label: key for key, variable in VARIABLES.items()}
    variable, code, row_unit = (next(c for c in frame if c == name) for name in ("Variable", "Code", "Unit"))
    low, high = np.full(len(frame), np.nan), np.full(len(frame), np.nan)
    place = {country: at for at, country in enumerate(found.centre.world.countries)}
    for key in COUNTRY_OUTCOMES:
        rows = (frame[variable].map(labels) == key) & (frame[row_unit] == UNITS_OF[key])
        if rows.any():
            at = frame.loc[rows, code].map(place).to_numpy(int)
            low[rows], high[rows] = found.low(key)[at], found.high(key)[at]
    names = [f"Difference, {words}" for words in (LOW, HIGH)]
    frame[names[0]], frame[names[1]] = low, high
    return replace(table, frame=frame, units={**table.units, **dict.fromkeys(names, ROW_UNIT)})


assert set(_SECTORS.values()) <= set(SECTOR_OUTCOMES)
