"""The paths that matter, in a real Chromium, with nothing but this machine to ask."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from firmtrade_core.scenarios import Scenario
from tests.app.conftest import (
    MAP,
    add_policy,
    choose,
    go,
    headline,
    painted,
    rested,
    said,
    served,
    settled,
    slide,
)

pytestmark = pytest.mark.browser

Opener = Callable[..., Any]


def values(page: Any) -> list[str]:
    return [text.strip() for text in page.locator(".ft-numbers .ft-value").all_inner_texts()]


def pixels(page: Any, selector: str) -> np.ndarray:
    from PIL import Image

    shot = page.locator(selector).first.screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)


def coloured_share(image: np.ndarray) -> float:
    """Share of pixels that are clearly neither grey, white nor black."""
    return float((image.max(2) - image.min(2) > 25).mean())


def test_the_map_is_painted_without_internet(open_page: Opener) -> None:
    page = open_page("lab")
    settled(page)
    assert coloured_share(pixels(page, f"{MAP} .ft-plot")) > 0.08


def test_sliding_changes_map_and_numbers_in_place(open_page: Opener) -> None:
    page = open_page("lab")
    first = settled(page)
    before, image = values(page), pixels(page, f"{MAP} .ft-plot")
    page.evaluate(f"document.querySelector('{MAP} .ft-plot').dataset.mark = 'same node'")
    slide(page, 0.8)
    second = settled(page, first)
    assert second != first
    after = values(page)
    assert all(a != b for a, b in zip(after[:4], before[:4], strict=True))
    # What is drawn anew may take frames to be seen.
    for _ in range(100):
        if (np.abs(pixels(page, f"{MAP} .ft-plot") - image).max(2) > 8).mean() > 0.02:
            break
        painted(page)
    else:
        pytest.fail("the map looks as before")
    assert page.locator(f"{MAP} .ft-plot").get_attribute("data-mark") == "same node"
    # Sixty-odd points instead of ten: the sentence says so too.
    assert "adds 10 points" not in headline(page)


def test_preset_reset_and_undo(open_page: Opener) -> None:
    page = open_page("lab")
    first = settled(page)
    choose(page, "Presets", "US tariff schedule of 2 April 2025")
    preset = settled(page, first)
    assert "54" in headline(page)
    page.locator(".st-key-ft_history").get_by_role("button", name="Reset").click()
    assert settled(page, preset) == first
    page.get_by_role("button", name="Undo").click()
    assert settled(page, first) == preset


def test_the_scenario_survives_a_change_of_page(open_page: Opener) -> None:
    page = open_page("lab")
    first = settled(page)
    slide(page, 0.7)
    moved = settled(page, first)
    sentence = headline(page)
    go(page, "Briefing")
    assert settled(page) == moved
    assert said(page, "h1.ft-sentence.ft-large") == sentence
    go(page, "Data")
    assert page.locator(".ft-facts").count()
    go(page, "Scenario lab")
    assert page.locator(".st-key-ft_card_0").count()
    assert settled(page) == moved


def test_a_click_on_the_map_picks_the_country(open_page: Opener) -> None:
    page = open_page("lab")
    settled(page)
    box = page.locator(f"{MAP} .ft-plot").bounding_box()
    brazil = box["x"] + 0.335 * box["width"], box["y"] + 0.57 * box["height"]
    page.mouse.move(*brazil, steps=3)
    hover = page.locator(".hoverlayer .hovertext").first.text_content()
    assert "Brazil" in hover and "before" in hover and "after" in hover
    page.mouse.click(*brazil)
    page.wait_for_function("document.querySelector('.ft-number .ft-label')?.innerText.includes('Brazil')")
    # The numbers come first, the chooser below them a moment later.
    expect(page.get_by_role("combobox", name="Country")).to_have_value("Brazil")


def test_dark_and_light_differ_in_ground_and_share_the_map(open_page: Opener) -> None:
    grounds = {}
    for scheme in ("light", "dark"):
        page = open_page("", scheme=scheme)
        settled(page)
        image = pixels(page, f"{MAP} .ft-plot")
        grounds[scheme] = image[3, 3].mean()
        assert coloured_share(image) > 0.08
    assert grounds["light"] > 240 and grounds["dark"] < 50


@pytest.mark.parametrize("width", [1280, pytest.param(1920, marks=pytest.mark.truth)])
def test_nothing_runs_off_the_screen(open_page: Opener, width: int) -> None:
    for path in ("", "briefing", "stories", "lab", "lab?view=partners", "lab?view=replaced", "data"):
        page = open_page(path, width=width)
        rested(page)
        assert page.locator(".ft-facts" if path == "data" else f"{MAP}[data-result]").count()
        wide = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
        assert wide <= page.evaluate("document.querySelector('[data-testid=stMain]').clientWidth")
        clipped = page.evaluate(
            "[...document.querySelectorAll('.ft-number *, .ft-chart h3')].filter(e => e.scrollWidth > e.clientWidth + 1"
            " && e.clientWidth > 0).map(e => e.innerText)"
        )
        assert not clipped


def test_a_page_opened_directly_on_a_fresh_server_works(open_page: Opener) -> None:
    with served({"FIRMTRADE_WORLD": ""}) as fresh:
        page = open_page("lab", at=fresh.address)
        first = settled(page)
        assert page.get_by_role("link", name="Briefing").is_visible()
        assert page.get_by_role("link", name="Scenario lab").is_visible()
        # The very first change on a fresh server counts like any other.
        slide(page, 0.7)
        assert settled(page, first) != first


def test_a_bad_world_file_is_refused_in_words_and_loses_nothing(open_page: Opener) -> None:
    page = open_page("lab")
    first = settled(page)
    slide(page, 0.6)
    moved = settled(page, first)
    go(page, "Data")
    bad = {
        "name": "evil <b>.world",
        "mimeType": "application/octet-stream",
        "buffer": b"PK\x03\x04 not a world",
    }
    page.locator("input[type=file]").set_input_files([bad])
    said(page, ".ft-error", "was not loaded")
    go(page, "Scenario lab")
    assert settled(page) == moved


def test_a_scenario_goes_out_and_in_as_yaml(open_page: Opener) -> None:
    page = open_page("lab")
    first = settled(page)
    add_policy(page, "Free-trade area")
    stacked = settled(page, first)
    page.get_by_role("button", name="Share, save, open").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download as YAML").click()
    text = Path(waiting.value.path()).read_text(encoding="utf-8")
    assert [card.kind for card in Scenario.from_yaml(text).cards] == ["tariff", "free_trade_area"]
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Undo").click()
    assert settled(page, stacked) == first

    page.get_by_role("button", name="Share, save, open").click()
    chooser = page.locator(".st-key-yaml input[type=file]")
    bad = {"name": "evil <b>.yaml", "mimeType": "application/yaml", "buffer": b"cards: [{kind: tarif}]"}
    chooser.set_input_files([bad])
    expect(page.locator("[data-testid=stPopoverBody] .ft-error")).to_contain_text("Not opened")
    assert page.locator("[data-testid=stPopoverBody] b:text-is('.yaml')").count() == 0
    assert settled(page) == first
    page.get_by_role("button", name="Remove evil").click()
    chooser.set_input_files([{"name": "good.yaml", "mimeType": "application/yaml", "buffer": text.encode()}])
    assert settled(page, first) == stacked


def test_flows_between_groups_are_painted(open_page: Opener) -> None:
    page = open_page("lab?view=groups")
    settled(page)
    assert page.locator(".st-key-ft_below_groups .ft-chart[data-result] .sankey-link").count() > 20
