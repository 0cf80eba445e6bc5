"""Published trade elasticities that the product ships, by broad sector."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from firmtrade_core.paths import asset
from firmtrade_core.world.errors import UnknownCodeError, WorldFileError
from firmtrade_core.world.world import closest

#: Columns of the table that describe a set; every other column is a sector.
DESCRIPTION = ("set", "label", "kind", "source", "note")


@dataclass(frozen=True)
class ElasticitySet:
    """One published set of trade elasticities.

    Parameters
    ----------
    name, label
        Short key (``"CP"``) and the name on screen.
    kind : {"cost", "tariff"}
        Whether consumer values move by -ε with trade costs or with tariffs (MODEL 3).
    source, note
        Citation, and what a user should know about it.
    by_sector : mapping of sector to float
        ε above 0.
    """

    name: str
    label: str
    kind: Literal["cost", "tariff"]
    source: str
    note: str
    by_sector: Mapping[str, float]


@cache
def elasticity_sets(path: Path | None = None) -> Mapping[str, ElasticitySet]:
    """The published sets, by short name, in the order in which the product offers them.

    Parameters
    ----------
    path
        Another table of the same form; by default ``assets/trade_elasticities.csv``.

    Raises
    ------
    WorldFileError
        If a row lacks a column or a value is not a positive number.
    """
    path = path or asset("trade_elasticities.csv")
    with path.open(encoding="utf-8", newline="") as file:
        return MappingProxyType({row["set"]: _elasticity_set(row, path) for row in csv.DictReader(file)})


def elasticity_set(name: str) -> ElasticitySet:
    """One published set.

    Raises
    ------
    UnknownCodeError
        Naming the sets there are.
    """
    sets = elasticity_sets()
    if name not in sets:
        alike = closest(name, sets) or list(sets)
        raise UnknownCodeError(f"No elasticity set is called {name!r}. Choose {' or '.join(alike)}.")
    return sets[name]


def _elasticity_set(row: dict[str, str], path: Path) -> ElasticitySet:
    try:
        values = {sector: float(text) for sector, text in row.items() if sector not in DESCRIPTION}
        if not values or min(values.values()) <= 0 or row["kind"] not in ("cost", "tariff"):
            raise ValueError("elasticities must be above 0 and of kind cost or tariff")
        return ElasticitySet(
            name=row["set"],
            label=row["label"],
            kind="cost" if row["kind"] == "cost" else "tariff",
            source=row["source"],
            note=row["note"],
            by_sector=MappingProxyType(values),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WorldFileError(f"{path.name}, set {row.get('set')!r}: {error}.") from error
