"""One firm, real or made up: what its attributes predict, where it would enter, and what if they were others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from firmtrade_core.capability.explanation import Explanation, explain_attributes
from firmtrade_core.capability.results import CapabilityResults

Array = NDArray[np.float64]

Who = Literal["all", "present", "absent"]


@dataclass(frozen=True, eq=False)
class Profile:
    """A firm as the model sees it.

    Parameters
    ----------
    attributes : (K,)
        As in the data; NaN where not answered.
    group : int
        Its group of demand and thresholds.
    unexplained, spread : float
        Mean and standard deviation of its u.
    """

    attributes: Array
    group: int
    unexplained: float
    spread: float

    def changed(self, names: tuple[str, ...], changes: Mapping[str, float]) -> Profile:
        """The same firm with other attributes; u stays, as nothing is known of it that its attributes tell."""
        attributes = self.attributes.copy()
        for name, value in changes.items():
            attributes[names.index(name)] = value
        return replace(self, attributes=attributes)


@dataclass(frozen=True, eq=False)
class Outlook:
    """What is predicted for a profile.

    Parameters
    ----------
    m, g : float
        Log revenue potential from attributes, and what they take off fixed costs.
    m_range : (float, float)
        Least and largest m over the folds' learners.
    chances : (J,)
        Of entry by market on a new draw of ν; NaN where the group has no seller.
    anywhere : float
    explanation
        Of m, one row.
    """

    m: float
    g: float
    m_range: tuple[float, float]
    chances: Array
    anywhere: float
    explanation: Explanation


def firm_profile(results: CapabilityResults, firm: int) -> Profile:
    """A firm of the sample in its last year, by position."""
    data = results.data
    row = int(data.starts[firm + 1]) - 1
    posterior = results.state.fit.posterior
    return Profile(
        data.attributes[row], int(data.group[row]), float(posterior.mean[firm]), float(np.sqrt(posterior.variance[firm]))
    )  # fmt: skip


def typical_profile(results: CapabilityResults, who: Who = "all", group: int = 0) -> Profile:
    """Medians of the attributes of all firms, of those present somewhere, or of those absent everywhere."""
    data = results.data
    exports = data.exports_anywhere
    firms = {"all": np.ones_like(exports), "present": exports, "absent": ~exports}[who]
    if not firms.any():
        firms = np.ones_like(exports)
    rows = firms[data.firm]
    posterior, weights = results.state.fit.posterior, data.weights[firms]
    mean = float(np.average(posterior.mean[firms], weights=weights))
    between = float(np.average((posterior.mean[firms] - mean) ** 2, weights=weights))
    within = float(np.average(posterior.variance[firms], weights=weights))
    attributes = np.nanmedian(data.attributes[rows], axis=0)
    return Profile(attributes, group, mean, float(np.sqrt(between + within)))


def outlook(results: CapabilityResults, profile: Profile) -> Outlook:
    """Predictions for a profile."""
    data, p = results.data, results.state.fit.parameters
    row = profile.attributes[None, :]
    m, g = float(results.predict_m(row)[0]), float(results.predict_g(row)[0])
    level, stretch = results.state.m_form
    learned = results.state.m_learned
    each = [stretch * (float(k.predict(row)[0]) - level) for k in learned.predictors] if learned else [m]
    sold = data.cell_counts[0][profile.group] > 0
    gap = m + g - np.where(sold, p.threshold[profile.group], np.inf)
    nodes, mass = np.polynomial.hermite_e.hermegauss(31)
    mass = mass / mass.sum()
    u = profile.unexplained + profile.spread * nodes
    by_node = ndtr((gap[:, None] + u) / p.scales.sigma_nu)
    anywhere = 1 - float(mass @ (1 - by_node).prod(0))
    chances = np.where(sold, by_node @ mass, np.nan)
    return Outlook(m, g, (min(each), max(each)), chances, anywhere, explain_attributes(results, row))
