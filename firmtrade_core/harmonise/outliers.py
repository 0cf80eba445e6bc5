"""Outliers among firms: values far from those of the same sector and year, by a measure that outliers do not bend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from firmtrade_core.harmonise.changes import ChangeLog

#: Robust standard deviations from which a value is an outlier.
FAR = 5.0

#: Fewest values that a group's middle is told from; smaller groups are held against their year, then against all.
FEWEST = 20


def robust_distance(
    table: pd.DataFrame, column: str, groups: Sequence[str] = ("sector", "year")
) -> pd.Series:
    """Distance from the group's median in robust standard deviations (1.4826 median absolute deviations).

    Positive values are compared in logarithms, where the column has no negative ones; zeros then have no distance.
    """
    values = table[column].astype(float)
    if not (values < 0).any():
        values = pd.Series(np.log(values.where(values > 0)), index=table.index)
    distance = pd.Series(np.nan, index=table.index)
    for keys in (list(groups), list(groups)[1:], []):
        label = table.groupby(keys, dropna=False).ngroup() if keys else pd.Series(0, index=table.index)
        by_group = values.groupby(label)
        middle = by_group.transform("median")
        spread = 1.4826 * (values - middle).abs().groupby(label).transform("median")
        enough = (by_group.transform("count") >= FEWEST) & (spread > 0) & distance.isna()
        distance = distance.mask(enough, (values - middle) / spread.where(spread > 0))
    return distance


def find_outliers(
    table: pd.DataFrame,
    columns: Sequence[str],
    groups: Sequence[str] = ("sector", "year"),
    far: float = FAR,
) -> pd.DataFrame:
    """Outlying cells: ``row`` (label in the table's index), ``column``, ``value``, ``distance``; farthest first."""
    parts = []
    for column in columns:
        distance = robust_distance(table, column, groups)
        met = distance.abs() > far
        parts.append(
            pd.DataFrame(
                {"row": table.index[met], "column": column, "value": table.loc[met, column].to_numpy(), "distance": distance[met].to_numpy()}
            )
        )  # fmt: skip
    found = (
        pd.concat(parts, ignore_index=True)
        if parts
        else pd.DataFrame(columns=["row", "column", "value", "distance"])
    )
    return found.sort_values("distance", key=lambda d: -d.abs(), ignore_index=True, kind="stable")


def set_outliers_missing(table: pd.DataFrame, found: pd.DataFrame, log: ChangeLog) -> pd.DataFrame:
    """The table with outlying cells empty, to be filled like other gaps; each is logged."""
    for column, cells in found.groupby("column"):
        where = table.index.isin(cells["row"])
        table = log.replace(table, str(column), where, np.nan, step="outliers", rule=f"{column}.outlier")
    return table
