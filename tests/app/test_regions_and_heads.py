"""Chile opens with its own firms: regions have names and places, jobs heads, sizes classes; elsewhere the page says what is not known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from firmtrade_core.paths import PROJECT
from tests.app.test_pages import html
from tests.scenarios.conftest import synthetic_world


@pytest.fixture
def page() -> Iterator[AppTest]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(PROJECT)
        for name in ("FIRMTRADE_WORLD", "FIRMTRADE_HOME", "FIRMTRADE_FIRMS"):
            patch.delenv(name, raising=False)
        app = AppTest.from_file(str(PROJECT / "app.py")).run()
        yield app


def charts(app: AppTest) -> set[str]:
    return set(app.session_state["charts_drawn"])


def test_who_gains_of_chile_is_filled_without_a_click(page: AppTest) -> None:
    page.selectbox(key="front_country").set_value("CHL").run()
    page.switch_page("pages/who_gains.py").run()
    words = html(page)
    assert not page.exception and 'data-heads="unknown"' not in words
    assert (
        "Firms of Chile (synthetic)" in words
        and page.session_state["store"].scenario.structure.family == "differing"
    )
    # In heads, by sector, class and region; regions have names.
    assert "persons of synthetic firms" in words and "Jobs in persons, by region (synthetic firms)" in words
    assert "Santiago Metropolitan" in words and "Region 0" not in words
    for size in ("Micro, 1 to 9", "Small, 10 to 49", "Medium, 50 to 249", "Large, 250 or more"):
        assert size in words
    page.segmented_control(key="who_gains_kind").set_value("region").run()
    assert not page.exception and "chart_who_gains_regions_exports" in charts(page)


def test_a_country_without_firms_says_that_heads_are_not_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(PROJECT)
    synthetic_world().save(tmp_path / "small.world")
    monkeypatch.setenv("FIRMTRADE_WORLD", str(tmp_path / "small.world"))
    monkeypatch.setenv("FIRMTRADE_HOME", "none")
    app = AppTest.from_file(str(PROJECT / "app.py")).run()
    app.switch_page("pages/who_gains.py").run()
    words = html(app)
    assert not app.exception and 'data-heads="unknown"' in words and "hold wages, not heads" in words


def test_past_growth_opens_filled_and_says_that_it_is_invented(page: AppTest) -> None:
    page.switch_page("pages/attribution.py").run()
    page.segmented_control(key="question").set_value("growth").run()
    words = html(page)
    assert not page.exception and "happened nowhere" in words and "Competition abroad" in words
    assert "synthetic" in words and page.selectbox(key="growth_from").value == "2017 (synthetic)"
    assert {"chart_waterfall", "chart_parts_partner", "chart_parts_product"} <= charts(page)
