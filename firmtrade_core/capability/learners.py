"""Learners of m and g behind one interface: fit weighted responses on attributes, predict.

The default is gradient boosting of trees on top of a penalised additive base (a smooth curve in each attribute).
The base takes the smooth part, which trees only approximate by steps; the trees take kinks and interactions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Bins into which trees cut an attribute.
BINS = 64

Kind = Literal["boosting", "elastic_net", "random_forest", "splines"]
Base = Literal["none", "linear", "splines"]


class Predictor(Protocol):
    """A fitted function of attributes."""

    def predict(self, attributes: Array) -> Array:
        """Values (R,) at attributes (R, K)."""
        ...


@dataclass(frozen=True)
class Learner:
    """What is fitted, and how finely; `search` chooses the settings by cross-validation.

    Parameters
    ----------
    kind
        ``boosting`` (default), ``elastic_net``, ``random_forest``, ``splines`` (additive).
    base
        What boosting starts from.
    rounds, learning_rate, leaves, smallest_leaf
        Of boosting: trees, shrinkage, leaves by tree, firms by leaf.
    penalty
        Ridge penalty of the base or of splines, in observations; of the elastic net relative to its largest.
    signs
        Attributes whose effect theory signs, by name: +1 never lowers, -1 never raises m (or g).
        Boosting only; the base leaves such attributes to the trees.
    """

    kind: Kind = "boosting"
    base: Base = "splines"
    rounds: int = 60
    learning_rate: float = 0.08
    leaves: int = 6
    smallest_leaf: int = 20
    penalty: float = 3.0
    signs: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.signs and self.kind != "boosting":
            raise ValueError(
                f"Only boosting keeps signs; {self.kind} cannot. Choose boosting or drop the signs."
            )
        if not set(self.signs.values()) <= {-1, 1}:
            raise ValueError("Give each signed attribute +1 (never lowers) or -1 (never raises).")

    def fit(
        self, attributes: Array, response: Array, weights: Array, names: tuple[str, ...], seed: int
    ) -> Predictor:
        """Fit by weighted least squares; attributes (R, K) may hold NaN, response and weights are (R,)."""
        if self.kind == "boosting":
            return _boost(self, attributes, response, weights, names, seed)
        if self.kind == "splines":
            return Additive.fit(attributes, response, weights, self.penalty, curved=True)
        if self.kind == "elastic_net":
            return _elastic_net(self, attributes, response, weights)
        return _forest(self, attributes, response, weights, seed)

    def candidates(self) -> tuple[Learner, ...]:
        """Settings that the search compares."""
        if self.kind == "boosting":
            if self.signs:
                return tuple(replace(self, leaves=leaves) for leaves in (3, 6, 12))
            return (
                *(replace(self, base="none", leaves=leaves) for leaves in (6, 12)),
                *(replace(self, base="linear", leaves=leaves) for leaves in (3, 6)),
                *(
                    replace(self, base="splines", leaves=leaves, penalty=p)
                    for leaves in (3, 6)
                    for p in (1.0, 10.0)
                ),
            )
        if self.kind == "random_forest":
            return tuple(replace(self, smallest_leaf=size) for size in (5, 20, 60))
        penalties = (0.3, 3.0, 30.0) if self.kind == "splines" else (0.0003, 0.003, 0.03)
        return tuple(replace(self, penalty=penalty) for penalty in penalties)


@dataclass(frozen=True, eq=False)
class Additive:
    """A ridge regression on bases of each attribute alone: predictions split exactly into attributes' parts.

    Parameters
    ----------
    centre, scale : (K,)
    knots : tuple of (B_k,)
        Empty for straight lines.
    coefficients : tuple of (1 + B_k + 1,)
        Of each attribute's slope, kinks and gap indicator.
    means : tuple of (1 + B_k + 1,)
        Basis means, so that each part averages zero over the sample.
    intercept
    """

    centre: Array
    scale: Array
    knots: tuple[Array, ...]
    coefficients: tuple[Array, ...]
    means: tuple[Array, ...]
    intercept: float

    @classmethod
    def fit(
        cls,
        attributes: Array,
        response: Array,
        weights: Array,
        penalty: float,
        *,
        curved: bool,
        free: NDArray[np.bool_] | None = None,
    ) -> Additive:
        """Weighted ridge; slopes are hardly penalised, curvature is. Columns not ``free`` get no part."""
        w = weights / weights.mean()
        centre, scale = np.nanmean(attributes, 0), np.nanstd(attributes, 0)
        scale = np.where(scale > 0, scale, 1.0)
        standard = (attributes - centre) / scale
        knots = tuple(_knots(column) if curved else np.empty(0) for column in standard.T)
        blocks = [_basis(column, knot) for column, knot in zip(standard.T, knots, strict=True)]
        means = tuple(np.average(block, axis=0, weights=w) for block in blocks)
        design = np.hstack([block - mean for block, mean in zip(blocks, means, strict=True)])
        ridge = np.concatenate([_ridge(len(knot)) for knot in knots]) * penalty
        if free is not None:
            ridge = ridge + np.repeat(~free, [len(mean) for mean in means]) * 1e12
        intercept = float(np.average(response, weights=w))
        gram = (design * w[:, None]).T @ design
        gram[np.diag_indices_from(gram)] += ridge + 1e-6
        solved = np.linalg.solve(gram, design.T @ (w * (response - intercept)))
        edges = np.cumsum([len(mean) for mean in means])[:-1]
        return cls(centre, scale, knots, tuple(np.split(solved, edges)), means, intercept)

    def parts(self, attributes: Array) -> Array:
        """What each attribute adds to the intercept, (R, K); exact Shapley values of the base."""
        standard = (attributes - self.centre) / self.scale
        columns = [
            (_basis(column, knot) - mean) @ coefficient
            for column, knot, mean, coefficient in zip(
                standard.T, self.knots, self.means, self.coefficients, strict=True
            )
        ]
        return np.column_stack(columns)

    def predict(self, attributes: Array) -> Array:
        """Intercept plus parts."""
        total: Array = self.intercept + self.parts(attributes).sum(1)
        return total


def _knots(column: Array) -> Array:
    """Inner knots at quantiles; none for columns with few values, whose kinks nobody could tell apart."""
    finite = column[np.isfinite(column)]
    if len(np.unique(finite[:2000])) <= 5:
        return np.empty(0)
    return np.unique(np.quantile(finite, [0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9]))


#: Standard deviations beyond which an attribute's effect no longer grows.
FARTHEST = 4.0


def _basis(column: Array, knots: Array) -> Array:
    """Slope, hinges at the knots and a gap indicator, (R, 1 + B + 1); missing values sit at the mean."""
    missing = ~np.isfinite(column)
    value = np.clip(np.where(missing, 0.0, column), -FARTHEST, FARTHEST)
    hinges = np.maximum(value[:, None] - knots, 0.0)
    return np.column_stack([value, hinges, missing])


def _ridge(hinges: int) -> Array:
    return np.concatenate([[0.1], np.ones(hinges), [1.0]])


@dataclass(frozen=True, eq=False)
class Boosted:
    """A base plus trees.

    Parameters
    ----------
    base : Additive or None
    edges : tuple of (E_k,)
        Quantiles that cut each attribute into the trees' bins.
    trees
        A fitted HistGradientBoostingRegressor of the bins, or None where no round helped.
    """

    base: Additive | None
    edges: tuple[Array, ...]
    trees: Any

    def binned(self, attributes: Array) -> Array:
        """Bin of each value, (R, K), NaN where it is missing: what the trees split on."""
        columns = [
            np.searchsorted(edges, column) for edges, column in zip(self.edges, attributes.T, strict=True)
        ]
        return np.where(np.isfinite(attributes), np.column_stack(columns).astype(float), np.nan)

    def predict(self, attributes: Array) -> Array:
        """Base plus trees."""
        total = np.zeros(len(attributes)) if self.base is None else self.base.predict(attributes)
        if self.trees is not None:
            total = total + self.trees.predict(self.binned(attributes))
        return total

    def staged(self, attributes: Array) -> list[Array]:
        """Predictions after 0, 1, 2, ... trees."""
        total = np.zeros(len(attributes)) if self.base is None else self.base.predict(attributes)
        return [total, *(total + more for more in self.trees.staged_predict(self.binned(attributes)))]


def _boost(
    learner: Learner, attributes: Array, response: Array, weights: Array, names: tuple[str, ...], seed: int
) -> Boosted:
    from sklearn.ensemble import HistGradientBoostingRegressor

    signs = np.array([learner.signs.get(name, 0) for name in names])
    base = None
    if learner.base != "none":
        base = Additive.fit(
            attributes, response, weights, learner.penalty, curved=learner.base == "splines", free=signs == 0
        )
        response = response - base.predict(attributes)
    if learner.rounds == 0:
        return Boosted(base, (), None)
    # scikit-learn's weighted quantiles take longer than its trees; on bins it needs none.
    boosted = Boosted(base, tuple(_edges(column) for column in attributes.T), None)
    trees = HistGradientBoostingRegressor(
        max_iter=learner.rounds,
        learning_rate=learner.learning_rate,
        max_leaf_nodes=learner.leaves,
        min_samples_leaf=learner.smallest_leaf,
        max_bins=BINS,
        early_stopping=False,
        monotonic_cst=signs if signs.any() else None,
        random_state=seed,
    )
    trees.fit(boosted.binned(attributes), response, sample_weight=weights / weights.mean())
    return replace(boosted, trees=trees)


def _edges(column: Array) -> Array:
    finite = column[np.isfinite(column)]
    return np.unique(np.quantile(finite, np.arange(1, BINS) / BINS)) if len(finite) else np.empty(0)


@dataclass(frozen=True, eq=False)
class _Imputed:
    """A scikit-learn model behind mean imputation and scaling."""

    centre: Array
    scale: Array
    model: Any

    @classmethod
    def fit(cls, attributes: Array, response: Array, weights: Array, model: Any) -> _Imputed:
        centre, scale = np.nanmean(attributes, 0), np.nanstd(attributes, 0)
        made = cls(centre, np.where(scale > 0, scale, 1.0), model)
        model.fit(made._columns(attributes), response, sample_weight=weights / weights.mean())
        return made

    def _columns(self, attributes: Array) -> Array:
        missing = ~np.isfinite(attributes)
        standard = np.where(missing, 0.0, (attributes - self.centre) / self.scale)
        return np.hstack([np.clip(standard, -FARTHEST, FARTHEST), missing])

    def predict(self, attributes: Array) -> Array:
        predicted: Array = self.model.predict(self._columns(attributes))
        return predicted


def _elastic_net(learner: Learner, attributes: Array, response: Array, weights: Array) -> Predictor:
    from sklearn.linear_model import ElasticNet

    spread = float(np.sqrt(np.cov(response, aweights=weights)))
    return _Imputed.fit(
        attributes, response, weights, ElasticNet(alpha=learner.penalty * spread, l1_ratio=0.5)
    )


def _forest(learner: Learner, attributes: Array, response: Array, weights: Array, seed: int) -> Predictor:
    from sklearn.ensemble import RandomForestRegressor

    model = RandomForestRegressor(
        n_estimators=150,
        min_samples_leaf=learner.smallest_leaf,
        max_features=0.5,
        random_state=seed,
        n_jobs=1,
    )
    return _Imputed.fit(attributes, response, weights, model)


@dataclass(frozen=True, eq=False)
class CrossFit:
    """One predictor by fold, each trained on the other folds.

    Parameters
    ----------
    predictors : tuple of Predictor
    out_of_fold : (R,)
        Each row as predicted by the model that has not seen its firm.
    loss
        Weighted mean squared error of ``out_of_fold``.
    """

    predictors: tuple[Predictor, ...]
    out_of_fold: Array
    loss: float

    def predict(self, attributes: Array) -> Array:
        """Mean over folds, for rows that no model has seen."""
        mean: Array = np.mean([predictor.predict(attributes) for predictor in self.predictors], axis=0)
        return mean


def cross_fit(
    learner: Learner,
    attributes: Array,
    response: Array,
    weights: Array,
    folds: Integers,
    names: tuple[str, ...],
    seed: int,
) -> CrossFit:
    """Fit once per fold on the rest; ``folds`` (R,) keeps a firm's rows together."""
    out = np.empty(len(response))
    predictors = []
    for fold in range(int(folds.max()) + 1):
        held = folds == fold
        used = ~held & (weights > 0)
        predictor = learner.fit(attributes[used], response[used], weights[used], names, seed + fold)
        out[held] = predictor.predict(attributes[held])
        predictors.append(predictor)
    return CrossFit(tuple(predictors), out, float(np.average((response - out) ** 2, weights=weights)))


@dataclass(frozen=True)
class Trial:
    """One line of the search's trace: settings and their out-of-fold loss."""

    learner: Learner
    loss: float


def search(
    learner: Learner,
    attributes: Array,
    response: Array,
    weights: Array,
    folds: Integers,
    names: tuple[str, ...],
    seed: int,
    most_rounds: int = 150,
) -> tuple[Learner, tuple[Trial, ...]]:
    """The candidate with the smallest out-of-fold loss, and every trial; boosting also chooses its rounds."""
    trials = []
    for candidate in learner.candidates():
        if candidate.kind == "boosting":
            trials.append(_rounds(candidate, attributes, response, weights, folds, names, seed, most_rounds))
        else:
            loss = cross_fit(candidate, attributes, response, weights, folds, names, seed).loss
            trials.append(Trial(candidate, loss))
    best = min(trials, key=lambda trial: trial.loss)
    return best.learner, tuple(trials)


def _rounds(
    candidate: Learner,
    attributes: Array,
    response: Array,
    weights: Array,
    folds: Integers,
    names: tuple[str, ...],
    seed: int,
    most_rounds: int,
) -> Trial:
    losses = np.zeros(most_rounds + 1)
    longest = replace(candidate, rounds=most_rounds)
    for fold in range(int(folds.max()) + 1):
        held = folds == fold
        used = ~held & (weights > 0)
        boosted = longest.fit(attributes[used], response[used], weights[used], names, seed + fold)
        assert isinstance(boosted, Boosted)
        for stage, predicted in enumerate(boosted.staged(attributes[held])):
            losses[stage] += float(weights[held] @ (response[held] - predicted) ** 2)
    best = int(losses.argmin())
    return Trial(replace(candidate, rounds=best), float(losses[best] / weights.sum()))
