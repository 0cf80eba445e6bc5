"""The record of predictions on screen: opens filled, tells skill as it is, keeps and scores forecasts of one's own."""

from __future__ import annotations

from html import unescape
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from firmtrade_core.backtests.board import stored_board
from firmtrade_core.paths import PROJECT
from tests.app.test_pages import html


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AppTest:
    monkeypatch.chdir(PROJECT)
    monkeypatch.delenv("FIRMTRADE_WORLD", raising=False)
    monkeypatch.setenv("FIRMTRADE_LIBRARY", f"sqlite:///{tmp_path / 'library.sqlite'}")
    app = AppTest.from_file(str(PROJECT / "app.py")).run()
    app.switch_page("pages/backtests.py").run()
    assert not app.exception
    return app


def test_it_opens_filled_with_every_episode(page: AppTest) -> None:
    shown = html(page)
    for episode in stored_board().episodes:
        assert episode.title in shown
    assert "correlation 0.67 at a trade elasticity of 4" in shown and "without China" in shown
    assert "Largest misses" in shown and "Taiwan" in shown
    assert "no better than" in shown and "Short run and long run" in shown
    assert "nan" not in shown.lower().replace("finance", "")


def test_every_episode_can_be_looked_at(page: AppTest) -> None:
    chooser = page.selectbox(key="backtest_episode")
    for key in chooser.options:
        found = next(e for e in stored_board().episodes if e.title == key)
        page.selectbox(key="backtest_episode").set_value(found.key).run()
        assert not page.exception
        assert found.words[:60] in unescape(html(page))
    # The panel holds no duties of the trade war, and the page says so.
    page.selectbox(key="backtest_episode").set_value("us_china_2018").run()
    assert "know no trade war" in html(page)


def test_a_forecast_is_entered_and_listed_with_its_hash(page: AppTest) -> None:
    page.text_input(key="forecast_name").set_value("My forecast").run()
    page.button(key="forecast_enter").click().run()
    assert not page.exception
    shown = html(page)
    assert "Entered as My forecast" in shown and "hash" in shown
    page.button(key="forecast_enter").click().run()
    assert "never replaced" in html(page)
    assert page.selectbox(key="forecast_chosen").options == ["My forecast"]
