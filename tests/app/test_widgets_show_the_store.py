"""Every widget shows what the session holds, on whatever page the reader comes to and wherever from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import expect
from streamlit.testing.v1 import AppTest

from firmtrade_core.scenarios import Scenario
from firmtrade_core.world.embedded import load_embedded_world
from pages.parts.firms.home import current_home
from pages.parts.frame import store as store_module
from pages.parts.frame.page import PAGES
from pages.parts.lab.card_kinds import KINDS
from pages.parts.lab.levers import new_card
from pages.parts.lab.programme_card import POLICIES, of_policy
from pages.parts.result.solving import solve_scenario
from tests.app.conftest import choose, go, painted, rested, settled
from tests.app.test_pages import html, lab

Opener = Callable[..., Any]

NAMES = [name for pages in PAGES.values() for name, _ in pages if name != "lab"]


@pytest.fixture
def seeds(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What every widget was given on the page last run, by key."""
    given: dict[str, Any] = {}
    seeded = store_module.seeded

    def noted(key: str, value: Any, write: Any, **options: Any) -> dict[str, Any]:
        given[key] = value
        return seeded(key, value, write, **options)

    import pkgutil
    from importlib import import_module

    import pages.parts

    for module in pkgutil.walk_packages(pages.parts.__path__, "pages.parts."):
        part = import_module(module.name)
        if getattr(part, "seeded", None) is seeded:
            monkeypatch.setattr(part, "seeded", noted)
    yield given


def shown(app: AppTest) -> dict[str, Any]:
    """What the browser is told that each keyed widget holds."""
    kinds = ("selectbox", "multiselect", "slider", "select_slider", "toggle", "number_input")
    return {widget.key: widget.value for kind in kinds for widget in app.get(kind) if widget.key}


def differences(app: AppTest, seeds: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {
        key: (seeds[key], value)
        for key, value in shown(app).items()
        if key in seeds and not (value == seeds[key] or list_of(value) == list_of(seeds[key]))
    }


def list_of(value: Any) -> Any:
    return list(value) if isinstance(value, tuple | list) else value


def turn(app: AppTest, page: str, seeds: dict[str, Any]) -> AppTest:
    seeds.clear()
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception, page
    return app


@pytest.mark.parametrize("name", NAMES)
def test_both_ways_between_a_page_and_the_lab(
    monkeypatch: pytest.MonkeyPatch, seeds: dict[str, Any], name: str
) -> None:
    app = lab(monkeypatch)
    store = app.session_state["store"]
    store.country, store.outcome, store.flows = "MEX", "exports", True
    store.become(store.scenario.with_(structure={"dispersion": 1.5, "elasticity": 6.0}))
    app.run()
    assert not differences(app, seeds)
    for page in (name, "lab", name):
        turn(app, page, seeds)
        assert not differences(app, seeds), (name, page)
        if "country" in shown(app):
            assert store.country == "MEX" and app.selectbox(key="country").value == "MEX"
            # What is chosen on the page just come to counts at once, the first of the list too.
            app.selectbox(key="country").set_value("AGO").run()
            assert store.country == "AGO" and not differences(app, seeds)
            app.selectbox(key="country").set_value("MEX").run()
            assert store.country == "MEX"


def test_a_slider_whose_range_changes_keeps_its_value(
    monkeypatch: pytest.MonkeyPatch, seeds: dict[str, Any]
) -> None:
    app = lab(monkeypatch)
    store = app.session_state["store"]
    slider = "card_0_value_Points added"
    store.become(Scenario.parse({"cards": [{"kind": "tariff", "importers": ["USA"], "value": 1.5}]}))
    assert app.run().slider(key=slider).max == 150
    app.slider(key=slider).set_value(40).run()
    assert app.slider(key=slider).max == 100 and app.slider(key=slider).value == 40
    assert store.scenario.cards[0].value == 0.4 and "40 points" in html(app)


def test_a_number_is_typed_beside_its_slider(monkeypatch: pytest.MonkeyPatch, seeds: dict[str, Any]) -> None:
    app = lab(monkeypatch)
    store = app.session_state["store"]
    slider = "card_0_value_Points added"
    app.number_input(key=f"{slider}_box").set_value(145).run()
    assert store.scenario.cards[0].value == 1.45
    assert app.slider(key=slider).value == 145 and not differences(app, seeds)
    app.slider(key=slider).set_value(12).run()
    assert app.number_input(key=f"{slider}_box").value == 12 and not differences(app, seeds)


@pytest.mark.truth
def test_every_kind_of_policy_added_by_hand_has_an_equilibrium() -> None:
    world = load_embedded_world()
    home = current_home(world)
    cards = [new_card(kind, "USA", world) for kind in KINDS if kind != "programme"]
    start = new_card("programme", "USA", world)
    cards += [start | of_policy(policy, None, home) for policy in POLICIES]
    for card in cards:
        result, _ = solve_scenario(Scenario.parse({"cards": [card]}), world)
        assert result.certificate.largest < 1e-9, card


@pytest.mark.browser
def test_the_country_box_follows_in_the_browser(open_page: Opener) -> None:
    page = open_page("briefing")
    settled(page)
    country = page.get_by_role("combobox", name="Country").first
    expect(country).to_have_value("United States")
    for link, where in (("Scenario lab", ".st-key-ft_card_0"), ("Briefing", ".ft-sentence.ft-large")):
        go(page, link)
        page.wait_for_selector(where)
        settled(page)
        expect(country).to_have_value("United States")
    go(page, "Scenario lab")
    settled(page)
    choose(page, "Country", "Angola")
    page.wait_for_function("document.querySelector('.ft-number .ft-label')?.innerText.includes('Angola')")
    go(page, "Who gains")
    expect(page.get_by_text("Jobs", exact=False).first).to_be_visible()
    expect(country).to_have_value("Angola")


@pytest.mark.browser
def test_model_choices_have_room_and_a_picker_keeps_its_height(open_page: Opener) -> None:
    page = open_page("lab", height=800)
    first = settled(page)
    page.locator(".st-key-structure summary").click()
    rested(page)
    for width, height in ((1280, 800), (1366, 768), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        for name in ("How firms differ", "Duties come back"):
            expect(page.get_by_role("combobox", name=name)).to_be_visible()
        expect(page.get_by_role("slider", name="Labour-supply elasticity")).to_be_visible()
        painted(page)
        drawer = page.get_by_role("button", name="Share, save, open")
        drawer.click()
        body = page.get_by_test_id("stPopoverBody")
        expect(body).to_contain_text("Download as YAML")
        # It grows and finds its place.
        page.wait_for_function(
            "(box => box.height >= 250 && box.top >= 0 && box.bottom <= innerHeight)"
            "(document.querySelector('[data-testid=stPopoverBody]').getBoundingClientRect())"
        )
        page.keyboard.press("Escape")
        expect(body).to_have_count(0)
    choose(page, "How firms differ", "Not at all (Armington)")
    settled(page, first)
    expect(page.locator(".ft-assumed").first).to_contain_text("Armington")


@pytest.mark.browser
def test_a_click_that_leaves_a_picker_reaches_what_it_points_at(open_page: Opener) -> None:
    page = open_page("lab")
    first = settled(page)
    picker = page.locator(".st-key-card_0_exporters")
    entry = picker.get_by_role("combobox")
    entry.click()
    for country in ("Mexico", "Canada", "China", "Brazil"):
        entry.fill(country)
        page.get_by_role("option", name=country, exact=True).click()
        first = settled(page, first)
    rested(page)
    tall = picker.bounding_box()["height"]
    page.keyboard.press("Escape")
    expect(page.get_by_role("option")).to_have_count(0)
    # A real press and release on what lies below, while the picker has the focus.
    box = page.locator(".st-key-card_0_retaliation [role=combobox]").bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.wait_for_timeout(80)
    page.mouse.up()
    expect(page.get_by_role("option", name="None", exact=True)).to_be_visible()
    assert picker.bounding_box()["height"] == tall


def test_cards_name_their_country_saving_sits_with_sharing_and_undo_comes_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("FIRMTRADE_LIBRARY", f"sqlite:///{tmp_path}/scenarios.sqlite")
    app = lab(monkeypatch)
    assert app.toggle(key="card_0_enabled").label == "Tariff: United States"
    app.session_state["sharing"] = True
    app.run()
    app.text_input(key="library_name").set_value("Mine").run()
    app.button(key="library_save").click().run()
    assert not app.exception and "Saved as Mine" in html(app)
