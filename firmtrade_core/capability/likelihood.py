"""The likelihood of MODEL 6: unexplained capability integrated by quadrature at each firm's posterior mode.

For firm ω with rows r (years) and markets j, with t = m_r + g_r + u and z = (ln x - δ - m_r - u)/σ_ξ:

    present  ln φ(z) - ln σ_ξ + ln Φ[((t - k)/σ_ν + ρ z)/√(1-ρ²)]
    absent   ln Φ((k - t)/σ_ν)
    at home  ln φ(z_h) - ln σ_h,  z_h = (ln x_h - δ_h - m_r - u)/σ_h, where sales at home are known

and u common to the rows of a firm: u ~ N(0, σ_u²), or exponentially modified, u = σ_u (√(1-a²) Z + a (E-1)) with Z
standard normal, E exponential and 0 < a < 1: as a nears 1 log capability has the tail of Pareto firms. Tastes may be the
more alike, or the more apart, the more capable the firm: σ_ξ(u) = σ_ξ e^(τu), since firms that sell are not like all others. Scores are posterior means of complete-data scores
(Fisher's identity), so one pass gives the likelihood, its gradient by firm, and the posterior moments.

Where the years of a firm count as one observation (its taste for a market lasts), a firm's log likelihood is the mean
of its years' own, u integrated in each: every year's likelihood is the model's, so the estimate is consistent whatever
ties the years (a composite likelihood, Varin, Reid and Firth 2011). A product of years to the power 1/T under one
integral is not: what years differ by raises σ_ξ without a price, and with one market σ_u falls to nothing.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.margins.tables import compiled

if TYPE_CHECKING:
    from firmtrade_core.capability.data import CapabilityData

Array = NDArray[np.float64]

#: Nodes of the adaptive Gauss-Hermite rule; 61 move the log likelihood of a reference firm by 3e-5 on average.
NODES = 9

#: Bounds of the tail a of an exponentially modified u, and slices into which its exponential part is cut for sums.
LEAST_TAIL, MOST_TAIL, TAIL_SLICES = 0.15, 0.985, 12

#: Firms handed to a thread at a time.
CHUNK = 512

_ROOT2 = math.sqrt(2.0)
_LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True)
class Scales:
    """Scales of shocks.

    Parameters
    ----------
    sigma_u, sigma_xi, sigma_nu
        Standard deviations. Where tastes are spread more widely in some markets, σ_ξ² is their mean square over the sales that
        are made: markets that sell more count for more.
    correlation
        ρ of ξ and ν.
    sigma_home
        σ_h of sales shocks at home, if these are seen.
    tail
        a, the share of u's standard deviation that is exponential; 0: u is normal.
    follows
        τ, log points by which the spread of tastes rises with a log point of u; σ_ξ is then the spread at u = 0.
    """

    sigma_u: float
    sigma_xi: float
    sigma_nu: float
    correlation: float
    sigma_home: float = 1.0
    tail: float = 0.0
    follows: float = 0.0

    @property
    def known_demand(self) -> float:
        """v_k = ρ σ_ξ σ_ν, demand known at entry."""
        return self.correlation * self.sigma_xi * self.sigma_nu

    @property
    def taste_of_all(self) -> float:
        """Root mean square of σ_ξ(u) over all firms, in log points; σ_ξ itself where tastes do not follow u."""
        if self.follows == 0:
            return self.sigma_xi
        mean = sum(w * math.exp(2 * self.follows * (m + self.follows * v)) for w, m, v in self.components)
        return self.sigma_xi * math.sqrt(mean)

    def taste_at(self, u: Array) -> Array:
        """σ_ξ(u) of firms, in log points, of u's shape."""
        taste: Array = self.sigma_xi * np.exp(self.follows * np.asarray(u, dtype=np.float64))
        return taste

    def free(self) -> Array:
        """Unbounded parameters: ln σ_u, ln σ_ξ, ln σ_ν, artanh ρ; σ_h apart."""
        return np.array(
            [
                math.log(self.sigma_u),
                math.log(self.sigma_xi),
                math.log(self.sigma_nu),
                math.atanh(self.correlation),
            ]
        )

    @classmethod
    def from_free(
        cls, free: Array, sigma_home: float = 1.0, tail: float = 0.0, follows: float = 0.0
    ) -> Scales:
        """The inverse of `free`."""
        u, xi, nu, r = (float(value) for value in free)
        return cls(math.exp(u), math.exp(xi), math.exp(nu), math.tanh(r), sigma_home, tail, follows)

    @property
    def components(self) -> tuple[tuple[float, float, float], ...]:
        """The law of u as normals: weight, mean and variance of each; one where u is normal."""
        if self.tail == 0:
            return ((1.0, 0.0, self.sigma_u**2),)
        # Of equal mass, at the means of the exponential's slices; their spread within joins the normal part.
        edges = -np.log1p(-np.arange(TAIL_SLICES) / TAIL_SLICES)
        beyond = np.append(np.exp(-edges) * (edges + 1), 0.0)
        means = -np.diff(beyond) * TAIL_SLICES
        within = 1.0 - float(np.mean((means - 1) ** 2))
        variance = self.sigma_u**2 * (1 - self.tail**2 + self.tail**2 * within)
        return tuple((1 / TAIL_SLICES, self.sigma_u * self.tail * (float(e) - 1), variance) for e in means)

    def draw_u(self, generator: np.random.Generator, count: int) -> Array:
        """Unexplained capability of so many firms, (count,)."""
        normal = generator.standard_normal(count)
        if self.tail == 0:
            return self.sigma_u * normal
        rest = math.sqrt(1 - self.tail**2)
        drawn: Array = self.sigma_u * (
            rest * normal + self.tail * (generator.standard_exponential(count) - 1)
        )
        return drawn


@dataclass(frozen=True, eq=False)
class Posterior:
    """One pass over all firms; F firms, R rows, J markets.

    Parameters
    ----------
    log_likelihood : (F,)
    mean, variance : (F,)
        Of u.
    mode : (F,)
        Where the next pass starts.
    scale_scores : (F, 4)
        Derivatives with respect to `Scales.free`.
    demand_scores, threshold_scores : (R, J)
        Derivatives with respect to the row's δ_j and k_j.
    entry_score, entry_curvature : (F,)
        First derivative of the log likelihood with respect to a shift of the firm's g, and minus the second.
    home_score : (R,)
        Derivative with respect to the row's δ_h; 0 where sales at home are not seen.
    home_scale_score : (F,)
        With respect to ln σ_h.
    prior_score, prior_information : (F,)
        First derivative of the log likelihood with respect to a shift of the firm's m with κ's data as they are, by the
        law of u, and minus the second: of a normal u, E[u]/σ_u² and (1 - V[u]/σ_u²)/σ_u².
    tail_score : (F,)
        With respect to a; 0 where u is normal.
    follows_score : (F,)
        With respect to τ.
    rows : Posterior, optional
        Where years count as one observation: the same by row, each row's u integrated apart; a firm's are the means.
        ``mode`` is by row then.
    """

    log_likelihood: Array
    mean: Array
    variance: Array
    mode: Array
    scale_scores: Array
    demand_scores: Array
    threshold_scores: Array
    entry_score: Array
    entry_curvature: Array
    home_score: Array
    home_scale_score: Array
    prior_score: Array
    prior_information: Array
    tail_score: Array
    follows_score: Array
    rows: Posterior | None = None

    def by_row(self, data: CapabilityData) -> Posterior:
        """Moments and entry scores by row, (R,): a firm's at each of its rows where its rows share u."""
        if self.rows is not None:
            return self.rows
        names = ("log_likelihood", "mean", "variance", "mode", "entry_score", "entry_curvature",
                 "prior_score", "prior_information")  # fmt: skip
        return replace(self, **{name: getattr(self, name)[data.firm] for name in names})


@partial(compiled, inline="always")
def _log_cdf(x: float) -> tuple[float, float]:
    """ln Φ(x) and the inverse Mills ratio φ(x)/Φ(x)."""
    if x > 7.0:
        return 0.0, 0.0
    if x > -6.0:
        below = 0.5 * math.erfc(-x / 1.4142135623730951)
        return math.log(below), math.exp(-0.5 * x * x) * 0.3989422804014327 / below
    # Continued fraction of Mills' ratio, exact to rounding this far out.
    ratio = -x
    for term in range(14, 0, -1):
        ratio = -x + term / ratio
    return -0.5 * x * x - 0.9189385332046727 - math.log(ratio), ratio


@partial(compiled, inline="always")
def _prior(u: float, sigma: float, tail: float) -> tuple[float, float, float]:
    """Log density of u, and its first and second derivatives."""
    if tail == 0.0:
        return -0.5 * (u / sigma) ** 2 - math.log(sigma) - 0.9189385332046727, -u / sigma**2, -1 / sigma**2
    rate, spread = 1 / (tail * sigma), sigma * math.sqrt(1 - tail * tail)
    x = u + tail * sigma
    below, mills = _log_cdf(x / spread - rate * spread)
    bend = mills * (x / spread - rate * spread + mills) / spread**2
    return (
        math.log(rate) + 0.5 * (rate * spread) ** 2 - rate * x + below,
        mills / spread - rate,
        -max(bend, 1e-8 / sigma**2),
    )


def log_prior(u: Array, scales: Scales) -> Array:
    """Log density of unexplained capability at values (N,)."""
    return np.array([_prior(float(value), scales.sigma_u, scales.tail)[0] for value in u])


@compiled
def _slope(
    u: float, rows: Any, state: Any, sales: Any, m: Any, g: Any, group: Any, temper: Any,
    demand: Any, threshold: Any, sigma_u: float, sigma_xi: float, sigma_nu: float, rho: float,
    home: Any, home_demand: Any, sigma_home: float, tail: float, follows: float,
) -> tuple[float, float]:  # fmt: skip
    """First and second derivative in u of the log of likelihood times prior."""
    rest = math.sqrt(1 - rho * rho)
    taste = sigma_xi * math.exp(follows * u)
    _, first, second = _prior(u, sigma_u, tail)
    for r in range(rows[0], rows[1]):
        capability, weight, at = m[r] + u, temper[r], group[r]
        if home[r] == home[r]:
            first += weight * (home[r] - home_demand[at] - capability) / sigma_home**2
            second -= weight / sigma_home**2
        for j in range(state.shape[1]):
            if state[r, j] == 0:
                x = (threshold[at, j] - capability - g[r]) / sigma_nu
                mills = _log_cdf(x)[1]
                first -= weight * mills / sigma_nu
                second -= weight * mills * (x + mills) / sigma_nu**2
            elif state[r, j] == 1:
                z = (sales[r, j] - demand[at, j] - capability) / taste
                q = ((capability + g[r] - threshold[at, j]) / sigma_nu + rho * z) / rest
                mills = _log_cdf(q)[1]
                fall = 1 / taste + follows * z
                pull = (1 / sigma_nu - rho * fall) / rest
                first += weight * (z * fall - follows + mills * pull)
                # Where tastes follow u, of the curvature the part that cannot change its sign.
                second -= weight * (fall * fall + mills * (q + mills) * pull * pull)
    return first, second


@compiled
def _sweep(
    first: int, last: int, starts: Any, state: Any, sales: Any, m: Any, g: Any, group: Any, temper: Any,
    demand: Any, threshold: Any, sigma_u: float, sigma_xi: float, sigma_nu: float, rho: float,
    home: Any, home_demand: Any, sigma_home: float, tail: float, follows: float, nodes: Any, log_weights: Any,
    log_likelihood: Any, mean: Any, variance: Any, mode: Any, scale_scores: Any,
    demand_scores: Any, threshold_scores: Any, entry_score: Any, entry_curvature: Any,
    home_score: Any, home_scale_score: Any, prior_score: Any, prior_information: Any, tail_score: Any,
    follows_score: Any,
) -> None:  # fmt: skip
    """Fill the outputs for firms ``first`` to ``last``."""
    count, markets = len(nodes), state.shape[1]
    rest = math.sqrt(1 - rho * rho)
    longest = 0
    for i in range(first, last):
        longest = max(longest, starts[i + 1] - starts[i])
    at_demand = np.empty((count, longest, markets))
    at_threshold = np.empty((count, longest, markets))
    logs, points, posterior = np.empty(count), np.empty(count), np.empty(count)
    scales = np.empty((count, 3))
    entry, bend = np.empty(count), np.empty(count)
    local, local_scale = np.empty((count, longest)), np.empty(count)
    by_prior, bend_prior, by_tail = np.empty(count), np.empty(count), np.zeros(count)
    for i in range(first, last):
        rows = (starts[i], starts[i + 1])
        u, step = mode[i], 1.0
        for _ in range(50):
            slope, curve = _slope(u, rows, state, sales, m, g, group, temper, demand, threshold,
                                  sigma_u, sigma_xi, sigma_nu, rho, home, home_demand, sigma_home, tail, follows)  # fmt: skip
            step = min(max(-slope / curve, -2.0), 2.0)
            u += step
            # The rule need only be centred well: a thousandth of the spread leaves the integral untouched.
            if abs(step) < 1e-2 / math.sqrt(-curve):
                break
        mode[i] = u
        spread = 1.4142135623730951 / math.sqrt(-curve)
        highest = -math.inf
        for n in range(count):
            u = mode[i] + spread * nodes[n]
            taste = sigma_xi * math.exp(follows * u)
            total, by_prior[n], bend_prior[n] = _prior(u, sigma_u, tail)
            if tail > 0.0:
                step_tail = 1e-4
                by_tail[n] = (
                    _prior(u, sigma_u, tail + step_tail)[0] - _prior(u, sigma_u, tail - step_tail)[0]
                ) / (2 * step_tail)
            d_xi = d_nu = d_rho = d_entry = d_bend = d_home = 0.0
            for r in range(rows[0], rows[1]):
                capability, weight, at = m[r] + u, temper[r], group[r]
                local[n, r - rows[0]] = 0.0
                if home[r] == home[r]:
                    z = (home[r] - home_demand[at] - capability) / sigma_home
                    total += weight * (-0.5 * z * z - math.log(sigma_home) - 0.9189385332046727)
                    local[n, r - rows[0]] = weight * z / sigma_home
                    d_home += weight * (z * z - 1)
                for j in range(markets):
                    to_demand = to_threshold = 0.0
                    if state[r, j] == 0:
                        x = (threshold[at, j] - capability - g[r]) / sigma_nu
                        log_cdf, mills = _log_cdf(x)
                        total += weight * log_cdf
                        to_threshold = mills / sigma_nu
                        d_nu -= weight * mills * x
                        d_entry -= weight * to_threshold
                        d_bend += weight * mills * (x + mills) / sigma_nu**2
                    elif state[r, j] == 1:
                        z = (sales[r, j] - demand[at, j] - capability) / taste
                        a = (capability + g[r] - threshold[at, j]) / sigma_nu
                        q = (a + rho * z) / rest
                        log_cdf, mills = _log_cdf(q)
                        total += weight * (log_cdf - 0.5 * z * z - math.log(taste) - 0.9189385332046727)
                        to_demand = (z - mills * rho / rest) / taste
                        to_threshold = -mills / (sigma_nu * rest)
                        d_xi += weight * (z * z - 1 - mills * rho * z / rest)
                        d_nu -= weight * mills * a / rest
                        d_rho += weight * mills * (z * rest + q * rho)
                        d_entry -= weight * to_threshold
                        d_bend += weight * mills * (q + mills) / (sigma_nu * rest) ** 2
                    at_demand[n, r - rows[0], j] = weight * to_demand
                    at_threshold[n, r - rows[0], j] = weight * to_threshold
            points[n], logs[n] = u, total + log_weights[n] + math.log(spread)
            scales[n, 0], scales[n, 1], scales[n, 2] = d_xi, d_nu, d_rho
            entry[n], bend[n], local_scale[n] = d_entry, d_bend, d_home
            highest = max(highest, logs[n])
        mass = 0.0
        for n in range(count):
            posterior[n] = math.exp(logs[n] - highest)
            mass += posterior[n]
        posterior /= mass
        log_likelihood[i] = highest + math.log(mass)
        mean[i] = (posterior * points).sum()
        variance[i] = (posterior * (points - mean[i]) ** 2).sum()
        # Of a scale family: minus one, less u times the slope of its log density.
        scale_scores[i, 0] = -1.0 - (posterior * points * by_prior).sum()
        # With κ as it is, a shift of m moves u alone: its law, and the spread of tastes that follows it.
        prior_score[i] = -(posterior * (by_prior + follows * scales[:, 0])).sum()
        prior_information[i] = (
            -(posterior * bend_prior).sum()
            - (posterior * (by_prior - (posterior * by_prior).sum()) ** 2).sum()
        )
        tail_score[i] = (posterior * by_tail).sum()
        follows_score[i] = (posterior * points * scales[:, 0]).sum()
        for s in range(3):
            scale_scores[i, s + 1] = (posterior * scales[:, s]).sum()
        entry_score[i] = (posterior * entry).sum()
        home_scale_score[i] = (posterior * local_scale).sum()
        # Louis' identity: expected curvature less the variance of the score.
        entry_curvature[i] = (posterior * bend).sum() - (posterior * (entry - entry_score[i]) ** 2).sum()
        for r in range(rows[1] - rows[0]):
            t = 0.0
            for n in range(count):
                t += posterior[n] * local[n, r]
            home_score[rows[0] + r] = t
            for j in range(markets):
                d = t = 0.0
                for n in range(count):
                    d += posterior[n] * at_demand[n, r, j]
                    t += posterior[n] * at_threshold[n, r, j]
                demand_scores[rows[0] + r, j] = d
                threshold_scores[rows[0] + r, j] = t


def integrate(
    data: CapabilityData,
    m: Array,
    g: Array,
    demand: Array,
    threshold: Array,
    scales: Scales,
    *,
    mode: Array | None = None,
    nodes: int = NODES,
    home: Array | None = None,
) -> Posterior:
    """Likelihood, scores and posterior moments of every firm (MODEL 6).

    Parameters
    ----------
    data
    m, g : (R,)
        Indices by row.
    demand, threshold : (G, J)
        δ and k by group of rows and market.
    scales
    mode : (F,), optional
        Where to look for the posterior modes of u; a former result's ``mode`` saves time.
    nodes
        Of the quadrature.
    home : (G,), optional
        δ at home by group, where sales at home are seen.
    """
    points, weights = np.polynomial.hermite.hermgauss(nodes)
    rows, markets = data.presence.shape
    once = data.years_count_once
    units = rows if once else data.firm_count
    result = Posterior(
        np.empty(units),
        np.empty(units),
        np.empty(units),
        np.zeros(units) if mode is None else mode.copy(),
        np.empty((units, 4)),
        np.empty((rows, markets)),
        np.empty((rows, markets)),
        np.empty(units),
        np.empty(units),
        np.empty(rows),
        np.empty(units),
        np.empty(units),
        np.empty(units),
        np.empty(units),
        np.empty(units),
    )
    at_home = np.full(rows, np.nan) if data.home_sales is None or home is None else data.home_sales
    of_home = np.zeros(len(data.group_names)) if home is None else home
    starts, temper = (np.arange(rows + 1), np.ones(rows)) if once else (data.starts, data.temper)
    common = (starts, data.presence, data.log_sales, m, g, data.group, temper, demand, threshold,
              scales.sigma_u, scales.sigma_xi, scales.sigma_nu, scales.correlation, at_home, of_home, scales.sigma_home,
              scales.tail, scales.follows,
              points, np.log(weights) + points**2)  # fmt: skip
    outputs = tuple(getattr(result, name) for name in Posterior.__dataclass_fields__ if name != "rows")
    in_threads(units, lambda low, high: _sweep(low, high, *common, *outputs))
    return _of_firms(data, result) if once else result


def _of_firms(data: CapabilityData, rows: Posterior) -> Posterior:
    """Firms' posteriors as the means of their years', and scores in proportion."""
    share = data.temper

    def mean(values: Array) -> Array:
        weighted = values * (share if values.ndim == 1 else share[:, None])
        total: Array = np.add.reduceat(weighted, data.starts[:-1], axis=0)
        return total

    return Posterior(
        mean(rows.log_likelihood),
        mean(rows.mean),
        mean(rows.variance),
        rows.mode,
        mean(rows.scale_scores),
        rows.demand_scores * share[:, None],
        rows.threshold_scores * share[:, None],
        mean(rows.entry_score),
        mean(rows.entry_curvature),
        rows.home_score * share,
        mean(rows.home_scale_score),
        mean(rows.prior_score),
        mean(rows.prior_information),
        mean(rows.tail_score),
        mean(rows.follows_score),
        rows,
    )


def in_threads(count: int, work: Callable[[int, int], None]) -> None:
    """Call ``work(low, high)`` over pieces of ``range(count)``, on all processors where there is enough to do."""
    threads = min(os.cpu_count() or 1, int(os.environ.get("FIRMTRADE_THREADS", "64")))
    if count <= 2 * CHUNK or threads == 1:
        work(0, count)
        return
    edges = [*range(0, count, CHUNK), count]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, edges[:-1], edges[1:]))
