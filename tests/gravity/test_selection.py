"""HMR08: a Monte Carlo in which PPML and OLS miss the truth and the two stages find it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.gravity.errors import ConvergenceError, FlowError, RegressorError
from firmtrade_core.gravity.estimate import estimate
from firmtrade_core.gravity.panel import GravityPanel
from firmtrade_core.gravity.selection import probit, two_stages
from firmtrade_core.gravity.specification import GravitySpecification

TRUTH, DELTA, CORRELATION = -1.0, 1.2, 0.4


def firms_and_zeros(countries: int, seed: int) -> pd.DataFrame:
    """Firms with truncated Pareto productivity: only enough of them export to pay the fixed cost, or none."""
    rng = np.random.default_rng(seed)
    n = countries
    distance = rng.normal(0, 1, (n, n))
    distance = (distance + distance.T) / np.sqrt(2)
    religion = rng.normal(0, 1, (n, n))
    religion = (religion + religion.T) / np.sqrt(2)
    entry_shock = rng.normal(0, 1, (n, n))
    z = (
        0.6
        + rng.normal(0, 0.5, (n, 1))
        + rng.normal(0, 0.5, n)
        - 0.8 * distance
        + 0.8 * religion
        + entry_shock
    )  # unit variance of the shock
    shock = CORRELATION * entry_shock + 0.5 * rng.normal(0, 1, (n, n))
    firms = np.log(np.expm1(DELTA * np.maximum(z, 1e-12)))
    logs = 2 + rng.normal(0, 0.7, (n, 1)) + rng.normal(0, 0.7, n) + TRUTH * distance + firms + shock
    trade = np.where(z > 0, np.exp(logs), 0.0)
    codes = [f"C{i:02d}" for i in range(n)]
    table = pd.DataFrame(
        {
            "exporter": np.repeat(codes, n),
            "importer": np.tile(codes, n),
            "trade": trade.ravel(),
            "distance": distance.ravel(),
            "religion": religion.ravel(),
        }
    )
    return table[table["exporter"] != table["importer"]].reset_index(drop=True)


def estimates_of(seed: int, countries: int = 40) -> tuple[float, float, float, float]:
    table = firms_and_zeros(countries, seed)
    found = two_stages(table, ["distance"], ["religion"])
    panel = GravityPanel.from_table(table)
    ppml = estimate(panel, GravitySpecification(("distance",), ("exporter", "importer")))
    return (
        found.coefficients["distance"],
        found.firm_share,
        ppml.coefficients["distance"],
        found.uncorrected["distance"],
    )


def test_the_two_stages_find_the_truth_where_ppml_does_not() -> None:
    draws = np.array([estimates_of(seed) for seed in range(4)])
    two, delta, ppml, ols = draws.mean(0)
    spread = draws[:, 0].std() / np.sqrt(len(draws))
    assert two == pytest.approx(TRUTH, abs=0.12 + 2 * spread)
    assert delta == pytest.approx(DELTA, abs=0.3)
    # More firms export to near markets: without their share the barrier takes the credit.
    assert ppml < TRUTH - 0.4 and ols < TRUTH - 0.3


@pytest.mark.truth
def test_the_two_stages_find_the_truth_in_large_samples() -> None:
    draws = np.array([estimates_of(seed, countries=90) for seed in range(12)])
    assert draws[:, 0].mean() == pytest.approx(TRUTH, abs=0.06)
    assert draws[:, 1].mean() == pytest.approx(DELTA, abs=0.12)
    assert np.abs(draws[:, 2].mean() - TRUTH) > 0.4


def test_bootstrap_errors_have_the_size_of_the_sampling_spread() -> None:
    found = two_stages(firms_and_zeros(25, 1), ["distance"], ["religion"], draws=12, seed=3)
    spread = np.std([estimates_of(seed, countries=25)[0] for seed in range(6)])
    assert 0.3 * spread < found.standard_errors["distance"] < 3 * spread
    assert found.pairs + found.predicted == 25 * 24 and 0 < found.positive < found.pairs


def test_probit_recovers_its_coefficients() -> None:
    rng = np.random.default_rng(0)
    X = np.column_stack([np.ones(20000), rng.normal(size=20000)])
    y = X @ [0.3, -0.7] + rng.normal(size=20000) > 0
    np.testing.assert_allclose(probit(X, y), [0.3, -0.7], atol=0.03)
    with pytest.raises(ConvergenceError, match="predicts perfectly"):
        probit(X, X[:, 1] > 0)


def test_what_cannot_be_estimated_is_said() -> None:
    table = firms_and_zeros(12, 0)
    with pytest.raises(RegressorError, match="at least one variable that the second leaves out"):
        two_stages(table, ["distance"], [])
    with pytest.raises(FlowError, match="Of 132 pairs 0 are left"):
        two_stages(table.assign(trade=1.0), ["distance"], ["religion"])
    with pytest.raises(RegressorError, match=r"1 of .* pairs lack"):
        two_stages(
            table.assign(religion=table["religion"].where(table.index != 3)), ["distance"], ["religion"]
        )
