"""What is taken away in the browser opens and says what it is; a headline tells where it comes from."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet
import pytest
from openpyxl import load_workbook

from firmtrade_core.world.embedded import load_embedded_world
from tests.app.accessibility import serious_findings
from tests.app.conftest import rested, settled

pytestmark = pytest.mark.browser

Opener = Callable[..., Any]


def taken(page: Any, button: Any) -> bytes:
    with page.expect_download() as download:
        button.click()
    return Path(download.value.path()).read_bytes()


def test_tables_result_and_code_can_be_taken_away(open_page: Opener) -> None:
    page = open_page("lab")
    result = settled(page)
    page.get_by_role("button", name="Take away").click()
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    rested(page)
    csv = taken(page, dialog.get_by_role("button", name="CSV").first)
    words = csv.decode("utf-8-sig")
    assert (
        result in words
        and "of the value of trade between countries" in words
        and "Real income, change (%)" in words
    )
    assert len(pd.read_csv(io.BytesIO(csv), comment="#")) == len(load_embedded_world().countries)
    sheet = load_workbook(io.BytesIO(taken(page, dialog.get_by_role("button", name="Excel").nth(2))))
    assert sheet.sheetnames == ["pairs", "About"] and sheet["pairs"]["F2"].value == "bn USD"

    rested(page)
    dialog.get_by_role("tab", name="Whole result").click()
    parquet = taken(page, dialog.get_by_role("button", name="Parquet, every cell"))
    about = pyarrow.parquet.read_metadata(io.BytesIO(parquet)).metadata
    assert about[b"firmtrade.content_hash"].decode() == result
    assert json.loads(about[b"firmtrade.provenance"])["estimated_share"] == pytest.approx(0.05, abs=0.001)
    dialog.get_by_role("tab", name="Show me the code").click()
    code = dialog.get_by_test_id("stCode").first.inner_text()
    assert load_embedded_world().content_hash in code and "run(scenario, world, home=home)" in code
    assert not serious_findings(page, "[role=dialog]")
    dialog.get_by_role("tab", name="Command line").click()
    shell = dialog.get_by_test_id("stCode").last.inner_text()
    assert "python -m firmtrade_core solve --preset us_ten_points" in shell
    assert not serious_findings(page, "[role=dialog]")


@pytest.mark.parametrize("format_name", ["SVG", "PNG"])
def test_a_figure_is_saved_with_its_words(open_page: Opener, format_name: str) -> None:
    page = open_page("lab")
    settled(page)
    figure = page.locator(".ft-chart").first
    title = figure.locator("h3").inner_text()
    figure.hover()
    content = taken(page, figure.get_by_role("button", name=format_name))
    if format_name == "SVG":
        words = content.decode()
        assert words.startswith("<svg") and title.split(" (")[0] in words
        # The foot is broken where the picture is narrow.
        plain = " ".join(re.sub(r"<[^>]+>", " ", words).split())
        assert (
            "% of the value of trade between countries, services included" in plain and "<script" not in words
        )
        # Lines end between words, never inside an amount.
        assert re.search(r"Estimated: 5\u202f%", unescape(words))
    else:
        from PIL import Image

        assert Image.open(io.BytesIO(content)).size[0] > 1400


def test_a_headline_tells_where_it_comes_from(open_page: Opener) -> None:
    page = open_page("briefing")
    result = settled(page)
    page.get_by_role("button", name="Where from").nth(4).click()
    rested(page)
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Certificate").first.wait_for()
    words = dialog.inner_text()
    assert "Real income, world" in words and "sum of all countries' equivalent variations" in words
    assert (
        result in words and "5\u202f% of the value of trade between countries" in words and "Dekle" in words
    )
    dialog.locator(".katex").first.wait_for()
    assert not serious_findings(page, "[role=dialog]")
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    assert settled(page) == result
