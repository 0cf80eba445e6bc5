"""The lab on policies in force: the day on a slider, the story beside it, and a schedule of one's own."""

from __future__ import annotations

from datetime import date

import pytest

from firmtrade_core.scenarios import load_preset
from firmtrade_core.scenarios.links import encode
from firmtrade_core.world.embedded import load_embedded_world
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
    page.get_by_role("heading", name="in force on 22 August 2026").wait_for()
    assert page.get_by_text("Page not found").count() == 0
    assert "?s=1." in page.url
    for group in ("Policy", "Firms", "Evidence"):
        assert page.locator('[data-testid="stSidebarNav"]').get_by_text(group, exact=True).count() >= 1
