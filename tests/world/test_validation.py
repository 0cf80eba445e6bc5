"""A report of all that is wrong with a table, row by row; what it passes, the builder takes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.world.columns import guess_columns, with_roles
from firmtrade_core.world.errors import WorldError
from firmtrade_core.world.validation import Validation, validate_flows
from firmtrade_core.world.world import World

COUNTRIES, SECTORS = ("DEU", "FRA", "USA"), ("goods", "services")


@pytest.fixture
def good() -> pd.DataFrame:
    rows = [
        (i, j, s, 100.0 if i == j else 10.0, 0.0 if i == j else 0.05)
        for i in COUNTRIES
        for j in COUNTRIES
        for s in SECTORS
    ]
    return pd.DataFrame(rows, columns=["exporter", "importer", "sector", "expenditure_musd", "tariff"])


def problems(report: Validation) -> dict[str, list[int]]:
    return {issue.problem: list(issue.rows) for issue in report.issues}


def test_a_good_table_has_nothing_to_say(good: pd.DataFrame) -> None:
    report = validate_flows(good)
    assert report.usable and report.issues == () and report.checked == 18
    assert World.from_long(good).shape == (3, 2)


def test_all_rows_are_named_not_the_first_failure(good: pd.DataFrame) -> None:
    bad = good.astype({"expenditure_musd": object, "tariff": object})
    bad.loc[1, "expenditure_musd"] = -5.0
    bad.loc[3, "expenditure_musd"] = "1,5"
    bad.loc[4, "expenditure_musd"] = "n/a"
    bad.loc[5, "expenditure_musd"] = None
    bad.loc[[6, 7], "exporter"] = "GER"
    bad.loc[8, "importer"] = ""
    bad.loc[9, "tariff"] = -1.5
    bad.loc[10, "sector"] = "x" * 101
    bad = pd.concat([bad, bad.iloc[[0]]], ignore_index=True)
    found = problems(validate_flows(bad))
    assert found["The flow is negative"] == [2]
    assert found["Value has a decimal comma"] == [4]
    assert found["Value is not a finite number"] == [5]
    assert found["Value is missing"] == [6]
    assert found["Exporter GER is not a current country code"] == [7, 8]
    assert found["Importer is missing"] == [9]
    assert found["The tariff is -100 % or less"] == [10]
    assert found["Sector is longer than 100 characters"] == [11]
    assert found["The row repeats exporter, importer and sector of a row above"] == [19]
    table = validate_flows(bad).by_row()
    assert list(table["row"]) == sorted(table["row"])
    german = table[table["problem"].str.contains("GER")]
    assert list(german["value"]) == ["GER", "GER"] and "DEU" in german["what to do"].iloc[0]
    assert len(validate_flows(bad).by_row(most=3)) == 3


def test_repairs_are_announced_and_then_made(good: pd.DataFrame) -> None:
    bad = good.replace({"exporter": {"USA": "usa"}, "importer": {"DEU": "Germany"}}).drop(index=[2])
    report = validate_flows(bad, codes="repair", missing="zero")
    assert report.usable
    assert {issue.advice for issue in report.issues} == {
        "Country code Germany read as DEU.",
        "They will be read as zero.",
    }
    assert World.from_long(bad, codes="repair", missing="zero").countries == COUNTRIES


def test_units_mistaken(good: pd.DataFrame) -> None:
    percent = good.assign(tariff=good["tariff"] * 1000)
    assert any("look like percent" in i.advice for i in validate_flows(percent).issues)
    assert validate_flows(percent, tariff_unit="percent").usable
    gross = good.assign(tariff=1 + good["tariff"])
    assert any("look like 1 + t" in i.advice for i in validate_flows(gross).issues)


def test_markets_and_pairs(good: pd.DataFrame) -> None:
    abroad = good[good["exporter"] != good["importer"]]
    found = problems(validate_flows(abroad))
    assert "No domestic sales" in found and "6 of 18 cells (33 %) have no row" in found
    silent = good.assign(expenditure_musd=np.where(good["importer"] == "FRA", 0.0, good["expenditure_musd"]))
    assert "FRA buys nothing" in problems(validate_flows(silent))
    nobody = good.assign(
        expenditure_musd=np.where(good["sector"] == "services", 0.0, good["expenditure_musd"])
    )
    assert "services is bought by nobody" in problems(validate_flows(nobody))
    lonely = good[good["exporter"] != "USA"]
    assert "USA has no row in which it sells" in problems(validate_flows(lonely, missing="zero"))


def test_years(good: pd.DataFrame) -> None:
    both = pd.concat([good.assign(year=2021), good.assign(year=2022)], ignore_index=True)
    both.loc[20, "expenditure_musd"] = -1.0
    found = validate_flows(both)
    assert not found.usable and problems(found)["The flow is negative"] == [21]
    assert validate_flows(both, year=2021).usable
    assert "The table has no year 1999" in problems(validate_flows(both, year=1999))


def test_missing_columns_and_empty_tables(good: pd.DataFrame) -> None:
    found = validate_flows(good.drop(columns=["sector", "exporter"]))
    assert [issue.column for issue in found.issues] == ["exporter", "sector"] and not found.usable
    assert problems(validate_flows(good.head(0))) == {"The table has no rows": []}


def test_columns_are_found_by_their_names(good: pd.DataFrame) -> None:
    guess = guess_columns(["year", "exporter_iso3", "importer_iso3", "industry_id", "broad_sector", "trade"])
    assert guess == {
        "exporter": "exporter_iso3",
        "importer": "importer_iso3",
        "sector": "industry_id",
        "expenditure_musd": "trade",
        "tariff": None,
        "subsidy": None,
        "year": "year",
    }
    renamed = good.rename(columns={"exporter": "iso_o", "importer": "iso_d", "expenditure_musd": "Value"})
    table = with_roles(
        renamed.drop(columns="tariff"), guess_columns(list(renamed.columns)) | {"tariff": None}
    )
    assert table["tariff"].isna().all()
    world = World.from_long(table)
    assert world.shape == (3, 2) and world.tariff_unknown.any() and not world.tariff.any()


@pytest.mark.parametrize("seed", range(25))
def test_report_and_builder_agree(good: pd.DataFrame, seed: int) -> None:
    """Whatever is broken at random: usable by the report means that a world comes out, and the other way round."""
    random = np.random.default_rng(seed)
    table = good.astype(object)
    for _ in range(random.integers(0, 3)):
        row, column = random.integers(len(table)), random.choice(good.columns)
        table.loc[row, column] = random.choice(
            np.array([None, "", "GER", "usa", "-3", "0", "2.5", "1e400", "=1+1", "-1"], dtype=object)
        )
    if random.random() < 0.3:
        table = table.drop(index=random.integers(len(table), size=2)).reset_index(drop=True)
    codes, missing = random.choice(["check", "repair", "any"]), random.choice(["refuse", "zero"])
    report = validate_flows(table, codes=codes, missing=missing)
    try:
        World.from_long(table, codes=codes, missing=missing)
    except WorldError as error:
        assert not report.usable, error
    else:
        assert report.usable, problems(report)
