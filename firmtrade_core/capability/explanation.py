"""What m̂ and ĝ are made of: exact Shapley values by attribute, and variance of exports by source (MODEL 6, 8).

Shapley values are exact whatever the learner (`shapley`). These say what predicts, never what a policy would move.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from math import factorial
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from firmtrade_core.capability.attributes import Clusters, correlated_clusters, group_of
from firmtrade_core.capability.bootstrap import FEWEST_DRAWS, Draw, told_interval
from firmtrade_core.capability.boundary import at_the_bound
from firmtrade_core.capability.errors import CapabilityError
from firmtrade_core.capability.estimation import capability_response, entry_response, firm_folds, one_thread
from firmtrade_core.capability.learners import CrossFit, Forest, cross_fit
from firmtrade_core.capability.results import CapabilityResults
from firmtrade_core.capability.shapley import additivity_gap, shapley_interactions, shapley_values

Array = NDArray[np.float64]

#: Rows explained unless asked otherwise: enough for every chart.
SAMPLE = 5_000

#: Firms whose variance is split at every draw, and firms of a forest at most: enough for how far draws move it.
FIRMS_AT_DRAWS, FOREST_FIRMS = 2_000, 2_000

#: Draws of firms by which the sampling error of shares is measured.
RESAMPLES = 100

#: An interaction below this, in log points, is none.
ROUNDING = 1e-10

#: Rows whose interactions are computed unless asked otherwise, and the most of a forest: its trees are deep.
INTERACTION_ROWS, FOREST_INTERACTION_ROWS = 500, 80


@dataclass(frozen=True, eq=False)
class Explanation:
    """Shapley values of an index for a sample of rows, in log revenue potential.

    Parameters
    ----------
    rows : (E,) of int
        Rows of the data.
    values : DataFrame (E, K)
        By attribute.
    base : float
        What all rows share.
    predicted : (E,)
        Mean over the folds' learners, stretched: what values and base add up to.
    residual : float
        Largest absolute gap in that sum.
    by_fold : (K, P)
        Mean absolute value by attribute and fold: how stable the ranking is.
    clusters
        Attributes that move together, alone ones too; empty where single firms were explained.
    """

    rows: NDArray[np.int64]
    values: pd.DataFrame
    base: float
    predicted: Array
    residual: float
    by_fold: pd.DataFrame
    clusters: Clusters = ()

    @property
    def importance(self) -> pd.Series:
        """Mean absolute value by attribute, largest first."""
        return self.values.abs().mean().sort_values(ascending=False)

    def grouped(self, groups: Mapping[str, str] | None = None) -> pd.DataFrame:
        """Values summed within kinds of attributes, (E, groups)."""
        given = groups or {}
        labels = np.array([given.get(str(name), group_of(str(name))) for name in self.values])
        return pd.DataFrame(
            {group: self.values.loc[:, labels == group].sum(axis=1) for group in sorted(set(labels))}
        )

    def together(self) -> pd.DataFrame:
        """Joint values of attributes that move together, (E, clusters), by the members' names joined with " + ".

        How credit is split within a cluster is arbitrary: a learner may use either of two attributes that tell the same.
        """
        return pd.DataFrame(
            {" + ".join(members): self.values[list(members)].sum(axis=1) for members in self.clusters}
        )

    def trade_cost_equivalent(self, elasticity_of_substitution: float) -> pd.DataFrame:
        """Values as ad valorem trade costs, ``-value/(σ-1)``: what cost cut would raise revenue as much."""
        return -self.values / (elasticity_of_substitution - 1)


def explain(
    results: CapabilityResults, index: Literal["m", "g"] = "m", *, sample: int = SAMPLE, seed: int = 0
) -> Explanation:
    """Explain m̂ or ĝ on a random sample of rows.

    Raises
    ------
    CapabilityError
        Where the index was not learned, or additivity fails.
    """
    data = results.data
    generator = np.random.default_rng(seed)
    count = min(sample, len(data.firm))
    rows = np.sort(generator.choice(len(data.firm), count, replace=False))
    found = explain_attributes(results, data.attributes[rows], index, rows=rows)
    return replace(
        found,
        clusters=correlated_clusters(data.attributes[rows], data.row_weights[rows], data.attribute_names),
    )


def explain_attributes(
    results: CapabilityResults,
    attributes: Array,
    index: Literal["m", "g"] = "m",
    *,
    rows: NDArray[np.int64] | None = None,
) -> Explanation:
    """Explain m̂ or ĝ at any attributes (E, K), such as a made-up firm's; ``rows`` where they are the data's.

    Raises
    ------
    CapabilityError
        As `explain`.
    """
    learned, level, stretch = _learned(results, index)
    parts = [shapley_values(predictor, attributes) for predictor in learned.predictors]
    values = stretch * np.mean([value for value, _ in parts], axis=0)
    base = stretch * (float(np.mean([b for _, b in parts])) - level)
    predicted = stretch * (learned.predict(attributes) - level)
    residual = additivity_gap(values.sum(1), base, predicted, "Shapley values")
    names = list(results.data.attribute_names)
    by_fold = pd.DataFrame(
        {f"fold {k + 1}": abs(stretch) * np.abs(value).mean(0) for k, (value, _) in enumerate(parts)},
        index=names,
    )
    chosen = np.arange(len(attributes)) if rows is None else rows
    return Explanation(chosen, pd.DataFrame(values, columns=names), base, predicted, residual, by_fold)


def importance_by_seed(
    results: CapabilityResults, rows: NDArray[np.int64], seeds: int = 3, index: Literal["m", "g"] = "m"
) -> pd.DataFrame:
    """Mean absolute value by attribute and by other divisions of firms into folds, (K, seeds): how stable ranks are."""
    data, state = results.data, results.state
    response, weights = (capability_response if index == "m" else entry_response)(data, state)
    _, stretch = state.m_form if index == "m" else state.g_form
    learner = state.learner if index == "m" else state.entry_learner
    lines = state.m_lines if index == "m" else state.g_lines
    if lines is not None:
        stretch = 1.0  # lines, and what learners add to them, are in the index's own units
    found = {}
    with one_thread():
        for number in range(1, seeds + 1):
            seed = results.settings.seed + number
            folds = firm_folds(data, results.settings.folds, seed)
            fit = cross_fit(
                learner, data.attributes, response, weights, folds, data.attribute_names, 100 * seed, lines
            )
            parts = [shapley_values(predictor, data.attributes[rows])[0] for predictor in fit.predictors]
            found[f"seed {seed}"] = abs(stretch) * np.abs(np.mean(parts, axis=0)).mean(0)
    return pd.DataFrame(found, index=list(data.attribute_names))


@dataclass(frozen=True, eq=False)
class Interactions:
    """How much attributes tell together beyond what they tell apart.

    Parameters
    ----------
    strength : DataFrame (K, K)
        Mean absolute Shapley interaction of each pair, in log points; zero on the diagonal.
    residual : float
        Largest absolute gap between predictions and sums of main effects and interactions.
    rows : int
        Rows of which it is the mean.
    """

    strength: pd.DataFrame
    residual: float
    rows: int

    @property
    def additive(self) -> bool:
        """Whether the learner has no interaction at all."""
        return float(self.strength.to_numpy().max()) < ROUNDING


def interactions(
    results: CapabilityResults, rows: NDArray[np.int64], index: Literal["m", "g"] = "m"
) -> Interactions:
    """Shapley interactions of each pair of attributes: of trees, and of the products in boosting's base.

    Parameters
    ----------
    rows : (E,)
        Of the data; of a forest `FOREST_INTERACTION_ROWS` of them are used.

    Raises
    ------
    CapabilityError
        As `explain`.
    """
    learned, level, stretch = _learned(results, index)
    if any(isinstance(predictor, Forest) for predictor in learned.predictors):
        rows = rows[np.linspace(0, len(rows) - 1, min(FOREST_INTERACTION_ROWS, len(rows))).astype(int)]
    attributes, names = results.data.attributes[rows], list(results.data.attribute_names)
    pairs = stretch * np.mean([shapley_interactions(p, attributes) for p in learned.predictors], axis=0)
    # The base that all rows share is that of the values.
    bases = [shapley_values(predictor, attributes[:1])[1] for predictor in learned.predictors]
    base = stretch * (float(np.mean(bases)) - level)
    predicted = stretch * (learned.predict(attributes) - level)
    residual = additivity_gap(pairs.sum((1, 2)), base, predicted, "Shapley interactions")
    total = 2 * np.abs(pairs).mean(0)  # a pair's interaction is shared between its two entries
    np.fill_diagonal(total, 0.0)
    return Interactions(pd.DataFrame(total, index=names, columns=names), residual, len(rows))


def _learned(results: CapabilityResults, index: Literal["m", "g"]) -> tuple[CrossFit, float, float]:
    """The learners of an index, and the level and stretch that make it of their predictions."""
    state = results.state
    learned = state.m_learned if index == "m" else state.g_learned
    if learned is None:
        raise CapabilityError(f"{index} was not learned; estimate with two indices to explain g.")
    return learned, *(state.m_form if index == "m" else state.g_form)


#: Rows of `variance_shares` that are no kind of attribute; the last stands for both before it where they are not told apart.
UNOBSERVED_CAPABILITY, MARKETS, LUCK = "unobserved capability", "markets", "luck and taste"
NOT_TOLD_APART = "unobserved capability, luck and taste together"


def variance_shares(results: CapabilityResults, groups: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Variance of potential log exports of all firms in all open markets, by source, adding up exactly.

    ln x* = δ + Σ_groups m_group + u + ξ before anybody decides where to sell, so that who survives selection does not
    turn shares around: among exporters a good attribute goes with bad luck, and its covariance with sales may be
    negative. u and ξ are independent of the rest by the model, with variances σ_u² and σ_ξ². Market effects and groups of
    attributes go together; what they explain jointly is split by Shapley values over the variance that a set of them
    tells (Lindeman, Merenda and Gold 1980), which no source can lower: shares are never negative. m is split by the
    Shapley values of the learner that has not seen the firm.

    Returns
    -------
    DataFrame
        ``share`` by source, with ``low`` and ``high`` from two errors: of the estimate (m, δ and scales at each bootstrap
        draw that kept its learners) and of which firms were drawn (`RESAMPLES` of them), on log odds, holding the share.
        Fewer than `FEWEST_DRAWS` such draws tell no interval: NaN. Where the data do not tell unexplained capability
        from luck (one market whose years count once, or σ_u at its bound), the two are one row (`NOT_TOLD_APART`).

    Raises
    ------
    CapabilityError
        As `explain`.
    """
    forest = results.state.learner.kind == "random_forest"
    generator = np.random.default_rng(results.settings.seed)
    apart = _told_apart(results)
    sources = _sources(results, _some_firms(results, FOREST_FIRMS if forest else SAMPLE, generator), groups)
    shares = sources.shares(apart=apart)
    told = pd.DataFrame({"share": shares, "low": np.nan, "high": np.nan})
    kept = [draw for draw in results.draws if draw.m_learned is not None]
    if len(kept) < FEWEST_DRAWS:
        return told
    firms = _some_firms(results, FIRMS_AT_DRAWS // (4 if forest else 1), generator)
    here = _sources(results, firms, groups).shares(apart=apart)
    moved = pd.DataFrame(
        [_sources(_with_learners(results, draw), firms, groups).shares(apart=apart) for draw in kept]
    )
    sampled = pd.DataFrame(
        [sources.shares(sources.drawn_again(generator), apart=apart) for _ in range(RESAMPLES)]
    )
    for name in shares.index:
        estimates = np.clip(shares[name] + (moved[name] - here[name]).to_numpy(), 0.0, 1.0)
        # Sampling of firms adds to the spread of the estimate's draws.
        inflation = float(np.hypot(1.0, sampled[name].std(ddof=1) / max(moved[name].std(ddof=1), 1e-12)))
        told_here = told_interval(
            float(shares[name]), estimates, domain="share", level=results.level, inflation=min(inflation, 1e3)
        )
        told.loc[name, ["low", "high"]] = told_here.low, told_here.high
    return told


def _told_apart(results: CapabilityResults) -> bool:
    """Whether the data tell unexplained capability from luck."""
    fixed = "correlation" in results.state.fit.parameters.fixed
    return not fixed and not at_the_bound(float(results.variances["share of capability explained"]))


def _some_firms(results: CapabilityResults, most: int, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Rows (R,) of up to so many firms."""
    data = results.data
    chosen = np.ones(data.firm_count, dtype=bool)
    if data.firm_count > most:
        chosen[:] = False
        chosen[generator.choice(data.firm_count, most, replace=False)] = True
    return chosen[data.firm]


def _with_learners(results: CapabilityResults, draw: Draw) -> CapabilityResults:
    """The results at a draw, its own learners behind m, with the sample's firms and weights."""
    at = results.at_draw(draw)
    return replace(
        at, data=results.data, state=replace(at.state, m_learned=draw.m_learned, m_form=draw.m_form)
    )


@dataclass(frozen=True, eq=False)
class _Sources:
    """What makes potential ln exports: parts of m by row, and market effects by the row's group.

    Parameters
    ----------
    names : tuple of str
        Of the K kinds of attributes.
    parts : (K, R)
    effects : (G, 3)
        By group of rows: open markets, the sum of their δ, and of its square.
    group : (R,)
    weights : (R,)
    firm : (R,)
    luck, unexplained : float
        σ_ξ² and σ_u².
    """

    names: tuple[str, ...]
    parts: Array
    effects: Array
    group: NDArray[np.int64]
    weights: Array
    firm: NDArray[np.int64]
    luck: float
    unexplained: float

    def shares(self, weights: Array | None = None, *, apart: bool = True) -> pd.Series:
        """Of the variance of the total, by source."""
        cells, total, squares = self.effects[self.group].T
        w = (self.weights if weights is None else weights) * cells
        w = w / w.sum()
        level = np.divide(total, cells, out=np.zeros_like(total), where=cells > 0)
        values = np.vstack([self.parts, level])
        centred = values - (values @ w)[:, None]
        covariance = (centred * w) @ centred.T
        # Markets of one group vary too.
        within = np.divide(squares, cells, out=np.zeros_like(squares), where=cells > 0) - level**2
        covariance[-1, -1] += float(w @ within)
        split = shapley_of_variance(covariance)
        found = dict(zip((*self.names, MARKETS), split, strict=True))
        if apart:
            found |= {UNOBSERVED_CAPABILITY: self.unexplained, LUCK: self.luck}
        else:
            found[NOT_TOLD_APART] = self.unexplained + self.luck
        made = pd.Series(found)
        return made / made.sum()

    def drawn_again(self, generator: np.random.Generator) -> Array:
        """Weights of rows where firms are drawn with replacement."""
        present, place = np.unique(self.firm, return_inverse=True)
        times = np.bincount(generator.integers(len(present), size=len(present)), minlength=len(present))
        return self.weights * times[place]


def shapley_of_variance(covariance: Array) -> Array:
    """Shapley values (K,) of the variance of a sum of K correlated parts, by what sets of them tell of it; none negative.

    A set's value is the variance of the best linear prediction of the sum by the set's parts: more parts never tell
    less. The values add up to the variance of the sum.
    """
    count = len(covariance)
    with_total = covariance.sum(1)
    value = np.zeros(2**count)
    for members in range(1, 2**count):
        at = np.flatnonzero([(members >> k) & 1 for k in range(count)])
        own = with_total[at]
        value[members] = own @ np.linalg.lstsq(covariance[np.ix_(at, at)], own, rcond=1e-10)[0]
    found = np.zeros(count)
    sizes = np.array([bin(members).count("1") for members in range(2**count)])
    for k in range(count):
        without = np.flatnonzero([(members >> k) & 1 == 0 for members in range(2**count)])
        share = np.array([factorial(s) * factorial(count - 1 - s) / factorial(count) for s in sizes[without]])
        found[k] = share @ (value[without | (1 << k)] - value[without])
    # What is left of rounding must not make a share negative.
    return np.maximum(found, 0.0)


def _sources(
    results: CapabilityResults, rows: NDArray[np.bool_], groups: Mapping[str, str] | None
) -> _Sources:
    data, state, scales = results.data, results.state, results.scales
    values = _held_out_values(results, rows)
    labels = np.array([(groups or {}).get(name, group_of(name)) for name in data.attribute_names])
    kinds = sorted(set(labels.tolist()))
    parts = np.array([values[:, labels == kind].sum(1) for kind in kinds])
    open_cells = data.cell_counts[0] > 0
    demand = np.where(open_cells, state.fit.parameters.demand, 0.0)
    effects = np.column_stack([open_cells.sum(1), demand.sum(1), (demand**2).sum(1)]).astype(float)
    return _Sources(
        tuple(kinds), parts, effects, data.group[rows], data.row_weights[rows], data.firm[rows],
        scales.taste_of_all**2, scales.sigma_u**2,
    )  # fmt: skip


def _held_out_values(results: CapabilityResults, rows: NDArray[np.bool_]) -> Array:
    """Shapley values of m (R, K) at some rows, each by the learner that has not seen the firm; they make m up."""
    learned, level, stretch = _learned(results, "m")
    folds, attributes = results.state.folds[rows], results.data.attributes[rows]
    values, base = np.empty(attributes.shape), np.empty(len(attributes))
    for fold, predictor in enumerate(learned.predictors):
        held = folds == fold
        if held.any():
            values[held], base[held] = shapley_values(predictor, attributes[held])
    values *= stretch
    additivity_gap(values.sum(1) + stretch * (base - level), 0.0, results.m[rows], "Held-out Shapley values")
    return values


def premium_split(results: CapabilityResults) -> pd.Series:
    """Exporters' raw premium in log sales abroad per firm, split by Shapley values into its channels.

    Expected sales abroad of a firm, ``E[Σ_j x]``, depend on attributes (m and g), unexplained capability u and the
    markets it could enter. The premium of exporters over others in its logarithm is split over the three by
    switching each from the average firm's to the exporters'.
    """
    sources = ("attributes", "unexplained capability", "market access")
    value = {
        switched: _log_potential(results, set(switched))
        for size in range(len(sources) + 1)
        for switched in combinations(sources, size)
    }
    split = {}
    for source in sources:
        others = [s for s in sources if s != source]
        split[source] = sum(
            factorial(size) * factorial(len(others) - size) / factorial(len(sources))
            * (value[_ordered(sources, (*some, source))] - value[some])
            for size in range(len(others) + 1)
            for some in combinations(others, size)
        )  # fmt: skip
    return pd.Series({**split, "raw premium": value[sources] - value[()]})


def _ordered(sources: tuple[str, ...], chosen: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(source for source in sources if source in chosen)


def _log_potential(results: CapabilityResults, switched: set[str]) -> float:
    """Exporters' less others' mean of ln Σ_j E[x | κ, g], with the sources not switched at the mean of all."""
    data, s = results.data, results.scales
    exporter = data.exports_anywhere[data.firm]
    m = results.m if "attributes" in switched else np.zeros_like(results.m)
    g = results.g if "attributes" in switched else np.zeros_like(results.g)
    u = results.capability - results.m if "unexplained capability" in switched else np.zeros_like(results.m)
    p = results.state.fit.parameters
    sold = data.cell_counts[0] > 0
    demand = np.where(sold, np.exp(np.clip(p.demand, -60, 60)), 0.0)
    # Market access is the firm's own group of markets; unswitched, the mean over groups.
    index = (m + g + u)[:, None]
    own = (demand[data.group] * ndtr((index - p.threshold[data.group] + s.known_demand) / s.sigma_nu)).sum(1)
    if "market access" not in switched:
        share = np.bincount(data.group, weights=data.row_weights, minlength=len(data.group_names))
        own = np.sum(
            [
                w * (demand[k] * ndtr((index - p.threshold[k] + s.known_demand) / s.sigma_nu)).sum(1)
                for k, w in enumerate(share / share.sum())
            ],
            axis=0,
        )
    log = m + u + np.log(np.maximum(own, 1e-300))
    w = data.row_weights
    return float(np.average(log, weights=w * exporter) - np.average(log, weights=w * ~exporter))
