"""From an estimated gravity equation to a counterfactual in one call: costs, conditional and full equilibrium."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.equilibrium import Equilibrium, Parameters, Shock, solve
from firmtrade_core.equilibrium.parameters import DeficitClosure
from firmtrade_core.gravity.completion import CompletedStructure, complete_structure
from firmtrade_core.gravity.errors import RegressorError
from firmtrade_core.gravity.estimated import GravityEstimate
from firmtrade_core.gravity.fitting import CONSTANT
from firmtrade_core.gravity.panel import GravityPanel
from firmtrade_core.gravity.variables import variable
from firmtrade_core.world.world import Provenance, World

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Change:
    """A regressor takes a value between countries, in all years; home sales stay as they are.

    Parameters
    ----------
    column
        A column of the panel or ``border``; every regressor built from it follows.
    value
    members
        Both partners must be among these; all countries unless given.
    """

    column: str
    value: float
    members: tuple[str, ...] = ()


def read_change(text: str) -> Change:
    """A change as a person writes it: ``border=0``, or ``rta=1@CHL,USA`` between members only.

    Raises
    ------
    RegressorError
        Where it cannot be read.
    """
    what, _, members = text.partition("@")
    column, _, value = what.partition("=")
    try:
        return Change(column.strip(), float(value), tuple(m.strip() for m in members.split(",") if m.strip()))
    except ValueError:
        raise RegressorError(f"The change is {text!r}; write border=0, or rta=1@CHL,USA.") from None


@dataclass(frozen=True, eq=False)
class GravityCounterfactual:
    """What changes of regressors do to trade, at given outputs and in full equilibrium.

    Parameters
    ----------
    structure
        The year's costs, completed.
    log_cost_term_change : (N, N)
        Σ β Δx.
    conditional : (N, N)
        Ratios of flows at given outputs and expenditures.
    equilibrium
        Outputs and expenditures adjust (endowments; one sector, competitive).
    """

    structure: CompletedStructure
    log_cost_term_change: Array
    conditional: Array
    equilibrium: Equilibrium

    def table(self) -> pd.DataFrame:
        """By country, percent changes: exports, conditional and full; real income; and in units of the reference's
        consumer price, as structural gravity reports them: factory price, inward resistance."""
        reading, result = self.structure.reading, self.equilibrium
        abroad = 1 - np.eye(len(reading.countries))
        before = (reading.fitted * abroad).sum(1)
        conditional = (reading.fitted * self.conditional * abroad).sum(1) / before
        price = result.price_index_change
        unit = price[reading.countries.index(reading.reference)]
        full = (result.flows[:, :, 0] * abroad).sum(1) / before / unit
        return pd.DataFrame(
            {
                "country": reading.countries,
                "exports_conditional": 100 * (conditional - 1),
                "exports_full": 100 * (full - 1),
                "real_income": 100 * (result.real_income_change - 1),
                "real_wage": 100 * (result.wage_change / price - 1),
                "factory_price": 100 * (result.wage_change / unit - 1),
                "inward_resistance": 100 * (price / unit - 1),
            }
        )


def gravity_counterfactual(
    found: GravityEstimate,
    panel: GravityPanel,
    changes: Sequence[Change],
    *,
    year: int,
    elasticity: float,
    sector: str | None = None,
    reference: str | None = None,
    second_stage: Sequence[str] = (),
    deficits: DeficitClosure = "proportional",
) -> GravityCounterfactual:
    """Estimate in hand, complete the costs, change regressors, and solve.

    Parameters
    ----------
    found, panel
        The estimate, with exporter-year and importer-year effects and sales at home, and its panel.
    changes
        Applied together.
    year, elasticity, sector, reference, second_stage
        As in `completion.complete_structure`.
    deficits
        Of the full equilibrium.

    Raises
    ------
    RegressorError
        If no coefficient moves with the changes, naming the columns.
    """
    structure = complete_structure(
        found,
        panel,
        year=year,
        elasticity=elasticity,
        second_stage=second_stage,
        sector=sector,
        reference=reference,
    )
    reading = structure.reading
    moved = cost_term_change(found, panel, changes, year=year, sector=sector, countries=reading.countries)
    n = len(reading.countries)
    nothing = np.zeros((n, n, 1))
    world = World(
        countries=reading.countries,
        sectors=(sector or found.sectors[0],),
        expenditure=reading.fitted[:, :, None],
        tariff=nothing,
        subsidy=nothing,
        provenance=Provenance("flows predicted by the gravity equation", year, "the panel's own"),
        name="Gravity counterfactual",
    )
    shock = Shock(trade_cost=reading.cost_change(moved)[:, :, None])
    result = solve(world, shock, Parameters(trade_elasticity=elasticity, deficits=deficits))
    return GravityCounterfactual(structure, moved, reading.conditional_change(moved), result)


def cost_term_change(
    found: GravityEstimate,
    panel: GravityPanel,
    changes: Sequence[Change],
    *,
    year: int,
    sector: str | None,
    countries: tuple[str, ...],
) -> Array:
    """Σ β Δx between countries when columns change in all years, (N, N); zero where the panel has no row of the year.

    Parameters
    ----------
    found, panel
        Coefficients, and the rows whose columns change.
    changes
        Columns and what they become.
    year, sector
        Rows that are looked at.
    countries
        Order of the axes.

    Raises
    ------
    RegressorError
        If nothing changes in the rows of the year.
    """
    table = panel.table
    for change in changes:
        table = table.assign(**{change.column: _changed(replace(panel, table=table), change)})
    after = replace(panel, table=table)
    there = (
        (panel.table["year"] == year) & (panel.table["sector"].astype(str) == (sector or found.sectors[0]))
    ).to_numpy()
    total = np.zeros(len(table))
    for term, beta in found.coefficients.items():
        if term != CONSTANT:
            total += beta * np.nan_to_num(variable(after, term) - variable(panel, term))
    if not (total[there] != 0).any():
        raise RegressorError(
            f"Nothing changes in {year}: no coefficient moves with {', '.join(c.column for c in changes)} there; the "
            f"estimate has {', '.join(found.terms)}."
        )
    place = {c: k for k, c in enumerate(countries)}
    rows = panel.table[there]
    exporter = rows["exporter"].astype(str).map(place).to_numpy()
    importer = rows["importer"].astype(str).map(place).to_numpy()
    known = ~(np.isnan(exporter.astype(float)) | np.isnan(importer.astype(float)))
    moved = np.zeros((len(countries),) * 2)
    moved[exporter[known].astype(int), importer[known].astype(int)] = total[there][known]
    return moved


def _changed(panel: GravityPanel, change: Change) -> Array:
    values = variable(panel, change.column)
    reached = ~panel.domestic
    if change.members:
        unknown = [c for c in change.members if c not in panel.countries]
        if unknown:
            raise RegressorError(f"The panel has no {', '.join(unknown)}.")
        for side in ("exporter", "importer"):
            reached &= panel.table[side].astype(str).isin(change.members).to_numpy()
    result: Array = np.where(reached, change.value, values)
    return result
