"""Flows between groups add up to the world's trade, whatever the groups."""

import numpy as np
import pytest

from firmtrade_core.analysis.flows import OTHERS, default_groups, flows_between
from firmtrade_core.equilibrium.states import ComparisonError, abroad
from firmtrade_core.world.embedded import load_embedded_world


def test_links_add_up_to_trade_abroad(raised, embargoed) -> None:
    groups = {"Pair": ("C00", "C02"), "One": ("C01",)}
    found = flows_between(raised, groups, first=embargoed)
    assert found.groups == ("Pair", "One", OTHERS)
    assert found.before.sum() == pytest.approx(abroad(embargoed.border_value).sum() / 1000)
    assert found.after.sum() == pytest.approx(abroad(raised.border_value).sum() / 1000)
    assert found.after[0, 1] == pytest.approx(raised.border_value[[0, 2], 1].sum() / 1000)
    inside = raised.border_value[0, 2].sum() + raised.border_value[2, 0].sum()
    assert found.after[0, 0] == pytest.approx(inside / 1000)
    assert found.after[1, 1] == 0


def test_links_name_both_ends(raised) -> None:
    found = flows_between(raised, {"One": ("C01",)}, ["S00"])
    links = found.links()
    assert links["after"].sum() == pytest.approx(found.after.sum())
    assert ((links["origin"] != "One") | (links["destination"] != "One")).all()
    row = links.iloc[0]
    assert found.groups[row["source"]] == row["origin"] and found.groups[row["target"]] == row["destination"]
    assert row["change"] == pytest.approx(100 * (row["after"] / row["before"] - 1))
    outside = found.links(inside=False)
    assert (outside["source"] != outside["target"]).all() and len(outside) < len(links)


def test_a_link_that_ends_is_still_shown(embargoed) -> None:
    links = flows_between(embargoed, {"From": ("C00",), "To": ("C01",)}).links()
    ended = links[(links["origin"] == "From") & (links["destination"] == "To")].iloc[0]
    assert ended["after"] == 0 and ended["before"] > 0 and ended["change"] == -100


def test_groups_of_everyone_leave_nobody_over(raised) -> None:
    found = flows_between(raised, {code: (code,) for code in raised.world.countries})
    assert found.groups == raised.world.countries
    np.testing.assert_allclose(found.after, abroad(raised.border_value).sum(2) / 1000)


def test_overlapping_groups_are_refused(raised) -> None:
    with pytest.raises(ComparisonError, match="C01 is in A and in B"):
        flows_between(raised, {"A": ("C00", "C01"), "B": ("C01",)})


def test_default_groups_hold_the_focus_the_union_and_large_traders() -> None:
    world = load_embedded_world()
    seen_from_usa = default_groups(world, "USA")
    assert list(seen_from_usa)[:2] == ["United States", "European Union"] and "China" in seen_from_usa
    assert len(seen_from_usa) == 7 and "Germany" not in seen_from_usa
    seen_from_germany = default_groups(world, "DEU")
    assert "DEU" not in seen_from_germany["Other European Union"]
    codes = [code for group in seen_from_germany.values() for code in group]
    assert len(codes) == len(set(codes))
