"""Small files in the true format of each release that circulates: the publishers' names, heads, labels, feet and habits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

COUNTRIES = ("DEU", "FRA", "USA")


def _flows(rows: Sequence[str], columns: Sequence[str], final: Sequence[str], seed: int = 1) -> pd.DataFrame:
    """Flows with positive value added: inputs between 0 and 1, final demand between 20 and 40."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame(
        random.uniform(0, 1, (len(rows), len(columns))), index=list(rows), columns=list(columns)
    )
    table[list(final)] = random.uniform(20, 40, (len(rows), len(final)))
    return table.round(4)


def _with_foot(table: pd.DataFrame, rows: Sequence[str], total: str, foot: Sequence[str]) -> pd.DataFrame:
    """A total behind, and rows of taxes, value added and output below."""
    made = table[table.columns].sum(axis=1)
    inputs = table[list(rows)].sum()
    table = table.assign(**{total: made})
    for label in foot:
        values = pd.Series(0.0, index=table.columns)
        if label in ("VA", "VALU", "VA.TAXSUB"):
            values[list(rows)] = made.to_numpy() - inputs.to_numpy()
        if label in ("OUT", "OUTPUT"):
            values[list(rows)] = made.to_numpy()
        table.loc[label] = values
    return table


def icio(folder: Path, edition: int, name: str) -> Path:
    """An ICIO file as the edition labels it.

    2016 has the categories of demand before the country, a column of discrepancies and dotted value added; 2018 industries
    without a letter, taxes by country and a total called TOTAL; 2021 splits China and Mexico; 2023 and 2025 begin with V1.
    """
    makers = list(COUNTRIES) if edition != 2021 else [*COUNTRIES, "CHN", "CN1", "CN2"]
    buyers = list(COUNTRIES) if edition != 2021 else [*COUNTRIES, "CHN"]
    industries = {
        2016: ["C01T05AGR", "C10T14MIN", "C65T67FIN"],
        2018: ["01T03", "10T12", "64T66"],
        2021: ["01T02", "10T12", "64T66"],
    }.get(edition, ["A01_02", "C10T12", "K"])
    demand = {
        2016: ["HFCE", "NPISH", "GGFC", "GFCF", "INVNT", "CONSABR"],
        2018: ["HFCE", "NPISH", "GGFC", "GFCF", "INVNT", "P33"],
    }.get(edition, ["HFCE", "NPISH", "GGFC", "GFCF", "INVNT", "DPABR"])
    rows = [f"{c}_{k}" for c in makers for k in industries]
    final = (
        [f"{k}_{c}" for k in demand for c in buyers]
        if edition == 2016
        else [f"{c}_{k}" for c in buyers for k in demand]
    )
    table = _flows(rows, [*rows, *final], final)
    if edition == 2021:
        # China's industries lie in its parts; the country's own rows are empty.
        own = [r for r in rows if r.startswith("CHN_")]
        table.loc[own] = 0.0
        table[own] = 0.0
    if edition == 2016:
        table["DISC"] = -0.5
    foot = {
        2016: ["VA.TAXSUB", "OUT"],
        2018: [*[f"{c}_TAXSUB" for c in COUNTRIES], "VALU", "OUTPUT"],
        2021: [*[f"{c}_TAXSUB" for c in buyers], "VALU", "OUTPUT"],
    }.get(edition, ["TLS", "VA", "OUT"])
    table = _with_foot(table, rows, "TOTAL" if edition in (2018, 2021) else "OUT", foot)
    path = folder / name
    table.rename_axis("" if edition == 2016 else "V1").to_csv(path)
    return path


ICIO = {
    2016: ("ICIO2016_2011.csv", 2011),
    2018: ("ICIO2018_2010.CSV", 2010),
    2021: ("ICIO2021_2018.csv", 2018),
    2023: ("2019.csv", 2019),
    2025: ("2022_SML.csv", 2022),
}


def figaro(folder: Path, *, flat: bool = False, products: bool = False, year: int = 2021) -> Path:
    """A FIGARO file: two letters, the rest of the world as FIGW1, a foot of W2, million euros."""
    areas, kind = ["DE", "EL", "FIGW1"], "CPA_" if products else ""
    industries = ["A01", "C10T12", "K64"]
    rows = [f"{a}_{kind}{k}" for a in areas for k in industries]
    final = [f"{a}_{k}" for a in areas for k in ("P3_S13", "P3_S14", "P3_S15", "P51G", "P5M")]
    table = _flows(rows, [*rows, *final], final)
    for label in ("W2_D21X31", "W2_OP_RES", "W2_OP_NRES", "W2_D1", "W2_D29X39", "W2_B2A3G"):
        table.loc[label] = 1.0
    by = "prod-by-prod" if products else "ind-by-ind"
    if not flat:
        path = folder / f"matrix_eu-ic-io_{by}_23ed_{year}.csv"
        table.rename_axis("rowLabels").to_csv(path)
        return path
    long = (
        table.rename_axis("icioiRow")
        .reset_index()
        .melt("icioiRow", var_name="icioiCol", value_name="obsValue")
    )
    split = {
        "refArea": ("icioiRow", 0),
        "rowIi": ("icioiRow", 1),
        "counterpartArea": ("icioiCol", 0),
        "colIi": ("icioiCol", 1),
    }
    for name, (source, part) in split.items():
        long[name] = long[source].str.split("_", n=1).str[part]
    path = folder / f"flat_eu-ic-io_{by}_23ed_{year}.csv"
    columns = ["icioiRow", "icioiCol", "refArea", "rowIi", "counterpartArea", "colIi", "obsValue"]
    long[columns].to_csv(path, index=False)
    return path


def itpd(folder: Path, release: int) -> Path:
    """An ITPD-E file: names in release 1, dynamic codes in 2 and 3, and in 3 no words for industries."""
    industries = [
        (1, "Wheat", "Agriculture"),
        (29, "Coal", "Mining_Energy" if release == 1 else "Mining and Energy"),
        (160, "Construction", "Services"),
    ]
    rows = []
    for year in (2015, 2016):
        for o in COUNTRIES:
            for d in COUNTRIES:
                for number, words, broad in industries:
                    unknown = o == "FRA" and d == "USA" and number == 160
                    rows.append(
                        {
                            "exporter_iso3": o, "exporter_dynamic_code": o, "exporter_name": f"Name, of {o}",
                            "importer_iso3": d, "importer_dynamic_code": d, "importer_name": f"Name of {d}",
                            "year": year, "industry_id": number, "industry_descr": words, "broad_sector": broad,
                            "trade": "" if unknown and release == 3 else 0.0 if unknown else 100.0 if o == d else 10.0,
                            "flag_mirror": ("t" if d == "USA" else "f") if release == 3 else int(d == "USA"),
                            "flag_zero": "u" if unknown else "p",
                        }
                    )  # fmt: skip
    kept = {
        1: "exporter_iso3 exporter_name importer_iso3 importer_name year industry_id industry_descr broad_sector trade flag_mirror flag_zero",
        2: "exporter_iso3 exporter_dynamic_code exporter_name importer_iso3 importer_dynamic_code importer_name year industry_id industry_descr broad_sector trade flag_mirror flag_zero",
        3: "exporter_iso3 exporter_dynamic_code importer_iso3 importer_dynamic_code year industry_id trade flag_mirror flag_zero",
    }
    path = folder / f"ITPD_E_R0{release}.csv"
    pd.DataFrame(rows)[kept[release].split()].to_csv(path, index=False)
    return path


def baci(folder: Path, version: str = "202102") -> tuple[Path, Path, Path]:
    """A BACI file with padded quantities, its list of countries, output and a concordance."""
    rows = [
        "t,i,j,k,v,q",
        "2019,276,392,870323,500000.000,       1.000",
        "2019,392,276,870323,400000.000,          NA",
        "2019,490,276,870323,100000.000,       1.000",
        "2019,276,490,010121,200000.000,       1.000",
        "2019,697,276,870323,70000.000,          NA",
        "2019,849,276,870323,30000.000,          NA",
        "2019,276,697,870323,60000.000,          NA",
    ]
    path = folder / f"BACI_HS17_Y2019_V{version}.csv"
    path.write_text("\n".join(rows) + "\n")
    old = version < "202301"
    head = (
        "country_code,country_name_abbreviation,country_name_full,iso_2digit_alpha,iso_3digit_alpha"
        if old
        else "country_code,country_name,country_iso2,country_iso3"
    )
    names = [
        (276, "Germany", "DE", "DEU"),
        (392, "Japan", "JP", "JPN"),
        (490, '"Other Asia, nes"', "N/A", "N/A" if old else "S19"),
        (697, '"Europe EFTA, nes"', "N/A", "N/A"),
        (849, "US Misc. Pacific Isds", "N/A", "N/A"),
    ]
    lines = [f"{n},{w},{w},{a},{b}" if old else f"{n},{w},{a},{b}" for n, w, a, b in names]
    (folder / f"country_codes_V{version}.csv").write_text("\n".join([head, *lines]) + "\n")
    concordance, output = folder / "concordance.csv", folder / "output.csv"
    concordance.write_text("product,sector\n87,goods\n01,goods\n")
    output.write_text("country,sector,output_musd\nDEU,goods,5000\nJPN,goods,4000\nTWN,goods,900\n")
    return path, concordance, output


def wiod_long(folder: Path, suffix: str = "dta") -> Path:
    """The 2013 release: two years, long, numbers for items, RoW and ROM."""
    items, random = [1, 2, 35], np.random.default_rng(3)
    rows = [
        (year, o, i, d, j, round(random.uniform(0, 1) if j < 36 else random.uniform(20, 40), 4))
        for year in (2010, 2011)
        for o in ("DEU", "ROM", "RoW")
        for i in items
        for d in ("DEU", "ROM", "RoW")
        for j in [*items, 37, 38, 39, 41, 42]
    ]
    rows += [
        (year, "TOT", 60, d, j, 5.0) for year in (2010, 2011) for d in ("DEU", "ROM", "RoW") for j in items
    ]
    table = pd.DataFrame(
        rows, columns=["year", "row_country", "row_item", "col_country", "col_item", "value"]
    )
    path = folder / f"wiot_full.{suffix}"
    if suffix == "dta":
        table.astype({"year": "int16", "row_item": "int8", "col_item": "int8"}).to_stata(
            path, write_index=False
        )
    else:
        table.to_csv(path, index=False)
    return path


def wiod_long_run(folder: Path) -> Path:
    """The long-run release: codes of industries, x before what is none."""
    industries, random = ["AtB", "D15t16", "LtQ"], np.random.default_rng(4)
    demand = ["xCONS_h", "xCONS_g", "xGFCF", "xINV"]
    countries = ["DEU", "USA", "xROW"]
    rows = [
        (
            2000,
            o,
            n,
            i,
            d,
            m,
            j,
            round(random.uniform(20, 40) if j.startswith("x") else random.uniform(0, 1), 4),
        )
        for o in countries
        for n, i in enumerate(industries, 1)
        for d in countries
        for m, j in enumerate([*industries, *demand], 1)
    ]
    rows += [
        (2000, "xTOT", 24, label, d, 1, j, 7.0)
        for label in ("xII", "xVA", "xGO")
        for d in countries
        for j in industries
    ]
    rows += [(2000, o, n, i, "xTOT", 1, "xGO", 99.0) for o in countries for n, i in enumerate(industries, 1)]
    columns = ["year", "row_country", "row_id", "row_isic3", "col_country", "col_id", "col_isic3", "value"]
    path = folder / "lr_wiod_wiot_final_filled.csv"
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)
    return path


def cepii_gravity(folder: Path) -> Path:
    """CEPII's Gravity, V202211: Germany twice in 1990, countries that do not exist in a year, blanks for what is unknown."""
    head = (
        "year,country_id_o,country_id_d,iso3_o,iso3_d,iso3num_o,iso3num_d,country_exists_o,country_exists_d,gmt_offset_2020_o,"
        "gmt_offset_2020_d,distw_harmonic,distw_arithmetic,distw_harmonic_jh,distw_arithmetic_jh,dist,main_city_source_o,"
        "main_city_source_d,distcap,contig,diplo_disagreement,scaled_sci_2021,comlang_off,comlang_ethno,comcol,col45,col_dep_ever,"
        "fta_wto,tradeflow_baci"
    )
    names = {"DEU": ["DEU.1", "DEU.2"], "FRA": ["FRA"], "USA": ["USA"], "SUN": ["SUN"]}
    rows = []
    for year in (1990, 2019):
        for o, first in names.items():
            for d, second in names.items():
                for a in first:
                    for b in second:
                        exists = [
                            int(not (x == "SUN" and year == 2019) and not (x == "DEU.1" and year == 2019))
                            for x in (a, b)
                        ]
                        far = 10 if o == d else 878 if {o, d} == {"DEU", "FRA"} else 6000
                        flow = "" if o == d or year == 1990 else "1000.5"
                        rows.append(
                            f"{year},{a},{b},{o},{d},276,250,{exists[0]},{exists[1]},1,1,{far},{far},{far},{far},{far},1,1,{far},"
                            f"{int({o, d} == {'DEU', 'FRA'})},,,0,0,0,0,0,{int({o, d} == {'DEU', 'FRA'})},{flow}"
                        )
    path = folder / "Gravity_V202211.csv"
    path.write_text("\n".join([head, *rows]) + "\n")
    return path
