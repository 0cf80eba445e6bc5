"""Loaders, each on a small file in the true format that the test writes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.world.errors import (
    ColumnError,
    DuplicateCellError,
    EmptyMarketError,
    UnknownCodeError,
    WorldError,
    WorldFileError,
)
from firmtrade_core.world.loaders import LOADERS, load

RANDOM = np.random.default_rng(0)


def test_names() -> None:
    with pytest.raises(UnknownCodeError, match=r"no loader 'bacy'\. Choose baci"):
        load("bacy", "x")
    with pytest.raises(WorldError, match="The loader baci: missing a required argument: 'output'"):
        load("baci", "x")
    with pytest.raises(WorldError, match="unexpected keyword argument 'yeer'"):
        load("wiod", "x", yeer=1)
    assert all(loader.title and loader.files and loader.origin for loader in LOADERS.values())


# OECD ICIO ----------------------------------------------------------------------------------------

INDUSTRIES = ["A01_02", "C10T12", "G"]
FINAL = ["HFCE", "NPISH", "GGFC", "GFCF", "INVNT", "DPABR"]


def icio_file(folder: Path, *, split: bool = True, first: str = "V1") -> Path:
    """A file as the OECD publishes it: China's and Mexico's industries split, their final demand not."""
    plain = ["DEU", "CHN", "MEX"]
    makers = ["DEU", "CHN", "MEX", "MX1", "MX2", "CN1", "CN2"] if split else plain
    rows = [f"{c}_{k}" for c in makers for k in INDUSTRIES]
    uses = [f"{c}_{f}" for c in plain for f in FINAL]
    table = pd.DataFrame(0.0, index=[*rows, "TLS", "VA", "OUT"], columns=[*rows, *uses, "OUT"])
    real = [r for r in rows if not split or r[:3] not in ("CHN", "MEX")]
    table.loc[real, real] = RANDOM.uniform(0, 1, (len(real), len(real)))
    table.loc[real, uses] = RANDOM.uniform(5, 9, (len(real), len(uses)))
    table.loc[real, [u for u in uses if u.endswith("INVNT")]] = -0.5
    table.loc["DEU_A01_02", [f"MEX_{f}" for f in FINAL]] = -9.0
    table.loc[rows, "OUT"] = table.loc[rows].sum(axis=1)
    table.loc["TLS", rows] = 0.1
    table.loc["OUT", rows] = table.loc[rows, "OUT"].to_numpy()
    table.loc["VA", rows] = table.loc["OUT", rows] - table.loc[[*rows, "TLS"], rows].sum()
    path = folder / "2019.csv"
    table.rename_axis(first).reset_index().to_csv(path, index=False)
    return path


@pytest.mark.parametrize("first", ["V1", ""])
def test_icio(tmp_path: Path, first: str) -> None:
    path = icio_file(tmp_path, first=first)
    world = load("oecd-icio", path)
    table = pd.read_csv(path, index_col=0)
    assert world.countries == ("CHN", "DEU", "MEX")
    assert world.sectors == tuple(INDUSTRIES)
    assert list(world.goods) == [True, True, False]
    assert world.provenance.year == 2019
    chinese = ["CN1_C10T12", "CN2_C10T12", "CHN_C10T12"]
    german = [c for c in table.columns if c.startswith("DEU_")]
    assert world.expenditure[0, 1, 1] == pytest.approx(table.loc[chinese, german].to_numpy().sum())
    mexican = ["MX1_G", "MX2_G", "MEX_G"]
    suppliers = [r for r in table.index if r.endswith("_A01_02")]
    assert world.inputs[2, 0, 2] == pytest.approx(table.loc[suppliers, mexican].to_numpy().sum())
    # What falls out of the foot: output, but for the flow that inventories made negative.
    assert world.gross_output[0, 1] == pytest.approx(table.loc[chinese, "OUT"].sum())
    assert world.expenditure[1, 2, 0] == 0
    assert any("1 negative flows (falling inventories)" in c for c in world.provenance.changes)
    assert any("CN1, CN2, MX1, MX2 folded" in c for c in world.provenance.changes)
    assert any("no tariffs" in c for c in world.provenance.changes)
    # Unknown on goods between countries, not free.
    traded = (world.expenditure > 0) & ~np.eye(len(world.countries), dtype=bool)[:, :, None]
    assert (world.tariff_unknown == traded & world.goods).all() and world.tariff_unknown.any()


def test_icio_in_sectors_and_tariffs_of_ones_own(tmp_path: Path) -> None:
    path = icio_file(tmp_path, split=False)
    tariffs = pd.DataFrame({"exporter": ["CHN"], "importer": ["DEU"], "sector": ["goods"], "tariff": [0.1]})
    sectors = {"A01_02": "goods", "C10T12": "goods", "G": "services"}
    plain = load("oecd-icio", path, sectors=sectors)
    world = load("oecd_icio", path, sectors=sectors, tariffs=tariffs)
    assert world.sectors == ("goods", "services")
    assert world.expenditure[0, 1, 0] == pytest.approx(1.1 * plain.expenditure[0, 1, 0])
    np.testing.assert_allclose(world.border_value, plain.border_value)
    np.testing.assert_allclose(world.value_added.sum() + world.duties.sum(), world.income.sum())
    with pytest.raises(UnknownCodeError, match="no group for G"):
        load("oecd-icio", path, sectors={"A01_02": "goods", "C10T12": "goods"})
    with pytest.raises(UnknownCodeError, match="names the importer 'GER'"):
        load("oecd-icio", path, tariffs=tariffs.assign(importer="GER"))


def test_icio_refusals(tmp_path: Path) -> None:
    path = icio_file(tmp_path)
    table = pd.read_csv(path, index_col=0)
    table.drop(columns="DEU_G").to_csv(path)
    with pytest.raises(WorldFileError, match="has a row DEU_G but no such column; was it cut short"):
        load("oecd-icio", path)
    pd.concat([table, table.loc[["DEU_G"]]]).to_csv(path)
    with pytest.raises(DuplicateCellError, match="repeats row DEU_G"):
        load("oecd-icio", path)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(WorldFileError, match="is not an ICIO table"):
        load("oecd-icio", path)


# WIOD ---------------------------------------------------------------------------------------------


def wiod_2016(folder: Path, suffix: str) -> tuple[Path, pd.DataFrame]:
    """A file of the 2016 release, with three industries of 56 and all five final demands."""
    items = {1: "A01", 5: "C10-C12", 56: "U"}
    countries = ["AUS", "DEU", "ROW"]
    rows = [(code, name, c, i) for c in countries for i, (code, name) in enumerate_items(items)]
    table = pd.DataFrame(
        [(name, "Description", c, item, 2014) for _, name, c, item in rows],
        columns=["IndustryCode", "IndustryDescription", "Country", "RNr", "Year"],
    )
    prefix = "v" if suffix == "dta" else ""
    uses = [f"{prefix}{c}{i}" for c in countries for i in (*items, *range(57, 62))]
    values = pd.DataFrame(RANDOM.uniform(0.1, 1, (len(table), len(uses))), columns=uses)
    final = [use for use in uses if use.endswith(("57", "58", "59", "60", "61"))]
    values[final] *= 10
    table = pd.concat([table, values.assign(TOT=values.sum(axis=1))], axis=1)
    foot = pd.DataFrame(
        [
            ("II_fob", "Total", "TOT", 65, 2014),
            ("VA", "Value added", "TOT", 70, 2014),
            ("GO", "Output", "TOT", 73, 2014),
        ],
        columns=table.columns[:5],
    )
    table = pd.concat([table, foot.reindex(columns=table.columns).fillna({u: 99.0 for u in [*uses, "TOT"]})])
    path = folder / f"WIOT2014_October16_ROW.{suffix}"
    if suffix == "dta":
        table.to_stata(path, write_index=False)
    else:
        table.to_csv(path, index=False)
    return path, table.set_index(["Country", "RNr"])


def enumerate_items(items: dict[int, str]) -> list[tuple[int, tuple[str, str]]]:
    return [(item, (str(item), name)) for item, name in items.items()]


@pytest.mark.parametrize("suffix", ["dta", "csv"])
def test_wiod_2016(tmp_path: Path, suffix: str) -> None:
    path, table = wiod_2016(tmp_path, suffix)
    world = load("wiod", path)
    assert world.countries == ("AUS", "DEU", "ROW")
    assert world.sectors == ("A01", "C10-C12", "U")
    assert world.provenance.year == 2014
    prefix = "v" if suffix == "dta" else ""
    german = [c for c in table.columns if c.startswith(f"{prefix}DEU")]
    assert world.expenditure[0, 1, 1] == pytest.approx(table.loc[("AUS", 5), german].sum())
    suppliers = table.loc[[("AUS", 1), ("DEU", 1), ("ROW", 1)], f"{prefix}ROW5"]
    assert world.inputs[2, 0, 1] == pytest.approx(suppliers.sum())
    assert world.gross_output[0, 0] == pytest.approx(table.loc[("AUS", 1), "TOT"])
    with pytest.raises(WorldError, match=r"has no year 2000; it holds 2014"):
        load("wiod", path, year=2000)


def test_wiod_2013(tmp_path: Path) -> None:
    countries, items = ["DEU", "ROM", "RoW"], [1, 35]
    rows = [
        (2008, o, i, d, j, 1.0 if j < 36 else (-200.0 if (o, d, j) == ("DEU", "RoW", 42) else 30.0))
        for o in countries
        for i in items
        for d in countries
        for j in [*items, 37, 38, 39, 41, 42]
    ]
    rows += [(2008, "TOT", r, d, j, 5.0) for r in (60, 64, 69) for d in countries for j in items]
    rows += [(2009, *row[1:]) for row in rows]
    columns = ["year", "row_country", "row_item", "col_country", "col_item", "value"]
    path = tmp_path / "wiot_full.dta"
    pd.DataFrame(rows, columns=columns).to_stata(path, write_index=False)
    with pytest.raises(WorldError, match=r"years 2008 to 2009. Choose one with year=2009"):
        load("wiod", path)
    world = load("wiod", path, year=2008, sectors={"1": "farms", "35": "services"})
    assert world.countries == ("DEU", "ROU", "ROW")
    assert world.sectors == ("farms", "services")
    assert world.expenditure[1, 0, 0] == pytest.approx(2 * 1 + 5 * 30)
    assert world.expenditure[0, 2, 0] == 0
    assert world.inputs[0, 0, 1] == pytest.approx(3)
    assert "2 negative flows" in world.provenance.changes[0]


def test_wiod_refusals(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("IndustryCode,Country,RNr,Year\nA01,AUS,1,2014\n")
    with pytest.raises(WorldFileError, match="uses should be columns such as vAUS1"):
        load("wiod", path)
    path.write_text("x\n1\n")
    with pytest.raises(ColumnError, match="lacks columns: IndustryCode, Country, RNr"):
        load("wiod", path)


# ITPD-E -------------------------------------------------------------------------------------------


def itpd_file(folder: Path) -> Path:
    industries = [(1, "Wheat", "Agriculture"), (28, "Coal", "Mining and Energy"), (170, "Other", "Services")]
    rows = [
        (
            o,
            f"Name of {o}",
            d,
            f"Name of {d}",
            year,
            k,
            what,
            broad,
            100.0 if o == d else 10.0,
            int(d == "USA"),
            "p",
        )
        for year in (2018, 2019)
        for o in ("DEU", "ROM", "USA")
        for d in ("DEU", "ROM", "USA")
        for k, what, broad in industries
    ]
    rows += [("DEU", "", "TUV", "", 2019, 1, "Wheat", "Agriculture", 5.0, 0, "p")]
    rows += [("TUV", "", "DEU", "", 2019, 1, "Wheat", "Agriculture", 0.0, 0, "u")]
    names = (
        "exporter_iso3 exporter_name importer_iso3 importer_name year industry_id industry_descr broad_sector"
    )
    path = folder / "ITPD_E_R02.csv"
    pd.DataFrame(rows, columns=[*names.split(), "trade", "flag_mirror", "flag_zero"]).to_csv(
        path, index=False
    )
    return path


def test_itpd_e(tmp_path: Path) -> None:
    path = itpd_file(tmp_path)
    with pytest.raises(WorldError, match=r"several years, among them 2018 and 2019. Choose one"):
        load("itpd-e", path)
    world = load("itpd-e", path, year=2019)
    assert world.countries == ("DEU", "ROU", "USA")
    assert world.sectors == ("Agriculture", "Mining and Energy", "Services")
    assert list(world.goods) == [True, True, False]
    assert world.expenditure[0, 0, 0] == 100
    assert world.expenditure[0, 1, 1] == 10
    assert world.inputs is None
    changes = " ".join(world.provenance.changes)
    assert "1 of 4 countries left out, without domestic sales in the source: TUV" in changes
    assert "1 cells that the source does not know" in changes
    assert "mirrored" in changes
    fine = load("itpd-e", path, year=2018, sectors={"1": "goods", "28": "goods", "170": "services"})
    assert fine.expenditure[0, 1].tolist() == [20, 10]


def test_itpd_e_refusals(tmp_path: Path) -> None:
    path = itpd_file(tmp_path)
    table = pd.read_csv(path)
    pd.concat([table, table.iloc[[0]]]).to_csv(path, index=False)
    with pytest.raises(
        DuplicateCellError, match="repeats exporter_iso3 DEU, importer_iso3 DEU, industry_id 1"
    ):
        load("itpd-e", path, year=2018)
    table[table["exporter_iso3"] != table["importer_iso3"]].to_csv(path, index=False)
    with pytest.raises(EmptyMarketError, match="fewer than two countries report domestic sales"):
        load("itpd-e", path, year=2018)


# BACI ---------------------------------------------------------------------------------------------

OUTPUT = pd.DataFrame(
    {
        "country": ["DEU", "DEU", "TWN", "TWN", "USA", "USA"],
        "sector": ["farms", "metals"] * 3,
        "output_musd": [100.0, 200.0, 50.0, 2.0, 300.0, 400.0],
    }
)
CONCORDANCE = {"01": "farms", "1001": "farms", "720610": "metals"}


def baci_file(folder: Path) -> Path:
    rows = [
        (2019, 276, 842, 10121, 3000, "1.5"),
        (2019, 276, 842, 100119, 4000, "          NA"),
        (2019, 490, 276, 720610, 5000, "2"),
        (2019, 842, 276, 720610, 6000, "2"),
        (2019, 842, 4, 10121, 7000, "2"),
    ]
    path = folder / "BACI_HS17_Y2019_V202401b.csv"
    pd.DataFrame(rows, columns=list("tijkvq")).to_csv(path, index=False)
    codes = [
        (4, "Afghanistan", "AF", "AFG"),
        (276, "Germany", "DE", "DEU"),
        (842, "USA", "US", "USA"),
        (490, "Other Asia", "", "S19"),
    ]
    names = ["country_code", "country_name", "country_iso2", "country_iso3"]
    pd.DataFrame(codes, columns=names).to_csv(folder / "country_codes_V202401b.csv", index=False)
    return path


def test_baci(tmp_path: Path) -> None:
    world = load("baci", baci_file(tmp_path), output=OUTPUT, concordance=CONCORDANCE)
    assert world.countries == ("DEU", "TWN", "USA")
    assert world.sectors == ("farms", "metals")
    assert world.expenditure[0, 2, 0] == 7  # thousand dollars to millions, two products added up
    assert world.expenditure[0, 0].tolist() == [93, 200]
    assert world.expenditure[2, 2].tolist() == [300, 394]
    assert world.expenditure[1, 0, 1] == 5
    assert world.expenditure[1, 1].tolist() == [50, 0]
    changes = " ".join(world.provenance.changes)
    assert "left out: 28 % of its value" in changes
    assert "Output of 1 country-sectors lifted to their exports" in changes
    assert world.provenance.estimated == ("Domestic sales (output less exports)",)
    assert world.provenance.year == 2019


def test_baci_refusals(tmp_path: Path) -> None:
    path = baci_file(tmp_path)
    with pytest.raises(UnknownCodeError, match="no sector for 1 products, among them 720610"):
        load("baci", path, output=OUTPUT, concordance={"01": "farms", "10": "farms"})
    with pytest.raises(UnknownCodeError, match="names the sector 'ores'"):
        load("baci", path, output=OUTPUT, concordance=CONCORDANCE | {"72": "ores", "720610": "ores"})
    with pytest.raises(EmptyMarketError, match="lacks sector metals of USA"):
        load("baci", path, output=OUTPUT.iloc[:5], concordance=CONCORDANCE)
    with pytest.raises(DuplicateCellError):
        load("baci", path, output=pd.concat([OUTPUT, OUTPUT]), concordance=CONCORDANCE)
    (tmp_path / "country_codes_V202401b.csv").unlink()
    with pytest.raises(WorldFileError, match="No country_codes_V"):
        load("baci", path, output=OUTPUT, concordance=CONCORDANCE)


def test_a_concordance_table_with_lost_zeros(tmp_path: Path) -> None:
    table = pd.DataFrame({"product": [10121, 100119, 720610], "sector": ["farms", "farms", "metals"]})
    world = load("baci", baci_file(tmp_path), output=OUTPUT, concordance=table)
    assert world.expenditure[0, 2, 0] == 7
