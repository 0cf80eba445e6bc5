"""What sales at home say of κ (MODEL 13): the posterior of firms that export nothing knows more than their attributes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.home import HomeFirms
from firmtrade_core.margins import Deviations

SPREAD, LUCK, COUNT = 0.6, 0.48, 6_000


def drawn(slope: float, seed: int = 0) -> tuple[HomeFirms, np.ndarray]:
    """Firms whose κ is N(κ̂, 0.6²) given the estimate, and who sell ``e^(slope κ + luck)`` at home."""
    random = np.random.default_rng(seed)
    estimated = random.normal(0, 1.0, COUNT)
    kappa = estimated + SPREAD * random.standard_normal(COUNT)
    sales = np.exp(9 + slope * kappa + LUCK * random.standard_normal(COUNT))
    table = pd.DataFrame(
        {
            "firm": np.arange(COUNT).astype(str),
            "sector": np.where(np.arange(COUNT) % 3 == 0, "metals", "mining_energy"),
            "capability": estimated,
            "posterior": estimated,
            "posterior_spread": SPREAD,
            "sales": sales,
            "exports": 0.0,
        }
    )
    return HomeFirms("CHL", table, Deviations(SPREAD, 1.0, 0.7, 0.3)), kappa


@pytest.mark.parametrize("slope", [1.0, 0.6])
def test_the_posterior_is_right_in_every_size_class(slope: float) -> None:
    """Without sales at home the smallest quarter's κ is overstated by half a standard deviation, and its entry doubled."""
    home, kappa = drawn(slope)
    mean, spread = home.posterior
    expected = SPREAD * LUCK / np.hypot(slope * SPREAD, LUCK)
    assert spread == pytest.approx(np.full(COUNT, expected), rel=0.05)
    size = pd.qcut(home.firms["sales"], 4, labels=False).to_numpy()
    before = home.firms["posterior"].to_numpy()
    for quarter in range(4):
        own = size == quarter
        assert ((kappa - mean)[own] / spread[own]).mean() == pytest.approx(0, abs=0.08)
        assert ((kappa - mean)[own] / spread[own]).std() == pytest.approx(1, abs=0.05)
    assert (kappa - before)[size == 0].mean() / SPREAD < -0.3


def test_home_sales_that_say_nothing_move_nothing() -> None:
    home, _ = drawn(0.0)
    mean, spread = home.posterior
    assert np.abs(mean - home.firms["posterior"]).max() < 0.1
    assert spread == pytest.approx(np.full(COUNT, SPREAD), rel=0.01)


def test_firms_without_sales_keep_their_estimate() -> None:
    home, _ = drawn(1.0)
    table = home.firms.copy()
    table.loc[::2, "sales"] = np.nan
    table.loc[1, "exports"] = 2 * table.loc[1, "sales"]  # sells less than it exports: nothing is told of home
    some = HomeFirms("CHL", table, home.deviations)
    mean, spread = some.posterior
    untold = [*range(0, COUNT, 2), 1]
    np.testing.assert_array_equal(mean[untold], table["posterior"].to_numpy()[untold])
    np.testing.assert_array_equal(spread[untold], SPREAD)
    few = HomeFirms("CHL", home.firms.iloc[:20], home.deviations)
    np.testing.assert_array_equal(few.posterior[0], few.firms["posterior"])
