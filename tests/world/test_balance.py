"""Balancing to margins and closing input tables."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmtrade_core.world.balance import balance_flows, close_input_rows, complete_flows
from firmtrade_core.world.errors import AccountsError, MarginError, NegativeValueError, ShapeError


def margins(seed: int, n: int = 4, m: int = 5, s: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """A prior, and a different table whose sums serve as margins."""
    random = np.random.default_rng(seed)
    return np.exp(random.normal(0, 1, (n, m, s))), np.exp(random.normal(0, 2, (n, m, s)))


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_flows_keep_margins(seed: int) -> None:
    prior, target = margins(seed)
    balanced = balance_flows(prior, target.sum(1), target.sum(0))
    np.testing.assert_allclose(balanced.flows.sum(1), target.sum(1), rtol=1e-9)
    np.testing.assert_allclose(balanced.flows.sum(0), target.sum(0), rtol=1e-9)
    # Only rows and columns are scaled: cross ratios are the prior's.
    cross = balanced.flows / prior
    np.testing.assert_allclose(
        cross[0, 0] * cross[1, 1], cross[0, 1] * cross[1, 0], rtol=1e-9, err_msg="not a biproportional fit"
    )


@given(st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_pair_totals_are_met_too(seed: int) -> None:
    prior, target = margins(seed)
    totals = np.full(target.shape[:2], np.nan)
    totals[0, 1], totals[2, 3] = target[0, 1, :2].sum(), target[2, 3, :2].sum()
    balanced = balance_flows(
        prior,
        target.sum(1),
        target.sum(0),
        pair_totals=totals,
        pair_sectors=[True, True, False],
        max_iterations=50_000,
    )
    np.testing.assert_allclose(balanced.flows.sum(1), target.sum(1), rtol=1e-9)
    np.testing.assert_allclose(balanced.flows[0, 1, :2].sum(), totals[0, 1], rtol=1e-6)
    np.testing.assert_allclose(balanced.flows[2, 3, :2].sum(), totals[2, 3], rtol=1e-6)


def test_balanced_flows_need_no_work() -> None:
    _, target = margins(1)
    balanced = balance_flows(target, target.sum(1), target.sum(0))
    np.testing.assert_allclose(balanced.flows, target, rtol=1e-12)
    assert balanced.iterations == 1
    assert balanced.largest_change == pytest.approx(1)


def test_two_axes_and_zero_margins() -> None:
    balanced = balance_flows([[1.0, 2.0], [3.0, 4.0]], [0.0, 5.0], [2.0, 3.0])
    np.testing.assert_allclose(balanced.flows, [[0, 0], [2, 3]])


def test_impossible_margins_are_named() -> None:
    prior = np.ones((2, 2, 1))
    with pytest.raises(MarginError, match=r"steel: rows sum to 3 but columns to 4 \(gap -1\)"):
        balance_flows(prior, [[1.0], [2.0]], [[2.0], [2.0]], sectors=["steel"])
    prior[1] = 0
    with pytest.raises(MarginError, match=r"FRA, sector 0 must sum to 2 but all its cells are zero"):
        balance_flows(prior, [[1.0], [2.0]], [[1.0], [2.0]], origins=["DEU", "FRA"])
    with pytest.raises(MarginError, match=r"No flows have these sums: destination \d"):
        balance_flows(np.eye(2), [1.0, 2.0], [2.0, 1.0], max_iterations=50)
    with pytest.raises(MarginError, match=r"origin \d to destination \d should total 0.\d but .* leave"):
        balance_flows(
            np.ones((2, 2)),
            [1.0, 1.0],
            [1.0, 1.0],
            pair_totals=[[0.9, np.nan], [np.nan, 0.3]],
        )
    with pytest.raises(MarginError, match="its prior is zero"):
        balance_flows(1 - np.eye(2), [1.0, 1.0], [1.0, 1.0], pair_totals=[[0.5, np.nan], [np.nan, np.nan]])
    with pytest.raises(NegativeValueError):
        balance_flows(-np.ones((2, 2)), [1.0, 1.0], [1.0, 1.0])
    with pytest.raises(ShapeError):
        balance_flows(np.ones((2, 2)), [1.0, 1.0, 1.0], [1.0, 1.0])


@given(st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_cells_are_completed_within_bounds(seed: int) -> None:
    prior, target = margins(seed)
    # Bounds that the target itself meets, so that such cells exist.
    ceiling = 1.5 * target.max()
    totals = target[:, :, :2].sum(2)
    low, high = np.zeros_like(totals), np.full_like(totals, np.inf)
    low[0, 1], high[0, 1] = 0.99 * totals[0, 1], 1.01 * totals[0, 1]
    high[2, 3] = 1.05 * totals[2, 3]
    filled = complete_flows(
        prior,
        target.sum(1),
        target.sum(0),
        ceiling=ceiling,
        pair_low=low,
        pair_high=high,
        pair_sectors=[True, True, False],
        tolerance=1e-9,
        max_iterations=200_000,
    )
    np.testing.assert_allclose(filled.flows.sum(1), target.sum(1), rtol=1e-7)
    np.testing.assert_allclose(filled.flows.sum(0), target.sum(0), rtol=1e-7)
    assert filled.flows.max() <= ceiling
    assert filled.pair_gap <= 1e-6 * totals.max()


def test_a_ceiling_that_binds_holds_and_an_impossible_one_is_refused() -> None:
    prior = np.array([[[8.0], [1.0]], [[1.0], [8.0]]])
    filled = complete_flows(prior, [[5.0], [5.0]], [[5.0], [5.0]], ceiling=3.0)
    np.testing.assert_allclose(filled.flows[:, :, 0], [[3, 2], [2, 3]], rtol=1e-9)
    with pytest.raises(
        MarginError, match=r"No cells have these sums below 2: a row is off by 0\.2 of its sum"
    ):
        complete_flows(prior, [[5.0], [5.0]], [[5.0], [5.0]], ceiling=2.0, max_iterations=50)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_closing_keeps_value_added_and_the_floor(seed: int) -> None:
    random = np.random.default_rng(seed)
    inputs = np.exp(random.normal(0, 1.5, (3, 4, 4)))
    # Feasible in all, but with rows above what is spent on them.
    spending = random.dirichlet(np.ones(4), 3) * inputs.sum((1, 2))[:, None] * 1.3
    closing = close_input_rows(inputs, spending)
    np.testing.assert_allclose(closing.inputs.sum(1), inputs.sum(1), rtol=1e-9)
    assert (closing.inputs.sum(2) <= 0.99 * spending * (1 + 1e-9)).all()
    assert closing.negative_before == (inputs.sum(2) > spending).sum()
    assert 0 <= closing.largest_change < 1
    assert (closing.inputs > 0).all()


def test_rows_that_fit_stay() -> None:
    inputs = np.ones((1, 2, 2))
    closing = close_input_rows(inputs, [[10.0, 10.0]])
    np.testing.assert_array_equal(closing.inputs, inputs)
    assert (closing.rows_scaled, closing.moved_share) == (0, 0.0)


def test_a_country_that_spends_too_little_is_named() -> None:
    with pytest.raises(
        AccountsError, match=r"LUX: users buy inputs of 4 million USD but only 2 .* \(gap 2\)"
    ):
        close_input_rows(np.ones((1, 2, 2)), [[1.0, 1.0]], countries=["LUX"])
