"""Readings of an estimate: who could export next, one index or two, the tail of capability, exporters' premia."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr

from firmtrade_core.capability.data import ABSENT, PRESENT, CapabilityData
from firmtrade_core.capability.estimation import one_thread, refit, settle
from firmtrade_core.capability.likelihood import Scales
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
    log -= 0.5 * (grid / p.scales.sigma_u) ** 2
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
    """

    log_likelihood_one: float
    log_likelihood_two: float
    gain: float
    p_value: float
    entry_spread: float

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

    Parameters
    ----------
    pareto_tail, pareto_error
        Maximum likelihood (Hill) over the top share, and its standard error.
    lognormal_tail
        What a normal κ with the same variance would show over the same top share.
    log_likelihood_gain
        Of a Pareto over a truncated lognormal above the cutoff, by firm; positive favours Pareto.
    top_share
        Of firms.
    """

    pareto_tail: float
    pareto_error: float
    lognormal_tail: float
    log_likelihood_gain: float
    top_share: float


def tail_report(results: CapabilityResults, top_share: float = 0.05, draws: int = 20_000) -> TailReport:
    """Tail of κ = m + u with u drawn from its estimated normal, so that shrinkage of posteriors does not thin it."""
    generator = np.random.default_rng(results.settings.seed)
    weights = results.data.row_weights
    rows = generator.choice(len(weights), draws, p=weights / weights.sum())
    kappa = results.m[rows] + results.scales.sigma_u * generator.standard_normal(draws)
    centre, spread = kappa.mean(), kappa.std()
    cut = np.quantile(kappa, 1 - top_share)
    excess = kappa[kappa > cut] - cut
    tail = 1 / excess.mean()
    z = (cut - centre) / spread
    mills = float(np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) / ndtr(-z))
    pareto = np.log(tail) - tail * excess.mean()
    normal = np.mean(-0.5 * ((excess + cut - centre) / spread) ** 2) - np.log(
        spread * np.sqrt(2 * np.pi) * ndtr(-z)
    )
    return TailReport(
        float(tail),
        float(tail / np.sqrt(len(excess))),
        float(1 / (spread * (mills - z))),
        float(pareto - normal),
        top_share,
    )


def premia(results: CapabilityResults) -> pd.DataFrame:
    """Exporters' premia in log revenue potential: raw, of attributes and of unexplained capability.

    Returns
    -------
    DataFrame
        ``observed`` (posterior means) beside ``model`` (implied by the estimate for firms with these attributes):
        agreement says that the model reproduces selection.
    """
    data = results.data
    exporter = (data.presence == PRESENT).any(1)
    weights = data.row_weights

    def gap(values: Array, chosen: Array) -> float:
        return float(
            np.average(values, weights=weights * chosen) - np.average(values, weights=weights * (1 - chosen))
        )

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
    u = s.sigma_u * generator.standard_normal(data.firm_count)[data.firm]
    nu = s.sigma_nu * generator.standard_normal(data.presence.shape)
    threshold = np.where(data.cell_counts[0] > 0, p.threshold, np.inf)[data.group]
    index = (results.m + results.g + u)[:, None] + nu
    entered = (index >= np.where(threshold <= CERTAIN_ENTRY, -np.inf, threshold)).any(1)
    return entered.astype(float), u
