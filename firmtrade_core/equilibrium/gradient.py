"""What every policy and cost does to one outcome at the margin, by one adjoint solve (MODEL 14).

At an equilibrium F(x, p) = 0, so that for an outcome W(x, p): dW/dp = W_p - λ'F_p with F_x'λ = W_x. Both products are
one sweep back through the equations, cell by cell, whatever the number of parameters. Arrays are sector-first, as in
`system`; what leaves has the axis order origin, destination, sector. The unknowns are ln ŵ and ln L̂, (N,) each, and
ln P̂, ln Ê and, under free entry, ln M̂, (S, N) each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium.adjoint import Own, Start, Sweep, solve_adjoint, solve_adjoints
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.equilibrium.system import System

if TYPE_CHECKING:
    from firmtrade_core.equilibrium.results import Equilibrium
    from firmtrade_core.equilibrium.shock import Shock

Array = NDArray[np.float64]
Kind = Literal["real_income", "equivalent_variation", "exports", "duties", "jobs", "weighted_income"]
Lever = Literal["tariff", "export_subsidy", "production_subsidy", "trade_cost", "fixed_cost", "productivity"]

#: Largest residual of the adjoint equations, relative to their right side, with which a gradient is given out.
TOLERANCE = 1e-9

#: Up to so many unknowns the adjoint equations are solved by elimination, beyond it by GMRES.
_DENSE = 400

#: Products after which the iteration ends as it stands.
_PRODUCTS = 1200

#: An outcome's name in sentences, its unit, and by what its derivative is multiplied to be in that unit.
_OUTCOMES: dict[str, tuple[str, str, float]] = {
    "real_income": ("real income", "%", 100.0),
    "equivalent_variation": ("the equivalent variation", "million USD", 1.0),
    "exports": ("exports", "million USD", 1.0),
    "duties": ("duties", "million USD", 1.0),
    "jobs": ("jobs", "%", 100.0),
    "weighted_income": ("weighted real income", "%", 100.0),
}


class GradientError(EquilibriumError):
    """A gradient that cannot be given. The message says what is asked wrongly, or why the derivative is not covered."""


@dataclass(frozen=True)
class Outcome:
    """One number of an equilibrium, to be differentiated.

    Parameters
    ----------
    kind
        real_income: Ŵ, a ratio; equivalent_variation, exports (at the border) and duties: million USD, the last two in the
        numeraire of `Equilibrium.wage_change`; jobs: ratio of labour used, by sector; weighted_income:
        [I' + Σ_s (λ_s - 1)(w'L'_s + Π'_s)]/(I P̂), a ratio: what a government wants that gives a dollar earned in sector s the
        weight λ_s (Grossman, Helpman 1994; Ossa 2014, equation 6, with duties at weight one).
    country
        Code of the country.
    sector
        Code of the sector; jobs alone have one.
    weights
        Sector and weight λ, of weighted_income; one for those not named.
    """

    kind: Kind
    country: str
    sector: str | None = None
    weights: tuple[tuple[str, float], ...] = ()

    def place(self, equilibrium: Equilibrium) -> tuple[int, int]:
        """Positions of country and sector; the sector's is 0 where there is none.

        Raises
        ------
        GradientError
            Naming what the world does not have.
        """
        world = equilibrium.world
        if self.kind not in get_args(Kind):
            raise GradientError(f"There is no outcome {self.kind!r}; choose {', '.join(get_args(Kind))}.")
        if self.country not in world.countries:
            raise GradientError(f"The world has no country {self.country!r}.")
        if (self.kind == "jobs") != (self.sector is not None):
            raise GradientError(
                "Jobs are those of a sector, and all other outcomes have none: give one or leave it."
            )
        named = [name for name, _ in self.weights] + [self.sector] * (self.sector is not None)
        for name in named:
            if name not in world.sectors:
                raise GradientError(f"The world has no sector {name!r}.")
        if self.weights and self.kind != "weighted_income":
            raise GradientError("Weights of sectors are those of weighted_income.")
        return world.countries.index(self.country), 0 if self.sector is None else world.sectors.index(
            self.sector
        )

    def value(self, equilibrium: Equilibrium) -> float:
        """The outcome itself, in the units of the derivative."""
        i, s = self.place(equilibrium)
        if self.kind == "jobs":
            return float(equilibrium.employment_change[i, s])
        if self.kind == "exports":
            border = equilibrium.border_value[i].sum(1)
            return float(border.sum() - border[i])
        if self.kind == "weighted_income":
            earned = equilibrium.baseline.labour_share[i] * equilibrium.cost[i] + equilibrium.received[i]
            if equilibrium.parameters.entry != "free" and not equilibrium.baseline.margins.competitive:
                earned = earned + equilibrium.profits[i]
            more = float((self.extra(equilibrium) * earned).sum())
            return float(equilibrium.real_income_change[i] * (1 + more / equilibrium.income[i]))
        name = {"real_income": "real_income_change"}.get(self.kind, self.kind)
        return float(getattr(equilibrium, name)[i])

    def extra(self, equilibrium: Equilibrium) -> Array:
        """λ - 1 by sector, (S,)."""
        found = np.zeros(len(equilibrium.world.sectors))
        for name, weight in self.weights:
            found[equilibrium.world.sectors.index(name)] = weight - 1
        return found


class Effect(NamedTuple):
    """What a small move of one lever in one cell does.

    Attributes
    ----------
    lever
        Which array.
    cell
        Codes: origin, destination and sector, or country and sector.
    derivative
        Per unit of the lever: a fraction for tariffs and subsidies, a logarithm for costs and productivity.
    words
        A sentence with sizes for one percentage point, or one per cent.
    """

    lever: Lever
    cell: tuple[str, ...]
    derivative: float
    words: str


@dataclass(frozen=True, eq=False)
class Gradient:
    """Derivatives of one outcome at an equilibrium, all else that policy sets held fixed.

    Attributes
    ----------
    outcome : Outcome
    value : float
        The outcome at the equilibrium.
    unit : str
        Of the outcome in sentences; per unit of the outcome itself in the arrays.
    tariff, export_subsidy : (N, N, S)
        Per unit of t' and of b' on exports, fractions (0.01 is a percentage point). Cells of home sales stand for taxes
        on buying and subsidies on selling at home.
    trade_cost, fixed_cost : (N, N, S)
        Per unit of ln τ̂ and of ln f̂; cells where nothing is sold have none.
    productivity : (N, S)
        Per unit of ln Â.
    production_subsidy : (N, S)
        Per unit of s, a fraction.
    residual : float
        Largest of F_x'λ - W_x, relative to the largest of W_x: the certificate.
    steps : int
        Products with the transposed Jacobian that it took.
    countries, sectors : tuple
        Codes along the axes.
    equilibrium : Equilibrium
        At which it is taken.
    start : Start, optional
        From which a gradient near by starts; none where elimination solved it.
    """

    outcome: Outcome
    value: float
    unit: str
    tariff: Array
    export_subsidy: Array
    trade_cost: Array
    fixed_cost: Array
    productivity: Array
    production_subsidy: Array
    residual: float
    steps: int
    countries: tuple[str, ...] = field(repr=False)
    sectors: tuple[str, ...] = field(repr=False)
    equilibrium: Equilibrium = field(repr=False)
    start: Start | None = field(repr=False, default=None)

    @property
    def holds(self) -> bool:
        """Whether the adjoint equations are satisfied to the tolerance."""
        return bool(self.residual <= TOLERANCE)

    def largest(self, count: int = 10, lever: Lever = "tariff") -> list[Effect]:
        """The cells of a lever that matter most per unit, in falling order of size; those between countries alone.

        Raises
        ------
        GradientError
            Where there is no such lever.
        """
        size = np.abs(self._lever(lever))
        if size.ndim == 3:
            size = np.where(np.eye(len(size), dtype=bool)[:, :, None], 0.0, size)
        order = np.argsort(-size, axis=None, kind="stable")[: max(count, 0)]
        cells = (np.unravel_index(int(at), size.shape) for at in order if size.flat[at] > 0)
        return [self._effect(lever, tuple(int(k) for k in cell)) for cell in cells]

    def against_solutions(self, lever: Lever = "tariff", *, seed: int = 0, step: float = 1e-3) -> float:
        """Distance from whole solutions: a second certificate, by none of the gradient's own code.

        The lever moves in all its cells at once in a random direction, by one and by two steps to either side; their
        fourth-order difference is held against the gradient's.

        Parameters
        ----------
        lever
        seed
            Of the direction.
        step
            Largest move of a cell, a fraction or a logarithm; solutions are sought to 1e-12.

        Returns
        -------
        float
            Relative to the size that random signs give to such a sum.

        Raises
        ------
        GradientError
            Where there is no such lever.
        EquilibriumError
            As `solve`, where a neighbour cannot be solved.
        """
        from firmtrade_core.equilibrium.solver import Iteration, solve

        derivative = self._lever(lever)
        random, base = np.random.default_rng(seed), self.equilibrium
        direction = random.choice([-1.0, 1.0], derivative.shape) * random.uniform(0.2, 1, derivative.shape)
        close, slope = Iteration(tolerance=1e-12), 0.0
        for times, weight in ((-2, 1.0), (-1, -8.0), (1, 8.0), (2, -1.0)):
            shock = _moved(base, lever, times * step * direction)
            found = solve(base.world, shock, base.parameters, start=base, iteration=close)
            slope += weight * self.outcome.value(found) / (12 * step)
        parts = derivative * direction
        size = float(np.sqrt((parts**2).sum()))
        return abs(float(parts.sum()) - slope) / size if size > 0 else abs(slope)

    def _lever(self, lever: str) -> Array:
        if lever not in get_args(Lever):
            raise GradientError(f"There is no lever {lever!r}; choose {', '.join(get_args(Lever))}.")
        return np.asarray(getattr(self, lever))

    def _effect(self, lever: Lever, cell: tuple[int, ...]) -> Effect:
        derivative = float(getattr(self, lever)[cell])
        codes = (*(self.countries[k] for k in cell[:-1]), self.sectors[cell[-1]])
        name, unit, scale = _OUTCOMES[self.outcome.kind]
        whose = f"{name} of {self.outcome.country}"
        spoken = self.equilibrium.world.sector_name
        if self.outcome.sector is not None:
            whose += f" in {spoken(self.outcome.sector)}"
        one, sector = codes[0], spoken(codes[-1])
        what = {
            "tariff": "One percentage point more tariff of {1} on {2} from {0}",
            "export_subsidy": "One percentage point more subsidy of {0} on exports of {2} to {1}",
            "trade_cost": "One per cent higher iceberg costs of {2} from {0} to {1}",
            "fixed_cost": "One per cent higher fixed costs of selling {2} of {0} in {1}",
            "production_subsidy": "One percentage point more subsidy of {0} on producing {2}",
            "productivity": "One per cent higher productivity of {0} in {2}",
        }[lever].format(one, codes[1], sector)
        return Effect(
            lever, codes, derivative, f"{what} moves {whose} by {0.01 * scale * derivative:+.3g} {unit}."
        )


def _moved(equilibrium: Equilibrium, lever: Lever, step: Array) -> Shock:
    """The equilibrium's shock with one lever moved: levels of tariffs and subsidies, logs of costs and productivity."""
    world, shock = equilibrium.world, equilibrium.shock
    name = {"export_subsidy": "subsidy"}.get(lever, lever)
    before = getattr(shock, name)
    if before is None:
        start = {
            "tariff": world.tariff,
            "subsidy": world.subsidy,
            "production_subsidy": np.zeros(world.shape),
        }
        before = start.get(name, np.ones(step.shape))
    levels = name in ("tariff", "subsidy", "production_subsidy")
    return replace(shock, **{name: before + step if levels else before * np.exp(step)})


class _Unknowns(NamedTuple):
    """One number for each unknown, or for its equation: (N,), (N,), (S, N), (S, N), (S, N)."""

    wage: Array
    labour: Array
    price: Array
    expenditure: Array
    firms: Array


@dataclass(frozen=True, eq=False)
class _Bar:
    """Derivatives of a number with respect to quantities on the way, to be swept back; see `_Tangent.back`."""

    wage: Array
    labour: Array
    price: Array
    expenditure: Array
    firms: Array
    log_cost: Array
    income: Array
    government: Array
    duties: Array
    subsidies: Array
    profits: Array
    spent: Array
    received: Array
    tax: Array
    exports: Array
    #: Of the sums in the price indices.
    index: Array

    def less(self, other: _Bar) -> _Bar:
        """The difference of both."""
        return _Bar(*(getattr(self, one.name) - getattr(other, one.name) for one in fields(self)))

    @staticmethod
    def stacked(bars: Sequence[_Bar]) -> _Bar:
        """Several numbers' together, which come first."""
        return _Bar(*(np.stack([getattr(bar, one.name) for bar in bars]) for one in fields(_Bar)))

    @staticmethod
    def zeros(countries: int, sectors: int, lead: tuple[int, ...] = ()) -> _Bar:
        """Nothing yet, of one number or of several, ``lead`` of them."""
        one, two = (*lead, countries), (*lead, sectors, countries)
        shapes = (one, one, two, two, two, two, one, one, one, one, two, two, two, one, one, two)
        return _Bar(*(np.zeros(shape) for shape in shapes))


class _Cells(NamedTuple):
    """Derivatives by cell, (S, N, N), and ln ĉ's, (S, N): what parameters enter."""

    tariff: Array
    subsidy: Array
    trade_cost: Array
    fixed_cost: Array
    log_cost: Array


class _Tangent:
    """The equations around an equilibrium, ready to be swept back.

    Notes
    -----
    With x the index of thresholds, Q = ρ ln Ŝ, s = dQ/dx and φ: d ln W_ij = ρ dM_i - (σ-1)(dĉ_i + dτ + dT) + s_ij dx_ij,
    d ln X'_ij = d ln W_ij + (σ-1) dP_j + dE_j (with (6') in the form (1-σ) ln P̂ = ln Σ_i W_ij), and dφ/dk = φ + (1-φ)
    ∂ln S/∂k, for the marginal firm's fixed cost is its profit; dk/dx = 1/(1-(1-ρ) ∂ln S/∂k).
    """

    def __init__(self, equilibrium: Equilibrium) -> None:
        self.equilibrium = equilibrium
        #: F_x', once elimination has asked for it.
        self.matrix: Array | None = None
        world, baseline = equilibrium.world, equilibrium.baseline
        system = System(world, equilibrium.shock, equilibrium.parameters, baseline)
        if len(np.unique(system.blocs)) > 1:
            raise GradientError(
                "Embargoes or empty cells divide this world into groups that do not trade with one another: each has a "
                "numeraire of its own, and derivatives across them are not covered. Ask in a world of one group."
            )
        self.system = system
        self.countries, self.sectors = world.shape
        margins = equilibrium.margins_in_force
        self.sigma, self.within, self.nest = system.sigma, system.within, system.nest
        self.abroad, self.competitive = system.abroad, baseline.margins.competitive
        self.free_entry = system.free_entry
        self.kept = 0.0 if self.free_entry or self.competitive else 1.0
        index = equilibrium.threshold_index
        _, slope, share = margins.effective(np.where(np.isfinite(index), index, 0.0))
        shape = (self.sectors, self.countries, self.countries)
        self.slope, self.share = (
            np.broadcast_to(np.moveaxis(np.broadcast_to(part, world.tariff.shape), 2, 0), shape)
            for part in (slope, share)
        )
        nest = self.nest[:, :, None]
        raw = self.slope / (nest + (1 - nest) * self.slope)
        self.bend = (self.share + raw * (1 - self.share)) / (1 - (1 - nest) * raw)
        self.flows, self.border, self.revenue, self.tariff, self.subsidy = (
            np.ascontiguousarray(np.moveaxis(part, 2, 0))
            for part in (
                equilibrium.flows,
                equilibrium.border_value,
                equilibrium.revenue,
                equilibrium.tariff,
                equilibrium.subsidy,
            )
        )
        total = self.flows.sum(1)
        self.active = total > 0
        self.spending = np.where(self.active, total, 1.0)
        self.shares = self.flows / self.spending[:, None, :]
        self.profits = equilibrium.profits.T
        self.earned = equilibrium.labour_income
        weights = baseline.labour_income * equilibrium.wage_change
        self.weights = weights / weights.sum()
        self.basket = equilibrium.price_index_change
        self.final = system.final_shares
        self.new_final = system.new_final_shares
        self.elasticity = equilibrium.parameters.labour_supply_elasticity
        self.taxed = equilibrium.parameters.duties == "labour_tax"
        self.produced = (system.baseline_profits > 0) & (self.profits > 0)
        #: The country whose labour market follows from all others (Walras's law): the numeraire takes its place.
        self.implied = int(self.earned.argmax())
        self.pinned = np.where(np.arange(self.countries) == self.implied, self.weights, 0.0)

    # Vectors --------------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """Number of unknowns."""
        return 2 * self.countries + (2 + self.free_entry) * self.countries * self.sectors

    def unpack(self, vector: Array) -> _Unknowns:
        """A vector's blocks; of several vectors, which come first."""
        n, cells, lead = self.countries, self.countries * self.sectors, vector.shape[:-1]
        blocks = [vector[..., :n], vector[..., n : 2 * n]]
        for k in range(3):
            block = vector[..., 2 * n + k * cells : 2 * n + (k + 1) * cells]
            block = block if block.shape[-1] else np.zeros((*lead, cells))
            blocks.append(block.reshape(*lead, self.sectors, n))
        return _Unknowns(*blocks)

    def pack(self, found: _Unknowns) -> Array:
        """The blocks as a vector."""
        blocks = found if self.free_entry else found[:4]
        lead = found.wage.shape[:-1]
        return np.concatenate([block.reshape(*lead, -1) for block in blocks], axis=-1)

    # Sweeps ---------------------------------------------------------------------------------------

    def equations(self, vector: Array) -> tuple[Array, _Cells]:
        """F_x'λ, and λ'F_p by cell."""
        return self.back(self.bars(vector))

    def bars(self, vector: Array, *, own: bool = False) -> _Bar:
        """What the equations' weights are for the quantities in them.

        Parameters
        ----------
        vector
            λ, or several.
        own
            Whether countries are taken alone: no numeraire that all share.
        """
        at, bar = self.unpack(vector), _Bar.zeros(self.countries, self.sectors, vector.shape[:-1])
        one = self.implied
        # Labour markets: (Σ βC' + received)/(w'L') - ln ŵ - ln L̂, the implied one's place taken by the numeraire.
        wage = at.wage.copy()
        wage[..., one] = 0.0
        bar.spent[:] += self.system.labour_share * (wage / self.earned)[..., None, :]
        bar.received[:] += (wage / self.earned)[..., None, :]
        bar.wage[:] += (at.wage if own else at.wage[..., one, None]) * (
            self.pinned if own else self.weights
        ) - wage
        bar.labour[:] -= wage
        # Labour supply: ln L̂ - κ (ln ŵ - α ln P̂ + ln(1-τ_L)).
        worked = self.elasticity * at.labour
        bar.labour[:] += at.labour
        bar.wage[:] -= worked
        bar.price[:] += self.final * worked[..., None, :]
        if self.taxed:
            bar.tax[:] += worked / (1 - self.equilibrium.labour_tax)
        # Price indices: (1-σ) ln P̂ - ln Σ_i W.
        bar.price[:] += (1 - self.sigma) * at.price
        bar.index[:] = at.price
        # Spending: (α (I' + G') + γC')/E' - ln Ê.
        spent = np.where(self.active, at.expenditure, 0.0) / self.spending
        final = (self.new_final * spent).sum(-2)
        bar.income[:] += final
        bar.government[:] += final
        inputs = self.equilibrium.baseline.input_shares
        if inputs is not None:
            bar.spent[:] += np.swapaxes(
                (np.swapaxes(spent, -1, -2)[..., None, :] @ inputs)[..., 0, :], -1, -2
            )
        bar.expenditure[:] -= at.expenditure
        # Entry: ln Π̂ - ln ĉ - ln M̂.
        if self.free_entry:
            entry = np.where(self.produced, at.firms, 0.0)
            bar.profits[:] += entry / np.where(self.produced, self.profits, 1.0)
            bar.log_cost[:] -= entry
            bar.firms[:] -= at.firms
        return bar

    def outcome(self, outcome: Outcome) -> _Bar:
        """What an outcome's weights are for the quantities in it."""
        equilibrium, bar = self.equilibrium, _Bar.zeros(self.countries, self.sectors)
        i, s = outcome.place(equilibrium)
        if outcome.kind in ("real_income", "equivalent_variation"):
            level, income = equilibrium.real_income_change[i], equilibrium.world.income[i]
            scale = 1.0 if outcome.kind == "real_income" else income
            bar.income[i] = scale * level / equilibrium.income[i]
            bar.price[:, i] = -scale * level * self.final[:, i]
            if outcome.kind == "equivalent_variation" and self.elasticity:
                before = self.system.labour_tax[i]
                worth = self.elasticity / (1 + self.elasticity) * (1 - before)
                worth *= equilibrium.baseline.labour_income[i]
                effort = worth * equilibrium.take_home_change[i] * equilibrium.labour_change[i]
                bar.wage[i] = bar.labour[i] = -effort
                bar.price[:, i] += effort * self.final[:, i]
                if self.taxed:
                    bar.tax[i] = effort / (1 - equilibrium.labour_tax[i])
        elif outcome.kind == "weighted_income":
            extra, value = outcome.extra(equilibrium), outcome.value(equilibrium)
            level = float(equilibrium.real_income_change[i] / equilibrium.income[i])
            bar.income[i] = level
            bar.spent[:, i] = level * extra * self.system.labour_share[:, i]
            bar.received[:, i] = level * extra
            bar.profits[:, i] = level * extra * self.kept
            bar.price[:, i] = -value * self.final[:, i]
        elif outcome.kind == "exports":
            bar.exports[i] = 1.0
        elif outcome.kind == "duties":
            bar.duties[i] = 1.0
        else:
            baseline, share = equilibrium.baseline, self.system.labour_share[s, i]
            before = baseline.labour_share[i, s] * baseline.cost[i, s] + baseline.received[i, s]
            if before <= 0:
                raise GradientError(
                    f"Nobody works in {outcome.sector} of {outcome.country}: its jobs do not move."
                )
            wage = equilibrium.wage_change[i]
            bar.spent[s, i], bar.received[s, i] = share / (before * wage), 1 / (before * wage)
            bar.wage[i] = -equilibrium.employment_change[i, s]
        return bar

    def back(self, bar: _Bar) -> tuple[Array, _Cells]:
        """From derivatives with respect to quantities on the way to those with respect to unknowns and parameters."""
        self._accounts(bar)
        wage, price = bar.wage, bar.price
        sigma, nest = self.sigma, self.nest
        every = slice(None)
        sales, by_revenue, weight, index, wedge = self._by_cell(bar, every, every)
        log_cost = bar.log_cost + (sigma - self.abroad) * index.sum(2) - (sigma - 1) * weight.sum(2)
        firms = bar.firms + nest * weight.sum(2) + (1 - nest) * index.sum(2)
        pull = (sales - index).sum(1)
        expenditure = bar.expenditure + pull
        price = price + (sigma - 1) * pull
        wage = wage + self.abroad * index.sum((0, 1)) + (self.system.labour_share * log_cost).sum(0)
        inputs = self.equilibrium.baseline.input_shares
        if inputs is not None:
            price = price + (inputs @ log_cost.T[:, :, None])[:, :, 0].T
        closer = sigma[:, :, None] - 1
        cells = _Cells(
            tariff=(wedge - sales) / (1 + self.tariff) + self.border * bar.duties,
            subsidy=(by_revenue - wedge) / (1 - self.subsidy) + self.revenue * bar.subsidies[:, None],
            trade_cost=closer * (index - weight),
            fixed_cost=index,
            log_cost=log_cost,
        )
        return self.pack(_Unknowns(wage, bar.labour, price, expenditure, firms)), cells

    def _by_cell(self, bar: _Bar, i: slice, j: slice) -> tuple[Array, Array, Array, Array, Array]:
        """Derivatives with respect to ln sales, ln revenue, ln W and the index of thresholds, and ln T̂'s, of some origins in some
        destinations, (S, I, J)."""
        within, sigma = self.within[:, :, None], self.sigma[:, :, None]
        share, revenue = self.share[:, i, j], self.revenue[:, i, j]
        # Profits kept come off costs, and so do payments to labour abroad, which that labour receives.
        kept = np.zeros_like(bar.profits) if self.competitive else bar.profits - self.kept * bar.spent
        net = self.abroad * (bar.received[:, None, j] - bar.spent[:, i, None]) / within
        per_profit = kept[:, i, None] / within
        of_revenue = bar.spent[:, i, None] + (1 - share) * per_profit + share * net
        of_revenue = of_revenue + self.subsidy[:, i, j] * bar.subsidies[i, None]
        away = ~np.eye(self.countries, dtype=bool)[i, j]
        of_border = self.tariff[:, i, j] * bar.duties[j] + bar.exports[i, None] * away
        by_revenue = of_revenue * revenue
        sales = by_revenue + of_border * self.border[:, i, j]
        weight = sales - self.shares[:, i, j] * bar.index[:, None, j]
        index = weight * self.slope[:, i, j] + revenue * (net - per_profit) * self.bend[:, i, j]
        return sales, by_revenue, weight, index, sigma * index - (sigma - 1) * weight

    def own_levers(self, bar: _Bar, country: int) -> tuple[Array, Array, Array]:
        """Derivatives by a country's import tariffs, (N, S), export subsidies, (N, S), and production subsidies, (S,).

        Parameters
        ----------
        bar
            Of the outcome less λ's, as for `back`; it is swept through accounts here.
        country
        """
        self._accounts(bar)
        mine, every, equilibrium = slice(country, country + 1), slice(None), self.equilibrium
        sales, _, _, _, wedge = self._by_cell(bar, every, mine)
        tariff = (wedge - sales) / (1 + self.tariff[:, :, mine]) + self.border[:, :, mine] * bar.duties[mine]
        _, by_revenue, _, _, wedge = self._by_cell(bar, mine, every)
        free = 1 - self.subsidy[:, mine]
        subsidy = ((by_revenue - wedge) / free + self.revenue[:, mine] * bar.subsidies[mine, None])[:, 0]
        produced = equilibrium.shock.production_subsidy
        paid = np.ones(self.sectors) if produced is None else 1 + produced[country]
        return tariff[:, :, 0].T, subsidy.T / paid, (subsidy * free[:, 0]).sum(1) / paid

    def _accounts(self, bar: _Bar, *, own: bool = False) -> None:
        """Through incomes, deficits and the budget to what they are made of; ``own`` leaves out what others' do."""
        equilibrium, system = self.equilibrium, self.system
        government, earned = equilibrium.outlay, self.earned
        by_labour, by_profits = np.zeros_like(bar.income), np.zeros_like(bar.income)
        mine = bar.income
        if equilibrium.parameters.deficits == "fixed":
            shift: Array | float = 0.0
            if not own:
                shift = (bar.income * system.deficits).sum(-1, keepdims=True) / system.world_value_added
            by_labour, by_profits = by_labour + shift, by_profits + shift
        elif equilibrium.parameters.deficits == "proportional":
            ratio, income = system.spending_ratio, equilibrium.income - equilibrium.deficits
            spending = (income * ratio).sum()
            factor = income.sum() / spending
            common: Array | float = 0.0
            if not own:
                common = (bar.income * income * ratio).sum(-1, keepdims=True) / spending
            mine = ratio * factor * bar.income + common * (1 - factor * ratio)
        by_labour, by_profits = by_labour + mine, by_profits + mine
        duties, subsidies = bar.duties + mine, bar.subsidies - mine
        outlay = bar.government - mine
        if self.taxed:
            # τ_L = (budget kept - duties + subsidies + G')/(w'L').
            needed = bar.tax / earned
            duties, subsidies, outlay = duties - needed, subsidies + needed, outlay + needed
            bar.price[:] += self.final * (system.budget * self.basket * needed)[..., None, :]
            rate = bar.tax * equilibrium.labour_tax
            bar.wage[:] -= rate
            bar.labour[:] -= rate
        bar.duties[:], bar.subsidies[:] = duties, subsidies
        bar.price[:] += self.final * (outlay * government)[..., None, :]
        bar.wage[:] += by_labour * earned
        bar.labour[:] += by_labour * earned
        if self.kept:
            bar.profits[:] += by_profits[..., None, :]


def gradient(
    equilibrium: Equilibrium, outcome: Outcome, *, near: Gradient | None = None, tolerance: float = TOLERANCE
) -> Gradient:
    """Derivative of an outcome with respect to every tariff, subsidy, cost and productivity (MODEL 14).

    Parameters
    ----------
    equilibrium : Equilibrium
    outcome : Outcome
    near : Gradient, optional
        Of the same outcome at an equilibrium of the same world near by, to start from; it changes how fast the answer comes.
    tolerance
        Largest residual, where less than certainty is enough: `Gradient.holds` asks for 1e-9 all the same.

    Returns
    -------
    Gradient
        With a residual that holds.

    Raises
    ------
    GradientError
        Where the outcome does not exist, the world falls into groups that do not trade, or the adjoint equations are not
        solved to the tolerance.
    """
    return gradients(equilibrium, [outcome], near=[near], tolerance=tolerance)[0]


def gradients(
    equilibrium: Equilibrium,
    outcomes: Sequence[Outcome],
    *,
    near: Sequence[Gradient | Pull | None] | None = None,
    tolerance: float = TOLERANCE,
) -> list[Gradient]:
    """Derivatives of several outcomes at one equilibrium, whose equations are prepared once.

    Parameters
    ----------
    equilibrium, outcomes, near, tolerance
        As `gradient`, one start for each outcome.

    Raises
    ------
    GradientError
        As `gradient`.
    """
    tangent, sweep = _Tangent(equilibrium), None
    if tangent.size > _DENSE:
        sweep = Sweep(tangent)
    own: Own | None = None
    found = []
    for outcome, start in zip(outcomes, near or [None] * len(outcomes), strict=True):
        known = start.start if start is not None and start.outcome == outcome else None
        if known is not None and len(known.multipliers) != tangent.size:
            known = None
        if sweep is not None and own is None:
            own = sweep.own() if known is None else known.own
        found.append(_gradient(tangent, sweep, own, outcome, known, tolerance))
    return found


def _gradient(
    tangent: _Tangent,
    sweep: Sweep | None,
    own: Own | None,
    outcome: Outcome,
    known: Start | None,
    tolerance: float,
) -> Gradient:
    """One outcome's, from prepared equations."""
    equilibrium = tangent.equilibrium
    if sweep is None or outcome.kind == "exports":
        right, _ = tangent.back(tangent.outcome(outcome))
    else:
        right = sweep.back(tangent.outcome(outcome))
    if sweep is None or own is None:
        multipliers, steps = _eliminate(tangent, right)
    else:
        start = None if known is None else known.multipliers
        multipliers, steps = solve_adjoint(sweep, own, right, start, tolerance, _PRODUCTS)
    # W_x - F_x'λ, which is to be none, and W_p - λ'F_p: one sweep, cell by cell, of what the outcome and the equations weigh.
    left, cells = tangent.back(tangent.outcome(outcome).less(tangent.bars(multipliers)))
    residual = float(np.abs(left).max() / np.abs(right).max())
    if not residual <= tolerance:
        raise GradientError(
            f"The adjoint equations are solved to {residual:.1e} only, not {tolerance:g}: the equilibrium is close to one "
            "that is not locally unique. Take finite differences of solve, or restricted entry."
        )
    tariff, subsidy, trade_cost, fixed_cost = (np.moveaxis(part, 0, 2) for part in cells[:4])
    world, paid = equilibrium.world, np.ones(equilibrium.world.shape)
    if equilibrium.shock.production_subsidy is not None:
        paid = 1 + equilibrium.shock.production_subsidy
    return Gradient(
        outcome=outcome,
        value=outcome.value(equilibrium),
        unit=_OUTCOMES[outcome.kind][1],
        tariff=tariff,
        # 1 - b' = (1 - b)/(1 + s).
        export_subsidy=subsidy / paid[:, None, :],
        trade_cost=trade_cost,
        fixed_cost=fixed_cost if equilibrium.has_margins else np.zeros_like(fixed_cost),
        productivity=-cells.log_cost.T,
        production_subsidy=(subsidy * (1 - equilibrium.subsidy)).sum(1) / paid,
        residual=residual,
        steps=steps,
        countries=world.countries,
        sectors=world.sectors,
        equilibrium=equilibrium,
        start=None if own is None else Start(multipliers, own),
    )


@dataclass(frozen=True, eq=False)
class Pull:
    """What a country's own levers do to its own outcome at the margin; a guide for a search, which `gradient` then certifies.

    Attributes
    ----------
    outcome : Outcome
    value : float
    tariff, export_subsidy : (N, S)
        By partner and sector, in the outcome's unit per unit of the rate.
    production_subsidy : (S,)
    residual : float
        Of the adjoint equations by prepared products, relative to their right side.
    start : Start or None
        Where equations near by start from.
    """

    outcome: Outcome
    value: float
    tariff: Array
    export_subsidy: Array
    production_subsidy: Array
    residual: float
    start: Start | None


def pulls(
    equilibrium: Equilibrium,
    outcomes: Sequence[Outcome],
    *,
    near: Sequence[Pull | None] | None = None,
    tolerance: float = TOLERANCE,
) -> list[Pull]:
    """What every country's own levers do to its own outcome, the adjoint equations of all solved together.

    Parameters
    ----------
    equilibrium
    outcomes
        None of them exports.
    near, tolerance
        As `gradients`.

    Raises
    ------
    GradientError
        As `gradient`.
    """
    tangent = _Tangent(equilibrium)
    sweep, own, start = Sweep(tangent), None, None
    bars = [tangent.outcome(outcome) for outcome in outcomes]
    right = sweep.back(_Bar.stacked(bars))
    if tangent.size > _DENSE:
        known = [None if one is None else one.start for one in near or [None]]
        if all(one is not None and one.multipliers.shape[-1] == tangent.size for one in known):
            start = np.array([one.multipliers for one in known if one is not None])
            own = known[0].own if known[0] is not None else None
        own = own or sweep.own()
        multipliers = solve_adjoints(sweep, own, right, start, tolerance, _PRODUCTS)
    else:
        multipliers = np.stack([_eliminate(tangent, row)[0] for row in right])
    left = np.abs(right - sweep(multipliers)).max(1) / np.abs(right).max(1)
    if not left.max() <= tolerance:
        raise GradientError(
            f"The adjoint equations are solved to {left.max():.1e} only, not {tolerance:g}: the equilibrium is close to one "
            "that is not locally unique."
        )
    found = []
    for outcome, row, residual in zip(outcomes, multipliers, left, strict=True):
        country = outcome.place(equilibrium)[0]
        levers = tangent.own_levers(tangent.outcome(outcome).less(tangent.bars(row)), country)
        begin = None if own is None else Start(row, own)
        found.append(Pull(outcome, outcome.value(equilibrium), *levers, float(residual), begin))
    return found


def _eliminate(tangent: _Tangent, right: Array) -> tuple[Array, int]:
    """λ with F_x'λ = ``right`` by elimination, and the products it took."""
    size = tangent.size
    if tangent.matrix is None:
        product = Sweep(tangent)
        tangent.matrix = np.stack([product(row) for row in np.eye(size)], axis=1)
    try:
        return np.asarray(np.linalg.solve(tangent.matrix, right), dtype=np.float64), size
    except np.linalg.LinAlgError:
        return np.zeros(size), size
