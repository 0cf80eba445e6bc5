"""Outcomes that were themselves estimated: capability by its Newton step, and what its parameters' errors add (MODEL 7)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.capability.data import CapabilityData
from firmtrade_core.capability.likelihood import Posterior, integrate
from firmtrade_core.capability.maximise import Parameters
from firmtrade_core.channels.errors import PosteriorError
from firmtrade_core.channels.parameters import Gradient, System

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Capability:
    """An estimated model of capability: its data, indices by row and parameters.

    Parameters
    ----------
    data
    m, g : (R,)
    parameters
    """

    data: CapabilityData
    m: Array
    g: Array
    parameters: Parameters

    def sweep(self, m: Array, g: Array, mode: Array | None = None) -> Posterior:
        """A pass over firms at other indices."""
        p = self.parameters
        return integrate(self.data, m, g, p.demand, p.threshold, p.scales, mode=mode)


@dataclass(frozen=True, eq=False)
class Basis:
    """Indices moved to where scores average zero, with the derivatives that every estimator's outcome is made of.

    Parameters
    ----------
    capability
        With the moved indices.
    index, scores : (R, 2)
        (m, g) and ∂ ln L/∂(m, g).
    information : (R, 2, 2)
        Minus second derivatives.
    by_scales : (R, 2, 4)
    by_demand, by_threshold : (R, 2, J)
        Derivatives of the scores with respect to `Scales.free` and to the row's own δ and k.
    system
        Of all that was estimated together.
    """

    capability: Capability
    index: Array
    scores: Array
    information: Array
    by_scales: Array
    by_demand: Array
    by_threshold: Array
    system: System

    def inverse(self, lean: Array, moved: Array) -> Array:
        """J⁻¹, (2, 2).

        Raises
        ------
        PosteriorError
            If sales and entry do not tell capability and fixed costs apart along the attribute.
        """
        pull = lean * moved
        information = np.einsum("i,ijk->jk", pull, self.information) / pull.sum()
        information = (information + information.T) / 2
        if np.linalg.eigvalsh(information)[0] < 1e-6 * max(float(np.trace(information)), 1e-300):
            raise PosteriorError(
                "Sales and entry do not tell capability and fixed costs apart along this attribute: too few sales, or "
                "too few markets. Pool years, or add markets."
            )
        return np.asarray(np.linalg.inv(information))

    def outcome(self, inverse: Array, side: int = 0) -> Array:
        """Capability (0) or g (1) as outcome, (R,)."""
        moved: Array = self.index[:, side] + self.scores @ inverse[:, side]
        return moved

    def gradient(self, lean: Array, inverse: Array, side: int = 0) -> Gradient:
        """Derivative of ``Σ lean κ`` (or g) with respect to everything estimated."""
        by = inverse[side]
        data, border = self.capability.data, self.system
        towards_m, towards_g = (float(side == at) - by @ self.information[:, :, at].T for at in (0, 1))
        return Gradient(
            np.einsum("i,ijk,j->k", lean, self.by_scales, by),
            by_group(data, lean[:, None] * np.einsum("ijk,j->ik", self.by_demand, by)),
            by_group(data, lean[:, None] * np.einsum("ijk,j->ik", self.by_threshold, by)),
            (lean * towards_m) @ border.of_m,
            (lean * towards_g) @ border.of_g,
        )


@dataclass(frozen=True, eq=False)
class Generated:
    """An outcome that was itself estimated: as any estimator needs it, with what its parameters' errors add.

    Parameters
    ----------
    basis
    place : (R',) of int
        Rows of the basis that are studied.
    side
        0 for capability, 1 for what is taken off fixed costs.
    """

    basis: Basis
    place: Integers
    side: Literal[0, 1] = 0

    def rows(self, keep: NDArray[np.bool_]) -> Generated:
        """Some rows only."""
        return replace(self, place=self.place[keep])

    def outcome(self, lean: Array, moved: Array) -> Array:
        """The outcome (R',) of an estimator that gives rows the weight ``lean`` and moves them by ``moved``, (R',) each."""
        inverse = self.basis.inverse(self._all(lean), self._all(moved))
        return self.basis.outcome(inverse, self.side)[self.place]

    def influence(self, lean: Array, moved: Array) -> Array:
        """What rows (R',) do to ``Σ lean outcome`` through the parameters that they helped estimate."""
        weight, inverse = self._all(lean), self.basis.inverse(self._all(lean), self._all(moved))
        total = self.basis.system.influence(self.basis.gradient(weight, inverse, self.side))
        kept = total[self.place]
        # Firms that lack the attribute helped estimate too: their share of the variance is spread over the others.
        spread = float(kept @ kept)
        return kept * np.sqrt(float(total @ total) / spread) if spread > 0 else kept

    def _all(self, values: Array) -> Array:
        full = np.zeros(len(self.basis.index))
        full[self.place] = values
        return full


def by_group(data: CapabilityData, values: Array) -> Array:
    """Sums of rows (R, K) by market, (J, K)."""
    total = np.zeros((len(data.group_names), values.shape[1]))
    np.add.at(total, data.group, values)
    return total
