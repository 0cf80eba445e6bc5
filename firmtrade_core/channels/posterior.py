"""Capability as the outcome of an effect: the posterior of MODEL 6 without its shrinkage (MODEL 7).

A posterior mean leans on what the model believed of the firm, so that errors in the belief pass into effects and do
not show in their standard errors. Its Newton step does neither: with scores ``s = ∂ ln L/∂(m, g)`` of a row, minus
second derivatives H of a row, and mean information ``J = Σ l d H / Σ l d`` where an estimator gives rows the weight l
and moves them by d,

    (κ, g) as outcomes = (m, g) + J⁻¹ s

has the mean of the truth to first order in errors of m and g, for m and g jointly: what firms sell and what they
enter tells capability and fixed costs apart. m and g are first moved along the attribute and the instruments, net of
controls, to where these scores average zero; so both are among the posterior's predictors in effect, however much
the learner shrank them. The second is an attribute's effect on g: entry beyond what capability explains, as
``Δ(entry probability)/mean slope - Δκ`` is, but weighing every market by what it tells. Estimators that lean on other rows (instruments, groups of firms) have a J of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from firmtrade_core.capability.data import PRESENT, UNOBSERVED, CapabilityData
from firmtrade_core.capability.likelihood import Posterior, integrate
from firmtrade_core.capability.maximise import CERTAIN_ENTRY, Parameters
from firmtrade_core.channels.data import Outcomes
from firmtrade_core.channels.errors import PosteriorError
from firmtrade_core.channels.parameters import Gradient, System

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Newton steps along attribute and instruments, and the size of the last below which they stop.
MOST_STEPS, SMALL_STEP = 8, 0.002

#: Perturbation, in log points, with which second derivatives are measured.
_TINY = 0.05


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
        """J⁻¹, (2, 2)."""
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
            _by_group(data, lean[:, None] * np.einsum("ijk,j->ik", self.by_demand, by)),
            _by_group(data, lean[:, None] * np.einsum("ijk,j->ik", self.by_threshold, by)),
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


def outcomes(capability: Capability, along: Array) -> Outcomes:
    """Capability, entry and its slope by row, in the order of the capability data.

    Parameters
    ----------
    capability
        Estimated with the attribute, all controls and all instruments among its attributes, one row by firm.
    along : (R, 1+L)
        What controls leave of the attribute (first) and of the instruments.

    Raises
    ------
    PosteriorError
        If the data tell capability and fixed costs not apart, or firms have several rows.
    """
    data = capability.data
    if data.firm_count < len(data.firm):
        raise PosteriorError(
            "Firms have several rows: estimate capability one year at a time to study effects on it."
        )
    along = along / np.maximum(along.std(0), 1e-12)
    basis = _moved(capability, along)
    lean = data.row_weights * along[:, 0]
    entry, density = entry_and_slope(basis.capability)
    return Outcomes(
        basis.outcome(basis.inverse(lean, along[:, 0])),
        entry,
        density,
        data.attribute_names,
        log_exports(data),
        Generated(basis, np.arange(len(data.firm))),
    )


def entry_and_slope(capability: Capability) -> tuple[Array, Array]:
    """Share of observed markets served, and its slope in κ + g, ``mean φ_N((m+g-k)/s)/s``, each (R,)."""
    data = capability.data
    seen = data.presence != UNOBSERVED
    count = np.maximum(seen.sum(1), 1)
    p = capability.parameters
    s = float(np.hypot(p.scales.sigma_u, p.scales.sigma_nu))
    threshold = p.threshold[data.group]
    density = norm.pdf(((capability.m + capability.g)[:, None] - threshold) / s) / s
    density[threshold <= CERTAIN_ENTRY] = 0.0
    return (data.presence == PRESENT).sum(1) / count, (density * seen).sum(1) / count


def log_exports(data: CapabilityData) -> Array:
    """Log of total sales abroad by row, missing where there are none."""
    present = data.presence == PRESENT
    with np.errstate(divide="ignore"):
        total = np.log(np.where(present, np.exp(np.clip(data.log_sales, -700, 700)), 0.0).sum(1))
    return np.where(np.isfinite(total), total, np.nan)


def _moved(capability: Capability, along: Array) -> Basis:
    """Newton's method along the attribute and the instruments, (R, 1+L); second derivatives are kept from the start."""
    weighted, count = along * capability.data.row_weights[:, None], along.shape[1]
    m, g = capability.m.copy(), capability.g.copy()
    found = capability.sweep(m, g)
    information = _derivatives(capability, m, g, found.mode)[0]
    system = np.einsum("il,ik,ijh->ljkh", weighted, along, information, optimize=True).reshape(
        2 * count, 2 * count
    )
    for _ in range(MOST_STEPS):
        total = weighted.T @ _index_scores(found)
        step = np.linalg.lstsq(system, total.ravel(), rcond=1e-10)[0].reshape(count, 2)
        m, g = m + along @ step[:, 0], g + along @ step[:, 1]
        found = capability.sweep(m, g, found.mode)
        if np.abs(step).max() < SMALL_STEP:
            break
    moved = replace(capability, m=m, g=g)
    parts = _derivatives(moved, m, g, found.mode)
    return Basis(
        moved, np.column_stack([m, g]), _index_scores(found), *parts,
        System.at(capability.data, m, g, capability.parameters.fixed, found),
    )  # fmt: skip


def _derivatives(
    capability: Capability, m: Array, g: Array, mode: Array
) -> tuple[Array, Array, Array, Array]:
    """Information by row, and derivatives of its scores by scales, δ and k: by central differences in m and g.

    Each row stands for a firm, so that moving all rows at once tells each one's own derivatives; the order of
    differentiation does not matter, so the same passes tell how m's and g's scores move with the parameters.
    """
    parts = []
    for move_m, move_g in ((_TINY, 0.0), (0.0, _TINY)):
        up = capability.sweep(m + move_m, g + move_g, mode)
        down = capability.sweep(m - move_m, g - move_g, mode)
        parts.append(
            tuple(
                (high - low) / (2 * _TINY)
                for high, low in (
                    (_index_scores(up), _index_scores(down)),
                    (up.scale_scores, down.scale_scores),
                    (up.demand_scores, down.demand_scores),
                    (up.threshold_scores, down.threshold_scores),
                )
            )
        )
    index, scales, demand, threshold = (np.stack(pair, axis=1) for pair in zip(*parts, strict=True))
    return -index, scales, demand, threshold


def _index_scores(found: Posterior) -> Array:
    by_threshold = found.threshold_scores.sum(1)
    return np.column_stack([found.demand_scores.sum(1) - by_threshold, -by_threshold])


def _by_group(data: CapabilityData, values: Array) -> Array:
    total = np.zeros((len(data.group_names), values.shape[1]))
    np.add.at(total, data.group, values)
    return total
