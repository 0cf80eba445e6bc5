"""What a scenario means for groups of home firms, on the page Who gains."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from firmtrade_core.paths import PROJECT
from tests.app.test_pages import html
from tests.home.test_firm_imports import importing_home, linked_world


@pytest.fixture
def who_gains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The page on a small world with links, at the country whose firms are loaded, with a tariff on its imports."""
    monkeypatch.chdir(PROJECT)
    linked_world().save(tmp_path / "linked.world")
    importing_home().save(tmp_path / "home.parquet")
    monkeypatch.setenv("FIRMTRADE_WORLD", str(tmp_path / "linked.world"))
    monkeypatch.setenv("FIRMTRADE_HOME", str(tmp_path / "home.parquet"))
    app = AppTest.from_file(str(PROJECT / "app.py")).run()
    app.switch_page("pages/who_gains.py").run()
    app.session_state["store"].country = "ZAF"
    return app.run()


def test_imported_inputs_are_solved_when_asked_for(who_gains: AppTest) -> None:
    app = who_gains
    assert not app.exception and "Firms that import their inputs" in html(app)
    assert "data-own-inputs" not in html(app)
    app.toggle(key="own_inputs").set_value(True).run()
    words = html(app)
    assert not app.exception and "data-own-inputs" in words
    assert "With each firm" in words and "Costs without imports" in words and "Exporters who import" in words


def test_groups_of_firms_and_the_safeguard_follow_kind_and_measure(who_gains: AppTest) -> None:
    app = who_gains
    words = html(app)
    assert "Which firms gain" in words and "data-safeguard" in words
    kinds = app.segmented_control(key="who_gains_kind")
    assert kinds.options == ["Persons engaged", "Age of the firm", "Region", "Exporting before"]
    kinds.set_value("exporting").run()
    app.segmented_control(key="who_gains_measure").set_value("sales").run()
    assert not app.exception and "Do not export yet" in html(app) and "Share of sales before" in html(app)


def test_diversification_has_a_lever_that_adds_a_card(who_gains: AppTest) -> None:
    app = who_gains
    assert 'data-spread="ZAF"' in html(app) and "Share of the largest destination" in html(app)
    before = len(app.session_state["store"].scenario.cards)
    app.button(key="spread_lever").click().run()
    cards = app.session_state["store"].scenario.cards
    assert not app.exception and len(cards) == before + 1 and cards[-1].kind == "fixed_cost"
    assert "firm-market pair" in html(app)
