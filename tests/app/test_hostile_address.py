"""Addresses that nobody here made: every parameter may hold anything, and the page stands as it was, or says why not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from firmtrade_core.labels import VARIABLES
from firmtrade_core.paths import PROJECT
from firmtrade_core.scenarios import Scenario
from firmtrade_core.scenarios.links import encode
from pages.parts.frame import address
from pages.parts.frame.store import SHOWINGS, VIEWS, Store
from tests.app.test_pages import html
from tests.firms import make_home
from tests.scenarios.conftest import synthetic_world

WORLD = synthetic_world()
HERE = Scenario(name="here", cards=({"kind": "tariff", "method": "add", "value": 0.1},))
SENT = Scenario(name="sent", cards=({"kind": "tariff", "method": "add", "value": 0.2},))
CODE = encode(SENT, WORLD)

NAMES = [
    "s",
    "against",
    "shown",
    "country",
    "map",
    "flows",
    "view",
    "present",
    "home",
    "embed",
    "session",
    "x",
]
#: Failures of the past, and what is near them.
VALUES = [
    "", "²", "٣", "1²", "0", "-1", "99999999999999999999", "nan", "%00", "usa", "USA ", "ROW", "[]", "<b>", "1" * 7000, CODE,
    CODE[:40], CODE[:-3], "1.AAAA", "9999.x", "tariff", "profits", *SHOWINGS, *VIEWS,
]  # fmt: skip
ADDRESS = st.dictionaries(
    st.sampled_from(NAMES), st.sampled_from(VALUES) | st.text(max_size=40).filter(lambda t: t.isprintable())
)


@pytest.fixture(autouse=True)
def no_firms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRMTRADE_HOME", "none")


def opened(text: str) -> Store:
    store = Store(HERE, "USA")
    address.read(text, store, WORLD)
    return store


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ADDRESS)
def test_whatever_an_address_holds_the_store_holds_what_pages_know(asked: dict[str, str]) -> None:
    store = opened(urlencode(asked, errors="replace"))
    assert store.scenario.name in ("here", "sent") and store.country in WORLD.countries
    assert store.outcome in VARIABLES and store.view in VIEWS
    if store.scenario == HERE:
        assert store.reference is None
    assert address.query(store, WORLD)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=200))
def test_an_address_of_any_signs_is_read_or_told(text: str) -> None:
    opened(quote(text, errors="replace"))
    opened(text)


def test_more_fields_than_a_link_has_are_told() -> None:
    store = opened("&".join(f"p{i}=1" for i in range(30)))
    assert "more things" in store.notice and store.scenario == HERE


@pytest.mark.parametrize("present", ["²", "٣", "1²"])
def test_digits_of_other_kinds_present_nothing(present: str) -> None:
    assert not opened(urlencode({"present": present})).presenting


def test_a_cut_scenario_to_read_against_leaves_the_scenario_and_says_so() -> None:
    store = opened(urlencode({"s": CODE, "against": CODE[:-9]}))
    assert store.scenario.name == "sent" and store.reference is None
    assert "read against cannot be had" in store.notice and "was here before" not in store.notice


def test_a_notice_goes_with_its_cause() -> None:
    store = opened(urlencode({"s": CODE[:-9]}))
    assert "cut short" in store.notice and store.scenario == HERE
    address.read("country=CHN", store, WORLD)
    assert not store.notice
    elsewhere = WORLD.with_(name="Their world", tariff=1.01 * WORLD.tariff)
    store = opened(urlencode({"s": encode(SENT, elsewhere)}))
    assert "Their world" in address.elsewhere(store, WORLD)
    # Once the file meant is opened, there is nothing left to say.
    assert address.elsewhere(store, elsewhere) == ""


def test_a_link_of_firms_says_with_whose_it_was_made(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = make_home(), make_home(seed=5)
    card = {"kind": "programme", "policy": "research", "effect": {"capability": 0.1}}
    scenario = Scenario(name="programme", cards=(card,))
    theirs.save(tmp_path / "home.parquet")
    monkeypatch.setenv("FIRMTRADE_HOME", str(tmp_path / "home.parquet"))
    link = address.query(Store(scenario, "USA"), WORLD)
    assert theirs.content_hash in link
    store = opened(link)
    assert address.elsewhere(store, WORLD) == ""
    replace(ours, source="other records").save(tmp_path / "ours.parquet")
    monkeypatch.setenv("FIRMTRADE_HOME", str(tmp_path / "ours.parquet"))
    told = address.elsewhere(opened(link), WORLD)
    assert theirs.content_hash in told and "numbers will differ" in told
    monkeypatch.setenv("FIRMTRADE_HOME", "none")
    assert "no firms are loaded here" in address.elsewhere(opened(link), WORLD)


@pytest.mark.parametrize("page", ["lab", "briefing", "compare"])
def test_pages_stand(page: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    WORLD.save(tmp_path / "small.world")
    monkeypatch.setenv("FIRMTRADE_WORLD", str(tmp_path / "small.world"))
    for asked in (
        {
            "s": CODE,
            "against": CODE[:-9],
            "present": "²",
            "map": "nothing",
            "country": "ATLANTIS",
            "home": "x",
        },
        {f"p{i}": "1" for i in range(30)},
        {"s": CODE, "against": CODE, "shown": "²", "view": "²", "flows": "²", "present": "0"},
    ):
        app = AppTest.from_file(str(PROJECT / f"pages/{page}.py"))
        app.session_state["in_frame"] = True
        for name, value in asked.items():
            app.query_params[name] = value
        app.run()
        assert not app.exception
        assert "fault of its own" not in " ".join(element.proto.body for element in app.get("html"))


@pytest.mark.parametrize(("name", "there"), [("chart_front_map", True), ("chart_nothing", False)])
def test_a_view_of_one_chart_says_where_there_is_none(
    name: str, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(PROJECT)
    monkeypatch.delenv("FIRMTRADE_WORLD", raising=False)
    app = AppTest.from_file(str(PROJECT / "app.py"))
    app.query_params["embed"], app.query_params["only"] = "true", name
    app.run()
    assert not app.exception
    words = html(app)
    assert ("There is no such chart here" in words) is not there
    assert there or f"asks for {name} alone" in words
