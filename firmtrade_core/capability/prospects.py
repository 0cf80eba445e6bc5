"""Readings of an estimate: who could export next, one index or two, the tail of capability, exporters' premia."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr
from scipy.stats import norm
from scipy.stats import t as student

from firmtrade_core.capability.bootstrap import FEWEST_DRAWS
from firmtrade_core.capability.data import ABSENT, PRESENT, CapabilityData
from firmtrade_core.capability.estimation import one_thread, refit, settle
from firmtrade_core.capability.likelihood import Scales, log_prior
from firmtrade_core.capability.maximise import CERTAIN_ENTRY
from firmtrade_core.capability.results import CapabilityResults

Array = NDArray[np.float64]


#: Points at which the posterior of u is tabulated, over this many prior standard deviations either way.
_POINTS, _REACH = 49, 5.0

#: Firms handled together, which bounds memory.
FIRMS_AT_ONCE = 1_000


@dataclass(frozen=True, eq=False)
class Prospects:
    """Who could export next: chances that a firm that sells nowhere would pass a market's threshold on a new draw.

    The entry shock ν is drawn anew (for another year or product) while u keeps its posterior: the mean of
    ``Φ((m + g + u - k)/σ_ν)``. These are N firms absent everywhere, J markets.

    Parameters
    ----------
    firms, rows : (N,) of int
        Firms of the data, and their last rows.
    probability, low, high : (N, J)
        Intervals carry the posterior of u and, where there are bootstrap draws, those of m, g and the parameters;
        without draws they are too narrow. NaN where the firm's group has no seller in the market.
    anywhere, anywhere_low, anywhere_high : (N,)
        Chance of at least one market: shocks are independent across markets given u.
    """

    firms: NDArray[np.int64]
    rows: NDArray[np.int64]
    probability: Array
    low: Array
    high: Array
    anywhere: Array
    anywhere_low: Array
    anywhere_high: Array

    def to_frame(self, data: CapabilityData) -> pd.DataFrame:
        """One line by firm and market: ``firm``, ``market``, ``probability``, ``low``, ``high``, most likely first."""
        count = len(data.markets)
        table = pd.DataFrame(
            {
                "firm": np.repeat([data.firm_names[f] for f in self.firms], count),
                "market": np.tile(data.markets, len(self.firms)),
                "probability": np.ravel(self.probability),
                "low": np.ravel(self.low),
                "high": np.ravel(self.high),
            }
        )
        return table.dropna().sort_values("probability", ascending=False, ignore_index=True)


def prospects(results: CapabilityResults, draws: int = 200) -> Prospects:
    """Chances of entry of all firms absent everywhere, with ``draws`` for their intervals."""
    data = results.data
    never = np.flatnonzero(~data.exports_anywhere)
    rows = data.starts[never + 1] - 1
    chances, anywhere = _chances(results, never)
    shape = (len(never), len(data.markets))
    low, high = np.empty(shape), np.empty(shape)
    some_low, some_high = np.empty(len(never)), np.empty(len(never))
    for start in range(0, len(never), FIRMS_AT_ONCE):
        part = slice(start, start + FIRMS_AT_ONCE)
        low[part], high[part], some_low[part], some_high[part] = _chance_bounds(
            results, never[part], rows[part], draws, start
        )
    blank = np.where(np.isfinite(chances), 0.0, np.nan)
    return Prospects(never, rows, chances, low + blank, high + blank, anywhere, some_low, some_high)


def entry_probabilities(results: CapabilityResults, draws: int = 200) -> pd.DataFrame:
    """`prospects` as a table by firm and market."""
    return prospects(results, draws).to_frame(results.data)


def starters(results: CapabilityResults) -> tuple[pd.Series, Array]:
    """Expected number of firms absent everywhere that a new draw of ν would bring in.

    Returns
    -------
    Series (J,)
        By market, in firms of the sample (weights of mean 1).
    (N,)
        Weighted chance of any market by firm, for sums over groups of firms.
    """
    data = results.data
    never = np.flatnonzero(~data.exports_anywhere)
    chances, anywhere = _chances(results, never)
    weights = data.weights[never]
    return pd.Series(weights @ np.nan_to_num(chances), index=list(data.markets)), weights * anywhere


def _chances(results: CapabilityResults, never: NDArray[np.int64]) -> tuple[Array, Array]:
    """Mean chance by firm and market (N, J), NaN where there is no seller, and of any market (N,)."""
    data, p = results.data, results.state.fit.parameters
    rows = data.starts[never + 1] - 1
    sold = data.cell_counts[0] > 0
    chances, anywhere = np.empty((len(never), len(data.markets))), np.empty(len(never))
    for start in range(0, len(never), FIRMS_AT_ONCE):
        part = slice(start, start + FIRMS_AT_ONCE)
        grid, mass = _posterior_of_absentees(results, never[part])
        group = data.group[rows[part]]
        gap = (results.m + results.g)[rows[part], None] - np.where(sold, p.threshold, np.inf)[group]
        total, none = np.zeros(gap.shape), np.zeros(len(gap))
        for q, u in enumerate(grid):
            chance = ndtr((gap + u) / p.scales.sigma_nu)
            total += mass[:, [q]] * chance
            none += mass[:, q] * (1 - chance).prod(1)
        chances[part], anywhere[part] = np.where(sold[group], total, np.nan), 1 - none
    return chances, anywhere


def _posterior_of_absentees(results: CapabilityResults, never: NDArray[np.int64]) -> tuple[Array, Array]:
    """Grid of u (Q,) and its posterior mass (N, Q) for firms absent everywhere: skewed, so not taken as normal."""
    data, p = results.data, results.state.fit.parameters
    chosen = np.isin(data.firm, never)
    gap = p.threshold[data.group[chosen]] - (results.m + results.g)[chosen, None]
    weight = data.temper[chosen, None] * (data.presence[chosen] == ABSENT)
    firsts = np.searchsorted(data.firm[chosen], never)
    grid = p.scales.sigma_u * np.linspace(-_REACH, _REACH, _POINTS)
    log = np.column_stack(
        [np.add.reduceat((weight * log_ndtr((gap - u) / p.scales.sigma_nu)).sum(1), firsts) for u in grid]
    )
    log += log_prior(grid, p.scales)
    mass = np.exp(log - log.max(1, keepdims=True))
    return grid, mass / mass.sum(1, keepdims=True)


def _chance_bounds(
    results: CapabilityResults, never: NDArray[np.int64], rows: NDArray[np.int64], draws: int, start: int
) -> tuple[Array, Array, Array, Array]:
    """Quantiles over draws of u from its posterior and, where bootstrapped, over estimates."""
    generator = np.random.default_rng([results.settings.seed, start])
    data = results.data
    own = (results.m, results.g, results.state.fit.parameters)
    sources = [(d.m, d.g, d.parameters) for d in results.draws] or [own]
    grid, mass = _posterior_of_absentees(results, never)
    cumulated = mass.cumsum(1)
    sold = (data.cell_counts[0] > 0)[data.group[rows]]
    made = np.empty((draws, len(rows), len(data.markets)), dtype=np.float32)
    for number in range(draws):
        m, g, p = sources[number % len(sources)]
        place = (generator.random((len(rows), 1)) > cumulated).sum(1)
        index = (m + g)[rows] + grid[np.minimum(place, len(grid) - 1)]
        threshold = np.where(sold, p.threshold[data.group[rows]], np.inf)
        made[number] = ndtr((index[:, None] - threshold) / p.scales.sigma_nu)
    anywhere = 1 - (1 - made.astype(float)).prod(2)
    tails = [(1 - results.level) / 2, (1 + results.level) / 2]
    low, high = np.quantile(made, tails, axis=0)
    some_low, some_high = np.quantile(anywhere, tails, axis=0)
    return low, high, some_low, some_high


@dataclass(frozen=True)
class SingleIndexTest:
    """Do attributes move entry through capability alone (g = 0)?

    Parameters
    ----------
    log_likelihood_one, log_likelihood_two
        Marginal with cross-fitted indices: both are scores of held-out folds.
    gain
        Twice the difference; about chi-squared with one degree of freedom, the scale of the one index added,
        since ĝ itself is learned out of fold.
    p_value
    entry_spread
        Standard deviation of ĝ.
    together
        Held-out log likelihood that learning both indices together adds to one, where that was done. Part of it is the gain
        of two learners over one, so it tests nothing; the test, which keeps m as it is, is cautious.
    """

    log_likelihood_one: float
    log_likelihood_two: float
    gain: float
    p_value: float
    entry_spread: float
    together: float | None = None

    @property
    def rejects(self) -> bool:
        """Whether one index is rejected at 5 %."""
        return self.p_value < 0.05


def single_index_test(one: CapabilityResults, most_refits: int = 4) -> SingleIndexTest:
    """Add g to an estimate with one index, m's shape as it is, and score both on held-out folds.

    Learning m anew beside g would gain by averaging two learners, where there is no second index either.
    """
    from scipy.stats import chi2

    data, seed = one.data, one.settings.seed
    state = one.state
    with one_thread():
        for _ in range(most_refits):
            moved = settle(data, refit(data, state, "g", seed), tolerance=1e-3)
            if moved.fit.log_likelihood <= state.fit.log_likelihood:
                break
            state = moved
    gain = max(2 * (state.fit.log_likelihood - one.log_likelihood), 0.0)
    spread = float(np.sqrt(np.average(state.g**2, weights=data.row_weights)))
    return SingleIndexTest(
        one.log_likelihood, state.fit.log_likelihood, gain, float(chi2.sf(gain, 1)), spread
    )


@dataclass(frozen=True)
class TailReport:
    """How the estimated distribution of revenue potential e^κ falls off.

    u is assumed normal, which leans to a lognormal tail: only m can make it another.

    Parameters
    ----------
    pareto_tail, pareto_error
        Exponent that fits best over the top share (Hill), and its standard error.
    lognormal_tail
        What a normal κ with the same variance would show over the same top share.
    log_likelihood_gain, gain_low, gain_high
        Of a Pareto over a truncated lognormal above the cutoff, by firm, with its interval; positive favours Pareto.
    top_share
        Of firms.
    errors_from
        ``draws`` of the estimate and of firms, or of ``firms`` alone, where there are too few draws.
    """

    pareto_tail: float
    pareto_error: float
    lognormal_tail: float
    log_likelihood_gain: float
    gain_low: float
    gain_high: float
    top_share: float
    errors_from: Literal["draws", "firms"]

    @property
    def law(self) -> Literal["Pareto", "lognormal"] | None:
        """The one that fits better; None where chance could have made the gain."""
        if self.gain_low > 0:
            return "Pareto"
        return "lognormal" if self.gain_high < 0 else None


@dataclass(frozen=True, eq=False)
class Potential:
    """Distribution of κ = m + u over firms with u normal: a mixture of normals, so that nothing need be drawn.

    Parameters
    ----------
    m, weights : (R,)
        Weights add up to one.
    spread : float
        σ_u.
    """

    m: Array
    weights: Array
    spread: float

    @classmethod
    def of(cls, m: Array, weights: Array, law: float | Scales) -> Potential:
        """With weights of any sum, and σ_u or the whole law of u: a fat tail is a mixture of normals itself."""
        if isinstance(law, float):
            return cls(m, weights / weights.sum(), law)
        share, mean, variance = np.array(law.components).T
        each = (share[:, None] * weights).ravel()
        return cls((m + mean[:, None]).ravel(), each / each.sum(), float(np.sqrt(variance[0])))

    def beyond(self, point: float) -> float:
        """Share of firms with κ above a point."""
        return float(self.weights @ ndtr((self.m - point) / self.spread))

    def cut(self, top_share: float) -> float:
        """The point that a share of firms lies above."""
        far = 9 * self.spread
        return float(
            brentq(lambda x: self.beyond(x) - top_share, self.m.min() - far, self.m.max() + far, xtol=1e-9)
        )

    def tail(self, top_share: float) -> tuple[float, float, float]:
        """Exponent of the best Pareto above the cut, of the normal with the same variance, and the gain by firm."""
        w, cut = self.weights, self.cut(top_share)
        centre = float(w @ self.m)
        spread = float(np.sqrt(w @ (self.m - centre) ** 2 + self.spread**2))
        z = (self.m - cut) / self.spread
        above, density = ndtr(z), np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
        share = float(w @ above)
        # Moments of a normal above a point: E[(κ - c)1] and E[(κ - centre)²1].
        excess = float(w @ ((self.m - cut) * above + self.spread * density)) / share
        from_centre = self.m - centre
        square = (from_centre**2 + self.spread**2) * above
        square = square + self.spread * (from_centre + cut - centre) * density
        at = (cut - centre) / spread
        mills = float(np.exp(-0.5 * at**2) / np.sqrt(2 * np.pi) / ndtr(-at))
        pareto = -np.log(excess) - 1
        normal = -0.5 * float(w @ square) / share / spread**2 - np.log(
            spread * np.sqrt(2 * np.pi) * ndtr(-at)
        )
        return 1 / excess, 1 / (spread * (mills - at)), float(pareto - normal)


#: Draws of firms by which sampling errors of the tail are measured.
RESAMPLES = 100


def tail_report(results: CapabilityResults, top_share: float = 0.05) -> TailReport:
    """Tail of κ = m + u with u of its estimated normal, so that shrinkage of posteriors does not thin it.

    Errors are those of the estimate, by bootstrap draws, and of which firms were drawn; without `FEWEST_DRAWS` draws
    of the latter alone.
    """
    data, sigma = results.data, results.scales
    tail, lognormal, gain = Potential.of(results.m, data.row_weights, sigma).tail(top_share)
    generator = np.random.default_rng(results.settings.seed)
    sampled = []
    for _ in range(RESAMPLES):
        times = np.bincount(
            generator.integers(data.firm_count, size=data.firm_count), minlength=data.firm_count
        )
        drawn = times[data.firm] > 0
        again = Potential.of(results.m[drawn], (data.row_weights * times[data.firm])[drawn], sigma)
        sampled.append(again.tail(top_share))
    variance = np.var(sampled, axis=0, ddof=1)
    reach = float(norm.ppf((1 + results.level) / 2))
    known = len(results.draws) >= FEWEST_DRAWS
    bias = np.zeros(3)
    if known:
        made = [Potential.of(d.m, data.row_weights, d.scales).tail(top_share) for d in results.draws]
        variance = variance + np.var(made, axis=0, ddof=1)
        bias = np.mean(made, axis=0) - (tail, lognormal, gain)
        reach = float(student.ppf((1 + results.level) / 2, len(made) - 1))
    errors, centre = np.sqrt(variance), gain - bias[2]
    return TailReport(
        tail, float(errors[0]), lognormal, gain, float(centre - reach * errors[2]), float(centre + reach * errors[2]),
        top_share, "draws" if known else "firms",
    )  # fmt: skip


def premia(results: CapabilityResults) -> pd.DataFrame:
    """Exporters' premia in log revenue potential: raw, of attributes and of unexplained capability.

    Returns
    -------
    DataFrame
        ``observed`` (posterior means) beside ``model`` (implied by the estimate for firms with these attributes):
        agreement says that the model reproduces selection. Missing where all firms trade, or none does.
    """
    data = results.data
    exporter = (data.presence == PRESENT).any(1)
    weights = data.row_weights

    def gap(values: Array, chosen: Array) -> float:
        some, others = weights * chosen, weights * (1 - chosen)
        if not some.any() or not others.any():
            return float("nan")
        return float(np.average(values, weights=some) - np.average(values, weights=others))

    drawn, u = _redrawn(data, results)
    u_hat = results.capability - results.m
    return pd.DataFrame(
        {
            "observed": [gap(results.capability, exporter), gap(results.m, exporter), gap(u_hat, exporter)],
            "model": [gap(results.m + u, drawn), gap(results.m, drawn), gap(u, drawn)],
        },
        index=["capability", "attributes", "unexplained"],
    )


def _redrawn(data: CapabilityData, results: CapabilityResults) -> tuple[Array, Array]:
    """Exporter status and u drawn from the estimated model, (R,)."""
    generator = np.random.default_rng(results.settings.seed)
    s: Scales = results.scales
    p = results.state.fit.parameters
    u = s.draw_u(generator, data.firm_count)[data.firm]
    nu = s.sigma_nu * generator.standard_normal(data.presence.shape)
    threshold = np.where(data.cell_counts[0] > 0, p.threshold, np.inf)[data.group]
    index = (results.m + results.g + u)[:, None] + nu
    entered = (index >= np.where(threshold <= CERTAIN_ENTRY, -np.inf, threshold)).any(1)
    return entered.astype(float), u
