"""The front door: country, policy, search, stories, tour; and where links with a scenario lead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect
from streamlit.testing.v1 import AppTest

from firmtrade_core.paths import PROJECT
from firmtrade_core.report.stories import stories
from firmtrade_core.scenarios import load_preset
from firmtrade_core.scenarios.links import encode
from firmtrade_core.world.embedded import load_embedded_world
from pages.parts.frame.page import PAGES, menu
from pages.parts.frame.search import PAGE_WORDS, follow, index
from pages.parts.frame.store import Store
from tests.app.conftest import go, headline, said, settled
from tests.app.test_pages import html

Opener = Callable[..., Any]

WORLD = load_embedded_world()


def front(monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.chdir(PROJECT)
    monkeypatch.delenv("FIRMTRADE_WORLD", raising=False)
    app = AppTest.from_file(str(PROJECT / "app.py")).run()
    assert not app.exception
    return app


def test_it_opens_on_the_opening_policy_with_its_numbers_and_six_stories(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = front(monkeypatch)
    words = html(app)
    assert "ft-door" in words and "adds 10 points" in words and 'class="ft-numbers' in words
    assert [told.title in words for told in stories()] == [True] * 6


def test_country_and_policy_chosen_here_hold_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    app = front(monkeypatch)
    app.selectbox(key="front_country").set_value("VNM").run()
    app.selectbox(key="front_policy").set_value("us_china_trade_war").run()
    assert "Real income, Vietnam" in html(app)
    app.switch_page("pages/lab.py").run()
    assert app.session_state["store"].scenario == load_preset("us_china_trade_war")
    assert app.selectbox(key="country").value == "VNM"


def test_every_story_is_told_and_reading_one_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    app = front(monkeypatch)
    before = app.session_state["store"].scenario
    app.switch_page("pages/stories.py").run()
    for told in stories():
        app.session_state["store"].story = told.key
        app.run()
        assert not app.exception
        words = html(app)
        assert told.title in words and "{" not in words.split("ft-tale", 1)[1].split("</p>")[0]
    assert app.session_state["store"].scenario == before
    app.button(key="story_lab").click().run()
    assert app.session_state["store"].scenario == load_preset(stories()[-1].preset)


def test_the_menu_has_three_groups_and_every_page_can_be_looked_for() -> None:
    assert list(PAGES) == ["Policy", "Firms", "Evidence"]
    assert {name for name, _ in menu()} <= set(PAGE_WORDS)


def test_where_what_is_found_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages.parts.frame.search._here", lambda: "")
    store = Store(load_preset("us_ten_points"), "USA")
    assert follow(store, WORLD, "place", "KEN") == "lab"
    assert (store.country, store.inside) == ("ROW", "KEN")
    assert follow(store, WORLD, "product", "metals") == "lab"
    assert (store.view, store.sectors) == ("partners", ("metals",))
    assert follow(store, WORLD, "policy", "eu_mercosur") == "lab"
    assert store.scenario == load_preset("eu_mercosur")
    assert follow(store, WORLD, "kind", "export_subsidy") == "lab"
    assert store.scenario.cards[-1].kind == "export_subsidy"
    assert follow(store, WORLD, "story", "africa") == "stories"
    # What no list offers changes nothing.
    for kind, target in (
        ("place", "XQZ"),
        ("product", "nonsense"),
        ("policy", "../x"),
        ("kind", "?"),
        ("", ""),
    ):
        assert follow(store, WORLD, kind, target) == ""
    kinds = {row[0] for row in index(WORLD.shown_hash, WORLD, menu())}
    assert kinds == {"place", "product", "policy", "kind", "story", "page", "term"}


@pytest.mark.browser
def test_a_link_with_a_scenario_opens_the_briefing_and_the_bare_address_the_front_door(
    open_page: Opener,
) -> None:
    page = open_page(f"?{urlencode({'s': encode(load_preset('eu_mercosur'), WORLD)})}")
    said(page, "h1.ft-sentence.ft-large", "Mercosur")
    settled(page)
    assert "/briefing?s=" in page.url
    go(page, "Start")
    assert page.locator(".ft-door").count()
    settled(page)
    said(page, "p.ft-sentence", "Mercosur")
    page.wait_for_function("!location.search")
    # The scenario comes along from here, too.
    go(page, "Scenario lab")
    settled(page)
    headline(page, "Mercosur")
    page.wait_for_function("location.search.includes('s=')")


@pytest.mark.browser
def test_the_search_finds_by_keys_alone_and_leads_there(open_page: Opener) -> None:
    page = open_page("")
    before = settled(page)
    page.keyboard.press("/")
    box = page.locator(".st-key-ft_find input")
    expect(box).to_be_focused()
    box.press_sequentially("burma")
    first = page.get_by_role("option").first
    expect(first).to_contain_text("Myanmar")
    expect(first).to_contain_text("also: burma")
    box.press("Enter")
    page.wait_for_function("document.querySelector('.ft-number .ft-label')?.innerText.includes('Myanmar')")
    before = settled(page)
    box.fill("embargo on russian")
    box.press("ArrowDown")
    box.press("ArrowUp")
    box.press("Enter")
    assert settled(page, before) != before
    said(page, "p.ft-sentence", "trade in mining and energy from Russia")
    box.fill("steel")
    page.get_by_role("option").filter(has_text="HS 72").click()
    page.wait_for_selector(".st-key-ft_below_partners")
    expect(page.locator(".st-key-ft_below_partners").get_by_text("Metals").first).to_be_visible()
    aside = page.locator(".st-key-ft_side_search input")
    aside.fill("nothing of that name")
    expect(page.locator(".ft-none")).to_contain_text("Nothing by that name")
    aside.fill("gravity")
    page.get_by_role("option").filter(has_text="Page").first.click()
    page.wait_for_url("**/trade_costs**")


@pytest.mark.browser
def test_the_tour_takes_seven_steps_and_can_be_left(open_page: Opener) -> None:
    page = open_page("")
    settled(page)
    page.get_by_role("button", name="Tour of one minute").click()
    tour = page.get_by_role("dialog", name="A tour of one minute")
    expect(tour).to_contain_text("1 of 7")
    for step in range(2, 8):
        page.keyboard.press("ArrowRight")
        expect(tour).to_contain_text(f"{step} of 7")
    # The ring moves there.
    page.wait_for_function(
        "(([ring, box]) => ring.x <= box.x && ring.y <= box.y && ring.right >= box.right && ring.bottom >= box.bottom)"
        "(['.ft-tour-ring', '.st-key-ft_side_search'].map((e) => document.querySelector(e).getBoundingClientRect()))"
    )
    page.keyboard.press("ArrowRight")
    expect(tour).to_have_count(0)


@pytest.mark.browser
def test_terms_tell_what_they_mean_by_hover_and_by_key(open_page: Opener) -> None:
    page = open_page("")
    settled(page)
    tip = page.locator("#ft-tip")
    page.locator(".ft-term").filter(has_text="trade elasticity").hover()
    expect(tip).to_contain_text("By how many percent trade")
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    page.locator(".ft-term").filter(has_text="markups").focus()
    expect(tip).to_contain_text("above its cost")
