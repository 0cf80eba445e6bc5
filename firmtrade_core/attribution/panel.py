"""Growth in a panel of firms: incumbents, entrants and exits, and the parts of aggregate productivity (MODEL 8)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from firmtrade_core.attribution.result import AttributionError


def growth_by_margin(flows: pd.DataFrame, first: int, second: int) -> pd.DataFrame:
    """Growth of exports by what firms and destinations did; the parts add up exactly.

    Parameters
    ----------
    flows : DataFrame
        ``firm, destination, year, exports``; more columns and years may be there. Rows add up.

    Returns
    -------
    DataFrame
        One row per destination: ``incumbents`` (firms in the market in both years), ``new_markets`` and
        ``left_markets`` (firms that exported elsewhere in the other year), ``entrants`` and ``exits`` (firms that did
        not export at all in the other year), ``before, after, change``.

    Raises
    ------
    AttributionError
        If a column or a year is missing.
    """
    missing = [c for c in ("firm", "destination", "year", "exports") if c not in flows]
    if missing:
        raise AttributionError(f"The flows have no column {', '.join(missing)}.")
    for year in (first, second):
        if not (flows["year"] == year).any():
            known = ", ".join(str(y) for y in sorted(flows["year"].unique()))
            raise AttributionError(f"There are no flows of {year}; there are {known}.")
    sold = (
        flows[flows["year"].isin((first, second)) & (flows["exports"] > 0)]
        .pivot_table(index=["firm", "destination"], columns="year", values="exports", aggfunc="sum")
        .reindex(columns=[first, second])
        .fillna(0.0)
    )
    before, after = sold[first], sold[second]
    exported = sold.groupby(level="firm").transform("sum")
    kind = np.select(
        [
            (before > 0) & (after > 0),
            (before == 0) & (exported[first] > 0),
            (after == 0) & (exported[second] > 0),
            before == 0,
        ],
        ["incumbents", "new_markets", "left_markets", "entrants"],
        "exits",
    )
    moved = (after - before).to_frame("change").assign(kind=kind)
    table = moved.groupby(["destination", "kind"])["change"].sum().unstack().fillna(0.0)
    kinds = ["incumbents", "new_markets", "left_markets", "entrants", "exits"]
    table = table.reindex(columns=kinds, fill_value=0.0)
    totals = sold.groupby(level="destination").sum()
    table["before"], table["after"] = totals[first], totals[second]
    table["change"] = table["after"] - table["before"]
    return table.reset_index().rename_axis(columns=None)


def melitz_polanec(
    panel: pd.DataFrame, first: int, second: int, *, productivity: str = "productivity", share: str = "sales"
) -> dict[str, float]:
    """Change of aggregate productivity, dynamic Olley-Pakes with entry and exit (Melitz and Polanec 2015).

    Parameters
    ----------
    panel : DataFrame
        ``firm, year``, log productivity and the size by which firms are weighted.

    Returns
    -------
    dict
        ``within`` (mean of survivors), ``reallocation`` (their covariance of size and productivity), ``entry``,
        ``exit``, and ``total``, which is their sum.

    Raises
    ------
    AttributionError
        If a column is missing, or no firm is there in both years.
    """
    missing = [c for c in ("firm", "year", productivity, share) if c not in panel]
    if missing:
        raise AttributionError(f"The panel has no column {', '.join(missing)}.")
    years = [panel[panel["year"] == year].set_index("firm") for year in (first, second)]
    stay = years[0].index.intersection(years[1].index)
    if stay.empty:
        raise AttributionError(f"No firm is in the panel in both {first} and {second}.")

    def mean(rows: pd.DataFrame) -> float:
        return float(np.average(rows[productivity], weights=rows[share])) if len(rows) else 0.0

    def weight(rows: pd.DataFrame, year: pd.DataFrame) -> float:
        return float(rows[share].sum() / year[share].sum())

    survivors = [year.loc[stay] for year in years]
    simple = [float(rows[productivity].mean()) for rows in survivors]
    weighted = [mean(rows) for rows in survivors]
    left, entered = years[0].drop(index=stay), years[1].drop(index=stay)
    parts = {
        "within": simple[1] - simple[0],
        "reallocation": (weighted[1] - simple[1]) - (weighted[0] - simple[0]),
        "entry": weight(entered, years[1]) * (mean(entered) - weighted[1]) if len(entered) else 0.0,
        "exit": weight(left, years[0]) * (weighted[0] - mean(left)) if len(left) else 0.0,
    }
    return parts | {"total": mean(years[1]) - mean(years[0])}
