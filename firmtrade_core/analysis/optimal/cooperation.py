"""Cooperation: tariffs that several countries set together, by Pareto weights (MODEL 14)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from firmtrade_core.analysis.optimal.problem import (
    BOUNDS,
    FLAT_SLOPE,
    MARGIN,
    Array,
    Instrument,
    Lever,
    OptimumError,
    Problem,
    climb,
    held_back,
)
from firmtrade_core.analysis.optimal.response import BestResponse
from firmtrade_core.equilibrium import Equilibrium, Gradient, Parameters, Shock, gradients, solve
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.equilibrium.gradient import TOLERANCE
from firmtrade_core.scenarios.schema import AnyCard
from firmtrade_core.world.world import World


@dataclass(frozen=True, eq=False)
class Cooperation:
    """The rates that serve several countries together best: they maximise Σ ω_c ln(I_c/P_c).

    Attributes
    ----------
    weights : dict of country to float
        ω, adding to one.
    among : bool
        Whether rates stand on trade among the countries alone.
    rates : dict of country to (K,)
        Fractions: points added.
    labels : dict of country to tuple
        What each rate stands on, as in `BestResponse`.
    before, equilibrium : Equilibrium
        Without and with the rates.
    value : float
        Gain of the weighted sum, per cent.
    slope, at_bounds, tries, solved_tries, best_try
        The certificate, as in `BestResponse`.
    solves : int
    seconds : float
    """

    weights: dict[str, float]
    among: bool
    rates: dict[str, Array]
    labels: dict[str, tuple[tuple[str, ...], ...]]
    before: Equilibrium
    equilibrium: Equilibrium
    value: float
    slope: float
    at_bounds: int
    tries: int
    solved_tries: int
    best_try: float
    solves: int
    seconds: float
    _cards: tuple[AnyCard, ...] = ()

    @property
    def gains(self) -> dict[str, float]:
        """Change of real income of every country of the world, per cent, against none of the rates."""
        change = 100 * (self.equilibrium.real_income_change / self.before.real_income_change - 1)
        return dict(zip(self.equilibrium.world.countries, change.tolist(), strict=True))

    @property
    def holds(self) -> bool:
        """Whether the answer is at rest, nothing tried is better, and its equilibrium is certified."""
        quiet = self.slope <= FLAT_SLOPE and self.best_try <= MARGIN
        return bool(quiet and self.equilibrium.certificate.holds)

    def cards(self) -> tuple[AnyCard, ...]:
        """All rates as cards of a scenario."""
        return self._cards


class _Table:
    """Several countries' choices as one hill."""

    def __init__(
        self,
        problems: dict[str, Problem],
        weights: Mapping[str, float],
        start: Shock,
        near: Equilibrium | None,
    ) -> None:
        self.problems, self.start, self.near = problems, start, near
        first = next(iter(problems.values()))
        self.world, self.parameters, self.bounds = first.world, first.parameters, first.bounds
        self.weights = np.array([weights[c] for c in problems])
        self.ends = np.cumsum([len(p.labels) for p in problems.values()])[:-1]
        self.unit = np.concatenate([p.unit / np.sqrt(max(weights[c], 1e-3)) for c, p in problems.items()])
        self.outcomes = [p.outcome for p in problems.values()]
        self.known: list[Gradient | None] = [None] * len(problems)
        self.at = [p.at for p in problems.values()]
        self.solves = 0

    def split(self, rates: Array) -> dict[str, Array]:
        return dict(zip(self.problems, np.split(rates, self.ends), strict=True))

    def solve_at(self, rates: Array) -> Equilibrium:
        shock = self.start
        for c, mine in self.split(rates).items():
            shock = self.problems[c].applied(shock, mine)
        first = next(iter(self.problems.values()))
        first.near = self.near if first.near is None else first.near
        self.near = first.solve_shock(shock)
        self.solves += 1
        return self.near

    def value(self, found: Equilibrium) -> float:
        return float(self.weights @ np.log(found.real_income_change[self.at]))

    def slope(self, found: Equilibrium, tolerance: float = TOLERANCE) -> Array:
        by_country = gradients(found, self.outcomes, near=self.known, tolerance=tolerance)
        self.known = list(by_country)
        parts = []
        for mine in self.problems.values():
            parts.append(
                sum(
                    weight / gradient.value * mine.summed(gradient)
                    for weight, gradient in zip(self.weights, by_country, strict=True)
                )
            )
        return np.concatenate([np.asarray(part) for part in parts])


def cooperate(
    world: World,
    parameters: Parameters,
    countries: Sequence[str],
    *,
    weights: Mapping[str, float] | Sequence[float] | None = None,
    among: bool = True,
    instrument: Instrument = "uniform",
    lever: Lever = "tariff",
    shock: Shock | None = None,
    sectors: Sequence[str] | None = None,
    bounds: tuple[float, float] = BOUNDS,
    tries: int = 6,
    starts: int = 1,
    seed: int = 0,
    near: Cooperation | None = None,
) -> Cooperation:
    """The rates of several countries that maximise Σ ω_c ln(I_c/P_c), set together.

    Parameters
    ----------
    countries
        Who cooperates.
    weights
        Pareto weights ω by country, or in their order; equal unless given. They are scaled to add to one.
    among
        Whether rates stand on trade among them alone; else on all their imports, so that they also act on outsiders as one.
    near
        An answer for other weights, to start from.
    world, parameters, instrument, lever, shock, sectors, bounds, tries, starts, seed
        As `best_response`; rates are points added.

    Raises
    ------
    OptimumError
        As `best_response`; where fewer than two countries are named, or weights do not fit them.
    EquilibriumError
        Where the start has no equilibrium.
    """
    began = time.perf_counter()
    if len(set(countries)) < 2 or len(set(countries)) < len(countries):
        raise OptimumError("Cooperation takes at least two countries, each named once.")
    share = _shares(countries, weights)
    start = shock or Shock()
    problems = {
        c: Problem(
            world,
            parameters,
            c,
            instrument,
            lever,
            "real_income",
            start,
            sectors,
            "add",
            bounds,
            partners=[other for other in countries if other != c]
            if among and lever != "production_subsidy"
            else None,
        )
        for c in countries
    }
    before = solve(world, start, parameters, start=None if near is None else near.before)
    table = _Table(problems, share, start, before)
    count = len(table.unit)
    first = np.zeros(count) if near is None else np.concatenate([near.rates[c] for c in countries])
    random, (low, high) = np.random.default_rng(seed), bounds
    rates = climb(table, first)
    best = table.solve_at(rates)
    solved, excess = 0, -np.inf
    for k in range(starts + tries):
        table.near = best
        candidate = (
            random.uniform(max(low, -0.1), min(high, 0.4), count)
            if k < starts or k % 2
            else np.clip(rates + random.normal(0, 0.05, count), low, high)
        )
        try:
            candidate = climb(table, candidate) if k < starts else candidate
            there = table.solve_at(candidate)
        except EquilibriumError:
            continue
        solved += 1
        more = 100 * (table.value(there) - table.value(best))
        if more > MARGIN:
            rates = climb(table, candidate)
            best, excess = table.solve_at(rates), -np.inf
            continue
        excess = max(excess, more)
    slope = table.slope(best)
    held = held_back(rates, slope, bounds)
    by_country = table.split(rates)
    return Cooperation(
        share,
        among,
        by_country,
        {c: p.labels for c, p in problems.items()},
        before,
        best,
        100 * (table.value(best) - table.value(before)),
        float(np.abs(np.where(held, 0.0, slope)).max()),
        int(held.sum()),
        starts + tries,
        solved,
        float(excess) if np.isfinite(excess) else 0.0,
        table.solves + 1,
        time.perf_counter() - began,
        tuple(
            card
            for c, mine in by_country.items()
            for card in _as_response(problems[c], mine, before, best).cards()
        ),
    )


def frontier(
    world: World,
    parameters: Parameters,
    countries: tuple[str, str],
    *,
    points: int = 7,
    among: bool = True,
    instrument: Instrument = "uniform",
    shock: Shock | None = None,
    sectors: Sequence[str] | None = None,
    bounds: tuple[float, float] = BOUNDS,
) -> list[Cooperation]:
    """Cooperation of two countries as the weight moves from the one to the other: their Pareto frontier.

    Parameters
    ----------
    points
        Weights of the first country, evenly between 0.2 and 0.8.
    world, parameters, countries, among, instrument, shock, sectors, bounds
        As `cooperate`.

    Raises
    ------
    OptimumError, EquilibriumError
        As `cooperate`.
    """
    found: list[Cooperation] = []
    for weight in np.linspace(0.2, 0.8, points):
        found.append(
            cooperate(
                world,
                parameters,
                countries,
                weights=[float(weight), float(1 - weight)],
                among=among,
                instrument=instrument,
                shock=shock,
                sectors=sectors,
                bounds=bounds,
                tries=0,
                starts=0,
                near=found[-1] if found else None,
            )
        )
    return found


def _shares(
    countries: Sequence[str], weights: Mapping[str, float] | Sequence[float] | None
) -> dict[str, float]:
    """Weights by country, adding to one."""
    if weights is None:
        given = dict.fromkeys(countries, 1.0)
    elif isinstance(weights, Mapping):
        given = dict(weights)
    else:
        if len(weights) != len(countries):
            raise OptimumError(f"{len(weights)} weights for {len(countries)} countries: give one for each.")
        given = dict(zip(countries, weights, strict=True))
    if set(given) != set(countries):
        raise OptimumError("Weights name other countries than those that cooperate.")
    total = sum(given.values())
    if not total > 0 or min(given.values()) < 0 or not np.isfinite(total):
        raise OptimumError("Pareto weights are numbers from 0 up, and not all of them 0.")
    return {c: float(given[c] / total) for c in countries}


def _as_response(problem: Problem, rates: Array, before: Equilibrium, after: Equilibrium) -> BestResponse:
    """One country's part, for its cards."""
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
        after,
        0.0,
        0.0,
        (),
        0,
        0,
        0.0,
        None,
        rates,
        0.0,
        (),
        0,
        0.0,
    )
