"""Rivals of structural boosting: pure econometrics and pure machine learning (MODEL 6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr

from firmtrade_core.capability.data import PRESENT, UNOBSERVED, CapabilityData
from firmtrade_core.capability.forecast import Forecast

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

#: What a model's mean, weight and score need: index to (score, information) per cell.
Terms = Callable[[Array, Array], tuple[Array, Array]]


@dataclass(frozen=True, eq=False)
class Regression:
    """Slopes (K',) common to all markets and an effect by group and market (G, J)."""

    slopes: Array
    effects: Array

    def index(self, columns: Array, group: Integers) -> Array:
        """(R, J)."""
        total: Array = (columns @ self.slopes)[:, None] + self.effects[group]
        return total


def fit_with_effects(
    columns: Array, group: Integers, outcome: Array, used: Array, terms: Terms, start: Array, steps: int = 40
) -> Regression:
    """Newton's method for a model with one index and market effects, whose information is an arrow.

    Parameters
    ----------
    columns : (R, K')
    outcome, used : (R, J)
        ``used`` weighs cells; zero leaves them out.
    terms
        First derivative and minus the second of the log likelihood in the index.
    start : (G, J)
        First effects.
    """
    fit = Regression(np.zeros(columns.shape[1]), start)
    shape = start.shape
    ridge = 1e-6 * len(columns) * np.eye(columns.shape[1])
    for _ in range(steps):
        score, weight = (used * part for part in terms(outcome, fit.index(columns, group)))
        score, weight = np.where(used > 0, score, 0.0), np.where(used > 0, weight, 0.0)
        total, mass = np.zeros(shape), np.zeros(shape)
        np.add.at(total, group, score)
        np.add.at(mass, group, weight)
        mass = np.where(mass > 1e-12, mass, np.inf)
        cross = np.zeros((*shape, columns.shape[1]))
        for k in range(columns.shape[1]):
            np.add.at(cross[..., k], group, weight * columns[:, [k]])
        curvature = (columns * weight.sum(1)[:, None]).T @ columns + ridge
        flat = cross.reshape(-1, columns.shape[1])
        curvature -= flat.T @ (flat / mass.ravel()[:, None])
        gradient = columns.T @ score.sum(1) - ridge @ fit.slopes - flat.T @ (total / mass).ravel()
        slopes = np.linalg.solve(curvature, gradient)
        effects = (total - cross @ slopes) / mass
        length = min(1.0, 3.0 / max(np.abs(slopes).max(), np.abs(effects).max(), 1e-12))
        fit = Regression(fit.slopes + length * slopes, fit.effects + length * effects)
        if length == 1 and max(np.abs(slopes).max(), np.abs(effects).max()) < 1e-7:
            break
    return fit


def _probit(outcome: Array, index: Array) -> tuple[Array, Array]:
    sign = 2 * outcome - 1
    x = np.clip(sign * index, -30, 30)
    mills = np.exp(-0.5 * x**2 - log_ndtr(x)) / np.sqrt(2 * np.pi)
    return sign * mills, np.maximum(mills * (x + mills), 1e-10)


def _linear(outcome: Array, index: Array) -> tuple[Array, Array]:
    return outcome - index, np.ones_like(index)


def _poisson(outcome: Array, index: Array) -> tuple[Array, Array]:
    mean = np.exp(np.clip(index, -40, 40))
    return outcome - mean, np.maximum(mean, 1e-12)


@dataclass(frozen=True, eq=False)
class Econometrics:
    """Probit entry, sales with the probit's selection term (HMR08), PPML exports (SST06); all linear in attributes."""

    centre: Array
    scale: Array
    entry: Regression
    sales: Regression
    selection: float
    exports: Regression

    @classmethod
    def fit(cls, data: CapabilityData) -> Econometrics:
        """Fit with market effects on all firms of the data."""
        centre, scale = np.nanmean(data.attributes, 0), np.nanstd(data.attributes, 0)
        scale = np.where(scale > 0, scale, 1.0)
        columns = _filled(data.attributes, centre, scale)
        present, seen = (data.presence == PRESENT).astype(float), (data.presence != UNOBSERVED).astype(float)
        weights = data.row_weights[:, None] / data.row_weights.mean()
        zeros = np.zeros((len(data.group_names), len(data.markets)))
        entry = fit_with_effects(columns, data.group, present, seen * weights, _probit, zeros)
        mills = _mills(entry.index(columns, data.group))
        # The selection term varies by cell: partial it out of sales and attributes by alternating projections.
        selection, sales = (
            0.0,
            fit_with_effects(columns, data.group, data.log_sales, present * weights, _linear, zeros),
        )
        term = fit_with_effects(columns, data.group, mills, present * weights, _linear, zeros)
        rest = (mills - term.index(columns, data.group)) * present * weights
        selection = float(
            (rest * (data.log_sales - sales.index(columns, data.group))).sum()
            / max((rest * mills).sum(), 1e-9)
        )
        sales = Regression(sales.slopes - selection * term.slopes, sales.effects - selection * term.effects)
        value = np.where(present > 0, np.exp(data.log_sales), 0.0)
        total, firms = zeros.copy(), zeros.copy()
        np.add.at(total, data.group, value * weights)
        np.add.at(firms, data.group, seen * weights)
        level = np.log(np.maximum(total, 1e-12) / np.maximum(firms, 1e-12))
        exports = fit_with_effects(columns, data.group, value, seen * weights, _poisson, level)
        return cls(centre, scale, entry, sales, selection, exports)

    def forecast(self, attributes: Array, group: Integers) -> Forecast:
        """See `Forecaster`."""
        columns = _filled(attributes, self.centre, self.scale)
        index = self.entry.index(columns, group)
        log_sales = self.sales.index(columns, group) + self.selection * _mills(index)
        return Forecast(ndtr(index), log_sales, np.exp(np.clip(self.exports.index(columns, group), -40, 40)))


def _mills(index: Array) -> Array:
    mills: Array = np.exp(-0.5 * index**2 - log_ndtr(index)) / np.sqrt(2 * np.pi)
    return mills


def _filled(attributes: Array, centre: Array, scale: Array) -> Array:
    missing = ~np.isfinite(attributes)
    standard = np.where(missing, 0.0, (attributes - centre) / scale)
    gaps = missing.any(0)
    return np.hstack([np.clip(standard, -8, 8), missing[:, gaps]]) if gaps.any() else np.clip(standard, -8, 8)


@dataclass(frozen=True, eq=False)
class MachineLearning:
    """Boosting of entry and of log sales on attributes and market features; no structure.

    Exports are the chance of entry times sales, taken out of logs by the mean of ``exp(residual)`` over sellers
    (Duan 1983). A boosted Poisson regression of sales with zeros did far worse: its tails are too heavy.
    """

    features: Array
    entry: Any
    sales: Any
    smearing: float

    @classmethod
    def fit(cls, data: CapabilityData, seed: int = 0) -> MachineLearning:
        """Fit on all cells; a market's features are its share of firms present, mean log sales and mean exports."""
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        present, seen = data.presence == PRESENT, data.presence != UNOBSERVED
        value = np.where(present, np.exp(data.log_sales), 0.0)
        shape = (len(data.group_names), len(data.markets))
        sums = [np.zeros(shape) for _ in range(4)]
        for total, part in zip(sums, (seen, present, data.log_sales, value), strict=True):
            np.add.at(total, data.group, part)
        firms, sellers, logs, values = sums
        features = np.stack(
            [
                sellers / np.maximum(firms, 1),
                logs / np.maximum(sellers, 1),
                np.log1p(values / np.maximum(firms, 1)),
            ],
            -1,
        )
        table = _cells(data.attributes, features[data.group])
        used, sold = seen.ravel(), present.ravel()
        options = {"max_iter": 200, "learning_rate": 0.08, "max_leaf_nodes": 15, "early_stopping": True,
                   "n_iter_no_change": 10, "max_bins": 64, "random_state": seed}  # fmt: skip
        entry = HistGradientBoostingClassifier(**options).fit(table[used], sold[used])
        sales = HistGradientBoostingRegressor(**options).fit(table[sold], data.log_sales.ravel()[sold])
        residual = data.log_sales.ravel()[sold] - sales.predict(table[sold])
        return cls(features, entry, sales, float(np.exp(residual).mean()))

    def forecast(self, attributes: Array, group: Integers) -> Forecast:
        """See `Forecaster`."""
        table = _cells(attributes, self.features[group])
        shape = (len(attributes), self.features.shape[1])
        chance = self.entry.predict_proba(table)[:, 1].reshape(shape)
        log_sales = self.sales.predict(table).reshape(shape)
        return Forecast(chance, log_sales, chance * np.exp(log_sales) * self.smearing)


def _cells(attributes: Array, features: Array) -> Array:
    rows, markets, _ = features.shape
    return np.hstack([np.repeat(attributes, markets, axis=0), features.reshape(rows * markets, -1)])
