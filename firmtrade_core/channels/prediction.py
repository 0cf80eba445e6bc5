"""What the capability model credits attributes with: Shapley values of m̂ and ĝ, beside which effects are shown (MODEL 7).

A prediction, never an effect: an attribute that travels with a hidden cause is credited with what that cause does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.capability import CapabilityError, CapabilityResults
from firmtrade_core.capability.explanation import Explanation, explain

Array = NDArray[np.float64]

#: Rows explained, and points by which the shape of an attribute's Shapley values is kept.
SAMPLE, POINTS = 5_000, 24

#: Firms that a point needs.
FEWEST_AT_POINT = 5


@dataclass(frozen=True)
class Prediction:
    """What Shapley values of m̂ and ĝ give one more unit of an attribute: a prediction, not an effect.

    Parameters
    ----------
    attribute
    capability, fixed_cost_saving
        Per unit: the slope of its Shapley values in the attribute; of a yes-or-no attribute, the mean of firms that
        have it less the mean of others. NaN where the model has none.
    importance
        Mean absolute Shapley value in m̂, in log points.
    rank, of
        Among how many columns of the model, by importance.
    shape
        Of up to `POINTS` groups of firms: mean of the attribute, of its Shapley values in m̂ and in ĝ, and firms.
    rows
        Explained.
    additivity
        Largest gap between a prediction and the sum of its Shapley values.
    """

    attribute: str
    capability: float
    fixed_cost_saving: float
    importance: float = math.nan
    rank: int = 0
    of: int = 0
    shape: tuple[tuple[float, float, float, int], ...] = ()
    rows: int = 0
    additivity: float = math.nan


def predictions(results: CapabilityResults, attributes: Sequence[str]) -> tuple[Prediction, ...]:
    """Predictions of some attributes from one explanation of m̂ and one of ĝ, in their order."""
    of_m, of_g = _explained(results, "m"), _explained(results, "g")
    return tuple(_prediction(results, name, of_m, of_g) for name in attributes)


def _explained(results: CapabilityResults, index: str) -> Explanation | None:
    try:
        return explain(results, "m" if index == "m" else "g", sample=SAMPLE)
    except CapabilityError:  # not learned, or by a learner without exact values
        return None


def _prediction(
    results: CapabilityResults, name: str, of_m: Explanation | None, of_g: Explanation | None
) -> Prediction:
    data = results.data
    if of_m is None or name not in data.attribute_names:
        return Prediction(name, math.nan, math.nan)
    rows = of_m.rows
    column = data.attributes[rows, data.attribute_names.index(name)]
    known = np.isfinite(column)
    if f"{name}: not stated" in data.attribute_names:
        known &= data.attributes[rows, data.attribute_names.index(f"{name}: not stated")] == 0
    value, weights = column[known], data.row_weights[rows][known]
    in_m = of_m.values[name].to_numpy(float)[known]
    # Both are explained for the same rows: the sample depends on its seed alone.
    in_g = np.full(len(value), math.nan) if of_g is None else of_g.values[name].to_numpy(float)[known]
    order = [str(each) for each in of_m.importance.index]
    return Prediction(
        name, _slope(value, in_m, weights), _slope(value, in_g, weights), float(of_m.importance[name]),
        order.index(name) + 1, len(order), _shape(value, in_m, in_g, weights), len(rows), of_m.residual,
    )  # fmt: skip


def _slope(value: Array, credited: Array, weights: Array) -> float:
    """Of the least-squares line, weighted: of a yes-or-no attribute the difference of the two means."""
    centred = value - np.average(value, weights=weights)
    spread = float(weights @ centred**2)
    return float((weights * centred) @ credited) / spread if spread > 0 else math.nan


def _shape(
    value: Array, in_m: Array, in_g: Array, weights: Array
) -> tuple[tuple[float, float, float, int], ...]:
    edges = np.unique(np.quantile(value, np.linspace(0, 1, POINTS + 1)))
    few = np.unique(value)
    place = (
        np.searchsorted(few, value)
        if len(few) <= POINTS
        else np.clip(np.searchsorted(edges, value, side="right") - 1, 0, len(edges) - 2)
    )
    found = []
    for group in np.unique(place):
        here = place == group
        if here.sum() >= FEWEST_AT_POINT:
            x, m, g = (float(np.average(each[here], weights=weights[here])) for each in (value, in_m, in_g))
            found.append((x, m, g, int(here.sum())))
    return tuple(found)
