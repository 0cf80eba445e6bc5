"""Capability as the outcome of an effect: the posterior of MODEL 6 without its shrinkage (MODEL 7).

A posterior mean leans on what the model believed of the firm, so that errors in the belief pass into effects and do
not show in their standard errors. Its Newton step does neither: with scores ``s = ∂ ln L/∂(m, g)`` of a row and mean
information J about a move of (m, g) along the attribute,

    (κ, g) as outcomes = (m, g) + J⁻¹ s

has the mean of the truth to first order in errors of m and g, for m and g jointly: what firms sell and what they
enter tells capability and fixed costs apart. m and g are first moved along the attribute and the instruments, net of
controls, to where these scores average zero; so both are among the posterior's predictors in effect, however much
the learner shrank them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from firmtrade_core.capability.data import PRESENT, UNOBSERVED, CapabilityData
from firmtrade_core.capability.likelihood import integrate
from firmtrade_core.capability.maximise import CERTAIN_ENTRY, Parameters
from firmtrade_core.channels.data import Outcomes
from firmtrade_core.channels.errors import PosteriorError

Array = NDArray[np.float64]

#: Newton steps along attribute and instruments, and the size of the last below which they stop.
MOST_STEPS, SMALL_STEP = 6, 0.002

#: Perturbation, in log points, with which information is measured.
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

    def scores(self, m: Array, g: Array, mode: Array | None = None) -> tuple[Array, Array]:
        """Derivatives of the log likelihood with respect to each row's m and g, (R, 2), and posterior modes (F,)."""
        p = self.parameters
        found = integrate(self.data, m, g, p.demand, p.threshold, p.scales, mode=mode)
        by_threshold = found.threshold_scores.sum(1)
        return np.column_stack([found.demand_scores.sum(1) - by_threshold, -by_threshold]), found.mode


def outcomes(capability: Capability, along: Array) -> Outcomes:
    """Capability, entry and its slope by row, in the order of the capability data.

    Parameters
    ----------
    capability
        Estimated with the attribute, all controls and all instruments among its attributes.
    along : (R, 1+L)
        What controls leave of the attribute (first) and of the instruments.

    Raises
    ------
    PosteriorError
        If the data tell capability and fixed costs not apart.
    """
    data = capability.data
    m, g = capability.m.copy(), capability.g.copy()
    along = along / np.maximum(along.std(0), 1e-12)
    project = np.linalg.pinv(along)
    scores, mode = capability.scores(m, g)
    for _ in range(MOST_STEPS):
        inverse = _inverse(_information(capability, m, g, along[:, 0], mode))
        step = project @ (scores @ inverse)
        m, g = m + along @ step[:, 0], g + along @ step[:, 1]
        scores, mode = capability.scores(m, g, mode)
        if np.abs(step).max() < SMALL_STEP:
            break
    inverse = _inverse(_information(capability, m, g, along[:, 0], mode))
    moved = np.column_stack([m, g]) + scores @ inverse
    entry, density = entry_and_slope(capability, m, g)
    return Outcomes(moved[:, 0], entry, density, data.attribute_names, log_exports(data))


def entry_and_slope(capability: Capability, m: Array, g: Array) -> tuple[Array, Array]:
    """Share of observed markets served, and its slope in κ + g, ``mean φ_N((m+g-k)/s)/s``, each (R,)."""
    data, p = capability.data, capability.parameters
    seen = data.presence != UNOBSERVED
    count = np.maximum(seen.sum(1), 1)
    s = float(np.hypot(p.scales.sigma_u, p.scales.sigma_nu))
    threshold = p.threshold[data.group]
    density = norm.pdf(((m + g)[:, None] - threshold) / s) / s
    density[threshold <= CERTAIN_ENTRY] = 0.0
    return (data.presence == PRESENT).sum(1) / count, (density * seen).sum(1) / count


def log_exports(data: CapabilityData) -> Array:
    """Log of total sales abroad by row, missing where there are none."""
    present = data.presence == PRESENT
    with np.errstate(divide="ignore"):
        total = np.log(np.where(present, np.exp(np.clip(data.log_sales, -700, 700)), 0.0).sum(1))
    return np.where(np.isfinite(total), total, np.nan)


def _information(capability: Capability, m: Array, g: Array, along: Array, mode: Array) -> Array:
    """J, (2, 2): minus the slope of the scores along the attribute, per unit of its square, by central differences."""
    slopes = []
    for move_m, move_g in ((_TINY, 0.0), (0.0, _TINY)):
        up = capability.scores(m + move_m * along, g + move_g * along, mode)[0]
        down = capability.scores(m - move_m * along, g - move_g * along, mode)[0]
        slopes.append(along @ (down - up) / (2 * _TINY))
    information = np.array(slopes) / float(along @ along)
    return (information + information.T) / 2


def _inverse(information: Array) -> Array:
    if np.linalg.eigvalsh(information)[0] < 1e-6 * max(float(np.trace(information)), 1e-300):
        raise PosteriorError(
            "Sales and entry do not tell capability and fixed costs apart along this attribute: too few sales, or too "
            "few markets. Pool years, or add markets."
        )
    return np.asarray(np.linalg.inv(information))
