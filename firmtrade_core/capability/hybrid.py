"""The hybrid: what learning still finds, layered on structure, cross-fitted and shrunk (MODEL 15).

Structure forecasts each cell's entry index Φ⁻¹(p), mean of ln x and ln E[x]. Learners (`rivals`) see these beside the
attributes, one of them the attributes alone, and are fitted with folds of firms left out in turn. What they say of the
folds left out is mixed with structure,

    index = a + λ_0 index_S + Σ_l λ_l index_l,   λ >= 0

for entry (by log loss), ln x of sellers (by squares) and ln E[x] (by the Poisson deviance, whose a makes totals add
up): stacked regressions (Wolpert 1992; Breiman 1996). A mixture is taken only where it lowers the held-out loss by more than the standard error of what it gains over
firms; otherwise structure stays as it is. The difference from structure is a term of each firm in each market, found at
the firm's attributes as they are: it stays where it is when a policy moves them, so that differences between
counterfactuals are structure's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_ndtr, ndtr, ndtri

from firmtrade_core.capability.data import PRESENT, UNOBSERVED, CapabilityData
from firmtrade_core.capability.estimation import firm_folds
from firmtrade_core.capability.forecast import Forecast, StructuralForecaster
from firmtrade_core.capability.results import CapabilityResults
from firmtrade_core.capability.rivals import Econometrics, MachineLearning

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

#: Entry indices beyond which a chance counts as certain.
FARTHEST = 8.0

#: Standard errors of the gain over firms from which a mixture is taken.
LEAST_GAIN = 1.64

#: Largest weight of structure or a learner.
MOST_WEIGHT = 1.5

#: When the search for weights ends: indices are alike, losses small.
CONVERGED = {"maxiter": 1000, "maxfun": 5000, "ftol": 1e-14, "gtol": 1e-9}

#: Learners of the layer by name, and whether they see structure's forecasts.
LEARNERS: Mapping[str, tuple[Callable[..., Any], bool]] = {
    "lines": (Econometrics.fit, True),
    "boosting": (MachineLearning.fit, True),
    "econometrics": (Econometrics.fit, False),
}


def entry_index(forecast: Forecast) -> Array:
    """Φ⁻¹ of the chance of entry, (R, J)."""
    index: Array = np.clip(ndtri(np.clip(forecast.entry, 1e-15, 1 - 1e-15)), -FARTHEST, FARTHEST)
    return index


def _log_exports(forecast: Forecast) -> Array:
    made: Array = np.log(np.maximum(forecast.exports, 1e-300))
    return made


def told_cells(forecast: Forecast, cells: Array | None = None) -> Array:
    """What structure says of each cell, as columns for a learner, beside other columns (R, J, H): (R, J, 3 + H)."""
    own = np.stack([entry_index(forecast), forecast.log_sales, _log_exports(forecast)], -1)
    return own if cells is None else np.concatenate([own, cells], -1)


@dataclass(frozen=True, eq=False)
class Terms:
    """What the layer adds to structure by cell, each (R, J).

    Parameters
    ----------
    entry
        To the index Φ⁻¹(p): standard deviations of what moves entry.
    log_sales, log_exports
        To ln x of sellers and to ln E[x]: log points.
    """

    entry: Array
    log_sales: Array
    log_exports: Array

    def on(self, forecast: Forecast) -> Forecast:
        """A forecast of the same cells, at these or at other attributes, with the terms."""
        return Forecast(
            ndtr(entry_index(forecast) + self.entry),
            forecast.log_sales + self.log_sales,
            forecast.exports * np.exp(self.log_exports),
        )


@dataclass(frozen=True, eq=False)
class Mixture:
    """Weights of structure and of learners in one index, and its level a; 1, 0 and 0 where structure stays as it is.

    Parameters
    ----------
    weights : (1 + L,)
    level
    gain, error
        Held-out loss saved, in its own units, and the standard error of that over firms.
    """

    weights: Array
    level: float
    gain: float
    error: float

    def in_units(self, log_unit: float) -> Mixture:
        """The same of amounts in other units: weights need not add up to one."""
        return replace(self, level=self.level + (1 - float(self.weights.sum())) * log_unit)

    def term(self, base: Array, learned: list[Array]) -> Array:
        """What is added to the base index, of its shape."""
        total: Array = self.level + (self.weights[0] - 1) * base
        for weight, index in zip(self.weights[1:], learned, strict=True):
            if weight > 0:
                total = total + weight * index
        return total


@dataclass(frozen=True, eq=False)
class Layer:
    """Learners fitted on structure's forecasts and attributes, and how much of each counts.

    Parameters
    ----------
    learners
        By name, fitted on all rows used.
    entry, log_sales, log_exports
    """

    learners: Mapping[str, Any]
    entry: Mixture
    log_sales: Mixture
    log_exports: Mixture

    @classmethod
    def fit(
        cls,
        data: CapabilityData,
        base: Forecast,
        *,
        cells: Array | None = None,
        used: Mask | None = None,
        weighed: Mask | None = None,
        group: Integers | None = None,
        folds: int = 4,
        seed: int = 0,
    ) -> Layer:
        """Fit learners with folds of firms left out in turn, and mix.

        Parameters
        ----------
        data
        base
            Structure's forecast of the data's rows, made without their own outcomes.
        cells : (R, J, H), optional
            What is known of the firm elsewhere or before.
        used, weighed : (R,), optional
            Rows to fit learners on, and rows on which mixtures are chosen; all unless given.
        group : (R,), optional
            Group whose market effects held-out rows are forecast with, such as the year before's; their own unless given.
        folds, seed
        """
        more = told_cells(base, cells)
        rows = np.ones(len(data.firm), dtype=bool) if used is None else used
        weighed = rows if weighed is None else weighed
        fold = firm_folds(data, folds, seed)
        unseen = {name: _blank(data.presence.shape) for name in LEARNERS}
        at = data.group if group is None else group
        for number in range(folds):
            out = fold == number
            for name, (fit, sees) in LEARNERS.items():
                seen_by = more if sees else cells
                some = None if seen_by is None else seen_by[out]
                made = fit(data, cells=seen_by, used=rows & ~out).forecast(
                    data.attributes[out], at[out], some
                )
                for what in ("entry", "log_sales", "exports"):
                    getattr(unseen[name], what)[out] = getattr(made, what)
        learners = {
            name: fit(data, cells=more if sees else cells, used=rows)
            for name, (fit, sees) in LEARNERS.items()
        }
        present = (data.presence == PRESENT) & weighed[:, None]
        seen = (data.presence != UNOBSERVED) & weighed[:, None]
        firm = np.broadcast_to(data.firm[:, None], seen.shape)
        weight = np.broadcast_to(data.row_weights[:, None], seen.shape)
        entered = (data.presence == PRESENT).astype(float)
        value = np.where(present, np.exp(data.log_sales), 0.0)
        unit = max(float(np.average(value[seen], weights=weight[seen])), 1e-300)

        def mixed(what: Callable[[Forecast], Array], outcome: Array, mask: Mask, loss: _Loss) -> Mixture:
            indices = np.stack([what(f)[mask] for f in (base, *unseen.values())], -1)
            return _mixture(indices, outcome[mask], weight[mask], firm[mask], loss)

        entry = mixed(entry_index, entered, seen, _log_loss)
        sales = mixed(lambda f: f.log_sales, data.log_sales, present, _squares)
        exports = mixed(lambda f: _log_exports(f) - np.log(unit), value / unit, seen, _poisson)
        return cls(learners, entry, sales, exports.in_units(np.log(unit)))

    def terms(self, base: Forecast, attributes: Array, group: Integers, cells: Array | None = None) -> Terms:
        """Terms of rows, at their attributes as they are and structure's forecast there.

        Parameters
        ----------
        base
        attributes : (R, K)
        group : (R,)
        cells : (R, J, H), optional
            As fitted.
        """
        more = told_cells(base, cells)
        made = [
            model.forecast(attributes, group, more if LEARNERS[name][1] else cells)
            for name, model in self.learners.items()
        ]
        return Terms(
            self.entry.term(entry_index(base), [entry_index(f) for f in made]),
            self.log_sales.term(base.log_sales, [f.log_sales for f in made]),
            self.log_exports.term(_log_exports(base), [_log_exports(f) for f in made]),
        )


@dataclass(frozen=True, eq=False)
class HybridForecaster:
    """Structure with its layer, for firms never seen."""

    structure: StructuralForecaster
    layer: Layer

    @classmethod
    def fit(cls, results: CapabilityResults, *, seed: int = 0) -> HybridForecaster:
        """Learn the layer from an estimate's own firms, as its cross-fitted m and g forecast them."""
        structure = StructuralForecaster(results)
        return cls(structure, Layer.fit(results.data, structure.of_sample(), seed=seed))

    def forecast(self, attributes: Array, group: Integers) -> Forecast:
        """See `Forecaster`."""
        base = self.structure.forecast(attributes, group)
        return self.layer.terms(base, attributes, group).on(base)

    def after(self, attributes: Array, moved: Array, group: Integers) -> Forecast:
        """Forecast of firms whose attributes a policy moves: what the layer adds stays as it was before.

        Parameters
        ----------
        attributes, moved : (R, K)
            As they are, and as they become.
        group : (R,)
        """
        base = self.structure.forecast(attributes, group)
        terms = self.layer.terms(base, attributes, group)
        return terms.on(self.structure.forecast(moved, group))


#: Loss by cell and its derivative in the index, from index and outcome.
_Loss = Callable[[Array, Array], tuple[Array, Array]]


def _log_loss(index: Array, outcome: Array) -> tuple[Array, Array]:
    sign = 2 * outcome - 1
    log_each = log_ndtr(sign * index)
    return -log_each, -sign * np.exp(-0.5 * index**2 - log_each) / np.sqrt(2 * np.pi)


def _squares(index: Array, outcome: Array) -> tuple[Array, Array]:
    return (outcome - index) ** 2, 2 * (index - outcome)


def _poisson(index: Array, outcome: Array) -> tuple[Array, Array]:
    mean = np.exp(np.clip(index, -40, 40))
    return mean - outcome * index, mean - outcome


def _mixture(indices: Array, outcome: Array, weight: Array, firm: Integers, loss: _Loss) -> Mixture:
    """Weights and level of least loss; structure alone where the gain is within its error."""
    weight = weight / weight.sum()
    alone = np.eye(1, indices.shape[1] + 1)[0]

    def value(theta: Array) -> tuple[float, Array]:
        each, slope = loss(indices @ theta[:-1] + theta[-1], outcome)
        pulled = weight * slope
        return float(weight @ each), np.append(indices.T @ pulled, pulled.sum())

    bounds = [(0, MOST_WEIGHT)] * indices.shape[1] + [(None, None)]
    found = minimize(value, alone, jac=True, method="L-BFGS-B", bounds=bounds, options=CONVERGED)
    theta = np.asarray(found.x)
    saved = loss(indices[:, 0], outcome)[0] - loss(indices @ theta[:-1] + theta[-1], outcome)[0]
    by_firm = np.bincount(firm, weight * saved)
    gain = float(by_firm.sum())
    error = float(np.sqrt(((by_firm - by_firm.mean()) ** 2).sum()))
    if not gain > LEAST_GAIN * error:
        theta = alone
    return Mixture(theta[:-1], float(theta[-1]), gain, error)


def _blank(shape: tuple[int, ...]) -> Forecast:
    return Forecast(*(np.zeros(shape) for _ in range(3)))
