"""The structural reading: resistances solve their equations, equivalents and conditional effects add up."""

from __future__ import annotations

import numpy as np
import pytest

from firmtrade_core.gravity.errors import RegressorError
from firmtrade_core.gravity.estimate import GravityEstimate, estimate
from firmtrade_core.gravity.panel import GravityPanel
from firmtrade_core.gravity.specification import GravitySpecification
from firmtrade_core.gravity.structure import (
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
