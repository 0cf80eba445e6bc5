"""Pages by Streamlit's own test harness: quick, without a browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from firmtrade_core.paths import PROJECT
from firmtrade_core.world.embedded import load_embedded_world


def html(app: AppTest) -> str:
    """What a page says; terms of the glossary without what they tell when pointed at."""
    words = " ".join(element.proto.body for element in app.get("html"))
    return re.sub(r'<span class="ft-term"[^>]*>(.*?)</span>', r"\1", words)


def lab(monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.chdir(PROJECT)
    monkeypatch.delenv("FIRMTRADE_WORLD", raising=False)
    app = AppTest.from_file(str(PROJECT / "app.py")).run()
    app.switch_page("pages/lab.py").run()
    assert not app.exception
    return app


@pytest.mark.parametrize("name", ["briefing", "lab", "data"])
def test_every_page_runs(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(PROJECT)
    monkeypatch.delenv("FIRMTRADE_WORLD", raising=False)
    app = AppTest.from_file(str(PROJECT / "app.py")).run()
    app.switch_page(f"pages/{name}.py").run()
    assert not app.exception
    assert "ft-sentence" in html(app)


def test_a_slider_moves_numbers_sentence_and_past(monkeypatch: pytest.MonkeyPatch) -> None:
    app = lab(monkeypatch)
    before = html(app)
    app.slider(key="card_0_value_Points added").set_value(25).run()
    assert "25 points" in html(app) and "25 points" not in before
    store = app.session_state["store"]
    assert store.scenario.cards[0].value == 0.25
    assert [s.cards[0].value for s in store.past] == [0.10]


def test_the_colour_scale_holds_while_sliding_and_is_chosen_afresh_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = lab(monkeypatch)
    slider = "card_0_value_Points added"
    app.slider(key=slider).set_value(60).run()
    high = app.session_state["store"].scales["real_income"]
    app.slider(key=slider).set_value(30).run()
    assert app.session_state["store"].scales["real_income"] == high
    app.multiselect(key="card_0_exporters").set_value(["CHN"]).run()
    assert app.session_state["store"].scales["real_income"] < high


def test_a_choice_that_cannot_stand_is_kept_and_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    app = lab(monkeypatch)
    app.multiselect(key="card_0_exporters").set_value(["USA"]).run()
    assert "needs a partner abroad" in html(app)
    assert app.multiselect(key="card_0_exporters").value == ["USA"]
    assert app.session_state["store"].scenario.cards[0].exporters == ("all",)
    app.multiselect(key="card_0_exporters").set_value(["USA", "CHN"]).run()
    assert "needs a partner abroad" not in html(app)
    assert app.session_state["store"].scenario.cards[0].exporters == ("USA", "CHN")


def test_an_engine_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    app = lab(monkeypatch)
    app.session_state["structure"] = True
    app.run().selectbox(key="structure_family").set_value("pareto").run()
    app.selectbox(key="structure_entry").set_value("free").run()
    words = html(app)
    assert not app.exception
    if "No equilibrium to show" in words:
        assert "restricted" in words and 'class="ft-numbers' not in words
    assert app.session_state["store"].scenario.structure.entry == "free"


def test_every_kind_of_card_can_be_added(monkeypatch: pytest.MonkeyPatch) -> None:
    from pages.parts.lab.levers import KINDS

    app = lab(monkeypatch)
    for count, kind in enumerate(KINDS, start=2):
        app.selectbox(key="add_card").set_value(kind).run()
        assert not app.exception
        assert len(app.session_state["store"].scenario.cards) == count
    assert not app.session_state["store"].problems


def test_every_outcome_can_be_mapped(monkeypatch: pytest.MonkeyPatch) -> None:
    from firmtrade_core.labels import VARIABLES

    app = lab(monkeypatch)
    for key in VARIABLES:
        app.selectbox(key="outcome").set_value(key).run()
        assert not app.exception


def test_every_preset_shows_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    from firmtrade_core.scenarios import preset_names

    app = lab(monkeypatch)
    for name in preset_names():
        app.selectbox(key="preset").set_value(name).run()
        assert not app.exception
        assert 'class="ft-numbers' in html(app), name


def test_a_world_named_in_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(PROJECT)
    path = load_embedded_world().with_(name="A world of mine").save(tmp_path / "mine.world")
    monkeypatch.setenv("FIRMTRADE_WORLD", str(path))
    app = AppTest.from_file(str(PROJECT / "app.py")).run()
    assert "A world of mine" in html(app) and 'class="ft-numbers' in html(app)
    monkeypatch.setenv("FIRMTRADE_WORLD", str(tmp_path / "missing.world"))
    app = AppTest.from_file(str(PROJECT / "app.py")).run()
    assert "cannot be read" in html(app) and not app.exception
