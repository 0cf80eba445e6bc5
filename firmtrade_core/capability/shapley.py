"""Exact Shapley values and interactions of each kind of learner.

A linear or additive function's values are its parts, against the training sample. Trees' are those of shap's
TreeExplainer (Lundberg et al. 2020), path-dependent. A learner that adds trees to a base, or anything to a line, has the sum of both.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.capability.errors import CapabilityError
from firmtrade_core.capability.learners import Additive, Boosted, Forest, Layered, Linear, Predictor

Array = NDArray[np.float64]

#: Largest gap between a prediction and the sum of its Shapley values that is rounding.
ADDITIVITY = 1e-6


def shapley_values(predictor: Predictor, attributes: Array) -> tuple[Array, float]:
    """Values (R, K) and the base that all rows share.

    Raises
    ------
    CapabilityError
        Where the learner has no exact values.
    """
    if isinstance(predictor, Additive | Linear):
        return predictor.parts(attributes), predictor.intercept
    if isinstance(predictor, Forest):
        return _of_trees(predictor.trees, predictor.filled(attributes))
    if isinstance(predictor, Layered):
        below, above = (shapley_values(part, attributes) for part in (predictor.line, predictor.more))
        return below[0] + above[0], below[1] + above[1]
    if not isinstance(predictor, Boosted):
        raise CapabilityError(
            f"{type(predictor).__name__} has no exact Shapley values; choose another learner."
        )
    values, base = np.zeros(attributes.shape), 0.0
    if predictor.base is not None:
        values, base = shapley_values(predictor.base, attributes)
    if predictor.trees is not None:
        more, level = _of_trees(predictor.trees, predictor.binned(attributes))
        values, base = values + more, base + level
    return values, base


def shapley_interactions(predictor: Predictor, attributes: Array) -> Array:
    """Interactions (R, K, K): rows add up to `shapley_values`, half of a pair's interaction in either entry.

    Raises
    ------
    CapabilityError
        As `shapley_values`.
    """
    if isinstance(predictor, Additive):
        return predictor.interactions(attributes)
    if isinstance(predictor, Layered):
        both = [shapley_interactions(part, attributes) for part in (predictor.line, predictor.more)]
        return both[0] + both[1]
    if isinstance(predictor, Forest):
        return _pairs_of_trees(predictor.trees, predictor.filled(attributes))
    if isinstance(predictor, Boosted):
        found = np.zeros((*attributes.shape, attributes.shape[1]))
        if predictor.base is not None:
            found += predictor.base.interactions(attributes)
        if predictor.trees is not None:
            found += _pairs_of_trees(predictor.trees, predictor.binned(attributes))
        return found
    values, _ = shapley_values(predictor, attributes)  # a linear function has none
    return values[:, :, None] * np.eye(attributes.shape[1])


def _explainer(trees: Any) -> Any:
    import shap

    return shap.TreeExplainer(trees, feature_perturbation="tree_path_dependent")


def _of_trees(trees: Any, columns: Array) -> tuple[Array, float]:
    explainer = _explainer(trees)
    values: Array = explainer.shap_values(columns, check_additivity=False)
    return values, float(np.ravel(explainer.expected_value)[0])


def _pairs_of_trees(trees: Any, columns: Array) -> Array:
    pairs: Array = _explainer(trees).shap_interaction_values(columns)
    return pairs


def additivity_gap(total: Array, base: float, predicted: Array, what: str) -> float:
    """Largest absolute gap between predictions (R,) and base plus sums of values (R,).

    Raises
    ------
    CapabilityError
        If it is more than rounding.
    """
    residual = float(np.abs(total + base - predicted).max())
    if residual > ADDITIVITY * max(1.0, float(np.abs(predicted).max())):
        raise CapabilityError(f"{what} miss the predictions by {residual:.2g}; they are withheld.")
    return residual
