"""When a cell reveals a firm: too few firms, or so few large ones that they can work each other out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: A shown cell holds at least this many firms, the largest with at most this share of its value.
FEWEST_FIRMS, TOP_SHARE = 5, 0.75

#: The largest share of the two largest firms together, and how near the second may come to the first's value.
TOP_TWO, WITHIN = 0.90, 0.10


@dataclass(frozen=True)
class Rule:
    """Minimum count, dominance and prior-posterior rule of one release.

    Parameters
    ----------
    fewest_firms
        Firms that a shown cell holds at least.
    top_share
        Dominance (1, k): share of the largest firm, at most.
    top_two
        Dominance (2, k): share of the two largest, at most.
    within
        p per cent rule: the second firm, which knows itself, may not learn the first's value nearer than this share of it:
        what all the others have must be at least ``within`` times the first. Also the *protection interval*: bounds of a
        hidden cell from everything published must reach this share of its largest firm to either side.
    """

    fewest_firms: int = FEWEST_FIRMS
    top_share: float = TOP_SHARE
    top_two: float = TOP_TWO
    within: float = WITHIN

    def judge(self, cell: NDArray[np.intp], firm: NDArray[np.intp], value: Array, count: int) -> Judgement:
        """What each of ``count`` cells gives away; one entry by cell and firm at most counts once, absolute values.

        Parameters
        ----------
        cell, firm : (E,)
            Numbers; a cell of -1 is left out.
        value : (E,)
        """
        kept = cell >= 0
        parts = pd.DataFrame({"cell": cell[kept], "firm": firm[kept], "value": np.abs(value[kept])})
        parts = parts.groupby(["cell", "firm"], sort=False)["value"].sum().reset_index()
        parts = parts.sort_values(["cell", "value"], ascending=[True, False], kind="stable")
        cells, values = parts["cell"].to_numpy(np.intp), parts["value"].to_numpy(float)
        firms = np.bincount(cells, minlength=count)
        total = np.bincount(cells, values, minlength=count).astype(np.float64)
        start = np.concatenate([[0], np.cumsum(firms)])[:-1]
        first, second = np.zeros((2, count))
        some, two = firms > 0, firms > 1
        first[some] = values[start[some]]
        second[two] = values[start[two] + 1]
        slack = 1 + 1e-12
        broken = (
            (firms < self.fewest_firms)
            | (first > self.top_share * total * slack)
            | (first + second > self.top_two * total * slack)
            | (total - first - second < self.within * first / slack)
        )
        return Judgement(firms, total, first, broken & some)


@dataclass(frozen=True)
class Judgement:
    """By cell: firms in it, sum of absolute values, value of the largest firm, and whether showing it reveals a firm."""

    firms: NDArray[np.intp]
    total: Array
    largest: Array
    broken: NDArray[np.bool_]
