"""Readers who hear the page, who have no mouse, or who print it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.app.accessibility import serious_findings
from tests.app.conftest import MAP, add_policy, headline, painted, rested, settled

pytestmark = pytest.mark.browser

Opener = Callable[..., Any]


VIEWS = ("", "lab", "lab?view=partners", "lab?view=groups", "lab?view=replaced", "data")


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.truth)])
def test_axe_finds_nothing_grave(open_page: Opener, scheme: str) -> None:
    found = {}
    # Colours are what differs in the dark.
    for path in VIEWS if scheme == "light" else ("", "lab"):
        page = open_page(path, scheme=scheme)
        rested(page)
        assert page.locator(".ft-facts" if path == "data" else ".ft-numbers").count()
        found[path] = serious_findings(page)
        page.close()
    assert not any(found.values()), found


@pytest.mark.truth
def test_axe_finds_nothing_grave_in_drawers(open_page: Opener) -> None:
    page = open_page("lab")
    settled(page)
    add_policy(page, "Customs union")
    page.wait_for_selector(".st-key-ft_card_1")
    page.locator(".st-key-structure summary").click()
    expect(page.get_by_role("combobox", name="How firms differ")).to_be_visible()
    assert not serious_findings(page)
    for drawer in (".st-key-card_0_more", ".st-key-sharing"):
        page.locator(f"{drawer} button").first.click()
        page.wait_for_selector("[data-testid=stPopoverBody]")
        rested(page)
        assert not serious_findings(page), drawer
        page.keyboard.press("Escape")
        expect(page.locator("[data-testid=stPopoverBody]")).to_have_count(0)


def test_the_lab_works_without_a_mouse(open_page: Opener) -> None:
    page = open_page("lab")
    first = settled(page)
    handle = page.locator(".st-key-ft_card_0 [data-testid=stSlider] input[type=range]")
    for _ in range(60):
        page.keyboard.press("Tab")
        if handle.evaluate(
            "e => e === document.activeElement || e.parentElement.contains(document.activeElement)"
        ):
            break
    else:
        pytest.fail("the slider is out of the keyboard's reach")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    moved = settled(page, first)
    headline(page, "points")
    page.keyboard.press("Alt+z")
    assert settled(page, moved) != moved


def test_paper_shows_the_page_without_its_controls(open_page: Opener) -> None:
    page = open_page("briefing")
    settled(page)
    page.emulate_media(media="print")
    painted(page)
    assert page.locator("h1.ft-sentence").is_visible()
    assert page.locator(f"{MAP} .ft-plot").is_visible()
    for control in ("[data-testid=stSidebar]", ".stSelectbox", ".stButton"):
        assert not page.locator(control).first.is_visible(), control
    pages = page.pdf(prefer_css_page_size=True)
    assert pages.startswith(b"%PDF") and pages.count(b"/Type /Page\n") <= 6


def test_paper_of_the_lab_has_no_empty_boxes(open_page: Opener) -> None:
    page = open_page("lab")
    settled(page)
    page.emulate_media(media="print")
    painted(page)
    boxes = page.evaluate(
        "[...document.querySelectorAll('.stMainBlockContainer [data-testid=stVerticalBlock]')].filter((e) => e.offsetHeight > 8 "
        "&& parseFloat(getComputedStyle(e).borderTopWidth) > 0 && ![...e.querySelectorAll('p, td, .ft-plot, h2')]"
        ".some((inner) => inner.offsetHeight > 0 && (inner.textContent.trim() || inner.matches('.ft-plot')))).map((e) => e.className)"
    )
    assert not boxes and not page.locator(".st-key-ft_levers").is_visible()


def test_paper_is_one_column_dark_on_white_from_a_wide_dark_window(open_page: Opener) -> None:
    page = open_page("briefing", width=1920, scheme="dark")
    settled(page)
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    # What is drawn fits the paper, once it is drawn for it.
    page.wait_for_function(
        "(widths => widths.length && Math.max(...widths) <= 1000)([...document.querySelectorAll('.ft-plot .main-svg')].map((e) => e.clientWidth))"
    )
    page.wait_for_function(
        "(fills => fills.length && fills.every((fill) => fill === 'rgb(28, 39, 51)'))"
        "([...document.querySelectorAll('#chart_briefing_winners .ytick text')].map((e) => e.style.fill))"
    )
    # Boxes in rows and columns overlap where a page breaks: blocks do not.
    kinds = page.evaluate(
        "[...document.querySelectorAll('[data-testid=stVerticalBlock], [data-testid=stHorizontalBlock], [data-testid=stColumn]')]"
        ".map((e) => getComputedStyle(e).display).filter((d) => d !== 'none')"
    )
    assert kinds and set(kinds) == {"block"}
    assert page.evaluate("getComputedStyle(document.querySelector('.ft-value')).color") == "rgb(28, 39, 51)"
    boxes = page.evaluate(
        "[...document.querySelectorAll('.ft-chart, .ft-numbers, .ft-caveats')].map((e) => e.getBoundingClientRect())"
        ".filter((b) => b.height).map((b) => [b.top, b.bottom]).sort((a, b) => a[0] - b[0])"
    )
    assert all(above[1] <= below[0] + 1 for above, below in itertools.pairwise(boxes))
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen", color_scheme="dark")
    settled(page)
