"""Does productivity follow exporting? An event study around the first year abroad, with estimators for staggered starts (MODEL 15).

Firms that begin to export in different years are compared with firms that have not begun yet, or never do. With effects
that differ by cohort and grow with time, two-way fixed effects compare some starters with earlier ones and may get even
the sign wrong (Goodman-Bacon 2021); three estimators that do not stand beside it: cohort by cohort (Sun, Abraham 2021),
two stages (Gardner 2022) and local projections on clean controls (Dube, Girardi, Jordà, Taylor 2023), all by pyfixest.
Years before the start are the test: firms that were already on their way up selected themselves, and what follows is then
no effect.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from firmtrade_core.channels.errors import SampleError
from firmtrade_core.labels import number

Array = NDArray[np.float64]

LEVEL = 0.90

#: Estimators in the order of reading: name and reference.
ESTIMATORS = {
    "cohorts": "Sun and Abraham 2021",
    "two stages": "Gardner 2022",
    "local projections": "Dube, Girardi, Jordà and Taylor 2023",
    "two-way effects": "biased where effects differ",
}

#: The estimator that findings are told by.
TOLD = "cohorts"

#: Fewest firms that begin while they are observed, and fewest behind a horizon.
_FEWEST_STARTERS, _FEWEST_AT_HORIZON = 30, 10

#: Years around the start that are shown.
_BEFORE, _AFTER = 4, 5


@dataclass(frozen=True, eq=False)
class Learning:
    """What follows a firm's first year abroad.

    Attributes
    ----------
    outcome, label : str
        Column that follows or not, in logs, and what it is.
    table : DataFrame
        ``estimator, horizon`` (years since the first exports; -1 is the year it is held against), ``value, error, low,
        high`` (90 %, clustered by firm).
    before, after : dict of str to tuple
        By estimator: means over the years before, and since the start: value, low, high.
    trend : float
        p of no difference in any year before the start, by cohorts.
    starters, never, firms : int
        Firms that begin while observed, that never export, and all used; exporters of the first year are left out.
    """

    outcome: str
    label: str
    table: pd.DataFrame
    before: dict[str, tuple[float, float, float]]
    after: dict[str, tuple[float, float, float]]
    trend: float
    starters: int
    never: int
    firms: int

    @property
    def selected(self) -> bool:
        """Whether starters were on their way before: what follows is then no effect of exporting."""
        return bool(self.trend < 1 - LEVEL)

    def sentence(self) -> str:
        """The finding in words."""
        value, low, high = self.after[TOLD]
        band = f"{number(value, signed=True)} log points (90 %: {number(low, signed=True)} to {number(high, signed=True)})"
        moved = "follows" if low > 0 else "falls after" if high < 0 else "does not visibly follow"
        text = f"{self.label[:1].upper()}{self.label[1:]} {moved} the start of exporting: {band} on average over the years since"
        if self.selected:
            return (
                f"{text}. But starters differed before (p = {number(self.trend)}): part or all of it is who starts, not what "
                "exporting teaches."
            )
        return f"{text}. Before the start no difference is seen (p = {number(self.trend)})."


def learning_by_exporting(panel: pd.DataFrame, outcome: str, label: str = "") -> Learning:
    """The event study.

    Parameters
    ----------
    panel : DataFrame
        ``firm, year, exporting`` (0 or 1) and the outcome.
    outcome
        A column in logs, such as productivity.
    label
        What it is, in words; the column's name unless given.

    Raises
    ------
    SampleError
        If too few firms begin while they are observed.
    """
    data = _events(panel, outcome)
    starters = int(data.loc[data["first"] > 0, "firm"].nunique())
    never = int(data.loc[data["first"] == 0, "firm"].nunique())
    if starters < _FEWEST_STARTERS or never < _FEWEST_STARTERS:
        raise SampleError(
            f"{starters} firms begin to export while they are observed and {never} never do; {_FEWEST_STARTERS} of each are "
            "needed. Add years or firms."
        )
    counts = data[data["first"] > 0].groupby("since")["firm"].nunique()
    shown = {
        int(str(since))
        for since, firms in counts.items()
        if firms >= _FEWEST_AT_HORIZON and -_BEFORE <= int(str(since)) <= _AFTER
    }
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, estimate in _ESTIMATES.items():
            by_horizon = estimate(data)
            by_horizon = by_horizon[by_horizon["horizon"].isin(shown - {-1})].assign(estimator=name)
            found.append(by_horizon)
    table = pd.concat(found, ignore_index=True)
    reach = float(norm.ppf((1 + LEVEL) / 2))
    table["low"], table["high"] = table["value"] - reach * table["error"], table["value"] + reach * table["error"]  # fmt: skip
    before, after = {}, {}
    for name in ESTIMATORS:
        rows = table[table["estimator"] == name]
        before[name] = _mean(rows[rows["horizon"] < -1], reach)
        after[name] = _mean(rows[rows["horizon"] >= 0], reach)
    told = table[(table["estimator"] == TOLD) & (table["horizon"] < -1)]
    statistics = np.abs((told["value"] / told["error"]).to_numpy(float))
    # Bonferroni over the years before: estimates of neighbouring years go together.
    trend = float(min(1.0, 2 * norm.sf(statistics.max()) * len(statistics))) if len(statistics) else float("nan")  # fmt: skip
    columns = ["estimator", "horizon", "value", "error", "low", "high"]
    return Learning(
        outcome,
        label or outcome.replace("_", " "),
        table[columns],
        before,
        after,
        trend,
        starters,
        never,
        int(data["firm"].nunique()),
    )


def _events(panel: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """Firms that do not export in their first year: code, year, first year of exports (0: never) and outcome."""
    missing = [name for name in ("firm", "year", "exporting", outcome) if name not in panel]
    if missing:
        raise SampleError(f"The panel has no column {', '.join(missing)}.")
    table = panel[["firm", "year", "exporting", outcome]].drop_duplicates(["firm", "year"])
    table = table[table["exporting"].notna()]
    begun = table[table["exporting"] > 0].groupby("firm")["year"].min()
    there = table.groupby("firm")["year"].min()
    first = begun.reindex(there.index)
    # Who exports in the first year seen may have begun at any time before.
    kept = there.index[first.isna() | (first > there)]
    values = table[outcome].to_numpy(float, na_value=np.nan)
    table = table[table["firm"].isin(kept) & np.isfinite(values)]
    begins = first.reindex(table["firm"]).fillna(0).to_numpy(int)
    found = pd.DataFrame(
        {
            "firm": pd.factorize(table["firm"])[0],
            "year": table["year"].to_numpy(int),
            "first": begins,
            "y": table[outcome].to_numpy(float),
        }
    )
    # Firms seen once, or never before they began, say nothing beside their own effect.
    found = found[(found["first"] == 0) | (found["first"] > found.groupby("firm")["year"].transform("min"))]
    found = found[found.groupby("firm")["year"].transform("size") > 1].reset_index(drop=True)
    found["since"] = np.where(found["first"] > 0, found["year"] - found["first"], -1)
    found["firm"] = pd.factorize(found["firm"])[0]
    return found


def _mean(rows: pd.DataFrame, reach: float) -> tuple[float, float, float]:
    """Mean over horizons; its error as if they went fully together: no smaller than the truth's."""
    if rows.empty:
        return float("nan"), float("nan"), float("nan")
    value, error = float(rows["value"].mean()), float(rows["error"].mean())
    return value, value - reach * error, value + reach * error


# Estimators, each a table of horizon, value, error ------------------------------------------------


def _cohorts(data: pd.DataFrame) -> pd.DataFrame:
    import pyfixest

    fit = pyfixest.event_study(
        data, yname="y", idname="firm", tname="year", gname="first", att=False, estimator="saturated", cluster="firm"
    )  # fmt: skip
    found = fit.aggregate()
    return _tidy(found.index, found["Estimate"], found["Std. Error"])


def _two_stages(data: pd.DataFrame) -> pd.DataFrame:
    import pyfixest

    begun = (data["first"] > 0) & (data["since"] >= 0)
    # A firm's own effect is fitted before it begins: with one such year nothing is left to learn of the common years.
    ahead = (~begun).groupby(data["firm"]).transform("sum")
    marked = data.assign(treated=begun, since=data["since"].astype(float))[ahead > 1].reset_index(drop=True)
    # The first stage is fitted on firms not begun yet: leads are their own residuals, held against none.
    fit = pyfixest.did2s(
        marked, yname="y", first_stage="~ 0 | firm + year", second_stage="~ i(since, ref = -1.0)", treatment="treated", cluster="firm"
    )  # fmt: skip
    found = fit.tidy()
    return _tidy(found.index, found["Estimate"], found["Std. Error"])


def _local_projections(data: pd.DataFrame) -> pd.DataFrame:
    import pyfixest

    found = pyfixest.lpdid(
        data, yname="y", idname="firm", tname="year", gname="first", att=False, vcov={"CRV1": "firm"}
    ).tidy()  # fmt: skip
    return _tidy(found.index, found["Estimate"], found["Std. Error"])


def _two_way(data: pd.DataFrame) -> pd.DataFrame:
    import pyfixest

    marked = data.assign(since=data["since"].astype(float))
    found = pyfixest.feols("y ~ i(since, ref = -1.0) | firm + year", marked, vcov={"CRV1": "firm"}).tidy()
    return _tidy(found.index, found["Estimate"], found["Std. Error"])


def _tidy(labels: Sequence[object], values: pd.Series, errors: pd.Series) -> pd.DataFrame:
    """Horizons out of the labels of coefficients."""
    horizon = pd.Series([str(label) for label in labels]).str.extract(r"(-?\d+(?:\.\d+)?)\]?$")[0].astype(float)  # fmt: skip
    return pd.DataFrame(
        {
            "horizon": horizon.round().astype(int),
            "value": np.asarray(values, dtype=float),
            "error": np.asarray(errors, dtype=float),
        }
    )


_ESTIMATES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "cohorts": _cohorts,
    "two stages": _two_stages,
    "local projections": _local_projections,
    "two-way effects": _two_way,
}
