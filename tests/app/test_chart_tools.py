"""The tools under every chart, in a real browser."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.app.conftest import MAP, choose, painted, rested, settled, slide
from tests.app.test_browser import pixels

pytestmark = pytest.mark.browser

Opener = Callable[..., Any]


def taken(page: Any, button: Any) -> bytes:
    with page.expect_download() as waiting:
        button.click()
    return Path(waiting.value.path()).read_bytes()


def test_a_chart_is_a_table_that_sorts_filters_and_pins(open_page: Opener) -> None:
    page = open_page("lab", height=1400)
    settled(page)
    figure = page.locator(MAP)
    figure.get_by_role("button", name="Table").click()
    rows = figure.locator("tbody tr")
    expect(rows).to_have_count(81)
    figure.get_by_role("button", name="Sort by Economy").click()
    expect(rows.first).to_contain_text("Angola")
    figure.get_by_role("searchbox", name="Search rows").fill("viet")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("VNM")
    figure.get_by_role("searchbox", name="Search rows").fill("")
    figure.get_by_role("combobox", name="Which rows").select_option("up")
    expect(rows).to_have_count(1)
    figure.get_by_role("combobox", name="Which rows").select_option("")
    figure.get_by_role("button", name="Pin Greece").click()
    expect(rows.first).to_contain_text("Greece")
    page.wait_for_function("location.search.includes('pins=GRC')")
    expect(page.locator("#chart_winners .ft-in-words")).to_contain_text("81 rows")
    # The same numbers as bars, and the bars of the winners as a map.
    figure.get_by_role("button", name="Chart", exact=True).click()
    expect(figure.locator(".bars .point").first).to_be_visible()
    winners = page.locator("#chart_winners")
    winners.get_by_role("button", name="Map", exact=True).click()
    expect(winners.locator(".choroplethlayer path").first).to_be_attached()
    # The view is the reader's and stays while the numbers change.
    figure.get_by_role("button", name="Table").click()
    before = rows.nth(3).inner_text()
    slide(page, 0.8)
    expect(rows.nth(3)).not_to_have_text(before)


def test_a_held_scale_counts_what_lies_beyond(open_page: Opener) -> None:
    page = open_page("lab")
    first = settled(page)
    winners = page.locator("#chart_winners")
    winners.get_by_role("button", name="Hold scale").click()
    expect(winners.locator(".ft-said")).to_have_text("scale held")
    slide(page, 0.9)
    settled(page, first)
    expect(winners.locator(".ft-said")).to_contain_text("beyond the held scale")


def test_files_links_and_code_to_embed(open_page: Opener) -> None:
    page = open_page("lab")
    settled(page)
    figure = page.locator(MAP)
    lines = taken(page, figure.get_by_role("button", name="CSV")).decode("utf-8-sig").splitlines()
    assert lines[0] == '"Economy","Code","Real income (%)","Before (bn USD)","After (bn USD)"'
    assert lines[1].startswith('"United States","USA",0.2') and lines[82] == ""
    assert all(line.startswith('"# ') for line in lines[83:]) and "estimated" in " ".join(lines[83:]).lower()
    from PIL import Image

    image = Image.open(io.BytesIO(taken(page, figure.get_by_role("button", name="PNG"))))
    assert image.size[0] > 1400 and np.asarray(image.convert("L")).std() > 5
    page.evaluate("navigator.clipboard.writeText = async () => {}")
    figure.get_by_role("button", name="Link").click()
    expect(figure.locator(".ft-said")).to_have_text("Link copied")
    link = figure.get_attribute("data-copied")
    assert "/lab?s=" in link and link.endswith("#chart_map")
    figure.get_by_role("button", name="Embed").click()
    expect(figure.locator(".ft-said")).to_have_text("Code copied")
    code = figure.get_attribute("data-copied")
    address = html.unescape(re.search(r'src="([^"]+)"', code)[1])
    assert "embed=true" in address and "only=chart_map" in address and "title=" in code
    alone = open_page(address.split("/", 3)[3])
    alone.wait_for_selector("#chart_map[data-result]")
    expect(alone.locator("#chart_map .ft-plot")).to_be_visible()
    expect(alone.locator(".ft-numbers")).to_be_hidden()
    expect(alone.locator("[data-testid=stSidebar]")).to_be_hidden()
    assert "embed=true" in alone.url and "only=chart_map" in alone.url
    none = open_page("lab?embed=true&only=chart_nothing")
    expect(none.locator(".ft-error")).to_contain_text("There is no such chart here")
    expect(none.locator(".ft-numbers")).to_be_hidden()


def test_no_data_and_falls_are_told_without_colour(open_page: Opener) -> None:
    """In grey print and to a reader without red and green: hatched and striped areas differ by pattern, not by colour alone."""
    page = open_page("lab")
    settled(page)
    assert page.locator(f"{MAP} pattern").count() == 1
    plain = pixels(page, f"{MAP} .ft-plot")
    devtools = page.context.new_cdp_session(page)
    for kind in ("achromatopsia", "deuteranopia"):
        devtools.send("Emulation.setEmulatedVisionDeficiency", {"type": kind})
        page.locator(MAP).get_by_role("button", name="Stripes").click()
        expect(page.locator(f"{MAP} .ft-stripe").first).to_be_attached()
        painted(page)
        striped = pixels(page, f"{MAP} .ft-plot")
        # Stripes put light and dark beside each other within areas that one shade filled.
        assert roughness(striped) > 1.5 * roughness(plain), kind
        page.locator(MAP).get_by_role("button", name="Stripes").click()
        expect(page.locator(f"{MAP} .ft-stripe")).to_have_count(0)
    stripes = page.evaluate(
        "[...document.querySelectorAll('.choroplethlayer path')].filter(e => e.__data__?.z > 0.005).length"
    )
    assert stripes >= 1


def roughness(image: np.ndarray) -> float:
    grey = image.mean(2)
    return float(np.abs(np.diff(grey, axis=1)).mean())


def test_a_change_is_spoken_once(open_page: Opener) -> None:
    page = open_page("lab")
    first = settled(page)
    live = page.locator(f"{MAP} .ft-live")
    assert live.inner_text() == ""
    slide(page, 0.8)
    settled(page, first)
    expect(live).to_contain_text("81 rows. Largest:")
    rested(page)
    spoken = page.evaluate("[...document.querySelectorAll('.ft-live')].filter(e => e.textContent).length")
    assert spoken == 1


@pytest.mark.parametrize("view", ["economies", "areas", "days"])
def test_more_views(open_page: Opener, view: str) -> None:
    page = open_page(f"lab?view={view}")
    settled(page)
    if view == "days":
        expect(page.locator(".st-key-ft_below_days")).to_contain_text("has no policy with dates")
        choose(page, "Presets", "US tariffs in force on 22 August 2026")
    figure = page.locator(f".st-key-ft_below_{view} .ft-chart[data-result]")
    expect(figure).to_be_visible()
    figure.get_by_role("button", name="Table").click()
    expect(figure.locator("tbody tr").first).to_be_visible()
    if view == "days":
        expect(figure.locator("tbody tr")).to_have_count(9)
