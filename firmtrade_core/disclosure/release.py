"""Everything that is published of one set of firms, as equations in what is not: several tables and all their totals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from firmtrade_core.disclosure.errors import DisclosureError
from firmtrade_core.disclosure.rules import Judgement, Rule
from firmtrade_core.labels import grouped

Array = NDArray[np.float64]

#: Columns and labels of a published number.
Name = tuple[tuple[str, ...], tuple[object, ...]]

#: Most combinations of labels that linked tables may have together.
MOST_COMBINATIONS = 50_000


@dataclass(frozen=True, eq=False)
class Release:
    """Tables of sums over the same firms, each with every total of it.

    A published number is a sum over *elements*: the combinations of all columns' labels, of which an intruder knows only
    that they add up. In a single table the elements are its cells that hold firms; in linked tables all combinations that no
    empty cell rules out.

    Parameters
    ----------
    names : tuple
        Of each published number: columns and labels; no column for the grand total.
    sums : (P, E) sparse
        Which elements a published number adds up.
    value : (E,)
        Of the elements.
    cells : (P,) of bool
        Numbers that may be withheld; the others are totals that are published in any case.
    judgement : Judgement
        Of each number, (P,).
    lines : tuple of (P,)
        For each margin of each table the number of the total that a cell belongs to; -1 for what is no cell of that table.
    entries : tuple
        Of all firms' contributions: element, firm (both numbers), value.
    rule : Rule
    """

    names: tuple[Name, ...]
    sums: csr_matrix
    value: Array
    cells: NDArray[np.bool_]
    judgement: Judgement
    lines: tuple[NDArray[np.intp], ...]
    entries: tuple[NDArray[np.intp], NDArray[np.intp], Array]
    rule: Rule

    @cached_property
    def values(self) -> Array:
        """Of the published numbers, (P,)."""
        return np.asarray(self.sums @ self.value, dtype=np.float64)

    @property
    def primary(self) -> NDArray[np.bool_]:
        """Cells that reveal a firm by themselves, (P,)."""
        return self.judgement.broken & self.cells

    @cached_property
    def protection(self) -> Array:
        """How far the bounds of each number must reach to either side of it, (P,): `Rule.within` of its largest firm.

        One unit at least where all values are whole: who knows that they are would otherwise know the number.
        """
        given = self.entries[2]
        whole = 1.0 if len(given) and bool((given == np.round(given)).all()) else 0.0
        return np.where(
            self.judgement.largest > 0, np.maximum(self.rule.within * self.judgement.largest, whole), 0.0
        )

    @cached_property
    def nonnegative(self) -> bool:
        """Whether all values are zero or more, which an intruder is taken to know."""
        return bool((self.entries[2] >= 0).all())

    @cached_property
    def _places(self) -> dict[frozenset[tuple[str, object]], int]:
        return {frozenset(zip(*name, strict=True)): place for place, name in enumerate(self.names)}

    def where(self, columns: Sequence[str], labels: Sequence[object]) -> int:
        """Number of a published sum, columns in any order.

        Raises
        ------
        DisclosureError
            If there is none.
        """
        try:
            return self._places[frozenset(zip(columns, labels, strict=True))]
        except KeyError:
            raise DisclosureError(f"Nothing is published of {', '.join(map(str, labels))}.") from None


def release(
    records: pd.DataFrame,
    tables: Sequence[Sequence[str]],
    value: str,
    *,
    firm: str = "firm",
    rule: Rule | None = None,
    totals_may_go: bool | None = None,
) -> Release:
    """Tables of one value over the same firms, and all their totals.

    Parameters
    ----------
    records
        One row by firm and whatever else.
    tables
        Columns of each table; linked where they share firms. No columns at all: the grand total.
    totals_may_go
        Whether totals of a table may be withheld like cells; by default in linked tables only. A total that reveals a firm
        by itself is never taken to be published.

    Raises
    ------
    DisclosureError
        If a column is missing, or the tables have too many combinations together.
    """
    rule = rule or Rule()
    columns = list(dict.fromkeys(name for table in tables for name in table))
    missing = [name for name in (*columns, value, firm) if name not in records]
    if missing:
        raise DisclosureError(f"The records have no column {', '.join(missing)}.")
    codes: list[NDArray[np.intp]] = []
    labels: list[list[object]] = []
    for each in columns:
        code, uniques = pd.factorize(records[each], sort=False, use_na_sentinel=False)
        codes.append(np.asarray(code, dtype=np.intp))
        labels.append(list(uniques))
    shape = tuple(len(known) for known in labels)
    size = int(np.prod(shape, dtype=float)) if shape else 1
    if size > MOST_COMBINATIONS and len(tables) > 1:
        raise DisclosureError(
            f"The tables have {grouped(size)} combinations of labels together; judge fewer of them at once."
        )
    flat = np.ravel_multi_index(codes, shape) if shape else np.zeros(len(records), dtype=np.intp)
    if len(tables) == 1:
        elements, element = np.unique(flat, return_inverse=True)
    else:
        elements = _not_ruled_out(codes, shape, [[columns.index(c) for c in t] for t in tables], size)
        element = np.searchsorted(elements, flat)
    grid = np.array(np.unravel_index(elements, shape)) if shape else np.zeros((0, 1), dtype=np.intp)
    contribution = pd.to_numeric(records[value], errors="coerce").fillna(0.0).to_numpy(float)
    firms = np.asarray(pd.factorize(records[firm], use_na_sentinel=False)[0], dtype=np.intp)
    amount = np.bincount(element, contribution, minlength=len(elements)).astype(np.float64)
    names: dict[Name, int] = {}
    row_of: list[NDArray[np.intp]] = []
    placed: list[NDArray[np.intp]] = []
    may_go: list[bool] = []
    lines: list[tuple[list[tuple[int, int]], NDArray[np.intp]]] = []
    totals_may_go = len(tables) > 1 if totals_may_go is None else totals_may_go
    for table in tables:
        own = sorted(columns.index(each) for each in table)
        margins = [kept for many in range(len(own) + 1) for kept in combinations(own, many)]
        numbers: list[tuple[int, int]] = []
        for kept in margins:
            group = _numbers(grid, kept, shape)
            for each in np.unique(group):
                members = np.flatnonzero(group == each)
                at = int(members[0])
                name: Name = (
                    tuple(columns[c] for c in kept),
                    tuple(labels[c][int(grid[c, at])] for c in kept),
                )
                cell = len(kept) == len(own)
                if name in names:
                    may_go[names[name]] |= cell
                else:
                    names[name] = len(names)
                    row_of.append(np.full(len(members), names[name], dtype=np.intp))
                    placed.append(members)
                    may_go.append(cell or totals_may_go)
                if cell:
                    numbers.append((names[name], at))
        lines.extend((numbers, _numbers(grid, kept, shape)) for kept in margins[:-1])
    sums = csr_matrix(
        (np.ones(sum(map(len, placed))), (np.concatenate(row_of), np.concatenate(placed))),
        (len(names), len(elements)),
    )
    numbered = []
    for numbers, group in lines:
        line = np.full(len(names), -1, dtype=np.intp)
        for number, at in numbers:
            line[number] = group[at]
        numbered.append(line)
    entries = (np.asarray(element, dtype=np.intp), firms, contribution)
    judged = _judged(sums, entries, rule)
    return Release(
        tuple(names), sums, amount, np.array(may_go, dtype=bool), judged, tuple(numbered), entries, rule
    )


def _numbers(grid: NDArray[np.intp], kept: Sequence[int], shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Number of the combination of some columns that each element belongs to, (E,)."""
    if not kept:
        return np.zeros(grid.shape[1], dtype=np.intp)
    return np.asarray(np.ravel_multi_index([grid[c] for c in kept], [shape[c] for c in kept]), dtype=np.intp)


def _not_ruled_out(
    codes: list[NDArray[np.intp]], shape: tuple[int, ...], tables: list[list[int]], size: int
) -> NDArray[np.intp]:
    """Combinations of labels that no empty cell of a table rules out."""
    grid = np.array(np.unravel_index(np.arange(size), shape)) if shape else np.zeros((0, 1), dtype=np.intp)
    possible = np.ones(grid.shape[1], dtype=bool)
    for own in tables:
        if own:
            held = np.unique(np.ravel_multi_index([codes[c] for c in own], [shape[c] for c in own]))
            possible &= np.isin(_numbers(grid, own, shape), held)
    return np.flatnonzero(possible)


def _judged(
    sums: csr_matrix, entries: tuple[NDArray[np.intp], NDArray[np.intp], Array], rule: Rule
) -> Judgement:
    """Judgement of every published number."""
    element, firm, value = entries
    # By element, the numbers that it is part of.
    columns = sums.tocsc()
    count = np.diff(columns.indptr)[element]
    ends = np.cumsum(count)
    inside = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - count, count)
    number = columns.indices[np.repeat(columns.indptr[element], count) + inside].astype(np.intp)
    return rule.judge(number, np.repeat(firm, count), np.repeat(value, count), sums.shape[0])
