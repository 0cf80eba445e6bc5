"""How many firms there are, by sector and size, however many of them a file holds (MODEL 13)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.codes.written_numbers import read_numbers
from firmtrade_core.margins import FirmsError
from firmtrade_core.world.errors import WorldError
from firmtrade_core.world.tables import read_table

Array = NDArray[np.float64]

#: Firms by sector and size class.
Population = Mapping[str, Mapping[str, float]]

#: Size classes and the persons from which each begins, as statistical offices publish them.
SIZES = {"1-9": 0.0, "10-49": 10.0, "50-249": 50.0, "250+": 250.0}

#: What the classes are called.
SIZE_WORDS = {
    "1-9": "Micro, 1 to 9",
    "10-49": "Small, 10 to 49",
    "50-249": "Medium, 50 to 249",
    "250+": "Large, 250 or more",
}

#: Class of firms whose size nobody knows.
ANY = "any"


def size_classes(table: pd.DataFrame) -> NDArray[np.object_]:
    """Size class of each firm, (F,); `ANY` where its employment is not known."""
    if "employment" not in table:
        return np.full(len(table), ANY, dtype=object)
    persons = pd.to_numeric(table["employment"], errors="coerce").to_numpy(float, na_value=np.nan)
    place = np.searchsorted(list(SIZES.values()), np.nan_to_num(persons), side="right") - 1
    names = np.array(list(SIZES), dtype=object)[np.maximum(place, 0)]
    return np.where(np.isnan(persons), ANY, names).astype(object)


def count(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Weighted firms of a table by sector and size class."""
    cells = pd.DataFrame(
        {
            "sector": table["sector"].astype(str).to_numpy(),
            "size": size_classes(table),
            "firms": table["weight"].to_numpy(float),
        }
    )
    found: dict[str, dict[str, float]] = {}
    for row in cells.groupby(["sector", "size"], as_index=False).sum().to_dict("records"):
        found.setdefault(str(row["sector"]), {})[str(row["size"])] = float(row["firms"])
    return found


def post_stratified(table: pd.DataFrame, population: Population) -> Array:
    """Weights that add up to the population by sector and size, (F,).

    Within a class weights keep their proportions. A class of which the file has no firm is stood for by the sector's
    next smaller class that it has, else the next larger; sectors that the population does not name keep their weights.

    Raises
    ------
    FirmsError
        If a sector of the population has no firm at all in the file.
    """
    weight = table["weight"].to_numpy(float)
    sector, size = table["sector"].astype(str).to_numpy(), size_classes(table)
    # As they are where they fit already: to the last digit.
    wanted = {code: {k: v for k, v in sizes.items() if v > 0} for code, sizes in population.items()}
    found = weight.copy()
    for code, sizes in wanted.items():
        own = sector == code
        if not (own & (weight > 0)).any():
            if sum(sizes.values()) > 0:
                raise FirmsError(
                    f"The population has {sum(sizes.values()):g} firms in {code}, and the file has none. Leave the sector "
                    "out of the population, or add firms."
                )
            continue
        here = [k for k in (*SIZES, ANY) if (own & (size == k) & (weight > 0)).any()]
        target = dict.fromkeys(here, 0.0)
        for name, firms in sizes.items():
            target[_stand_in(name, here)] += firms
        for name, firms in target.items():
            rows = own & (size == name)
            held = float(weight[rows].sum())
            if abs(firms - held) > 1e-9 * held:
                found[rows] = weight[rows] * (firms / held)
    return found


def _stand_in(name: str, here: list[str]) -> str:
    if name in here:
        return name
    order = list(SIZES)
    place = order.index(name) if name in order else 0
    ways = [*reversed(order[:place]), *order[place + 1 :], ANY]
    return next(way for way in ways if way in here)


def checked(given: object) -> dict[str, dict[str, float]]:
    """A population as it was written to a file.

    Raises
    ------
    FirmsError
        If it is no count of firms by sector and size class.
    """
    known = {*SIZES, ANY}
    try:
        found = {str(s): {str(k): float(v) for k, v in sizes.items()} for s, sizes in dict(given).items()}  # type: ignore[call-overload]
    except (TypeError, ValueError, AttributeError) as error:
        raise FirmsError("A population is a count of firms by sector and size class.") from error
    for code, sizes in found.items():
        odd = [k for k, v in sizes.items() if k not in known or not 0 <= v < 1e12]
        if odd:
            raise FirmsError(
                f"The population of {code} has {', '.join(odd)}; size classes are {', '.join(SIZES)} (persons) or {ANY}, "
                "with a number of firms of 0 or more each."
            )
    return found


def load_population(path: Path) -> dict[str, dict[str, float]]:
    """From a file (CSV, Excel, Parquet or Stata) with columns ``sector``, ``size`` and ``firms``.

    Raises
    ------
    FirmsError
        If it cannot be read, or naming the column that is missing.
    """
    try:
        table = read_table(path)
    except (WorldError, OSError, ValueError) as error:
        raise FirmsError(f"The population in {path.name} cannot be read: {error}") from error
    return read_population(table)


def read_population(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """From a table with columns ``sector``, ``size`` and ``firms``.

    Raises
    ------
    FirmsError
        Naming the column that is missing.
    """
    missing = [name for name in ("sector", "size", "firms") if name not in table]
    if missing:
        raise FirmsError(
            f"The table of the population has no column {', '.join(missing)}: give sector, size "
            f"({', '.join(SIZES)} or {ANY}) and firms."
        )
    written = read_numbers(table["firms"])
    # Firms are whole: 1.234 of them are grouped by thousands, though a table's reader took them for a number.
    grouped = written.doubtful
    if pd.api.types.is_float_dtype(table["firms"]):
        grouped = table["firms"].astype(str).str.fullmatch(r"\d{1,3}\.\d{3}").to_numpy(bool)
    if (bad := ~np.isfinite(written.values) | grouped).any():
        row = table[bad].iloc[0]
        why = (
            "could mean a thousand times more: write whole numbers without a mark"
            if grouped.any()
            else "write a number"
        )
        raise FirmsError(
            f"The population of {str(row['sector'])[:40]} has {str(row['firms'])[:40]!r} firms: {why}."
        )
    found: dict[str, dict[str, float]] = {}
    for sector, size, firms in zip(table["sector"], table["size"], written.values.tolist(), strict=True):
        # Offices write 1 - 9 with any dash.
        name = re.sub(r"\s*[-\u2010-\u2014]\s*", "-", str(size).strip())
        sizes = found.setdefault(str(sector), {})
        sizes[name] = sizes.get(name, 0.0) + firms
    return checked(found)
