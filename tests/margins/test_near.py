"""What the solver reads near by, S^ρ and φ side by side, against the closed forms, and where it hands over to logarithms."""

import numpy as np
import pytest
from scipy.special import log_ndtr

from firmtrade_core.equilibrium.cells import Cells, Move
from firmtrade_core.margins import Lognormal
from firmtrade_core.margins.lognormal import LognormalMargins
from firmtrade_core.margins.near import NearStack, read_pair
from firmtrade_core.margins.nested import nested_table
from firmtrade_core.margins.tables import compiled
from tests.worlds import make_world

WORLD = make_world(5, 3, seed=1)


@compiled
def _read(
    x: np.ndarray, start: float, scale: float, count: int, pieces: np.ndarray, found: np.ndarray
) -> None:
    for point in range(len(x)):
        place = (x[point] - start) * scale
        whole = min(int(place), count - 1)
        found[0, point], found[1, point], found[2, point] = read_pair(pieces, whole * 12, place - whole)


@pytest.mark.parametrize("s", [1.0, 2.4, 6.0])
@pytest.mark.parametrize("nest", [1.0, 0.4])
def test_both_functions_are_read_to_twelve_digits(s: float, nest: float) -> None:
    table = nested_table(s, nest)
    start, scale, _, count, pieces = NearStack([table, table]).arrays
    assert len(pieces) == 12 * count[0], "rows with the same table share it"
    end = start[0] + count[0] / scale[0]
    k = np.linspace(s * (s - 9.0), s * (s + 6.0), 20_001)
    log_s = log_ndtr(s - k / s)
    x = k - (1 - nest) * log_s
    k, log_s, x = k[x < end], log_s[x < end], x[x < end]
    assert len(x) > 10_000
    found = np.empty((3, len(x)))
    _read(x, start[0], scale[0], count[0], pieces, found)
    np.testing.assert_allclose(found[0], np.exp(nest * log_s), rtol=3e-12)
    share = np.exp(np.minimum(k - s**2 / 2 + log_ndtr(-k / s) - log_s, 0.0))
    np.testing.assert_allclose(found[1], share, atol=3e-12)
    slope = np.gradient(found[0], x)[1:-1]
    np.testing.assert_allclose(found[2][1:-1] * scale[0], slope, rtol=5e-3, atol=1e-6)


@pytest.mark.parametrize("within", [None, np.array([6.0, 9.0, 30.0])], ids=["plain", "nested"])
@pytest.mark.parametrize("spread", [0.2, 3.0, 12.0], ids=["near", "far", "out"])
def test_cells_near_and_far_say_the_same(within: np.ndarray | None, spread: float) -> None:
    """Sums and terms of the cells, from one table or the other, against the margin functions cell by cell."""
    margins = Lognormal(2.4).calibrate(WORLD, np.full(3, 4.0), within)
    assert isinstance(margins, LognormalMargins)
    random = np.random.default_rng(3)
    shares = np.ascontiguousarray(np.moveaxis(WORLD.shares, 2, 0))
    origin, destination, lift = random.normal(0, spread, (3, 3, 5)) * [[[1.0]], [[1.0]], [[0.1]]]
    moved = (np.array([0, 2]), np.array([1, 4]), np.array([3, 2]))
    push, factor = np.array([0.3, -0.2]), np.array([0.7, 1.2])
    cells = Cells(margins, shares, [Move(moved, push, factor)])
    index, kernel = origin[:, :, None] - destination[:, None, :], shares.copy()
    index[moved] += push
    kernel[moved] *= factor
    potential, slope, share = (np.moveaxis(a, 2, 0) for a in margins.effective(np.moveaxis(index, 0, 2)))
    terms = kernel * np.exp(potential + lift[:, :, None])
    weights, spending = cells.weights(origin, destination, lift), random.uniform(1, 2, (3, 5))
    assert weights is not None
    np.testing.assert_allclose(weights, terms, rtol=2e-11, atol=1e-300)
    kept = np.empty_like(shares)
    read = cells.sales(origin, destination, lift, spending, None, None, kept)
    assert read is not None
    np.testing.assert_array_equal(kept, weights)
    total, mean, sales = read
    np.testing.assert_allclose(total, terms.sum(1), rtol=2e-11)
    np.testing.assert_allclose(mean, (terms * slope).sum(1) / terms.sum(1), rtol=2e-3, atol=1e-6)
    sold = terms / terms.sum(1, keepdims=True) * spending[:, None, :]
    np.testing.assert_allclose(sales.border, sold.sum(2), rtol=5e-11)
    np.testing.assert_allclose(sales.kept, (sold * (1 - share)).sum(2), rtol=5e-11, atol=1e-11)
    np.testing.assert_allclose(sales.fixed, (sold * share).sum(1), rtol=5e-11, atol=1e-11)


@pytest.mark.parametrize("within", [None, np.array([6.0, 9.0, 30.0])], ids=["plain", "nested"])
def test_where_a_shock_moves_few_markets_only_those_are_read(within: np.ndarray | None) -> None:
    world = make_world(9, 3, seed=4)
    margins = Lognormal(2.4).calibrate(world, np.full(3, 4.0), within)
    first = (np.array([0, 0, 2]), np.array([1, 3, 4]), np.array([3, 3, 2]))
    shares, tariff, subsidy, spending = (
        np.ascontiguousarray(np.moveaxis(part, -1, 0))
        for part in (world.shares, world.tariff, world.subsidy, world.total_expenditure)
    )
    nothing, before = np.zeros((3, 9)), Cells(margins, shares, [])
    known = before.sales(nothing, nothing, nothing, spending, 1 / (1 + tariff), 1 / (1 - subsidy))
    assert known is not None
    raised = tariff.copy()
    raised[first] += 0.2
    cells = Cells(margins, shares, [Move(first, np.array([0.4, 0.5, -0.3]), np.array([0.5, 0.6, 1.3]))])
    factors = 1 / (1 + raised), 1 / (1 - subsidy)
    full = cells.sales(nothing, nothing, nothing, spending, *factors)
    few = cells.sales_at_start((*known[:2], *known[2]), spending, (tariff, subsidy), *factors)
    assert full is not None and few is not None
    for one, other in zip((*few[:2], *few[2]), (*full[:2], *full[2]), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12 * np.abs(other).max())
    everywhere = (np.arange(3).repeat(9), np.zeros(27, dtype=int), np.tile(np.arange(9), 3))
    many = Cells(margins, shares, [Move(everywhere, np.full(27, 0.1), np.ones(27))])
    assert many.sales_at_start((*known[:2], *known[2]), spending, (tariff, subsidy), *factors) is None
