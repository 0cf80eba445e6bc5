"""Attributes computed from a panel's trade and links: quality, scope, concentration, place in the network."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.panel.errors import EstimationError
from firmtrade_core.panel.panel import FirmPanel

Array = NDArray[np.float64]

#: Weight of links in PageRank, and how closely it must settle.
DAMPING, SETTLED = 0.85, 1e-12


def export_quality(
    panel: FirmPanel, elasticity: float | Mapping[str, float], *, products: bool = False
) -> pd.DataFrame:
    """Quality of exported goods from prices and quantities (Khandelwal, Schott, Wei 2013).

    ``ln q + σ ln p = α_product + α_country,year + e``, quality ``= e / (σ - 1)``: who sells more at the same price
    in the same market sells better goods. Comparable within product and market only.

    Parameters
    ----------
    elasticity
        σ > 1, one for all or by product.
    products
        Whether to return every firm, year, country and product, or their mean by firm and year, weighted by value.

    Returns
    -------
    DataFrame
        ``firm``, ``year`` (, ``country``, ``product``) and ``quality`` in logs.

    Raises
    ------
    EstimationError
        If σ is 1 or less, or unknown for a product, or no line has both value and quantity.
    """
    lines = panel.query(
        "SELECT firm, year, country, product, sum(value) AS value, sum(quantity) AS quantity FROM trade "
        "WHERE flow = 'export' AND value > 0 AND quantity > 0 GROUP BY ALL ORDER BY ALL"
    )
    if lines.empty:
        raise EstimationError("No export line has both a value and a quantity; quality needs prices.")
    sigma = (
        lines["product"].map(elasticity)
        if isinstance(elasticity, Mapping)
        else pd.Series(elasticity, lines.index)
    )
    bad = lines.loc[~(sigma > 1), "product"].unique()
    if len(bad):
        raise EstimationError(
            f"Give an elasticity of substitution above 1 for: {', '.join(map(str, bad[:5]))}."
        )
    shifted = np.log(lines["quantity"]) + sigma * np.log(lines["value"] / lines["quantity"])
    product = np.asarray(lines["product"].factorize()[0], dtype=np.int64)
    market = np.asarray(lines.groupby(["country", "year"]).ngroup(), dtype=np.int64)
    lines["quality"] = without_effects(shifted.to_numpy(dtype=float), product, market) / (sigma - 1)
    if products:
        return lines[["firm", "year", "country", "product", "quality"]]
    weighted = lines.assign(quality=lines["quality"] * lines["value"]).groupby(
        ["firm", "year"], as_index=False
    )
    sums = weighted[["quality", "value"]].sum()
    return sums.assign(quality=sums["quality"] / sums["value"])[["firm", "year", "quality"]]


def without_effects(values: Array, first: NDArray[np.int64], second: NDArray[np.int64]) -> Array:
    """Residuals of a regression on two sets of fixed effects, (rows,)."""
    from scipy.sparse import csr_matrix, hstack
    from scipy.sparse.linalg import lsmr

    rows = np.arange(len(values))
    dummies = hstack([csr_matrix((np.ones(len(rows)), (rows, codes))) for codes in (first, second)]).tocsr()
    fitted = dummies @ lsmr(dummies, values, atol=1e-12, btol=1e-12, maxiter=10_000)[0]
    return np.asarray(values - fitted)


def scope_and_concentration(panel: FirmPanel, flow: str = "export") -> pd.DataFrame:
    """How many products and markets a firm trades, and how its sales gather in few.

    Returns
    -------
    DataFrame
        By ``firm`` and ``year``: ``products``, ``destinations``, ``herfindahl_products`` and
        ``herfindahl_destinations`` (sums of squared shares, 0 to 1), ``top_destination_share``.
    """
    return panel.query(
        """
        WITH places AS (SELECT firm, year, country, sum(value) AS v FROM trade WHERE flow = $1 AND value > 0 GROUP BY ALL),
        goods AS (SELECT firm, year, product, sum(value) AS v FROM trade WHERE flow = $1 AND value > 0 GROUP BY ALL),
        by_place AS (SELECT firm, year, count(*) AS destinations, sum(v * v) / (sum(v) * sum(v)) AS herfindahl_destinations,
            max(v) / sum(v) AS top_destination_share FROM places GROUP BY ALL),
        by_good AS (SELECT firm, year, count(*) AS products, sum(v * v) / (sum(v) * sum(v)) AS herfindahl_products
            FROM goods GROUP BY ALL)
        SELECT firm, year, products, destinations, herfindahl_products, herfindahl_destinations, top_destination_share
        FROM by_place JOIN by_good USING (firm, year) ORDER BY firm, year
        """,
        [flow],
    )


def earlier_outcomes(panel: FirmPanel) -> pd.DataFrame:
    """What firms were the year before: size and productivity that this year's trade has not made.

    Returns
    -------
    DataFrame
        ``firm``, ``year`` and, as far as the panel tells, ``earlier_employment``, ``earlier_home_sales`` (sales less exports),
        ``earlier_sales_per_worker``, ``earlier_value_added_per_worker`` and ``earlier_wage``; missing in a firm's first year.

    Raises
    ------
    EstimationError
        If the panel has one year, or none of the columns these come from.
    """
    firms = panel.firms
    has = set(firms.columns)
    if len(panel.years) < 2:
        raise EstimationError("One year has no year before: add a year to the panel.")
    made = firms[["firm", "year"]].assign(year=firms["year"] + 1)

    def number(column: str) -> pd.Series:
        return firms[column].astype(float)

    if "employment" in has:
        made["earlier_employment"] = number("employment")
        persons = number("employment").where(number("employment") > 0)
        for name, column in (
            ("earlier_sales_per_worker", "sales"),
            ("earlier_value_added_per_worker", "value_added"),
            ("earlier_wage", "wages"),
        ):
            if column in has:
                made[name] = number(column) / persons
    if {"sales", "exports"} <= has:
        made["earlier_home_sales"] = (number("sales") - number("exports").fillna(0.0)).clip(lower=0.0)
    if made.shape[1] == 2:
        raise EstimationError(
            "The panel has no employment and no sales, so nothing tells how large firms were."
        )
    seen = firms[["firm", "year"]].merge(made, on=["firm", "year"], how="left")
    return seen


def with_earlier_outcomes(panel: FirmPanel) -> FirmPanel:
    """The panel with `earlier_outcomes` among its attributes.

    Raises
    ------
    PanelError
    """
    table = earlier_outcomes(panel)
    money = panel.metadata.money
    by_worker = [str(name) for name in table if str(name).endswith(("_worker", "_wage"))]
    units = dict.fromkeys(by_worker, f"{money} a worker")
    units |= {"earlier_employment": "persons", "earlier_home_sales": money}
    return panel.with_attributes(table, {name: unit for name, unit in units.items() if name in table})


def network_position(panel: FirmPanel) -> pd.DataFrame:
    """Degree and centrality of every firm in the network of suppliers.

    Returns
    -------
    DataFrame
        By ``firm`` (and ``year`` where links have one): ``suppliers`` and ``buyers``, the numbers of linked firms;
        ``supplier_centrality``, PageRank along purchases (high where many and central firms buy from it), times the
        number of firms, so that 1 is the average. Firms without links have 0 links.
    """
    by_year = "year" in panel.column_names("links")
    firms = panel.query(f"SELECT DISTINCT firm{', year' if by_year else ''} FROM firms ORDER BY ALL")
    if not by_year:
        return _position(firms["firm"], panel.links)
    parts = [
        _position(members["firm"], panel.links[panel.links["year"] == year]).assign(year=year)
        for year, members in firms.groupby("year")
    ]
    return pd.concat(parts, ignore_index=True)[["firm", "year", "suppliers", "buyers", "supplier_centrality"]]


def _position(firms: pd.Series, links: pd.DataFrame) -> pd.DataFrame:
    names = pd.Index(firms.to_numpy())
    pairs = links[["supplier", "buyer"]].drop_duplicates()
    supplier, buyer = names.get_indexer(pairs["supplier"]), names.get_indexer(pairs["buyer"])
    inside = (supplier >= 0) & (buyer >= 0) & (supplier != buyer)
    supplier, buyer = supplier[inside], buyer[inside]
    return pd.DataFrame(
        {
            "firm": names,
            "suppliers": np.bincount(buyer, minlength=len(names)),
            "buyers": np.bincount(supplier, minlength=len(names)),
            "supplier_centrality": len(names) * _page_rank(buyer, supplier, len(names)),
        }
    )


def _page_rank(source: NDArray[np.int64], target: NDArray[np.int64], count: int) -> Array:
    """Stationary shares, (count,), of a walk from source to target that restarts with probability 1 - `DAMPING`."""
    out = np.bincount(source, minlength=count)
    rank = np.full(count, 1 / count)
    for _ in range(1_000):
        stranded = rank[out == 0].sum()
        moved = np.bincount(target, (rank / np.maximum(out, 1))[source], minlength=count)
        following = DAMPING * (moved + stranded / count) + (1 - DAMPING) / count
        if np.abs(following - rank).sum() < SETTLED:
            return np.asarray(following)
        rank = following
    return rank
