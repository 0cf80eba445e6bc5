"""How well one column alone tells who exports and how much: beyond belief, it is made of what it should explain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from firmtrade_core.labels.units import in_percent

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Area under the curve of exporting, and share of the variance of log sales among sellers, beyond which a column that
#: stands alone is refused.
REFUSED_AREA, REFUSED_SHARE = 0.98, 0.95

#: The same, beyond which a reader is warned.
SUSPECT_AREA, SUSPECT_SHARE = 0.95, 0.80

#: Sellers from which a share of variance says something, and rows from which a group without exception does.
FEWEST_SELLERS, FEWEST_IN_GROUP = 30, 20


@dataclass(frozen=True)
class Telling:
    """What one column alone tells of the outcome.

    Parameters
    ----------
    area
        Under the receiver operating curve of exporting, 0.5 to 1, whichever way the column points; 0.5 where all or no
        rows export.
    share
        Of the variance of log sales among sellers: the largest of the column's, its logarithm's and its ranks'; 0
        where too few sell.
    """

    area: float
    share: float

    @property
    def refused(self) -> bool:
        """Whether it is the outcome in disguise."""
        return self.area > REFUSED_AREA or self.share > REFUSED_SHARE

    @property
    def suspect(self) -> bool:
        """Whether it tells so much that a reader must be warned."""
        return self.area > SUSPECT_AREA or self.share > SUSPECT_SHARE

    @property
    def words(self) -> str:
        """What it tells, to follow the column's name."""
        said = []
        if self.area > SUSPECT_AREA:
            exactly = "exactly" if self.area == 1 else "almost exactly"
            said.append(f"tells {exactly} who exports (area under the curve {self.area:.3f})")
        if self.share > SUSPECT_SHARE:
            said.append(f"alone tells {in_percent(self.share)} of how log exports differ among exporters")
        return " and ".join(said)


def how_telling(column: Array, exports: Flags, log_sales: Array | None = None) -> Telling:
    """What one column alone tells of exporting and of sales.

    Parameters
    ----------
    column : (R,)
        Missing values are NaN; that they are missing may tell too.
    exports : (R,)
        Whether a row sells abroad.
    log_sales : (R,), optional
        Used where finite.
    """
    known = np.isfinite(column)
    area = max(_area(column[known], exports[known]), _area((~known).astype(float), exports))
    share = 0.0
    if log_sales is not None:
        rows = known & np.isfinite(log_sales)
        if rows.sum() >= FEWEST_SELLERS:
            share = _share(column[rows], log_sales[rows])
    return Telling(area, share)


def side_without_exception(column: Array, exports: Flags) -> tuple[float, bool] | None:
    """The side of a yes-or-no column (its value) all or none of whose rows export, and whether all do; else None."""
    if exports.all() or not exports.any() or not np.isin(column, (0.0, 1.0)).all():
        return None
    for side in (1.0, 0.0):
        rows = exports[column == side]
        if len(rows) >= FEWEST_IN_GROUP and rows.all() == rows.any():
            return side, bool(rows.all())
    return None


def _area(column: Array, exports: Flags) -> float:
    """By ranks (Mann-Whitney), ties counted half."""
    count, others = int(exports.sum()), int((~exports).sum())
    if not count or not others or np.ptp(column) == 0:
        return 0.5
    area = (rankdata(column)[exports].sum() - count * (count + 1) / 2) / (count * others)
    return float(max(area, 1 - area))


def _share(column: Array, outcome: Array) -> float:
    shapes = [(column, outcome), (rankdata(column), rankdata(outcome))]
    if (column > 0).all():
        shapes.append((np.log(column), outcome))
    return max(_correlation(a, b) ** 2 for a, b in shapes)


def _correlation(first: Array, second: Array) -> float:
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])
