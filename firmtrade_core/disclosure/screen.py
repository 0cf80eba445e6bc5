"""The firms of a country as questions may see them: as they are where they are nobody's secret, in groups where they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.disclosure.groups import counted, means, row_keys, split
from firmtrade_core.disclosure.release import release
from firmtrade_core.disclosure.rules import FEWEST_FIRMS
from firmtrade_core.disclosure.suppression import protect

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Said wherever conditions choose among real firms.
IN_GROUPS = (
    f"Real firms are reached in fixed groups of at least {FEWEST_FIRMS}, none of which one firm dominates: a condition takes a "
    "group as a whole, by the group's means, so that no question and no difference of two tells of a single firm."
)

#: Said where nothing is hidden, because nothing is confidential.
PASSED_THROUGH = "These firms are nobody's secret (synthetic, or declared public): nothing is withheld."


@dataclass(frozen=True, eq=False)
class Screen:
    """What stands between a table of firms and everything that is asked of it.

    Parameters
    ----------
    table : DataFrame
        One row per firm: ``sector``, and whatever of ``region``, ``employment``, ``age``, ``sales``, ``exports`` and
        ``score`` is known.
    public
        Whether nothing is confidential: all is then passed through.
    secret
        What only the holder of the file can work out; noise on counts hangs on it.
    """

    table: pd.DataFrame
    public: bool
    secret: bytes = b""

    @cached_property
    def group(self) -> NDArray[np.intp]:
        """Group of each firm, (F,); of public firms each is one by itself. Negative: too few firms to be asked about."""
        if self.public:
            return np.arange(len(self.table), dtype=np.intp)
        table = self.table.assign(_exports=self._exporting)
        kinds = [name for name in ("sector", "_exports", "region") if name in table]
        numbers = [name for name in ("employment", "age", "score") if name in table]
        magnitudes = [name for name in ("sales", "exports", "employment") if name in table]
        return split(table, kinds, numbers, magnitudes)

    @property
    def _exporting(self) -> Array:
        if "exports" not in self.table:
            return np.zeros(len(self.table))
        sold = pd.to_numeric(self.table["exports"], errors="coerce").fillna(0.0).to_numpy(float)
        return np.where(sold > 0, 1.0, 0.0)

    @property
    def note(self) -> str:
        """What a reader must know of how questions are answered."""
        return PASSED_THROUGH if self.public else IN_GROUPS

    @property
    def silent(self) -> bool:
        """Whether there are too few firms to answer anything."""
        return bool((self.group < 0).any())

    def column(self, name: str) -> Array:
        """A column of numbers, (F,): of firms, or of their groups' means."""
        values = pd.to_numeric(self.table[name], errors="coerce").to_numpy(float, na_value=np.nan)
        if self.public:
            return values
        return np.full(len(values), np.nan) if self.silent else means(values, self.group)

    def all_of(self, chosen: Mask) -> Mask:
        """Firms whose whole group is chosen, (F,)."""
        if self.public:
            return chosen
        if self.silent:
            return np.zeros(len(chosen), dtype=bool)
        some_not = np.bincount(self.group, ~chosen) > 0
        return np.asarray(~some_not[self.group])

    def ends(self, name: str) -> tuple[float, float]:
        """Least and largest value that may be told."""
        values = self.column(name)
        known = values[np.isfinite(values)]
        return (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)

    def labels(self, name: str) -> list[str]:
        """Labels that may be told: those that enough firms have."""
        count = self.table[name].astype(str).value_counts()
        kept = count if self.public else count[count >= FEWEST_FIRMS]
        return sorted(str(label) for label in kept.index)

    @cached_property
    def _keys(self) -> NDArray[np.uint64]:
        return row_keys(self.secret, len(self.table))

    def counted(self, number: float, rows: NDArray[np.intp] | Mask) -> float:
        """A number of firms that may be told, given which firms they are (`groups.counted`)."""
        if self.public:
            return number
        chosen = np.unique(np.flatnonzero(rows) if rows.dtype == bool else rows)
        return counted(number, self._keys[chosen])

    def open_labels(
        self, label: Sequence[object], rows: NDArray[np.intp], value: Array
    ) -> dict[object, bool]:
        """Which labels' sums may be told beside their total.

        Parameters
        ----------
        label : (E,)
            Of each entry.
        rows : (E,)
            The firm of each entry.
        value : (E,)
        """
        found = dict.fromkeys(label, True)
        if self.public or not len(rows):
            return found
        records = pd.DataFrame({"label": list(label), "firm": rows, "value": value})
        given = release(records, [["label"]], "value")
        hidden = protect(given).hidden
        return {each: not hidden[given.where(["label"], [each])] for each in found}
