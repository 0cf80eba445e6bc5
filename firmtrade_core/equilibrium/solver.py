"""Solves for the world after a shock, and certifies it (MODEL 3, "Solver")."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium import certificate as certification
from firmtrade_core.equilibrium.anderson import Anderson
from firmtrade_core.equilibrium.baseline import Baseline, calibrate
from firmtrade_core.equilibrium.errors import (
    CertificateError,
    ConvergenceError,
    IndeterminacyError,
    InsolvencyError,
)
from firmtrade_core.equilibrium.parameters import Parameters
from firmtrade_core.equilibrium.results import Certificate, Equilibrium, combined_hash
from firmtrade_core.equilibrium.shock import Shock
from firmtrade_core.equilibrium.system import Evaluation, System
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

#: A wage response whose inverse has larger entries is treated as singular.
_LARGEST_INVERSE = 1e8


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
    InsolvencyError
        Where a fixed surplus or an outlay would take all of a country's income.
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
    if system.free_entry:
        _require_determinate(system, found, world)
    state = _State(world.content_hash, found.vector, found.wage_step, found.accelerate)
    return _certify(
        _assemble(system, found.evaluation, world, shock, parameters, baseline, state),
        steps,
        time.perf_counter() - began,
    )


@dataclass(frozen=True, eq=False)
class _Found:
    """Where an attempt ended; broke marks countries whose income kept turning negative on the way."""

    converged: bool
    vector: Array
    evaluation: Evaluation
    wage_step: Array
    accelerate: Anderson
    steps: int
    broke: NDArray[np.bool_]


def _find(
    system: System, start: Equilibrium | None, iteration: Iteration, world: World
) -> tuple[_Found, int]:
    """A point where all gaps close, and the steps it took: from the nearest start, then more carefully."""
    steps = 0
    for vector, wage_step, accelerate in _attempts(system, start, iteration, world):
        found = _iterate(system, vector, wage_step, iteration, accelerate)
        steps += found.steps
        if found.converged:
            _refuse_insolvency(found.evaluation.income <= 0, world)
            return found, steps
        if system.free_entry:
            _refuse_corner(found.evaluation.point.firms, world, _EMPTYING_SECTOR)
    _refuse_insolvency(found.broke, world)
    raise ConvergenceError(
        f"No equilibrium was found in {steps} iterations; furthest from clearing: "
        f"{_furthest(found.evaluation.gaps, world)}. The shock may be too large for this structure, or gains of "
        "scale feed on themselves in it: try smaller steps, restricted entry, a smaller labour-supply elasticity "
        "or a smaller Pareto tail."
    )


def _refuse_insolvency(broke: NDArray[np.bool_], world: World) -> None:
    """Say so where the iteration failed because a country's surplus or outlay exceeds its income.

    Raises
    ------
    InsolvencyError
        Naming the country.
    """
    if broke.any():
        raise InsolvencyError(
            f"No equilibrium was found in which {world.countries[int(broke.argmax())]} keeps its trade surplus or "
            "pays its outlay: after the shock they would take all its income. Let deficits be proportional or "
            "removed, or take a smaller shock."
        )


def _attempts(
    system: System, start: Equilibrium | None, iteration: Iteration, world: World
) -> Iterator[tuple[Array, Array, Anderson]]:
    cold = system.start()
    if start is not None and isinstance(start.state, _State):
        state = start.state
        if state.world_hash == world.content_hash and state.vector.shape == cold.shape:
            yield state.vector, state.wage_step, state.accelerate.resume()
    wage_step = _invert(system.wage_response(system.evaluate(cold).flows))
    yield cold, wage_step, Anderson(len(cold), iteration.memory)
    yield cold, wage_step, Anderson(len(cold), iteration.memory, longest_step=0.1)


def _iterate(
    system: System, vector: Array, wage_step: Array, iteration: Iteration, accelerate: Anderson
) -> _Found:
    """Fixed-point iteration, wages by an approximate Newton step, all accelerated together."""
    converged, broke = False, np.zeros(system.countries, dtype=bool)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        for steps in range(iteration.limit):
            now = system.evaluate(vector)
            largest = system.largest_gap(now)
            converged = largest <= iteration.tolerance
            if converged or not np.isfinite(largest):
                break
            if steps > iteration.refresh:
                broke |= now.income <= 0
            if steps and steps % iteration.refresh == 0:
                wage_step = _invert(system.wage_response(now.flows))
            vector = accelerate.propose(vector, system.step(now, wage_step))
    return _Found(converged, vector, now, wage_step, accelerate, steps, broke)


def _invert(response: Array) -> Array:
    """Inverse of the wage response, or the pseudo-inverse where it is singular.

    Countries in autarky have wages tied to nobody else's: the pseudo-inverse leaves those where they are.
    """
    try:
        inverse = np.linalg.inv(response)
    except np.linalg.LinAlgError:
        inverse = np.full_like(response, np.inf)
    if not np.abs(inverse).max() < _LARGEST_INVERSE:
        inverse = np.linalg.pinv(response, rcond=1e-12)
    return np.asarray(inverse, dtype=np.float64)


def _furthest(gaps: dict[str, Array], world: World) -> str:
    """The market with the largest gap, in words."""
    names = {
        "wage": "the labour market",
        "price": "the price index",
        "expenditure": "the goods market",
        "firms": "entry",
    }
    worst, words = -1.0, ""
    for name, gap in gaps.items():
        size = np.where(np.isfinite(gap), np.abs(gap), np.inf)
        where = np.unravel_index(int(size.argmax()), size.shape)
        if size[where] > worst:
            worst = float(size[where])
            sector = f", {world.sector_name(world.sectors[where[0]])}" if gap.ndim == 2 else ""
            words = f"{names[name]} of {world.countries[where[-1]]}{sector} (off by {worst:.1e})"
    return words


def _assemble(
    system: System,
    evaluation: Evaluation,
    world: World,
    shock: Shock,
    parameters: Parameters,
    baseline: Baseline,
    state: _State,
) -> Equilibrium:
    """All returned quantities at the point found."""
    point, cost, flows = evaluation.point, evaluation.cost, evaluation.flows
    labour = system.labour(point)
    government = system.government(point)
    income = evaluation.income
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
        margins_in_force=system.margins,
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


def _require_determinate(system: System, found: _Found, world: World) -> None:
    """Refuse corners and near-singular equilibria under free entry with several sectors (MODEL 3, (8))."""
    _refuse_corner(found.evaluation.point.firms, world, _SMALLEST_SECTOR)
    stretch = _stretch(system, found.vector, found.wage_step)
    if stretch > _LARGEST_STRETCH:
        raise IndeterminacyError(
            "Under free entry with these elasticities the equilibrium is not locally unique (a small change "
            f"is amplified {stretch:.1e} times). Use restricted entry, or one sector."
        )


def _stretch(system: System, vector: Array, wage_step: Array) -> float:
    """How far unknowns move per unit of disturbance at a solution: a lower bound of |J⁻¹|, by GMRES."""
    from scipy.sparse.linalg import LinearOperator, gmres

    def step(at: Array) -> Array:
        return system.step(system.evaluate(at), wage_step)

    def product(direction: Array) -> Array:
        size = float(np.abs(direction).max())
        if size == 0:
            return direction
        small = 1e-6 * direction / size
        return (step(vector + small) - step(vector - small)) * (size / 2e-6)

    jacobian = LinearOperator((len(vector), len(vector)), matvec=product, dtype=np.float64)
    disturbances = np.random.default_rng(0).choice([-1.0, 1.0], size=(2, len(vector)))
    worst = 0.0
    for disturbance in disturbances:
        answer, failed = gmres(jacobian, disturbance, rtol=1e-3, restart=100, maxiter=3)
        worst = np.inf if failed else max(worst, float(np.abs(answer).max()))
    return worst


def remove_deficits(world: World, parameters: Parameters) -> World:
    """The world as it would be with balanced trade, as a new baseline (CP15, section 5).

    Raises
    ------
    EquilibriumError
        As `solve`.
    """
    return solve(world, Shock(), parameters.with_(deficits="removed")).to_world()
