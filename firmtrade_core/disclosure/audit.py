"""What an intruder can work out: exact bounds of every withheld number from all that is published (linear programming).

An intruder knows the published numbers, which sums they are, and that values are zero or more. The withheld number lies
between the least and the largest value that any elements in keeping with that give it; both are solutions of a linear
programme (Fischetti and Salazar-González 2001, "Solving the cell suppression problem on tabular data with linear
constraints", Management Science 47). A number that reveals a firm is *protected* where these bounds reach the share
`Rule.within` of its largest firm to either side of the truth: its protection interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_matrix

from firmtrade_core.disclosure.release import Release

Array = NDArray[np.float64]

#: Deviations are looked for up to so many times the truth: bounds beyond are as good as none.
FARTHEST = 1e4

#: Share of a protection interval that rounding may take.
ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class Deviations:
    """Elements as they could be instead, less what they are: all that is published stays as it is.

    Parameters
    ----------
    release
    hidden : (P,) of bool
        Numbers that are withheld.
    """

    release: Release
    free: NDArray[np.intp]
    equations: csr_matrix

    @classmethod
    def of(cls, release: Release, hidden: NDArray[np.bool_]) -> Deviations:
        """What remains free where some cells are withheld."""
        sums = release.sums
        known = published(release, hidden)
        free = np.ones(sums.shape[1], dtype=bool)
        # An element that is published by itself is no unknown; nor is one that is left alone in a published sum.
        changed = True
        while changed:
            left = np.asarray(sums[:, free].sum(1)).ravel()
            alone = known & (left == 1)
            changed = bool(alone.any())
            if changed:
                fixed = np.unique(sums[alone].indices)
                free[fixed] = False
        rows = sums[known][:, free]
        rows = rows[np.diff(rows.indptr) > 0]
        return cls(release, np.flatnonzero(free), rows)

    def farthest(self, number: int, direction: int, reach: float) -> float:
        """How far a published number could be off in a direction, up to ``reach``, at least zero."""
        target = np.asarray(self.release.sums[number, self.free].todense()).ravel()
        if not target.any() or reach <= 0:
            return 0.0
        values = self.release.value[self.free] / reach
        low = -np.minimum(values, FARTHEST) if self.release.nonnegative else np.full(len(values), -FARTHEST)
        # The target itself no farther than asked: a bounded programme, however much is free.
        found = linprog(
            -direction * target,
            A_ub=csr_matrix(direction * target),
            b_ub=[1.0],
            A_eq=self.equations if self.equations.shape[0] else None,
            b_eq=np.zeros(self.equations.shape[0]) if self.equations.shape[0] else None,
            bounds=np.column_stack([low, np.full(len(values), FARTHEST)]),
            method="highs",
        )
        return 0.0 if found.x is None else float(max(direction * target @ found.x, 0.0)) * reach


def published(release: Release, hidden: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Numbers that an intruder knows, (P,): not withheld, and no total that reveals a firm by itself."""
    return ~hidden & (release.cells | ~release.judgement.broken)


def bounds(release: Release, hidden: NDArray[np.bool_]) -> pd.DataFrame:
    """Exact bounds of every withheld number.

    Returns
    -------
    DataFrame
        By number: ``low, high`` (endless where nothing bounds them within `FARTHEST` times the truth), ``value``,
        ``protection``, ``primary``, and ``safe``: whether a primary one keeps its protection interval.
    """
    free = Deviations.of(release, hidden)
    rows = []
    for number in np.flatnonzero(hidden):
        value, wanted = float(release.values[number]), float(release.protection[number])
        reach = max(abs(value), wanted, 1e-300) * FARTHEST / 10
        below, above = (free.farthest(int(number), side, reach) for side in (-1, 1))
        low = value - below if below < reach * (1 - ROUNDING) else -np.inf
        high = value + above if above < reach * (1 - ROUNDING) else np.inf
        primary = bool(release.primary[number])
        enough = min(below, above) >= wanted * (1 - ROUNDING)
        rows.append((int(number), low, high, value, wanted, primary, bool(enough or not primary)))
    names = ["number", "low", "high", "value", "protection", "primary", "safe"]
    return pd.DataFrame(rows, columns=names).set_index("number")


def exposed(release: Release, hidden: NDArray[np.bool_]) -> list[int]:
    """Primary numbers without their protection interval; empty where a release passes."""
    free, found = Deviations.of(release, hidden), []
    for number in np.flatnonzero(release.primary):
        wanted = float(release.protection[number])
        if wanted > 0 and any(
            free.farthest(int(number), side, wanted) < wanted * (1 - ROUNDING) for side in (-1, 1)
        ):
            found.append(int(number))
    return found
