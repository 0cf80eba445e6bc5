"""How predictions are held against what happened: log changes, by pair of importer and partner.

A table of predictions has one row per pair: ``importer``, ``partner``, ``since``, ``until`` (of the trade compared),
``weight`` (imports before), ``actual`` (log change of imports), ``common`` (log change of all the importer's imports
together) and, for each method, ``predicted`` and ``predicted_common`` (the same of the prediction).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.backtests.errors import BacktestError

Array = NDArray[np.float64]

#: What a table of predictions holds.
COLUMNS = (
    "importer",
    "partner",
    "since",
    "until",
    "weight",
    "actual",
    "common",
    "predicted",
    "predicted_common",
)

#: Episodes of a partner from which on its record is spoken of.
ENOUGH = 3

#: Verdicts on a partner.
SKILL, NO_SKILL, TOO_FEW = "skill", "no skill", "too few"


@dataclass(frozen=True)
class Score:
    """How good one method's predictions are.

    Parameters
    ----------
    predictions
        Pairs scored.
    correlation, slope
        Of actual on predicted log changes, weighted by imports before. A slope of one is the right size, below one
        means that the prediction moves too much.
    error
        Root of the weighted mean squared difference of actual and predicted, log points.
    no_change
        The same of the prediction that nothing changes.
    relative_error
        The same of changes relative to the importer's imports from all partners together: what a trade model speaks of.
    equal_growth
        The same of the prediction that every partner grows like them (known afterwards, so hard to beat).
    """

    predictions: int
    correlation: float
    slope: float
    error: float
    no_change: float
    relative_error: float
    equal_growth: float

    @property
    def skill(self) -> float:
        """One less the squared relative error over that of equal growth: 1 is perfect, 0 no better, below 0 worse."""
        return 1 - (self.relative_error / self.equal_growth) ** 2 if self.equal_growth > 0 else float("nan")

    def to_dict(self) -> dict[str, float | int]:
        """Plain numbers, with the skill."""
        return {
            "predictions": self.predictions,
            "correlation": self.correlation,
            "slope": self.slope,
            "error": self.error,
            "no_change": self.no_change,
            "relative_error": self.relative_error,
            "equal_growth": self.equal_growth,
            "skill": self.skill,
        }


def score(table: pd.DataFrame) -> Score:
    """The score of a table of predictions (module's words for its columns).

    Raises
    ------
    BacktestError
        If fewer than three pairs can be scored, or a column is missing.
    """
    _require(table)
    known = table[np.isfinite(table["actual"]) & np.isfinite(table["predicted"]) & (table["weight"] > 0)]
    if len(known) < 3:
        raise BacktestError(f"{len(known)} pairs can be scored; a score needs three.")
    weight, actual, predicted = (known[c].to_numpy(float) for c in ("weight", "actual", "predicted"))
    da, dp = actual - _mean(actual, weight), predicted - _mean(predicted, weight)
    spread_a, spread_p = _mean(da**2, weight), _mean(dp**2, weight)
    both = _mean(da * dp, weight)
    told = spread_p > 1e-18
    relative = actual - known["common"].to_numpy(float)
    expected = predicted - known["predicted_common"].to_numpy(float)
    return Score(
        predictions=len(known),
        correlation=float(both / np.sqrt(spread_a * spread_p)) if told and spread_a > 0 else float("nan"),
        slope=both / spread_p if told else float("nan"),
        error=_root(actual - predicted, weight),
        no_change=_root(actual, weight),
        relative_error=_root(relative - expected, weight),
        equal_growth=_root(relative, weight),
    )


def influence(table: pd.DataFrame, without: Mapping[str, Iterable[str]] | None = None) -> pd.DataFrame:
    """The score with partners left out: each alone, and groups of them.

    Parameters
    ----------
    table
    without
        Groups of partners by name, left out together; a partner that is a group by itself is not listed again.

    Returns
    -------
    DataFrame
        Columns ``without``, and those of `Score.to_dict`, with ``moved``: by how much the correlation differs from that
        with everybody; the groups first in their order, then single partners, those that matter most first.
    """
    everybody = score(table)
    groups = [(name, set(codes)) for name, codes in (without or {}).items()]
    said = [codes for _, codes in groups]
    single = [(str(code), {code}) for code in dict.fromkeys(table["partner"]) if {code} not in said]
    rows = []
    for name, codes in [*groups, *single]:
        left = score(table[~table["partner"].isin(codes)])
        rows.append({"without": name} | left.to_dict() | {"moved": left.correlation - everybody.correlation})
    found = pd.DataFrame(rows)
    alone = found.iloc[len(groups) :]
    order = alone["moved"].abs().sort_values(ascending=False, kind="stable").index
    return pd.concat([found.iloc[: len(groups)], alone.loc[order]], ignore_index=True)


def misses(table: pd.DataFrame, most: int = 10) -> pd.DataFrame:
    """The pairs that make the squared error of relative changes, largest first.

    Returns
    -------
    DataFrame
        The table's columns with ``missed`` (actual less predicted, relative to the importer's common change) and
        ``share`` (of the weighted squared error of all).
    """
    _require(table)
    known = table[np.isfinite(table["actual"]) & np.isfinite(table["predicted"])].copy()
    known["missed"] = (known["actual"] - known["common"]) - (known["predicted"] - known["predicted_common"])
    part = known["weight"] * known["missed"] ** 2
    known["share"] = part / part.sum() if part.sum() > 0 else 0.0
    return known.sort_values("share", ascending=False, kind="stable").head(most).reset_index(drop=True)


def record_by_partner(table: pd.DataFrame) -> pd.DataFrame:
    """Each partner's own record, every episode counting the same.

    Returns
    -------
    DataFrame
        Columns ``partner``, ``predictions``, ``closer`` (share of them nearer to what happened than equal growth),
        ``right_sign`` (share whose relative change had the sign predicted), ``error`` and ``equal_growth`` (roots of mean
        squares of relative changes, log points), ``skill``, and ``verdict``: `SKILL`, `NO_SKILL`, or `TOO_FEW` below
        `ENOUGH` predictions.
    """
    _require(table)
    known = table[np.isfinite(table["actual"]) & np.isfinite(table["predicted"])]
    rows = []
    for partner, own in known.groupby("partner", sort=True):
        actual = (own["actual"] - own["common"]).to_numpy(float)
        predicted = (own["predicted"] - own["predicted_common"]).to_numpy(float)
        error, equal = float(np.sqrt(np.mean((actual - predicted) ** 2))), float(np.sqrt(np.mean(actual**2)))
        skill = 1 - (error / equal) ** 2 if equal > 0 else float("nan")
        verdict = TOO_FEW if len(own) < ENOUGH else SKILL if skill > 0 else NO_SKILL
        rows.append(
            {
                "partner": partner,
                "predictions": len(own),
                "closer": float(np.mean(np.abs(actual - predicted) < np.abs(actual))),
                "right_sign": float(np.mean(np.sign(actual) == np.sign(predicted))),
                "error": error,
                "equal_growth": equal,
                "skill": skill,
                "verdict": verdict,
            }
        )
    return pd.DataFrame(
        rows,
        columns=[
            "partner",
            "predictions",
            "closer",
            "right_sign",
            "error",
            "equal_growth",
            "skill",
            "verdict",
        ],
    )


def _require(table: pd.DataFrame) -> None:
    if missing := [c for c in COLUMNS if c not in table]:
        raise BacktestError(f"A table of predictions lacks {', '.join(missing)}.")


def _mean(values: Array, weight: Array) -> float:
    return float(np.average(values, weights=weight))


def _root(values: Array, weight: Array) -> float:
    return float(np.sqrt(_mean(values**2, weight)))
