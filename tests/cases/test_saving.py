"""What a loader returns is saved, read again and exported, for every release that circulates; the year is the data's."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

from firmtrade_core.cli.main import app
from firmtrade_core.gravity.geography import load_cepii_gravity, with_geography
from firmtrade_core.gravity.panel import GravityPanel
from firmtrade_core.report.export import result_workbook, to_parquet
from firmtrade_core.scenarios import Scenario, Tariff, run
from firmtrade_core.world.errors import UnknownCodeError, WorldError
from firmtrade_core.world.loaders import LOADERS, load
from firmtrade_core.world.loaders.dating import year_in_name
from firmtrade_core.world.tables import read_table
from firmtrade_core.world.uploads import Upload, load_uploaded
from firmtrade_core.world.world import World
from tests.cases import published
from tests.world.test_loaders import wiod_2016

RUNNER = CliRunner()

Made = tuple[str, Path, dict[str, object], int]


def _icio(edition: int) -> Callable[[Path], Made]:
    name, year = published.ICIO[edition]
    return lambda folder: ("oecd-icio", published.icio(folder, edition, name), {}, year)


def _baci(version: str) -> Callable[[Path], Made]:
    def make(folder: Path) -> Made:
        path, concordance, output = published.baci(folder, version)
        return "baci", path, {"concordance": read_table(concordance), "output": read_table(output)}, 2019

    return make


RELEASES: dict[str, Callable[[Path], Made]] = {
    **{f"ICIO {edition}": _icio(edition) for edition in published.ICIO},
    **{
        f"ITPD-E {release}": lambda folder, release=release: (
            "itpd-e",
            published.itpd(folder, release),
            {"year": 2016},
            2016,
        )
        for release in (1, 2, 3)
    },
    "BACI 202102": _baci("202102"),
    "BACI 202501": _baci("202501"),
    "WIOD 2016": lambda folder: ("wiod", wiod_2016(folder, "dta")[0], {}, 2014),
    "WIOD 2013": lambda folder: ("wiod", published.wiod_long(folder), {"year": 2011}, 2011),
    "WIOD 2013 as CSV": lambda folder: ("wiod", published.wiod_long(folder, "csv"), {"year": 2011}, 2011),
    "WIOD long-run": lambda folder: ("wiod", published.wiod_long_run(folder), {}, 2000),
    "FIGARO": lambda folder: ("figaro", published.figaro(folder), {}, 2021),
    "FIGARO flat": lambda folder: ("figaro", published.figaro(folder, flat=True), {}, 2021),
    "FIGARO products": lambda folder: ("figaro", published.figaro(folder, products=True), {}, 2021),
}


@pytest.mark.parametrize("release", RELEASES)
def test_a_release_is_loaded_saved_reloaded_and_exported(tmp_path: Path, release: str) -> None:
    name, path, options, year = RELEASES[release](tmp_path)
    world = load(name, path, **options)
    assert world.provenance.year == year and type(world.provenance.year) is int
    again = World.load(world.save(tmp_path / "my.world"))
    assert again.content_hash == world.content_hash and again.provenance == world.provenance
    sold, bought = world.countries[0], world.countries[-1]
    asked = Scenario(
        name="t", cards=(Tariff(importers=(bought,), exporters=(sold,), method="add", value=0.1),)
    )
    result = run(asked, again)
    table = pyarrow.parquet.read_table(io.BytesIO(to_parquet(result, asked)))
    assert json.loads(table.schema.metadata[b"firmtrade.provenance"])["year"] == year
    assert "About" in load_workbook(io.BytesIO(result_workbook(result, asked))).sheetnames


@pytest.mark.parametrize("release", RELEASES)
def test_a_release_through_the_command_line(tmp_path: Path, release: str) -> None:
    name, path, options, year = RELEASES[release](tmp_path)
    made = tmp_path / "my.world"
    arguments = ["world", "load", name, str(path), "-o", str(made), "--json"]
    if name == "baci":
        arguments += ["--output-table", str(tmp_path / "output.csv")]
        arguments += ["--concordance", str(tmp_path / "concordance.csv")]
    elif "year" in options:
        arguments += ["--year", str(options["year"])]
    done = RUNNER.invoke(app, arguments)
    assert done.exit_code == 0, done.output
    shown = RUNNER.invoke(app, ["world", "show", str(made), "--json"])
    assert shown.exit_code == 0 and json.loads(shown.output)["year"] == year


@pytest.mark.parametrize("release", ["ICIO 2018", "ITPD-E 3", "FIGARO", "WIOD long-run"])
def test_a_release_through_the_browser(tmp_path: Path, release: str) -> None:
    name, path, options, year = RELEASES[release](tmp_path)
    world = load_uploaded(name, Upload(path.name, path.read_bytes()), **options)
    assert world.provenance.year == year
    assert world.content_hash == load(name, path, **options).content_hash


def test_every_loader_is_held_here(tmp_path: Path) -> None:
    """A loader that is added without a file here fails."""
    assert {make(tmp_path)[0] for make in RELEASES.values()} == set(LOADERS)


def test_numbers_of_each_release(tmp_path: Path) -> None:
    """Flows by hand from the file itself."""
    path = published.icio(tmp_path, 2016, "ICIO2016_2011.csv")
    table = pd.read_csv(path, index_col=0)
    world = load("oecd-icio", path)
    assert world.countries == published.COUNTRIES and world.sectors == ("C01T05AGR", "C10T14MIN", "C65T67FIN")
    french = [c for c in table if str(c).startswith("FRA_") or str(c).endswith("_FRA")]
    assert world.expenditure[0, 1, 0] == pytest.approx(table.loc["DEU_C01T05AGR", french].sum())
    assert any("DISC" in change and "-4.5 million USD" in change for change in world.provenance.changes)
    assert list(world.goods) == [True, True, False]

    path = published.figaro(tmp_path)
    table = pd.read_csv(path, index_col=0)
    world = load("figaro", path)
    assert world.countries == ("DEU", "GRC", "ROW")
    greek = [c for c in table if c.startswith("EL_")]
    rate = float(str(next(c for c in world.provenance.changes if "euro" in c)).split(", ")[1].split()[0])
    # The European Central Bank's average of 2021 is 1.1827 dollars for a euro.
    assert rate == pytest.approx(1.1827, abs=2e-4)
    assert world.expenditure[0, 1, 0] == pytest.approx(rate * table.loc["DE_A01", greek].sum(), rel=1e-4)
    flat = load("figaro", published.figaro(tmp_path, flat=True))
    np.testing.assert_allclose(flat.expenditure, world.expenditure)

    path = published.wiod_long_run(tmp_path)
    long = pd.read_csv(path)
    world = load("wiod", path)
    assert world.countries == ("DEU", "ROW", "USA") and world.sectors == ("AtB", "D15t16", "LtQ")
    part = long[
        (long["row_country"] == "DEU") & (long["row_isic3"] == "AtB") & (long["col_country"] == "xROW")
    ]
    assert world.expenditure[0, 1, 0] == pytest.approx(part["value"].sum())

    world = load("itpd-e", published.itpd(tmp_path, 3), year=2015)
    assert world.sectors == ("Agriculture", "Mining and Energy", "Services")
    assert world.expenditure[0, 1].tolist() == [10, 10, 10] and world.expenditure[1, 2].tolist() == [
        10,
        10,
        0,
    ]
    changes = " ".join(world.provenance.changes)
    assert "1 cells that the source does not know are read as zero" in changes and "mirrored" in changes


def test_baci_knows_taiwan_by_its_number_alone(tmp_path: Path) -> None:
    """Cases 01 and 02: what shares the letters N/A is left out and named."""
    path, concordance, output = published.baci(tmp_path)
    world = load("baci", path, concordance=read_table(concordance), output=read_table(output))
    de, tw = world.country_index("DEU"), world.country_index("TWN")
    assert world.expenditure[de, tw, 0] == 200 and world.expenditure[tw, de, 0] == 100
    said = " ".join(world.provenance.changes)
    assert (
        "12 % of its value; by country Europe EFTA, nes (130 million USD), US Misc. Pacific Isds (30 million USD)"
        in said
    )


def test_output_without_trade_is_named(tmp_path: Path) -> None:
    path, concordance, output = published.baci(tmp_path)
    made = read_table(output)
    fiji = pd.concat([made, pd.DataFrame({"country": ["FJI"], "sector": ["goods"], "output_musd": [70.0]})])
    world = load("baci", path, concordance=read_table(concordance), output=fiji)
    assert world.countries == ("DEU", "JPN", "TWN")
    assert any(
        "output but without any trade in the file: FJI (70 million USD)" in c
        for c in world.provenance.changes
    )
    wrong = made.replace("DEU", "GER")
    with pytest.raises(
        UnknownCodeError, match=r"GER \(5\u202f000 million USD\).*'GER' is no present code .*use DEU"
    ):
        load("baci", path, concordance=read_table(concordance), output=wrong)


def test_tariffs_name_who_has_none(tmp_path: Path) -> None:
    path = published.itpd(tmp_path, 2)
    table = pd.DataFrame(
        {
            "exporter": ["DEU", "FRA", "CHL"],
            "importer": ["USA", "USA", "USA"],
            "sector": "Agriculture",
            "tariff": [0.1, 0.2, 0.3],
        }
    )
    world = load("itpd-e", path, year=2016, tariffs=table)
    said = " ".join(world.provenance.changes)
    assert "1 rows of tariffs of CHL unused" in said
    assert (
        "have an unknown one, counted as 0" in said
        and "DEU (20 million USD), FRA (20 million USD)" in said
        and "USA (" not in said
    )
    with pytest.raises(UnknownCodeError, match="names the exporter 'XQZ'"):
        load("itpd-e", path, year=2016, tariffs=table.replace("CHL", "XQZ"))


NAMES = {
    "2022_SML": 2022, "ICIO2018_2010": 2010, "ICIO2025_2019": 2019, "ICIO-2023-2015": 2015, "ICIO2021_2018": 2018,
    "ICIO2018_2018": 2018, "ICIO2017": 2017, "OECD_ICIO_JUNE2015_2011": 2011, "2019": 2019, "icio": None, "2019_SML (1)": 2019,
    "2019_2025-11-03": 2019, "2019_20251103": 2019, "downloaded 03.11.2025 2019_SML": 2019, "2010_ICIO2018": 2010,
    "oecd_2018ed_2010": 2010, "ICIO_1995-2000_1997": 1997, "2016-2022_2019_SML": 2019, "ICIO2016-1995_rev2020": 1995,
    "WIOT2014_October16_ROW": 2014, "matrix_eu-ic-io_ind-by-ind_23ed_2021": 2021, "ITPD_E_R02": None,
    "OECD-ICIO-2025ed-SML-2022": 2022, "2015_SML_2023 edition": 2015,
}  # fmt: skip


@pytest.mark.parametrize("stem", NAMES)
def test_the_year_is_read_from_the_right_digits(stem: str) -> None:
    assert year_in_name(stem) == NAMES[stem]


@pytest.mark.parametrize("stem", ["ICIO2018", "ICIO_2023", "2019_2020", "2016-2022_SML"])
def test_a_name_in_doubt_is_asked_about(tmp_path: Path, stem: str) -> None:
    path = published.icio(tmp_path, 2023, f"{stem}.csv")
    with pytest.raises(WorldError, match="with year="):
        load("oecd-icio", path)
    assert load("oecd-icio", path, year=2019).provenance.year == 2019
    made = tmp_path / "my.world"
    done = RUNNER.invoke(app, ["world", "load", "oecd-icio", str(path), "-o", str(made)])
    assert (
        done.exit_code == 2 and "--year" in done.output and "year=" not in done.output and not made.exists()
    )
    assert (
        RUNNER.invoke(
            app, ["world", "load", "oecd-icio", str(path), "-o", str(made), "--year", "2019"]
        ).exit_code
        == 0
    )


def test_a_name_without_a_year_is_said(tmp_path: Path) -> None:
    world = load("oecd-icio", published.icio(tmp_path, 2023, "mine.csv"))
    assert world.provenance.year is None
    assert any("holds no year" in change for change in world.provenance.changes)
    with pytest.raises(WorldError, match="euros need the year's rate"):
        load("figaro", published.figaro(tmp_path).rename(tmp_path / "mine.csv"))


def test_a_world_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    path, *_ = published.baci(tmp_path)
    arguments = ["world", "load", "baci", str(path), "-o", str(tmp_path / "no" / "my.world")]
    arguments += [
        "--output-table",
        str(tmp_path / "output.csv"),
        "--concordance",
        str(tmp_path / "concordance.csv"),
    ]
    before = sorted(tmp_path.iterdir())
    done = RUNNER.invoke(app, arguments)
    assert done.exit_code == 2 and "cannot be written" in done.output
    assert sorted(tmp_path.iterdir()) == before


def test_cepii_gravity_as_published(tmp_path: Path) -> None:
    found = load_cepii_gravity(published.cepii_gravity(tmp_path), years=[2019])
    assert sorted(found["exporter"].unique()) == ["DEU", "FRA", "USA"]
    assert not found.duplicated(["exporter", "importer", "year"]).any()
    path = tmp_path / "variables.parquet"
    found.to_parquet(path)
    pd.testing.assert_frame_equal(pd.read_parquet(path), found, check_dtype=False)
    flows = found[["exporter", "importer", "year"]].assign(trade=1.0)
    panel = with_geography(GravityPanel.from_table(flows), found)
    assert panel.table.loc[1, "dist"] == 878 and panel.table.loc[1, "rta"] == 1
    old = load_cepii_gravity(published.cepii_gravity(tmp_path), years=[1990])
    assert len(old) == len(old.drop_duplicates(["exporter", "importer"]))


def test_itpd_e_is_read_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The published files have seven gigabytes: no more than a piece and the year's rows are held."""
    from firmtrade_core.world.loaders import itpd_e

    whole = load("itpd-e", published.itpd(tmp_path, 2), year=2016)
    pieces = itpd_e.read_pieces
    monkeypatch.setattr(itpd_e, "read_pieces", lambda path, columns: pieces(path, columns=columns, rows=7))
    assert load("itpd-e", tmp_path / "ITPD_E_R02.csv", year=2016).content_hash == whole.content_hash
    with pytest.raises(WorldError, match="no year 1999; it holds 2015, 2016"):
        load("itpd-e", tmp_path / "ITPD_E_R02.csv", year=1999)
