"""Every page on a telephone's screen: nothing is pushed sideways, no chart is without room, no key lies over another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from pages.parts.frame.page import menu
from tests.app.conftest import rested, settled

pytestmark = pytest.mark.browser

Opener = Callable[..., Any]

WIDTH = 390

#: What is drawn on a page, and of what it is made, in the browser's own pixels.
DRAWN = """() => [...document.querySelectorAll('.ft-chart:not([hidden])')].map((chart) => {
  const box = (node) => { const { left, right, top, bottom, width } = node.getBoundingClientRect(); return { left, right, top, bottom, width }; };
  const all = (what) => [...chart.querySelectorAll(what)].map(box).filter(({ width }) => width > 0);
  return { id: chart.id, kind: chart.dataset.kind, chart: box(chart), bars: all('.barlayer .point path'), plot: all('.bglayer .bg, .plotbg')[0],
    names: all('.yaxislayer-above text'), notes: all('.annotation-text'), ticks: all('.cbaxis text'), keys: all('.legend .traces .legendtext'),
    scrolled: all('.legend .scrollbar').length };
})"""


@pytest.mark.parametrize("name", ["", *(name for name, _ in menu())])
def test_no_page_is_wider_than_the_screen_and_no_name_is_cut(open_page: Opener, name: str) -> None:
    page = open_page(name, width=WIDTH, height=844)
    rested(page)
    for where in ("html", "[data-testid=stMain]"):
        wide = page.evaluate(f"document.querySelector('{where}').scrollWidth")
        assert wide <= WIDTH, f"{name or 'front'}: {where} is {wide} px wide"
    for drawn in page.evaluate(DRAWN):
        edge = drawn["chart"]
        for part in ("names", "notes", "keys"):
            for one in drawn[part]:
                assert one["left"] >= edge["left"] - 2 and one["right"] <= edge["right"] + 2, (
                    f"{name}, {drawn['id']}: one of the {part} is cut at the edge"
                )
        assert not drawn["scrolled"], f"{name}, {drawn['id']}: keys have to be scrolled"


def test_bars_have_room_and_the_keys_of_a_map_lie_apart(open_page: Opener) -> None:
    page = open_page("lab", width=WIDTH, height=844)
    settled(page)
    rested(page)
    charts = {one["id"]: one for one in page.evaluate(DRAWN)}
    longest = max(one["width"] for one in charts["chart_sectors"]["bars"])
    assert longest > 0.2 * WIDTH, "bars by sector are too short to be told apart"
    drawn = charts["chart_map"]
    ticks, keys = drawn["ticks"], drawn["keys"]
    assert len(ticks) == 5 and keys
    for one in ticks:
        for other in [*keys, *(tick for tick in ticks if tick is not one)]:
            apart = (
                one["right"] <= other["left"]
                or other["right"] <= one["left"]
                or one["bottom"] <= other["top"]
                or other["bottom"] <= one["top"]
            )
            assert apart, "the marks of the colours lie over each other or over the key"
    values = page.locator(".ft-numbers .ft-value").all()
    ends = [value.bounding_box() for value in values]
    cells = [value.locator("xpath=..").bounding_box() for value in values]
    assert all(
        end["x"] + end["width"] <= cell["x"] + cell["width"] + 1
        for end, cell in zip(ends, cells, strict=True)
    )


def test_the_head_of_a_page_is_not_below_the_mark(open_page: Opener) -> None:
    page = open_page("best_policy", width=WIDTH, height=844)
    rested(page)
    mark = page.locator(
        "[data-testid=stHeader] img, [data-testid=stSidebarCollapsedControl] img, .stAppHeader img"
    ).first
    expect(mark).to_be_visible()
    head = page.locator(".stMain h1, .stMain h2, .ft-heading").first.bounding_box()
    at = mark.bounding_box()
    assert head["y"] >= at["y"] + at["height"] - 1


def test_several_scenarios_are_small_maps_on_one_scale_with_names_of_their_own(open_page: Opener) -> None:
    page = open_page("compare")
    page.wait_for_selector("#chart_several_3[data-result]")
    rested(page)
    titles, ranges = [], set()
    for k in range(4):
        shown = page.locator(f"#chart_several_{k}")
        titles.append(shown.locator("h3").inner_text())
        ranges.add(tuple(shown.locator(".cbaxis text").all_text_contents()))
    assert len(set(titles)) == 4 and "EU-Mercosur free-trade area" in titles
    assert len(ranges) == 1, "all on one scale"


def test_the_product_has_a_name_and_a_mark(open_page: Opener) -> None:
    page = open_page("")
    rested(page)
    assert page.title().endswith("firmtrade")
    mark = page.locator("[data-testid=stSidebar] img").first
    expect(mark).to_be_visible()
    assert mark.evaluate("(node) => node.naturalWidth") > 0
