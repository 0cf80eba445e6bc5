"""The analyst's own words: numbers that follow the result, kept in the scenario, refused in words where they cannot be."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from streamlit.testing.v1 import AppTest

from firmtrade_core.paths import PROJECT
from firmtrade_core.scenarios import Scenario, load_preset
from firmtrade_core.scenarios.links import decode
from firmtrade_core.world.embedded import load_embedded_world
from pages.parts.frame import address
from pages.parts.frame.store import Store
from tests.app.test_pages import html


@pytest.fixture
def briefing(monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.chdir(PROJECT)
    monkeypatch.setenv("FIRMTRADE_HOME", "none")
    monkeypatch.setenv("FIRMTRADE_BANDS", "off")
    monkeypatch.setenv("FIRMTRADE_OPENING", "us_ten_points")
    app = AppTest.from_file(str(PROJECT / "app.py")).run()
    return app.switch_page("pages/briefing.py").run()


def test_words_are_filled_kept_and_follow_the_result(briefing: AppTest) -> None:
    app = briefing
    app.session_state["ft_words_box"] = True
    app.run()
    assert "Consumer prices of United States: change, %" in html(app)
    app.text_area(key="narrative").set_value(
        "Income {real_income.USA|verb}.\n\n\n Most: {real_income|most}.\n"
    ).run()
    assert not app.exception
    store: Store = app.session_state["store"]
    assert store.scenario.narrative == ("Income {real_income.USA|verb}.", "Most: {real_income|most}.")
    assert '<p class="ft-tale">Income rises by 0.21' in html(app)
    # Whatever moves, the words stay and their numbers follow; they are no other policy, so the name stays too.
    assert store.scenario.name == load_preset("us_ten_points").name
    store.edit_card(0, {"value": 0.6})
    app.run()
    assert '<p class="ft-tale">Income falls by' in html(app)
    store.undo()
    store.undo()
    app.run()
    assert '<p class="ft-tale">' not in html(app)


def test_an_unknown_name_is_said_and_nothing_is_lost(briefing: AppTest) -> None:
    app = briefing
    app.session_state["ft_words_box"] = True
    app.run()
    app.text_area(key="narrative").set_value("It {real_incom.USA}.").run()
    words = html(app)
    assert "Did you mean real_income?" in words and "It {real_incom.USA}." in words
    app.text_area(key="narrative").set_value("A <b> in it.").run()
    assert "Not kept yet" in html(app)
    assert app.text_area(key="narrative").value == "A <b> in it."
    assert app.session_state["store"].scenario.narrative == ("It {real_incom.USA}.",)


def test_links_and_yaml_carry_the_words_and_the_answer_is_the_same() -> None:
    plain = load_preset("us_ten_points")
    told = plain.with_(narrative=("Income {real_income.USA|verb}.",))
    assert told.content_hash == plain.content_hash and told != plain
    assert Scenario.from_yaml(told.to_yaml()) == told
    world = load_embedded_world()
    store = Store(told, "USA")
    other = Store(plain, "USA")
    address.read(
        urlencode({"s": dict(pair.split("=") for pair in address.query(store, world).split("&"))["s"]}),
        other,
        world,
    )
    assert other.scenario.narrative == told.narrative
    assert decode(address.query(store, world).split("s=")[1].split("&")[0]).narrative == told.narrative
