"""Growth in a panel of firms: incumbents, entrants and exits, and the parts of aggregate productivity (MODEL 8)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from firmtrade_core.attribution.result import AttributionError

#: What a firm did in a destination between two years.
KINDS = ("incumbents", "new_markets", "left_markets", "entrants", "exits")


def margin_moves(flows: pd.DataFrame, first: int, second: int) -> pd.DataFrame:
    """What every firm did in every destination between two years.

    Parameters
    ----------
    flows : DataFrame
        ``firm, destination, year, exports``; more columns and years may be there. Rows add up.

    Returns
    -------
    DataFrame
        One row per firm and destination: ``firm, destination, before, after, change, margin`` (of `KINDS`).

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
    margin = np.select(
        [
            (before > 0) & (after > 0),
            (before == 0) & (exported[first] > 0),
            (after == 0) & (exported[second] > 0),
            before == 0,
        ],
        ["incumbents", "new_markets", "left_markets", "entrants"],
        "exits",
    )
    columns = {"before": before, "after": after, "change": after - before, "margin": margin}
    return pd.DataFrame(columns).reset_index()


def growth_by_margin(flows: pd.DataFrame, first: int, second: int) -> pd.DataFrame:
    """Growth of exports by what firms and destinations did; the parts add up exactly.

    Returns
    -------
    DataFrame
        One row per destination: ``incumbents`` (firms in the market in both years), ``new_markets`` and
        ``left_markets`` (firms that exported elsewhere in the other year), ``entrants`` and ``exits`` (firms that did
        not export at all in the other year), ``before, after, change``.

    Raises
    ------
    AttributionError
        As `margin_moves`.
    """
    return margin_table(margin_moves(flows, first, second))


def margin_table(moves: pd.DataFrame) -> pd.DataFrame:
    """Moves of `margin_moves`, or of a coarser division into destinations, added up as `growth_by_margin` shows them."""
    table = moves.groupby(["destination", "margin"])["change"].sum().unstack().fillna(0.0)
    table = table.reindex(columns=list(KINDS), fill_value=0.0)
    totals = moves.groupby("destination")[["before", "after"]].sum()
    table[["before", "after"]] = totals
    table["change"] = table["after"] - table["before"]
    return table.reset_index().rename_axis(columns=None)


def melitz_polanec(
    panel: pd.DataFrame,
    first: int,
    second: int,
    *,
    productivity: str = "productivity",
    share: str = "sales",
    weight: str | None = None,
) -> dict[str, float]:
    """Change of aggregate productivity, dynamic Olley-Pakes with entry and exit.

    ``ΔΦ = Δφ̄_S + Δcov_S + s_E2 (Φ_E2 - Φ_S2) + s_X1 (Φ_S1 - Φ_X1)`` with S survivors, E entrants, X firms that close,
    Φ means weighted by size, φ̄ plain means, s shares in size: Melitz and Polanec (2015), RAND Journal of Economics
    46(2), 362-375, equations (5) and (6).

    Parameters
    ----------
    panel : DataFrame
        ``firm, year``, log productivity and the size by which firms count; one row by firm and year.
    weight
        Column of sampling weights: firms that a row stands for.

    Returns
    -------
    dict
        ``within`` (mean of survivors), ``reallocation`` (their covariance of size and productivity), ``entry``,
        ``exit``, and ``total``, which is their sum.

    Raises
    ------
    AttributionError
        If a column is missing, a firm stands twice in a year, or no firm is there in both years.
    """
    missing = [
        c for c in ("firm", "year", productivity, share, *([weight] if weight else [])) if c not in panel
    ]
    if missing:
        raise AttributionError(f"The panel has no column {', '.join(missing)}.")
    if panel.duplicated(["firm", "year"]).any():
        raise AttributionError("Some firms stand twice in a year; give one row by firm and year.")
    years = [panel[panel["year"] == year].set_index("firm") for year in (first, second)]
    stay = years[0].index.intersection(years[1].index)
    if stay.empty:
        raise AttributionError(f"No firm is in the panel in both {first} and {second}.")

    def count(rows: pd.DataFrame) -> pd.Series:
        return rows[weight].astype(float) if weight else pd.Series(1.0, index=rows.index)

    def size(rows: pd.DataFrame) -> pd.Series:
        return rows[share].astype(float) * count(rows)

    def mean(rows: pd.DataFrame) -> float:
        return float(np.average(rows[productivity], weights=size(rows)))

    survivors = [year.loc[stay] for year in years]
    simple = [float(np.average(rows[productivity], weights=count(rows))) for rows in survivors]
    weighted = [mean(rows) for rows in survivors]
    left, entered = years[0].drop(index=stay), years[1].drop(index=stay)
    entrants, exits = (
        float(size(rows).sum() / size(year).sum()) for rows, year in ((entered, years[1]), (left, years[0]))
    )
    parts = {
        "within": simple[1] - simple[0],
        "reallocation": (weighted[1] - simple[1]) - (weighted[0] - simple[0]),
        "entry": entrants * (mean(entered) - weighted[1]) if len(entered) else 0.0,
        "exit": exits * (weighted[0] - mean(left)) if len(left) else 0.0,
    }
    return parts | {"total": mean(years[1]) - mean(years[0])}
