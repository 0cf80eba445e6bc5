"""The Data page in a real Chromium: what is loaded, good worlds taken up, bad and hostile files refused in words."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from openpyxl import load_workbook
from playwright.sync_api import expect

from firmtrade_core.world.embedded import load_embedded_world
from tests.app.accessibility import serious_findings
from tests.app.conftest import choose, go, rested, said, settled
from tests.app.test_exports import taken
from tests.world.test_loaders import icio_file

pytestmark = pytest.mark.browser

Opener = Callable[..., Any]

COUNTRIES = ("BRA", "CHN", "USA")


@pytest.fixture(scope="module")
def flows() -> pd.DataFrame:
    """A small tidy table: three countries of the shipped world."""
    table = load_embedded_world().to_long().drop(columns="subsidy")
    kept = table["exporter"].isin(COUNTRIES) & table["importer"].isin(COUNTRIES)
    return table[kept].reset_index(drop=True)


KEYS = {"A table of flows": "table", "OECD Inter-Country": "oecd-icio", "CEPII BACI": "baci"}


def bring(page: Any, kind: str, name: str, content: bytes | str) -> None:
    """Choose a kind of file and upload one."""
    rested(page)
    chooser = page.get_by_role("combobox", name="What you have")
    if kind not in chooser.input_value():
        choose(page, "What you have", kind, exact=False)
        expect(chooser).to_have_value(re.compile(re.escape(kind)))
    data = content if isinstance(content, bytes) else content.encode()
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": data}
    page.locator(f".st-key-bring_{KEYS[kind]} input[type=file]").set_input_files([file])


def as_csv(table: pd.DataFrame) -> str:
    return str(table.to_csv(index=False))


def test_what_is_loaded_and_its_tables(open_page: Opener) -> None:
    page = open_page("data")
    rested(page)
    words = page.locator(".stMain").inner_text()
    assert (
        "98.7\u202f%" in words
        and "96.4\u202f%" in words
        and "Estimated: 5\u202f% of the value of trade between countries, services included" in words
    )
    assert "CC BY 4.0" in words and load_embedded_world().content_hash in words
    csv = taken(page, page.get_by_role("button", name="CSV").first)
    assert "# Source: OECD" in csv.decode("utf-8-sig") and "Value added (bn USD)" in csv.decode("utf-8-sig")
    book = load_workbook(io.BytesIO(taken(page, page.get_by_role("button", name="Excel").nth(1))))
    assert book["sectors"]["C2"].value == "bn USD" and book["sectors"].max_row == 2 + 10
    assert not serious_findings(page)


def test_a_good_table_becomes_the_sessions_world(open_page: Opener, flows: pd.DataFrame) -> None:
    page = open_page("data")
    renamed = flows.rename(columns={"exporter": "iso_o", "importer": "iso_d", "expenditure_musd": "trade"})
    bring(page, "A table of flows", "three.csv", as_csv(renamed))
    said(page, ".stMain", "All 90 rows can be read as they are.")
    assert page.locator(".ft-words").first.inner_text().count("BRA") == 12
    page.get_by_role("button", name="Use this world in this session").click()
    said(page, ".stMain", "which you uploaded")
    said(page, ".ft-world", "3 economies, 10 sectors")
    assert not serious_findings(page)
    go(page, "Scenario lab")
    settled(page)
    assert page.locator(".ft-value").first.inner_text()
    go(page, "Data")
    page.get_by_role("button", name="Go back to the shipped world").click()
    said(page, ".ft-world", "81 economies")


def test_a_bad_table_is_reported_row_by_row_and_runs_nothing(open_page: Opener, flows: pd.DataFrame) -> None:
    page = open_page("data")
    bad = flows.astype({"expenditure_musd": object})
    bad.loc[3, "expenditure_musd"] = -4
    bad.loc[10, "expenditure_musd"] = "1,5"
    bad.loc[40, "exporter"] = "<img src=x onerror=window.hacked=1>"
    bad.loc[41, "exporter"] = "=cmd|' /C calc'!A0"
    bring(page, "A table of flows", "<b>bad</b>.csv", as_csv(bad))
    said(page, ".ft-report")
    items = page.locator(".ft-report li").all_inner_texts()
    assert len(items) == 4
    assert any("(row 4)" in item and "negative" in item for item in items)
    assert any("(row 11)" in item and "point for decimals" in item for item in items)
    assert any("<img src=x onerror=window.hacked=1>" in item and "(row 41)" in item for item in items)
    assert page.get_by_role("button", name="Use this world").count() == 0
    report = taken(page, page.get_by_role("button", name="The whole report as CSV"))
    table = pd.read_csv(io.BytesIO(report), comment="#")
    assert sorted(table["row (position)"]) == [4, 11, 41, 42]
    assert "'=cmd|' /C calc'!A0" in set(table["value"])
    assert page.evaluate("window.hacked") is None
    page.get_by_text("Row by row").click()
    assert not serious_findings(page)


def test_markup_in_names_stays_text_wherever_the_world_goes(open_page: Opener, flows: pd.DataFrame) -> None:
    page = open_page("data")
    evil = "<img src=x onerror=window.hacked=1>"
    bring(page, "A table of flows", "evil.csv", as_csv(flows.replace({"sector": {"metals": evil}})))
    page.get_by_role("button", name="Use this world in this session").click()
    said(page, ".stMain", "which you uploaded")
    go(page, "Scenario lab")
    settled(page)
    page.locator('.ft-chart[data-kind="bars"]').last.wait_for()
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src=x]").count() == 0


def test_a_published_table_by_its_loader(open_page: Opener, tmp_path: Path) -> None:
    page = open_page("data")
    bring(page, "OECD Inter-Country", "2019.csv", icio_file(tmp_path).read_bytes())
    said(page, ".stMain", "2019.csv can be read")
    offer = page.locator(".st-key-ft_offer").inner_text()
    assert "3 economies, 3 sectors, with input-output links" in offer and "CN1, CN2, MX1, MX2 folded" in offer
    bring(page, "CEPII BACI", "BACI_HS17_Y2019_V1.csv", "t,i,j,k,v,q\n2019,36,276,010121,2000,1\n")
    said(page, ".stMain", "Add Country codes, Products to sectors, Output")


HOSTILE = (
    ("empty.csv", b"", "is empty"),
    ("binary.csv", bytes(range(256)) * 40, "binary data"),
    ("cut.parquet", b"PAR1\x00\x01", "not a readable parquet"),
    ("page.csv", b"<!doctype html><script>window.hacked=1</script>\n", "No column for the exporter"),
)


def test_hostile_files_are_refused_in_words(open_page: Opener) -> None:
    page = open_page("data")
    for name, content, words in HOSTILE:
        bring(page, "A table of flows", name, content)
        page.locator(".ft-error, .ft-report", has_text=words).first.wait_for()
        rested(page)
        assert page.get_by_role("button", name="Use this world").count() == 0
    assert page.evaluate("window.hacked") is None


def test_huge_and_wrong_files_do_not_leave_the_browser(open_page: Opener, tmp_path: Path) -> None:
    page = open_page("data")
    rested(page)
    page.locator("input[type=file]").first.wait_for(state="attached")
    huge = tmp_path / "huge.world"
    with huge.open("wb") as file:
        file.truncate(200 * 2**20)
    page.locator("input[type=file]").first.set_input_files(str(huge))
    page.get_by_text("must be 50.0MB or smaller").wait_for()
    wrong = tmp_path / "program.exe"
    wrong.write_bytes(b"MZ")
    page.locator("input[type=file]").first.set_input_files(str(wrong))
    page.get_by_text("files are not allowed").wait_for()
    said(page, ".ft-world", "Embedded world 2022")


def test_accessible_in_the_dark(open_page: Opener) -> None:
    page = open_page("data", scheme="dark", width=1920)
    rested(page)
    assert not serious_findings(page)


def test_equal_tables_of_two_readers_keep_their_own_names(open_page: Opener, flows: pd.DataFrame) -> None:
    """Equal numbers share what is computed, never what they are called."""
    first, second = open_page("data"), open_page("data")
    for page, name in ((first, "ministry of one"), (second, "institute of two")):
        bring(page, "A table of flows", f"{name}.csv", as_csv(flows))
        page.get_by_role("button", name="Use this world in this session").click()
        said(page, ".ft-world", name)
        go(page, "Scenario lab")
        settled(page)
    for page, own, other in (
        (first, "ministry of one", "institute of two"),
        (second, "institute of two", "ministry of one"),
    ):
        go(page, "Data")
        words = page.locator("body").inner_text()
        assert own in words and other not in words
