"""What a model says of firms it has not seen: entry, sales and exports by market (MODEL 2, 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr

from firmtrade_core.capability.likelihood import Scales

if TYPE_CHECKING:
    from firmtrade_core.capability.results import CapabilityResults

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Forecast:
    """By row and market, each (R, J).

    Parameters
    ----------
    entry
        Probability of presence.
    log_sales
        Mean of ln x of those present.
    exports
        Mean of x, absence counting as zero.
    """

    entry: Array
    log_sales: Array
    exports: Array


class Forecaster(Protocol):
    """A model fitted on some firms that forecasts others."""

    def forecast(self, attributes: Array, group: Integers) -> Forecast:
        """Forecast for attributes (R, K) of rows in groups (R,)."""
        ...


def structural_forecast(m: Array, g: Array, demand: Array, threshold: Array, scales: Scales) -> Forecast:
    """Forecast where only m and g are known; the integrands of equations (2) and (3) of MODEL 2.

    Parameters
    ----------
    m, g : (R,)
    demand, threshold : (R, J)
        δ and k of each row's group.
    """
    s = float(np.hypot(scales.sigma_u, scales.sigma_nu))
    index = ((m + g)[:, None] - threshold) / s
    common = scales.sigma_u**2 + scales.known_demand
    entry = ndtr(index)
    mills = np.exp(-0.5 * index**2 - log_ndtr(index)) / np.sqrt(2 * np.pi)
    log_sales = demand + m[:, None] + common / s * mills
    level = demand + m[:, None] + (scales.sigma_u**2 + scales.sigma_xi**2) / 2
    return Forecast(entry, log_sales, np.exp(level) * ndtr(index + common / s))


@dataclass(frozen=True, eq=False)
class StructuralForecaster:
    """Structural boosting, by its learned m and g."""

    results: CapabilityResults

    def forecast(self, attributes: Array, group: Integers) -> Forecast:
        """See `structural_forecast`."""
        p = self.results.state.fit.parameters
        m, g = self.results.predict_m(attributes), self.results.predict_g(attributes)
        return structural_forecast(m, g, p.demand[group], p.threshold[group], p.scales)
