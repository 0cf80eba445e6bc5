"""The presenter in a real browser: the slide follows the finger, others follow it, the lead changes hands, paper holds all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from benchmarks.browser import programme_link
from benchmarks.presenter import drag
from firmtrade_core.labels import number
from tests.app.conftest import go, painted, said, settled

pytestmark = pytest.mark.browser

Opener = Callable[..., Any]


def presented(open_page: Opener, path: str = "briefing", **more: Any) -> Any:
    page = open_page(path, **more)
    settled(page)
    page.get_by_role("button", name="Present", exact=True).click()
    page.wait_for_url("**/room/**")
    page.wait_for_selector("body[data-result]:not([data-result=''])")
    return page


def followed(open_page: Opener, link: str, **more: Any) -> Any:
    """Somebody else's page at a room's link."""
    page = open_page(link.split("/", 3)[3], **more)
    page.wait_for_selector("body[data-result]:not([data-result=''])")
    return page


def turn_to(page: Any, key: str) -> None:
    for _ in range(20):
        if page.locator(".slide:not([hidden])").get_attribute("data-key") == key:
            return
        page.keyboard.press("PageDown")
        painted(page)
    pytest.fail(f"there is no slide {key}")


def size(page: Any, selector: str) -> float:
    return float(
        page.evaluate(f"parseFloat(getComputedStyle(document.querySelector('{selector}')).fontSize)")
    )


def test_a_room_follows_the_finger_is_legible_at_three_metres_and_certifies_where_it_rests(
    open_page: Opener,
) -> None:
    page = presented(open_page, width=1920, height=1080)
    assert "#" not in page.url, "the key stays with the window"
    # Three metres before a projector: 24 px and more on a screen of 1080, twice that for numbers.
    assert size(page, ".value b") >= 64 and size(page, ".label") >= 24 and size(page, ".band") >= 24
    for key, selector in (("map", ".maps"), ("winners", ".bars")):
        turn_to(page, key)
        drawn = page.locator(f".slide:not([hidden]) {selector}").bounding_box()
        assert drawn["height"] > 0.5 * 1080 and drawn["width"] > 0.9 * 1920
        # Ten frames a second are measured by benchmarks/presenter.py; here, on a busy machine, that it moves as it is dragged.
        assert drag(page, 1.0, selector)["redraws"] > 3
        expect(page.locator("#certificate")).to_contain_text("Solved and certified: largest residual")
        page.evaluate("document.activeElement.blur()")
    assert page.locator(".slide:not([hidden]) .callouts .called").count() == 0
    turn_back = str(page.locator("#place").text_content())
    page.keyboard.press("PageUp")
    expect(page.locator("#place")).not_to_have_text(turn_back)
    page.keyboard.press("Escape")
    page.wait_for_url("**/briefing?**")
    settled(page)


def test_followers_see_what_is_shown_move_nothing_and_can_be_handed_the_lead(open_page: Opener) -> None:
    page = presented(open_page)
    page.get_by_role("button", name="Room link").click()
    expect(page.locator("#links code").first).to_contain_text("/room/")
    link = page.locator("#links code").first.inner_text()
    expect(page.locator("#reach")).to_contain_text("HOST=0.0.0.0")
    page.keyboard.press("Escape")
    other = followed(open_page, link)
    expect(page.locator("#who")).to_have_text("1 follows")
    assert not other.locator("#next").is_visible() and other.locator("#range").is_disabled()
    other.keyboard.press("PageDown")
    turn_to(page, "map")
    expect(other.locator(".slide:not([hidden])")).to_have_attribute("data-key", "map")
    page.locator("#range").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    stands = page.evaluate("document.getElementById('range').value")
    expect(other.locator("body")).to_have_attribute("data-value", stands)
    expect(other.locator("#certificate")).to_contain_text("Solved and certified")
    assert other.locator(".called").count() > 2
    page.locator("#words").fill("Income there {real_income.CAN|verb}.")
    page.keyboard.press("Enter")
    expect(other.locator(".slide:not([hidden]) .caption")).to_contain_text("Income there falls by")
    page.locator("#hand").select_option(index=1)
    expect(other.locator("#next")).to_be_visible()
    expect(page.locator("#next")).not_to_be_visible()
    other.get_by_role("button", name="Next").click()
    expect(page.locator(".slide:not([hidden])")).to_have_attribute("data-key", "both")


def test_own_words_and_charts_of_any_page_are_slides_and_every_slide_is_printed(open_page: Opener) -> None:
    page = open_page("lab?view=partners")
    settled(page)
    page.locator("#chart_pairs").get_by_role("button", name="Slide").click()
    expect(page.locator("#chart_pairs .ft-said")).to_have_text("Among the slides")
    go(page, "Briefing")
    settled(page)
    page.get_by_text("Your own words").click()
    page.locator(".st-key-narrative textarea").fill("Income {real_income.USA|verb}.")
    page.keyboard.press("Control+Enter")
    said(page, ".st-key-ft_narrative .ft-tale", "Income rises by")
    page.get_by_role("button", name="Present", exact=True).click()
    page.wait_for_url("**/room/**")
    page.wait_for_selector("body[data-result]:not([data-result=''])")
    turn_to(page, "words0")
    expect(page.locator(".slide:not([hidden]) .tale")).to_contain_text("Income rises by")
    turn_to(page, "chart_pairs")
    page.wait_for_selector(".slide:not([hidden]) .ft-chart[data-result] .bars")
    expect(page.locator(".slide:not([hidden]) .stamp")).to_contain_text("As of ")
    slides = page.locator(".slide").count()
    pages = page.pdf(prefer_css_page_size=True)
    assert pages.count(b"/Type /Page\n") == slides == 8
    # What travels with a number stands on every page of paper.
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    foots = page.locator(".printed").all_text_contents()
    assert len(foots) == 8 and all("certified" in foot and "Source:" in foot for foot in foots)
    heads = page.locator(".scenario")
    assert set(heads.all_text_contents()) == {page.locator("#sentence").text_content()}
    page.emulate_media(media="print")
    first, body = heads.first.bounding_box(), page.locator(".slide .body").first.bounding_box()
    assert first["height"] > 0 and first["y"] + first["height"] <= body["y"] + 1
    page.emulate_media(media="screen")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")


def test_a_programmes_numbers_between_solved_points_say_whose_they_are(open_page: Opener) -> None:
    page = presented(open_page, programme_link().replace("lab?", "briefing?"))
    turn_to(page, "programmes")
    here = page.locator(".slide:not([hidden])")
    expect(here.locator(".programmes .number").first).to_be_visible()
    expect(here.locator(".nearest")).to_have_text("")
    said = page.evaluate(
        "() => new Promise((done) => { const range = document.getElementById('range'); range.value = 47; "
        "range.dispatchEvent(new Event('input')); const look = (left) => { const place = document.querySelector('.slide:not([hidden])');"
        " const text = place.querySelector('.nearest').textContent; text || !left ? done([text, place.querySelector('.programmes')"
        ".classList.contains('late')]) : requestAnimationFrame(() => look(left - 1)); }; look(60); })"
    )
    assert said[0].startswith("Of the nearest solved point (Firms that take part 30") and said[1]
    # At rest the lever's own numbers, without the mark.
    expect(here.locator(".nearest")).to_have_text("")
    expect(page.locator("#certificate")).to_contain_text("Solved and certified")


def test_the_browser_writes_numbers_as_the_product_does(open_page: Opener) -> None:
    page = presented(open_page)
    values = [
        0.0,
        0.004,
        -0.004,
        0.005,
        0.1234,
        -0.996,
        0.0996,
        9.96,
        -4.12,
        99.6,
        12345.0,
        -1234567.0,
        0.0149,
        55.4,
        994.9,
        995.1,
    ]
    found = page.evaluate(
        "async (values) => { const { written } = await import('/room/files/numbers.js'); return values.map((v) => written(v)); }",
        values,
    )
    assert found == [number(value, signed=True) for value in values]


def test_a_closed_room_says_so(open_page: Opener) -> None:
    page = open_page("room/0-nosuchroom")
    expect(page.locator("#problem")).to_contain_text("This room is closed")
