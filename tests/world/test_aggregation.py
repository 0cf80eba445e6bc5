"""Merging countries and sectors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmtrade_core.world.aggregation import aggregate
from firmtrade_core.world.errors import UnknownCodeError, WorldError
from tests.worlds import make_world


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_nothing_is_lost(seed: int) -> None:
    world = make_world(5, 4, seed=seed)
    merged = aggregate(world, countries={"C00": "U", "C03": "U"}, sectors={"S01": "M", "S02": "M"})
    assert merged.countries == ("U", "C01", "C02", "C04")
    assert merged.sectors == ("S00", "M", "S03")
    members = {"U": [0, 3], "C01": [1], "C02": [2], "C04": [4]}
    for i, code in enumerate(merged.countries):
        for accounts in ("duties", "subsidy_outlay", "income", "deficits"):
            whole, parts = getattr(merged, accounts)[i], getattr(world, accounts)[members[code]].sum()
            assert whole == pytest.approx(parts, rel=1e-9, abs=1e-6), accounts
        assert merged.value_added[i].sum() == pytest.approx(world.value_added[members[code]].sum())
    np.testing.assert_allclose(merged.revenue.sum(), world.revenue.sum())
    np.testing.assert_allclose(merged.gross_output[0, 1], world.gross_output[[0, 3]][:, [1, 2]].sum())
    # Trade between the members is now at home.
    np.testing.assert_allclose(
        merged.expenditure[0, 0, 0], world.expenditure[np.ix_([0, 3], [0, 3])][:, :, 0].sum()
    )


def test_mapping_nothing_changes_nothing() -> None:
    world = make_world(4, 3)
    same = aggregate(world)
    np.testing.assert_allclose(same.expenditure, world.expenditure)
    np.testing.assert_allclose(same.tariff, world.tariff, atol=1e-12)
    np.testing.assert_allclose(same.subsidy, world.subsidy, atol=1e-12)
    assert same.provenance == world.provenance


def test_rates_where_nothing_is_traded_are_means() -> None:
    world = make_world(3, 2, zeros=False, subsidies=False)
    expenditure, tariff = world.expenditure.copy(), world.tariff.copy()
    expenditure[0, 1] = 0
    tariff[0, 1] = (0.1, 0.3)
    merged = aggregate(
        world.with_(expenditure=expenditure, tariff=tariff, inputs=None), sectors={"S00": "S", "S01": "S"}
    )
    assert merged.tariff[0, 1, 0] == pytest.approx(0.2)


def test_goods_only_if_all_members_are() -> None:
    world = make_world(2, 3).with_(goods=[True, True, False])
    assert list(aggregate(world, sectors={"S00": "G", "S01": "G"}).goods) == [True, False]
    assert list(aggregate(world, sectors={"S01": "M", "S02": "M"}).goods) == [True, False]


def test_wrong_mappings_are_refused() -> None:
    world = make_world(3, 2)
    with pytest.raises(UnknownCodeError, match="no country 'C99'"):
        aggregate(world, countries={"C99": "U"})
    with pytest.raises(WorldError, match="A group is called C01, but C01 itself is not in it"):
        aggregate(world, countries={"C00": "C01"})
