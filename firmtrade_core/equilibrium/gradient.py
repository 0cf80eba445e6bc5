"""What every policy and cost does to one outcome at the margin, by one adjoint solve (MODEL 14).

At an equilibrium F(x, p) = 0, so that for an outcome W(x, p): dW/dp = W_p - λ'F_p with F_x'λ = W_x. Both products are
one sweep back through the equations, cell by cell, whatever the number of parameters. Arrays are sector-first, as in
`system`; what leaves has the axis order origin, destination, sector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium.adjoint import Own, Start, Sweep, solve_adjoint, solve_adjoints
from firmtrade_core.equilibrium.counterfactual import Counterfactual
from firmtrade_core.equilibrium.outcome import OUTCOMES, GradientError, Outcome
from firmtrade_core.equilibrium.tangent import Bar, Tangent

Array = NDArray[np.float64]
Lever = Literal["tariff", "export_subsidy", "production_subsidy", "trade_cost", "fixed_cost", "productivity"]

#: Largest residual of the adjoint equations, relative to their right side, with which a gradient is given out.
TOLERANCE = 1e-9

#: Up to so many unknowns the adjoint equations are solved by elimination, beyond it by GMRES.
_DENSE = 400

#: Products after which the iteration ends as it stands.
_PRODUCTS = 1200


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
    equilibrium : Counterfactual
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
    equilibrium: Counterfactual = field(repr=False)
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
        size = np.abs(self.derivative(lever))
        if size.ndim == 3:
            size = np.where(np.eye(len(size), dtype=bool)[:, :, None], 0.0, size)
        order = np.argsort(-size, axis=None, kind="stable")[: max(count, 0)]
        cells = (np.unravel_index(int(at), size.shape) for at in order if size.flat[at] > 0)
        return [self._effect(lever, tuple(int(k) for k in cell)) for cell in cells]

    def derivative(self, lever: str) -> Array:
        """Of one lever, by its name.

        Raises
        ------
        GradientError
            Where there is no such lever.
        """
        if lever not in get_args(Lever):
            raise GradientError(f"There is no lever {lever!r}; choose {', '.join(get_args(Lever))}.")
        return np.asarray(getattr(self, lever))

    def _effect(self, lever: Lever, cell: tuple[int, ...]) -> Effect:
        derivative = float(getattr(self, lever)[cell])
        codes = (*(self.countries[k] for k in cell[:-1]), self.sectors[cell[-1]])
        name, unit, scale = OUTCOMES[self.outcome.kind]
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


def gradient(
    equilibrium: Counterfactual,
    outcome: Outcome,
    *,
    near: Gradient | None = None,
    tolerance: float = TOLERANCE,
) -> Gradient:
    """Derivative of an outcome with respect to every tariff, subsidy, cost and productivity (MODEL 14).

    Parameters
    ----------
    equilibrium : Counterfactual
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
    equilibrium: Counterfactual,
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
    tangent, sweep = Tangent(equilibrium), None
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
    tangent: Tangent,
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
        unit=OUTCOMES[outcome.kind][1],
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
    equilibrium: Counterfactual,
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
    tangent = Tangent(equilibrium)
    sweep, own, start = Sweep(tangent), None, None
    bars = [tangent.outcome(outcome) for outcome in outcomes]
    right = sweep.back(Bar.stacked(bars))
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


def _eliminate(tangent: Tangent, right: Array) -> tuple[Array, int]:
    """λ with F_x'λ = ``right`` by elimination, and the products it took."""
    size = tangent.size
    if tangent.matrix is None:
        product = Sweep(tangent)
        tangent.matrix = np.stack([product(row) for row in np.eye(size)], axis=1)
    try:
        return np.asarray(np.linalg.solve(tangent.matrix, right), dtype=np.float64), size
    except np.linalg.LinAlgError:
        return np.zeros(size), size
