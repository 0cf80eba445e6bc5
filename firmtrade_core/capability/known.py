"""Forecasts of firms already known: in markets hidden from the models, in new markets, and in the next year (MODEL 6).

The same cells are hidden from all models. Structure carries a known firm's posterior of u; its rivals see what the firm
does elsewhere or did before. Everything that is chosen is chosen without the hidden cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.capability.comparison import (
    ECONOMETRICS,
    LEARNING,
    STRUCTURE,
    Scores,
    measures,
    score,
)
from firmtrade_core.capability.data import PRESENT, UNOBSERVED, CapabilityData
from firmtrade_core.capability.errors import SampleError
from firmtrade_core.capability.estimation import Settings, one_thread
from firmtrade_core.capability.forecast import (
    Forecast,
    LastYear,
    Persistence,
    levels,
    next_year,
    structural_forecast,
)
from firmtrade_core.capability.results import CapabilityResults, estimate
from firmtrade_core.capability.rivals import Econometrics, MachineLearning, Regression, elsewhere, last_year

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

#: Persistence of entry and of sales that the last year of the sample chooses from.
PERSISTENCE = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98)

#: Structure with shocks drawn anew each year, beside the one in which they persist.
WITHOUT_MEMORY = "structural boosting, no memory"


@dataclass(frozen=True, eq=False)
class KnownComparison(Scores):
    """Measures on hidden cells of known firms.

    Parameters
    ----------
    cells
        Hidden cells scored.
    notes
        What was chosen or left out.
    persistence
        Of shocks, where the next year was forecast.
    """

    cells: int
    notes: tuple[str, ...] = ()
    persistence: Persistence = field(default_factory=Persistence)


def compare_in_known_markets(
    data: CapabilityData,
    *,
    settings: Settings | None = None,
    folds: int = 5,
    folds_used: int | None = None,
    draws: int = 40,
    seed: int = 0,
) -> KnownComparison:
    """Hide a share of each firm's markets in turn, in all years, and forecast them from the rest.

    Parameters
    ----------
    folds, folds_used
        Folds of firm-market pairs, and how many are hidden in turn.
    draws
        Of the bootstrap over firms.

    Raises
    ------
    SampleError
        With one market: nothing is known of a firm elsewhere.
    """
    if len(data.markets) < 2:
        raise SampleError("There is one market; hold out firms or years instead.")
    pair = np.random.default_rng(seed).integers(folds, size=(data.firm_count, len(data.markets)))
    forecasts: dict[str, Forecast] = {}
    scored = np.zeros(data.presence.shape, dtype=bool)
    for number in range(folds_used or folds):
        hidden = (pair == number)[data.firm] & (data.presence != UNOBSERVED)
        train = _without(data, hidden)
        hidden &= (train.cell_counts[0] > 0)[train.group]
        with one_thread():
            made = _known_forecasts(train, settings)
        _fill(forecasts, made, hidden)
        scored |= hidden
    return _scored(data, scored, forecasts, draws, seed)


def _known_forecasts(train: CapabilityData, settings: Settings | None) -> dict[str, Forecast]:
    results = estimate(train, settings)
    cells = elsewhere(train)
    at = (train.attributes, train.group, cells)
    return {
        STRUCTURE: _structural(results),
        ECONOMETRICS: Econometrics.fit(train, cells).forecast(*at),
        LEARNING: MachineLearning.fit(train, cells=cells).forecast(*at),
    }


def _structural(
    results: CapabilityResults, demand: Array | None = None, threshold: Array | None = None
) -> Forecast:
    """Forecast of the sample's own firms by their posteriors."""
    data, p = results.data, results.state.fit.parameters
    return structural_forecast(
        results.m,
        results.g,
        (p.demand if demand is None else demand)[data.group],
        (p.threshold if threshold is None else threshold)[data.group],
        p.scales,
        _posterior(results),
    )


def _posterior(results: CapabilityResults) -> tuple[Array, Array]:
    """Mean and variance of u by row."""
    posterior = results.state.fit.posterior
    return posterior.mean[results.data.firm], posterior.variance[results.data.firm]


def compare_in_new_markets(
    data: CapabilityData,
    features: pd.DataFrame,
    *,
    settings: Settings | None = None,
    markets_used: int | None = None,
    draws: int = 40,
    seed: int = 0,
) -> KnownComparison:
    """Leave out whole markets in turn; their effects come from the other markets' features by least squares.

    Parameters
    ----------
    features : DataFrame (J, M)
        Of markets, such as the logs of size and distance; the index names the markets.
    markets_used
        How many markets are left out in turn, drawn at random (all unless given).

    Raises
    ------
    SampleError
        Where features are missing, or too many for the markets.
    """
    absent = [name for name in data.markets if name not in features.index]
    if absent:
        raise SampleError(f"Market features are missing for {', '.join(absent[:5])}.")
    known = features.loc[list(data.markets)].to_numpy(float)
    if not np.isfinite(known).all() or len(known) < known.shape[1] + 4:
        raise SampleError(
            f"{len(known)} markets cannot tell effects of {known.shape[1]} features apart, or some are missing: give "
            f"complete features, and at least {known.shape[1] + 4} markets."
        )
    order = np.random.default_rng(seed).permutation(len(known))[: markets_used or len(known)]
    forecasts: dict[str, Forecast] = {}
    scored = np.zeros(data.presence.shape, dtype=bool)
    for market in order:
        hidden = (np.arange(len(known)) == market) & (data.presence != UNOBSERVED)
        train = _without(data, hidden)
        with one_thread():
            made = _new_market_forecasts(train, settings, known)
        _fill(forecasts, made, hidden)
        scored |= hidden
    note = f"{len(order)} of {len(known)} markets left out in turn; effects from {', '.join(map(str, features))}."
    return _scored(data, scored, forecasts, draws, seed, (note,))


def _new_market_forecasts(
    train: CapabilityData, settings: Settings | None, features: Array
) -> dict[str, Forecast]:
    results = estimate(train, settings)
    p = results.state.fit.parameters
    cells = elsewhere(train)
    sellers = train.cell_counts[0]
    econometrics = Econometrics.fit(train, cells)
    entry, sales, exports = (
        _predicted(fit, sellers, features)
        for fit in (econometrics.entry, econometrics.sales, econometrics.exports)
    )
    carried = replace(econometrics, entry=entry, sales=sales, exports=exports)
    by_group = np.broadcast_to(features, (len(sellers), *features.shape))
    learning = MachineLearning.fit(train, cells=cells, features=by_group)
    return {
        STRUCTURE: _structural(
            results, effects_from(p.demand, sellers, features), effects_from(p.threshold, sellers, features)
        ),
        ECONOMETRICS: carried.forecast(train.attributes, train.group, cells),
        LEARNING: learning.forecast(train.attributes, train.group, cells),
    }


def _predicted(fit: Regression, sellers: Integers, features: Array) -> Regression:
    return replace(fit, effects=effects_from(fit.effects, sellers, features))


def effects_from(effects: Array, sellers: Integers, features: Array) -> Array:
    """Effects (G, J) with those of markets without sellers predicted by least squares on features (J, M).

    Markets count by their sellers, which is about how well their effects are known; groups have levels of their own.
    """
    known = sellers > 0
    group, market = np.nonzero(known)
    levels = np.eye(len(effects))
    design = np.hstack([levels[group], features[market]])
    root = np.sqrt(sellers[known])[:, None]
    slopes = np.linalg.lstsq(root * design, root[:, 0] * effects[known], rcond=None)[0]
    fitted = slopes[: len(effects), None] + features @ slopes[len(effects) :]
    predicted: Array = np.where(known, effects, fitted)
    return predicted


def compare_next_year(
    data: CapabilityData,
    *,
    settings: Settings | None = None,
    draws: int = 40,
    seed: int = 0,
    persistence: Persistence | None = None,
) -> KnownComparison:
    """Fit on all years but the last and forecast it with the last market effects known.

    Rivals see each firm's last year: presence, sales, and the same in other markets. Structure carries the posterior of
    u and lets shocks persist; how far is what best forecasts the last year of the sample from the years before it.

    Parameters
    ----------
    persistence
        Skips that choice.

    Raises
    ------
    SampleError
        With fewer than three years, or two where persistence is given.
    """
    years = np.unique(data.years)
    if len(years) < (3 if persistence is None else 2):
        raise SampleError(
            f"{len(years)} years cannot tell how far shocks persist and be forecast too: give at least three."
        )
    with one_thread():
        chosen, level = (
            _choose_persistence(data, settings, int(years[-2])) if persistence is None else (persistence, 1.0)
        )
        task = _NextYear.of(data, settings, int(years[-1]))
        forecasts = task.forecasts(chosen, level)
    notes = (
        f"Persistence of entry {chosen.entry:g} and of sales {chosen.sales:g}"
        + ("." if persistence else f", chosen on {years[-2]} from the years before it."),
        f"{years[-1]} forecast from {years[0]} to {years[-2]}.",
    )
    found = _scored(task.tested, task.tested.presence != UNOBSERVED, forecasts, draws, seed, notes)
    return replace(found, persistence=chosen)


@dataclass(frozen=True, eq=False)
class _NextYear:
    """A year held out: its firms, the estimate on the years before, and each row's year before."""

    tested: CapabilityData
    results: CapabilityResults
    group: Integers
    before: Integers

    @classmethod
    def of(cls, data: CapabilityData, settings: Settings | None, year: int) -> _NextYear:
        train, tested = rows_of(data, data.years < year), rows_of(data, data.years == year)
        group = _latest_groups(train)[tested.group]
        # Cells of markets that had no sellers when last seen have no effects to forecast with.
        open_cells = (train.cell_counts[0] > 0)[group] & (group >= 0)[:, None]
        tested = _without(tested, ~open_cells)
        return cls(tested, estimate(train, settings), np.maximum(group, 0), _row_before(train, tested, year))

    def structural(self, persistence: Persistence) -> Forecast:
        """Posterior of u, and m moved by what the attributes' change predicts."""
        results, before = self.results, self.before
        data, p = results.data, results.state.fit.parameters
        known = before >= 0
        at = np.maximum(before, 0)
        own = results.data.attributes[at]
        m, g = results.predict_m(self.tested.attributes), results.predict_g(self.tested.attributes)
        m = np.where(known, results.m[at] + m - results.predict_m(own), m)
        g = np.where(known, results.g[at] + g - results.predict_g(own), g)
        mean, variance = _posterior(results)
        posterior = np.where(known, mean[at], 0.0), np.where(known, variance[at], p.scales.sigma_u**2)
        # Shocks persist from the year before alone.
        recent = known & (data.years[at] == self.tested.years - 1)
        last = LastYear(
            np.where(recent[:, None], data.presence[at], UNOBSERVED).astype(np.int8),
            data.log_sales[at],
            results.m[at],
            results.g[at],
            p.demand[data.group[at]],
            p.threshold[data.group[at]],
        )
        market = p.demand[self.group], p.threshold[self.group]
        return next_year(m, g, *market, p.scales, posterior, last, persistence)

    def levels(self, forecast: Forecast) -> Array:
        """How far exports of the year lie above a forecast, by market (J,); see `forecast.levels`."""
        data = self.tested
        weight, seen = data.row_weights[:, None], data.presence != UNOBSERVED
        sold = weight * np.where(data.presence == PRESENT, np.exp(data.log_sales), 0.0)
        return levels(sold.sum(0), (weight * np.where(seen, forecast.exports, 0.0)).sum(0), (sold**2).sum(0))

    def forecasts(self, persistence: Persistence, level: Array | float = 1.0) -> dict[str, Forecast]:
        """All models, structure with shocks that persist, its means of exports at a level, and without."""
        train = self.results.data
        previous = _row_before(train, train, train.years)
        # In the first year nothing is known of the year before.
        used = (
            train.years > train.years.min()
            if (previous >= 0).any()
            else np.ones(len(train.years), dtype=bool)
        )
        cells = last_year(train, previous)
        recent = np.where(train.years[np.maximum(self.before, 0)] == self.tested.years - 1, self.before, -1)
        now = last_year(train, recent)
        at = (self.tested.attributes, self.group, now)
        remembered = self.structural(persistence)
        return {
            STRUCTURE: replace(remembered, exports=remembered.exports * level),
            WITHOUT_MEMORY: self.structural(Persistence()),
            ECONOMETRICS: Econometrics.fit(train, cells, used).forecast(*at),
            LEARNING: MachineLearning.fit(train, cells=cells, used=used).forecast(*at),
        }


def _choose_persistence(
    data: CapabilityData, settings: Settings | None, year: int
) -> tuple[Persistence, Array]:
    """What best forecasts a year from those before it: entry by log loss, then sales by squared error; then levels."""
    task = _NextYear.of(rows_of(data, data.years <= year), settings, year)
    entry = min(
        PERSISTENCE,
        key=lambda r: measures(task.tested, task.structural(Persistence(r)))["entry log loss"],
    )
    sales = min(
        PERSISTENCE,
        key=lambda r: measures(task.tested, task.structural(Persistence(entry, r)))["log sales RMSE"],
    )
    chosen = Persistence(entry, sales)
    return chosen, task.levels(task.structural(chosen))


def rows_of(data: CapabilityData, mask: Mask) -> CapabilityData:
    """Some rows only; groups keep their numbers, firms without a row go.

    Raises
    ------
    SampleError
        If no firm is left.
    """
    firms, firm = np.unique(data.firm[mask], return_inverse=True)
    if not len(firms):
        raise SampleError("No firm is seen in the years asked for.")
    independent = bool((data.temper == 1).all())
    spell = np.bincount(firm)[firm]
    return replace(
        data,
        presence=data.presence[mask],
        log_sales=data.log_sales[mask],
        attributes=data.attributes[mask],
        firm=firm.astype(np.int64),
        group=data.group[mask],
        weights=data.weights[firms] / data.weights[firms].mean(),
        temper=np.ones(len(firm)) if independent else 1.0 / spell,
        firm_names=tuple(data.firm_names[f] for f in firms),
        years=data.years[mask],
        home_sales=None if data.home_sales is None else data.home_sales[mask],
    )


def _latest_groups(train: CapabilityData) -> Integers:
    """For every group (G,), the last one of its sector with rows in the training years; -1 where there is none."""
    year = np.zeros(len(train.group_names), dtype=np.int64)
    year[train.group] = train.years
    # A group's name is its sector's and its year.
    sector = [name.rpartition(" ")[0] for name in train.group_names]
    latest = {s: i for i, s in sorted(enumerate(sector), key=lambda item: year[item[0]]) if year[i] > 0}
    return np.array([latest.get(s, -1) for s in sector], dtype=np.int64)


def _row_before(train: CapabilityData, rows: CapabilityData, year: int | Integers) -> Integers:
    """Each row's firm's last training row before a year, or of the year before exactly if years vary, (R,)."""
    if isinstance(year, int):
        ends = {name: int(end) - 1 for name, end in zip(train.firm_names, train.starts[1:], strict=True)}
        return np.array([ends.get(rows.firm_names[f], -1) for f in rows.firm], dtype=np.int64)
    found = {
        (f, y): i for i, (f, y) in enumerate(zip(train.firm.tolist(), train.years.tolist(), strict=True))
    }
    return np.array(
        [found.get((f, y - 1), -1) for f, y in zip(train.firm.tolist(), year.tolist(), strict=True)],
        dtype=np.int64,
    )


def _without(data: CapabilityData, hidden: Mask) -> CapabilityData:
    presence = np.where(hidden, UNOBSERVED, data.presence).astype(np.int8)
    return replace(data, presence=presence, log_sales=np.where(presence == PRESENT, data.log_sales, 0.0))


def _fill(forecasts: dict[str, Forecast], made: Mapping[str, Forecast], hidden: Mask) -> None:
    """Put what models say of hidden cells beside what they said of others."""
    for name, forecast in made.items():
        old = forecasts.get(name)
        parts = {}
        for what in ("entry", "log_sales", "exports"):
            before = np.zeros(hidden.shape) if old is None else getattr(old, what)
            parts[what] = np.where(hidden, getattr(forecast, what), before)
        forecasts[name] = Forecast(**parts)


def _scored(
    data: CapabilityData,
    scored: Mask,
    forecasts: Mapping[str, Forecast],
    draws: int,
    seed: int,
    notes: tuple[str, ...] = (),
) -> KnownComparison:
    seen = _without(data, ~scored)
    if not (seen.presence == PRESENT).any():
        raise SampleError("No sale is among the cells held out; give more firms or folds.")
    found = score(seen, forecasts, draws, seed)
    return KnownComparison(found.table, found.gains, found.by_market, int(scored.sum()), notes)


def simulate_years(
    results: CapabilityResults, persistence: Persistence, generator: np.random.Generator
) -> CapabilityData:
    """Outcomes drawn anew for the sample's firms and years, shocks persisting from year to year as in `next_year`."""
    data, p = results.data, results.state.fit.parameters
    s, markets = p.scales, len(data.markets)
    kappa = results.m + s.draw_u(generator, data.firm_count)[data.firm]
    factor = np.linalg.cholesky([[s.sigma_xi**2, s.known_demand], [s.known_demand, s.sigma_nu**2]])
    keep = np.array([persistence.sales, persistence.entry])
    # Stationary: innovations take up what persistence leaves of the covariance.
    fresh = np.linalg.cholesky((factor @ factor.T) * (1 - np.outer(keep, keep)) + 1e-12 * np.eye(2))
    shocks = np.empty((len(data.firm), markets, 2))
    for row in range(len(data.firm)):
        drawn = generator.standard_normal((markets, 2))
        gap = data.years[row] - data.years[row - 1] if row and data.firm[row] == data.firm[row - 1] else 0
        shocks[row] = keep * shocks[row - 1] + drawn @ fresh.T if gap == 1 else drawn @ factor.T
    present = (kappa + results.g)[:, None] + shocks[..., 1] >= p.threshold[data.group]
    log_sales = p.demand[data.group] + kappa[:, None] + shocks[..., 0]
    return data.with_outcomes(np.where(present, PRESENT, 0).astype(np.int8), log_sales)
