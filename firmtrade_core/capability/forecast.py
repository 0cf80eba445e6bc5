"""What a model says of firms, known or not: entry, sales and exports by market (MODEL 2, 6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr, ndtri

from firmtrade_core.capability.data import PRESENT, UNOBSERVED
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


def structural_forecast(
    m: Array,
    g: Array,
    demand: Array,
    threshold: Array,
    scales: Scales,
    posterior: tuple[Array, Array] | None = None,
) -> Forecast:
    """Forecast by the integrands of equations (2) and (3) of MODEL 2, over the prior of u or its posterior.

    Parameters
    ----------
    m, g : (R,)
    demand, threshold : (R, J)
        δ and k of each row's group.
    posterior : ((R,), (R,)), optional
        Mean and variance of u for firms seen elsewhere, taken as normal; the law of u unless given.
    """
    if posterior is None:
        parts = [
            (
                weight,
                _given(m, g, demand, threshold, scales, np.full(len(m), mean), np.full(len(m), variance)),
            )
            for weight, mean, variance in scales.components
        ]
        if len(parts) == 1:
            return parts[0][1]
        entry = sum(weight * part.entry for weight, part in parts)
        logs = sum(weight * part.entry * part.log_sales for weight, part in parts)
        exports = sum(weight * part.exports for weight, part in parts)
        return Forecast(np.asarray(entry), np.asarray(logs) / np.maximum(entry, 1e-300), np.asarray(exports))
    return _given(m, g, demand, threshold, scales, *posterior)


def _given(
    m: Array, g: Array, demand: Array, threshold: Array, scales: Scales, mean: Array, variance: Array
) -> Forecast:
    """With u normal, of a mean and a variance by firm (R,)."""
    if scales.follows == 0:
        return _at(m, g, demand, threshold, scales, mean, variance)
    # The spread of tastes moves with u: u is summed over, point by point.
    nodes, masses = np.polynomial.hermite_e.hermegauss(_FOLLOWED)
    none, parts = np.zeros(len(m)), []
    for node in nodes:
        u = mean + node * np.sqrt(variance)
        parts.append(_at(m, g, demand, threshold, scales, u, none))
    weights = masses / masses.sum()
    entry = sum(w * part.entry for w, part in zip(weights, parts, strict=True))
    logs = sum(w * part.entry * part.log_sales for w, part in zip(weights, parts, strict=True))
    exports = sum(w * part.exports for w, part in zip(weights, parts, strict=True))
    return Forecast(np.asarray(entry), np.asarray(logs) / np.maximum(entry, 1e-300), np.asarray(exports))


def _at(
    m: Array, g: Array, demand: Array, threshold: Array, scales: Scales, mean: Array, variance: Array
) -> Forecast:
    """With u normal, of a mean and a variance by firm (R,), and the spread of tastes as at its mean."""
    taste = scales.taste_at(mean)[:, None]
    kappa, variance = (m + mean)[:, None], variance[:, None]
    s = np.sqrt(variance + scales.sigma_nu**2)
    index = (kappa + g[:, None] - threshold) / s
    common = (variance + scales.correlation * taste * scales.sigma_nu) / s
    mills = np.exp(-0.5 * index**2 - log_ndtr(index)) / np.sqrt(2 * np.pi)
    level = demand + kappa + (variance + taste**2) / 2
    return Forecast(ndtr(index), demand + kappa + common * mills, np.exp(level) * ndtr(index + common))


@dataclass(frozen=True)
class Persistence:
    """Correlation of a firm's shocks in a market with last year's: of ν and of ξ, each in [0, 1)."""

    entry: float = 0.0
    sales: float = 0.0


@dataclass(frozen=True, eq=False)
class LastYear:
    """Where firms stood a year before.

    Parameters
    ----------
    presence, log_sales : (R, J)
        As in `CapabilityData`; -1 where there is no last year.
    m, g : (R,)
    demand, threshold : (R, J)
    """

    presence: NDArray[np.int8]
    log_sales: Array
    m: Array
    g: Array
    demand: Array
    threshold: Array


#: Quadrature of next year's forecast: nodes of u, and of last year's ν within what last year's presence allows.
_U_NODES, _NU_NODES = 5, 8

#: Nodes of u where the spread of tastes follows it.
_FOLLOWED = 11


def next_year(
    m: Array,
    g: Array,
    demand: Array,
    threshold: Array,
    scales: Scales,
    posterior: tuple[Array, Array],
    last: LastYear,
    persistence: Persistence,
) -> Forecast:
    """Forecast of known firms a year on, shocks following ``ν' = r_ν ν + η_ν`` and ``ξ' = r_ξ ξ + η_ξ``.

    Innovations keep the variances of MODEL 6 and ``cov(η_ξ, η_ν) = (1 - r_ξ r_ν) v_k``. Given u, last year's sales give
    ξ and presence bounds ν; both are integrated out. Without a last year the shocks are drawn anew.

    Parameters
    ----------
    m, g, demand, threshold, scales, posterior
        See `structural_forecast`, for the year forecast.
    last, persistence
    """
    plain = structural_forecast(m, g, demand, threshold, scales, posterior)
    seen = last.presence != UNOBSERVED
    if not seen.any() or persistence == Persistence():
        return plain
    of_nu, of_xi = persistence.entry, persistence.sales
    spread = scales.sigma_nu * np.sqrt(1 - of_nu**2)
    rest = np.sqrt(1 - scales.correlation**2)
    present = last.presence == PRESENT
    nodes, masses = np.polynomial.hermite_e.hermegauss(_U_NODES)
    levels, parts = np.polynomial.legendre.leggauss(_NU_NODES)
    entry, logs, exports = (np.zeros(demand.shape) for _ in range(3))
    for node, mass in zip(nodes, masses / masses.sum(), strict=True):
        u = posterior[0] + node * np.sqrt(posterior[1])
        then, now = (last.m + u)[:, None], (m + u)[:, None]
        taste = scales.taste_at(u)[:, None]
        known = scales.correlation * taste * scales.sigma_nu
        own = taste**2 * (1 - of_xi**2)
        most = 0.99 * spread * np.sqrt(own)
        common = np.clip((1 - of_xi * of_nu) * known, -most, most) / spread
        xi = np.where(present, last.log_sales - last.demand - then, 0.0)
        # ν of last year given ξ where there were sales.
        centre = np.where(present, scales.correlation * scales.sigma_nu / taste * xi, 0.0)
        width = np.where(present, scales.sigma_nu * rest, scales.sigma_nu)
        bound = ndtr((last.threshold - then - last.g[:, None] - centre) / width)
        low, high = np.where(present, bound, 0.0), np.where(present, 1.0, bound)
        for level, part in zip((levels + 1) / 2, parts / 2, strict=True):
            nu = centre + width * ndtri(np.clip(low + (high - low) * level, 1e-12, 1 - 1e-12))
            index = (now + g[:, None] + of_nu * nu - threshold) / spread
            told = np.where(present, xi, scales.correlation * taste / scales.sigma_nu * nu)
            doubt = np.where(present, 0.0, (of_xi * taste * rest) ** 2)
            chance, base = mass * part * ndtr(index), demand + now + of_xi * told
            mills = np.exp(-0.5 * index**2 - log_ndtr(index)) / np.sqrt(2 * np.pi)
            entry += chance
            logs += chance * (base + common * mills)
            exports += mass * part * np.exp(base + (own + doubt) / 2) * ndtr(index + common)
    logs = logs / np.maximum(entry, 1e-300)
    return Forecast(
        *(
            np.where(seen, found, otherwise)
            for found, otherwise in ((entry, plain.entry), (logs, plain.log_sales), (exports, plain.exports))
        )
    )


def levels(actual: Array, predicted: Array, squares: Array) -> Array:
    """How far totals lie above forecasts, shrunk to 1 by what chance explains (empirical Bayes), as of the inputs.

    Means of exports rest on normal tails, totals on few large firms: where totals depart from forecasts by more than
    chance, forecasts of exports follow them, as a model with market effects in levels does by construction.

    Parameters
    ----------
    actual, predicted
        Totals by market, weighted; 0 where nothing was sold.
    squares
        Sums of squared weighted sales: ``squares / actual²`` is about the variance of ln of the total.
    """
    known = (actual > 0) & (predicted > 0)
    gap = np.zeros(actual.shape)
    gap[known] = np.log(actual[known] / predicted[known])
    noise = np.ones(actual.shape)
    noise[known] = squares[known] / actual[known] ** 2
    lasting = max(float((gap[known] ** 2 - noise[known]).mean()), 0.0) if known.any() else 0.0
    made: Array = np.exp(np.where(known, gap * lasting / (lasting + noise), 0.0))
    return made


@dataclass(frozen=True, eq=False)
class StructuralForecaster:
    """Structural boosting, by its learned m and g; means of exports follow the sample's totals (`levels`)."""

    results: CapabilityResults

    def forecast(self, attributes: Array, group: Integers) -> Forecast:
        """See `structural_forecast`."""
        p = self.results.state.fit.parameters
        m, g = self.results.predict_m(attributes), self.results.predict_g(attributes)
        made = structural_forecast(m, g, p.demand[group], p.threshold[group], p.scales)
        return replace(made, exports=made.exports * self._levels[group])

    def of_sample(self) -> Forecast:
        """The sample's own firms, m and g cross-fitted: as if none had been seen."""
        made = self._unlevelled
        return replace(made, exports=made.exports * self._levels[self.results.data.group])

    @cached_property
    def _unlevelled(self) -> Forecast:
        data, p = self.results.data, self.results.state.fit.parameters
        demand, threshold = p.demand[data.group], p.threshold[data.group]
        return structural_forecast(self.results.m, self.results.g, demand, threshold, p.scales)

    @cached_property
    def _levels(self) -> Array:
        """By group and market, (G, J): m and g of the sample are cross-fitted, so firms do not vouch for themselves."""
        data, p, made = self.results.data, self.results.state.fit.parameters, self._unlevelled
        seen = (data.presence != UNOBSERVED) & (data.cell_counts[0] > 0)[data.group]
        weight = np.broadcast_to(data.row_weights[:, None], seen.shape)
        sold = np.where(data.presence == PRESENT, np.exp(data.log_sales), 0.0)
        totals = np.zeros((3, *p.demand.shape))
        for total, values in zip(
            totals, (weight * sold, weight * made.exports, (weight * sold) ** 2), strict=True
        ):
            np.add.at(total, data.group, np.where(seen, values, 0.0))
        return levels(*totals)
