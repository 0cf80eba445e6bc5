"""What a message advises is meant, and exists at the door where it is read (cases 09, 14, 19, 22, and more of the kind)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from customs_lines import command, read, shared
from typer.testing import CliRunner

from firmtrade_core.cli.main import app
from firmtrade_core.codes.groups import group_members
from firmtrade_core.gravity.geography import geography, with_geography
from firmtrade_core.gravity.panel import GravityPanel
from firmtrade_core.scenarios.atlas import Atlas
from firmtrade_core.scenarios.errors import ScenarioError
from firmtrade_core.world.embedded import load_embedded_world
from firmtrade_core.world.errors import UnknownCodeError
from firmtrade_core.world.world import World

WORLD = load_embedded_world()


def named(*names: str) -> tuple[set[str], list[str]]:
    """Which countries of the embedded world a scenario's names touch, and what is noted."""
    atlas = Atlas(WORLD)
    weights = atlas.countries(names)
    return {WORLD.countries[i] for i in np.flatnonzero(weights)}, atlas.notes


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("UK", "GBR"), ("uk", "GBR"), ("Holland", "NLD"), ("EL", "GRC"), ("Corea (Sur)", "KOR"), ("842", "USA"),
        ("Alemania", "DEU"), ("Ivory Coast", "CIV"), ("GER", "DEU"), ("ROM", "ROU"), ("England", "GBR"),
    ],
)  # fmt: skip
def test_case_22_scenarios_read_names_as_every_room_does(text: str, code: str) -> None:
    found, notes = named(text)
    assert found == {code} or (code not in WORLD.countries and found == {"ROW"})
    assert any(f"{text!r} is read as" in note and f"({code})" in note for note in notes)


@pytest.mark.parametrize("text", ["European Union", "UE", "EU27", "Unión Europea", "eu"])
def test_groups_in_other_words(text: str) -> None:
    assert named(text)[0] == named("EU")[0] == set(group_members("EU"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Channel Islands", "Guernsey and Jersey together"),
        ("SUN", "Soviet Union"),
        ("WLD", "total"),
        ("Polland", "no country of this world"),
        ("Austrlia", "no country of this world"),
        ("CHM", "no country of this world"),
        ("Areas, nes", "does not specify"),
        ("CHI", "Chile in sports"),
    ],
)
def test_what_cannot_be_read_is_refused_without_lookalikes(text: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=said) as refused:
        named(text)
    assert "Did you mean" not in str(refused.value)


def test_case_22_by_the_command(tmp_path: Path) -> None:
    for name, code in (("uk", "GBR"), ("holland", "NLD")):
        done = CliRunner().invoke(app, ["solve", str(shared(f"22_wrong_suggestion/{name}.yaml")), "--json"])
        assert done.exit_code == 0, done.output
        assert code in done.output and "UKR" not in json.dumps(json.loads(done.output).get("notes", []))


def test_a_world_names_places_by_meaning_only() -> None:
    with pytest.raises(UnknownCodeError, match=r"no country 'UK'\. Did you mean GBR\?"):
        WORLD.country_index("UK")
    with pytest.raises(UnknownCodeError, match=r"no country 'UKX'\.$"):
        WORLD.country_index("UKX")


def test_case_09_and_14_in_a_table_of_flows() -> None:
    def flows(*labels: str) -> pd.DataFrame:
        rows = [(o, d, "goods", 10.0 if o == d else 1.0, 0.0) for o in labels for d in labels]
        return pd.DataFrame(rows, columns=["exporter", "importer", "sector", "expenditure_musd", "tariff"])

    assert World.from_long(flows("UK", "EL", "XK"), codes="repair").countries == ("GBR", "GRC", "XKX")
    for label, advice in (
        ("UK", "use GBR"),
        ("WLD", "leave its rows out"),
        ("CSK", "CZE or SVK"),
        ("Xyz", "no country|not a country"),
    ):
        with pytest.raises(UnknownCodeError, match=advice) as refused:
            World.from_long(flows("DEU", label))
        assert "ROW" not in str(refused.value)


def test_hints_of_customs_lines_are_meanings(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = "".join(f"F1,2019-03-05,export,{c},020110,10,USD\n" for c in ("Polland", "CHI", "Wakanda"))
    path.write_text(f"firm,date,flow,country,product,value,currency\n{rows}")
    found = read(path, tmp_path / "w")
    assert "POL" not in found.notes and "Chile in sports" in found.notes
    assert found.column("country") == ["country.unknown", "country.ambiguous", "country.unknown"]


def test_the_command_advises_its_own_options(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = "".join(f"F1,2019-03-05,export,{c},020110,10,CLP\n" for c in (249, 160, 63))
    path.write_text(f"firm,date,flow,country,product,value,currency\n{rows}")
    done = CliRunner().invoke(app, ["harmonise", str(path), "-o", str(tmp_path / "out"), "--edition", "none"])
    assert "--partners" in done.output and "--rates" in done.output
    unknown = CliRunner().invoke(
        app, ["harmonise", str(path), "-o", str(tmp_path / "o2"), "--edition", "none", "--partners", "narnia"]
    )
    assert unknown.exit_code == 2 and "--partners brazil" in unknown.output


def test_a_table_of_corrections_lies_among_the_files(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.csv").write_text(
        "firm,date,flow,country,product,value,currency\nF1,2019-03-05,export,Wakanda,020110,10,USD\nF1,2019-03-05,export,SUN,020110,10,USD\n"
    )
    (folder / "corrections.csv").write_text("field,text,meaning\ncountry,Wakanda,KEN\ncountry,SUN,RUS\n")
    command(folder, tmp_path / "out")
    trade = pd.read_parquet(tmp_path / "out" / "panel" / "trade.parquet")
    assert sorted(trade["country"]) == ["KEN", "RUS"]


def test_a_panel_of_flows_has_no_world(tmp_path: Path) -> None:
    from firmtrade_core.gravity.panel import GravityPanel

    places = ("DEU", "FRA", "USA")
    rows = [(o, d, 2000, 5.0) for o in places for d in places] + [(o, "World", 2000, 15.0) for o in places]
    panel = GravityPanel.from_table(pd.DataFrame(rows, columns=["exporter", "importer", "year", "trade"]))
    assert (
        panel.countries == places
        and "3 rows of totals (the world, all sectors) left out, 50 % of the flows" in panel.notes[0]
    )


def test_a_group_with_sales_at_home_is_an_economy() -> None:
    rows = [(o, d, "goods", 10.0 if o == d else 1.0, 0.0) for o in ("EU", "USA") for d in ("EU", "USA")]
    table = pd.DataFrame(rows, columns=["exporter", "importer", "sector", "expenditure_musd", "tariff"])
    with pytest.raises(UnknownCodeError, match="European Union"):
        World.from_long(table, codes="repair")
    assert World.from_long(table, codes="any").countries == ("EU", "USA")


def test_numbers_of_another_list_have_no_place_on_the_map() -> None:
    from firmtrade_core.gravity.geography import GeographyFileError

    with pytest.raises(GeographyFileError, match="158, 160, 249"):
        geography(["158", "160", "249"])
    with pytest.raises(GeographyFileError, match="UKG, FRN, GMY, AUS, SWZ"):
        geography(["USA", "UKG", "FRN", "GMY", "AUS", "SWZ"])
    assert geography(["276", "842"])["dist"].max() > 6000
    apart = geography(["DEU", "DDR", "FRA"]).set_index(["exporter", "importer"])["dist"]
    assert 0 < apart["DEU", "DDR"] < 300 and (apart > 0).all()


def test_states_that_are_no_more_have_a_place_on_the_map() -> None:
    table = geography(["SUN", "BLX", "DEU"]).set_index(["exporter", "importer"])
    assert 1500 < table.loc[("SUN", "DEU"), "dist"] < 1700
    assert table.loc[("BLX", "DEU"), "contiguity"] == 1


def test_a_panel_of_another_list_says_so_and_places_nobody() -> None:
    rows = [
        (e, i, 2019, 5.0)
        for e in ("GM", "CH", "JA", "SP", "SW")
        for i in ("GM", "CH", "JA", "SP", "SW")
        if e != i
    ]
    panel = GravityPanel.from_table(
        pd.DataFrame(rows, columns=["exporter", "importer", "year", "trade"]), gaps="leave"
    )
    notes = " ".join(with_geography(panel, unknown="leave").notes)
    assert "fips" in notes and "Placed on the map" not in notes
    rows = [
        (e, i, 2019, 5.0) for e in ("NA", "BRA", "CHL", "PER") for i in ("NA", "BRA", "CHL", "PER") if e != i
    ]
    panel = GravityPanel.from_table(
        pd.DataFrame(rows, columns=["exporter", "importer", "year", "trade"]), gaps="leave"
    )
    notes = " ".join(with_geography(panel, unknown="leave").notes)
    assert "may be Namibia" in notes and "NA as NAM" not in notes


def test_a_total_of_sectors_is_no_sector_of_a_panel() -> None:
    codes = ("BRA", "CHL", "PER")
    rows = [(e, i, 2019, s, 5.0) for e in codes for i in codes if e != i for s in ("a", "b", "Total")]
    table = pd.DataFrame(rows, columns=["exporter", "importer", "year", "sector", "trade"])
    panel = GravityPanel.from_table(table, gaps="leave")
    assert set(panel.table["sector"].astype(str)) == {"a", "b"} and "count twice" in " ".join(panel.notes)
