"""The structural reading: resistances solve their equations, equivalents and conditional effects add up."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.gravity.conditional import conditional_flows
from firmtrade_core.gravity.errors import RegressorError
from firmtrade_core.gravity.estimate import estimate
from firmtrade_core.gravity.estimated import GravityEstimate
from firmtrade_core.gravity.panel import GravityPanel
from firmtrade_core.gravity.specification import GravitySpecification
from firmtrade_core.gravity.structure import (
    StructuralReading,
    ad_valorem_equivalent,
    head_ries_costs,
    policy_change,
    read_structure,
)
from tests.gravity.panels import gravity_table

EQUATION = GravitySpecification(("log(dist)", "contiguity", "border"), ("exporter_year", "importer_year"))
ELASTICITY = 5.0


@pytest.fixture(scope="module")
def found() -> GravityEstimate:
    return estimate(GravityPanel.from_table(gravity_table(10, (2000, 2001), noise=0.4)), EQUATION)


def test_resistances_solve_the_structural_system(found: GravityEstimate) -> None:
    reading = read_structure(found, year=2001, elasticity=ELASTICITY, reference="C03")
    table = reading.resistances.set_index("country")
    inward, outward = (table[c].to_numpy() ** -ELASTICITY for c in ("inward", "outward"))
    world = reading.output.sum()
    # Π^-ε_i = Σ_j (τ_ij/P_j)^-ε E_j/Y and P^-ε_j = Σ_i (τ_ij/Π_i)^-ε Y_i/Y.
    np.testing.assert_allclose(reading.cost_term @ (reading.expenditure / world / inward), outward, rtol=1e-6)
    np.testing.assert_allclose((reading.output / world / outward) @ reading.cost_term, inward, rtol=1e-6)
    assert table.loc["C03", "inward"] == pytest.approx(1)


def test_fitted_flows_keep_the_totals(found: GravityEstimate) -> None:
    reading = read_structure(found, year=2000, elasticity=ELASTICITY)
    cells = found.cells[found.cells["year"] == 2000]
    np.testing.assert_allclose(
        reading.output, cells.groupby("exporter", observed=True)["trade"].sum(), rtol=1e-6
    )


def test_conditional_effects_of_a_policy(found: GravityEstimate) -> None:
    reading = read_structure(found, year=2000, elasticity=ELASTICITY)
    np.testing.assert_allclose(reading.conditional_change(np.zeros((10, 10))), 1, rtol=1e-6)
    gone = policy_change(found, {"border": np.eye(10) - 1})
    ratio = reading.conditional_change(gone)
    after = ratio * reading.fitted
    np.testing.assert_allclose(after.sum(1), reading.output, rtol=1e-9)
    np.testing.assert_allclose(after.sum(0), reading.expenditure, rtol=1e-9)
    assert (np.diag(ratio) < 1).all()
    odds = ratio[0, 1] * ratio[2, 2] / (ratio[0, 2] * ratio[2, 1])
    assert odds == pytest.approx(np.exp(gone[0, 1] + gone[2, 2] - gone[0, 2] - gone[2, 1]))
    hat = reading.cost_change(gone)
    assert hat[0, 1] == pytest.approx(np.exp(found.coefficients["border"] / ELASTICITY)) and hat[2, 2] == 1
    with pytest.raises(RegressorError, match="No coefficients are called rta"):
        policy_change(found, {"rta": np.zeros((10, 10))})


def test_equivalents_carry_the_coefficients_interval(found: GravityEstimate) -> None:
    value, low, high = ad_valorem_equivalent(found, "border", ELASTICITY)
    beta = found.coefficients["border"]
    assert value == pytest.approx(np.exp(-beta / ELASTICITY) - 1)
    assert low < value < high
    assert ad_valorem_equivalent(found, "border", ELASTICITY, change=-1)[0] == pytest.approx(
        1 / (1 + value) - 1
    )
    with pytest.raises(RegressorError, match="above zero"):
        ad_valorem_equivalent(found, "border", 0)


def test_head_ries_costs_recover_symmetric_costs() -> None:
    rng = np.random.default_rng(0)
    cost = np.exp(rng.uniform(0, 1, (6, 6)))
    cost = np.sqrt(cost * cost.T)
    np.fill_diagonal(cost, 1)
    flows = np.outer(rng.uniform(1, 5, 6), rng.uniform(1, 5, 6)) * cost**-ELASTICITY
    np.testing.assert_allclose(head_ries_costs(flows, ELASTICITY), cost - 1, rtol=1e-10, atol=1e-12)


def test_pair_effects_are_part_of_costs() -> None:
    panel = GravityPanel.from_table(gravity_table(8), tariff="tariff")
    pairs = estimate(
        panel, GravitySpecification(("log1p(tariff)",), ("exporter_year", "importer_year", "pair"))
    )
    reading = read_structure(pairs, year=2002, elasticity=ELASTICITY)
    a, b = (np.exp(e) for e in reading._effects)
    np.testing.assert_allclose(a[:, None] * b * reading.cost_term, reading.fitted, rtol=1e-4)
    with pytest.raises(RegressorError, match="exporter-year"):
        read_structure(estimate(panel, EQUATION.with_(effects=("year",))), year=2002, elasticity=ELASTICITY)


def costs_that_are_known(gaps: str) -> tuple[np.ndarray, GravityEstimate]:
    """A panel without noise whose symmetric costs, one at home, are pair effects, and its estimate."""
    rng = np.random.default_rng(4)
    n, years = 9, range(2000, 2006)
    cost = np.exp(rng.uniform(0.2, 1.5, (n, n)))
    cost = np.sqrt(cost * cost.T)
    np.fill_diagonal(cost, 1.0)
    codes = [f"C{i}" for i in range(n)]
    rows = []
    for year in years:
        output, spending = rng.uniform(50, 500, n), rng.uniform(0.5, 2.0, n)
        spending *= output.sum() / spending.sum()
        flows = conditional_flows(cost**-ELASTICITY, output, spending)
        tariff = rng.uniform(0, 0.1, (n, n)) * (1 - np.eye(n))
        flows = conditional_flows(cost**-ELASTICITY * (1 + tariff) ** -ELASTICITY, output, spending)
        for i in range(n):
            for j in range(n):
                late = gaps == "late exporters" and i < 3 and j > 4 and year < 2003
                lost = gaps == "at random" and i != j and rng.random() < 0.3
                if not (late or lost):
                    rows.append((codes[i], codes[j], year, flows[i, j], tariff[i, j]))
    table = pd.DataFrame(rows, columns=["exporter", "importer", "year", "trade", "tariff"])
    panel = GravityPanel.from_table(table, tariff="tariff", gaps="leave")
    effects = ("exporter_year", "importer_year", "pair")
    return cost, estimate(panel, GravitySpecification(("log1p(tariff)",), effects))


@pytest.mark.parametrize("gaps", ["none", "late exporters", "at random"])
def test_gaps_in_the_panel_do_not_enter_costs(gaps: str) -> None:
    _cost, found = costs_that_are_known(gaps)
    reading = read_structure(found, year=2005, elasticity=ELASTICITY)
    np.testing.assert_allclose(reading.conditional_change(np.zeros((9, 9))), 1, rtol=1e-6)
    if gaps != "at random":
        # All cells of the year are there: costs come out as made, and so does what a policy does.
        tariff = found.cells[found.cells["year"] == 2005]
        assert len(tariff) == 81
        free = np.zeros((9, 9))
        free[0, 1:] = 0.1
        made = StructuralReading(
            reading.countries, reading.fitted, reading.fitted, ELASTICITY, reading.reference
        )
        np.testing.assert_allclose(reading.conditional_change(free), made.conditional_change(free), rtol=1e-6)


def test_resistances_of_pair_effects_have_costs_at_home_of_one() -> None:
    cost, found = costs_that_are_known("late exporters")
    reading = read_structure(found, year=2004, elasticity=ELASTICITY, reference="C8")
    assert reading.normalised
    np.testing.assert_allclose(np.diag(reading.cost_term), 1, rtol=1e-9)
    cells = found.sample.regressors[(found.cells["year"] == 2004).to_numpy(), 0].reshape(9, 9)
    true = cost**-ELASTICITY * np.exp(-ELASTICITY * cells)
    # Tariffs lean to one side or the other by chance: costs are made symmetric on average, tariffs included.
    np.testing.assert_allclose(reading.cost_term, true, rtol=0.25)
    again = conditional_flows(true, reading.output, reading.expenditure)
    np.testing.assert_allclose(again, reading.fitted, rtol=1e-5)
    np.testing.assert_allclose(
        reading.resistances["inward"],
        StructuralReading(reading.countries, reading.fitted, true, ELASTICITY, "C8").resistances["inward"],
        rtol=0.03,
    )


def test_a_country_without_sales_at_home_has_no_resistance() -> None:
    _cost, found = costs_that_are_known("none")
    panel_cells = found.cells.rename(columns={"fitted": "flow"})
    table = panel_cells[~((panel_cells["exporter"] == "C2") & (panel_cells["importer"] == "C2"))]
    table = table.assign(tariff=np.expm1(found.sample.regressors[table.index, 0])).drop(
        columns=["flow", "sector"]
    )
    panel = GravityPanel.from_table(
        table.astype({"exporter": str, "importer": str}), tariff="tariff", gaps="leave"
    )
    effects = ("exporter_year", "importer_year", "pair")
    reading = read_structure(
        estimate(panel, GravitySpecification(("log1p(tariff)",), effects)), year=2003, elasticity=ELASTICITY
    )
    lost = reading.resistances.set_index("country")["inward"].isna()
    assert list(lost.index[lost]) == ["C2"]
    with pytest.raises(RegressorError, match="reference C2 has no sales at home"):
        read_structure(
            estimate(panel, GravitySpecification(("log1p(tariff)",), effects)),
            year=2003,
            elasticity=ELASTICITY,
            reference="C2",
        )
