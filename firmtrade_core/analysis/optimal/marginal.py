"""Which lever matters most for an outcome, before anything is moved (MODEL 14).

One gradient prices every tariff, subsidy, cost and productivity of the world at once. Here it is summed into rows that
people can read, in dollars (or per cent) for one percentage point, or one per cent, of each lever: derivatives at what is in
force, so that a move of ten points need not do ten times as much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.analysis.optimal.problem import OptimumError, covered
from firmtrade_core.equilibrium import Equilibrium, Gradient, Outcome
from firmtrade_core.equilibrium.gradient import Lever

Array = NDArray[np.float64]
Rows = Literal["cell", "partner", "sector", "country"]

#: What one step of a lever is, and what it is called.
STEPS: dict[Lever, str] = {
    "tariff": "one percentage point more tariff",
    "export_subsidy": "one percentage point more export subsidy",
    "production_subsidy": "one percentage point more production subsidy",
    "trade_cost": "one per cent higher trade costs",
    "fixed_cost": "one per cent higher fixed costs of entering a market",
    "productivity": "one per cent higher productivity",
}


@dataclass(frozen=True)
class Row:
    """One row of a ranking.

    Attributes
    ----------
    codes : tuple of str
        Whose lever and where, by `Ranking.heads`.
    value : float
        What one step does, in `Ranking.unit`.
    level : float
        The lever in force, as a trade-weighted mean, per cent; NaN for costs and productivity.
    """

    codes: tuple[str, ...]
    value: float
    level: float


@dataclass(frozen=True, eq=False)
class Ranking:
    """What one step of each lever does to an outcome, in falling order of size.

    Attributes
    ----------
    outcome : Outcome
    lever : str
    heads : tuple of str
        Of the codes of each row: who sets it, whose goods or to whom, which sector.
    unit : str
        million USD, or % of the sector's jobs.
    rows : tuple of Row
    countries : (N,)
        By who sets the lever, over all its cells: for a map.
    residual : float
        Of the adjoint equations: the certificate.
    gradient : Gradient
    """

    outcome: Outcome
    lever: Lever
    heads: tuple[str, ...]
    unit: str
    rows: tuple[Row, ...]
    countries: Array
    residual: float
    gradient: Gradient


def rank(
    equilibrium: Equilibrium,
    outcome: Outcome,
    lever: Lever = "tariff",
    *,
    by: Rows = "cell",
    of: str | None = None,
) -> Ranking:
    """What one step of every lever does to an outcome, ranked.

    Parameters
    ----------
    equilibrium
        In force; its baseline for a ranking before anything is moved.
    outcome
        Real income is told in dollars at the baseline's prices: its change times the baseline's income.
    lever
        Of `equilibrium.Gradient`; tariffs and export subsidies on goods alone, where the world's codes tell which are.
    by
        cell: every lever by itself; partner, sector: what one country sets on each partner or sector; country: who sets it,
        over all its cells. Trade costs and fixed costs count for where goods are sold, export subsidies for who sells.
    of
        Levers of one country alone; of all unless given.

    Raises
    ------
    OptimumError
        Where a code or a word is not known.
    GradientError
        As `Equilibrium.gradient`.
    """
    if lever not in STEPS:
        raise OptimumError(f"There is no lever {lever!r}; choose {', '.join(STEPS)}.")
    if by not in get_args(Rows):
        raise OptimumError(f"Rows are by {', '.join(get_args(Rows))}, not {by!r}.")
    world = equilibrium.world
    if of is not None and of not in world.countries:
        raise OptimumError(f"The world has no country {of!r}.")
    found = equilibrium.gradient(outcome)
    i, _ = outcome.place(equilibrium)
    scale, unit = 0.01, "million USD"
    if outcome.kind in ("real_income", "weighted_income"):
        scale = 0.01 * float(world.income[i])
    elif outcome.kind == "jobs":
        scale, unit = 1.0, "%"
    cells = scale * np.asarray(getattr(found, lever))
    weight, level = equilibrium.border_value, None
    if lever == "tariff":
        level = equilibrium.tariff
    elif lever == "export_subsidy":
        level = equilibrium.subsidy
    if lever in ("tariff", "export_subsidy"):
        # Duties are levied on goods: services have none to move.
        cells = np.where(covered(world, None), cells, 0.0)
    single = cells.ndim == 2
    if single:
        cells, weight, level = cells[:, None, :], weight.sum(1)[:, None, :], None
    else:
        n = len(world.countries)
        cells = np.where(np.eye(n, dtype=bool)[:, :, None], 0.0, cells)
        weight = np.where(np.eye(n, dtype=bool)[:, :, None], 0.0, weight)
        if lever in ("tariff", "trade_cost", "fixed_cost"):
            # Who sets it first: the market where goods are sold.
            cells, weight = np.swapaxes(cells, 0, 1), np.swapaxes(weight, 0, 1)
            level = None if level is None else np.swapaxes(level, 0, 1)
    shares = np.asarray(cells.sum((1, 2)))
    heads = ("country",) if single else ("country", "partner")
    keep = {
        "cell": (*heads, "sector"),
        "partner": heads,
        "sector": ("country", "sector"),
        "country": ("country",),
    }[by]
    out = tuple(
        axis for axis, name in ((1, "partner"), (2, "sector")) if name not in keep or (single and axis == 1)
    )
    summed, mass = cells.sum(out), weight.sum(out)
    paid = np.full(summed.shape, np.nan) if level is None else (level * weight).sum(out)
    names = {"country": world.countries, "partner": world.countries, "sector": world.sectors}
    rows = []
    for at in np.argsort(-np.abs(summed), axis=None, kind="stable"):
        place = np.unravel_index(int(at), summed.shape)
        if summed[place] == 0:
            break
        codes = tuple(names[head][int(k)] for head, k in zip(keep, place, strict=True))
        if of is not None and codes[0] != of:
            continue
        mean = 100 * float(paid[place] / mass[place]) if mass[place] > 0 else np.nan
        rows.append(Row(codes, float(summed[place]), mean))
    return Ranking(outcome, lever, keep, unit, tuple(rows), shares, found.residual, found)
