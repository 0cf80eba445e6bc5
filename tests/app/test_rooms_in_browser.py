"""Rooms in a real browser: pinned charts follow the lever, a link outlives the server, and eyes and hands of all kinds lead."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.app.accessibility import serious_findings
from tests.app.conftest import PATIENCE, go, painted, served, settled
from tests.app.test_presenter import followed, presented, turn_to
from tests.limits import HANGS, own_port

pytestmark = pytest.mark.browser

Opener = Callable[..., Any]

HERE = ".slide:not([hidden])"


def pin(page: Any, chart: str) -> None:
    page.locator(f"#{chart}").get_by_role("button", name="Slide").click()
    expect(page.locator(f"#{chart} .ft-said")).to_have_text("Among the slides")


def kept_with(folder: Path, *words: str) -> None:
    """Wait until a room's state with certain words lies on disk: it is written a while after it changed."""
    until = time.monotonic() + HANGS
    while time.monotonic() < until:
        if any(all(word in kept.read_text() for word in words) for kept in folder.glob("*.json")):
            return
        time.sleep(0.1)
    pytest.fail(f"no room with {words} is kept")


def lead_by_keys(page: Any, presses: int) -> str:
    """Move the lever by arrow keys; the value it stands at."""
    page.locator("#range").focus()
    for _ in range(presses):
        page.keyboard.press("ArrowLeft")
    page.evaluate("document.activeElement.blur()")
    return str(page.evaluate("document.getElementById('range').value"))


def test_a_pinned_chart_of_the_answer_follows_the_lever_and_any_other_says_that_it_does_not(
    open_page: Opener,
) -> None:
    page = open_page("lab?view=partners")
    settled(page)
    pin(page, "chart_pairs")
    pin(page, "chart_map")
    go(page, "Trade costs")
    other = page.locator(".ft-chart[data-result]").first.get_attribute("id")
    pin(page, other)
    go(page, "Briefing")
    settled(page)
    page.get_by_role("button", name="Present", exact=True).click()
    page.wait_for_url("**/room/**")
    page.wait_for_selector("body[data-result]:not([data-result=''])")
    for chart in ("chart_pairs", "chart_map"):
        turn_to(page, chart)
        shown = page.locator(f"{HERE} .ft-chart")
        expect(shown).to_have_attribute("data-result", page.locator("body").get_attribute("data-result"))
        before = shown.get_attribute("data-result")
        words = shown.locator("h3").inner_text()
        value = lead_by_keys(page, 25)
        expect(page.locator("body")).to_have_attribute("data-value", value)
        expect(shown).not_to_have_attribute("data-result", before)
        # What is drawn is the answer that the certificate is of.
        expect(shown).to_have_attribute("data-result", page.locator("body").get_attribute("data-result"))
        lever = " ".join(page.locator(part).inner_text() for part in ("#label", "#value"))
        expect(page.locator(f"{HERE} .stamp")).to_have_text(f"As of {lever}")
        # The finding follows, too.
        expect(shown.locator("h3")).not_to_have_text(words)
        expect(page.locator(f"{HERE} .fixed")).not_to_have_class("fixed late")
    turn_to(page, other)
    expect(page.locator(f"{HERE} .stamp")).to_contain_text("It does not follow the lever")
    expect(page.locator(f"{HERE} .fixed")).to_have_class("fixed")


def test_a_rooms_link_outlives_its_server(browser: Any, tmp_path: Path) -> None:
    environment = {"FIRMTRADE_WORLD": "", "FIRMTRADE_LIBRARY": f"sqlite:///{tmp_path}/scenarios.sqlite"}
    port = own_port()
    leads, follows = (browser.new_context(viewport={"width": 1280, "height": 800}) for _ in range(2))
    try:
        presenter, follower = leads.new_page(), follows.new_page()
        for page in (presenter, follower):
            page.set_default_timeout(PATIENCE)
        with served(environment, port) as server:
            address = server.address
            presenter.goto(f"{address}/briefing")
            settled(presenter)
            presenter.get_by_role("button", name="Present", exact=True).click()
            presenter.wait_for_url("**/room/**")
            presenter.wait_for_selector("body[data-result]:not([data-result=''])")
            follower.goto(presenter.url)
            follower.wait_for_selector("body[data-result]:not([data-result=''])")
            turn_to(presenter, "map")
            value = lead_by_keys(presenter, 20)
            expect(follower.locator("body")).to_have_attribute("data-value", value)
            presenter.locator("#words").fill("Said before.")
            presenter.keyboard.press("Enter")
            expect(follower.locator(f"{HERE} .caption")).to_have_text("Said before.")
            expect(presenter.locator("#certificate")).to_contain_text("Solved and certified")
            result = presenter.locator("body").get_attribute("data-result")
            kept_with(tmp_path / "rooms", "Said before.", value)
        expect(follower.locator("#problem")).to_contain_text("follows again by itself")
        assert follower.locator(f"{HERE} .maps").is_visible(), "the screen stays as it was"
        kept = list((tmp_path / "rooms").glob("*.json"))
        assert len(kept) == 1 and "key" not in json.loads(kept[0].read_text())
        with served(environment, port) as server:
            assert server.address == address
            for page in (presenter, follower):
                expect(page.locator("#problem")).to_be_hidden()
                expect(page.locator(HERE)).to_have_attribute("data-key", "map")
                expect(page.locator("body")).to_have_attribute("data-value", value)
                # The same state has the same answer, solved anew.
                expect(page.locator("body")).to_have_attribute("data-result", result)
                expect(page.locator(f"{HERE} .caption")).to_have_text("Said before.")
            assert presenter.locator("#next").is_visible() and not follower.locator("#next").is_visible()
            presenter.keyboard.press("PageDown")
            expect(follower.locator(HERE)).to_have_attribute("data-key", "both")
    finally:
        leads.close()
        follows.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_rooms_have_no_serious_fault_for_eyes_and_ears(open_page: Opener, scheme: str) -> None:
    page = presented(open_page, scheme=scheme)
    other = followed(open_page, page.url, scheme=scheme)
    for _ in range(page.locator(".slide").count()):
        key = page.locator(HERE).get_attribute("data-key")
        expect(other.locator(HERE)).to_have_attribute("data-key", key)
        for who, seen in (("presenter", page), ("follower", other)):
            found = serious_findings(seen, "body")
            assert not found, f"{who}, {key}: {found}"
        page.keyboard.press("PageDown")
    page.get_by_role("button", name="Room link").click()
    assert not serious_findings(page, "body")


def test_a_room_is_led_by_the_keyboard_alone(open_page: Opener) -> None:
    page = presented(open_page)
    other = followed(open_page, page.url)
    expect(page.locator("#who")).to_have_text("1 follows")

    def tab_to(name: str, seen: Any = page) -> None:
        for _ in range(25):
            seen.keyboard.press("Tab")
            if seen.evaluate("document.activeElement.id") == name:
                ring = seen.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert ring != "none", f"{name} shows no focus"
                return
        pytest.fail(f"{name} is not reached by the keyboard")

    tab_to("range")
    stands = page.evaluate("document.getElementById('range').value")
    page.keyboard.press("ArrowLeft")
    moved = page.evaluate("document.getElementById('range').value")
    assert moved != stands
    expect(other.locator("body")).to_have_attribute("data-value", moved)
    expect(page.locator("#certificate")).to_contain_text("Solved and certified")
    tab_to("next")
    page.keyboard.press("Enter")
    expect(other.locator(HERE)).to_have_attribute("data-key", "map")
    tab_to("previous")
    page.keyboard.press("Enter")
    expect(other.locator(HERE)).to_have_attribute("data-key", "numbers")
    page.keyboard.press("PageDown")
    expect(other.locator(HERE)).to_have_attribute("data-key", "map")
    # Turned in haste, before the server has answered: both see the same.
    page.evaluate(
        "['PageDown', 'PageDown', 'PageUp', 'PageDown'].forEach((key) => document.body.dispatchEvent(new KeyboardEvent('keydown', "
        "{ key, bubbles: true })))"
    )
    expect(other.locator(HERE)).to_have_attribute("data-key", "winners")
    expect(page.locator(HERE)).to_have_attribute("data-key", "winners")
    tab_to("share")
    page.keyboard.press("Enter")
    expect(page.locator("#sharing")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#sharing")).to_be_hidden()
    # A follower gives a name, and the lead changes hands.
    tab_to("name", other)
    other.keyboard.type("Ana")
    other.keyboard.press("Enter")
    expect(page.locator("#hand option").nth(1)).to_have_text("Ana")
    tab_to("hand")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(other.locator("#next")).to_be_visible()
    expect(page.locator("#next")).not_to_be_visible()
    # Both can leave.
    other.evaluate("document.activeElement.blur()")
    other.keyboard.press("Escape")
    other.wait_for_url("**/briefing?**")


def test_a_follower_reads_every_slide_on_a_telephone(open_page: Opener) -> None:
    page = presented(open_page)
    other = followed(open_page, page.url, width=390, height=844)
    for _ in range(page.locator(".slide").count()):
        key = page.locator(HERE).get_attribute("data-key")
        expect(other.locator(HERE)).to_have_attribute("data-key", key)
        painted(other)
        assert other.evaluate("document.documentElement.scrollWidth") <= 390, (
            f"{key} is wider than the screen"
        )
        slide, foot = other.locator(HERE).bounding_box(), other.locator("body > footer").bounding_box()
        assert slide["y"] + slide["height"] <= foot["y"] + 1, f"{key} lies over what is below"
        if key in ("map", "both"):
            drawn = other.locator(f"{HERE} svg.map").first.bounding_box()
            assert drawn["width"] > 330 and drawn["height"] > 120
            size = other.evaluate(
                f"Math.min(...[...document.querySelectorAll('{HERE} .called')].map((e) => e.getBoundingClientRect().height))"
            )
            assert size >= 9, "names on the map are large enough to be read"
        page.keyboard.press("PageDown")
