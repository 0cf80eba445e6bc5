"""Learners of m and g behind one interface: fit weighted responses on attributes, predict.

The default is gradient boosting of trees on top of a penalised additive base (a smooth curve in each attribute).
The base takes the smooth part, which trees only approximate by steps; the trees take kinks and interactions. Once the
base has both attributes' own parts, a greedy tree cannot see what the two do together: no first split gains. So the
search also tries bases with smooth interactions of the few pairs that a screening of the residuals puts first (as in
Lou, Caruana, Gehrke and Hooker 2013).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Bins into which trees cut an attribute, and into which the screening of pairs does.
BINS, COARSE_BINS = 64, 4

#: Trees of a forest and most leaves of each: exact Shapley values of deeper trees would take minutes.
FOREST_TREES, FOREST_LEAVES = 100, 128

#: Ridge penalty of interactions, as a multiple of that of an attribute's own curvature.
INTERACTION_PENALTY = 10.0

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
    pairs
        Pairs of attributes whose interaction boosting's base holds, the strongest on the training rows.
    signs
        Attributes whose effect theory signs, by name: +1 never lowers, -1 never raises m (or g); amounts in logs
        by their plain name too. None unless given: `attributes.theory_signs` names those that theory is plain on.
        Boosting only; the base leaves such attributes to the trees.
    """

    kind: Kind = "boosting"
    base: Base = "splines"
    rounds: int = 60
    learning_rate: float = 0.08
    leaves: int = 6
    smallest_leaf: int = 20
    penalty: float = 3.0
    pairs: int = 0
    signs: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.signs and self.kind != "boosting":
            raise ValueError(
                f"Only boosting keeps signs; {self.kind} cannot. Choose boosting or drop the signs."
            )
        if not set(self.signs.values()) <= {-1, 1}:
            raise ValueError("Give each signed attribute +1 (never lowers) or -1 (never raises).")

    def sign(self, attribute: str) -> int:
        """+1, -1, or 0 where the sign is left to the data."""
        return self.signs.get(attribute, self.signs.get(attribute.removeprefix("log_"), 0))

    def fit(
        self, attributes: Array, response: Array, weights: Array, names: tuple[str, ...], seed: int
    ) -> Predictor:
        """Fit by weighted least squares; attributes (R, K) may hold NaN, response and weights are (R,).

        Parameters
        ----------
        attributes : (R, K)
            May hold NaN.
        response, weights : (R,)
        names
            Of the K attributes.
        seed
        """
        if self.kind == "boosting":
            return _boost(self, attributes, response, weights, names, seed)
        if self.kind == "splines":
            return Additive.fit(attributes, response, weights, self.penalty, curved=True)
        if self.kind == "elastic_net":
            return Linear.fit(attributes, response, weights, self.penalty)
        return Forest.fit(attributes, response, weights, self.smallest_leaf, seed)

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
                *(replace(self, base="splines", leaves=3, pairs=pairs) for pairs in (1, 4)),
            )
        if self.kind == "random_forest":
            return tuple(replace(self, smallest_leaf=size) for size in (5, 20, 60))
        penalties = (0.3, 3.0, 30.0) if self.kind == "splines" else (0.0003, 0.003, 0.03)
        return tuple(replace(self, penalty=penalty) for penalty in penalties)


@dataclass(frozen=True, eq=False)
class Additive:
    """A ridge regression on bases of each attribute and of few pairs: predictions split into attributes' parts.

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
    pairs : tuple of (int, int)
        Attributes that interact.
    pair_coefficients, pair_means : tuple of (P,)
        Of the products of the two attributes' centred bases, gap indicators left out.
    """

    centre: Array
    scale: Array
    knots: tuple[Array, ...]
    coefficients: tuple[Array, ...]
    means: tuple[Array, ...]
    intercept: float
    pairs: tuple[tuple[int, int], ...] = ()
    pair_coefficients: tuple[Array, ...] = ()
    pair_means: tuple[Array, ...] = ()

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
        pairs: int = 0,
    ) -> Additive:
        """Weighted ridge; slopes are hardly penalised, curvature and interactions are. Columns not ``free`` get no part.

        Parameters
        ----------
        attributes : (R, K)
        response, weights : (R,)
        penalty
            Of curvature and interactions.
        curved
            Whether attributes have curves beside slopes.
        free : (K,) of bool, optional
            Columns that get a part; all unless given.
        pairs
            Interactions that are added.
        """
        w = weights / weights.mean()
        centre, scale = np.nanmean(attributes, 0), np.nanstd(attributes, 0)
        scale = np.where(scale > 0, scale, 1.0)
        standard = (attributes - centre) / scale
        knots = tuple(_knots(column) if curved else np.empty(0) for column in standard.T)
        blocks = [_basis(column, knot) for column, knot in zip(standard.T, knots, strict=True)]
        means = tuple(np.average(block, axis=0, weights=w) for block in blocks)
        blocks = [block - mean for block, mean in zip(blocks, means, strict=True)]
        ridge = np.concatenate([_ridge(len(knot)) for knot in knots]) * penalty
        taken = np.ones(len(scale), dtype=bool) if free is None else free
        # A column of zeros has no coefficient, to the last digit: a sign must hold exactly.
        blocks = [block * keep for block, keep in zip(blocks, taken, strict=True)]
        intercept = float(np.average(response, weights=w))
        alone = _solve_ridge(blocks, response - intercept, w, ridge)
        found = cls(centre, scale, knots, alone, means, intercept)
        if pairs == 0:
            return found
        chosen = strongest_pairs(attributes, response - found.predict(attributes), w, pairs, taken)
        products = [_product(blocks[first], blocks[second]) for first, second in chosen]
        pair_means = tuple(np.average(product, axis=0, weights=w) for product in products)
        products = [product - mean for product, mean in zip(products, pair_means, strict=True)]
        more = np.full(sum(len(mean) for mean in pair_means), INTERACTION_PENALTY * penalty)
        solved = _solve_ridge([*blocks, *products], response - intercept, w, np.concatenate([ridge, more]))
        count = len(blocks)
        return cls(centre, scale, knots, solved[:count], means, intercept, chosen, solved[count:], pair_means)

    def parts(self, attributes: Array) -> Array:
        """What each attribute adds to the intercept, (R, K): exact Shapley values against the training sample.

        Half of an interaction goes to either attribute. With p the product of two centred bases, p̄ its mean over the
        sample, an attribute's coalition values are 0 (neither known), -p̄ (one known, the other averaged out, as
        centred bases average zero) and p - p̄ (both), whence (p - p̄)/2 each.
        """
        alone, together = self._terms(attributes)
        for (first, second), product, mean in together:
            alone[:, [first, second]] += (product - mean)[:, None] / 2
        return alone

    def interactions(self, attributes: Array) -> Array:
        """Shapley interactions (R, K, K) of `parts`: rows add up to them, half of a pair's interaction in either entry.

        From the coalition values of `parts` a pair's interaction is (p - p̄) + p̄ + p̄ + 0 = p + p̄, and each
        attribute's own part loses p̄.
        """
        alone, together = self._terms(attributes)
        count = alone.shape[1]
        found = np.zeros((len(alone), count, count))
        found[:, np.arange(count), np.arange(count)] = alone
        for (first, second), product, mean in together:
            for one, other in ((first, second), (second, first)):
                found[:, one, other] += (product + mean) / 2
                found[:, one, one] -= mean
        return found

    def _terms(self, attributes: Array) -> tuple[Array, list[tuple[tuple[int, int], Array, float]]]:
        """Attributes' own curves (R, K), and by pair its product term (R,) with that term's mean over the sample."""
        standard = (attributes - self.centre) / self.scale
        blocks = [
            _basis(column, knot) - mean
            for column, knot, mean in zip(standard.T, self.knots, self.means, strict=True)
        ]
        alone = np.column_stack([b @ c for b, c in zip(blocks, self.coefficients, strict=True)])
        together = [
            (pair, _product(blocks[pair[0]], blocks[pair[1]]) @ coefficient, float(mean @ coefficient))
            for pair, coefficient, mean in zip(
                self.pairs, self.pair_coefficients, self.pair_means, strict=True
            )
        ]
        return alone, together

    def predict(self, attributes: Array) -> Array:
        """Intercept plus parts."""
        total: Array = self.intercept + self.parts(attributes).sum(1)
        return total


def _solve_ridge(blocks: list[Array], response: Array, weights: Array, ridge: Array) -> tuple[Array, ...]:
    """Coefficients by block."""
    design = np.hstack(blocks)
    gram = (design * weights[:, None]).T @ design
    gram[np.diag_indices_from(gram)] += ridge + 1e-6
    solved = np.linalg.solve(gram, design.T @ (weights * response))
    return tuple(np.split(solved, np.cumsum([block.shape[1] for block in blocks])[:-1]))


def _product(first: Array, second: Array) -> Array:
    """Products of two bases without their gap indicators, (R, P)."""
    product: Array = (first[:, :-1, None] * second[:, None, :-1]).reshape(len(first), -1)
    return product


def strongest_pairs(
    attributes: Array, residual: Array, weights: Array, most: int, taken: NDArray[np.bool_]
) -> tuple[tuple[int, int], ...]:
    """Pairs of attributes whose joint cells explain most of the residual beyond chance.

    Each attribute is cut into `COARSE_BINS` at its quantiles. A pair's score is the chi-squared of its cells' mean
    residuals less those of either attribute alone, less its degrees of freedom, over its standard deviation.

    Parameters
    ----------
    attributes, residual, weights : (R, K), (R,), (R,)
    most
        Pairs returned, strongest first.
    taken : (K,)
        Attributes that may be in one.
    """
    member, owner = _coarse_bins(attributes)
    residual = residual - np.average(residual, weights=weights)
    total = member.T @ (member * (weights * residual)[:, None])
    # Variance of a cell's sum, whatever a row's variance is.
    noise = member.T @ (member * (weights * residual)[:, None] ** 2)
    gain = np.divide(total**2, noise, out=np.zeros_like(total), where=noise > 0)
    alone = np.diag(gain)
    scores = {}
    places = [np.flatnonzero(owner == k) for k in range(attributes.shape[1])]
    for first, second in combinations(np.flatnonzero(taken).tolist(), 2):
        a, b = places[first], places[second]
        cells = np.ix_(a, b)
        freedom = int((noise[cells] > 0).sum()) - len(a) - len(b) + 1
        if freedom > 0:
            joint = gain[cells].sum() - alone[a].sum() - alone[b].sum()
            scores[first, second] = (joint - freedom) / np.sqrt(2 * freedom)
    return tuple(sorted(scores, key=lambda pair: -scores[pair])[:most])


def _coarse_bins(attributes: Array) -> tuple[Array, Integers]:
    """Indicators of each attribute's bins side by side, (R, B), gaps a bin of their own, and whose they are, (B,)."""
    members, owner = [], []
    for k, column in enumerate(attributes.T):
        known = np.isfinite(column)
        edges = np.unique(np.quantile(column[known], np.arange(1, COARSE_BINS) / COARSE_BINS))
        place = np.where(known, np.searchsorted(edges, column), len(edges) + 1)
        for value in np.unique(place):
            members.append(place == value)
            owner.append(k)
    return np.column_stack(members).astype(float), np.array(owner)


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

    signs = np.array([learner.sign(name) for name in names])
    base = None
    if learner.base != "none":
        base = Additive.fit(
            attributes,
            response,
            weights,
            learner.penalty,
            curved=learner.base == "splines",
            free=signs == 0,
            pairs=learner.pairs,
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
class Linear:
    """Straight lines in standardised attributes, and a shift where an attribute is missing.

    Parameters
    ----------
    centre, scale : (K,)
    slopes, gaps : (K,)
        Coefficients of the attribute, missing values at the mean, and of its gap indicator.
    means : (2K,)
        Of both over the training sample.
    intercept
        Mean prediction over the training sample.
    """

    centre: Array
    scale: Array
    slopes: Array
    gaps: Array
    means: Array
    intercept: float

    @classmethod
    def fit(cls, attributes: Array, response: Array, weights: Array, penalty: float) -> Linear:
        """Weighted elastic net, ``penalty`` in standard deviations of the response."""
        from sklearn.linear_model import ElasticNet

        centre, scale = np.nanmean(attributes, 0), np.nanstd(attributes, 0)
        scale = np.where(scale > 0, scale, 1.0)
        design, count = _straight(attributes, centre, scale), attributes.shape[1]
        spread = float(np.sqrt(np.cov(response, aweights=weights)))
        model = ElasticNet(alpha=penalty * spread, l1_ratio=0.5)
        model.fit(design, response, sample_weight=weights / weights.mean())
        means = np.average(design, axis=0, weights=weights)
        level = float(model.intercept_ + means @ model.coef_)
        return cls(centre, scale, model.coef_[:count], model.coef_[count:], means, level)

    def parts(self, attributes: Array) -> Array:
        """What each attribute adds to the intercept, (R, K): exact Shapley values of a linear function."""
        centred = _straight(attributes, self.centre, self.scale) - self.means
        count = len(self.slopes)
        parts: Array = centred[:, :count] * self.slopes + centred[:, count:] * self.gaps
        return parts

    def predict(self, attributes: Array) -> Array:
        """Intercept plus parts."""
        total: Array = self.intercept + self.parts(attributes).sum(1)
        return total

    def steeper(self, more: Array, stretch: float = 1.0) -> Linear:
        """The line with ``more`` (2K,) added to its stretched slopes and gaps."""
        count = len(self.slopes)
        return replace(
            self,
            slopes=stretch * self.slopes + more[:count],
            gaps=stretch * self.gaps + more[count:],
            intercept=stretch * self.intercept,
        )


def line_columns(attributes: Array, weights: Array) -> tuple[Linear, Array]:
    """A line through every attribute with slopes nought, and its columns (R, 2K), each of weighted mean zero.

    Columns of gaps are zero where an attribute has none.
    """
    centre, scale = np.nanmean(attributes, 0), np.nanstd(attributes, 0)
    scale = np.where(scale > 0, scale, 1.0)
    columns = _straight(attributes, centre, scale)
    means = np.average(columns, axis=0, weights=weights)
    nought = np.zeros(attributes.shape[1])
    return Linear(centre, scale, nought, nought, means, 0.0), columns - means


@dataclass(frozen=True, eq=False)
class Layered:
    """A line, and what a learner adds to it."""

    line: Linear
    more: Predictor

    def predict(self, attributes: Array) -> Array:
        """Their sum."""
        total: Array = self.line.predict(attributes) + self.more.predict(attributes)
        return total


def _straight(attributes: Array, centre: Array, scale: Array) -> Array:
    """Standardised attributes, missing ones at the mean, beside gap indicators, (R, 2K)."""
    missing = ~np.isfinite(attributes)
    standard = np.where(missing, 0.0, (attributes - centre) / scale)
    return np.hstack([np.clip(standard, -FARTHEST, FARTHEST), missing])


@dataclass(frozen=True, eq=False)
class Forest:
    """A random forest of attributes, one column each, so that its Shapley values are attributes' own.

    Parameters
    ----------
    below : (K,)
        Where missing values sit: under every value seen, so that one split sets them apart.
    trees
        A fitted RandomForestRegressor.
    """

    below: Array
    trees: Any

    @classmethod
    def fit(cls, attributes: Array, response: Array, weights: Array, smallest_leaf: int, seed: int) -> Forest:
        """Weighted; trees are kept small enough to be explained exactly.

        Parameters
        ----------
        attributes : (R, K)
        response, weights : (R,)
        smallest_leaf, seed
        """
        from sklearn.ensemble import RandomForestRegressor

        least, most = np.nanmin(attributes, 0), np.nanmax(attributes, 0)
        below = least - np.maximum(most - least, 1.0)
        trees = RandomForestRegressor(
            n_estimators=FOREST_TREES,
            min_samples_leaf=smallest_leaf,
            max_leaf_nodes=FOREST_LEAVES,
            max_features=0.5,
            random_state=seed,
            n_jobs=1,
        )
        made = cls(below, trees)
        trees.fit(made.filled(attributes), response, sample_weight=weights / weights.mean())
        return made

    def filled(self, attributes: Array) -> Array:
        """What the trees split on, (R, K)."""
        return np.where(np.isfinite(attributes), attributes, self.below)

    def predict(self, attributes: Array) -> Array:
        """Mean over the trees."""
        predicted: Array = self.trees.predict(self.filled(attributes))
        return predicted


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
    lines: tuple[Linear, ...] | None = None,
) -> CrossFit:
    """Fit once per fold on the rest; ``folds`` (R,) keeps a firm's rows together; on top of ``lines`` by fold, if given.

    Parameters
    ----------
    learner
    attributes : (R, K)
    response, weights : (R,)
    folds : (R,)
        Keeps a firm's rows together.
    names
        Of the K attributes.
    seed
    lines
        Linear parts by fold, under the learner, if given.
    """
    out = np.empty(len(response))
    predictors: list[Predictor] = []
    for fold in range(int(folds.max()) + 1):
        held = folds == fold
        used = ~held & (weights > 0)
        base = np.zeros(len(response)) if lines is None else lines[fold].predict(attributes)
        predictor = learner.fit(attributes[used], (response - base)[used], weights[used], names, seed + fold)
        out[held] = base[held] + predictor.predict(attributes[held])
        if lines is not None:
            predictor = Layered(lines[fold], predictor)
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
    lines: tuple[Linear, ...] | None = None,
) -> tuple[Learner, tuple[Trial, ...]]:
    """The candidate with the smallest out-of-fold loss, and every trial; boosting also chooses its rounds.

    Parameters
    ----------
    learner
        Whose candidates are tried.
    attributes : (R, K)
    response, weights, folds : (R,)
    names, seed
    most_rounds
        Of boosting.
    lines
        Linear parts by fold, under the learner, if given.
    """
    trials = []
    for candidate in learner.candidates():
        if candidate.kind == "boosting":
            trials.append(
                _rounds(candidate, attributes, response, weights, folds, names, seed, most_rounds, lines)
            )
        else:
            loss = cross_fit(candidate, attributes, response, weights, folds, names, seed, lines).loss
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
    lines: tuple[Linear, ...] | None = None,
) -> Trial:
    losses = np.zeros(most_rounds + 1)
    longest = replace(candidate, rounds=most_rounds)
    for fold in range(int(folds.max()) + 1):
        held = folds == fold
        used = ~held & (weights > 0)
        left = response if lines is None else response - lines[fold].predict(attributes)
        boosted = longest.fit(attributes[used], left[used], weights[used], names, seed + fold)
        assert isinstance(boosted, Boosted)
        for stage, predicted in enumerate(boosted.staged(attributes[held])):
            losses[stage] += float(weights[held] @ (left[held] - predicted) ** 2)
    best = int(losses.argmin())
    return Trial(replace(candidate, rounds=best), float(losses[best] / weights.sum()))
