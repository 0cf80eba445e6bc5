"""Solves for the world after a shock, and certifies it (MODEL 3, "Solver")."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium import certificate as certification
from firmtrade_core.equilibrium.anderson import Anderson
from firmtrade_core.equilibrium.baseline import Baseline, calibrate
from firmtrade_core.equilibrium.counterfactual import Certificate, Counterfactual, combined_hash
from firmtrade_core.equilibrium.errors import (
    CertificateError,
    ConvergenceError,
    IndeterminacyError,
    InsolvencyError,
    OneWayTradeError,
)
from firmtrade_core.equilibrium.leaning import Leaning
from firmtrade_core.equilibrium.parameters import Parameters
from firmtrade_core.equilibrium.path import Path, part_of
from firmtrade_core.equilibrium.results import Equilibrium
from firmtrade_core.equilibrium.shock import Shock, empty_home_cells
from firmtrade_core.equilibrium.steps import Response
from firmtrade_core.equilibrium.system import Evaluation, System, Terms
from firmtrade_core.equilibrium.trail import Trail, mark_of, trail_key
from firmtrade_core.labels.units import in_percent
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

#: The iteration stops when every equation holds to this, relative to the market's size.
TOLERANCE = 1e-10


#: Tariffs and factors on trade costs from here on may end trade with a country.
_ENDS_TRADE = 5.0

#: Under free entry, a sector with a smaller share of its baseline firms counts as emptied.
_SMALLEST_SECTOR = 1e-6

#: Under free entry, a sector that has shrunk this far when the iteration fails is on its way out.
_EMPTYING_SECTOR = 1e-2

#: Under free entry, a larger part of a unit disturbance that no move answers counts as a singular equilibrium.
_UNANSWERED = 0.05

#: Under free entry, a larger response to a unit disturbance counts as indeterminate.
_LARGEST_STRETCH = 1e4

#: A point whose gaps exceed the best ones this many times is left again, for a shorter step from the best point.
_TOLERATED_GROWTH = 30.0

#: From gaps so many times the tolerance the next step usually leads to the end.
_NEARLY = 300.0

#: So many shorter steps in turn mean that no step from there helps.
_MOST_RETREATS = 12

#: Worlds under one structure whose baseline accounts and response are kept.
_MOST_KEPT = 6


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
        Iterations after which the response of the equations is computed anew, where they stand.
    """

    tolerance: float = TOLERANCE
    limit: int = 300
    memory: int = 15
    refresh: int = 25


@dataclass(frozen=True, eq=False)
class State:
    """What a neighbouring solve may start from: a point (U,) on a world, what was learned of the map's slopes, and the way there."""

    world_hash: str
    vector: Array
    accelerate: Anderson
    trail: Trail = field(default_factory=Trail)


@dataclass(frozen=True, eq=False)
class Place:
    """A point to start from that another program found (`places`); an equilibrium serves as well.

    Attributes
    ----------
    state : State
    """

    state: State


@dataclass(frozen=True, eq=False)
class _Prepared:
    """What all shocks to one world under one structure share."""

    baseline: Baseline
    response: Response
    before: Terms | None = None


_prepared: OrderedDict[tuple[str, str], _Prepared] = OrderedDict()
_prepared_lock = Lock()


def _prepare(world: World, parameters: Parameters) -> _Prepared:
    """Baseline accounts and how the equations respond around them; the latest few are kept."""
    key = (world.content_hash, parameters.content_hash(world))
    with _prepared_lock:
        found = _prepared.get(key)
        if found is not None:
            _prepared.move_to_end(key)
            return found
    baseline = calibrate(world, parameters)
    system = System(world, Shock(), parameters, baseline)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        evaluation = system.evaluate(system.start())
        response = Response(system, evaluation)
    found = _Prepared(baseline, response, evaluation.flows.terms)
    with _prepared_lock:
        _prepared[key] = found
        while len(_prepared) > _MOST_KEPT:
            _prepared.popitem(last=False)
    return found


def solve(
    world: World,
    shock: Shock,
    parameters: Parameters,
    *,
    start: Counterfactual | Place | None = None,
    iteration: Iteration | None = None,
) -> Equilibrium:
    """The world after a shock: equations (1) to (10) in exact changes (DEK08, CR14).

    Parameters
    ----------
    world : World
    shock : Shock
    parameters : Parameters
    start : Equilibrium or Place, optional
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
    OneWayTradeError
        Where deficits are removed from countries whose trade runs one way.
    InsolvencyError
        Where a fixed surplus or an outlay would take all of a country's income.
    IndeterminacyError
        Under free entry, where a sector empties or the equilibrium is not locally unique.
    CertificateError
        If the solution found does not satisfy the equations to 1e-9.
    """
    return _solve(world, shock, parameters, start, iteration, None)


def solve_near(world: World, shock: Shock, parameters: Parameters, middle: Equilibrium) -> Equilibrium:
    """As `solve`, from the solution under another structure and by the response there; raises as `solve`."""
    return _solve(world, shock, parameters, middle, None, middle)


def _solve(
    world: World,
    shock: Shock,
    parameters: Parameters,
    start: Counterfactual | Place | None,
    iteration: Iteration | None,
    middle: Equilibrium | None,
) -> Equilibrium:
    began = time.perf_counter()
    shock.check(world)
    shock.check_sellers(world)
    if parameters.deficits == "removed":
        _require_trade_both_ways(world, shock)
    if middle is None:
        prepared = _prepare(world, parameters)
    else:
        # A response is only a guide to steps: a neighbour's, scaled, spares the work of one's own.
        baseline, near = calibrate(world, parameters), _prepare(middle.world, middle.parameters)
        prepared = _Prepared(baseline, Leaning(near.response, near.baseline, [baseline]))
    search = _Search(world, shock, parameters, prepared, iteration or Iteration())
    found = search.run(start)
    if search.system.free_entry:
        _require_determinate(search.system, found, world)
    return search.certified(found, began)


@dataclass(frozen=True, eq=False)
class _Found:
    """Where an attempt ended; broke marks countries whose income kept turning negative on the way."""

    converged: bool
    vector: Array
    evaluation: Evaluation
    response: Response
    accelerate: Anderson
    broke: NDArray[np.bool_]


class _Search:
    """Looks for the point where all gaps close: from the nearest start, then more carefully, then along the shock."""

    def __init__(
        self, world: World, shock: Shock, parameters: Parameters, prepared: _Prepared, iteration: Iteration
    ) -> None:
        self.world, self.shock, self.parameters = world, shock, parameters
        self.baseline, self.response = prepared.baseline, prepared.response
        self.system = System(world, shock, parameters, self.baseline)
        self.system.before = prepared.before
        # Entry feeds on entry elsewhere, which only acceleration learns: it is given time and memory.
        self.iteration = (
            replace(iteration, memory=2 * iteration.memory, refresh=4 * iteration.refresh)
            if self.system.free_entry
            else iteration
        )
        self.steps = 0
        self.trail = Trail()

    def run(self, start: Counterfactual | Place | None) -> _Found:
        """The solution.

        Raises
        ------
        ConvergenceError, InsolvencyError, IndeterminacyError
        """
        broke, first = np.zeros(self.system.countries, dtype=bool), None
        for vector, accelerate in self._attempts(start):
            found = self._iterate(self.system, vector, self.response, accelerate)
            if found.converged:
                _refuse_insolvency(found.evaluation.income <= 0, self.world)
                return found
            if self.system.free_entry:
                _refuse_corner(found.evaluation.point.firms, self.world, _EMPTYING_SECTOR)
            broke |= found.broke
            first = first or found
        assert first is not None
        path = self._follow()
        if isinstance(path, _Found):
            return path
        if broke.any() and path.solvency is not None:
            # The country that comes closest to losing all is the cause; others fail with it.
            left = path.solvency / (self.world.income / self.baseline.labour_income)
            broke = left <= left.min()
        _refuse_insolvency(broke, self.world)
        if self.system.free_entry:
            self._refuse_scale(first.evaluation, path.reached)
        raise ConvergenceError(
            f"No equilibrium was found in {self.steps} iterations; furthest from clearing: "
            f"{_furthest(first.evaluation.gaps, self.world)}. Followed from nothing, the shock could be solved up to "
            f"{in_percent(max(path.reached, 0.0), significant=3)} of its size (in logs) and no further. It may be too large for this structure, or "
            "gains of scale feed on themselves in it: try smaller steps, restricted entry, a smaller labour-supply "
            f"elasticity or a smaller Pareto tail.{self._nothing_at_home()}"
        )

    def _nothing_at_home(self) -> str:
        """A sentence on who cannot do without trade, where the shock all but ends some."""
        levels = [array for array in (self.shock.trade_cost, self.shock.tariff) if array is not None]
        missing = empty_home_cells(self.world)
        if not missing or max((float(array.max()) for array in levels), default=0.0) < _ENDS_TRADE:
            return ""
        names = "; ".join(
            f"{country}: {', '.join(self.world.sector_name(s) for s in sectors)}"
            for country, sectors in missing.items()
        )
        return f" Countries that sell none of their own at home have no autarky to go to ({names})."

    def _refuse_scale(self, evaluation: Evaluation, reached: float) -> None:
        """Name what keeps free entry from an interior answer: ρ of one or more, else scale that inputs pass on.

        Raises
        ------
        IndeterminacyError
        """
        world, nest = self.world, self.baseline.margins.nest
        over = _over_one(world, nest)
        if over:
            raise IndeterminacyError(
                "Free entry has no interior equilibrium here, however small the shock: ρ = (σ-1)/(γ-1), trade elasticity over "
                f"within-country elasticity, is one or more in {over}. Where firms of one country are no closer "
                "substitutes to each other than to foreign ones, a sector's gain in scale draws in more sales than it serves. "
                "Give markups that go with these trade elasticities (MarkupSet.suited), or restricted entry."
            )
        gap = np.abs(evaluation.gaps["firms"])
        s, i = np.unravel_index(int(np.where(np.isfinite(gap), gap, np.inf).argmax()), gap.shape)
        own = (
            ""
            if self.baseline.input_shares is None
            else (
                f" and {in_percent(self.baseline.input_shares[i, s, s])} of its cost is inputs from itself, which pass gains of scale on"
            )
        )
        raise IndeterminacyError(
            f"Free entry was followed to {in_percent(max(reached, 0.0), significant=3)} of the shock (in logs) and no further: gains of scale feed on "
            f"themselves in {world.sector_name(world.sectors[s])} of {world.countries[i]}, where ρ = {nest[s]:.2f}{own}. "
            "ρ below one is enough without input-output links; with them it must be lower. Try lower markups there (a higher "
            "within-country elasticity), firms that differ, a smaller shock, or restricted entry."
        )

    def _attempts(self, start: Counterfactual | Place | None) -> Iterator[tuple[Array, Anderson]]:
        cold, memory = self.system.start(), self.iteration.memory
        if start is not None and isinstance(start.state, State):
            state = start.state
            if state.world_hash == self.world.content_hash and state.vector.shape == cold.shape:
                self.trail = state.trail
                ahead = state.trail.leads_to(self._of(), self._mark)
                if ahead is not None and ahead.shape == cold.shape:
                    yield ahead, state.accelerate.resume()
                yield state.vector, state.accelerate.resume()
        yield cold, Anderson(len(cold), memory)
        yield cold, Anderson(len(cold), min(memory, 5), longest_step=0.1)

    @cached_property
    def _mark(self) -> Array | None:
        return mark_of(self.shock, self.world)

    def _of(self) -> str:
        return trail_key(self.world, self.parameters)

    def _follow(self) -> _Found | Path:
        """The solution at the end of the path from no shock to the full one, or how far it led.

        Each stretch starts on the line through the last two points, with the response at the last one.
        """
        path, response = Path(self.system.start()), self.response
        while not path.ended:
            before, (fraction, vector) = self.steps, path.ahead()
            part = part_of(self.shock, self.world, fraction)
            system = System(self.world, part, self.parameters, self.baseline)
            found = self._iterate(system, vector, response, Anderson(len(vector), self.iteration.memory))
            if not found.converged or (found.evaluation.income <= 0).any():
                path.retreat()
            elif fraction >= 1:
                return found
            else:
                path.advance(fraction, found.vector, self.steps - before)
                response, point = Response(system, found.evaluation), found.evaluation.point
                earned = system.labour_income * np.exp(point.wage + found.evaluation.labour)
                path.solvency = found.evaluation.income / earned
        return path

    def _iterate(self, system: System, vector: Array, response: Response, accelerate: Anderson) -> _Found:
        """Steps by the response of the equations, accelerated; a step that makes matters worse is taken back and halved."""
        iteration, converged = self.iteration, False
        broke = np.zeros(system.countries, dtype=bool)
        best, retreats = np.inf, 0
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            for steps in range(iteration.limit):
                system.nearly_there = best <= _NEARLY * iteration.tolerance
                now = system.evaluate(vector)
                largest = system.largest_gap(now)
                converged = largest <= iteration.tolerance
                if converged:
                    break
                if steps > iteration.refresh:
                    broke |= now.income <= 0
                if np.isfinite(largest) and largest <= _TOLERATED_GROWTH * best:
                    if steps and steps % iteration.refresh == 0:
                        response = Response(system, now)
                        accelerate.forget()
                    if largest < best:
                        best, retreats, anchor = largest, 0, (vector, now)
                    vector = accelerate.propose(vector, response.step(system, now))
                elif retreats < _MOST_RETREATS and best < np.inf:
                    retreats += 1
                    accelerate.forget()
                    step = response.step(system, anchor[1])
                    length = min(1.0, accelerate.longest_step / float(np.abs(step).max()))
                    vector = anchor[0] + 0.5**retreats * length * step
                else:
                    break
        self.steps += steps
        return _Found(converged, vector, now, response, accelerate, broke)

    def certified(self, found: _Found, began: float) -> Equilibrium:
        """The equilibrium at the point found, with its certificate."""
        trail = self.trail.after(self._of(), self._mark, found.vector)
        state = State(self.world.content_hash, found.vector, found.accelerate, trail)
        equilibrium = _assemble(
            self.system, found.evaluation, self.world, self.shock, self.parameters, self.baseline, state
        )
        return _certify(equilibrium, self.steps, time.perf_counter() - began)


def _require_trade_both_ways(world: World, shock: Shock) -> None:
    """Balanced trade needs a way back for every sale: a group that others only sell to, or only buy from, has none.

    Demand never falls to zero, so that wages would have to. The way back may lead through other countries.

    Raises
    ------
    OneWayTradeError
        Naming a country of the group.
    """
    sells = (world.expenditure > 0).any(2)
    if sells.all() and (shock.trade_cost is None or np.isfinite(shock.trade_cost).all()):
        return
    if shock.trade_cost is not None:
        sells = ((world.expenditure > 0) & np.isfinite(shock.trade_cost)).any(2)
    from scipy.sparse.csgraph import connected_components

    _, group = connected_components(sells, directed=True, connection="strong")
    one_way = np.argwhere(sells & (group[:, None] != group[None, :]))
    if len(one_way):
        seller, buyer = one_way[0]
        raise OneWayTradeError(
            f"{world.countries[seller]} sells to {world.countries[buyer]}, from where nothing comes back to it, not through "
            "other countries either: with deficits removed no wages can balance that. Let deficits be proportional or fixed."
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
    state: State,
) -> Equilibrium:
    """All returned quantities at the point found."""
    point, cost, flows = evaluation.point, evaluation.cost, evaluation.flows
    labour = evaluation.labour
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
        subsidy=shock.subsidy_in_force(world),
        profits=flows.profits.T,
        duties=flows.duties,
        subsidy_outlay=flows.subsidies,
        outlay=government,
        deficits=income - own,
        income=income,
        certificate=Certificate({}, "", certification.TOLERANCE, 0, 0.0, {}, ""),
        state=state,
        margins_in_force=system.margins,
        received=np.zeros_like(baseline.received) if flows.received is None else flows.received.T,
        labour_tax=_labour_tax(system, evaluation),
    )


def _labour_tax(system: System, evaluation: Evaluation) -> Array:
    """τ_L, (N,): what it has to bring over what labour earns; as at the baseline where people receive duties."""
    if system.parameters.duties == "lump_sum":
        return system.labour_tax
    earned = system.labour_income * np.exp(evaluation.point.wage + evaluation.labour)
    return system.needed_revenue(evaluation.point, evaluation.flows) / earned


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
    sizes = {r.equation: float(r.values.max()) for r in found}
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
        margins = equilibrium.baseline.margins
        over = _over_one(world, margins.nest) if margins.nested and margins.has_thresholds else ""
        why = (
            f" With ρ = (σ-1)/(γ-1) of one or more, in {over}, all of a country's firms may leave a market at once: markups "
            "that go with these trade elasticities (MarkupSet.suited) keep it below one."
        )
        raise CertificateError(
            f"The solution found misses the model's equations: {certificate.worst}. It is withheld; "
            f"try the shock in smaller steps.{why if over else ''}"
        )
    return replace(equilibrium, certificate=certificate)


def _over_one(world: World, nest: Array) -> str:
    """Sectors in which ρ is one or more, with it; empty where there are none."""
    return ", ".join(
        f"{world.sector_name(world.sectors[s])} ({nest[s]:.2f})" for s in np.flatnonzero(nest >= 1 - 1e-12)
    )


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
    stretch = _stretch(system, found.vector, found.response)
    if stretch > _LARGEST_STRETCH:
        raise IndeterminacyError(
            "Under free entry with these elasticities the equilibrium is not locally unique (a small change "
            f"is amplified {stretch:.1e} times). Use restricted entry, or one sector."
        )


def _stretch(system: System, vector: Array, response: Response) -> float:
    """How far unknowns move per unit of disturbance at a solution: a lower bound of |J⁻¹|, by GMRES."""
    from scipy.sparse.linalg import LinearOperator, gmres

    def step(at: Array) -> Array:
        return response.step(system, system.evaluate(at))

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
        answer, failed = gmres(jacobian, disturbance, rtol=1e-3, restart=200, maxiter=4)
        # Slow is not singular: only a disturbance that cannot be answered at all counts as boundless.
        left = np.linalg.norm(product(answer) - disturbance) / np.linalg.norm(disturbance) if failed else 0.0
        worst = np.inf if not left < _UNANSWERED else max(worst, float(np.abs(answer).max()))
    return worst


def remove_deficits(world: World, parameters: Parameters) -> World:
    """The world as it would be with balanced trade, as a new baseline (CP15, section 5).

    Raises
    ------
    EquilibriumError
        As `solve`.
    """
    return solve(world, Shock(), parameters.with_(deficits="removed")).to_world()
