"""Schedules as data: dated tables in force, a user's own rows, and what a link carries of them."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.scenarios import Scenario, ScenarioError, compile, load_preset
from firmtrade_core.scenarios.links import decode, encode
from firmtrade_core.scenarios.schedules import dated_tables, read_schedule
from firmtrade_core.scenarios.schema import TariffSchedule
from firmtrade_core.words.scenario import describe
from firmtrade_core.world.embedded import load_embedded_world
from firmtrade_core.world.world import World

TABLE = dated_tables()["us_in_force"]


@pytest.fixture(scope="module")
def embedded() -> World:
    return load_embedded_world()


def added(card: TariffSchedule, world: World) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Points added to the United States' tariffs by exporter and sector, and what was noted."""
    found = compile(Scenario(cards=(card,)), world)
    usa = world.country_index("USA")
    points = (found.shock.tariff if found.shock.tariff is not None else world.tariff) - world.tariff
    others = np.delete(points, usa, axis=1)
    assert (others == 0).all()
    return pd.DataFrame(points[:, usa], index=world.countries, columns=world.sectors), found.report


def in_force(day: str) -> TariffSchedule:
    return TariffSchedule(importers="USA", table="us_in_force", day=day, digest=TABLE.digest)


def test_nine_regimes_stand_with_their_stories() -> None:
    days = [r.since for r in TABLE.regimes]
    assert days[0] == date(2025, 1, 1) and days[-1] == date(2026, 8, 22) and len(days) == 9
    assert all(r.story.endswith(".") and r.authority for r in TABLE.regimes)
    assert set(TABLE.lists) == {10, 27} and "Canada and Mexico are overstated" in TABLE.caveats


def test_rates_of_a_day_are_those_of_the_table(embedded: World) -> None:
    points, notes = added(in_force("2026-08-22"), embedded)
    table = TABLE.lists[10]
    rows = table[table["effective_date"] == "2026-08-22"].set_index("exporter")
    for code in ("CHN", "CAN", "BRA", "ROW"):
        for sector in ("metals", "electronics_machinery", "agriculture"):
            assert points.loc[code, sector] == pytest.approx(rows.loc[code, sector]), (code, sector)
    assert (
        points.loc["DEU", "metals"] == points.loc["FRA", "metals"] == pytest.approx(rows.loc["EU", "metals"])
    )
    assert (points["services"] == 0).all() and (points.loc["USA"] == 0).all()
    assert any("estimated by rule" in note for note in notes)
    # Between two dates the earlier one is in force; before the court's ruling China pays more than after it.
    between, _ = added(in_force("2026-03-15"), embedded)
    february, _ = added(in_force("2026-02-25"), embedded)
    pd.testing.assert_frame_equal(between, february)
    spring, _ = added(in_force("2025-04-10"), embedded)
    assert spring.loc["CHN", "textiles_apparel_leather"] > 1 > points.loc["CHN", "textiles_apparel_leather"]


def test_both_sector_lists_are_read(make_world) -> None:
    fine = make_world(("USA", "CHN", "EU", "CAN", "ROW"), ("C24A", "C29", "C26", "Services (aggregate)"))
    points, _ = added(in_force("2026-08-22"), fine)
    table = TABLE.lists[27]
    row = table[(table["effective_date"] == "2026-08-22") & (table["exporter"] == "CHN")].iloc[0]
    assert points.loc["CHN", "C24A"] == pytest.approx(row["C24A"])
    assert points.loc["CHN", "C29"] == pytest.approx(row["C29"])


def test_a_scenario_says_from_when(embedded: World) -> None:
    scenario = Scenario(cards=(in_force("2026-08-22"),))
    assert "in force on 22 August 2026" in describe(scenario, embedded)
    assert decode(encode(scenario, embedded)).cards == scenario.cards
    assert Scenario.from_yaml(scenario.to_yaml()) == scenario
    assert len(encode(scenario, embedded)) < 200


def test_beyond_the_table_it_says_how_old_it_is(embedded: World) -> None:
    _, notes = added(in_force("2027-01-29"), embedded)
    assert any("60 days before" in note and "bring a table of your own" in note for note in notes)
    with pytest.raises(ScenarioError, match="begins on 1 January 2025"):
        added(in_force("2024-12-31"), embedded)
    assert "1 day before" in TABLE.age(date(2026, 12, 1)) and TABLE.age(date(2026, 11, 30)) == ""
    changed = TariffSchedule(importers="USA", table="us_in_force", digest="0" * 12)
    _, notes = added(changed, embedded)
    assert any("has changed since" in note for note in notes)


def test_rows_of_ones_own_add_or_replace(embedded: World) -> None:
    table = pd.DataFrame(
        {
            "Exporter": ["China", "EU", "CAN"],
            "sector": ["metals", None, "all goods"],
            "rate percent": [25, 10, 5],
            "effective_date": pd.to_datetime(["2026-01-01", "2026-06-01", None]),
            "basis": ["Section 232", "deal", ""],
        }
    )
    rows = read_schedule(table)
    assert rows[0].rate == 0.25 and rows[0].effective == date(2026, 1, 1) and rows[2].effective is None
    card = TariffSchedule(importers="USA", rows=rows)
    points, _ = added(card, embedded)
    assert points.loc["CHN", "metals"] == pytest.approx(0.25) and points.loc["CHN", "agriculture"] == 0
    assert points.loc["ITA", "agriculture"] == pytest.approx(0.10) and points.loc[
        "CAN", "metals"
    ] == pytest.approx(0.05)
    early, _ = added(card.model_copy(update={"day": date(2026, 2, 1)}), embedded)
    assert early.loc["ITA", "agriculture"] == 0 and early.loc["CHN", "metals"] == pytest.approx(0.25)
    usa = embedded.country_index("USA")
    instead = compile(Scenario(cards=(card.model_copy(update={"method": "set"}),)), embedded).shock.tariff
    china = embedded.country_index("CHN")
    assert instead is not None
    assert instead[china, usa, embedded.sectors.index("metals")] == pytest.approx(0.25)
    assert instead[china, usa, 0] == embedded.tariff[china, usa, 0]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (pd.DataFrame({"who": ["CHN"], "rate": [0.1]}), "needs a column exporter"),
        (pd.DataFrame({"exporter": ["CHN"], "rate": [25]}), "Row 1 of the schedule: rate"),
        (pd.DataFrame({"exporter": ["CHN"], "rate": ["ten"]}), "Row 1 of the schedule"),
        (pd.DataFrame({"exporter": [], "rate": []}), "no rows"),
        (pd.DataFrame({"exporter": ["CHN"], "hs6": ["720839"]}), "needs a column final"),
    ],
)
def test_schedules_that_cannot_be_read_say_why(table: pd.DataFrame, words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        read_schedule(table)


def test_half_of_a_schedule_is_half_of_the_way_and_all_of_it_keeps_its_hash() -> None:
    world = load_embedded_world()
    whole = load_preset("us_schedule_2025_04_02")
    content = whole.to_dict()
    content["cards"][0]["share"] = 0.5
    half = Scenario.parse(content)
    full, part = (compile(each, world).shock.tariff for each in (whole, half))
    assert full is not None and part is not None
    np.testing.assert_allclose(part - world.tariff, 0.5 * (full - world.tariff), atol=1e-12)
    assert half.content_hash != whole.content_hash
    content["cards"][0]["share"] = 1.0
    assert Scenario.parse(content) == whole
    assert "50 % of the way" in describe(half, world).replace("\u202f", " ").replace("\u00a0", " ")
