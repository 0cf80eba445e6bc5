"""The lab on policies in force: the day on a slider, the story beside it, and a schedule of one's own."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest

from firmtrade_core.figures import Chart
from firmtrade_core.scenarios import Scenario, load_preset
from firmtrade_core.scenarios.links import encode
from firmtrade_core.scenarios.offers import read_offer
from firmtrade_core.scenarios.schema import TariffSchedule
from firmtrade_core.world.embedded import load_embedded_world
from pages.parts.frame import chart
from pages.parts.lab.tariff_lines import _digest
from tests.app.conftest import headline
from tests.app.test_pages import html, lab


def test_policies_in_force_move_with_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    app = lab(monkeypatch)
    app.selectbox(key="preset").set_value("us_in_force_2026_08_22").run()
    assert not app.exception
    shown = html(app)
    assert "in force on 22 August 2026" in shown and "Canadian goods" in shown and "Section 338" in shown
    slider = next(s for s in app.select_slider if s.label == "Policy on this day")
    assert slider.value == date(2026, 8, 22) and len(slider.options) == 9
    slider.set_value(date(2026, 2, 21)).run()
    assert not app.exception
    shown = html(app)
    assert "in force on 21 February 2026" in shown and "Supreme Court" in shown
    assert app.session_state["store"].scenario.cards[0].day == date(2026, 2, 21)


@pytest.mark.browser
def test_the_first_page_opens_by_its_name_too(open_page) -> None:
    """Streamlit ignores the address of the page that opens first, and complained over it."""
    code = encode(load_preset("us_in_force_2026_08_22"), load_embedded_world())
    page = open_page(f"briefing?s={code}")
    headline(page, "in force on 22 August 2026")
    assert page.get_by_text("Page not found").count() == 0
    assert "?s=1." in page.url
    for group in ("Policy", "Firms", "Evidence"):
        assert page.locator('[data-testid="stSidebarNav"]').get_by_text(group, exact=True).count() >= 1


def test_map_and_briefing_say_what_is_in_force_and_from_when(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    real = chart.draw

    def noted(shown: Chart, **given: Any) -> None:
        drawn.append(f"{shown.title} {shown.subtitle}")
        real(shown, **given)

    monkeypatch.setattr(chart, "draw", noted)
    app = lab(monkeypatch)
    app.selectbox(key="preset").set_value("us_in_force_2026_08_22").run()
    assert any("in force on 22 August 2026" in words for words in drawn)
    slider = next(s for s in app.select_slider if s.label == "Policy on this day")
    drawn.clear()
    slider.set_value(date(2026, 2, 21)).run()
    assert any("in force on 21 February 2026" in words for words in drawn)
    app.switch_page("pages/briefing.py").run()
    assert not app.exception and "in force on 21 February 2026" in html(app)


def test_a_day_beyond_the_table_asks_for_a_file_and_says_its_age(monkeypatch: pytest.MonkeyPatch) -> None:
    class Later(date):
        @classmethod
        def today(cls) -> date:
            return date(2027, 3, 10)

    monkeypatch.setattr("pages.parts.lab.levers.date", Later)
    app = lab(monkeypatch)
    app.selectbox(key="preset").set_value("us_in_force_2026_08_22").run()
    shown = html(app)
    assert "100 days before" in shown and "bring a table of your own" in shown


def test_tariff_lines_on_the_card_show_how_they_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = pd.DataFrame(
        {"hs": ["720839", "870323"], "base": ["10 %", "30 %"], "final": [0, 0], "staging": [0, 3]}
    )
    trade = pd.DataFrame(
        {"hs": ["720839", "721049", "870323"], "exporter": ["CHN"] * 3, "trade": [50.0, 50.0, 100.0]}
    )
    offer = read_offer(lines, trade)
    rows = offer.rows(start=date(2027, 1, 1))
    app = lab(monkeypatch)
    card = TariffSchedule(importers="USA", rows=rows)
    app.session_state["store"].become(Scenario(cards=(card,)))
    app.session_state["card_0_offer"] = (_digest(rows), offer)
    app.run()
    assert not app.exception
    shown = html(app)
    assert "Lines that matter most" in shown and "870323, China" in shown and "50.0 %" in shown
    step = next(s for s in app.select_slider if s.label == "Step in force")
    assert len(step.options) == 3
    step.set_value(date(2027, 1, 1)).run()
    assert not app.exception and app.session_state["store"].scenario.cards[0].day == date(2027, 1, 1)
