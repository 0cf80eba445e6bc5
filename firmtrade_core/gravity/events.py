"""Trade before and after a policy: which policies a panel can tell it of, over which window, and what came out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from firmtrade_core.gravity.errors import RegressorError
from firmtrade_core.gravity.estimate import event_study
from firmtrade_core.gravity.estimated import GravityEstimate, HypothesisTest
from firmtrade_core.gravity.panel import KEYS, GravityPanel
from firmtrade_core.gravity.specification import GravitySpecification
from firmtrade_core.gravity.variables import variable

#: Years of the sample, at least, that must have all leads and lags: fewer leave nothing to compare a pair with itself.
FEWEST_YEARS = 2


@dataclass(frozen=True)
class Window:
    """How far an event study looks.

    Parameters
    ----------
    step
        Years between two horizons: the interval of the sample.
    leads, lags
        Horizons before and after the policy.
    """

    step: int
    leads: int
    lags: int


@dataclass(frozen=True, eq=False)
class EventStudy:
    """Trade before and after a policy.

    Parameters
    ----------
    policy
    window
    table
        As `GravityEstimate.event_study` gives it.
    anticipation
        That trade does not move before the policy: all leads zero; None where no lead has a coefficient.
    estimate
    """

    policy: str
    window: Window
    table: pd.DataFrame
    anticipation: HypothesisTest | None
    estimate: GravityEstimate

    @property
    def in_all(self) -> tuple[int, float, float, float]:
        """Years after the policy, and the effect on log trade by then with its interval."""
        last = self.table.iloc[-1]
        return (
            int(last["horizon"]),
            float(last["cumulated"]),
            float(last["cumulated_low"]),
            float(last["cumulated_high"]),
        )


def switched_policies(panel: GravityPanel) -> tuple[str, ...]:
    """Columns that are 0 or 1 and switch within some pair and sector over the years, in the table's order."""
    if len(panel.years) < 2:
        return ()
    cell = panel.code("pair", "sector")
    found = []
    for name in panel.table.select_dtypes(["number", "bool"]).columns:
        if name in (*KEYS, "trade", "tariff"):
            continue
        values = panel.table[name].to_numpy(dtype=np.float64, na_value=np.nan)
        known = np.isfinite(values)
        if not known.any() or not np.isin(values[known], (0.0, 1.0)).all():
            continue
        ones = np.bincount(cell[known], weights=values[known])
        if ((ones > 0) & (ones < np.bincount(cell[known]))).any():
            found.append(str(name))
    return tuple(found)


def sample_step(panel: GravityPanel, specification: GravitySpecification) -> int:
    """Years from one of the sample to the next, the most frequent one.

    Raises
    ------
    RegressorError
        If the sample has one year.
    """
    years = np.unique(panel.years if specification.years is None else specification.years)
    if len(years) < 2:
        raise RegressorError(
            f"The sample has the one year {years[0]}: before and after needs several. Take a smaller interval, or a longer panel."
        )
    gaps = Counter(np.diff(years).tolist())
    return int(min(gaps, key=lambda gap: (-gaps[gap], gap)))


def years_in_sight(panel: GravityPanel, specification: GravitySpecification, window: Window) -> int:
    """Years of the sample whose leads and lags all lie in the panel."""
    known = set(panel.years)
    shifts = [window.step * h for h in range(-window.lags, window.leads + 1)]
    years = panel.years if specification.years is None else specification.years
    return sum(all(year + shift in known for shift in shifts) for year in years)


def widest_window(panel: GravityPanel, specification: GravitySpecification) -> Window:
    """The widest of the usual windows that leaves enough years, at most two horizons before and three after.

    Raises
    ------
    RegressorError
        If the panel is too short for one horizon before and none after.
    """
    step = sample_step(panel, specification)
    for leads, lags, enough in ((2, 3, 3), (2, 2, 3), (1, 2, 3), (1, 1, FEWEST_YEARS), (1, 0, FEWEST_YEARS)):
        window = Window(step, leads, lags)
        if years_in_sight(panel, specification, window) >= enough:
            return window
    raise RegressorError(
        f"The panel's {len(panel.years)} years, {panel.years[0]} to {panel.years[-1]} in steps of {step}, are too few to look "
        f"one step ahead and keep {FEWEST_YEARS} years to compare. Take a smaller interval, or a longer panel."
    )


def study_policy(
    panel: GravityPanel, policy: str, window: Window, specification: GravitySpecification
) -> EventStudy:
    """Trade before and after a policy, each pair compared with itself (Baier and Bergstrand 2007).

    Parameters
    ----------
    panel
    policy
        One of `switched_policies`.
    window
    specification
        Its estimator, clusters and sample hold; pair effects are added, and regressors that never change within a
        pair, which those take up, are left out.

    Raises
    ------
    RegressorError
    GravityError
        One of its subclasses: the window is too wide for the panel, or nothing switches within it.
    """
    left = years_in_sight(panel, specification, window)
    if left < FEWEST_YEARS:
        raise RegressorError(
            f"Of the sample's years {left} have {window.leads} steps of {window.step} years before them and {window.lags} after "
            f"them in the panel; at least {FEWEST_YEARS} are needed. Look less far."
        )
    effects = tuple(dict.fromkeys([*specification.effects, "pair"]))
    kept = tuple(r for r in specification.regressors if r != policy and _changes_within_pairs(panel, r))
    found = event_study(
        panel,
        policy,
        leads=[window.step * h for h in range(1, window.leads + 1)],
        lags=[window.step * h for h in range(1, window.lags + 1)],
        # The equation needs a regressor of its own to be valid; the policy itself is always one.
        specification=specification.with_(effects=effects, regressors=(*kept, policy)),
    )
    table = found.event_study(policy)
    if not (table["horizon"] >= 0).any():
        raise RegressorError(
            f"{policy} and its lags have no coefficient: in the years left, the effects explain them all. Look less far."
        )
    anticipation = found.lead_test(policy) if (table["horizon"] < 0).any() else None
    return EventStudy(policy, window, table, anticipation, found)


def _changes_within_pairs(panel: GravityPanel, name: str) -> bool:
    values, cell = variable(panel, name), panel.code("pair", "sector")
    known = np.isfinite(values)
    spread = pd.Series(values[known]).groupby(cell[known]).agg(np.ptp)
    return bool((spread > 1e-12).any())
