"""Trade elasticities that the product ships: published sets by broad sector, and one estimated here."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

from firmtrade_core.paths import asset
from firmtrade_core.world.errors import UnknownCodeError, WorldError, WorldFileError
from firmtrade_core.world.world import closest

#: Columns of the table that describe a set; every other column is a sector.
DESCRIPTION = ("set", "label", "kind", "source", "note")

#: Of the file of a set that was estimated here, one row per sector; `gravity.elasticities` says what they hold.
ESTIMATED_COLUMNS = (
    "sector",
    "status",
    "value",
    "low",
    "high",
    "raw",
    "raw_error",
    "shrunk",
    "shrunk_error",
    "observations",
)

ElasticityKind = Literal["cost", "tariff"]
FlowValues = Literal["consumer", "border"]
ElasticityStatus = Literal["usable", "wrong sign", "too noisy", "assumed"]


@dataclass(frozen=True)
class SectorEstimate:
    """What the data say of one sector, before any repair.

    Parameters
    ----------
    value, std_error
        The sector's own estimate; NaN where there is none.
    shrunk, shrunk_error
        Given all sectors' estimates.
    status
        Whether it can be used; if not, the set holds another value in its place.
    observations
    """

    value: float
    std_error: float
    shrunk: float
    shrunk_error: float
    status: ElasticityStatus
    observations: int


@dataclass(frozen=True)
class ElasticitySet:
    """One set of trade elasticities.

    Parameters
    ----------
    name, label
        Short key (``"CP"``) and the name on screen.
    kind : {"cost", "tariff"}
        Whether flows move by -ε with trade costs or with tariffs (MODEL 3).
    flow_values : {"consumer", "border"}
        Which flows: with the importer's tariff, or before it.
    source, note
        Citation, and what a user should know about it.
    by_sector : mapping of sector to float
        ε above 0.
    intervals
        By sector, (low, high) at 95 %, where the source has them.
    estimates
        By sector, what `by_sector` rests on, where it was estimated here.
    """

    name: str
    label: str
    kind: ElasticityKind
    source: str
    note: str
    by_sector: Mapping[str, float]
    flow_values: FlowValues = "consumer"
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    estimates: Mapping[str, SectorEstimate] = field(default_factory=dict)

    @property
    def flagged(self) -> tuple[str, ...]:
        """Sectors whose own estimate cannot be used: another value stands in its place."""
        return tuple(s for s, e in self.estimates.items() if e.status != "usable")

    def cost_elasticity(self, tail: float = 1.0) -> Mapping[str, float]:
        """ε of consumer values to trade costs, by sector (MODEL 3).

        Tariffs move the entry of Pareto firms with tail ``tail`` = ζ more than costs do, by ζ - 1; without
        selection (ζ = 1) the two elasticities are one. Tariffs move border values by one more than consumer values.

        Raises
        ------
        WorldError
            Naming sectors whose elasticity would not stay above zero.
        """
        gap = tail - 1 + (self.flow_values == "border") if self.kind == "tariff" else 0.0
        low = [s for s, value in self.by_sector.items() if value <= gap]
        if low:
            raise WorldError(
                f"Of the tariff elasticities {self.name}, those of {', '.join(low)} are not above {gap:g}, by which "
                "tariffs move trade more than costs do: choose a smaller tail, or a family without selection."
            )
        return {sector: value - gap for sector, value in self.by_sector.items()}


@cache
def elasticity_sets(path: Path | None = None) -> Mapping[str, ElasticitySet]:
    """All sets, by short name, in the order in which the product offers them.

    Parameters
    ----------
    path
        Another table of the form of ``assets/trade_elasticities.csv``, alone; by default that one and the set
        estimated here.

    Raises
    ------
    WorldFileError
        If a row lacks a column or a value is not a positive number.
    """
    published = path or asset("trade_elasticities.csv")
    with published.open(encoding="utf-8", newline="") as file:
        sets = {row["set"]: _published(row, published) for row in csv.DictReader(file)}
    own = asset("estimates/trade_elasticities.csv")
    if path is None and own.is_file():
        estimated = read_estimated_set(own)
        sets[estimated.name] = estimated
    return MappingProxyType(sets)


def elasticity_set(name: str) -> ElasticitySet:
    """One set.

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


def read_estimated_set(path: Path) -> ElasticitySet:
    """A set estimated by gravity: lines ``# set: ...``, ``# label: ...`` and so on, then a table by sector.

    Raises
    ------
    WorldFileError
        Naming what is missing.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    head = dict(line[1:].strip().split(": ", 1) for line in lines if line.startswith("#") and ": " in line)
    body = csv.DictReader(line for line in lines if line and not line.startswith("#"))
    try:
        estimates, values, intervals = {}, {}, {}
        for row in body:
            sector = row["sector"]
            estimates[sector] = _estimate(row)
            values[sector] = float(row["value"])
            if row["low"] and row["high"]:
                intervals[sector] = (float(row["low"]), float(row["high"]))
        if not values or min(values.values()) <= 0:
            raise ValueError("elasticities must be above 0")
        return ElasticitySet(
            name=head["set"],
            label=head["label"],
            kind=_kind(head["kind"]),
            source=head["source"],
            note=head.get("note", ""),
            by_sector=MappingProxyType(values),
            intervals=MappingProxyType(intervals),
            estimates=MappingProxyType(estimates),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WorldFileError(f"{path.name} is not a set of estimated elasticities: {error}.") from error


def _estimate(row: Mapping[str, str]) -> SectorEstimate:
    def number(column: str) -> float:
        return float(row[column]) if row[column] else float("nan")

    statuses: dict[str, ElasticityStatus] = {status: status for status in get_args(ElasticityStatus)}
    return SectorEstimate(
        value=number("raw"),
        std_error=number("raw_error"),
        shrunk=number("shrunk"),
        shrunk_error=number("shrunk_error"),
        status=statuses[row["status"]],
        observations=int(float(row["observations"] or 0)),
    )


def _kind(text: str) -> ElasticityKind:
    if text not in ("cost", "tariff"):
        raise ValueError("elasticities are of kind cost or tariff")
    return "cost" if text == "cost" else "tariff"


def _published(row: dict[str, str], path: Path) -> ElasticitySet:
    try:
        values = {sector: float(text) for sector, text in row.items() if sector not in DESCRIPTION}
        if not values or min(values.values()) <= 0 or row["kind"] not in ("cost", "tariff"):
            raise ValueError("elasticities must be above 0 and of kind cost or tariff")
        return ElasticitySet(
            name=row["set"],
            label=row["label"],
            kind=_kind(row["kind"]),
            source=row["source"],
            note=row["note"],
            by_sector=MappingProxyType(values),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WorldFileError(f"{path.name}, set {row.get('set')!r}: {error}.") from error
