"""Weighted projection on fixed effects: conjugate gradients on the normal equations, largest grouping eliminated.

What gravity needs over and over is the part of a few columns that exporter-year, importer-year and pair effects
explain, under weights that change little from one step to the next. Started from the last answer, that takes a
few passes over the data.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from firmtrade_core.gravity.errors import ConvergenceError
from firmtrade_core.gravity.panel import Array, Integers
from firmtrade_core.labels import grouped

MOST_ITERATIONS = 20_000

#: What effects explain cannot be told below this share of the column's size.
ROUNDING = 1e-12


class Projector:
    """Least squares of a column on the dummies of several groupings, under weights.

    Parameters
    ----------
    groups
        Integer labels, (n,) each; none stands for one constant.
    size
        n.
    """

    def __init__(self, groups: Sequence[Integers], size: int) -> None:
        places = [np.unique(labels, return_inverse=True)[1] for labels in groups]
        places = places or [np.zeros(size, dtype=np.int64)]
        levels = [int(at.max()) + 1 for at in places]
        # The grouping with most levels is solved for exactly within each pass; the others are searched.
        order = np.argsort(levels, kind="stable")
        self._places = [places[k] for k in order]
        self._levels = [levels[k] for k in order]
        self._starts = np.concatenate([[0], np.cumsum(self._levels[:-1])]).astype(int)
        self.effects = int(self._starts[-1]) + self._levels[-1]
        self.reweigh(np.ones(size))

    def reweigh(self, weights: Array) -> None:
        """Use other weights, (n,), all above zero."""
        self.weights = weights
        self._masses = [
            np.bincount(at, weights=weights, minlength=n)
            for at, n in zip(self._places, self._levels, strict=True)
        ]
        self._scale = np.concatenate([*self._masses[:-1], np.zeros(0)])

    def expand(self, effects: Array) -> Array:
        """Σ of the effects at every row, (n,), from all levels one after the other, (G,)."""
        total: Array = effects[self._starts[-1] + self._places[-1]]
        for at, start in zip(self._places[:-1], self._starts, strict=False):
            total = total + effects[start + at]
        return total

    def fit(
        self, values: Array, tolerance: float, start: Array | None = None, *, most: int = MOST_ITERATIONS
    ) -> Array:
        """Effects (G,) that explain values (n,) best.

        Parameters
        ----------
        values
        tolerance
            Of the normal equations' residual, relative to its size without any effects.
        start : (G,)
            Where to begin.
        most
            Passes after which it gives up.

        Raises
        ------
        ConvergenceError
        """
        target = self._gradient(values)
        goal = tolerance * float(np.sqrt(target @ (target / self._scale))) if len(target) else 0.0
        goal = max(goal, ROUNDING * float(np.sqrt(self.weights @ values**2)))
        searched = np.zeros(len(target)) if start is None else start[: len(target)].copy()
        rest = values if start is None else values - self._spread(searched)
        gradient = target if start is None else self._gradient(rest)
        direction, product = np.zeros(len(target)), 1.0
        for _ in range(most):
            step = gradient / self._scale
            size = float(gradient @ step)
            if np.sqrt(size) <= goal or size == 0:
                break
            direction = step + size / product * direction if direction.any() else step
            product = size
            response = self._gradient(self._spread(direction))
            length = size / float(direction @ response)
            searched += length * direction
            gradient = gradient - length * response
        else:
            raise ConvergenceError(
                f"The effects of {grouped(len(values))} observations were not found in {grouped(most)} passes. Leave out "
                "effects that few observations identify."
            )
        own = self._own_means(values - self._spread(searched))
        return np.concatenate([searched, own])

    def residual(self, values: Array, effects: Array) -> Array:
        """What the effects leave, (n,)."""
        left: Array = values - self.expand(effects)
        return left

    def _own_means(self, values: Array) -> Array:
        """Weighted means within the largest grouping."""
        sums = np.bincount(self._places[-1], weights=self.weights * values, minlength=self._levels[-1])
        result: Array = sums / self._masses[-1]
        return result

    def _spread(self, searched: Array) -> Array:
        """Σ of the searched effects at every row, (n,)."""
        total = np.zeros(len(self.weights))
        for at, start in zip(self._places[:-1], self._starts, strict=False):
            total += searched[start + at]
        return total

    def _gradient(self, values: Array) -> Array:
        """Weighted sums by level of what is left once the largest grouping's means are gone."""
        left = self.weights * (values - self._own_means(values)[self._places[-1]])
        sums = [
            np.bincount(at, weights=left, minlength=n)
            for at, n in zip(self._places[:-1], self._levels, strict=False)
        ]
        return np.concatenate([*sums, np.zeros(0)])
