"""Value chains by hand, and the identities they keep in any world."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from firmtrade_core.analysis.value_chains import value_chains
from firmtrade_core.world.embedded import load_embedded_world
from firmtrade_core.world.world import World
from tests.worlds import make_world


def three_in_a_row() -> World:
    """A sells parts to B, B sells goods to C, who lives on a loan: A depends on C without trading with it."""
    expenditure = np.zeros((3, 3, 2))
    expenditure[0, 1, 0] = 60.0  # parts of A, bought by B's makers
    expenditure[1, 2, 1] = 100.0  # goods of B, used up in C
    for i in range(3):
        expenditure[i, i, 1] = 50.0
    inputs = np.zeros((3, 2, 2))
    inputs[1, 0, 1] = 60.0
    return World(countries=("AAA", "BBB", "CCC"), sectors=("parts", "goods"), expenditure=expenditure,
                 tariff=np.zeros((3, 3, 2)), subsidy=np.zeros((3, 3, 2)), inputs=inputs)  # fmt: skip


def test_a_chain_by_hand() -> None:
    found = value_chains(three_in_a_row())
    # B sells 150 of goods with 60 of parts: 0.6 of a dollar is its own.
    assert found.domestic[1, 1] == pytest.approx(0.6) and found.domestic[0, 0] == pytest.approx(1.0)
    assert found.domestic_share("BBB") == pytest.approx(0.6)
    assert_allclose(found.upstreamness[[0, 1, 0], [0, 1, 1]], [2.0, 1.0, 1.0])
    exposed = found.exposure("AAA").set_index("partner")
    # Of A's 110, two thirds of the 60 of parts end in C, all through B.
    assert exposed.loc["CCC", "sold"] == pytest.approx(40 / 110)
    assert exposed.loc["CCC", "through_third"] == pytest.approx(40 / 110)
    assert exposed.loc["BBB", "direct"] == pytest.approx(20 / 110)
    assert exposed.loc["BBB", "through_third"] == pytest.approx(0.0, abs=1e-12)
    assert "through others" in found.sentence("AAA")


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_accounts_are_kept(seed: int) -> None:
    world = make_world(5, 3, seed=seed)
    found = value_chains(world)
    assert_allclose(found.absorbed.sum(1), world.value_added.sum(1), rtol=1e-9)
    assert (found.upstreamness >= 1 - 1e-9).all()
    assert (found.direct <= found.absorbed + 1e-6).all()
    assert (found.domestic + found.duties <= 1 + 1e-9).all()


def test_without_inputs_all_is_earned_at_home() -> None:
    found = value_chains(make_world(4, 2, inputs=False))
    assert_allclose(found.domestic, 1.0)
    assert_allclose(found.upstreamness, 1.0)


def test_the_embedded_world_is_near_published_figures() -> None:
    """OECD TiVA 2018-2020: domestic value added in gross exports about 90 % (US), 80 to 85 % (China), 63 to 66 % (Mexico)."""
    found = value_chains(load_embedded_world())
    assert 0.86 < found.domestic_share("USA") < 0.95
    assert 0.76 < found.domestic_share("CHN") < 0.90
    assert 0.55 < found.domestic_share("MEX") < 0.75
    assert found.domestic_share("LUX") < found.domestic_share("USA")
    mining, food = (found.world.sector_index(code) for code in ("mining_energy", "food_beverages_tobacco"))
    assert np.median(found.upstreamness[:, mining]) > np.median(found.upstreamness[:, food])
    assert found.exposure("MEX").iloc[0]["partner"] == "USA"
