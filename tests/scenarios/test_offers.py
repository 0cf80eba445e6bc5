"""Tariff-line offers: aggregated by trade to what a hand calculation gives, with coverage, staging and equivalents."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from firmtrade_core.cli.main import app
from firmtrade_core.codes.chapters import broad_sector_of_product, subheadings
from firmtrade_core.scenarios import Scenario, ScenarioError, compile
from firmtrade_core.scenarios.atlas import Atlas
from firmtrade_core.scenarios.offers import is_by_lines, read_offer
from firmtrade_core.scenarios.schedules import read_schedule, rows_rates
from firmtrade_core.scenarios.schema import TariffSchedule
from firmtrade_core.world.embedded import load_embedded_world

LINES = pd.DataFrame(
    {
        "HS code": ["720839", "720851", "870323", "10121"],
        "base rate": ["10 %", "20 %", "30 %", "5 %"],
        "final rate": ["0 %", "10 %", "0 %", "0 %"],
        "staging": ["EIF", "B5", "10", ""],
    }
)
TRADE = pd.DataFrame(
    {
        "k": ["720839", "720851", "721049", "870323", "870323"],
        "i": ["156", "156", "156", "156", "392"],
        "j": ["842"] * 5,
        "v": [100.0, 50.0, 50.0, 400.0, 600.0],
        "q": [1.0] * 5,
        "t": [2022] * 5,
    }
)


def test_lines_add_up_by_trade_with_coverage_and_simple_mean() -> None:
    offer = read_offer(LINES, TRADE, importer="USA")
    table = offer.table.set_index(["exporter", "sector"])
    steel = table.loc[("CHN", "metals")]
    assert steel["coverage"] == pytest.approx(150 / 200) and steel["lines"] == 2
    assert steel["base"] == pytest.approx((100 * 0.10 + 50 * 0.20) / 150)
    assert steel["simple_base"] == pytest.approx(0.15)
    # 721049 is not offered and stays as it is.
    assert steel["change"] == pytest.approx(-(100 * 0.10 + 50 * 0.10) / 200)
    assert table.loc[("JPN", "vehicles_transport_eq"), "change"] == pytest.approx(-0.30)
    # Japan sells no steel there: simple means over subheadings, and it is said.
    assert table.loc[("JPN", "metals"), "weights"] == "simple"
    assert any("Japan metals" in note and "simple mean" in note for note in offer.notes)
    top = offer.lines.iloc[0]
    assert top["hs"] == "870323" and top["pull"] == pytest.approx(-0.30)


def test_cuts_come_year_by_year() -> None:
    offer = read_offer(LINES, TRADE, importer="USA")
    assert offer.cuts == 10
    first, third, last = (offer.change(k).loc["CHN"] for k in (1, 3, 10))
    assert first["metals"] == pytest.approx(-(100 * 0.10 + 50 * 0.10 / 5) / 200)
    assert third["metals"] == pytest.approx(-(100 * 0.10 + 50 * 0.10 * 3 / 5) / 200)
    assert last["vehicles_transport_eq"] == pytest.approx(-0.30)
    assert first["vehicles_transport_eq"] == pytest.approx(-0.03)
    dated = [row for row in offer.rows(start=date(2027, 3, 1)) if row.exporter == "CHN"]
    cars = {row.effective: row.rate for row in dated if row.sector == "vehicles_transport_eq"}
    assert cars[date(2027, 3, 1)] == pytest.approx(-0.03) and cars[date(2036, 3, 1)] == pytest.approx(-0.3)
    assert len(cars) == 10


def test_an_offer_is_a_schedule_on_the_world() -> None:
    world = load_embedded_world()
    rows = read_offer(LINES, TRADE, importer="USA").rows(start=date(2027, 1, 1))
    card = TariffSchedule(importers="USA", rows=rows, day=date(2027, 6, 1))
    after = compile(Scenario(cards=(card,)), world).shock.tariff
    assert after is not None
    china, usa = world.country_index("CHN"), world.country_index("USA")
    cars = world.sectors.index("vehicles_transport_eq")
    assert after[china, usa, cars] == pytest.approx(max(world.tariff[china, usa, cars] - 0.03, 0.0))
    # A schedule with higher base rates than the world's never turns a tariff into a subsidy.
    late = compile(Scenario(cards=(card.model_copy(update={"day": date(2040, 1, 1)}),)), world)
    assert late.shock.tariff is not None
    assert late.shock.tariff[china, usa, cars] == 0 and late.shock.tariff.min() >= min(world.tariff.min(), 0)
    assert any("tariffs stop at zero" in note for note in late.report)
    assert Scenario.from_yaml(Scenario(cards=(card,)).to_yaml()).cards == (card,)


def test_a_row_for_all_never_overrides_a_countrys_own() -> None:
    """China's steel falls at once, everybody else's over five years: each year's rows leave China where it is."""
    lines = pd.DataFrame(
        {
            "hs": ["720839", "720839"],
            "exporter": ["CHN", "all"],
            "base": [0.1, 0.1],
            "final": [0.0, 0.0],
            "staging": [0, 5],
        }
    )
    world = load_embedded_world()
    flows = pd.DataFrame({"hs": ["720839"] * 2, "exporter": ["CHN", "JPN"], "trade": [1.0, 1.0]})
    rows = read_offer(lines, flows).rows(start=date(2027, 1, 1))
    metals, usa = world.sectors.index("metals"), world.country_index("USA")
    for year, japan in ((2027, -0.02), (2029, -0.06), (2031, -0.10)):
        card = TariffSchedule(importers="USA", rows=rows, day=date(year, 7, 1))
        rates, _ = rows_rates(card, Atlas(world))
        for code, change in (("CHN", -0.10), ("JPN", japan), ("DEU", japan)):
            assert rates[world.country_index(code), usa, metals] == pytest.approx(change), (year, code)


def test_specific_rates_become_equivalents_where_value_and_quantity_are_known() -> None:
    lines = pd.DataFrame(
        {
            "hs6": ["040690", "040610"],
            "base_percent": [5, 0],
            "final_percent": [0, 0],
            "specific_rate": [1.5, 2.0],
            "value": [1000.0, np.nan],
            "quantity": [200.0, 100.0],
            "trade": [1000.0, 500.0],
        }
    )
    offer = read_offer(lines)
    assert offer.lines["base"].tolist() == pytest.approx([0.05 + 1.5 * 200 / 1000])
    assert any(
        "1 specific base rates are ad valorem equivalents" in n and "1 lines lack" in n for n in offer.notes
    )
    assert any("040610" in n for n in offer.notes)


def test_without_trade_subheadings_count_the_same() -> None:
    whole = pd.DataFrame({"hs": ["72", "73"], "rate": [0.25, 0.25]})
    offer = read_offer(whole)
    total = sum(by.get("metals", 0) for by in subheadings().values())
    mine = sum(subheadings()[c]["metals"] for c in ("72", "73"))
    assert offer.change().loc["all", "metals"] == pytest.approx(0.25 * mine / total)
    assert any("No trade is given" in note for note in offer.notes)


def test_chapters_and_lines_are_accepted_in_a_schedule() -> None:
    table = pd.DataFrame({"exporter": ["CHN", "CHN"], "hs": ["72", "870323"], "rate": ["25 %", "10 %"]})
    assert is_by_lines(table)
    rows = read_schedule(table)
    assert {row.sector for row in rows} == {"metals", "vehicles_transport_eq"}
    assert all(row.exporter == "CHN" and 0 < row.rate < 0.25 for row in rows)
    # A finer line takes precedence over its chapter.
    both = pd.DataFrame({"hs": ["87", "870323"], "rate": [0.1, 0.5]})
    offer = read_offer(both, TRADE, importer="USA")
    assert offer.change().loc["JPN", "vehicles_transport_eq"] == pytest.approx(0.5)


def test_what_cannot_be_read_says_why() -> None:
    for table, words in (
        (pd.DataFrame({"hs": ["720839"]}), "needs a column final"),
        (pd.DataFrame({"hs": ["997000"], "rate": [0.1]}), "No line of the offer"),
        (pd.DataFrame({"hs": ["720839"], "rate": [0.1], "exporter": ["Atlantis"]}), "no country or group"),
        (pd.DataFrame({"hs": ["720839"], "base": [4000], "final": [0]}), "percent given for fractions"),
    ):
        with pytest.raises(ScenarioError, match=words):
            read_offer(table)
    with pytest.raises(ScenarioError, match="lacks exporter"):
        read_offer(LINES, TRADE.drop(columns="i"), importer="USA")
    with pytest.raises(ScenarioError, match="no imports of Chile"):
        read_offer(LINES, TRADE, importer="CHL")
    with pytest.raises(ScenarioError, match="changes no tariff"):
        read_offer(pd.DataFrame({"hs": ["720839"], "base": [0.1], "final": [0.1]})).rows()


def test_products_fall_where_a_concordance_puts_them(needs_data: Callable[[str], Path]) -> None:
    """19 of 20 subheadings of 2022 as by way of ISIC Rev. 3; the rest are on the border of two sectors."""
    path = needs_data("hs-concordance") / "hs6_isic3.csv"
    from firmtrade_core.codes.products import read_concordance
    from firmtrade_core.codes.sectors import broad_sector_of_revision_3

    pairs = read_concordance(path).pairs.sort_values("weight", ascending=False).drop_duplicates("source")
    right = seen = 0
    for code, isic in zip(pairs["source"], pairs["target"], strict=True):
        try:
            truth = broad_sector_of_revision_3(isic)
        except KeyError:
            continue
        if truth != "services":
            seen += 1
            right += broad_sector_of_product(code) == truth
    assert seen > 5000 and right / seen > 0.95


def test_from_the_command_line_to_a_scenario(tmp_path: Path) -> None:
    LINES.to_csv(tmp_path / "lines.csv", index=False)
    TRADE.to_csv(tmp_path / "BACI_HS22_Y2022.csv", index=False)
    call = [
        "offer", str(tmp_path / "lines.csv"), "--importer", "USA", "--trade", str(tmp_path / "BACI_HS22_Y2022.csv"),
        "--start", "2027-01-01", "--out", str(tmp_path / "offer.yaml"),
    ]  # fmt: skip
    found = CliRunner().invoke(app, call)
    assert found.exit_code == 0, found.output
    assert "CHN metals" in found.output and "75 %" in found.output and "870323" in found.output
    scenario = Scenario.from_yaml((tmp_path / "offer.yaml").read_text(encoding="utf-8"))
    assert len(scenario.cards) == 1
    as_json = json.loads(CliRunner().invoke(app, [*call, "--json"]).stdout)
    assert as_json["cuts"] == 10 and as_json["lines"][0]["hs"] == "870323"
    wrong = CliRunner().invoke(app, ["offer", str(tmp_path / "none.csv"), "--importer", "USA"])
    assert wrong.exit_code == 2
