"""Gaps: found, tested, filled without bending distributions or links, with honest intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmtrade_core.harmonise.errors import ImputationError
from firmtrade_core.harmonise.gaps import impute, missingness_map, missingness_tests, pool


def firms(count: int = 3000, seed: int = 1, *, gaps: bool = True) -> pd.DataFrame:
    """Employment, sales that rise with it, a share with a heap at zero; sales are missing more often in small firms."""
    random = np.random.default_rng(seed)
    size = random.normal(3, 1.2, count)
    sector = random.choice(["a", "b"], count)
    sales = np.exp(2 + size + 0.8 * (sector == "b") + random.normal(0, 0.5, count))
    share = np.clip(random.normal(0.1 * size - 0.2, 0.2, count), 0, 1)
    table = pd.DataFrame(
        {"year": random.integers(2015, 2019, count), "sector": sector, "employment": np.exp(size), "sales": sales, "share": share}
    )  # fmt: skip
    if gaps:
        table.loc[random.random(count) < 1 / (1 + np.exp(size - 2)), "sales"] = np.nan
        table.loc[random.random(count) < 0.2, "share"] = np.nan
    return table


def log_sales(table: pd.DataFrame) -> tuple[float, float]:
    values = np.log(table["sales"])
    return values.mean(), values.var() / len(values)


def test_filling_removes_the_bias_of_gaps_that_depend_on_size() -> None:
    truth = log_sales(firms(gaps=False))[0]
    table = firms()
    naive = np.log(table["sales"]).mean()
    pooled = impute(table, given=["sector", "year"], draws=20).estimate(log_sales)
    low, high = pooled.interval()
    assert abs(naive - truth) > 0.15
    assert low < truth < high and abs(pooled.value - truth) < 0.03
    assert 0.01 < pooled.missing_information < 0.6


def test_links_between_columns_survive() -> None:
    def slope(table: pd.DataFrame) -> float:
        return float(np.polyfit(np.log(table["employment"]), np.log(table["sales"]), 1)[0])

    filled = impute(firms(), given=["sector"]).completed(0)
    assert slope(filled) == pytest.approx(slope(firms(gaps=False)), abs=0.05)
    gap = np.log(filled["sales"]).groupby(filled["sector"]).mean().diff().iloc[-1]
    assert gap == pytest.approx(0.8, abs=0.12)


def test_filled_values_occur_and_keep_heaps() -> None:
    table = firms()
    done = impute(table, given=["sector"])
    for name in ("sales", "share"):
        assert np.isin(done.values[name], table[name].dropna()).all()
    zero = (done.completed(0)["share"] == 0).mean()
    assert zero == pytest.approx((firms(gaps=False)["share"] == 0).mean(), abs=0.03)
    table_of = done.comparison().set_index("column")
    assert table_of.loc["share", "p"] > 0.01  # at random: alike
    assert table_of.loc["sales", "p"] < 0.01  # small firms: not alike, and rightly so
    pd.testing.assert_frame_equal(
        done.completed(1)[table.notna().all(axis=1)], table[table.notna().all(axis=1)], check_dtype=False
    )


def test_a_label_met_only_among_gaps_does_not_derail() -> None:
    table = firms()
    table.loc[table.index[:200], "sector"] = "elsewhere"
    truth = np.log(firms(gaps=False).loc[:199, "sales"]).mean()
    table.loc[table.index[:200], "sales"] = np.nan
    filled = np.log(impute(table, given=["sector"]).completed(0).loc[:199, "sales"])
    # Sectors differ by 0.8 and nothing tells which of them these firms are of.
    assert filled.mean() == pytest.approx(truth, abs=0.6)


def test_same_seed_same_draws() -> None:
    table = firms(400)
    first, second = impute(table, seed=7, rounds=2), impute(table, seed=7, rounds=2)
    np.testing.assert_array_equal(first.values["sales"], second.values["sales"])
    assert (impute(table, seed=8, rounds=2).values["sales"] != first.values["sales"]).any()


@pytest.mark.truth
def test_intervals_cover() -> None:
    truth = 2 + 3 + 0.4
    inside = 0
    for seed in range(60):
        low, high = impute(firms(800, seed), given=["sector"], seed=seed).estimate(log_sales).interval()
        inside += bool(low < truth < high)
    assert inside >= 52  # 95 % of 60 is 57; fewer than 52 has probability below 0.5 %


def test_tests_find_what_gaps_depend_on() -> None:
    table = firms()
    found = missingness_tests(table).set_index(["column", "seen"])
    assert found.loc[("sales", "employment"), "p"] < 1e-6
    assert found.loc[("sales", "employment"), "difference"] < 0
    assert found.loc[("share", "employment"), "p"] > 0.01
    shares = missingness_map(table)
    assert shares.loc["share"].between(0.15, 0.25).all() and (shares.loc["employment"] == 0).all()


def test_what_cannot_be_filled_is_refused_by_name() -> None:
    table = firms(100)
    with pytest.raises(ImputationError, match="sector is no numeric"):
        impute(table, ["sector"])
    with pytest.raises(ImputationError, match="sales has 3 observed"):
        impute(table.assign(sales=[1.0, 2.0, 3.0] + [np.nan] * 97))
    assert impute(firms(50, gaps=False)).columns == ()
    with pytest.raises(ImputationError, match="at least two"):
        pool([1.0], [1.0])


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(0.01, 10)), min_size=2, max_size=9))
def test_rubins_rules(pairs: list[tuple[float, float]]) -> None:
    points, variances = [p for p, _ in pairs], [v for _, v in pairs]
    pooled = pool(points, variances)
    m = len(pairs)
    assert pooled.value == pytest.approx(np.mean(points), abs=1e-9)
    assert pooled.standard_error**2 == pytest.approx(
        np.mean(variances) + (1 + 1 / m) * np.var(points, ddof=1)
    )
    assert pooled.degrees_of_freedom >= m - 1
    equal = pool([3.0] * m, variances)
    assert equal.standard_error**2 == pytest.approx(np.mean(variances)) and equal.missing_information == 0
