"""What the parameters of capability, themselves estimated, add to the error of an effect.

An effect depends on the scales, market effects and learned indices behind its outcome. With the gradient G of the
effect with respect to them, their information I (outer products of firms' scores, Berndt, Hall, Hall and Hausman 1974)
and a firm's scores S_f, the firm moves the effect by ``G' I⁻¹ S_f`` beyond what it does directly (Murphy and Topel
1985; Newey and McFadden 1994, section 6). Both parts are summed by firm before they are squared, so that their
covariance counts. The learned indices enter as their own stretches and as straight lines in every attribute.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from firmtrade_core.capability.data import CapabilityData
from firmtrade_core.capability.likelihood import Posterior
from firmtrade_core.capability.maximise import SCALARS, block_scores

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
_Factor = tuple[Array, bool]

#: Ridge relative to the information's diagonal: attributes may be collinear, cells may hold few sellers.
DAMPING = 1e-3


@dataclass(frozen=True, eq=False)
class Gradient:
    """Derivatives of a number: by free scales (4,), δ and k (G, J), and shifts of m and g along columns (N,)."""

    scales: Array
    demand: Array
    threshold: Array
    along_m: Array
    along_g: Array

    @property
    def border(self) -> Array:
        """Of all but market effects."""
        return np.concatenate([self.scales, self.along_m, self.along_g])


@dataclass(frozen=True, eq=False)
class System:
    """Scores and information of everything estimated together: market effects in blocks, bordered by the rest.

    Parameters
    ----------
    of_m, of_g : (R, N)
        Columns along which the indices may err.
    border : (F, B)
        Firms' scores in scales and along these columns.
    blocks
        Firms, groups and firms' scores in δ and k, by block.
    weights : (F,)
    """

    of_m: Array
    of_g: Array
    border: Array
    blocks: list[tuple[Integers, Integers, Array]]
    weights: Array

    @classmethod
    def at(
        cls, data: CapabilityData, m: Array, g: Array, fixed: tuple[str, ...], posterior: Posterior
    ) -> System:
        """The system after a pass over firms, one row each; what is ``fixed`` does not err.

        Parameters
        ----------
        data
        m, g : (R,)
            Indices.
        fixed
            Parameters that do not err.
        posterior
            The pass over firms.
        """
        attributes = _standardised(data.attributes)
        of_m, of_g = (np.column_stack([index, attributes]) for index in (m, g))
        if not g.any():
            of_g = np.zeros_like(of_g)
        entry = -posterior.threshold_scores.sum(1)
        free = np.array([name not in fixed for name in SCALARS[:4]])
        border = np.hstack(
            [
                posterior.scale_scores * free,
                (posterior.demand_scores.sum(1) + entry)[:, None] * of_m,
                entry[:, None] * of_g,
            ]
        )
        return cls(of_m, of_g, border, block_scores(data, posterior), data.weights)

    def influence(self, gradient: Gradient) -> Array:
        """What each firm (F,) does to the number whose gradient it is."""
        factors, corner = self._factors
        right, inner = gradient.border, []
        for (_, groups, _), (information, cross, _) in zip(self.blocks, factors, strict=True):
            own = np.concatenate([gradient.demand[groups].ravel(), gradient.threshold[groups].ravel()])
            inner.append(cho_solve(information, own))
            right = right - cross.T @ inner[-1]
        outer = cho_solve(corner, right)
        total = self.border @ outer
        for (firms, _, scores), (_, _, by), own in zip(self.blocks, factors, inner, strict=True):
            total[firms] += scores @ (own - by @ outer)
        return np.asarray(total * self.weights)

    @cached_property
    def _factors(self) -> tuple[list[tuple[_Factor, Array, Array]], _Factor]:
        """By block its factor, its products with the border and these solved; the factor of the border net of blocks."""
        weighted = self.border * self.weights[:, None]
        corner = weighted.T @ self.border
        found = []
        for firms, _, scores in self.blocks:
            factor = cho_factor(_damped(scores.T @ (scores * self.weights[firms, None])))
            cross = scores.T @ weighted[firms]
            by = cho_solve(factor, cross)
            corner = corner - cross.T @ by
            found.append((factor, cross, by))
        return found, cho_factor(_damped(corner))


def _standardised(attributes: Array) -> Array:
    centre, spread = np.nanmean(attributes, 0), np.nanstd(attributes, 0)
    return np.nan_to_num((attributes - centre) / np.where(spread > 0, spread, 1.0))


def _damped(matrix: Array) -> Array:
    diagonal = np.diag(matrix)
    usual = float(diagonal.mean())
    return matrix + np.diag(
        np.where(diagonal > 1e-12 * usual, DAMPING * (diagonal + 0.1 * usual), usual + 1e-300)
    )
