"""The scenario in the address bar: links, Back and Forward, broken links, two tabs, one solve for many viewers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import expect

from firmtrade_core.scenarios import Scenario, load_preset
from firmtrade_core.scenarios.links import decode, encode
from firmtrade_core.world.embedded import load_embedded_world
from tests.app.conftest import add_policy, choose, go, headline, said, settled, slide

pytestmark = pytest.mark.browser

Opener = Callable[..., Any]


def in_address(page: Any) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def wait_for_cards(page: Any, count: int) -> None:
    expect(page.locator("[class*=st-key-ft_card_]:not([class*=measure])")).to_have_count(count)
    page.wait_for_function(f"document.querySelectorAll('[class*=st-key-ft_head_]').length === {count}")


def test_a_link_reproduces_the_screen(open_page: Opener) -> None:
    page = open_page("lab")
    first = settled(page)
    choose(page, "Country", "Mexico")
    choose(page, "On the map", "Exports")
    slide(page, 0.8)
    moved = settled(page, first)
    page.wait_for_function(
        "location.search.includes('country=MEX') && location.search.includes('map=exports')"
    )
    sentence = headline(page)
    world = load_embedded_world()
    held = decode(in_address(page)["s"])
    assert held.world is not None and held.world.content_hash == world.content_hash
    assert held.cards[0].value > 0.3

    other = open_page(page.url.split("/", 3)[3])
    assert settled(other) == moved
    assert headline(other) == sentence
    expect(other.get_by_role("combobox", name="Country")).to_have_value("Mexico")
    expect(other.get_by_role("combobox", name="On the map")).to_have_value("Exports")


#: Milliseconds after which a move is a step of its own; quicker ones are one.
APART = 1_200


def test_back_undoes_the_last_move_and_forward_does_it_again(open_page: Opener) -> None:
    page = open_page("lab")
    settled(page)
    steps = page.evaluate("history.length")
    before = settled(page)
    slide(page, 0.5)
    slid = settled(page, before)
    page.wait_for_function(f"history.length === {steps + 1}")
    page.wait_for_timeout(APART)
    add_policy(page, "Embargo")
    wait_for_cards(page, 2)
    added = settled(page, slid)
    page.wait_for_function(f"history.length === {steps + 2}")
    page.wait_for_timeout(APART)
    choose(page, "Country", "Mexico")
    page.wait_for_function(f"location.search.includes('country=MEX') && history.length === {steps + 3}")
    page.go_back()
    expect(page.get_by_role("combobox", name="Country")).to_have_value("United States")
    page.go_back()
    wait_for_cards(page, 1)
    assert settled(page, added) == slid
    page.go_back()
    assert settled(page, slid) == before and page.evaluate("history.length") == steps + 3
    page.go_forward()
    assert settled(page, before) == slid
    page.go_forward()
    wait_for_cards(page, 2)
    assert settled(page, slid) == added
    assert len(decode(in_address(page)["s"]).cards) == 2


def test_back_leads_to_the_page_before_with_its_scenario(open_page: Opener) -> None:
    page = open_page("lab")
    first = settled(page)
    slide(page, 0.7)
    moved = settled(page, first)
    expect(page.get_by_role("link", name="Briefing")).to_have_attribute("href", re.compile("s="))
    go(page, "Briefing")
    page.wait_for_selector("h1.ft-sentence.ft-large")
    assert settled(page) == moved
    page.wait_for_function("location.pathname.endsWith('/briefing') && location.search.includes('s=')")
    page.go_back()
    page.wait_for_selector(".st-key-ft_card_0")
    assert settled(page) == moved


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda code: code[: len(code) // 2], "cut short"),
        (lambda code: code[:30] + ("A" if code[30] != "A" else "B") + code[31:], "altered"),
        (lambda code: "9" + code[1:], "version 9"),
        (lambda code: "nonsense", "no link to a scenario"),
    ],
)
def test_a_damaged_link_is_told_and_harms_nothing(
    open_page: Opener, damage: Callable[[str], str], words: str
) -> None:
    code = encode(load_preset("eu_mercosur"), load_embedded_world())
    page = open_page("lab?" + urlencode({"s": damage(code)}))
    first = settled(page)
    said(page, ".ft-error", words)
    slide(page, 0.6)
    settled(page, first)
    expect(page.locator(".ft-error")).to_have_count(0)
    decode(in_address(page)["s"])


def test_a_link_from_another_world_says_which(open_page: Opener) -> None:
    here = load_embedded_world()
    elsewhere = here.with_(name="Ministry's own world", tariff=1.01 * here.tariff)
    assert elsewhere.content_hash != here.content_hash
    page = open_page("lab?" + urlencode({"s": encode(load_preset("us_ten_points"), elsewhere)}))
    settled(page)
    told = said(page, ".ft-error", "Ministry's own world")
    assert elsewhere.content_hash in told


def test_two_tabs_do_not_disturb_each_other(open_page: Opener) -> None:
    one, two = open_page("lab"), open_page("lab")
    first = settled(one)
    assert settled(two) == first
    slide(one, 0.9)
    settled(one, first)
    sentence = headline(two)
    add_policy(two, "Embargo")
    wait_for_cards(two, 2)
    wait_for_cards(one, 1)
    assert "adds 10 points" in sentence and "adds 10 points" not in headline(one)


def test_ten_cards_fit_into_an_address() -> None:
    world = load_embedded_world()
    cards = [
        {"kind": "tariff", "importers": [a, "EU"], "exporters": [b, "MERCOSUR"], "value": 0.01 * i}
        for i, (a, b) in enumerate(zip(world.countries[:10], world.countries[10:20], strict=True), start=1)
    ]
    code = encode(Scenario.parse({"cards": cards}), world)
    assert (
        len(f"http://127.0.0.1:8501/lab?{urlencode({'s': code, 'country': 'MEX', 'map': 'exports'})}") < 2000
    )
