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

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from firmtrade_core.capability.data import PRESENT, UNOBSERVED, CapabilityData
from firmtrade_core.capability.likelihood import Posterior
from firmtrade_core.capability.maximise import CERTAIN_ENTRY
from firmtrade_core.channels.data import Outcomes
from firmtrade_core.channels.errors import PosteriorError
from firmtrade_core.channels.generated import Basis, Capability, Generated
from firmtrade_core.channels.parameters import System

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Newton steps along attribute and instruments, and the size of the last below which they stop.
MOST_STEPS, SMALL_STEP = 8, 0.002

#: Perturbation, in log points, with which second derivatives are measured.
_TINY = 0.05


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
