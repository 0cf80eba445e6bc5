"""Where nobody knows a tariff, policies that would lift it say that nothing could be, and for whom."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.analysis.comparison import Comparison
from firmtrade_core.equilibrium import Parameters, solve
from firmtrade_core.scenarios import Scenario, Tariff, compile, load_preset, preset_names
from firmtrade_core.scenarios.results import country_table, results_table
from firmtrade_core.words.scenario import describe
from firmtrade_core.world.aggregation import aggregate
from firmtrade_core.world.embedded import load_embedded_world
from firmtrade_core.world.world import World
from tests.worlds import make_world


@pytest.fixture(scope="module")
def world() -> World:
    return load_embedded_world()


def test_a_free_trade_area_says_for_whom_nothing_could_be_lifted(world: World) -> None:
    scenario = load_preset("african_free_trade")
    told = describe(scenario, world)
    assert "with Algeria, Benin, Botswana, Burkina Faso, Burundi and 37 more" in told
    assert "are unknown and counted as 0" in told and told.endswith("nothing could be lifted there.")
    assert any("nothing could be lifted there" in note for note in compile(scenario, world).report)


def test_policies_that_lift_nothing_unknown_say_nothing(world: World) -> None:
    for cards in (
        [Tariff(importers=("USA",), method="add", value=0.1)],
        [Tariff(importers=("USA",), exporters=("CHN",), method="set", value=0.0)],
        [Tariff(importers=("DEU",), method="set", value=0.0, except_exporters=("ROW",))],
    ):
        assert "unknown" not in describe(Scenario(cards=cards), world)
    known = world.with_(tariff_known=None)
    assert not any("unknown" in describe(load_preset(name), known) for name in preset_names())


def test_a_rate_set_where_none_is_known_counts_in_full(world: World) -> None:
    told = describe(Scenario(cards=[Tariff(importers=("ROW",), method="set", value=0.1)]), world)
    assert "of and on the rest of the world are unknown" in told and told.endswith("counts in full.")


def test_unknown_is_not_zero_in_results(world: World) -> None:
    result = solve(world, compile(load_preset("us_ten_points"), world).shock, Parameters())
    table = results_table(result)
    tariffs = table[(table["outcome"] == "tariff") & (table["origin"] != table["destination"])]
    blank = tariffs["baseline"].isna()
    assert set(tariffs.loc[blank, "origin"]) | set(tariffs.loc[blank, "destination"]) == set(world.countries)
    assert ((tariffs["origin"] == "ROW") | (tariffs["destination"] == "ROW"))[blank].all()
    # Ten points are put on what the United States buy from the rest of the world: that is known then.
    hit = blank & (tariffs["origin"] == "ROW") & (tariffs["destination"] == "USA")
    assert tariffs.loc[hit, "scenario"].notna().sum() == 9
    row = world.country_index("ROW")
    by_country = country_table(result).set_index("country")
    assert np.isnan(by_country.duties_before["ROW"]) and by_country.duties_after.notna().sum() == 80
    duties = Comparison(result).country("duties")
    assert np.isnan(duties.change[row]) and np.isfinite(np.delete(duties.change, row)).all()


def test_groups_of_countries_know_a_tariff_that_is_on_half_of_their_trade(world: World) -> None:
    europe = aggregate(world, countries=dict.fromkeys(["DEU", "FRA"], "EUR"))
    assert europe.tariff_known is not None
    assert (~europe.tariff_known).any(2).sum() == 2 * (len(europe.countries) - 1)
    ports = aggregate(world, countries=dict.fromkeys(["ROW", "HKG"], "REST"))
    rest, usa = ports.country_index("REST"), ports.country_index("USA")
    # Hong Kong is free and the smaller part: what the group charges is not known.
    assert ports.tariff_known is not None and not ports.tariff_known[usa, rest, :9].all()


def test_empty_tariffs_of_a_table_are_unknown_and_come_back_from_a_file(tmp_path: Path) -> None:
    table = make_world(3, 2, inputs=False).with_(countries=("DEU", "FRA", "USA")).to_long()
    table["tariff"] = table["tariff"].mask((table["importer"] == "USA") & (table["exporter"] == "FRA"))
    read = World.from_long(table)
    fra, usa = read.country_index("FRA"), read.country_index("USA")
    assert read.tariff_unknown[fra, usa].all() and read.tariff_unknown.sum() == 2
    assert not read.tariff[fra, usa].any()
    assert any("2 tariffs are missing" in change for change in read.provenance.changes)
    again = World.load(read.save(tmp_path / "a.world"))
    assert again.content_hash == read.content_hash
    assert (again.tariff_known == read.tariff_known).all()
    assert read.content_hash != World.from_long(table.fillna({"tariff": 0.0})).content_hash
    # A tariff that somebody sets is known.
    assert read.with_(tariff=read.tariff + 0.1).tariff_known is None


def test_a_table_without_tariffs_knows_none() -> None:
    table = make_world(3, 2, inputs=False).with_(countries=("DEU", "FRA", "USA")).to_long()
    read = World.from_long(table.assign(tariff=pd.NA))
    assert read.tariff_unknown.sum() == 3 * 2 * 2
    told = describe(Scenario(cards=[Tariff(method="set", value=0.0)]), read)
    assert "of and on this trade are unknown and counted as 0 (100\u202f% of the trade it is about)" in told
