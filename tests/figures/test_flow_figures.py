"""Charts of flows add up to the results they are drawn from, and say so in words."""

from __future__ import annotations

import json

import numpy as np
import pytest

from firmtrade_core.analysis.alternatives import other_assumptions, without_each
from firmtrade_core.analysis.diversion import diversion
from firmtrade_core.analysis.flows import default_groups, flows_between
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.figures import (
    by_partner,
    by_product,
    headlines,
    replaced_bars,
    sankey,
    sankey_finding,
    trade_bars,
    trade_finding,
)
from firmtrade_core.scenarios import load_preset, run
from firmtrade_core.world.embedded import load_embedded_world

WORDS = {"subtitle": "subtitle", "source": "source."}


@pytest.fixture(scope="module")
def equilibrium() -> Equilibrium:
    """Ten points by the United States on all goods."""
    return run(load_preset("us_ten_points"), load_embedded_world())


def test_partners_and_products_add_up_to_exports_and_imports(equilibrium: Equilibrium) -> None:
    i = equilibrium.world.country_index("USA")
    for direction, hat in (("exports", equilibrium.exports_change), ("imports", equilibrium.imports_change)):
        pairs = by_partner(equilibrium, "USA", direction)
        goods = by_product(equilibrium, "USA", direction)
        assert "USA" not in set(pairs["code"])
        for table in (pairs, goods):
            assert table["after"].sum() / table["before"].sum() == pytest.approx(hat[i])
        one = by_product(equilibrium, "USA", direction, "CHN")
        china = pairs.set_index("code").loc["CHN"]
        assert one["after"].sum() == pytest.approx(china["after"])
        metals = by_partner(equilibrium, "USA", direction, ["metals"]).set_index("code").loc["CHN"]
        assert one.set_index("code").loc["metals", "before"] == pytest.approx(metals["before"])


def test_bars_of_flows_show_what_moves_most(equilibrium: Equilibrium) -> None:
    pairs = by_partner(equilibrium, "USA", "imports")
    chart = trade_bars(pairs, title="t", most=5, **WORDS)
    moved = (pairs["after"] - pairs["before"]).to_numpy()
    assert np.abs(chart.data[0]["x"]).sum() == pytest.approx(np.sort(np.abs(moved))[-5:].sum(), rel=1e-4)
    worst = pairs["name"].iloc[int(moved.argmin())]
    assert f"fall most with {worst}" in trade_finding(pairs, "USA", "imports")
    json.dumps(chart.to_dict())


def test_a_sankey_carries_all_trade_between_its_groups(equilibrium: Equilibrium) -> None:
    flows = flows_between(equilibrium, default_groups(equilibrium.world, "USA"))
    chart = sankey(flows, title=sankey_finding(flows), most=1000, **WORDS)
    outside = flows.after.sum() - np.trace(flows.after)
    assert sum(chart.data[0]["link"]["value"]) == pytest.approx(outside, rel=1e-4)
    assert "the United States" in chart.title and "Trade falls most" in chart.title
    json.dumps(chart.to_dict())


def test_who_replaces_whom_never_takes_more_than_is_lost(equilibrium: Equilibrium) -> None:
    found = diversion(equilibrium, "USA")
    title = replaced_bars(found, **WORDS).title
    share = float(title.split("\N{NARROW NO-BREAK SPACE}%")[0].rsplit(" ", 1)[1])
    assert "loses most" in title and 0 < share <= 100


def test_headlines_against_a_scenario_compose(equilibrium: Equilibrium) -> None:
    world = equilibrium.world
    later = run(load_preset("us_china_trade_war"), world)
    whole = {item.label: item.value for item in headlines(later, "USA", "US")}
    part = {item.label: item.value for item in headlines(equilibrium, "USA", "US")}
    rest = {item.label: item.value for item in headlines(later, "USA", "US", equilibrium)}
    for label in ("Exports", "Imports", "Real income, US"):
        assert (1 + part[label] / 100) * (1 + rest[label] / 100) == pytest.approx(1 + whole[label] / 100)
    assert part["Tariff revenue"] + rest["Tariff revenue"] == pytest.approx(whole["Tariff revenue"])


def test_type_grows_and_data_stay(equilibrium: Equilibrium) -> None:
    chart = trade_bars(by_partner(equilibrium, "USA", "exports"), title="t", **WORDS)
    large = chart.enlarged(2.0)
    assert large.layout["font"]["size"] == 2 * chart.layout["font"]["size"]
    assert large.layout["margin"]["l"] == 2 * chart.layout["margin"]["l"]
    assert large.data[0]["x"] == chart.data[0]["x"] and large.height == 2 * (chart.height or 0)


def test_alternatives_change_one_thing_at_a_time() -> None:
    scenario, world = load_preset("us_china_trade_war"), load_embedded_world()
    parts = without_each(scenario, world)
    assert [len(item.scenario.cards) for item in parts] == [1, 1]
    assert without_each(load_preset("us_ten_points"), world) == ()
    for item in other_assumptions(scenario):
        changed = item.scenario.structure != scenario.structure
        assert changed != (item.scenario.cards != scenario.cards)
    by_label = {item.label: item.scenario.structure for item in other_assumptions(scenario)}
    assert by_label["Goods half as easy to replace"].elasticity == 2.0
    assert "Firms that do not differ" not in by_label
