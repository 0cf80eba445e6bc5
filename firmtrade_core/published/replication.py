"""A published result as data: what is computed again, its rows, its report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from firmtrade_core.labels import difference, unit
from firmtrade_core.paths import asset

#: Usual cause of a band.
PRINTED = "half a unit of the last printed digit"

#: Of residuals of equations.
CERTIFIED = "the certificate's tolerance"

#: Verdict on a row whose band is the paper's own tolerance.
WITHIN_TOLERANCE = "within the paper's own tolerance"


@dataclass(frozen=True)
class Row:
    """One published number against ours.

    Parameters
    ----------
    result, place
        What is compared, and for whom.
    unit
        Registered unit of the two numbers.
    published
        None where there is no such number to compare with.
    ours
    difference
        Ours against the published one, in `difference_unit`.
    band
        Largest difference, in absolute value, at which the row holds; set before the result is known.
    difference_unit
        That in which two numbers of `unit` differ unless given.
    cause
        Why the band is what it is: printed digits unless another cause is proven.
    papers_tolerance
        The band is how far the published numbers may be from what the paper's own equations imply: a row within it
        says so, and not that it holds.
    residual
        The numbers are residuals of equations at the published and at our values: the row holds if ours
        is within the band, and shows whether the published one is.
    """

    result: str
    place: str
    unit: str
    published: float | None
    ours: float
    difference: float
    band: float
    difference_unit: str = ""
    cause: str = PRINTED
    papers_tolerance: bool = False
    residual: bool = False

    def __post_init__(self) -> None:
        if not self.difference_unit:
            object.__setattr__(self, "difference_unit", difference(self.unit))
        unit(self.unit), unit(self.difference_unit)

    @property
    def holds(self) -> bool:
        """Whether the difference is within the band; never so where it is not a number."""
        return abs(self.difference) <= self.band

    @property
    def verdict(self) -> str:
        """The verdict in words."""
        if not self.holds:
            return "misses"
        if self.papers_tolerance:
            return WITHIN_TOLERANCE
        if self.residual and self.published is not None and not abs(self.published) <= self.band:
            return "holds; theirs does not"
        return "holds"


@dataclass(frozen=True)
class Replication:
    """A published result that can be computed again.

    Parameters
    ----------
    name, title, citation
    files
        Needed below the data folder.
    origin
        Where the public finds these data.
    compute
        From the data folder to the rows.
    notes
        What a reader should know about the differences.
    """

    name: str
    title: str
    citation: str
    files: tuple[str, ...]
    origin: str
    compute: Callable[[Path], Sequence[Row]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """Outcome of a replication.

    Parameters
    ----------
    name, title, citation, notes
        As in `Replication`.
    rows
    run_on
        Date of the run, ISO.
    rerun_here
        False for the stored run.
    """

    name: str
    title: str
    citation: str
    notes: tuple[str, ...]
    rows: tuple[Row, ...]
    run_on: str
    rerun_here: bool = True

    @property
    def holds(self) -> bool:
        """Whether every row does."""
        return all(row.holds for row in self.rows)

    @property
    def verdict(self) -> str:
        """How many numbers hold, and how many lie within the paper's own tolerance, which is not the same."""
        held = sum(row.holds and not row.papers_tolerance for row in self.rows)
        loose = sum(row.holds and row.papers_tolerance for row in self.rows)
        text = f"{held} of {len(self.rows)} numbers within their band"
        return f"{text}, {loose} {WITHIN_TOLERANCE}" if loose else text

    @property
    def dated(self) -> str:
        """When it was run, and whether here."""
        return f"run on {self.run_on}" if self.rerun_here else f"not rerun here (run on {self.run_on})"

    def table(self) -> pd.DataFrame:
        """All rows: result, place, unit, published, ours, difference, difference_unit, band, verdict, cause."""
        names = ("result", "place", "unit", "published", "ours", "difference", "difference_unit", "band")
        columns = [*names, "verdict", "cause"]
        return pd.DataFrame([[getattr(row, c) for c in columns] for row in self.rows], columns=columns)

    def summary(self, at_most: int = 4) -> pd.DataFrame:
        """As `table`, but of results with many places only the one furthest off, and all that miss."""
        table = self.table()
        size = table.groupby("result", sort=False)["place"].transform("size")
        distance = table["difference"].abs().fillna(float("inf"))
        furthest = distance.index.isin(distance.groupby(table["result"]).idxmax())
        shown = table[(size <= at_most) | furthest | (table["verdict"] == "misses")].copy()
        many = size[shown.index] > at_most
        shown.loc[many, "place"] += " (furthest of " + size[shown.index][many].astype(str) + ")"
        return shown.reset_index(drop=True)


def published(name: str) -> pd.DataFrame:
    """A table of published values, ``assets/published/<name>.csv``; its citation is the first line."""
    return pd.read_csv(asset(f"published/{name}.csv"), comment="#")
