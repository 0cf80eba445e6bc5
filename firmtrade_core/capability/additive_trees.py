"""Bayesian additive trees of entry and sales: the literature's learner on who exports (Micocci, Rungi 2023).

A probit forest of presence and a Gaussian forest of ln x (Chipman, George and McCulloch 2010; warm starts as He and Hahn
2023), on attributes and market features. A missing value is information: it stands below all that are known, so that one
split sets it apart.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.capability.data import CapabilityData
from firmtrade_core.capability.forecast import Forecast
from firmtrade_core.capability.rivals import cell_sample, cell_table, market_features

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Trees, steps from which the chain starts, and draws kept.
TREES, WARM, KEPT = 100, 10, 60

#: Standard deviations below the least known value at which a missing one stands.
BELOW = 3.0


@dataclass(frozen=True, eq=False)
class AdditiveTrees:
    """Forests of entry and log sales; exports are the chance times sales, out of logs by Duan's smearing (1983)."""

    features: Array
    missing: Array
    entry: Any
    sales: Any
    smearing: float

    @classmethod
    def fit(
        cls,
        data: CapabilityData,
        seed: int = 0,
        *,
        cells: Array | None = None,
        used: NDArray[np.bool_] | None = None,
    ) -> AdditiveTrees:
        """Fit on all cells.

        Parameters
        ----------
        data, seed
        cells : (R, J, H), optional
            What is known of the firm elsewhere or before.
        used : (R,), optional
            Rows to fit on; all unless given.
        """
        features = market_features(data)
        sample = cell_sample(data, features, cells, used)
        finite = np.where(np.isfinite(sample.table), sample.table, np.nan)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            missing = np.nan_to_num(np.nanmin(finite, 0) - BELOW * np.nanstd(finite, 0))
        table = _told(sample.table, missing)
        entry = _forest(table, sample.sold.astype(float), sample.weights, seed, binary=True)
        sold, logs, weights = table[sample.sold], sample.logs[sample.sold], sample.weights[sample.sold]
        sales = _forest(sold, logs, weights, seed, binary=False)
        smearing = np.average(np.exp(logs - _mean(sales, sold)), weights=weights)
        return cls(features, missing, entry, sales, float(smearing))

    def forecast(self, attributes: Array, group: Integers, cells: Array | None = None) -> Forecast:
        """See `Forecaster`; ``cells`` (R, J, H) as fitted."""
        markets = self.features[group]
        table = _told(cell_table(attributes, markets, cells), self.missing)
        shape = markets.shape[:2]
        chance = _mean(self.entry, table, scale="probability").reshape(shape)
        log_sales = _mean(self.sales, table).reshape(shape)
        return Forecast(chance, log_sales, chance * np.exp(log_sales) * self.smearing)


def _told(table: Array, missing: Array) -> Array:
    known: Array = np.where(np.isfinite(table), table, missing)
    return known


def _forest(table: Array, outcome: Array, weights: Array, seed: int, *, binary: bool) -> Any:
    from stochtree import BARTModel, OutcomeModel

    model = OutcomeModel(outcome="binary", link="probit") if binary else OutcomeModel()
    general = {"random_seed": seed + 1, "outcome_model": model, "num_threads": 1}
    # The error variance of a probit is 1; there is nothing to draw.
    general |= {"sample_sigma2_global": not binary}
    forest = BARTModel()
    forest.sample(
        X_train=table, y_train=outcome, observation_weights=weights, num_gfr=WARM, num_mcmc=KEPT,
        general_params=general, mean_forest_params={"num_trees": TREES},
    )  # fmt: skip
    return forest


def _mean(forest: Any, table: Array, scale: str = "linear") -> Array:
    return np.asarray(forest.predict(table, type="mean", terms="y_hat", scale=scale), dtype=float)
