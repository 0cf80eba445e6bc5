"""From a firm panel to the arrays of the estimator: exports, or imports as their mirror (MODEL 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from firmtrade_core.capability.data import CapabilityData
from firmtrade_core.capability.errors import CapabilityError
from firmtrade_core.panel import FirmPanel
from firmtrade_core.panel.columns import FLOWS, catalogue

Sectors = Literal["shared", "markets"]

#: Market where destinations are unknown.
ABROAD = "abroad"

#: Countries that become markets of their own; sales elsewhere make one further market.
MOST_MARKETS = 40

ELSEWHERE = "elsewhere"

#: Skewness beyond which an attribute that is never negative enters in logs.
SKEWED = 2.0

#: Total of trade by flow, and attributes made of the flow itself.
_TOTALS = {"export": "exports", "import": "imports"}
MADE_OF: Mapping[str, tuple[str, ...]] = {
    "export": ("exporter", "export_share"),
    "import": ("importer", "imported_input_share"),
}


def explaining_attributes(
    panel: FirmPanel, flow: Literal["export", "import"] = "export", leave_out: Sequence[str] = ()
) -> list[str]:
    """Attributes of a panel that may explain a flow: neither made of it nor left out by the reader.

    Raises
    ------
    ColumnError
        If a column to leave out is not there.
    """
    panel.need(*leave_out)
    return [name for name in panel.attributes if name not in (*leave_out, *MADE_OF[flow])]


def from_panel(
    panel: FirmPanel,
    *,
    flow: Literal["export", "import"] = "export",
    attributes: Sequence[str] | None = None,
    years: Sequence[int] | None = None,
    sectors: Sectors = "markets",
    within: Sequence[str] | None = None,
    most_markets: int = MOST_MARKETS,
    years_are_independent: bool = False,
    home_sales: bool = False,
) -> CapabilityData:
    """Rows by firm and year, markets by destination (or origin of imports), or "abroad" where countries are unknown.

    Parameters
    ----------
    flow
        ``import`` is the mirror: sourcing countries are the markets.
    attributes
        Columns of the firm table; by default all that may explain, but none made of the flow itself. Skewed amounts
        enter in logs, categories one-hot.
    years
        All unless given. Every year has market effects of its own.
    sectors
        ``markets``: each sector has its own δ and k (m is shared). ``shared``: sectors share them and shift
        capability alone, for panels too thin for more; it misleads where sectors differ in demand.
    within
        Sectors whose firms are studied, all unless given; of one sector alone, m is its own.
    most_markets
        Countries with most traders that stand alone.
    years_are_independent
        See `CapabilityData.from_arrays`; by default the years of a firm count once.
    home_sales
        Whether what firms sell at home tells their κ too, where the panel has sales: the model's κ is the same at home
        and abroad (MODEL 2). It tells capability from fixed costs; of exports alone.

    Raises
    ------
    CapabilityError
        If no firms, or no attributes, are left.
    """
    if flow not in FLOWS:
        raise CapabilityError(f"flow is {flow}; give export or import.")
    firms = panel.firms.copy()
    firms["firm"] = firms["firm"].astype(str)
    if years is not None:
        firms = firms[firms["year"].isin(list(years))]
    if firms.empty:
        raise CapabilityError(f"{panel.metadata.label} has no firms in the years asked for: {years}.")
    if within is not None:
        panel.need("sector")
        firms = firms[firms["sector"].astype(str).isin(list(within))]
        if firms.empty:
            raise CapabilityError(f"{panel.metadata.label} has no firms in {', '.join(within)}.")
    firms = firms.reset_index(drop=True)
    log_sales, markets = _log_sales(panel, firms, flow, most_markets)
    chosen = list(attributes) if attributes is not None else explaining_attributes(panel, flow)
    if not chosen:
        raise CapabilityError(
            f"{panel.metadata.label} has no attribute that could explain capability: m and g are functions of attributes. "
            "Add columns to the firm table (employment, age, capital or any of your own), or name some in `attributes`; "
            f"those made of the flow itself ({', '.join(MADE_OF[flow])}) do not count."
        )
    panel.need(*chosen)
    table = attribute_table(firms, chosen)
    if sectors == "shared" and "sector" in firms and firms["sector"].nunique() > 1:
        # The first sector is the reference.
        table = table.join(
            pd.get_dummies(firms["sector"].astype(str), prefix="sector", dtype=float).iloc[:, 1:]
        )
    return CapabilityData.from_arrays(
        log_sales,
        table,
        firm=firms["firm"].to_list(),
        sector=firms["sector"].to_list() if sectors == "markets" else None,
        year=firms["year"].to_list(),
        weights=firms["weight"].to_numpy(float) if "weight" in firms else None,
        markets=markets,
        years_are_independent=years_are_independent,
        home_sales=_log_home_sales(panel, firms) if home_sales and flow == "export" else None,
    )


def _log_home_sales(panel: FirmPanel, firms: pd.DataFrame) -> np.ndarray | None:
    """ln of sales less exports by row, missing where either is unknown or nothing is left; None without sales."""
    if "sales" not in firms:
        return None
    if "exports" in firms:
        abroad = firms["exports"].to_numpy(float, na_value=np.nan)
    else:
        sold = panel.exports("firm", "year") if "trade" in panel.tables else None
        if sold is None:
            return None
        value = sold.assign(firm=sold["firm"].astype(str)).set_index(["firm", "year"])["value"]
        abroad = value.reindex(pd.MultiIndex.from_frame(firms[["firm", "year"]])).fillna(0.0).to_numpy(float)
    left = firms["sales"].to_numpy(float, na_value=np.nan) - abroad
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(left > 0, np.log(left), np.nan)


def _log_sales(
    panel: FirmPanel, firms: pd.DataFrame, flow: str, most: int
) -> tuple[np.ndarray, tuple[str, ...]]:
    if "trade" in panel.tables:
        trade = panel.exports("firm", "year", "country", flow=flow)
        trade = trade[trade["value"] > 0]
        trade["firm"] = trade["firm"].astype(str)
        leading = trade.groupby("country")["firm"].nunique().sort_values(ascending=False, kind="stable")
        alone = leading.index[:most]
        trade["market"] = trade["country"].astype(str).where(trade["country"].isin(alone), ELSEWHERE)
        wide = trade.pivot_table(index=["firm", "year"], columns="market", values="value", aggfunc="sum")
        names = [str(name) for name in alone if name in wide] + [ELSEWHERE] * (ELSEWHERE in wide)
        value = wide.reindex(pd.MultiIndex.from_frame(firms[["firm", "year"]]))[names].to_numpy(float)
    else:
        total = _TOTALS[flow]
        panel.need(total)
        names, value = [ABROAD], firms[[total]].to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(value > 0, np.log(value), np.nan), tuple(names)


def attribute_table(firms: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Columns of a firm table as estimates take them in: skewed amounts in logs, categories one-hot, (R, K)."""
    known = catalogue("firms")
    columns: dict[str, np.ndarray] = {}
    for name in names:
        column = firms[name]
        if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
            number = column.to_numpy(float, na_value=np.nan)
            bounded = name in known and known[name].highest is not None
            skewed = not bounded and _skewed(number)
            columns[f"log_{name}" if skewed else name] = np.log1p(number) if skewed else number
        else:
            dummies = pd.get_dummies(column.astype(str), prefix=name, dtype=float).iloc[:, 1:]
            columns |= {str(label): dummies[label].to_numpy() for label in dummies}
    return pd.DataFrame(columns)


def _skewed(number: np.ndarray) -> bool:
    finite = number[np.isfinite(number)]
    if len(np.unique(finite)) <= 5 or finite.min() < 0:
        return False
    return float(((finite - finite.mean()) ** 3).mean() / finite.std() ** 3) > SKEWED
