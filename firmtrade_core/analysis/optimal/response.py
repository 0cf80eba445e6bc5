"""Best policies: one country's best response, Nash, and the rates at which a gain turns into a loss (MODEL 14).

The objective's derivative with respect to every instrument comes from one adjoint solve (`Equilibrium.gradient`), summed
over the cells that an instrument moves; a bounded quasi-Newton method (L-BFGS-B) climbs it through certified solutions,
each started from the last. Instruments are measured so that their second derivatives are near one: a rate that covers
a share m of income at elasticity ε weighs √(mε).

What is checked afterwards, and told: the projected gradient at the answer, further starts, random tries.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from firmtrade_core.analysis.optimal.first_order import first_order
from firmtrade_core.analysis.optimal.problem import (
    AS_GOOD,
    BOUNDS,
    CLOSE,
    FLAT_SLOPE,
    MARGIN,
    Array,
    Instrument,
    Lever,
    Method,
    Objective,
    OptimumError,
    Problem,
    held_back,
)
from firmtrade_core.equilibrium import Equilibrium, Parameters, Shock, solve
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.scenarios.fields import EVERYTHING
from firmtrade_core.scenarios.schema import (
    AnyCard,
    ExportSubsidy,
    ProductionSubsidy,
    ScheduleRow,
    Tariff,
    TariffSchedule,
)
from firmtrade_core.world.world import World


@dataclass(frozen=True, eq=False)
class BestResponse:
    """What a country does best, all else as given.

    Attributes
    ----------
    country, instrument, lever, objective, method
        As asked.
    labels : tuple of tuple of str
        What each rate stands on: () for a uniform one, (sector,), or (partner, sector).
    rates : (K,)
        Fractions: points added to the level in force, or levels, by the method.
    cells : (N, N, S) or (N, S)
        Which rate stands on each cell of the lever's array; -1 for none.
    before, equilibrium : Equilibrium
        Without and with the answer.
    gain : float
        Of real income, per cent; where duties are the objective, of duties, million USD in the engine's numeraire; where
        sectors are weighted, of the weighted income, per cent.
    slope : float
        Largest projected gradient, per cent of real income (of income, for duties) per point.
    at_bounds : tuple of int
        Positions of rates that a bound holds.
    tries, solved_tries : int
        Random answers and further climbs; those that had an equilibrium.
    best_try : float
        The best of them less the answer, per cent as `slope`; negative where none is as good.
    flat : tuple of float, optional
        The uniform rates within 0.001 points of the best; within the bounds.
    first_order : (K,)
        Rates of the first-order formula (`optimal.first_order`), from which the climb started; none of production subsidies.
    first_order_gain : float
        Gain at those, in the unit of `gain`; NaN where they have no equilibrium, or the climb started elsewhere.
    weights : tuple of (sector, weight)
        Of sectors in the objective; empty where it is not weighted.
    solves : int
        Equilibria solved in all.
    seconds : float
    """

    country: str
    instrument: Instrument
    lever: Lever
    objective: Objective
    method: Method
    labels: tuple[tuple[str, ...], ...]
    rates: Array
    cells: NDArray[np.int64] = field(repr=False)
    before: Equilibrium = field(repr=False)
    equilibrium: Equilibrium = field(repr=False)
    gain: float
    slope: float
    at_bounds: tuple[int, ...]
    tries: int
    solved_tries: int
    best_try: float
    flat: tuple[float, float] | None
    first_order: Array
    first_order_gain: float
    weights: tuple[tuple[str, float], ...]
    solves: int
    seconds: float

    @property
    def first_order_distance(self) -> float:
        """Largest distance of a first-order rate from the answer's, a fraction."""
        return float(np.abs(self.first_order - self.rates).max())

    @property
    def real_income(self) -> float:
        """Gain of real income, per cent, whatever the objective."""
        at = self.equilibrium.world.countries.index(self.country)
        return float(100 * (self.equilibrium.real_income_change[at] / self.before.real_income_change[at] - 1))

    @property
    def partners(self) -> tuple[str, ...] | None:
        """Whom the instrument reaches, where that is not everybody abroad."""
        if self.lever == "production_subsidy":
            return None
        world = self.equilibrium.world
        reached = np.asarray((self.cells >= 0).any((1, 2) if self.lever == "tariff" else (0, 2)))
        if reached.sum() >= len(world.countries) - 1:
            return None
        return tuple(c for c, use in zip(world.countries, reached, strict=True) if use)

    @property
    def holds(self) -> bool:
        """Whether the answer is at rest, nothing tried is better, and its equilibrium is certified."""
        return bool(
            self.slope <= FLAT_SLOPE and self.best_try <= MARGIN and self.equilibrium.certificate.holds
        )

    def cards(self) -> tuple[AnyCard, ...]:
        """The answer as cards of a scenario, for a world with the same codes.

        Raises
        ------
        OptimumError
            Where the levels of export taxes or production subsidies replace others: no card says so.
        """
        world, country = self.equilibrium.world, self.country
        if self.method == "set" and self.lever != "tariff":
            raise OptimumError("Cards add production subsidies and export taxes: ask for points added.")
        covered = self.cells.reshape(-1, len(world.sectors)).max(0) >= 0
        sectors = tuple(s for s, use in zip(world.sectors, covered, strict=True) if use)
        rates = [_finite(float(rate)) for rate in self.rates]
        partners = self.partners or (EVERYTHING,)
        if self.lever == "tariff" and self.instrument == "uniform":
            return (
                Tariff(
                    importers=(country,),
                    exporters=partners,
                    sectors=sectors,
                    method=self.method,
                    value=rates[0],
                ),
            )
        if self.lever == "tariff":
            rows = tuple(
                ScheduleRow(exporter=exporter, importer=country, sector=label[-1], rate=rate)
                for label, rate in zip(self.labels, rates, strict=True)
                for exporter in (partners if len(label) == 1 else label[:1])
            )
            return (
                TariffSchedule(importers=(country,), rows=rows, method=self.method, sectors=(EVERYTHING,)),
            )
        if self.instrument == "partner_sector":
            raise OptimumError("Cards of export taxes are by sector: ask for uniform or sector.")
        reach = [(sectors, rates[0])] if self.instrument == "uniform" else []
        reach += [((label[0],), rate) for label, rate in zip(self.labels, rates, strict=True) if label]
        if self.lever == "export_tax":
            return tuple(
                ExportSubsidy(exporters=(country,), importers=partners, sectors=on, value=-rate)
                for on, rate in reach
            )
        return tuple(ProductionSubsidy(countries=(country,), sectors=on, value=rate) for on, rate in reach)


def best_response(
    world: World,
    parameters: Parameters,
    country: str,
    *,
    instrument: Instrument = "uniform",
    lever: Lever = "tariff",
    objective: Objective = "real_income",
    shock: Shock | None = None,
    sectors: Sequence[str] | None = None,
    partners: Sequence[str] | None = None,
    weights: Mapping[str, float] | None = None,
    method: Method = "add",
    bounds: tuple[float, float] = BOUNDS,
    tries: int = 6,
    starts: int = 1,
    seed: int = 0,
) -> BestResponse:
    """The rates of one country's instrument that serve it best.

    Parameters
    ----------
    world, parameters
        Deficits removed or proportional to income.
    country
    instrument
        One rate; one by sector; one by partner and sector (not of production subsidies).
    lever
        Import tariffs; taxes on exports, as a fraction of what exporters receive; subsidies to production.
    objective
        real_income; duties in the engine's numeraire; or weighted, [I + Σ_s (λ_s - 1)(w L_s + Π_s)]/P (`Outcome`).
    shock
        What else is in force, the tariffs of others included.
    sectors
        Codes or groups that the instrument covers; all goods unless given, or all sectors where none is known as goods.
    partners
        Codes of those whose goods it covers, or to whom; all unless given.
    weights
        λ by sector or group of sectors, with the objective weighted; one for those not named.
    method
        Whether rates are added to the levels in force or replace them.
    bounds
        Least and largest rate, fractions.
    tries, starts
        Random answers, and further climbs from random starts, for the certificate.
    seed
        Of both.

    Raises
    ------
    OptimumError
        Where deficits are fixed, or what is asked does not exist.
    EquilibriumError
        Where the start has no equilibrium.

    Examples
    --------
    A country that buys and sells next to nothing of the world's only good, at a trade elasticity of 4: 1/4 (Gros 1987).

    >>> import numpy as np
    >>> from firmtrade_core.equilibrium import Parameters
    >>> from firmtrade_core.world.world import World
    >>> spending = np.array([[[0.7]], [[0.3]], [[0.3]], [[1e4]]]).reshape(2, 2, 1)
    >>> none = np.zeros((2, 2, 1))
    >>> world = World(("A", "B"), ("S",), spending, none, none, None, name="two")
    >>> best = best_response(world, Parameters(4.0, deficits="removed"), "A")
    >>> round(float(best.rates[0]), 3), best.holds
    (0.25, True)
    """
    problem = Problem(
        world,
        parameters,
        country,
        instrument,
        lever,
        objective,
        shock,
        sectors,
        method,
        bounds,
        partners=partners,
        weights=weights,
    )
    return answer(problem, None, tries, starts, seed)


@dataclass(frozen=True, eq=False)
class Curve:
    """What every uniform rate is worth.

    Attributes
    ----------
    rates : (P,)
        Fractions, ascending; the best and none among them.
    gains : (P,)
        In the unit of `BestResponse.gain`; NaN where there is no equilibrium.
    others : (P,)
        Change of the real income of all others together, per cent, against none of the rate.
    """

    rates: Array
    gains: Array
    others: Array


def curve(best: BestResponse, *, low: float = -0.1, high: float | None = None, points: int = 21) -> Curve:
    """The gain over the rate of a uniform instrument.

    Parameters
    ----------
    best
    low, high
        Ends; the second is two and a half times the best, and at least 0.3, unless given.
    points
        Rates, the best and none of it besides.

    Raises
    ------
    OptimumError
        For rates that are not uniform.
    """
    rate = float(best.rates[0])
    top = max(2.5 * rate, 0.3) if high is None else high
    problem = _again(best, (-0.99, max(top, 1.0)))
    rates = np.unique(np.concatenate([np.linspace(min(low, rate), top, points), [0.0, rate]]))
    gains, others = np.full(len(rates), np.nan), np.full(len(rates), np.nan)
    world, at = best.equilibrium.world, problem.at
    weight = np.where(np.arange(len(world.countries)) == at, 0.0, world.income)
    weight /= weight.sum()
    # Outwards from the best, so that each starts near a solution.
    for k in np.argsort(np.abs(rates - rate)):
        try:
            there = problem.solve_at(rates[[k]])
        except EquilibriumError:
            continue
        gains[k] = _gain(problem, best.before, there)
        change = there.real_income_change / best.before.real_income_change - 1
        others[k] = 100 * float(weight @ change)
    return Curve(rates, gains, others)


def break_even(best: BestResponse, *, largest: float = 5.0) -> float | None:
    """The uniform rate above the best at which the gain over the start is gone; None where no rate up to the largest does.

    Raises
    ------
    OptimumError
        For rates that are not uniform.
    """
    problem = _again(best, (-0.99, largest))
    none = problem.value(best.before)

    def gain(rate: float) -> float:
        return problem.value(problem.solve_at(np.array([rate]))) - none

    return _sign_change(gain, float(best.rates[0]), largest)


def tipping_retaliation(
    best: BestResponse, partners: Sequence[str] | None = None, *, largest: float = 5.0
) -> float | None:
    """The points that partners add on all that the country exports in the sectors covered, and its gain is gone.

    Parameters
    ----------
    best
    partners
        Codes of who answers; all others unless given.
    largest
        Rate up to which it is sought; None is returned where the gain outlasts it.

    Raises
    ------
    OptimumError
        Naming partners that the world does not have.
    """
    found, world = best.equilibrium, best.equilibrium.world
    at = world.countries.index(best.country)
    covered = best.cells.reshape(-1, len(world.sectors)).max(0) >= 0
    answer = np.zeros_like(world.tariff)
    answer[at] = covered
    answer[at, at] = 0
    if partners is not None:
        if strangers := set(partners) - set(world.countries):
            raise OptimumError(f"The world has no country {', '.join(sorted(strangers))}.")
        answer *= np.isin(world.countries, list(partners))[None, :, None]
    tariff = world.tariff if found.shock.tariff is None else found.shock.tariff
    near = found
    none = best.before.real_income_change[at]

    def gain(rate: float) -> float:
        nonlocal near
        shock = replace(found.shock, tariff=tariff + rate * answer)
        near = solve(world, shock, found.parameters, start=near, iteration=CLOSE)
        return float(np.log(near.real_income_change[at] / none))

    return _sign_change(gain, 0.0, largest)


def _sign_change(gain: Callable[[float], float], low: float, largest: float) -> float | None:
    """Where a gain that is positive at `low` first is none, sought in steps that widen."""
    if gain(low) <= 0:
        return low
    step = 0.05
    while low < largest:
        high = min(low + step, largest)
        try:
            there = gain(high)
        except EquilibriumError:
            return None
        if there <= 0:
            return float(brentq(gain, low, high, xtol=1e-6))
        low, step = high, 1.6 * step
    return None


def _finite(rate: float) -> float:
    """To nine digits, as cards are read by people."""
    return round(rate, 9)


def _again(best: BestResponse, bounds: tuple[float, float]) -> Problem:
    """The problem of which an answer is one, for other rates of a uniform instrument."""
    if best.instrument != "uniform":
        raise OptimumError("Rates at which a sign turns are those of a uniform instrument.")
    world, found = best.equilibrium.world, best.equilibrium
    covered = best.cells.reshape(-1, len(world.sectors)).max(0) >= 0
    return Problem(
        world,
        found.parameters,
        best.country,
        "uniform",
        best.lever,
        best.objective,
        best.before.shock,
        [s for s, use in zip(world.sectors, covered, strict=True) if use],
        best.method,
        bounds,
        partners=best.partners,
        weights=dict(best.weights),
        near=found,
    )


def answer(
    problem: Problem, start: Array | None, tries: int, starts: int, seed: int, *, flat: bool = True
) -> BestResponse:
    """Climbs, tries and tells.

    Parameters
    ----------
    problem
    start : (U,), optional
        Rates from which the first climb starts.
    tries, starts
        Random answers held against the best, and further climbs.
    seed
    flat
        Also look for the rates within 0.001 points of the best.
    """
    began, solved_before = time.perf_counter(), problem.solves
    random = np.random.default_rng(seed)
    low, high = problem.bounds
    before = problem.solve_shock(problem.shock)
    guess = first_order(problem, before)
    guessed = float("nan")
    if start is None:
        try:
            guessed = _gain(problem, before, problem.solve_at(guess))
        except EquilibriumError:
            problem.near = before
    rates = problem.climb(guess if start is None else start)
    best = problem.solve_at(rates)
    count = len(rates)
    solved, excess = 0, -np.inf
    for k in range(tries + starts):
        problem.near = best
        if k < starts:
            candidate = random.uniform(max(low, -0.05), min(high, 0.8), count)
        elif k % 2:
            candidate = np.clip(rates + random.normal(0, 0.05, count), low, high)
        else:
            candidate = random.uniform(max(low, -0.1), min(high, 1.0), count)
        try:
            candidate = problem.climb(candidate) if k < starts else candidate
            there = problem.solve_at(candidate)
        except EquilibriumError:
            continue
        solved += 1
        more = problem.value(there) - problem.value(best)
        if 100 * more > MARGIN:
            # A better hill: the answer moves there, and is held against what is still to be tried.
            problem.near = there
            climbed = problem.climb(candidate)
            rates, best, excess = climbed, problem.solve_at(climbed), -np.inf
            continue
        excess = max(excess, 100 * more)
    slope = problem.slope(best)
    held = held_back(rates, slope, problem.bounds)
    left = np.where(held, 0.0, slope)
    gain = _gain(problem, before, best)
    as_good = None
    if flat and problem.instrument == "uniform" and problem.objective == "real_income":
        as_good = _as_good(problem, float(rates[0]), best)
    return BestResponse(
        problem.country,
        problem.instrument,
        problem.lever,
        problem.objective,
        problem.method,
        problem.labels,
        rates,
        problem.cells,
        before,
        best,
        gain,
        float(np.abs(left).max()),
        tuple(int(k) for k in np.flatnonzero(held)),
        tries + starts,
        solved,
        float(excess) if np.isfinite(excess) else 0.0,
        as_good,
        guess,
        guessed,
        problem.outcome.weights,
        problem.solves - solved_before,
        time.perf_counter() - began,
    )


def _gain(problem: Problem, before: Equilibrium, after: Equilibrium) -> float:
    """Per cent of the objective's ratio, or million USD of duties."""
    if problem.objective == "duties":
        return problem.outcome.value(after) - problem.outcome.value(before)
    return 100 * (problem.outcome.value(after) / problem.outcome.value(before) - 1)


def _as_good(problem: Problem, rate: float, best: Equilibrium) -> tuple[float, float]:
    """The uniform rates around the best within 0.001 points of it."""
    top = problem.value(best)

    def short(other: float) -> float:
        return problem.value(problem.solve_at(np.array([other]))) - top + AS_GOOD / 100

    ends = []
    for side, bound in ((-1, problem.bounds[0]), (1, problem.bounds[1])):
        problem.near, near, step = best, rate, 0.02
        while True:
            far = min(max(rate + side * step, problem.bounds[0]), problem.bounds[1])
            try:
                below = short(far) < 0
            except EquilibriumError:
                ends.append(near)
                break
            if below:
                ends.append(float(brentq(short, near, far, xtol=1e-5)))
                break
            if far == bound:
                ends.append(bound)
                break
            near, step = far, 2 * step
    return ends[0], ends[1]
