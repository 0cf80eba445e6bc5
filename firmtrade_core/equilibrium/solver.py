"""Solves for the world after a shock, and certifies it (MODEL 3, "Solver")."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium import certificate as certification
from firmtrade_core.equilibrium.anderson import Anderson
from firmtrade_core.equilibrium.baseline import Baseline, calibrate
from firmtrade_core.equilibrium.errors import CertificateError, ConvergenceError, IndeterminacyError
from firmtrade_core.equilibrium.parameters import Parameters
from firmtrade_core.equilibrium.results import Certificate, Equilibrium, combined_hash
from firmtrade_core.equilibrium.shock import Shock
from firmtrade_core.equilibrium.system import Point, System
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

#: The iteration stops when every equation holds to this, relative to the market's size.
TOLERANCE = 1e-10


#: Under free entry, a sector with a smaller share of its baseline firms counts as emptied.
_SMALLEST_SECTOR = 1e-6

#: Under free entry, a sector that has shrunk this far when the iteration fails is on its way out.
_EMPTYING_SECTOR = 1e-2

#: Under free entry, a larger response to a unit disturbance counts as indeterminate.
_LARGEST_STRETCH = 1e4


@dataclass(frozen=True)
class Iteration:
    """How hard the solver tries.

    Parameters
    ----------
    tolerance
        Largest gap, in logs, at which the iteration stops.
    limit
        Iterations before giving up, at each of the attempts.
    memory
        Past steps that Anderson acceleration combines.
    refresh
        Iterations after which the response of wages is computed anew.
    """

    tolerance: float = TOLERANCE
    limit: int = 600
    memory: int = 15
    refresh: int = 40


@dataclass(frozen=True, eq=False)
class _State:
    """What a neighbouring solve may start from."""

    world_hash: str
    vector: Array
    wage_step: Array
    accelerate: Anderson


def solve(
    world: World,
    shock: Shock,
    parameters: Parameters,
    *,
    start: Equilibrium | None = None,
    iteration: Iteration | None = None,
) -> Equilibrium:
    """The world after a shock: equations (1) to (10) in exact changes (DEK08, CR14).

    Parameters
    ----------
    world : World
    shock : Shock
    parameters : Parameters
    start : Equilibrium, optional
        A solution near by, to start from; it changes how fast the answer comes, not the answer.
    iteration : Iteration, optional

    Returns
    -------
    Equilibrium
        With a certificate that holds.

    Raises
    ------
    ShockError, ParameterError, ProfitsError
        Where shock or structure do not fit the world.
    ConvergenceError
        Naming the market furthest from clearing.
    IndeterminacyError
        Under free entry, where a sector empties or the equilibrium is not locally unique.
    CertificateError
        If the solution found does not satisfy the equations to 1e-9.
    """
    began = time.perf_counter()
    shock.check(world)
    baseline = calibrate(world, parameters)
    system = System(world, shock, parameters, baseline)
    found, steps = _find(system, start, iteration or Iteration(), world)
    vector, wage_step = found.vector, found.wage_step
    if system.free_entry:
        _require_determinate(system, vector, wage_step, world)
    state = _State(world.content_hash, vector, wage_step, found.accelerate)
    return _certify(
        _assemble(system, vector, world, shock, parameters, baseline, state),
        steps,
        time.perf_counter() - began,
    )


@dataclass(frozen=True, eq=False)
class _Found:
    """Where an attempt ended; gaps is None where it converged."""

    vector: Array
    wage_step: Array
    accelerate: Anderson
    steps: int
    gaps: Sequence[Array] | None


def _find(
    system: System, start: Equilibrium | None, iteration: Iteration, world: World
) -> tuple[_Found, int]:
    """A point where all gaps close, and the steps it took: from the nearest start, then more carefully."""
    steps = 0
    for vector, wage_step, accelerate in _attempts(system, start, iteration, world):
        found = _iterate(system, vector, wage_step, iteration, accelerate)
        steps += found.steps
        if found.gaps is None:
            return found, steps
        if system.free_entry:
            _refuse_corner(system.unpack(found.vector).firms, world, _EMPTYING_SECTOR)
    raise ConvergenceError(
        f"No equilibrium was found in {steps} iterations; furthest from clearing: "
        f"{_furthest(found.gaps, world)}. The shock may be too large for this structure: try it in smaller "
        "steps, restricted entry, or a lower elasticity."
    )


def _attempts(
    system: System, start: Equilibrium | None, iteration: Iteration, world: World
) -> Iterator[tuple[Array, Array | None, Anderson]]:
    cold = system.pack(system.start())
    if start is not None and isinstance(start.state, _State):
        state = start.state
        if state.world_hash == world.content_hash and state.vector.shape == cold.shape:
            yield state.vector, state.wage_step, state.accelerate.resume()
    yield cold, None, Anderson(iteration.memory)
    yield cold, None, Anderson(iteration.memory, longest_step=0.1)


def _iterate(
    system: System, vector: Array, wage_step: Array | None, iteration: Iteration, accelerate: Anderson
) -> _Found:
    """Fixed-point iteration, wages by an approximate Newton step, all accelerated together."""
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        for step in range(iteration.limit):
            point = system.unpack(vector)
            *gaps, flows = system.gaps(point)
            largest = max(float(np.abs(gap).max()) for gap in gaps)
            if wage_step is None or (step and step % iteration.refresh == 0 and np.isfinite(largest)):
                wage_step = _invert(system.wage_response(flows))
            if largest <= iteration.tolerance:
                return _Found(vector, wage_step, accelerate, step, None)
            if not np.isfinite(largest):
                break
            vector = accelerate.propose(vector, _residual(system, point, wage_step, gaps))
    return _Found(vector, wage_step, accelerate, step + 1, gaps)


def _invert(response: Array) -> Array:
    # Autarkic countries have wages tied to nobody else's: the pseudo-inverse leaves them where they are.
    return np.linalg.pinv(response, rcond=1e-12)


def _residual(system: System, point: Point, wage_step: Array, gaps: Sequence[Array]) -> Array:
    """The step of the plain iteration: wages by approximate Newton, the rest by substitution."""
    wage, price, spending, firms = gaps
    raised = system.numeraire(point.wage - wage_step @ wage) - point.wage
    # A country's spending follows its wages: predict it, rather than learn of it a step later.
    parts = [raised, price.ravel(), (spending + raised).ravel()]
    return np.concatenate([*parts, firms.ravel()] if system.free_entry else parts)


def _furthest(gaps: Sequence[Array] | None, world: World) -> str:
    """The market with the largest gap, in words."""
    names = ("the labour market", "the price index", "the goods market", "entry")
    worst, words = -1.0, ""
    for name, gap in zip(names, gaps or (), strict=False):
        size = np.where(np.isfinite(gap), np.abs(gap), np.inf)
        where = np.unravel_index(int(size.argmax()), size.shape)
        if size[where] > worst:
            worst = float(size[where])
            sector = f", {world.sector_name(world.sectors[where[0]])}" if gap.ndim == 2 else ""
            words = f"{name} of {world.countries[where[-1]]}{sector} (off by {worst:.1e})"
    return words


def _assemble(
    system: System,
    vector: Array,
    world: World,
    shock: Shock,
    parameters: Parameters,
    baseline: Baseline,
    state: _State,
) -> Equilibrium:
    """All returned quantities at the point found."""
    point = system.unpack(vector)
    cost = system.cost(point)
    flows = system.flows(point, cost)
    labour = system.labour(point)
    government = system.government(point)
    income = system.income(point, flows)
    labour_income = baseline.labour_income * np.exp(point.wage + labour)
    kept = not (system.free_entry or baseline.margins.competitive)
    profit_income = flows.profits.sum(0) if kept else 0.0
    own = labour_income + profit_income + flows.duties - flows.subsidies - government
    return Equilibrium(
        world=world,
        shock=shock,
        parameters=parameters,
        baseline=baseline,
        wage_change=np.exp(point.wage),
        price_change=np.exp(point.price).T,
        cost_change=np.exp(cost).T,
        firm_change=np.exp(point.firms).T,
        labour_change=np.exp(labour),
        expenditure_change=np.exp(point.expenditure).T,
        flows=np.moveaxis(system.sales(flows), 0, 2),
        tariff=world.tariff if shock.tariff is None else shock.tariff,
        subsidy=world.subsidy if shock.subsidy is None else shock.subsidy,
        profits=flows.profits.T,
        duties=flows.duties,
        subsidy_outlay=flows.subsidies,
        outlay=government,
        deficits=income - own,
        income=income,
        certificate=Certificate({}, "", certification.TOLERANCE, 0, 0.0, {}, ""),
        state=state,
    )


def _certify(equilibrium: Equilibrium, steps: int, seconds: float) -> Equilibrium:
    """The equilibrium with its certificate.

    Raises
    ------
    CertificateError
        Naming the worst market.
    """
    began = time.perf_counter()
    world = equilibrium.world
    found = certification.residuals(equilibrium)
    sizes = {r.equation: float(np.max(r.values)) for r in found}
    certificate = Certificate(
        residuals=dict(sorted(sizes.items(), key=lambda item: -item[1])),
        worst=certification.worst_market(found, world.countries, world.sectors),
        tolerance=certification.TOLERANCE,
        iterations=steps,
        seconds=seconds + time.perf_counter() - began,
        versions=certification.versions(),
        content_hash=combined_hash(
            world.content_hash, equilibrium.shock.content_hash, equilibrium.parameters.content_hash(world)
        ),
    )
    if not certificate.holds:
        raise CertificateError(
            f"The solution found misses the model's equations: {certificate.worst}. It is withheld; "
            "try the shock in smaller steps."
        )
    return replace(equilibrium, certificate=certificate)


def _refuse_corner(firms: Array, world: World, smallest: float) -> None:
    """Refuse an equilibrium in which free entry empties a sector.

    Raises
    ------
    IndeterminacyError
        Naming the sector and the country.
    """
    if not firms.min() < np.log(smallest):
        return
    s, i = np.unravel_index(int(firms.argmin()), firms.shape)
    raise IndeterminacyError(
        f"Under free entry {world.sector_name(world.sectors[s])} of {world.countries[i]} would empty "
        f"(firms fall to {np.exp(firms[s, i]):.1e} of the baseline): the equilibrium is at a corner. "
        "Use restricted entry, or one sector."
    )


def _require_determinate(system: System, vector: Array, wage_step: Array, world: World) -> None:
    """Refuse corners and near-singular equilibria under free entry with several sectors (MODEL 3, (8))."""
    _refuse_corner(system.unpack(vector).firms, world, _SMALLEST_SECTOR)
    stretch = _stretch(system, vector, wage_step)
    if stretch > _LARGEST_STRETCH:
        raise IndeterminacyError(
            "Under free entry with these elasticities the equilibrium is not locally unique (a small change "
            f"is amplified {stretch:.1e} times). Use restricted entry, or one sector."
        )


def _stretch(system: System, vector: Array, wage_step: Array) -> float:
    """How far unknowns move per unit of disturbance at a solution: a lower bound of |J⁻¹|, by GMRES."""
    from scipy.sparse.linalg import LinearOperator, gmres

    def residual(at: Array) -> Array:
        point = system.unpack(at)
        return _residual(system, point, wage_step, system.gaps(point)[:4])

    def product(direction: Array) -> Array:
        size = float(np.abs(direction).max())
        if size == 0:
            return direction
        small = 1e-6 * direction / size
        return (residual(vector + small) - residual(vector - small)) * (size / 2e-6)

    jacobian = LinearOperator((len(vector), len(vector)), matvec=product, dtype=np.float64)
    disturbances = np.random.default_rng(0).choice([-1.0, 1.0], size=(2, len(vector)))
    worst = 0.0
    for disturbance in disturbances:
        answer, failed = gmres(jacobian, disturbance, rtol=1e-3, restart=100, maxiter=3)
        worst = np.inf if failed else max(worst, float(np.abs(answer).max()))
    return worst
