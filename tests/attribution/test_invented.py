"""The invented earlier year: consistent accounts that say what they are."""

from __future__ import annotations

import numpy as np
import pytest

from firmtrade_core.attribution import attribute_growth, invented_earlier
from tests.scenarios.conftest import synthetic_world


def test_an_invented_year_is_the_same_world_earlier_and_says_so() -> None:
    world = synthetic_world()
    earlier = invented_earlier(world)
    assert (earlier.countries, earlier.sectors, earlier.name) == (world.countries, world.sectors, "synthetic")
    assert "invented" in earlier.provenance.source
    np.testing.assert_array_equal(earlier.expenditure, invented_earlier(world).expenditure)
    assert (earlier.tariff[world.tariff > 0] > world.tariff[world.tariff > 0]).all()
    # Spending in dollars has grown by four percent a year, up to tariffs' share of it.
    grown = world.total_expenditure.sum() / earlier.total_expenditure.sum()
    assert grown == pytest.approx(1.04**5, rel=0.05)
    found = attribute_growth(earlier, world, world.countries[0])
    parts = {row["label"]: row["change"] for row in found.waterfall().to_dict("records")}
    # Lower tariffs and lower trade costs raise exports, and what is left unexplained is small.
    assert parts["Tariffs"] > 0 and parts["Other trade costs"] > 0
    assert abs(parts["Unexplained"]) < 0.05 * found.change * 1e-3
