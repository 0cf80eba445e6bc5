"""An optional thing never stops the whole: a place without a capital, a tariff that is truly high (cases 17, 19)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from firmtrade_core.cli.main import app
from firmtrade_core.gravity.errors import TariffUnitError
from firmtrade_core.gravity.estimate import estimate
from firmtrade_core.gravity.geography import GeographyFileError, geography, with_geography
from firmtrade_core.gravity.panel import GravityPanel, load_world_panel
from firmtrade_core.gravity.panel_file import read_panel_file
from firmtrade_core.gravity.specification import GravitySpecification
from pages.parts.costs.trade_panels import Choices, read_upload, specification

RUNNER = CliRunner()


def flows(
    codes: list[str], years: tuple[int, ...] = (1996, 2000), seed: int = 2, **columns: object
) -> pd.DataFrame:
    """Trade that falls by distance, with a free trade agreement that begins between the first two in the last year."""
    random = np.random.default_rng(seed)
    place = {code: random.uniform(0, 5000, 2) for code in codes}
    rows = []
    for year in years:
        for o in codes:
            for d in codes:
                if o == d:
                    continue
                far = float(np.hypot(*(place[o] - place[d]))) + 100
                fta = int(year == years[-1] and {o, d} <= {codes[0], codes[1], codes[-1]})
                trade = 1e6 / far * np.exp(0.3 * fta + 0.05 * random.normal())
                rows.append(
                    {"exporter": o, "importer": d, "year": year, "trade": trade, "far": far, "fta": fta}
                )
    return pd.DataFrame(rows).assign(**columns)


# Geography ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("odd", ["ZZZ", "XQ1", "Z_Rest"])
def test_a_panel_with_an_unknown_code_and_its_own_distance(tmp_path: Path, odd: str) -> None:
    """Case 17: the panel brings what the map cannot know."""
    table = flows(["DEU", "FRA", "USA", odd]).rename(columns={"far": "dist_km"})
    path = tmp_path / "panel.csv"
    table.to_csv(path, index=False)
    file = read_upload("panel.csv", path.read_bytes())
    said = " ".join(file.panel.notes)
    assert "dist is the panel's own column dist_km" in said
    assert f"No place on the map is known of {odd}" in said and "contiguity in 12 rows" in said
    np.testing.assert_allclose(file.panel.table["dist"], table["dist_km"])
    found = estimate(file.panel, GravitySpecification(("log(dist)", "fta")))
    assert found.observations == len(table) and found.coefficients["log(dist)"] == pytest.approx(-1, abs=0.1)
    # What the page estimates first uses what is known of the others, and says what dropped out.
    first = estimate(file.panel, specification(file.panel, Choices(regressors=("log(dist)",))))
    assert first.observations == len(table)


def test_three_way_effects_need_no_map(tmp_path: Path) -> None:
    path = tmp_path / "panel.csv"
    table = flows(["DEU", "FRA", "USA", "CHL", "BRA", "ZZZ"], years=(1996, 1998, 2000)).drop(columns="far")
    table.to_csv(path, index=False)
    found = estimate(
        read_panel_file(path).panel,
        GravitySpecification(("fta",), ("exporter_year", "importer_year", "pair")),
    )
    assert found.observations == len(table) and found.coefficients["fta"] == pytest.approx(0.3, abs=0.1)


def test_an_unknown_code_without_a_distance_drops_out_of_what_needs_one(tmp_path: Path) -> None:
    path = tmp_path / "panel.csv"
    table = flows(["DEU", "FRA", "USA", "CHL", "ZZZ"]).drop(columns="far")
    table.to_csv(path, index=False)
    panel = read_panel_file(path).panel
    found = estimate(panel, GravitySpecification(("log(dist)",)))
    assert found.observations == 24 and found.counts.missing == 16
    assert any("lack a regressor" in note for note in found.notes)
    assert any("ZZZ: missing are dist in 16 rows" in note for note in panel.notes)


def test_own_columns_come_before_the_map(tmp_path: Path) -> None:
    for name in ("dist", "distw", "Distance"):
        table = flows(["DEU", "FRA", "USA"]).rename(columns={"far": name})
        panel = with_geography(GravityPanel.from_table(table), unknown="leave")
        np.testing.assert_allclose(panel.table["dist"], table[name])
    partly = flows(["DEU", "FRA", "USA"]).rename(columns={"far": "dist"})
    partly.loc[0, "dist"] = np.nan
    panel = with_geography(GravityPanel.from_table(partly), unknown="leave")
    assert panel.table["dist"].notna().all()
    zeros = partly.assign(dist=0.0)
    assert (with_geography(GravityPanel.from_table(zeros), unknown="leave").table["dist"] > 0).all()


def test_where_one_insists_the_map_refuses() -> None:
    with pytest.raises(GeographyFileError, match="No capital is known of ZZZ"):
        geography(["DEU", "ZZZ"])
    found = geography(["DEU", "ZZZ", "FRA"], unknown="leave")
    assert found["dist"].notna().sum() == 4 and len(found) == 9
    assert geography(["ZZZ"], unknown="leave")["dist"].isna().all()


def test_a_table_of_variables_that_lacks_pairs(tmp_path: Path) -> None:
    panel = GravityPanel.from_table(flows(["DEU", "FRA", "USA", "CHL"]))
    table = geography(["DEU", "FRA", "USA"])
    with pytest.raises(GeographyFileError, match="Complete the table"):
        with_geography(panel, table)
    said = with_geography(panel, table, unknown="leave").notes[-1]
    assert "lacks 6 pairs (DEU and CHL" in said and "dist in 12 rows" in said


def test_the_command_line_estimates_it_too(tmp_path: Path) -> None:
    path = tmp_path / "panel.csv"
    flows(["DEU", "FRA", "USA", "CHL", "ZZZ"]).to_csv(path, index=False)
    formula = "trade ~ log(dist) + fta | exporter^year + importer^year"
    done = RUNNER.invoke(app, ["gravity", "estimate", str(path), formula, "--json"])
    assert done.exit_code == 0, done.output
    content = json.loads(done.output)
    assert content["observations"] == 24 and "ZZZ" in " ".join(content["notes"])
    done = RUNNER.invoke(app, ["gravity", "estimate", str(path), formula.replace("dist", "far"), "--json"])
    assert json.loads(done.output)["observations"] == 40


# Tariffs ------------------------------------------------------------------------------------------


def world_flows(high: float, sectors: tuple[str, ...] = ("C10",), unit: float = 1.0) -> pd.DataFrame:
    """Flows that fall with the tariff by 5; one importer protects the first sector by a rate of several hundred percent."""
    random = np.random.default_rng(5)
    codes = ["AUS", "BRA", "DEU", "JPN", "KOR", "USA"]
    rows = []
    for year in (2011, 2012, 2013):
        for sector in sectors:
            for o in codes:
                for d in codes:
                    rate = 0.0 if o == d else round(random.uniform(0.01, 0.2), 4)
                    if o != d and d == "KOR" and sector == "C10":
                        rate = high * (1 - 0.1 * (year - 2011))
                    value = (900 if o == d else 100) * (1 + rate) ** -5 * np.exp(0.05 * random.normal())
                    rows.append((year, o, d, sector, value, rate * unit))
    return pd.DataFrame(
        rows, columns=["year", "exporter", "importer", "sector", "expenditure_musd", "tariff"]
    )


@pytest.mark.parametrize("high", [1.6, 5.13, 7.78])
def test_a_rate_of_several_hundred_percent_is_a_rate(tmp_path: Path, high: float) -> None:
    """Case 19: judged by the mean where one is paid, by what is bought."""
    path = tmp_path / "flows.csv"
    world_flows(high).to_csv(path, index=False)
    panel = load_world_panel(path)
    assert panel.table["tariff"].max() == pytest.approx(high)
    done = RUNNER.invoke(
        app,
        ["gravity", "--world-panel", str(path), "--out", str(tmp_path / "out"), "--workers", "1", "--json"],
    )
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["elasticities"][0]["raw"] == pytest.approx(5, abs=0.5)


def test_one_sector_may_be_prohibitive_where_the_file_is_not(tmp_path: Path) -> None:
    """A sector at a time is estimated, all of them are judged."""
    path = tmp_path / "flows.csv"
    table = world_flows(0.1, ("C10", "C20", "C30"))
    rice = table["sector"].eq("C10") & table["exporter"].ne(table["importer"])
    table.loc[rice, "tariff"] *= 40
    table.to_csv(path, index=False)
    assert table.loc[rice, "tariff"].mean() > 1.5
    assert load_world_panel(path, ["C10"]).sectors == ("C10",)


def test_percent_is_still_seen_and_either_can_be_insisted_on(tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    world_flows(0.15, unit=100.0).to_csv(path, index=False)
    with pytest.raises(TariffUnitError, match=r"average .* where one is paid"):
        load_world_panel(path)
    arguments = ["gravity", "--world-panel", str(path), "--out", str(tmp_path / "out"), "--workers", "1"]
    done = RUNNER.invoke(app, arguments)
    assert done.exit_code == 2
    assert "--tariff-unit percent" in done.output and "--tariff-unit fraction" in done.output
    assert "tariff_unit" not in done.output
    done = RUNNER.invoke(app, [*arguments, "--tariff-unit", "percent", "--json"])
    assert json.loads(done.output)["elasticities"][0]["raw"] == pytest.approx(5, abs=0.6)
    done = RUNNER.invoke(app, [*arguments, "--tariff-unit", "fraction", "--json"])
    assert json.loads(done.output)["elasticities"][0]["raw"] < 1
    done = RUNNER.invoke(app, [*arguments, "--tariff-unit", "basis points"])
    assert done.exit_code == 2 and "choose check, fraction, percent" in done.output


def test_the_page_offers_what_its_message_advises(tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    world_flows(0.15, unit=100.0).to_csv(path, index=False)
    content = path.read_bytes()
    with pytest.raises(TariffUnitError):
        read_upload("flows.csv", content)
    percent, fraction = (read_upload("flows.csv", content, unit) for unit in ("percent", "fraction"))  # type: ignore[arg-type]
    np.testing.assert_allclose(100 * percent.panel.table["tariff"], fraction.panel.table["tariff"])
    assert percent.content_hash != fraction.content_hash


def test_a_formula_with_tariffs_is_held_to_the_same(tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    world_flows(0.15, unit=100.0).rename(columns={"expenditure_musd": "trade"}).to_csv(path, index=False)
    formula = "trade ~ log1p(tariff) | exporter^year + importer^year + pair"
    done = RUNNER.invoke(app, ["gravity", "estimate", str(path), formula])
    assert done.exit_code == 2 and "--tariff-unit percent" in done.output
    done = RUNNER.invoke(
        app, ["gravity", "estimate", str(path), formula, "--tariff-unit", "percent", "--json"]
    )
    assert json.loads(done.output)["coefficients"][0]["estimate"] == pytest.approx(-5, abs=0.8)
