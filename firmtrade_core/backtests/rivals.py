"""What the model is held against: econometrics and machine learning, from changes that were over before the forecast.

Econometrics: the elasticity of imports to tariffs at the horizon, by local projections, times the pair's tariff change.
Machine learning: ridge and boosted trees that learn a pair's growth relative to its importer's from its tariff change, sizes,
and last year's growth, whatever made it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.backtests.panels import LEAST, TradePanel
from firmtrade_core.codes.countries import REST_OF_WORLD
from firmtrade_core.gravity.local_projections import Projections

Array = NDArray[np.float64]

#: Trade of a sector below which a cell says little, million US dollars in the year before.
LEAST_CELL = 1.0

#: What the learners see of a pair; without the last three where last year is unknown.
FEATURES = (
    "tariff change",
    "tariff",
    "log imports",
    "share of importer",
    "share of exporter",
    "last growth",
    "importer's last growth",
    "exporter's last growth",
)
WITHOUT_LAST = FEATURES[:5]

SEED = 0


def elasticity_known(flows: Projections, horizon: int, up_to: int) -> float | None:
    """The elasticity of imports before tariffs that a forecaster of year ``up_to`` could estimate; None where none."""
    found = flows.at(horizon, up_to=up_to)
    return None if found is None else found["estimate"]


def by_elasticity(
    panel: TradePanel, table: pd.DataFrame, since: int, until: int, elasticity: float
) -> pd.DataFrame:
    """Predictions of the table's pairs by an elasticity of imports before tariffs (negative) alone.

    Parameters
    ----------
    panel, table
        Pairs of the table are predicted.
    since, until
        Years.
    elasticity
        Negative, of imports before tariffs.
    """
    change = elasticity * np.nan_to_num(panel.tariff_change(since, until))
    value = panel.imports(since)
    common = np.log((value * np.exp(change)).sum(0) / value.sum(0))
    i, j = table["i"].to_numpy(), table["j"].to_numpy()
    return table.assign(predicted=change[i, j], predicted_common=common[j])


def features(panel: TradePanel, since: int, until: int) -> pd.DataFrame:
    """`FEATURES` of all pairs that trade enough in ``since``, with ``i``, ``j`` and, as ``growth``, what is learned."""
    value, later = panel.imports(since), panel.imports(until)
    change = np.nan_to_num(panel.tariff_change(since, until))
    level = np.nan_to_num(_level(panel, since))
    total = value.sum(0)
    mean = (value * change).sum(0) / total
    by_name = np.array([code != REST_OF_WORLD for code in panel.countries])
    i, j = np.nonzero((value >= LEAST) & by_name[:, None] & by_name[None])
    found = pd.DataFrame(
        {
            "i": i,
            "j": j,
            "tariff change": (change - mean)[i, j],
            "tariff": level[i, j],
            "log imports": np.log(value[i, j]),
            "share of importer": np.log(value[i, j] / total[j]),
            "share of exporter": np.log(value[i, j] / value.sum(1)[i]),
        }
    )
    if since - 1 in panel.years:
        before = panel.imports(since - 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            pair = np.log(value / before) - np.log(total / before.sum(0))
        found["last growth"] = np.nan_to_num(pair[i, j], posinf=0.0, neginf=0.0)
        found["importer's last growth"] = np.log(total / before.sum(0))[j]
        found["exporter's last growth"] = np.log(value.sum(1) / before.sum(1))[i]
    with np.errstate(divide="ignore"):
        growth = np.log(later[i, j] / value[i, j]) - np.log(later.sum(0) / total)[j]
    return found.assign(growth=growth)


def _level(panel: TradePanel, year: int) -> Array:
    value = panel.trade[panel.at(year)]
    logs = np.log1p(panel.tariff[panel.at(year)])
    total = value.sum(2)
    return np.divide((value * logs).sum(2), total, out=np.full(total.shape, np.nan), where=total > 0)


@dataclass(eq=False)
class Learners:
    """Ridge and boosted trees trained on pairs' growth over a horizon."""

    names: tuple[str, ...]
    ridge: object
    boosting: object

    @classmethod
    def trained(
        cls, panel: TradePanel, horizon: int, up_to: int, names: tuple[str, ...] = FEATURES
    ) -> Learners | None:
        """Trained on all changes over by ``up_to``; None where there are none."""
        from sklearn.ensemble import HistGradientBoostingRegressor
        from sklearn.linear_model import Ridge
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        first = 1 if names == FEATURES else 0
        bases = [y for y in panel.years[first:] if y + horizon <= up_to and y + horizon in panel.years]
        if not bases:
            return None
        seen = pd.concat([features(panel, y, y + horizon) for y in bases], ignore_index=True)
        seen = seen[np.isfinite(seen["growth"])]
        x, y = seen[list(names)].to_numpy(), seen["growth"].to_numpy()
        ridge = make_pipeline(StandardScaler(), Ridge(alpha=10.0)).fit(x, y)
        boosting = HistGradientBoostingRegressor(
            max_iter=120, learning_rate=0.05, max_leaf_nodes=15, min_samples_leaf=60, random_state=SEED
        ).fit(x, y)
        return cls(names, ridge, boosting)

    def predict(self, which: str, given: pd.DataFrame) -> Array:
        """Growth relative to the importer's, by rows of `features`."""
        found: Array = getattr(self, which).predict(given[list(self.names)].to_numpy())
        return found


def by_learning(
    panel: TradePanel, table: pd.DataFrame, since: int, until: int, learners: Learners, which: str
) -> pd.DataFrame:
    """Predictions of the table's pairs by a learner; what all an importer's partners share is not predicted.

    Parameters
    ----------
    panel, table
        Pairs of the table are predicted.
    since, until
        Years.
    learners
        Fitted on earlier years alone.
    which
        One of them, by name.
    """
    given = features(panel, since, until)
    growth = pd.Series(
        learners.predict(which, given), index=pd.MultiIndex.from_arrays([given["i"], given["j"]])
    )
    wanted = pd.MultiIndex.from_arrays([table["i"], table["j"]])
    return table.assign(predicted=growth.reindex(wanted).to_numpy(), predicted_common=0.0)
