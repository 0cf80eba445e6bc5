"""Best policies: one country's best response, Nash, and the rates at which a gain turns into a loss (MODEL 14).

The objective's derivative with respect to every instrument comes from one adjoint solve (`Equilibrium.gradient`), summed
over the cells that an instrument moves; a bounded quasi-Newton method (L-BFGS-B) climbs it through certified solutions,
each started from the last. Instruments are measured so that their second derivatives are near one: a rate that covers
a share m of income at elasticity ε weighs √(mε).

What is checked afterwards, and told: the projected gradient at the answer, further starts, random tries.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize

from firmtrade_core.equilibrium import Equilibrium, Iteration, Outcome, Parameters, Shock, solve
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.equilibrium.gradient import TOLERANCE, Gradient
from firmtrade_core.scenarios.atlas import Atlas
from firmtrade_core.scenarios.errors import ScenarioError
from firmtrade_core.scenarios.fields import ALL_GOODS, EVERYTHING
from firmtrade_core.scenarios.schema import (
    AnyCard,
    ExportSubsidy,
    ProductionSubsidy,
    ScheduleRow,
    Tariff,
    TariffSchedule,
)
from firmtrade_core.world.world import World

Array = NDArray[np.float64]
Instrument = Literal["uniform", "sector", "partner_sector"]
Lever = Literal["tariff", "export_tax", "production_subsidy"]
Objective = Literal["real_income", "duties"]
Method = Literal["add", "set"]

#: Least and largest rate, fractions.
BOUNDS = (-0.25, 2.0)

#: Largest slope at an answer that counts as none, per cent of real income (or of income, for duties) per point.
FLAT_SLOPE = 2e-6

#: By how much, in per cent, a random try may exceed an answer that holds: the error of solutions.
MARGIN = 1e-6

#: Rates within so much of the best, per cent of real income, are as good for practice.
AS_GOOD = 1e-3

#: Tariffs that move less from one round to the next have come to rest.
AT_REST = 1e-4

#: So close are solutions sought: the climb compares values that differ little.
_CLOSE = Iteration(tolerance=1e-11)

#: Residual of the adjoint equations on the way; at the answer it is `gradient.TOLERANCE`.
_CLOSE_SLOPE = 1e-7

_NAMES = {"tariff": "tariff", "export_tax": "subsidy", "production_subsidy": "production_subsidy"}


class OptimumError(ValueError):
    """A best policy that cannot be given. The message says why and what to ask instead."""


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
        Of real income, per cent; where duties are the objective, of duties, million USD in the engine's numeraire.
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
    solves: int
    seconds: float

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
        rates = [float(rate) for rate in self.rates]
        if self.lever == "tariff":
            if self.instrument == "uniform":
                return (
                    Tariff(
                        importers=(country,), sectors=sectors, method=self.method, value=_finite(rates[0])
                    ),
                )
            rows = tuple(
                ScheduleRow(
                    exporter=EVERYTHING if len(label) == 1 else label[0],
                    importer=country,
                    sector=label[-1],
                    rate=_finite(rate),
                )
                for label, rate in zip(self.labels, rates, strict=True)
            )
            return (
                TariffSchedule(importers=(country,), rows=rows, method=self.method, sectors=(EVERYTHING,)),
            )
        if self.instrument == "partner_sector":
            raise OptimumError("Cards of export taxes are by sector: ask for uniform or sector.")
        reach = [(sectors, rates[0])] if self.instrument == "uniform" else []
        reach += [((label[0],), rate) for label, rate in zip(self.labels, rates, strict=True) if label]
        if self.lever == "export_tax":
            return tuple(ExportSubsidy(exporters=(country,), sectors=on, value=-rate) for on, rate in reach)
        return tuple(ProductionSubsidy(countries=(country,), sectors=on, value=rate) for on, rate in reach)


@dataclass(frozen=True, eq=False)
class Nash:
    """Tariffs from which no country gains by departing alone.

    Attributes
    ----------
    responses : dict of country to BestResponse
        Each country's best response to the others' final rates, with its certificate; gains are against its own
        instrument unused, the others' in force.
    equilibrium, before : Equilibrium
        With all rates, and with none of them.
    path : list of (round, country, rates)
        The trade war step by step.
    moved : float
        Largest move of a rate in the last round.
    seconds : float
    """

    responses: dict[str, BestResponse]
    equilibrium: Equilibrium
    before: Equilibrium
    path: list[tuple[int, str, Array]]
    moved: float
    seconds: float

    @property
    def gains(self) -> dict[str, float]:
        """Change of real income of every country of the world, per cent, against none of the rates."""
        change = 100 * (self.equilibrium.real_income_change / self.before.real_income_change - 1)
        return dict(zip(self.equilibrium.world.countries, change.tolist(), strict=True))

    @property
    def holds(self) -> bool:
        """Whether rates have come to rest and nobody gains by departing."""
        return self.moved <= AT_REST and all(found.holds for found in self.responses.values())


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
        real_income, or duties in the engine's numeraire.
    shock
        What else is in force, the tariffs of others included.
    sectors
        Codes or groups that the instrument covers; all goods unless given, or all sectors where none is known as goods.
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
    """
    problem = _Problem(
        world, parameters, country, instrument, lever, objective, shock, sectors, method, bounds
    )
    return _answer(problem, None, tries, starts, seed)


def nash(
    world: World,
    parameters: Parameters,
    countries: Sequence[str],
    *,
    instrument: Instrument = "uniform",
    shock: Shock | None = None,
    sectors: Sequence[str] | None = None,
    method: Method = "add",
    bounds: tuple[float, float] = BOUNDS,
    rounds: int = 40,
    tries: int = 4,
    seed: int = 0,
) -> Nash:
    """Best responses in import tariffs, one country after another, until no rate moves by 1e-4.

    Parameters
    ----------
    countries
        Who responds, in this order.
    rounds
        After so many it ends as it stands; `Nash.holds` is then false.
    world, parameters, instrument, shock, sectors, method, bounds, tries, seed
        As `best_response`.

    Raises
    ------
    OptimumError, EquilibriumError
        As `best_response`; also where fewer than two different countries are named.
    """
    began = time.perf_counter()
    if len(set(countries)) < 2 or len(set(countries)) < len(countries):
        raise OptimumError("A tariff war takes at least two countries, each named once.")
    start = shock or Shock()
    players = {
        c: _Problem(world, parameters, c, instrument, "tariff", "real_income", start, sectors, method, bounds)
        for c in countries
    }
    rates: dict[str, Array] = {c: p.guess for c, p in players.items()}
    before = next(iter(players.values())).solve_shock(start)
    path: list[tuple[int, str, Array]] = []
    moved, last = np.inf, before
    for turn in range(1, rounds + 1):
        moved = 0.0
        for c, player in players.items():
            player.shock = _war(start, players, rates, without=c)
            player.near = last
            found = player.climb(rates[c])
            moved = max(moved, float(np.abs(found - rates[c]).max())) if turn > 1 else np.inf
            rates[c], last = found, player.near
            path.append((turn, c, found))
        if moved <= AT_REST:
            break
    responses = {}
    for c, player in players.items():
        player.shock = _war(start, players, rates, without=c)
        responses[c] = _answer(player, rates[c], tries, 0, seed)
    final = solve(world, _war(start, players, rates), parameters, start=last, iteration=_CLOSE)
    return Nash(responses, final, before, path, moved, time.perf_counter() - began)


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
        near = solve(world, shock, found.parameters, start=near, iteration=_CLOSE)
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


def _again(best: BestResponse, bounds: tuple[float, float]) -> _Problem:
    """The problem of which an answer is one, for other rates of a uniform instrument."""
    if best.instrument != "uniform":
        raise OptimumError("Rates at which a sign turns are those of a uniform instrument.")
    world, found = best.equilibrium.world, best.equilibrium
    covered = best.cells.reshape(-1, len(world.sectors)).max(0) >= 0
    return _Problem(
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
        near=found,
    )


def _war(start: Shock, players: dict[str, _Problem], rates: dict[str, Array], without: str = "") -> Shock:
    """The start with the rates of all, or all but one."""
    shock = start
    for c, player in players.items():
        if c != without:
            shock = player.applied(shock, rates[c])
    return shock


class _Problem:
    """One country's choice: cells by rate, the objective, and solutions near by."""

    def __init__(
        self,
        world: World,
        parameters: Parameters,
        country: str,
        instrument: Instrument,
        lever: Lever,
        objective: Objective,
        shock: Shock | None,
        sectors: Sequence[str] | None,
        method: Method,
        bounds: tuple[float, float],
        near: Equilibrium | None = None,
    ) -> None:
        for given, kinds, what in (
            (instrument, Instrument, "instrument"),
            (lever, Lever, "lever"),
            (objective, Objective, "objective"),
            (method, Method, "method"),
        ):
            if given not in get_args(kinds):
                raise OptimumError(f"There is no {what} {given!r}; choose {', '.join(get_args(kinds))}.")
        if country not in world.countries:
            raise OptimumError(f"The world has no country {country!r}.")
        if parameters.deficits == "fixed" and np.abs(world.deficits).max() > 1e-9 * world.income.max():
            raise OptimumError(
                "There is no best tariff under fixed trade deficits: a country's deficit is then a transfer whose worth "
                "moves with its tariff, so that what looks best may be that transfer and run to the bound. Ask with deficits "
                "that are proportional to income, or removed."
            )
        if not -1 < bounds[0] < bounds[1]:
            raise OptimumError("Bounds are two rates above -1 (-100 %), the lesser first.")
        if lever == "production_subsidy" and instrument == "partner_sector":
            raise OptimumError("Production subsidies have no partners: ask for uniform or sector.")
        self.world, self.parameters, self.country = world, parameters, country
        self.instrument, self.lever, self.objective, self.method = instrument, lever, objective, method
        self.shock, self.bounds = shock or Shock(), bounds
        self.at = world.countries.index(country)
        self.near: Equilibrium | None = near
        self.nearest: Gradient | None = None
        self.solves = 0
        self._lay_out(_covered(world, sectors))
        self.outcome = Outcome(objective, country)

    def _lay_out(self, use: NDArray[np.bool_]) -> None:
        """Which rate stands on which cell, and how rates are measured."""
        world, j = self.world, self.at
        n, s = world.shape
        abroad = np.arange(n) != j
        if self.lever == "production_subsidy":
            reach = np.zeros((n, s), dtype=bool)
            reach[j] = use & (world.expenditure[j].sum(0) > 0)
            size = world.expenditure.sum(1)
        else:
            reach = np.zeros((n, n, s), dtype=bool)
            side = reach[:, j] if self.lever == "tariff" else reach[j]
            side[:] = abroad[:, None] & use
            size = world.expenditure
            if self.instrument == "partner_sector":
                reach &= size > 0
        self.cells = np.full(reach.shape, -1, dtype=np.int64)
        if self.instrument == "uniform":
            self.cells[reach] = 0
            self.labels: tuple[tuple[str, ...], ...] = ((),)
        elif self.instrument == "sector":
            position = np.cumsum(use) - 1
            self.cells[reach] = np.broadcast_to(position, reach.shape)[reach]
            self.labels = tuple((world.sectors[k],) for k in np.flatnonzero(use))
        else:
            self.cells[reach] = np.arange(reach.sum())
            axis = 0 if self.lever == "tariff" else 1
            self.labels = tuple(
                (world.countries[cell[axis]], world.sectors[cell[-1]]) for cell in np.argwhere(reach)
            )
        if not (size[reach] > 0).any():
            raise OptimumError(f"{self.country} has no trade that this instrument could cover.")
        elasticity = np.broadcast_to(self.parameters.elasticities_for(world), reach.shape)
        weight = np.bincount(
            self.cells[reach], weights=(size * elasticity)[reach], minlength=len(self.labels)
        )
        total = np.bincount(self.cells[reach], weights=size[reach], minlength=len(self.labels))
        self.reach = reach
        self.unit = 1 / np.sqrt(np.maximum(weight / world.income[j], 1e-7))
        first = np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)
        self.guess: Array = np.clip(first if self.lever != "production_subsidy" else 0 * first, *self.bounds)

    def applied(self, shock: Shock, rates: Array) -> Shock:
        """A shock with the rates on top."""
        name = _NAMES[self.lever]
        level = getattr(shock, name)
        if level is None:
            level = np.zeros(self.world.shape) if name == "production_subsidy" else getattr(self.world, name)
        after = np.array(level)
        sign = -1 if self.lever == "export_tax" else 1
        given = sign * rates[self.cells[self.reach]]
        after[self.reach] = given if self.method == "set" else after[self.reach] + given
        if self.lever == "tariff":
            after = np.maximum(after, -0.99)
        changes: dict[str, Any] = {name: after}
        return replace(shock, **changes)

    def solve_shock(self, shock: Shock) -> Equilibrium:
        """Solved from the last solution."""
        self.near = solve(self.world, shock, self.parameters, start=self.near, iteration=_CLOSE)
        self.solves += 1
        return self.near

    def solve_at(self, rates: Array) -> Equilibrium:
        """With the rates, all else as it stands."""
        return self.solve_shock(self.applied(self.shock, rates))

    def value(self, found: Equilibrium) -> float:
        """ln Ŵ, or duties as a share of the baseline's income."""
        given = self.outcome.value(found)
        return float(np.log(given)) if self.objective == "real_income" else given / self.world.income[self.at]

    def slope(self, found: Equilibrium, tolerance: float = TOLERANCE) -> Array:
        """The value's derivative by rate, (K,)."""
        gradient = found.gradient(self.outcome, near=self.nearest, tolerance=tolerance)
        self.nearest = gradient
        by_cell = {
            "tariff": gradient.tariff,
            "export_tax": -gradient.export_subsidy,
            "production_subsidy": gradient.production_subsidy,
        }[self.lever][self.reach]
        total = np.bincount(self.cells[self.reach], weights=by_cell, minlength=len(self.labels))
        base = gradient.value if self.objective == "real_income" else self.world.income[self.at]
        return np.asarray(total / base)

    def climb(self, start: Array) -> Array:
        """The top that is reached from a start."""
        low, high = self.bounds
        worst = 0.0

        def down(measured: Array) -> tuple[float, Array]:
            nonlocal worst
            try:
                found = self.solve_at(measured * self.unit)
                value, slope = -self.value(found), -self.slope(found, _CLOSE_SLOPE) * self.unit
            except EquilibriumError:
                # No equilibrium there: worse than all that was seen, so that the line search turns back.
                return worst + 1.0, np.zeros(len(measured))
            worst = max(worst, value)
            return value, slope

        found = minimize(
            down,
            np.clip(start, low, high) / self.unit,
            jac=True,
            method="L-BFGS-B",
            bounds=[(low / u, high / u) for u in self.unit],
            options={"ftol": 1e-15, "gtol": 5e-7, "maxiter": 300, "maxcor": 20},
        )
        return np.clip(np.asarray(found.x * self.unit), low, high)


def _covered(world: World, sectors: Sequence[str] | None) -> NDArray[np.bool_]:
    """Sectors that an instrument covers, (S,)."""
    atlas = Atlas(world)
    if sectors is None:
        try:
            use = np.asarray(atlas.sectors((ALL_GOODS,)) > 0.5)
        except ScenarioError:
            use = np.zeros(len(world.sectors), dtype=bool)
        return use if use.any() else np.ones(len(world.sectors), dtype=bool)
    use = np.isin(world.sectors, list(sectors))
    left = [name for name in sectors if name not in world.sectors]
    if left:
        try:
            use |= atlas.sectors(left) > 0.5
        except ScenarioError as error:
            raise OptimumError(str(error)) from None
    if not use.any():
        raise OptimumError("The instrument covers no sector of this world.")
    return use


def _answer(problem: _Problem, start: Array | None, tries: int, starts: int, seed: int) -> BestResponse:
    """Climbs, tries and tells."""
    began, solved_before = time.perf_counter(), problem.solves
    random = np.random.default_rng(seed)
    low, high = problem.bounds
    before = problem.solve_shock(problem.shock)
    rates = problem.climb(problem.guess if start is None else start)
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
    edge = 1e-9
    held = ((rates <= low + edge) & (slope <= 0)) | ((rates >= high - edge) & (slope >= 0))
    left = np.where(held, 0.0, slope)
    at = problem.at
    gain = (
        100 * (best.real_income_change[at] / before.real_income_change[at] - 1)
        if problem.objective == "real_income"
        else best.duties[at] - before.duties[at]
    )
    flat = None
    if problem.instrument == "uniform" and problem.objective == "real_income":
        flat = _as_good(problem, float(rates[0]), best)
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
        float(gain),
        float(np.abs(left).max()),
        tuple(int(k) for k in np.flatnonzero(held)),
        tries + starts,
        solved,
        float(excess) if np.isfinite(excess) else 0.0,
        flat,
        problem.solves - solved_before,
        time.perf_counter() - began,
    )


def _as_good(problem: _Problem, rate: float, best: Equilibrium) -> tuple[float, float]:
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
