"""Coming, staying and going by market: how many firms enter, how long they stay, and how they grow (MODEL 15)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.panel.confidentiality import FEWEST_FIRMS, TOP_SHARE
from firmtrade_core.panel.errors import PanelError

Array = NDArray[np.float64]

#: Any market at all.
ANYWHERE = "anywhere"

#: Years after entry that survival is told of.
HORIZONS = (1, 2, 3)

#: Fewest entrants whose survival is told.
_FEWEST_ENTRANTS = 20


def export_spells(flows: pd.DataFrame) -> pd.DataFrame:
    """Unbroken runs of years in which a firm sells to a market.

    Parameters
    ----------
    flows : DataFrame
        ``firm, destination, year, exports``; rows add up. Years without any flow at all are not in the data.

    Returns
    -------
    DataFrame
        One row per spell: ``firm, destination, start, length`` (years), ``ended`` (False where the data end first),
        ``known`` (False where it may have begun before the data), ``again`` (whether the firm had sold there before), and
        ``first, second`` (exports of the first two years, the latter NaN where there is none).

    Raises
    ------
    PanelError
        If a column is missing, or there are fewer than two years.
    """
    missing = [name for name in ("firm", "destination", "year", "exports") if name not in flows]
    if missing:
        raise PanelError(f"The flows have no column {', '.join(missing)}.")
    sold = _added_up(flows)
    years = sorted(sold["year"].unique())
    if len(years) < 2:
        raise PanelError("One year alone shows nobody coming or going; give two years or more.")
    place = {year: k for k, year in enumerate(years)}
    sold["at"] = sold["year"].map(place)
    sold = sold.sort_values(["firm", "destination", "at"], kind="stable").reset_index(drop=True)
    pair = sold.groupby(["firm", "destination"], sort=False).ngroup()
    begins = (pair != pair.shift()) | (sold["at"].diff() != 1)
    number = begins.cumsum()
    spells = sold.groupby(number).agg(
        firm=("firm", "first"), destination=("destination", "first"), start=("year", "first"), at=("at", "first"),
        length=("at", "size"), last=("at", "last"), first=("exports", "first"),
    )  # fmt: skip
    second = sold.groupby(number)["exports"].nth(1)
    spells["second"] = second.set_axis(number.loc[second.index]).reindex(spells.index)
    spells["ended"] = spells["last"] < len(years) - 1
    spells["known"] = spells["at"] > 0
    spells["again"] = spells.duplicated(["firm", "destination"])
    columns = ["firm", "destination", "start", "length", "ended", "known", "again", "first", "second"]
    return spells[columns].reset_index(drop=True)


def _added_up(flows: pd.DataFrame) -> pd.DataFrame:
    """One row by firm, destination and year with exports."""
    some = flows[flows["exports"] > 0]
    return some.groupby(["firm", "destination", "year"])["exports"].sum().reset_index()


def market_dynamics(flows: pd.DataFrame, *, synthetic: bool, most: int = 25) -> pd.DataFrame:
    """Entry, survival and growth of entrants by market, the largest markets first, all markets together on top.

    Survival is Kaplan and Meier's (1958), of spells whose beginning is seen, so that firms still there at the end count
    for as long as they were seen.

    Parameters
    ----------
    flows
        As `export_spells` takes them.
    synthetic
        Of real firms, markets that few serve, or one leads, are left out.
    most
        Markets at most, beside all together.

    Returns
    -------
    DataFrame
        ``destination`` (`ANYWHERE` for exporting at all), ``exporters`` (mean over years), ``entrants`` (a year), ``entry``
        and ``exit`` (share of exporters a year), ``again`` (share of entrants who had been there), ``stay_1, stay_2, stay_3``
        with ``low_1`` and so on (90 %), ``size`` (mean exports of entrants over those of others, in the year of entry) and
        ``growth`` (log points, median of entrants that stay a second year).

    Raises
    ------
    PanelError
        As `export_spells`.
    """
    anywhere = flows[["firm", "year", "exports"]].assign(destination=ANYWHERE)
    spells = pd.concat([export_spells(anywhere), export_spells(flows)], ignore_index=True)
    years = sorted(flows.loc[flows["exports"] > 0, "year"].unique())
    sold = pd.concat([anywhere, flows[["firm", "destination", "year", "exports"]]], ignore_index=True)
    sold = _added_up(sold)
    size = sold.groupby("destination")["exports"].sum().sort_values(ascending=False, kind="stable")
    rows = []
    named = [name for name in size.index if name != ANYWHERE]
    for market in [ANYWHERE, *(named if len(named) > 1 else [])]:
        own = spells[spells["destination"] == market]
        cells = sold[sold["destination"] == market]
        if not synthetic and _reveals(cells, own):
            continue
        rows.append(_row(str(market), own, cells, years))
        if len(rows) > most:
            break
    return pd.DataFrame(rows)


def _row(market: str, spells: pd.DataFrame, cells: pd.DataFrame, years: list[int]) -> dict[str, object]:
    by_year = cells.groupby("year")["firm"].nunique().reindex(years).fillna(0).to_numpy(float)
    entered = spells[spells["known"]]
    transitions = len(years) - 1
    known = entered["first"].to_numpy(float)
    began = pd.Series(True, index=pd.MultiIndex.from_frame(entered[["firm", "start"]]))
    keys = pd.MultiIndex.from_frame(cells[["firm", "year"]])
    is_entrant = began.reindex(keys).notna().to_numpy()
    later = cells["year"].to_numpy() > years[0]
    others = cells["exports"].to_numpy(float)[later & ~is_entrant]
    row: dict[str, object] = {
        "destination": market,
        "exporters": float(by_year.mean()),
        "entrants": len(entered) / transitions,
        "entry": len(entered) / max(by_year[1:].sum(), 1.0),
        "exit": float(spells["ended"].sum()) / max(by_year[:-1].sum(), 1.0),
        "again": float(entered["again"].mean()) if len(entered) else np.nan,
        "size": known.mean() / others.mean() if len(known) and len(others) else np.nan,
    }
    stayed = entered[entered["second"].notna()]
    grown = np.log(stayed["second"].to_numpy(float) / stayed["first"].to_numpy(float))
    row["growth"] = float(np.median(grown)) if len(grown) >= FEWEST_FIRMS else np.nan
    for year, (value, low, high) in zip(HORIZONS, survival(entered), strict=True):
        row |= {f"stay_{year}": value, f"low_{year}": low, f"high_{year}": high}
    return row


def survival(spells: pd.DataFrame) -> list[tuple[float, float, float]]:
    """Chance of staying longer than 1, 2 and 3 years: value, low, high (90 %, log-log); NaN beyond what is seen."""
    nothing = (float("nan"), float("nan"), float("nan"))
    if len(spells) < _FEWEST_ENTRANTS:
        return [nothing] * len(HORIZONS)
    from statsmodels.duration.survfunc import SurvfuncRight  # type: ignore[import-untyped]

    ended = spells["ended"].to_numpy(int)
    # Who is still there in the last year has not been asked yet whether it stays longer.
    length = spells["length"].to_numpy(float) - np.where(ended, 0.0, 0.5)
    curve = SurvfuncRight(length, ended)
    found = []
    for year in HORIZONS:
        if not (length >= year).any():
            found.append(nothing)
            continue
        at = int(np.searchsorted(curve.surv_times, year, side="right")) - 1
        value = float(curve.surv_prob[at]) if at >= 0 else 1.0
        error = float(curve.surv_prob_se[at]) if at >= 0 else 0.0
        if not 0 < value < 1 or error <= 0:
            found.append((value, value, value))
            continue
        reach = 1.6448536269514722 * error / (value * abs(np.log(value)))
        ends = value ** np.exp(reach), value ** np.exp(-reach)
        found.append((value, float(ends[0]), float(ends[1])))
    return found


def _reveals(cells: pd.DataFrame, spells: pd.DataFrame) -> bool:
    """Whether numbers of a market tell a firm: few exporters in a year, one that leads, few that come or go."""
    by = cells.groupby("year")["exports"]
    few = (by.size() < FEWEST_FIRMS).any() or (by.max() > TOP_SHARE * by.sum()).any()
    entered = spells[spells["known"]]
    one = entered["first"].max() > TOP_SHARE * entered["first"].sum() if len(entered) else False
    return bool(few or one or 0 < len(entered) < FEWEST_FIRMS or 0 < spells["ended"].sum() < FEWEST_FIRMS)
