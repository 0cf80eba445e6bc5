"""Many structures of one world solved together: draws for bands, each with its own certificate (MODEL 14)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from firmtrade_core.equilibrium.baseline import Baseline, calibrate
from firmtrade_core.equilibrium.batch import Batch
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.equilibrium.leaning import Leaning
from firmtrade_core.equilibrium.parameters import Parameters
from firmtrade_core.equilibrium.results import Equilibrium
from firmtrade_core.equilibrium.shock import Shock
from firmtrade_core.equilibrium.solver import (
    State,
    _assemble,
    _certify,
    _prepare,
    _require_trade_both_ways,
    solve,
    solve_near,
)
from firmtrade_core.equilibrium.steps import Response
from firmtrade_core.equilibrium.system import Evaluation, System
from firmtrade_core.margins import Firms
from firmtrade_core.margins.loglinear import LoglinearMargins
from firmtrade_core.margins.lognormal import LognormalMargins
from firmtrade_core.world.world import World

Array = NDArray[np.float64]
Read = TypeVar("Read")

#: Threads that work on draws unless told otherwise.
THREADS = min(4, os.cpu_count() or 1)

#: Draws that are solved together: enough for products of matrices, few enough for memory.
TOGETHER = 25

#: Iterations of a batch; draws that need more are solved on their own.
_MOST_ITERATIONS = 40

#: Largest gap, in logs, at which a draw stops: certificates ask for 1e-9.
CLOSE = 3e-10

#: Past steps that acceleration combines, and the growth of a draw's gaps from which it is left to be solved on its own.
_MEMORY, _TOLERATED_GROWTH = 6, 30.0

#: Largest change of an unknown in one step, in logs.
_LONGEST_STEP = 0.7


@dataclass(frozen=True, eq=False)
class Draw:
    """One structure of an ensemble.

    Parameters
    ----------
    parameters : Parameters
    shock : Shock, optional
        Where it differs from the ensemble's: an effect of policy that is itself uncertain.
    world : World, optional
        Where the baseline itself is drawn.
    """

    parameters: Parameters
    shock: Shock | None = None
    world: World | None = None


@dataclass(frozen=True, eq=False)
class Solutions(Generic[Read]):
    """What was read off every draw.

    Attributes
    ----------
    values : list
        One per draw, None where it failed.
    residual : (D,)
        Largest residual of each draw's certificate; NaN where it failed.
    iterations : (D,)
    failed : dict of int to str
        Draws without a certified equilibrium, and why.
    alone : int
        Draws that were solved one by one.
    points : list of array or None
        Where each draw came to rest, in the solver's unknowns: where the same draws start at a neighbouring shock.
    """

    values: list[Read | None]
    residual: Array
    iterations: NDArray[np.intp]
    failed: dict[int, str] = field(default_factory=dict)
    alone: int = 0
    points: list[Array | None] = field(default_factory=list)


def solve_many(
    world: World,
    shock: Shock,
    draws: Sequence[Draw | Parameters],
    read: Callable[[Equilibrium], Read],
    *,
    centre: Equilibrium | None = None,
    near: tuple[Equilibrium, Solutions[Read]] | None = None,
    threads: int = THREADS,
) -> Solutions[Read]:
    """The world after a shock under many structures, each certified as `solve` certifies.

    Structures that differ in elasticities alone are solved together, all from the solution in the middle and by its response;
    others (own firms, free entry, other laws, where a batch does not converge) one by one, by `solve`.

    Parameters
    ----------
    world : World
    shock : Shock
    draws : sequence of Draw or Parameters
    read : callable
        What is kept of each certified equilibrium, which itself is not: one takes megabytes. Called from several threads.
    centre : Equilibrium, optional
        The answer under the structure in the middle, from which all draws start; the first draw's unless given.
    near : tuple of Equilibrium and Solutions, optional
        The middle and the same draws at a neighbouring shock: how far draws lay from the middle there is where they start from here.
    threads : int

    Returns
    -------
    Solutions
        Draws that have no certified equilibrium are named, with the reason.
    """
    given = [draw if isinstance(draw, Draw) else Draw(draw) for draw in draws]
    rows: list[tuple[Read | None, float, int, str] | None] = [None] * len(given)
    points: list[Array | None] = [None] * len(given)
    if centre is None and given:
        try:
            centre = solve(world, shock, given[0].parameters)
        except EquilibriumError:
            centre = None
    alone: list[int] = []

    def together(members: list[int]) -> list[int]:
        """Solve a group, fill in its rows, and say who is left."""
        first = given[members[0]]
        assert centre is not None and response is not None
        group = _Group(
            first.world or world,
            first.shock or shock,
            [given[m].parameters for m in members],
            centre,
            response,
            _starts(centre, near, members),
        )
        left = set(members)
        for at, found in group.run():
            rows[members[at]] = (read(found), found.certificate.largest, found.certificate.iterations, "")
            left.discard(members[at])
            points[members[at]] = _point(found)
        return sorted(left)

    def one(at: int) -> None:
        draw = given[at]
        try:
            of = draw.world or world, draw.shock or shock, draw.parameters
            near = centre is not None and _alike(centre.parameters, draw.parameters)
            found = solve_near(*of, centre) if centre is not None and near else solve(*of, start=centre)
        except EquilibriumError as error:
            rows[at] = (None, np.nan, 0, str(error))
        else:
            rows[at] = (read(found), found.certificate.largest, found.certificate.iterations, "")
            points[at] = _point(found)

    groups, single = _grouped(given, centre)
    response = _around(centre) if centre is not None and groups else None
    with threadpool_limits(1), ThreadPoolExecutor(max(1, threads)) as pool:
        for left in pool.map(together, groups):
            alone += left
        alone += single
        list(pool.map(one, alone))
    kept = [row for row in rows if row is not None]
    return Solutions(
        [row[0] for row in kept],
        np.array([row[1] for row in kept]),
        np.array([row[2] for row in kept], dtype=np.intp),
        {at: row[3] for at, row in enumerate(kept) if row[3]},
        len(alone),
        points,
    )


def _point(equilibrium: Equilibrium) -> Array | None:
    """The solver's unknowns, in logs."""
    return equilibrium.state.vector if isinstance(equilibrium.state, State) else None


def _around(centre: Equilibrium) -> Response:
    """How the equations respond at the middle; where all cells react alike to thresholds, at its baseline, where it is known."""
    margins = centre.baseline.margins
    if margins.loglinear or not isinstance(centre.state, State):
        return _prepare(centre.world, centre.parameters).response
    system = System(centre.world, centre.shock, centre.parameters, centre.baseline)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        return Response(system, system.evaluate(centre.state.vector))


def _starts(
    centre: Equilibrium, near: tuple[Equilibrium, Solutions[Read]] | None, members: list[int]
) -> list[Array | None]:
    """Where draws start, as they lay from the middle at a neighbouring shock, in proportion to what the middle moved; None for the middle."""
    own = _point(centre)
    then = None if near is None else _point(near[0])
    if near is None or own is None or then is None or own.shape != then.shape or not then.any():
        return [None] * len(members)
    size = float(np.clip(own @ then / (then @ then), 0.0, 3.0))
    found: list[Array | None] = []
    for member in members:
        point = near[1].points[member] if member < len(near[1].points) else None
        found.append(None if point is None or point.shape != own.shape else own + size * (point - then))
    return found


def _grouped(draws: list[Draw], centre: Equilibrium | None) -> tuple[list[list[int]], list[int]]:
    """Draws that are solved together, and those that are solved on their own."""
    together: dict[tuple[object, ...], list[int]] = {}
    single: list[int] = []
    for at, draw in enumerate(draws):
        p = draw.parameters
        if (
            centre is None
            or p.entry == "free"
            or isinstance(p.family, Firms)
            or (draw.shock is not None and draw.shock.firms is not None)
        ):
            single.append(at)
            continue
        tax = None if p.labour_tax is None else np.asarray(p.labour_tax).tobytes()
        alike = (
            repr(p.family), p.deficits, p.labour_supply_elasticity, p.duties, p.fixed_cost_abroad, p.elasticity_kind,
            p.within_elasticity is None, tax, id(draw.world), id(draw.shock),
        )  # fmt: skip
        together.setdefault(alike, []).append(at)
    groups = []
    for members in together.values():
        parts = max(1, round(len(members) / TOGETHER))
        groups += [part.tolist() for part in np.array_split(np.array(members), parts)]
    return [group for group in groups if len(group) > 1], single + [g[0] for g in groups if len(g) == 1]


def _alike(one: Parameters, other: Parameters) -> bool:
    """Whether structures have the same unknowns and closures, so that one responds much as the other does."""
    return all(
        getattr(one, name) == getattr(other, name)
        for name in ("entry", "deficits", "duties", "fixed_cost_abroad", "labour_supply_elasticity")
    ) and repr(one.family) == repr(other.family)


class _Group:
    """Draws that are solved together: one world, one shock."""

    def __init__(
        self,
        world: World,
        shock: Shock,
        parameters: list[Parameters],
        centre: Equilibrium,
        response: Response,
        starts: list[Array | None],
    ) -> None:
        self.world, self.shock, self.parameters, self.centre = world, shock, parameters, centre
        self.response, self.starts = response, starts

    def run(self) -> Iterator[tuple[int, Equilibrium]]:
        """Certified equilibria with their places; draws that do not come have to be solved on their own."""
        began = time.perf_counter()
        shock, world = self.shock, self.world
        try:
            shock.check(world)
            shock.check_sellers(world)
            if self.parameters[0].deficits == "removed":
                _require_trade_both_ways(world, shock)
        except EquilibriumError:
            return
        places, baselines = [], []
        for at, parameters in enumerate(self.parameters):
            try:
                baseline = calibrate(world, parameters)
            except EquilibriumError:
                continue
            if _served(baseline):
                places.append(at)
                baselines.append(baseline)
        state = self.centre.state
        if len(places) < 2 or not isinstance(state, State):
            return
        batch = Batch(world, shock, [self.parameters[at] for at in places], baselines)
        if state.vector.shape != batch.start().shape:
            return
        starts = (self.starts[at] for at in places)
        vectors = np.array([state.vector if start is None else start for start in starts])
        lean = Leaning(self.response, self.centre.baseline, baselines)
        for steps, part, evaluation, solved, found in _iterate(batch, vectors, lean):
            seconds = (time.perf_counter() - began) / len(places)
            for at in solved:
                draw = int(part.which[at])
                equilibrium = _one(part, evaluation, int(at), found[at], world, shock)
                try:
                    certified = _certify(equilibrium, steps, seconds)
                except EquilibriumError:
                    continue
                yield places[draw], certified


def _served(baseline: Baseline) -> bool:
    """Whether a batch can hold these margins: one law everywhere, ρ up to one where it is tabulated."""
    margins = baseline.margins
    if type(margins) is LognormalMargins:
        return not (margins.nest > 1).any()
    return type(margins) is LoglinearMargins


def _iterate(
    batch: Batch, vectors: Array, lean: Leaning
) -> Iterator[tuple[int, Batch, Evaluation, NDArray[np.intp], Array]]:
    """Steps by each draw's response, accelerated draw by draw; gives draws away as they converge."""
    part, best = batch, np.full(len(vectors), np.inf)
    accelerate = _Accelerated(vectors.shape[1], len(vectors))
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        for steps in range(_MOST_ITERATIONS):
            now = part.evaluate(vectors)
            largest = part.largest_gaps(now)
            solved = np.flatnonzero((largest <= CLOSE) & (now.income > 0).all(-1))
            if len(solved):
                yield steps, part, now, solved, vectors
            going = ~(largest <= CLOSE) & (largest <= _TOLERATED_GROWTH * best) & np.isfinite(largest)
            if not going.any():
                return
            step = lean.steps(part, now)
            kept = np.flatnonzero(going)
            if len(kept) < len(going):
                part, vectors, step = part.only(kept), vectors[kept], step[kept]
                best, largest = best[kept], largest[kept]
                accelerate.keep(kept)
                lean = lean.only(kept)
            best = np.minimum(best, largest)
            vectors = accelerate.propose(vectors, step)


class _Accelerated:
    """Anderson acceleration of every draw by its own past (`anderson`)."""

    def __init__(self, size: int, draws: int) -> None:
        self.memory = max(1, min(_MEMORY, size // 2))
        self.steps = np.zeros((draws, self.memory, size))
        self.changes = np.zeros((draws, self.memory, size))
        self.filled, self.next = 0, 0
        self.last: tuple[Array, Array] | None = None

    def keep(self, kept: NDArray[np.intp]) -> None:
        """Forget the other draws."""
        self.steps, self.changes = self.steps[kept], self.changes[kept]
        if self.last is not None:
            self.last = self.last[0][kept], self.last[1][kept]

    def propose(self, points: Array, residuals: Array) -> Array:
        """Next points, given residuals = G(points) - points, (D, size)."""
        if self.last is not None:
            np.subtract(points, self.last[0], out=self.steps[:, self.next])
            np.subtract(residuals, self.last[1], out=self.changes[:, self.next])
            self.next = (self.next + 1) % self.memory
            self.filled = min(self.filled + 1, self.memory)
        self.last = points, residuals
        step = residuals
        if self.filled:
            changes, steps = self.changes[:, : self.filled], self.steps[:, : self.filled]
            products = changes @ np.swapaxes(changes, 1, 2)
            scale = np.sqrt(np.einsum("dii->di", products))
            scale = np.where(scale > 0, scale, 1.0)
            products = products / (scale[:, :, None] * scale[:, None, :])
            products += 1e-13 * np.eye(self.filled)
            against = (changes @ residuals[:, :, None])[:, :, 0] / scale
            weights = np.linalg.solve(products, against[:, :, None])[:, :, 0] / scale
            step = residuals - (weights[:, None, :] @ steps)[:, 0] - (weights[:, None, :] @ changes)[:, 0]
        length = np.abs(step).max(1, keepdims=True)
        shorter = np.where(length > _LONGEST_STEP, _LONGEST_STEP / np.where(length > 0, length, 1.0), 1.0)
        return points + step * shorter


def _one(
    batch: Batch, evaluation: Evaluation, at: int, vector: Array, world: World, shock: Shock
) -> Equilibrium:
    """One structure's equilibrium, not yet certified."""
    system, own = batch.alone(evaluation, at)
    state = State("", vector, None)  # type: ignore[arg-type]
    found = _assemble(system, own, world, shock, system.parameters, system.baseline, state)
    if system.baseline.margins.nested and system.threshold_change is not None:
        # Checked against (1') by the certificate, as where it is asked for.
        change = np.moveaxis(system.threshold_change, 0, 2)
        if shock.trade_cost is not None:
            change[np.isposinf(shock.trade_cost)] = np.inf
        found.__dict__["threshold_change"] = change
    return found
