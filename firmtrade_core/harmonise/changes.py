"""The change log: every change of a table, with what was there before, counted and reversible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from firmtrade_core.harmonise.errors import HarmoniseError
from firmtrade_core.paths import whole_file

#: Columns of the log, in order. ``row`` is the label in the table's index.
LOG_COLUMNS = ("step", "rule", "row", "column", "before", "after")

#: Stands in ``column`` where whole rows were removed; ``before`` then holds the row.
WHOLE_ROW = "*"


@dataclass
class ChangeLog:
    """Changes of one table, in the order in which they were made.

    Every operation returns the changed table and notes what it changed; `revert` takes any rule, or everything, back.

    Examples
    --------
    >>> log = ChangeLog()
    >>> table = pd.DataFrame({"weight": [0.0, 3.0]})
    >>> clean = log.replace(table, "weight", [True, False], np.nan, step="errors", rule="weight.zero")
    >>> log.counts()["cells"].tolist(), log.revert(clean).equals(table)
    ([1], True)
    """

    _parts: list[pd.DataFrame] = field(default_factory=list)

    def replace(
        self, table: pd.DataFrame, column: str, where: ArrayLike, value: Any, *, step: str, rule: str
    ) -> pd.DataFrame:
        """Set a column to ``value`` (a scalar or one value for each row met) in the rows ``where``.

        Rows that hold the value already are no change and are not logged.

        Parameters
        ----------
        table
            With labels of rows of its own.
        column, where, value
            What is set, in which rows, to what.
        step, rule
            Told in the log.

        Raises
        ------
        HarmoniseError
            If rows have no labels of their own.
        """
        met = np.asarray(where, dtype=bool)
        rows = table.index[met]
        before = table.loc[rows, column]
        after = pd.Series(value, index=rows, dtype=object)
        same = (before.astype(object) == after) | (before.isna() & after.isna())
        rows, before, after = rows[~same], before[~same], after[~same]
        if not rows.is_unique:
            raise HarmoniseError("Rows need labels of their own to be logged: reset the table's index first.")
        self._note(step, rule, rows, column, before.to_numpy(object), after.to_numpy(object))
        changed = table.copy()
        if len(rows):
            changed.loc[rows, column] = (
                after.to_numpy() if changed[column].dtype == object else after.tolist()
            )
        return changed

    def remove(self, table: pd.DataFrame, where: ArrayLike, *, step: str, rule: str) -> pd.DataFrame:
        """Take rows out of a table; they stay in the log, whole."""
        met = np.asarray(where, dtype=bool)
        gone = table[met]
        whole = np.empty(len(gone), dtype=object)
        whole[:] = gone.to_dict("records")
        self._note(step, rule, gone.index, WHOLE_ROW, whole, np.full(len(gone), None, dtype=object))
        return table[~met]

    def _note(
        self, step: str, rule: str, rows: pd.Index, column: str, before: ArrayLike, after: ArrayLike
    ) -> None:
        if not len(rows):
            return
        part = pd.DataFrame({"row": rows, "column": column})
        part["before"] = pd.Series(before, dtype=object)
        part["after"] = pd.Series(after, dtype=object)
        self._parts.append(part.assign(step=step, rule=rule)[list(LOG_COLUMNS)])

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def to_frame(self) -> pd.DataFrame:
        """All changes, oldest first: step, rule, row, column, before, after."""
        return (
            pd.concat(self._parts, ignore_index=True)
            if self._parts
            else pd.DataFrame(columns=list(LOG_COLUMNS))
        )

    def counts(self) -> pd.DataFrame:
        """Changed cells (or removed rows) by step, rule and column, in the order of the steps."""
        frame = self.to_frame()
        return frame.groupby(["step", "rule", "column"], sort=False).size().rename("cells").reset_index()

    def revert(self, table: pd.DataFrame, rules: Sequence[str] | None = None) -> pd.DataFrame:
        """The table as it was before the changes of some rules, or before all.

        Latest changes are taken back first. A cell that a rule left standing changed again later keeps that later
        value: only what the rule itself wrote is undone.

        Raises
        ------
        HarmoniseError
            If a rule is not in the log.
        """
        known = {str(part["rule"].iloc[0]) for part in self._parts}
        if missing := sorted(set(rules or ()) - known):
            raise HarmoniseError(
                f"The log holds no changes by {', '.join(missing)}; it has {', '.join(sorted(known))}."
            )
        restored = table.copy()
        for part in reversed(self._parts):
            if rules is None or part["rule"].iloc[0] in rules:
                restored = _undo(restored, part)
        return restored

    def to_parquet(self, path: Path) -> None:
        """Write the log; values become text."""
        frame = self.to_frame()
        with whole_file(path) as part:
            frame.astype({"row": "string", "before": "string", "after": "string"}).to_parquet(part)


def _undo(table: pd.DataFrame, part: pd.DataFrame) -> pd.DataFrame:
    column = part["column"].iloc[0]
    if column == WHOLE_ROW:
        rows = pd.DataFrame(part["before"].tolist(), index=pd.Index(part["row"]), columns=table.columns)
        for name in table if len(table) else ():
            # Whole numbers cannot hold a gap, which may be why the row was removed.
            gap = pd.api.types.is_integer_dtype(table[name]) and rows[name].isna().any()
            rows[name] = rows[name].astype(float if gap else table[name].dtype)
        return pd.concat([table, rows]).sort_index()
    present = part[part["row"].isin(table.index)]
    current = table.loc[present["row"], column].astype(object).to_numpy()
    after = present["after"].to_numpy()
    standing = np.array(
        [(a == b) or (pd.isna(a) and pd.isna(b)) for a, b in zip(current, after, strict=True)], bool
    )
    undone = present[standing]
    table.loc[undone["row"], column] = undone["before"].tolist()
    return table
