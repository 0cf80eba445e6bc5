"""A check belongs to the estimator, not to one of its branches: separation without effects (case 18)."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from firmtrade_core.gravity.estimate import estimate
from firmtrade_core.gravity.panel import GravityPanel
from firmtrade_core.gravity.separation import separated_by_regressors
from firmtrade_core.gravity.specification import GravitySpecification


def panel(rows: list[tuple[object, ...]], columns: str) -> GravityPanel:
    return GravityPanel.from_table(
        pd.DataFrame(rows, columns=["exporter", "importer", "year", "trade", *columns])
    )


def case(effects: tuple[str, ...] = ()) -> GravityPanel:
    rows: list[tuple[object, ...]] = []
    for year in range(40):
        for (i, e), (j, m) in itertools.product(enumerate("AB"), enumerate("CD")):
            x, d = (year + i + j) % 2, int(year % 5 == 0)
            rows.append((e, m, year, 0.0 if d else 1.0 + x, x, d))
    return panel(rows, "xd")


def test_without_effects() -> None:
    found = estimate(case(), GravitySpecification(("x", "d"), effects=(), clusters=()))
    assert found.coefficients["x"] == pytest.approx(np.log(2)) and "d" not in found.coefficients
    assert (found.separated, found.collinear, found.observations) == (32, ("d",), 128)
    assert any("32 of 160 zero flows are separated" in note for note in found.notes)


@pytest.mark.parametrize("effects", [(), ("exporter",), ("exporter", "importer")])
def test_every_branch_leaves_out_the_same_zeros(effects: tuple[str, ...]) -> None:
    """With and without effects, in the same panel."""
    found = estimate(case(), GravitySpecification(("x", "d"), effects=effects, clusters=()))
    assert found.separated == 32 and found.coefficients["x"] == pytest.approx(np.log(2), rel=1e-6)


def test_a_combination_of_two_regressors_separates() -> None:
    """Neither alone is zero at all positive flows: their difference is."""
    random = np.random.default_rng(0)
    rows: list[tuple[object, ...]] = []
    for year, (e, m) in itertools.product(range(30), itertools.product("AB", "CD")):
        a = float(random.normal())
        zero = random.random() < 0.2
        b = a + random.uniform(1, 2) if zero else a
        rows.append((e, m, year, 0.0 if zero else float(np.exp(0.5 * a + 0.1 * random.normal())), a, b))
    zeros = sum(row[3] == 0 for row in rows)
    found = estimate(panel(rows, "ab"), GravitySpecification(("a", "b"), effects=(), clusters=()))
    assert found.separated == zeros and len(found.collinear) == 1
    assert found.coefficients["a"] == pytest.approx(0.5, abs=0.1)


def test_zeros_that_are_mixed_with_positive_flows_stay() -> None:
    random = np.random.default_rng(1)
    rows: list[tuple[object, ...]] = []
    for year, (e, m) in itertools.product(range(50), itertools.product("AB", "CD")):
        x = float(random.normal())
        rows.append((e, m, year, float(random.poisson(np.exp(0.4 * x))), x, float(random.normal())))
    found = estimate(panel(rows, "xz"), GravitySpecification(("x", "z"), effects=(), clusters=()))
    table = pd.DataFrame(rows, columns=["e", "m", "year", "y", "x", "z"])
    design, y, beta = np.column_stack([np.ones(200), table[["x", "z"]]]), table["y"].to_numpy(), np.zeros(3)
    for _ in range(50):
        fitted = np.exp(design @ beta)
        beta = beta + np.linalg.solve(design.T @ (design * fitted[:, None]), design.T @ (y - fitted))
    assert found.separated == 0 and found.observations == 200
    assert found.coefficients["x"] == pytest.approx(beta[1], rel=1e-6)


def test_units_and_copies_do_not_matter() -> None:
    table = case().table
    y = table["trade"].to_numpy()
    x = table[["x", "d"]].to_numpy(dtype=float)
    expected = separated_by_regressors(x, y)
    assert expected.sum() == 32
    for factors in ([1e-9, 1e9], [1e6, -1e-6], [-1, 1]):
        np.testing.assert_array_equal(separated_by_regressors(x * factors, y), expected)
    np.testing.assert_array_equal(separated_by_regressors(x, y * 1e-12), expected)
    np.testing.assert_array_equal(
        separated_by_regressors(np.column_stack([x, x, x[:, 0] - x[:, 1]]), y), expected
    )
    shifted = x + np.array([5.0, 3.0])
    np.testing.assert_array_equal(separated_by_regressors(shifted, y), expected)


@pytest.mark.parametrize("seed", range(12))
def test_agrees_with_the_definition(seed: int) -> None:
    """Row by row: is there a combination that is zero where flows are positive, positive here, negative nowhere?"""
    random = np.random.default_rng(seed)
    n, k = 24, 3
    x = random.integers(-1, 2, (n, k)).astype(float)
    y = np.where(random.random(n) < 0.6, 0.0, 1.0)
    y[0] = 1.0
    x[y > 0, seed % k] = 0.0
    full = np.column_stack([np.ones(n), x])
    free = [(None, None)] * (k + 1)
    expected = np.zeros(n, dtype=bool)
    for row in np.flatnonzero(y == 0):
        best = linprog(
            -full[row], A_ub=-full[y == 0], b_ub=np.zeros(int((y == 0).sum())), A_eq=full[y > 0],
            b_eq=np.zeros(int((y > 0).sum())), bounds=[(-1, 1)] * (k + 1) if free else None,
        )  # fmt: skip
        expected[row] = -best.fun > 1e-9
    np.testing.assert_array_equal(separated_by_regressors(x, y), expected)


def test_nothing_to_separate() -> None:
    x = np.arange(4.0)[:, None]
    assert not separated_by_regressors(x, np.ones(4)).any()
    assert not separated_by_regressors(x, np.zeros(4)).any()
    assert not separated_by_regressors(x, np.array([1.0, 0.0, 2.0, 3.0])).any()
