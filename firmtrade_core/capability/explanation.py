"""What m̂ and ĝ are made of: exact Shapley values by attribute, and variance of exports by source (MODEL 6, 8).

The learner is a sum of an additive base, whose Shapley values are its parts, and of trees, whose path-dependent
Shapley values shap's TreeExplainer computes exactly. These say what predicts, never what a policy would move.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from math import factorial
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from firmtrade_core.capability.data import PRESENT
from firmtrade_core.capability.errors import CapabilityError
from firmtrade_core.capability.estimation import capability_response, entry_response, firm_folds, one_thread
from firmtrade_core.capability.learners import Additive, Boosted, CrossFit, cross_fit
from firmtrade_core.capability.results import CapabilityResults

Array = NDArray[np.float64]

#: Largest gap between a prediction and the sum of its Shapley values that is rounding.
ADDITIVITY = 1e-6

#: Rows explained unless asked otherwise: enough for every chart.
SAMPLE = 5_000

#: Words in attributes' names that place them in a group; the first that fits.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "scale": ("employment", "capital", "size", "sales", "age"),
    "productivity": ("productivity", "tfp", "rnd", "skill", "wage", "markup"),
    "quality": ("quality", "certificate", "on_time", "delivery"),
    "network and information": ("link", "network", "digital", "supplier", "buyer", "imported_input", "scope"),
    "finance": ("finance", "credit", "debt", "foreign_ownership"),
    "location": ("region", "distance", "location"),
    "sector": ("sector",),
}


def group_of(attribute: str) -> str:
    """Attribute group by the words in a name; ``other`` where none fits."""
    return next((group for group, words in GROUPS.items() if any(w in attribute for w in words)), "other")


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
    """

    rows: NDArray[np.int64]
    values: pd.DataFrame
    base: float
    predicted: Array
    residual: float
    by_fold: pd.DataFrame

    @property
    def importance(self) -> pd.Series:
        """Mean absolute value by attribute, largest first."""
        return self.values.abs().mean().sort_values(ascending=False)

    def grouped(self, groups: Mapping[str, str] | None = None) -> pd.DataFrame:
        """Values summed within attribute groups, (E, groups); correlated attributes share credit there."""
        given = groups or {}
        labels = np.array([given.get(str(name), group_of(str(name))) for name in self.values])
        return pd.DataFrame(
            {group: self.values.loc[:, labels == group].sum(axis=1) for group in sorted(set(labels))}
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
        Where the index was not learned, the learner has no exact Shapley values, or additivity fails.
    """
    data = results.data
    generator = np.random.default_rng(seed)
    count = min(sample, len(data.firm))
    rows = np.sort(generator.choice(len(data.firm), count, replace=False))
    return explain_attributes(results, data.attributes[rows], index, rows=rows)


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
    learned: CrossFit | None = results.state.m_learned if index == "m" else results.state.g_learned
    if learned is None:
        raise CapabilityError(f"{index} was not learned; estimate with two indices to explain g.")
    level, stretch = results.state.m_form if index == "m" else results.state.g_form
    parts = [_shapley(predictor, attributes) for predictor in learned.predictors]
    values = stretch * np.mean([value for value, _ in parts], axis=0)
    base = stretch * (float(np.mean([b for _, b in parts])) - level)
    predicted = stretch * (learned.predict(attributes) - level)
    residual = float(np.abs(values.sum(1) + base - predicted).max())
    if residual > ADDITIVITY * max(1.0, float(np.abs(predicted).max())):
        raise CapabilityError(f"Shapley values miss the predictions by {residual:.2g}; they are withheld.")
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
    found = {}
    with one_thread():
        for number in range(1, seeds + 1):
            seed = results.settings.seed + number
            folds = firm_folds(data, results.settings.folds, seed)
            fit = cross_fit(
                learner, data.attributes, response, weights, folds, data.attribute_names, 100 * seed
            )
            parts = [_shapley(predictor, data.attributes[rows])[0] for predictor in fit.predictors]
            found[f"seed {seed}"] = abs(stretch) * np.abs(np.mean(parts, axis=0)).mean(0)
    return pd.DataFrame(found, index=list(data.attribute_names))


def interactions(
    results: CapabilityResults, rows: NDArray[np.int64], index: Literal["m", "g"] = "m"
) -> pd.DataFrame:
    """Mean absolute Shapley interaction of each pair of attributes, (K, K), zero on the diagonal.

    Only trees hold interactions; the additive base has none.
    """
    learned = results.state.m_learned if index == "m" else results.state.g_learned
    _, stretch = results.state.m_form if index == "m" else results.state.g_form
    names = list(results.data.attribute_names)
    total = np.zeros((len(names), len(names)))
    trees = [p for p in (learned.predictors if learned else ()) if isinstance(p, Boosted) and p.trees]
    if trees:
        import shap

        attributes = results.data.attributes[rows]
        pairs = sum(
            shap.TreeExplainer(p.trees, feature_perturbation="tree_path_dependent").shap_interaction_values(
                p.binned(attributes)
            )
            for p in trees
        )
        # A pair's effect is shared between its two entries.
        total = 2 * abs(stretch) * np.abs(pairs / len(learned.predictors if learned else trees)).mean(0)
        np.fill_diagonal(total, 0.0)
    return pd.DataFrame(total, index=names, columns=names)


def _shapley(predictor: object, attributes: Array) -> tuple[Array, float]:
    if isinstance(predictor, Additive):
        return predictor.parts(attributes), predictor.intercept
    if not isinstance(predictor, Boosted):
        raise CapabilityError("Exact Shapley values need the boosting or the splines learner.")
    values, base = np.zeros(attributes.shape), 0.0
    if predictor.base is not None:
        values, base = predictor.base.parts(attributes), predictor.base.intercept
    if predictor.trees is not None:
        import shap

        explainer = shap.TreeExplainer(predictor.trees, feature_perturbation="tree_path_dependent")
        values = values + explainer.shap_values(predictor.binned(attributes), check_additivity=False)
        base += float(np.ravel(explainer.expected_value)[0])
    return values, base


def variance_shares(results: CapabilityResults, groups: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Variance of ln exports by firm and market where present, by source, adding up exactly.

    ln x = δ + Σ_groups m_group + u + ξ, with u at its posterior mean and ξ the residual. Each source's share is its
    covariance with ln x over the variance of ln x: the Shapley value of a sum, whatever the order.

    Returns
    -------
    DataFrame
        ``share`` by source, with ``low`` and ``high`` over bootstrap draws that kept their learners, where there are.
    """
    data = results.data
    explained = explain(results, sample=len(data.firm))
    grouped = explained.grouped(groups)
    # Held-out m differs a little from the folds' mean that Shapley values explain; the gap is its own source.
    parts: dict[str, Array] = {str(name): grouped[name].to_numpy() for name in grouped}
    parts["unstable prediction"] = results.m - np.sum(list(parts.values()), axis=0)
    parts["unobserved capability"] = results.capability - results.m
    present = data.presence == PRESENT
    row, market = np.nonzero(present)
    log_sales = data.log_sales[present]
    columns: dict[str, Array] = {name: value[row] for name, value in parts.items()}
    columns["markets"] = results.state.fit.parameters.demand[data.group[row], market]
    columns["luck and taste"] = log_sales - np.sum(list(columns.values()), axis=0)
    weights = data.weights[data.firm[row]]
    generator = np.random.default_rng(results.settings.seed)
    shares = _shares(columns, log_sales, weights)
    made = []
    for _ in range(100):  # bands over firms
        times = np.bincount(
            generator.integers(data.firm_count, size=data.firm_count), minlength=data.firm_count
        )
        made.append(_shares(columns, log_sales, weights * times[data.firm[row]]))
    tail = (1 - results.level) / 2
    low, high = np.quantile(pd.DataFrame(made), [tail, 1 - tail], axis=0)
    return pd.DataFrame({"share": shares, "low": low, "high": high})


def _shares(columns: Mapping[str, Array], total: Array, weights: Array) -> pd.Series:
    centred = total - np.average(total, weights=weights)
    variance = np.average(centred**2, weights=weights)
    return pd.Series(
        {name: np.average(value * centred, weights=weights) / variance for name, value in columns.items()}
    )


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
