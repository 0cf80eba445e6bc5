"""Tariff wars: where nobody gains by departing alone, and how one gets there answer by answer (MODEL 14).

At rest every country's objective is flat in its own rates. All slopes come from one equilibrium, by one adjoint solve a
country on equations prepared once, and all rates move together by a quasi-Newton step on them, so that a round costs one
equilibrium, not a climb for each country. The answer is then held, country by country, against random rates of its own.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from firmtrade_core.analysis.optimal.first_order import first_order
from firmtrade_core.analysis.optimal.problem import (
    AT_REST,
    BOUNDS,
    CLOSE,
    CLOSE_SLOPE,
    Array,
    Instrument,
    Lever,
    Method,
    OptimumError,
    Problem,
    held_back,
)
from firmtrade_core.analysis.optimal.response import BestResponse, answer
from firmtrade_core.equilibrium import Equilibrium, Parameters, Shock, gradients, solve
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.equilibrium.gradient import Pull, pulls
from firmtrade_core.jobs.spread import spread
from firmtrade_core.scenarios.schema import AnyCard
from firmtrade_core.world.world import World

#: Past rounds that a step learns from.
_MEMORY = 8

#: Largest move of a rate in one round.
_LONGEST = 0.5

#: How fast a slope falls with its own rate, in measured units where it is about one: least and most that steps reckon with.
_LEAST_BEND, _MOST_BEND = 0.1, 10.0

#: Slopes below which past rounds are combined: before, objectives may bend either way.
_NEAR = 0.01

#: Residual of the adjoint equations until then.
_ROUGH = 1e-4


@dataclass(frozen=True, eq=False)
class Nash:
    """Rates from which no country gains by departing alone.

    Attributes
    ----------
    responses : dict of country to BestResponse
        Each country's best response to the others' final rates, with its certificate; gains are against its own
        instrument unused, the others' in force.
    equilibrium, before : Equilibrium
        With all rates, and with none of them.
    rounds : int
        Equilibria that were needed to find the rest.
    moved : float
        Largest move of a rate when each country climbs once more from there.
    solves : int
        Equilibria in all, those of the certificates among them.
    seconds : float
    """

    responses: dict[str, BestResponse]
    equilibrium: Equilibrium
    before: Equilibrium
    rounds: int
    moved: float
    solves: int
    seconds: float

    @property
    def gains(self) -> dict[str, float]:
        """Change of real income of every country of the world, per cent, against none of the rates."""
        return _gains(self.equilibrium, self.before)

    @property
    def holds(self) -> bool:
        """Whether rates have come to rest and nobody gains by departing."""
        return self.moved <= AT_REST and all(found.holds for found in self.responses.values())

    def cards(self) -> tuple[AnyCard, ...]:
        """All rates as cards."""
        return tuple(card for found in self.responses.values() for card in found.cards())


@dataclass(frozen=True, eq=False)
class Step:
    """One answer in a war.

    Attributes
    ----------
    turn : int
        Round, from 1.
    country : str
        Who answers.
    response : BestResponse
        The answer to the others' rates as they stood, not yet held against tries.
    gains : dict of country to float
        Real income of every country after it, per cent, against before the war.
    cards : tuple
        All rates in force after it, as cards of a scenario.
    certified : bool
        Whether the equilibrium after it holds.
    """

    turn: int
    country: str
    response: BestResponse
    gains: dict[str, float]
    cards: tuple[AnyCard, ...]
    certified: bool


@dataclass(frozen=True, eq=False)
class War:
    """A war step by step, and where it ends.

    Attributes
    ----------
    steps : tuple of Step
    end : Nash
    """

    steps: tuple[Step, ...]
    end: Nash


def nash(
    world: World,
    parameters: Parameters,
    countries: Sequence[str],
    *,
    instrument: Instrument = "uniform",
    lever: Lever = "tariff",
    shock: Shock | None = None,
    sectors: Sequence[str] | None = None,
    method: Method = "add",
    bounds: tuple[float, float] = BOUNDS,
    rounds: int = 60,
    tries: int = 4,
    seed: int = 0,
) -> Nash:
    """Rates of several countries, each the best answer to the others'.

    Parameters
    ----------
    countries
        Who plays.
    rounds
        Equilibria after which the search ends as it stands; `Nash.holds` is then false.
    world, parameters, instrument, lever, shock, sectors, method, bounds, tries, seed
        As `best_response`.

    Raises
    ------
    OptimumError, EquilibriumError
        As `best_response`; also where fewer than two different countries are named.

    Examples
    --------
    Two equal countries that trade four tenths of their income tax each other alike, and both lose.

    >>> import numpy as np
    >>> from firmtrade_core.equilibrium import Parameters
    >>> from firmtrade_core.world.world import World
    >>> spending, none = np.array([[[0.6], [0.4]], [[0.4], [0.6]]]), np.zeros((2, 2, 1))
    >>> world = World(("A", "B"), ("S",), 1e6 * spending, none, none, None, name="two")
    >>> war = nash(world, Parameters(4.0, deficits="removed"), ["A", "B"])
    >>> a, b = (war.responses[c].rates[0] for c in "AB")
    >>> bool(abs(a - b) < 1e-4), war.gains["A"] < 0, war.holds
    (True, True, True)
    """
    began = time.perf_counter()
    start = shock or Shock()
    players = _players(world, parameters, countries, instrument, lever, start, sectors, method, bounds)
    before = players[countries[0]].solve_shock(start)
    rates = {c: first_order(p, before) for c, p in players.items()}
    rates, last, used, found = _rest(world, parameters, start, players, rates, before, rounds)
    # All slopes at rest once more, each swept through every cell and certified, on equations prepared once.
    for (c, player), gradient in zip(
        players.items(), gradients(last, [p.outcome for p in players.values()], near=found), strict=True
    ):
        player.known = rates[c], last, player.slope_of(gradient), gradient.residual
    before_answers = sum(p.solves for p in players.values())
    answers = spread(_answered, list(players), shared=(start, players, rates, last, tries, seed))
    responses = dict(zip(players, answers, strict=True))
    moved = max(float(np.abs(best.rates - rates[c]).max()) for c, best in responses.items())
    rates = {c: found.rates for c, found in responses.items()}
    final = solve(world, _war(start, players, rates), parameters, start=last, iteration=CLOSE)
    solves = used + before_answers + sum(found.solves for found in responses.values()) + 1
    return Nash(responses, final, before, used, moved, solves, time.perf_counter() - began)


def _answered(
    start: Shock,
    players: dict[str, Problem],
    rates: dict[str, Array],
    last: Equilibrium,
    tries: int,
    seed: int,
    country: str,
) -> BestResponse:
    """One country's answer to the others' rates, here or on a worker."""
    player = players[country]
    player.shock, player.near = _war(start, players, rates, without=country), last
    return answer(player, rates[country], tries, 0, seed, flat=False)


def trade_war(
    world: World,
    parameters: Parameters,
    countries: Sequence[str],
    *,
    instrument: Instrument = "uniform",
    lever: Lever = "tariff",
    shock: Shock | None = None,
    sectors: Sequence[str] | None = None,
    method: Method = "add",
    bounds: tuple[float, float] = BOUNDS,
    turns: int = 12,
    tries: int = 4,
    seed: int = 0,
) -> War:
    """Best answers in turn, the first country first, until no rate moves by 1e-4: each step is a certified scenario.

    Parameters
    ----------
    countries
        In the order in which they answer.
    turns
        Rounds after which the path ends; where the war rests is found without it.
    world, parameters, instrument, lever, shock, sectors, method, bounds, tries, seed
        As `nash`.

    Raises
    ------
    OptimumError, EquilibriumError
        As `nash`.
    """
    start = shock or Shock()
    players = _players(world, parameters, countries, instrument, lever, start, sectors, method, bounds)
    before = players[countries[0]].solve_shock(start)
    rates: dict[str, Array] = {c: np.zeros(len(p.labels)) for c, p in players.items()}
    answered: dict[str, BestResponse] = {}
    steps: list[Step] = []
    last = before
    for turn in range(1, turns + 1):
        moved = 0.0
        for c, player in players.items():
            player.shock, player.near = _war(start, players, rates, without=c), last
            found = answer(player, rates[c] if turn > 1 else None, 0, 0, seed, flat=False)
            moved = max(moved, float(np.abs(found.rates - rates[c]).max()))
            rates[c], answered[c], last = found.rates, found, found.equilibrium
            cards = tuple(card for one in answered.values() for card in one.cards())
            gains = _gains(last, before)
            steps.append(Step(turn, c, found, gains, cards, last.certificate.holds))
        if moved <= AT_REST:
            break
    end = nash(
        world,
        parameters,
        countries,
        instrument=instrument,
        lever=lever,
        shock=start,
        sectors=sectors,
        method=method,
        bounds=bounds,
        tries=tries,
        seed=seed,
    )
    return War(tuple(steps), end)


def _players(
    world: World,
    parameters: Parameters,
    countries: Sequence[str],
    instrument: Instrument,
    lever: Lever,
    start: Shock,
    sectors: Sequence[str] | None,
    method: Method,
    bounds: tuple[float, float],
) -> dict[str, Problem]:
    if len(set(countries)) < 2 or len(set(countries)) < len(countries):
        raise OptimumError("A tariff war takes at least two countries, each named once.")
    return {
        c: Problem(world, parameters, c, instrument, lever, "real_income", start, sectors, method, bounds)
        for c in countries
    }


def _rest(
    world: World,
    parameters: Parameters,
    start: Shock,
    players: dict[str, Problem],
    rates: dict[str, Array],
    near: Equilibrium,
    rounds: int,
) -> tuple[dict[str, Array], Equilibrium, int, list[Pull]]:
    """Where every slope is none or held by a bound, by steps along all slopes at once, combined as Anderson does."""
    names = list(players)
    ends = np.cumsum([len(players[c].labels) for c in names])[:-1]
    unit = np.concatenate([players[c].unit for c in names])
    low, high = players[names[0]].bounds
    outcomes = [players[c].outcome for c in names]
    known: list[Pull] | None = None
    points: list[Array] = []
    slopes: list[Array] = []
    now = np.concatenate([rates[c] for c in names])
    bend, last, free_before = np.ones(len(now)), None, np.ones(len(now), dtype=bool)
    best, calm, length = now, np.inf, 1.0
    rest: tuple[Equilibrium, list[Pull]] | None = None
    used = 0
    while used < rounds:
        used += 1
        given = dict(zip(names, np.split(now, ends), strict=True))
        try:
            near = solve(world, _war(start, players, given), parameters, start=near, iteration=CLOSE)
            # Far from rest a rough slope leads as well.
            tolerance = CLOSE_SLOPE if calm <= _NEAR else _ROUGH
            found = pulls(near, outcomes, near=known, tolerance=tolerance)
        except EquilibriumError:
            if np.isinf(calm):
                raise
            length *= 0.5
            now = best + length * (now - best)
            continue
        known = found
        slope = np.concatenate([players[c].pulled(g) for c, g in zip(names, found, strict=True)]) * unit
        free = ~held_back(now, slope, players[names[0]].bounds)
        size = float(np.abs(slope[free]).max(initial=0.0))
        if size < calm:
            best, calm, rest = now, size, (near, found)
        if size <= 5e-7:
            break
        if last is not None:
            # How fast each slope falls with its own rate; a step is as long as that says, longer where it hardly falls.
            moved, fell = (now - last[0]) / unit, last[1] - slope
            seen = np.abs(moved) > 1e-9
            fresh = np.divide(fell, moved, out=bend.copy(), where=seen)
            bend = np.where(seen, np.clip(0.5 * bend + 0.5 * fresh, _LEAST_BEND, _MOST_BEND), bend)
        last = (now, slope)
        move = np.where(free, slope / bend, 0.0)
        if size > _NEAR or (free != free_before).any():
            points, slopes = [], []
        points, slopes = [*points, now / unit][-_MEMORY:], [*slopes, np.where(free, slope, 0.0)][-_MEMORY:]
        if len(points) > 1:
            moves = np.diff(np.array(points), axis=0).T
            falls = np.diff(np.array(slopes), axis=0).T
            weights = np.linalg.lstsq(falls, slopes[-1], rcond=1e-10)[0]
            move = move - (moves + falls / bend[:, None]) @ weights
        free_before = free
        step = np.clip(move * unit, -_LONGEST, _LONGEST)
        now = np.clip(now + step, low, high)
    assert rest is not None
    return dict(zip(names, np.split(best, ends), strict=True)), rest[0], used, rest[1]


def _gains(after: Equilibrium, before: Equilibrium) -> dict[str, float]:
    """Change of every country's real income, per cent."""
    change = 100 * (after.real_income_change / before.real_income_change - 1)
    return dict(zip(after.world.countries, change.tolist(), strict=True))


def _war(start: Shock, players: dict[str, Problem], rates: dict[str, Array], without: str = "") -> Shock:
    """The start with the rates of all, or all but one."""
    shock = start
    for c, player in players.items():
        if c != without:
            shock = player.applied(shock, rates[c])
    return shock
