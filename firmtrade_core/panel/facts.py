"""What a firm panel says about exporters: how many, how much larger, how they come and go."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.panel.confidentiality import FEWEST_FIRMS
from firmtrade_core.panel.errors import ColumnError
from firmtrade_core.panel.panel import FirmPanel
from firmtrade_core.panel.validation import require_possible_sizes

Array = NDArray[np.float64]

#: A destination and year counts where it has this many exporters, and this many entrants and incumbents.
FEWEST_EXPORTERS, FEWEST_OF_A_KIND = 20, 5

PREMIA = {"sales": "Sales", "employment": "Employment", "value_added": "Value added", "capital": "Capital"}


def exporting(panel: FirmPanel) -> pd.DataFrame:
    """Firms and years with whether the firm is an ``exporter``, and its ``exports`` where the panel tells.

    Taken from the column ``exports``, or else ``exporter`` (0 or 1), or else the trade table; firm-years for which
    it is not known are left out.

    Raises
    ------
    ColumnError
        If the panel has none of them.
    """
    if "exports" in panel.column_names():
        table = panel.firms.dropna(subset=["exports"])
        return table.assign(exporter=table["exports"] > 0)
    if "exporter" in panel.column_names():
        table = panel.firms.dropna(subset=["exporter"])
        return table.assign(exporter=table["exporter"] > 0)
    if "trade" not in panel.tables:
        raise ColumnError(
            f"{panel.metadata.label} does not say who exports: add a column exports or exporter, or a trade table."
        )
    sold = panel.exports("firm", "year").set_index(["firm", "year"])["value"]
    table = panel.firms.join(sold.rename("exports"), on=["firm", "year"]).fillna({"exports": 0.0})
    return table.assign(exporter=table["exports"] > 0)


def exporter_share(panel: FirmPanel) -> pd.Series:
    """Share of firms that export, by year."""
    return exporting(panel).groupby("year")["exporter"].mean().rename("exporter_share")


def exporter_premia(panel: FirmPanel) -> pd.DataFrame:
    """How much larger exporters are: mean log differences.

    Returns
    -------
    DataFrame
        One row by measure (sales, employment, ..., sales per worker): ``all`` compares all firms, ``same_sector``
        firms of the same sector and year, and ``firms`` counts the firm-years used. Only positive values count.
    """
    table = exporting(panel)
    measures = {name: table[name] for name in PREMIA if name in table}
    if {"sales", "employment"} <= set(measures):
        measures["sales_per_worker"] = measures["sales"] / measures["employment"]
    rows = []
    for name, values in measures.items():
        positive = pd.to_numeric(values).astype(float).gt(0) & np.isfinite(values.astype(float))
        used = table.loc[positive, ["sector", "year", "exporter"]].assign(
            log=np.log(values[positive].astype(float)), exporter=lambda t: t["exporter"].astype(float)
        )
        within = used[["log", "exporter"]] - used.groupby(["sector", "year"])[["log", "exporter"]].transform(
            "mean"
        )
        rows.append((name, _slope(used), _slope(within), int(positive.sum())))
    return pd.DataFrame(rows, columns=["measure", "all", "same_sector", "firms"]).set_index("measure")


def export_transitions(panel: FirmPanel) -> pd.DataFrame:
    """How firms start, go on and stop exporting, by year and over the firms present in it and the next.

    Returns
    -------
    DataFrame
        By year: ``entry`` (share of non-exporters that export a year later), ``continuation`` (share of exporters
        that still do) and ``survival`` (share of all firms still in the panel).
    """
    table = exporting(panel)[["firm", "year", "exporter"]]
    later = table.assign(year=table["year"] - 1).rename(columns={"exporter": "then"})
    both = table.merge(later, on=["firm", "year"], how="left")
    both = both[both["year"] < table["year"].max()]
    stayed = both[both["then"].notna()].astype({"then": float})
    result = pd.DataFrame(
        {
            "entry": stayed[~stayed["exporter"]].groupby("year")["then"].mean(),
            "continuation": stayed[stayed["exporter"]].groupby("year")["then"].mean(),
            "survival": both["then"].notna().groupby(both["year"]).mean(),
        }
    )
    return result


def top_share(values: Array, share: float = 0.05) -> float:
    """Share of the total that the largest ``share`` of observations hold (at least one; rounded up)."""
    ordered = np.sort(np.asarray(values, dtype=float))[::-1]
    return float(ordered[: max(1, int(np.ceil(share * len(ordered) - 1e-9)))].sum() / ordered.sum())


def exports_of_the_largest(panel: FirmPanel, share: float = 0.05) -> pd.Series:
    """Share of all exports made by the largest exporters, by year.

    Raises
    ------
    ColumnError
        If the panel does not say how much firms export.
    """
    table = exporting(panel)
    if "exports" not in table:
        raise ColumnError(f"{panel.metadata.label} says who exports, not how much: add a column exports.")
    positive = table[table["exporter"]].groupby("year")["exports"]
    return positive.agg(lambda values: top_share(values.to_numpy(), share)).rename("top_share")


def destination_facts(panel: FirmPanel) -> pd.DataFrame:
    """Exporters of each destination and year, in the manner of Steinberg's table 1(a).

    Only destinations and years with `FEWEST_EXPORTERS` exporters and `FEWEST_OF_A_KIND` entrants and incumbents
    count, between the panel's first and last year (an entrant was absent a year before, an exit is absent a year
    after).

    Returns
    -------
    DataFrame
        By ``country`` and ``year``: ``num_exporters``; ``top5_share`` of the destination's sales;
        ``avg_num_destinations`` of its exporters; ``exit_rate``; ``entrant_relative_size`` (mean sales of entrants
        over incumbents'); ``entrant_relative_exit_rate`` (entrants' exit rate less incumbents').
    """
    cells = panel.exports("firm", "country", "year")[["firm", "country", "year", "value"]]
    cells["destinations"] = cells.groupby(["firm", "year"])["country"].transform("size")
    keys = pd.MultiIndex.from_frame(cells[["firm", "country", "year"]])
    place = ["firm", "country"]
    earlier, later = (
        pd.MultiIndex.from_frame(cells[place].assign(year=cells["year"] + step)) for step in (-1, 1)
    )
    cells["entrant"], cells["exits"] = ~earlier.isin(keys), ~later.isin(keys)
    inner = cells[(cells["year"] > cells["year"].min()) & (cells["year"] < cells["year"].max())]
    rows = [
        {"country": country, "year": year} | _destination(group)
        for (country, year), group in inner.groupby(["country", "year"], observed=True)
        if len(group) >= FEWEST_EXPORTERS
        and FEWEST_OF_A_KIND <= group["entrant"].sum() <= len(group) - FEWEST_OF_A_KIND
    ]
    return pd.DataFrame(rows).set_index(["country", "year"]) if rows else pd.DataFrame()


def _destination(group: pd.DataFrame) -> dict[str, float]:
    entrants, incumbents = group[group["entrant"]], group[~group["entrant"]]
    return {
        "num_exporters": float(len(group)),
        "top5_share": top_share(group["value"].to_numpy()),
        "avg_num_destinations": float(group["destinations"].mean()),
        "exit_rate": float(group["exits"].mean()),
        "entrant_relative_size": float(entrants["value"].mean() / incumbents["value"].mean()),
        "entrant_relative_exit_rate": float(entrants["exits"].mean() - incumbents["exits"].mean()),
    }


def _slope(table: pd.DataFrame) -> float:
    """Least-squares slope of ``log`` on ``exporter``; NaN where it never varies."""
    x = table["exporter"] - table["exporter"].mean()
    spread = float((x**2).sum())
    # Where all export, or none, nobody is larger than the others.
    return float((x * table["log"]).sum() / spread) if spread > 0 else np.nan


def describe(panel: FirmPanel) -> dict[str, Any]:
    """What a person wants to know about a panel first; years with fewer than `FEWEST_FIRMS` firms give no rates.

    Returns
    -------
    dict
        ``label``, ``home``, ``money``, ``synthetic``, ``source``, ``notes``, ``rows`` by table, ``firms``, ``years``,
        ``attributes``, ``instruments``, ``missing`` (share of each column with gaps), and where the panel says who
        exports ``exporter_share`` by year, ``premia`` (log points, firms of the same sector and year) and mean
        ``transitions``.
    """
    panel.need("firm", "year", "sector")
    require_possible_sizes(panel)
    about = panel.metadata
    table = panel.firms
    missing = table.isna().mean()
    summary: dict[str, Any] = {
        "label": about.label,
        "home": about.home,
        "money": about.money,
        "synthetic": about.synthetic,
        "source": about.source,
        "notes": list(about.notes),
        "rows": {name: panel.count(name) for name in panel.tables},
        "firms": int(table["firm"].nunique()),
        "years": list(panel.years),
        "attributes": list(panel.attributes),
        "instruments": list(panel.instruments),
        "missing": {str(name): float(share) for name, share in missing[missing > 0].items()},
    }
    many = table.groupby("year")["firm"].nunique()
    if (many < FEWEST_FIRMS).all():
        return summary
    try:
        shares = exporter_share(panel)
    except ColumnError:
        return summary
    shown = shares[many.reindex(shares.index) >= FEWEST_FIRMS]
    transitions = export_transitions(panel)
    return summary | {
        "exporter_share": {int(str(year)): float(share) for year, share in shown.items()},
        "premia": {str(k): float(v) for k, v in exporter_premia(panel)["same_sector"].items()},
        "transitions": {str(k): float(v) for k, v in transitions.mean().items() if np.isfinite(v)},
    }
