"""One country's choice of rates: which cells they move, what they are worth, and the climb (MODEL 14)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from firmtrade_core.equilibrium import Equilibrium, Gradient, Iteration, Outcome, Parameters, Shock, solve
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.equilibrium.gradient import TOLERANCE, Pull
from firmtrade_core.scenarios.atlas import Atlas
from firmtrade_core.scenarios.errors import ScenarioError
from firmtrade_core.scenarios.fields import ALL_GOODS
from firmtrade_core.world.world import World

Array = NDArray[np.float64]
Instrument = Literal["uniform", "sector", "partner_sector"]
Lever = Literal["tariff", "export_tax", "production_subsidy"]
Objective = Literal["real_income", "duties", "weighted"]
Method = Literal["add", "set"]

#: Rates this close are the same.
SAME = 1e-13

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
CLOSE = Iteration(tolerance=1e-11)

#: Residual of the adjoint equations on the way; at the answer it is `gradient.TOLERANCE`.
CLOSE_SLOPE = 1e-7

NAMES = {"tariff": "tariff", "export_tax": "subsidy", "production_subsidy": "production_subsidy"}


class OptimumError(ValueError):
    """A best policy that cannot be given. The message says why and what to ask instead."""


class Hill(Protocol):
    """What can be climbed: rates in, a value and its slope out."""

    bounds: tuple[float, float]
    unit: Array

    def solve_at(self, rates: Array) -> Equilibrium:
        """With the rates in force."""

    def value(self, found: Equilibrium) -> float:
        """What it is worth."""

    def slope(self, found: Equilibrium, tolerance: float = TOLERANCE) -> Array:
        """Its derivative by rate."""


def climb(hill: Hill, start: Array, *, precision: float = 5e-7) -> Array:
    """The top that is reached from a start, by L-BFGS-B in the hill's own units.

    Parameters
    ----------
    hill
    start
        Rates, fractions.
    precision
        Largest slope, per measured unit, at which it ends.
    """
    low, high = hill.bounds
    worst = 0.0

    def down(measured: Array) -> tuple[float, Array]:
        nonlocal worst
        try:
            found = hill.solve_at(measured * hill.unit)
            value, slope = -hill.value(found), -hill.slope(found, CLOSE_SLOPE) * hill.unit
        except EquilibriumError:
            # No equilibrium there: worse than all that was seen, so that the line search turns back.
            return worst + 1.0, np.zeros(len(measured))
        worst = max(worst, value)
        return value, slope

    found = minimize(
        down,
        np.clip(start, low, high) / hill.unit,
        jac=True,
        method="L-BFGS-B",
        bounds=[(low / u, high / u) for u in hill.unit],
        options={"ftol": 1e-15, "gtol": precision, "maxiter": 300, "maxcor": 20},
    )
    return np.clip(np.asarray(found.x * hill.unit), low, high)


def held_back(rates: Array, slope: Array, bounds: tuple[float, float]) -> NDArray[np.bool_]:
    """Which rates a bound keeps from where the slope points."""
    edge = 1e-9
    return ((rates <= bounds[0] + edge) & (slope <= 0)) | ((rates >= bounds[1] - edge) & (slope >= 0))


class Problem:
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
        *,
        partners: Sequence[str] | None = None,
        weights: Mapping[str, float] | None = None,
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
        if partners is not None:
            if strangers := set(partners) - set(world.countries):
                raise OptimumError(f"The world has no country {', '.join(sorted(strangers))}.")
            if lever == "production_subsidy":
                raise OptimumError("Production subsidies have no partners: leave them out.")
        if (objective == "weighted") != bool(weights):
            raise OptimumError(
                "Weights of sectors belong to the objective weighted, which needs them: give both, or neither."
            )
        self.world, self.parameters, self.country = world, parameters, country
        self.instrument, self.lever, self.objective, self.method = instrument, lever, objective, method
        self.shock, self.bounds = shock or Shock(), bounds
        self.at = world.countries.index(country)
        self.near: Equilibrium | None = near
        self.nearest: Gradient | None = None
        #: A point of which all is known: rates, equilibrium, the value's derivative by rate, its gradient's residual.
        self.known: tuple[Array, Equilibrium, Array, float] | None = None
        self.solves = 0
        self.partners = None if partners is None else tuple(partners)
        self._lay_out(covered(world, sectors))
        if objective == "weighted":
            self.outcome = Outcome("weighted_income", country, weights=_by_sector(world, weights or {}))
        else:
            self.outcome = Outcome(objective, country)

    def _lay_out(self, use: NDArray[np.bool_]) -> None:
        """Which rate stands on which cell, and how rates are measured."""
        world, j = self.world, self.at
        n, s = world.shape
        abroad = np.arange(n) != j
        if self.partners is not None:
            abroad &= np.isin(world.countries, self.partners)
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
        elasticity = np.asarray(self.parameters.elasticities_for(world), dtype=np.float64)
        weight = np.bincount(
            self.cells[reach], weights=(size * elasticity)[reach], minlength=len(self.labels)
        )
        self.reach = reach
        self.unit = 1 / np.sqrt(np.maximum(weight / world.income[j], 1e-7))
        self.elasticity = elasticity

    def applied(self, shock: Shock, rates: Array) -> Shock:
        """A shock with the rates on top."""
        name = NAMES[self.lever]
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
        self.near = solve(self.world, shock, self.parameters, start=self.near, iteration=CLOSE)
        self.solves += 1
        return self.near

    def solve_at(self, rates: Array) -> Equilibrium:
        """With the rates, all else as it stands."""
        if self.known is not None and np.abs(rates - self.known[0]).max() <= SAME:
            self.near = self.known[1]
            return self.near
        return self.solve_shock(self.applied(self.shock, rates))

    def value(self, found: Equilibrium) -> float:
        """ln Ŵ, ln of the weighted income's ratio, or duties as a share of the baseline's income.

        Raises
        ------
        OptimumError
            If weights of sectors make the objective negative.
        """
        given = self.outcome.value(found)
        if self.objective == "duties":
            return given / float(self.world.income[self.at])
        if not given > 0:
            raise OptimumError("With these weights the objective is negative: give weights nearer to one.")
        return float(np.log(given))

    def slope(self, found: Equilibrium, tolerance: float = TOLERANCE) -> Array:
        """The value's derivative by rate, (K,)."""
        if self.known is not None and found is self.known[1] and self.known[3] <= tolerance:
            return self.known[2]
        self.nearest = found.gradient(self.outcome, near=self.nearest, tolerance=tolerance)
        return self.slope_of(self.nearest)

    def slope_of(self, gradient: Gradient) -> Array:
        """The same from the outcome's gradient."""
        total = self.summed(gradient)
        base = self.world.income[self.at] if self.objective == "duties" else gradient.value
        return np.asarray(total / base)

    def pulled(self, pull: Pull) -> Array:
        """The same from what the country's own levers do, (K,)."""
        imports = self.lever == "tariff"
        reach, cells = (part[:, self.at] if imports else part[self.at] for part in (self.reach, self.cells))
        by_cell = {
            "tariff": pull.tariff,
            "export_tax": -pull.export_subsidy,
            "production_subsidy": pull.production_subsidy,
        }[self.lever]
        total = np.bincount(cells[reach], weights=by_cell[reach], minlength=len(self.labels))
        base = self.world.income[self.at] if self.objective == "duties" else pull.value
        return np.asarray(total / base, dtype=np.float64)

    def summed(self, gradient: Gradient) -> Array:
        """Any outcome's derivative by rate."""
        by_cell = {
            "tariff": gradient.tariff,
            "export_tax": -gradient.export_subsidy,
            "production_subsidy": gradient.production_subsidy,
        }[self.lever][self.reach]
        return np.asarray(
            np.bincount(self.cells[self.reach], weights=by_cell, minlength=len(self.labels)), dtype=np.float64
        )

    def climb(self, start: Array) -> Array:
        """The top that is reached from a start."""
        return climb(self, start)


def covered(world: World, sectors: Sequence[str] | None) -> NDArray[np.bool_]:
    """Sectors that an instrument covers, (S,).

    Raises
    ------
    OptimumError
        If a sector is unknown, or none is left.
    """
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


def _by_sector(world: World, weights: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """Weights of codes and groups as weights of the world's sectors, those named later over those before."""
    found: dict[str, float] = {}
    for name, weight in weights.items():
        if not np.isfinite(weight) or weight < 0:
            raise OptimumError(f"The weight of {name} is {weight:g}; weights are numbers from 0 up.")
        for place in np.flatnonzero(covered(world, [name])):
            found[world.sectors[place]] = float(weight)
    return tuple(found.items())
