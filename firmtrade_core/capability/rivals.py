"""Rivals of structural boosting: pure econometrics and pure machine learning (MODEL 6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr

from firmtrade_core.capability.data import PRESENT, UNOBSERVED, CapabilityData
from firmtrade_core.capability.estimation import firm_folds
from firmtrade_core.capability.forecast import Forecast

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

#: What a model's mean, weight and score need: index to (score, information) per cell.
Terms = Callable[[Array, Array], tuple[Array, Array]]


#: Folds of firms in which rivals' settings are chosen.
TUNING_FOLDS = 3

#: Leaves by tree that boosting chooses from, its learning rate, most trees, and trees between looks.
LEAVES, RATE, MOST_TREES, LOOK = (4, 8, 16), 0.08, 200, 10

#: Largest change of a cell's index in one step of Newton's method.
FARTHEST_STEP = 3.0


@dataclass(frozen=True, eq=False)
class Regression:
    """Slopes common to all markets, of rows (K',) and of cells (H,), and an effect by group and market (G, J)."""

    slopes: Array
    effects: Array
    cell_slopes: Array

    def index(self, columns: Array, group: Integers, cells: Array) -> Array:
        """(R, J)."""
        total: Array = (columns @ self.slopes)[:, None] + cells @ self.cell_slopes + self.effects[group]
        return total

    def less(self, times: float, other: Regression) -> Regression:
        """Difference from a multiple of another."""
        return Regression(
            self.slopes - times * other.slopes,
            self.effects - times * other.effects,
            self.cell_slopes - times * other.cell_slopes,
        )


def fit_with_effects(
    columns: Array,
    group: Integers,
    cells: Array,
    outcome: Array,
    used: Array,
    terms: Terms,
    start: Array,
    steps: int = 100,
) -> Regression:
    """Newton's method for a model with one index and market effects, whose information is an arrow.

    Parameters
    ----------
    columns : (R, K')
    cells : (R, J, H)
        Columns that differ by market; H may be 0.
    outcome, used : (R, J)
        ``used`` weighs cells; zero leaves them out.
    terms
        First derivative and minus the second of the log likelihood in the index.
    start : (G, J)
        First effects.
    """
    wide, narrow = columns.shape[1], cells.shape[2]
    fit = Regression(np.zeros(wide), start, np.zeros(narrow))
    shape = start.shape
    ridge = 1e-6 * len(columns)
    for _ in range(steps):
        score, weight = (used * part for part in terms(outcome, fit.index(columns, group, cells)))
        score, weight = np.where(used > 0, score, 0.0), np.where(used > 0, weight, 0.0)
        total, mass = np.zeros(shape), np.zeros(shape)
        np.add.at(total, group, score)
        np.add.at(mass, group, weight)
        mass = np.where(mass > 1e-12, mass, np.inf)
        cross = np.zeros((*shape, wide + narrow))
        for k in range(wide):
            np.add.at(cross[..., k], group, weight * columns[:, [k]])
        for h in range(narrow):
            np.add.at(cross[..., wide + h], group, weight * cells[..., h])
        weighted = weight[..., None] * cells
        corner = (columns * weight.sum(1)[:, None]).T @ columns
        border = columns.T @ weighted.sum(1)
        inner = np.tensordot(weighted, cells, ((0, 1), (0, 1)))
        flat = cross.reshape(-1, wide + narrow)
        curvature = np.block([[corner, border], [border.T, inner]]) + ridge * np.eye(wide + narrow)
        curvature -= flat.T @ (flat / mass.ravel()[:, None])
        gradient = np.concatenate([columns.T @ score.sum(1), np.tensordot(score, cells, 2)])
        gradient -= ridge * np.concatenate([fit.slopes, fit.cell_slopes]) + flat.T @ (total / mass).ravel()
        slopes = np.linalg.solve(curvature, gradient)
        effects = (total - cross @ slopes) / mass
        step = Regression(slopes[:wide], effects, slopes[wide:])
        reach = float(np.abs(step.index(columns, group, cells)[used > 0]).max(initial=0.0))
        # Newton's steps overshoot where tails are heavy; none may move a cell's index far.
        fit = fit.less(-min(1.0, FARTHEST_STEP / max(reach, 1e-12)), step)
        if reach < 1e-7:
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
    """Probit entry, sales with the probit's selection term (HMR08), PPML exports (SST06); all linear in attributes.

    Where firms are known, their presence and sales elsewhere or last year enter as columns of cells: correlated
    random effects in Mundlak's manner, and true state dependence.
    """

    centre: Array
    scale: Array
    gaps: NDArray[np.bool_]
    entry: Regression
    sales: Regression
    selection: float
    exports: Regression
    curved: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @classmethod
    def tuned(
        cls, data: CapabilityData, cells: Array | None = None, used: NDArray[np.bool_] | None = None
    ) -> Econometrics:
        """Fit with squares of attributes or without, whichever forecasts entry of firms left out better.

        Parameters
        ----------
        data, cells, used
            See `fit`.
        """
        rows = np.ones(len(data.firm), dtype=bool) if used is None else used
        fold = firm_folds(data, TUNING_FOLDS, 0)
        losses = []
        for curved in (False, True):
            loss = 0.0
            for number in range(TUNING_FOLDS):
                out = rows & (fold == number)
                made = cls.fit(data, cells, rows & (fold != number), curved=curved)
                chance = made.forecast(
                    data.attributes[out], data.group[out], None if cells is None else cells[out]
                )
                loss += _log_loss(data, out, chance.entry)
            losses.append(loss)
        return cls.fit(data, cells, used, curved=losses[1] < losses[0])

    @classmethod
    def fit(
        cls,
        data: CapabilityData,
        cells: Array | None = None,
        used: NDArray[np.bool_] | None = None,
        *,
        curved: bool = False,
    ) -> Econometrics:
        """Fit with market effects.

        Parameters
        ----------
        data
        cells : (R, J, H), optional
            What is known of the firm elsewhere or before.
        used : (R,), optional
            Rows to fit on; all unless given.
        curved
            Whether squares of attributes enter too.
        """
        centre, scale = np.nanmean(data.attributes, 0), np.nanstd(data.attributes, 0)
        scale = np.where(scale > 0, scale, 1.0)
        gaps: NDArray[np.bool_] = np.isnan(data.attributes).sum(0) > 0
        wavy = [len(np.unique(x[np.isfinite(x)])) > 2 for x in data.attributes.T]
        bent = np.flatnonzero(wavy) if curved else np.zeros(0, dtype=np.int64)
        columns, group = _filled(data.attributes, centre, scale, gaps, bent), data.group
        more = _none(data.presence.shape) if cells is None else cells
        present, seen = (data.presence == PRESENT).astype(float), (data.presence != UNOBSERVED).astype(float)
        weights = data.row_weights[:, None] / data.row_weights.mean()
        weights = weights if used is None else weights * used[:, None]
        zeros = np.zeros((len(data.group_names), len(data.markets)))

        def fitted(outcome: Array, mass: Array, terms: Terms, start: Array = zeros) -> Regression:
            return fit_with_effects(columns, group, more, outcome, mass * weights, terms, start)

        entry = fitted(present, seen, _probit)
        mills = _mills(entry.index(columns, group, more))
        # The selection term varies by cell: partial it out of sales and attributes (Frisch and Waugh).
        sales, term = fitted(data.log_sales, present, _linear), fitted(mills, present, _linear)
        rest = (mills - term.index(columns, group, more)) * present * weights
        unexplained = data.log_sales - sales.index(columns, group, more)
        selection = float((rest * unexplained).sum() / max((rest * mills).sum(), 1e-9))
        value = np.where(present > 0, np.exp(data.log_sales), 0.0)
        # In units of mean exports, so that the ridge stays tiny whatever the currency.
        unit = float(value[seen > 0].mean())
        value = value / unit
        total, firms = zeros.copy(), zeros.copy()
        np.add.at(total, group, value * weights)
        np.add.at(firms, group, seen * weights)
        level = np.log(np.maximum(total, 1e-12) / np.maximum(firms, 1e-12))
        exports = fitted(value, seen, _poisson, level)
        exports = replace(exports, effects=exports.effects + np.log(unit))
        return cls(centre, scale, gaps, entry, sales.less(selection, term), selection, exports, bent)

    def forecast(self, attributes: Array, group: Integers, cells: Array | None = None) -> Forecast:
        """See `Forecaster`; ``cells`` (R, J, H) as fitted."""
        columns = _filled(attributes, self.centre, self.scale, self.gaps, self.curved)
        more = _none((len(attributes), self.entry.effects.shape[1])) if cells is None else cells
        index = self.entry.index(columns, group, more)
        log_sales = self.sales.index(columns, group, more) + self.selection * _mills(index)
        exports = np.exp(np.clip(self.exports.index(columns, group, more), -40, 40))
        return Forecast(ndtr(index), log_sales, exports)


def _none(shape: tuple[int, ...]) -> Array:
    return np.zeros((*shape, 0))


def _mills(index: Array) -> Array:
    mills: Array = np.exp(-0.5 * index**2 - log_ndtr(index)) / np.sqrt(2 * np.pi)
    return mills


def _filled(
    attributes: Array, centre: Array, scale: Array, gaps: NDArray[np.bool_], curved: Integers
) -> Array:
    """Standardised, gaps at the mean with indicators for the columns that had any when fitted, and some squares."""
    missing = ~np.isfinite(attributes)
    standard = np.clip(np.where(missing, 0.0, (attributes - centre) / scale), -8, 8)
    return np.hstack([standard, missing[:, gaps], standard[:, curved] ** 2])


def _log_loss(data: CapabilityData, rows: NDArray[np.bool_], chance: Array) -> float:
    """Sum over the observed cells of some rows, weighted."""
    present, seen = data.presence[rows] == PRESENT, data.presence[rows] != UNOBSERVED
    p = np.clip(chance, 1e-9, 1 - 1e-9)
    each = -np.where(present, np.log(p), np.log1p(-p)) * data.row_weights[rows][:, None]
    return float(each[seen].sum())


def elsewhere(data: CapabilityData) -> Array:
    """What a firm does in its other markets of the year, by cell, (R, J, 3); the cell itself is left out.

    Presence less the market's share, log sales less the market's mean, both shrunk to 0 by one cell, and the log of the
    number of other markets served.
    """
    present, seen = data.presence == PRESENT, data.presence != UNOBSERVED
    share, logs = _market_means(data)
    surplus = np.where(seen, present - share[data.group], 0.0)
    sales = np.where(present, data.log_sales - logs[data.group], 0.0)

    def others(values: Array) -> Array:
        total: Array = values.sum(1, keepdims=True) - values
        return total

    served = others(present.astype(float))
    columns = [
        others(surplus) / (others(seen.astype(float)) + 1),
        others(sales) / (served + 1),
        np.log1p(served),
    ]
    return np.stack(columns, -1)


def last_year(data: CapabilityData, previous: Integers) -> Array:
    """What a firm did a year before, by cell, (R, J, 6).

    Presence and log sales (less the market's mean) in the market, the three of `elsewhere`, and whether there was no
    row.

    Parameters
    ----------
    previous : (R,)
        Row of the year before, -1 where there is none.
    """
    logs = _market_means(data)[1]
    present = data.presence == PRESENT
    sales = np.where(present, data.log_sales - logs[data.group], 0.0)
    columns = np.concatenate([present[..., None], sales[..., None], elsewhere(data)], -1)
    known = (previous >= 0)[:, None, None]
    before = np.where(known, columns[np.maximum(previous, 0)], 0.0)
    return np.concatenate([before, np.broadcast_to(~known, (*before.shape[:2], 1))], -1)


def earlier_years(train: CapabilityData, before: Integers) -> Array:
    """What a firm did in all years up to a row, by cell, (R, J, 4): initial conditions (Wooldridge 2005) and averages.

    Presence in the first year seen, share of years present, mean log sales (less the market's mean, shrunk to 0 by one
    year), and the log of one more than the years seen; zero where nothing is known.

    Parameters
    ----------
    train
    before : (R,)
        Last training row to count, -1 where there is none.
    """
    logs = _market_means(train)[1]
    seen = (train.presence != UNOBSERVED).astype(float)
    present = (train.presence == PRESENT).astype(float)
    sales = np.where(present > 0, train.log_sales - logs[train.group], 0.0)
    first = train.starts[:-1][train.firm]

    def until(values: Array) -> Array:
        total = np.cumsum(values, 0)
        made: Array = total - total[first] + values[first]
        return made

    years, served = until(seen), until(present)
    columns = np.stack(
        [present[first], served / np.maximum(years, 1), until(sales) / (served + 1), np.log1p(years)], -1
    )
    made: Array = np.where((before >= 0)[:, None, None], columns[np.maximum(before, 0)], 0.0)
    return made


def _market_means(data: CapabilityData) -> tuple[Array, Array]:
    """Share of firms present and sellers' mean log sales, each (G, J)."""
    sellers, firms = data.cell_counts
    total = np.zeros(sellers.shape)
    np.add.at(total, data.group, np.where(data.presence == PRESENT, data.log_sales, 0.0))
    return sellers / np.maximum(firms, 1), total / np.maximum(sellers, 1)


@dataclass(frozen=True)
class Boosting:
    """Settings of boosted trees, of entry and of log sales: leaves by tree, and trees.

    Parameters
    ----------
    entry, sales : (leaves, trees)
    """

    entry: tuple[int, int] = (8, 60)
    sales: tuple[int, int] = (8, 60)


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
    def tuned(
        cls,
        data: CapabilityData,
        seed: int = 0,
        *,
        cells: Array | None = None,
        used: NDArray[np.bool_] | None = None,
        features: Array | None = None,
    ) -> MachineLearning:
        """Fit with the leaves and trees that forecast firms left out best.

        Parameters
        ----------
        data, seed, cells, used, features
            See `fit`.
        """
        how = boosting_for(data, seed, cells=cells, used=used, features=features)
        return cls.fit(data, seed, cells=cells, used=used, features=features, how=how)

    @classmethod
    def fit(
        cls,
        data: CapabilityData,
        seed: int = 0,
        *,
        cells: Array | None = None,
        used: NDArray[np.bool_] | None = None,
        features: Array | None = None,
        how: Boosting | None = None,
    ) -> MachineLearning:
        """Fit on all cells.

        Parameters
        ----------
        data, seed
        cells : (R, J, H), optional
            What is known of the firm elsewhere or before.
        used : (R,), optional
            Rows to fit on; all unless given.
        features : (G, J, M), optional
            Of markets; by default the share of firms present, mean log sales and mean exports.
        how
            Leaves and trees; `Boosting`'s own unless given.
        """
        how = how or Boosting()
        features = market_features(data) if features is None else features
        sample = cell_sample(data, features, cells, used)
        entry = _booster(True, *how.entry, seed).fit(sample.table, sample.sold, sample.weights)
        table, logs, weights = sample.sellers
        sales = _booster(False, *how.sales, seed).fit(table, logs, weights)
        smearing = np.average(np.exp(logs - sales.predict(table)), weights=weights)
        return cls(features, entry, sales, float(smearing))

    def forecast(
        self, attributes: Array, group: Integers, cells: Array | None = None, features: Array | None = None
    ) -> Forecast:
        """See `Forecaster`; ``cells`` (R, J, H) as fitted, ``features`` (G, J, M) of other markets."""
        markets = (self.features if features is None else features)[group]
        table = cell_table(attributes, markets, cells)
        shape = markets.shape[:2]
        chance = self.entry.predict_proba(table)[:, 1].reshape(shape)
        log_sales = self.sales.predict(table).reshape(shape)
        return Forecast(chance, log_sales, chance * np.exp(log_sales) * self.smearing)


def _booster(entry: bool, leaves: int, trees: int, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if entry else HistGradientBoostingRegressor
    return kind(
        max_iter=trees, learning_rate=RATE, max_leaf_nodes=leaves, early_stopping=False, max_bins=64,
        random_state=seed,
    )  # fmt: skip


def boosting_for(
    data: CapabilityData,
    seed: int = 0,
    *,
    cells: Array | None = None,
    used: NDArray[np.bool_] | None = None,
    features: Array | None = None,
) -> Boosting:
    """Leaves and trees that forecast firms left out best: entry by log loss, ln of sales by squares.

    Parameters
    ----------
    data, seed, cells, used, features
        See `MachineLearning.fit`.
    """
    features = market_features(data) if features is None else features
    sample = cell_sample(data, features, cells, used)
    fold = firm_folds(data, TUNING_FOLDS, seed)
    entered = np.repeat(fold, data.presence.shape[1])[sample.cells]
    parts = {
        True: (sample.table, sample.sold.astype(float), sample.weights, entered),
        False: (*sample.sellers, entered[sample.sold]),
    }
    found = {}
    for entry, (table, outcome, weights, where) in parts.items():
        loss = np.zeros((len(LEAVES), MOST_TREES // LOOK))
        for place, leaves in enumerate(LEAVES):
            for number in range(TUNING_FOLDS):
                out = where == number
                model = _booster(entry, leaves, MOST_TREES, seed)
                model.fit(table[~out], outcome[~out], weights[~out])
                told = model.staged_predict_proba(table[out]) if entry else model.staged_predict(table[out])
                for step, made in enumerate(told, 1):
                    if step % LOOK:
                        continue
                    if entry:
                        p = np.clip(made[:, 1], 1e-9, 1 - 1e-9)
                        each = -np.where(outcome[out] > 0, np.log(p), np.log1p(-p))
                    else:
                        each = (outcome[out] - made) ** 2
                    loss[place, step // LOOK - 1] += float(weights[out] @ each)
        place, look = divmod(int(loss.argmin()), loss.shape[1])
        found[entry] = (LEAVES[place], LOOK * (look + 1))
    return Boosting(found[True], found[False])


@dataclass(frozen=True, eq=False)
class CellSample:
    """Cells as rows of a table for learners; N cells.

    Parameters
    ----------
    table : (N, C)
    sold : (N,) of bool
    logs, weights : (N,)
        ln of sales where sold, and weights of mean 1.
    cells : (N,)
        Places among all cells, row by row.
    """

    table: Array
    sold: NDArray[np.bool_]
    logs: Array
    weights: Array
    cells: Integers

    @property
    def sellers(self) -> tuple[Array, Array, Array]:
        """Table, log sales and weights of the cells with sales."""
        return self.table[self.sold], self.logs[self.sold], self.weights[self.sold]


def cell_sample(
    data: CapabilityData, features: Array, cells: Array | None, used: NDArray[np.bool_] | None
) -> CellSample:
    """Observed cells of the rows used, as learners take them.

    Parameters
    ----------
    data
    features : (G, J, M)
        Of markets.
    cells : (R, J, H) or None
    used : (R,) or None
    """
    present, seen = data.presence == PRESENT, data.presence != UNOBSERVED
    seen = seen if used is None else seen & used[:, None]
    table = cell_table(data.attributes, features[data.group], cells)
    taken = np.flatnonzero(seen.ravel())
    weights = np.repeat(data.row_weights / data.row_weights.mean(), present.shape[1])
    return CellSample(table[taken], present.ravel()[taken], data.log_sales.ravel()[taken], weights[taken], taken)  # fmt: skip


def market_features(data: CapabilityData) -> Array:
    """Share of firms present, sellers' mean log sales and log of mean exports, (G, J, 3)."""
    share, logs = _market_means(data)
    values = np.zeros(share.shape)
    np.add.at(values, data.group, np.where(data.presence == PRESENT, np.exp(data.log_sales), 0.0))
    return np.stack([share, logs, np.log1p(values / np.maximum(data.cell_counts[1], 1))], -1)


def cell_table(attributes: Array, features: Array, cells: Array | None) -> Array:
    """Attributes (R, K), market features (R, J, M) and cells (R, J, H) as columns, a line by cell (R J, .)."""
    rows, markets, _ = features.shape
    parts = [np.repeat(attributes, markets, axis=0), features.reshape(rows * markets, -1)]
    return np.hstack(parts if cells is None else [*parts, cells.reshape(rows * markets, -1)])
