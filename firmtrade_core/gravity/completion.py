"""Trade costs of pairs that an estimate with pair effects has none for: a second stage (Yotov et al. 2016, chapter 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.gravity.conditional import conditional_flows
from firmtrade_core.gravity.effects import effects_at_rows, predict
from firmtrade_core.gravity.errors import RegressorError
from firmtrade_core.gravity.estimate import estimate
from firmtrade_core.gravity.estimated import GravityEstimate
from firmtrade_core.gravity.fitting import CONSTANT
from firmtrade_core.gravity.panel import Array, GravityPanel
from firmtrade_core.gravity.specification import GravitySpecification
from firmtrade_core.gravity.structure import StructuralReading, normalised_costs, read_structure
from firmtrade_core.gravity.variables import variable
from firmtrade_core.labels import grouped


@dataclass(frozen=True, eq=False)
class CompletedStructure:
    """A structural reading in which every pair has a cost.

    Parameters
    ----------
    reading
        With the completed costs; its flows are those that outputs and expenditures imply.
    completed : (N, N)
        Pairs whose effect the second stage predicts.
    second_stage
        Pair effects on what the second stage explains them with, exporter and importer effects; None where no pair
        lacked a cost.
    """

    reading: StructuralReading
    completed: NDArray[np.bool_]
    second_stage: GravityEstimate | None


def complete_structure(
    found: GravityEstimate,
    panel: GravityPanel,
    *,
    year: int,
    elasticity: float,
    second_stage: Sequence[str] = (),
    sector: str | None = None,
    reference: str | None = None,
) -> CompletedStructure:
    """Read one year's structure, and predict the costs of pairs that the estimate left without.

    Pairs that never trade have no effect of their own. The effects of those that have are regressed by PPML on
    ``second_stage`` with exporter and importer effects; what this predicts completes the cost matrix, and flows are
    balanced anew to the outputs and expenditures.

    Parameters
    ----------
    found, panel
        The estimate and the panel it was made of.
    year, elasticity, sector, reference
        As in `structure.read_structure`.
    second_stage
        Regressors, as in `GravitySpecification`.

    Raises
    ------
    RegressorError
        If pairs lack a cost and no regressors are given, or lack a row that tells the regressors; with their number
        and the first.
    """
    reading = read_structure(found, year=year, sector=sector, elasticity=elasticity, reference=reference)
    missing = ~(reading.cost_term > 0)
    if not missing.any():
        return CompletedStructure(reading, missing, None)
    chosen = sector or found.sectors[0]
    latest = _latest_rows(panel, chosen, year, reading.countries)
    own, stage = _pair_effects(found, chosen, reading.countries), None
    without = ~np.isfinite(own)
    if without.any():
        own, stage = _predicted(own, panel, latest, tuple(second_stage), reading)
    log_term = own + _matrix(latest, _index(found, panel)[latest["row"]], reading.countries)
    unknown = ~np.isfinite(log_term)
    if unknown.any():
        i, j = np.argwhere(unknown)[0]
        raise RegressorError(
            f"{grouped(int(unknown.sum()))} pairs have no row with regressors in or before {year}, the first "
            f"{reading.countries[i]} to {reading.countries[j]}: complete the table (a zero flow will do)."
        )
    term = np.exp(log_term)
    if reading.normalised:
        term = normalised_costs(term)
    flows = conditional_flows(term, reading.output, reading.expenditure)
    return CompletedStructure(replace(reading, fitted=flows, cost_term=term), without, stage)


def _index(found: GravityEstimate, panel: GravityPanel) -> Array:
    """θ'x at every row of the panel, the constant left out, (rows,)."""
    index = np.zeros(len(panel.table))
    for term, beta in found.coefficients.items():
        if term != CONSTANT:
            index += beta * variable(panel, term)
    return index


def _latest_rows(panel: GravityPanel, sector: str, year: int, countries: tuple[str, ...]) -> pd.DataFrame:
    """Every pair's last row in or before a year: exporter, importer, row."""
    table = panel.table[["exporter", "importer", "sector", "year"]].reset_index(names="row")
    table = table[(table["sector"].astype(str) == sector) & (table["year"] <= year)]
    table = table.astype({"exporter": str, "importer": str})
    table = table[table["exporter"].isin(countries) & table["importer"].isin(countries)]
    return table.sort_values("year").drop_duplicates(["exporter", "importer"], keep="last")


def _matrix(rows: pd.DataFrame, values: Array, countries: tuple[str, ...]) -> Array:
    place = {c: k for k, c in enumerate(countries)}
    matrix = np.full((len(countries),) * 2, np.nan)
    matrix[rows["exporter"].map(place).to_numpy(), rows["importer"].map(place).to_numpy()] = values
    return matrix


def _pair_effects(found: GravityEstimate, sector: str, countries: tuple[str, ...]) -> Array:
    """Logs of pair effects, (N, N), NaN where there is none; zero where the equation has no such effects."""
    effects = [v for name, v in effects_at_rows(found).items() if "pair" in name]
    if not effects:
        return np.zeros((len(countries),) * 2)
    cells = found.cells[["exporter", "importer", "sector"]].astype(str).assign(value=np.sum(effects, axis=0))
    cells = cells[cells["sector"] == sector].drop_duplicates(["exporter", "importer"])
    cells = cells[cells["exporter"].isin(countries) & cells["importer"].isin(countries)]
    matrix = _matrix(cells, cells["value"].to_numpy(), countries)
    if any("symmetric" in name for name in found.specification.effects):
        matrix = np.where(np.isfinite(matrix), matrix, matrix.T)
    return matrix


def _predicted(
    own: Array,
    panel: GravityPanel,
    latest: pd.DataFrame,
    regressors: tuple[str, ...],
    reading: StructuralReading,
) -> tuple[Array, GravityEstimate]:
    """Pair effects with those that are missing predicted, (N, N), and the second stage."""
    without = ~np.isfinite(own)
    i, j = np.argwhere(without)[0]
    words = f"{grouped(int(without.sum()))} pairs have no effect, the first {reading.countries[i]} to {reading.countries[j]}"
    if not regressors:
        raise RegressorError(
            f"{words}; name regressors that explain the others' effects: log(dist), contiguity."
        )
    home = [reading.countries[k] for k in np.flatnonzero(np.diag(without))]
    if home:
        raise RegressorError(
            f"{', '.join(home)} have no sales at home in the sample, so that nothing tells what trading at home costs."
        )
    place = {c: k for k, c in enumerate(reading.countries)}
    table = panel.table.loc[latest["row"]].drop(columns=["sector", "year", "trade"])
    at = (
        table["exporter"].astype(str).map(place).to_numpy(),
        table["importer"].astype(str).map(place).to_numpy(),
    )
    table = table.assign(trade=np.exp(np.where(without[at], 0.0, own[at])), known=~without[at])
    pairs = GravityPanel.from_table(table.astype({"exporter": str, "importer": str}), gaps="leave")
    learned = GravityPanel.from_table(
        table[table["known"]].astype({"exporter": str, "importer": str}), gaps="leave"
    )
    equation = GravitySpecification(regressors, ("exporter", "importer"), domestic=False)
    stage = estimate(learned, equation)
    guess = np.log(predict(stage, pairs))
    filled = own.copy()
    asked = without[at]
    filled[at[0][asked], at[1][asked]] = guess[asked]
    return filled, stage
