"""From estimated capability to the home country's firms: one step from a panel and its estimates (MODEL 2, 6, 7)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.capability import CapabilityResults
from firmtrade_core.channels import ChannelEffect, ChannelTable
from firmtrade_core.codes.countries import country_name
from firmtrade_core.codes.iso import is_known
from firmtrade_core.home.home import Effect, HomeFirms
from firmtrade_core.home.population import Population, count
from firmtrade_core.margins import FirmsError
from firmtrade_core.panel import FirmPanel

Array = NDArray[np.float64]

#: Columns of the panel that programmes and pages ask for, where the panel has them.
_COLUMNS = ("region", "employment", "age", "sales", "exports", "wages", "skill_share", "weight")

#: Yes-or-no attributes whose holders tell who joins programmes, the best first.
_TAKEN_UP = ("quality_certificate", "trade_finance")

#: Firms that the panel and the estimates must share, of those estimated.
_SMALLEST_OVERLAP = 0.95


@dataclass(frozen=True)
class _Step:
    """What a programme gives as one unit, in units of the attribute, and in words."""

    size: float
    words: str


#: One unit of a programme, by the unit of the attribute: nobody gives a firm the whole range of a share.
_STEPS = {
    "share (0 to 1)": _Step(0.1, "10 points"),
    "index (0 to 1)": _Step(0.1, "a tenth of the index"),
    "share of sales": _Step(0.01, "1 point of sales"),
    "0 or 1": _Step(1.0, "having it"),
    "firms": _Step(1.0, "one firm"),
}


def home_firms(
    results: CapabilityResults,
    panel: FirmPanel,
    effects: ChannelTable | None = None,
    year: int | None = None,
    population: Population | None = None,
) -> HomeFirms:
    """The firms of one year as scenarios take them.

    Parameters
    ----------
    results
        Capability estimated on this panel; several years or one.
    panel
        The firms themselves.
    effects
        What attributes do, estimated by `channels`; none unless given.
    year
        Baseline year; the last one estimated unless given.
    population
        Firms of the country by sector and size class; what the panel's own weights say unless given.

    Returns
    -------
    HomeFirms
        With ``capability`` m̂ and ``fixed_cost_saving`` ĝ (logs), ``posterior`` and ``posterior_spread`` of κ (logs),
        ``markets`` and ``served`` (ISO codes) where destinations are known, ``score`` (percentile of κ̂ + ĝ in the
        firm's sector, 0 to 100), ``propensity`` (predicted chance of holding a certificate), size, place, age,
        exports, wages and the panel's attributes. Presence is the weighted share of a sector's firms that served
        a destination in the year, which baseline thresholds are matched to (MODEL 2).

    Raises
    ------
    FirmsError
        Naming what does not fit: the panel's country, the year, or estimates that are of other firms.
    """
    country = _country(panel)
    year = _year(results, panel, year)
    estimated = _estimated(results, year)
    rows = panel.firms[panel.firms["year"] == year].copy()
    rows["firm"] = rows["firm"].astype(str)
    known = estimated.index.isin(rows["firm"])
    if known.mean() < _SMALLEST_OVERLAP:
        raise FirmsError(
            f"{int((~known).sum())} of {len(known)} firms with estimated capability are not in {panel.metadata.label} "
            f"in {year}. Estimate capability on this panel."
        )
    rows = rows[rows["firm"].isin(estimated.index)].set_index("firm").join(estimated)
    table = _columns(rows, panel)
    presence: dict[str, dict[str, float]] = {}
    if "trade" in panel.tables:
        served = _served(panel, year, table.index)
        table["markets"] = served.groupby(level=0).size().reindex(table.index, fill_value=0).astype(np.int16)
        table["served"] = served.groupby(level=0).agg(" ".join).reindex(table.index, fill_value="")
        sold = _sold(panel, year, served)
        table["served_sales"] = sold.groupby(level=0).agg(" ".join).reindex(table.index, fill_value="")
        presence = _presence(table, served)
    table["score"] = _score(table)
    table["propensity"] = _propensity(results, rows)
    return HomeFirms(
        country,
        _slim(table.dropna(axis=1, how="all")).rename_axis("firm").reset_index(),
        results.deviations,
        presence,
        {} if effects is None else {effect.attribute: _effect(effect) for effect in effects},
        _source(results, panel, year),
        count(table) if population is None else population,
    )


def _country(panel: FirmPanel) -> str:
    home = panel.metadata.home
    if not is_known(home):
        raise FirmsError(
            f"{panel.metadata.label} does not say whose firms it holds (home: {home}). Write the country's ISO code "
            'into its panel.json, as in "home": "CHL".'
        )
    return home


def _year(results: CapabilityResults, panel: FirmPanel, year: int | None) -> int:
    """The baseline year; estimates of a single year may not carry its number."""
    estimated = sorted(set(results.data.years.tolist()))
    if estimated == [0]:
        estimated = [panel.years[-1]] if year is None else [year]
    chosen = estimated[-1] if year is None else year
    if chosen not in estimated or chosen not in panel.years:
        raise FirmsError(
            f"There are no estimates for {chosen}. Estimated: {', '.join(map(str, estimated))}; {panel.metadata.label} "
            f"has {', '.join(map(str, panel.years))}."
        )
    return int(chosen)


def _estimated(results: CapabilityResults, year: int) -> pd.DataFrame:
    """m̂, ĝ and posterior κ of the year's firms, by firm."""
    found = results.firms
    found = found[found["year"].isin((0, year))]
    names = {
        "m": "capability",
        "g": "fixed_cost_saving",
        "capability": "posterior",
        "spread": "posterior_spread",
    }
    return found.assign(firm=found["firm"].astype(str)).set_index("firm")[list(names)].rename(columns=names)


def _columns(rows: pd.DataFrame, panel: FirmPanel) -> pd.DataFrame:
    first = ["sector", "capability", "fixed_cost_saving", "posterior", "posterior_spread"]
    wanted = dict.fromkeys([*first, *(name for name in _COLUMNS if name in rows), *panel.attributes])
    table = rows[list(wanted)].copy()
    table["sector"] = table["sector"].astype(str)
    if "weight" not in table:
        table["weight"] = 1.0
    return table


def _served(panel: FirmPanel, year: int, firms: pd.Index) -> pd.Series:
    """Destinations served in the year, in order of their codes, indexed by firm."""
    sold = panel.exports("firm", "year", "country")
    sold = sold[(sold["year"] == year) & (sold["value"] > 0)]
    sold = sold.assign(firm=sold["firm"].astype(str)).sort_values(["firm", "country"])
    return sold[sold["firm"].isin(firms)].set_index("firm")["country"].astype(str)


def _sold(panel: FirmPanel, year: int, served: pd.Series) -> pd.Series:
    """What was sold to each destination served, as text of six digits, in the same order."""
    sold = panel.exports("firm", "year", "country")
    sold = sold[(sold["year"] == year) & (sold["value"] > 0)]
    value = sold.assign(firm=sold["firm"].astype(str)).set_index(["firm", "country"])["value"]
    found = value.reindex(pd.MultiIndex.from_arrays([served.index, served.to_numpy()]))
    return pd.Series([f"{v:.6g}" for v in found], index=served.index)


def _presence(table: pd.DataFrame, served: pd.Series) -> dict[str, dict[str, float]]:
    """Weighted share of a sector's firms that serve a destination, by sector and destination."""
    weight, sector = table["weight"].astype(float), table["sector"]
    cells = pd.DataFrame({"sector": sector[served.index].to_numpy(), "country": served.to_numpy()})
    count = (
        cells.assign(weight=weight[served.index].to_numpy()).groupby(["sector", "country"])["weight"].sum()
    )
    share = count / weight.groupby(sector).sum().reindex(count.index.get_level_values(0)).to_numpy()
    return {
        str(code): {str(to): float(value) for to, value in part.droplevel(0).items()}
        for code, part in share.groupby(level=0)
    }


def _score(table: pd.DataFrame) -> pd.Series:
    """How near to exporting: percentile of posterior capability plus ĝ in the firm's sector, 0 to 100."""
    readiness = table["posterior"] + table["fixed_cost_saving"]
    return 100 * readiness.groupby(table["sector"]).rank(pct=True)


def _propensity(results: CapabilityResults, rows: pd.DataFrame) -> Array:
    """Chance of holding a certificate given the other attributes, by logistic regression on other firms (5 folds).

    Stands for who takes part in programmes; missing where the panel has no yes-or-no attribute that varies.
    """
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import KFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    empty = np.full(len(rows), np.nan)
    held = next((name for name in _TAKEN_UP if name in rows and rows[name].nunique() == 2), None)
    if held is None:
        return empty
    names = [i for i, name in enumerate(results.data.attribute_names) if held not in name]
    if not names:
        return empty
    data = results.data
    last = pd.Series(np.arange(len(data.firm)), index=[data.firm_names[f] for f in data.firm])
    place = last[~last.index.duplicated(keep="last")].reindex(rows.index).to_numpy(int)
    features, taken = data.attributes[place][:, names], rows[held].to_numpy(float, na_value=np.nan)
    model = make_pipeline(
        SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression(max_iter=500)
    )
    chance, told = empty.copy(), np.isfinite(taken)
    for others, own in KFold(5, shuffle=True, random_state=0).split(features):
        fit = others[told[others]]
        if len(np.unique(taken[fit])) < 2:
            return empty
        chance[own] = model.fit(features[fit], taken[fit]).predict_proba(features[own])[:, 1]
    return chance


def _slim(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers of single precision: more digits than any of them has."""
    slim = table.copy()
    for name in table.columns.difference(["markets"]):
        if pd.api.types.is_numeric_dtype(table[name]):
            slim[name] = table[name].to_numpy(float, na_value=np.nan).astype(np.float32)
    return slim


def _effect(found: ChannelEffect) -> Effect:
    """An effect in units of programmes; its errors no smaller than its interval says."""
    step = _STEPS.get(
        found.unit.split(" (")[0] if found.unit.startswith("0 or 1") else found.unit, _Step(1.0, found.unit)
    )
    cautions = (
        [] if _closed(found) else ["its robust interval has no end: bands shown with it are too narrow"]
    )
    return Effect(
        step.size * found.capability,
        step.size * found.fixed_cost_saving,
        step.size * _error(found.capability_error, found.capability_interval),
        step.size * _error(found.fixed_cost_error, found.fixed_cost_interval),
        found.grade,
        "; ".join([found.method, found.source, *cautions]),
        step.words,
        found.correlation if math.isfinite(found.correlation) else 0.0,
        step.size,
    )


def _closed(found: ChannelEffect) -> bool:
    return all(math.isfinite(end) for end in (*found.capability_interval, *found.fixed_cost_interval))


def _error(stated: float, interval: tuple[float, float], level: float = 0.90) -> float:
    low, high = interval
    width = high - low
    return max(stated, width / 2 / NormalDist().inv_cdf((1 + level) / 2)) if math.isfinite(width) else stated


def _source(results: CapabilityResults, panel: FirmPanel, year: int) -> str:
    kind = "synthetic firms" if panel.metadata.synthetic else "firms"
    known = "" if "trade" in panel.tables else "; destinations are unknown, so presence is assumed"
    return (
        f"{kind} of {country_name(panel.metadata.home)}, {year}; capability estimated from {results.data.firm_count} firms and "
        f"{len(results.data.markets)} markets{known}"
    )
