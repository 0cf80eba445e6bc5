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

from firmtrade_core.capability.additive_trees import AdditiveTrees
from firmtrade_core.capability.comparison import (
    ADDITIVE,
    ECONOMETRICS,
    HYBRID,
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
from firmtrade_core.capability.hybrid import Layer
from firmtrade_core.capability.likelihood import integrate
from firmtrade_core.capability.maximise import Fit
from firmtrade_core.capability.results import CapabilityResults, estimate
from firmtrade_core.capability.rivals import (
    Econometrics,
    MachineLearning,
    Regression,
    earlier_years,
    elsewhere,
    last_year,
)

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
        ECONOMETRICS: Econometrics.tuned(train, cells).forecast(*at),
        LEARNING: MachineLearning.tuned(train, cells=cells).forecast(*at),
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
    econometrics = Econometrics.tuned(train, cells)
    entry, sales, exports = (
        _predicted(fit, sellers, features)
        for fit in (econometrics.entry, econometrics.sales, econometrics.exports)
    )
    carried = replace(econometrics, entry=entry, sales=sales, exports=exports)
    by_group = np.broadcast_to(features, (len(sellers), *features.shape))
    learning = MachineLearning.tuned(train, cells=cells, features=by_group)
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
    results: CapabilityResults | None = None,
) -> KnownComparison:
    """Fit on all years but the last and forecast it with the last market effects known.

    Rivals see each firm's last year (presence, sales, and the same in other markets), its first, and averages of all
    its years. Structure carries the posterior of u and lets shocks persist; how far is what best forecasts each year of
    the sample from the years before it, u told by these alone. On the same forecasts the hybrid's layer is learned.

    Parameters
    ----------
    persistence
        Skips that choice.
    results
        The estimate on the years before the last, if it is at hand.

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
        last = int(years[-1])
        results = results or estimate(rows_of(data, data.years < last), settings)
        task = _NextYear.of(results, data, last)
        found = _next_year_scores(task, persistence, draws, seed)
    return found


def _next_year_scores(
    task: _NextYear, persistence: Persistence | None, draws: int, seed: int
) -> KnownComparison:
    past = _Past.of(task.results)
    chosen = past.persistence() if persistence is None else persistence
    level = past.levels(chosen) if past.tasks else 1.0
    forecasts = _next_year_forecasts(task, past, chosen, level)
    years = np.unique(task.results.data.years)
    notes = (
        f"Persistence of entry {chosen.entry:g} and of sales {chosen.sales:g}"
        + ("." if persistence else f", chosen on {_span(years[1:])}, each from the years before it."),
        f"{task.tested.years[0]} forecast from {_span(years)}.",
    )
    found = _scored(task.tested, task.tested.presence != UNOBSERVED, forecasts, draws, seed, notes)
    return replace(found, persistence=chosen)


def _span(years: Integers) -> str:
    return str(years[0]) if len(years) == 1 else f"{years[0]} to {years[-1]}"


@dataclass(frozen=True, eq=False)
class _NextYear:
    """A year to forecast: its firms with their m and g, the estimate on the years before, and each row's year before."""

    tested: CapabilityData
    results: CapabilityResults
    group: Integers
    before: Integers
    m: Array
    g: Array

    @classmethod
    def of(cls, results: CapabilityResults, data: CapabilityData, year: int) -> _NextYear:
        """From an estimate on the years before; m and g move by what the attributes' change predicts."""
        made = cls._told(results, rows_of(data, data.years == year), year)
        known, at = made.before >= 0, np.maximum(made.before, 0)
        own = results.data.attributes[at]
        m, g = results.predict_m(made.tested.attributes), results.predict_g(made.tested.attributes)
        m = np.where(known, results.m[at] + m - results.predict_m(own), m)
        g = np.where(known, results.g[at] + g - results.predict_g(own), g)
        return replace(made, m=m, g=g)

    @classmethod
    def within(cls, results: CapabilityResults, year: int) -> _NextYear:
        """A year of the sample as if it were to come: u is told by the years before alone, m and g by other firms."""
        data, state, p = results.data, results.state, results.state.fit.parameters
        early, now = data.years < year, data.years == year
        train, m, g = rows_of(data, early), results.m[early], results.g[early]
        posterior = integrate(train, m, g, p.demand, p.threshold, p.scales, home=p.home)
        fit = Fit(p, posterior, float(train.weights @ posterior.log_likelihood), 0)
        then = replace(results, data=train, state=replace(state, fit=fit, m=m, g=g), draws=())
        made = cls._told(then, rows_of(data, now), year)
        return replace(made, m=results.m[now], g=results.g[now])

    @classmethod
    def _told(cls, results: CapabilityResults, tested: CapabilityData, year: int) -> _NextYear:
        train = results.data
        group = _latest_groups(train)[tested.group]
        # Cells of markets that had no sellers when last seen have no effects to forecast with.
        open_cells = (train.cell_counts[0] > 0)[group] & (group >= 0)[:, None]
        tested = _without(tested, ~open_cells)
        none = np.zeros(len(tested.firm))
        return cls(tested, results, np.maximum(group, 0), _row_before(train, tested, year), none, none)

    def structural(self, persistence: Persistence) -> Forecast:
        """By the posterior of u, shocks persisting."""
        results, before = self.results, self.before
        data, p = results.data, results.state.fit.parameters
        known = before >= 0
        at = np.maximum(before, 0)
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
        return next_year(self.m, self.g, *market, p.scales, posterior, last, persistence)

    def cells(self) -> Array:
        """What rivals see of each firm's past, (R, J, 10): the year before, and all years before."""
        train, before = self.results.data, self.before
        recent = np.where(train.years[np.maximum(before, 0)] == self.tested.years - 1, before, -1)
        return np.concatenate([last_year(train, recent), earlier_years(train, before)], -1)


@dataclass(frozen=True, eq=False)
class _Past:
    """The years of a sample forecast in turn, each from those before it."""

    tasks: tuple[_NextYear, ...]

    @classmethod
    def of(cls, results: CapabilityResults) -> _Past:
        years = np.unique(results.data.years)
        return cls(tuple(_NextYear.within(results, int(year)) for year in years[1:]))

    def persistence(self) -> Persistence:
        """What forecasts these years best: entry by log loss, then sales by squared error."""

        def loss(measured: str, persistence: Persistence) -> float:
            made = [measures(t.tested, t.structural(persistence))[measured] for t in self.tasks]
            return float(np.mean(made))

        entry = min(PERSISTENCE, key=lambda r: loss("entry log loss", Persistence(r)))
        sales = min(PERSISTENCE, key=lambda r: loss("log sales RMSE", Persistence(entry, r)))
        return Persistence(entry, sales)

    def levels(self, persistence: Persistence) -> Array:
        """How far exports of these years lay above forecasts, by market (J,); see `forecast.levels`."""
        totals = np.zeros(())
        for task in self.tasks:
            data, forecast = task.tested, task.structural(persistence)
            weight, seen = data.row_weights[:, None], data.presence != UNOBSERVED
            sold = weight * np.where(data.presence == PRESENT, np.exp(data.log_sales), 0.0)
            foreseen = weight * np.where(seen, forecast.exports, 0.0)
            totals = totals + np.stack([sold.sum(0), foreseen.sum(0), (sold**2).sum(0)])
        return levels(*np.asarray(totals))


def _next_year_forecasts(
    task: _NextYear, past: _Past, persistence: Persistence, level: Array | float
) -> dict[str, Forecast]:
    """All models: the hybrid, structure with shocks that persist and without, and rivals."""
    train = task.results.data
    # In the first year nothing is known of the year before.
    used = train.years > train.years.min()
    if not used.any():
        used = np.ones(len(train.years), dtype=bool)
    cells, base, group = _of_past(train, past, persistence, level)
    at = (task.tested.attributes, task.group)
    remembered = task.structural(persistence)
    remembered = replace(remembered, exports=remembered.exports * level)
    now = task.cells()
    made = {HYBRID: remembered}
    if past.tasks:
        # Rows whose market effects a year before are fitted show what forecasts of a year to come are worth.
        years = np.unique(train.years)
        lagged = len(years) > 2
        layer = Layer.fit(
            _without(train, ~np.isfinite(base.exports)), _filled_in(base), cells=cells, used=used,
            weighed=train.years > years[1] if lagged else used, group=group if lagged else train.group,
        )  # fmt: skip
        made[HYBRID] = layer.terms(remembered, *at, now).on(remembered)
    return made | {
        STRUCTURE: remembered,
        WITHOUT_MEMORY: task.structural(Persistence()),
        ECONOMETRICS: Econometrics.tuned(train, cells, used).forecast(*at, now),
        LEARNING: MachineLearning.tuned(train, cells=cells, used=used).forecast(*at, now),
        ADDITIVE: AdditiveTrees.fit(train, cells=cells, used=used).forecast(*at, now),
    }


def _of_past(
    train: CapabilityData, past: _Past, persistence: Persistence, level: Array | float
) -> tuple[Array, Forecast, Integers]:
    """By training row: what rivals see of the past, structure's forecast, and the group of the year before."""
    before = _row_before(train, train, train.years)
    earlier = np.where(train.firm == np.roll(train.firm, 1), np.arange(len(train.firm)) - 1, -1)
    earlier[:1] = -1
    cells = np.concatenate([last_year(train, before), earlier_years(train, earlier)], -1)
    parts = {what: np.full(train.presence.shape, np.nan) for what in ("entry", "log_sales", "exports")}
    group = train.group.copy()
    for task in past.tasks:
        rows = np.flatnonzero(train.years == task.tested.years[0])
        forecast = task.structural(persistence)
        forecast = replace(forecast, exports=forecast.exports * level)
        shut = task.tested.presence == UNOBSERVED
        for what, values in parts.items():
            values[rows] = np.where(shut, np.nan, getattr(forecast, what))
        group[rows] = task.group
    return cells, Forecast(**parts), group


def _filled_in(forecast: Forecast) -> Forecast:
    """Numbers where nothing is forecast, for cells that no fit uses."""
    gaps = ~np.isfinite(forecast.exports)
    return Forecast(
        *(np.where(gaps, other, getattr(forecast, what)) for what, other in (("entry", 0.5), ("log_sales", 0.0), ("exports", 1.0)))
    )  # fmt: skip


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
    u = s.draw_u(generator, data.firm_count)[data.firm]
    kappa = results.m + u
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
    taste = s.taste_at(u)[:, None] / s.sigma_xi
    log_sales = p.demand[data.group] + kappa[:, None] + taste * shocks[..., 0]
    return data.with_outcomes(np.where(present, PRESENT, 0).astype(np.int8), log_sales)
