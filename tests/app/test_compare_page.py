"""The Compare page: two scenarios on one scale, the library, and databases that cannot serve."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from firmtrade_core.paths import PROJECT
from firmtrade_core.scenarios import load_preset, run
from firmtrade_core.scenarios.library import Library
from firmtrade_core.world.embedded import load_embedded_world
from tests.app.accessibility import serious_findings
from tests.app.conftest import MAP as ANY_MAP
from tests.app.conftest import choose, rested, said
from tests.app.test_exports import taken
from tests.app.test_pages import html

#: The two that stand side by side, not the small ones of several at once.
MAP = f'{ANY_MAP}:not([id^="chart_several"])'


Opener = Callable[..., Any]

WAR = load_preset("us_china_trade_war")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "scenarios.sqlite"


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, file: Path) -> AppTest:
    monkeypatch.chdir(PROJECT)
    monkeypatch.delenv("FIRMTRADE_WORLD", raising=False)
    monkeypatch.setenv("FIRMTRADE_LIBRARY", f"sqlite:///{file}")
    return opened()


def opened() -> AppTest:
    app = AppTest.from_file(str(PROJECT / "app.py")).run()
    app.switch_page("pages/compare.py").run()
    assert not app.exception
    return app


def save(app: AppTest, name: str = "", tags: str = "") -> None:
    app.text_input(key="library_name").set_value(name)
    app.text_input(key="library_tags").set_value(tags)
    app.button(key="library_save").click().run()
    assert not app.exception


def names(file: Path) -> list[str]:
    return [saved.name for saved in Library(f"sqlite:///{file}").search()]


def test_save_search_open_delete_and_undo(app: AppTest, file: Path) -> None:
    save(app, "Ten points", "tariff, usa")
    assert "Saved as Ten points" in html(app) and names(file) == ["Ten points"]
    assert app.text_input(key="library_name").value == ""
    app.session_state["store"].become(WAR)
    save(app, "War")
    assert names(file) == ["War", "Ten points"]
    app.text_input(key="library_search").set_value("usa").run()
    assert "ft_saved" not in html(app) and '<b>Ten points</b><span class="ft-tag">' in html(app)
    key = Library(f"sqlite:///{file}").search("tariff", ["usa"])[0].key
    app.button(key=f"library_open_{key}").click().run()
    store = app.session_state["store"]
    assert store.scenario.name == "Ten points" and store.past[-1] == WAR
    app.button(key=f"library_delete_{key}").click().run()
    assert names(file) == ["War"] and "Deleted Ten points." in html(app)
    app.button(key="library_undo").click().run()
    assert sorted(names(file)) == ["Ten points", "War"] and "Ten points is back." in html(app)


def test_a_name_that_is_taken_keeps_what_was_typed(app: AppTest, file: Path) -> None:
    save(app, "Mine")
    app.session_state["store"].become(WAR)
    save(app, "mine", "other")
    assert "already called" in html(app)
    assert app.text_input(key="library_name").value == "mine"
    assert app.text_input(key="library_tags").value == "other"
    app.checkbox(key="library_replace").check()
    app.button(key="library_save").click().run()
    assert names(file) == ["mine"]
    assert Library(f"sqlite:///{file}").search()[0].scenario().cards == WAR.cards


def test_a_locked_library_says_so_and_loses_nothing(
    app: AppTest, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(app, "Kept")
    from pages.parts.lab import saved

    hasty = Library(f"sqlite:///{file}", patience=0.05)
    monkeypatch.setattr(saved, "library", lambda: hasty)
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    save(app, "Another")
    words = html(app)
    assert "Not saved" in words and "busy" in words and "The library cannot be read" in words
    assert 'data-kind="map"' in words or app.session_state["library_name"] == "Another"
    holder.execute("ROLLBACK")
    app.button(key="library_save").click().run()
    assert names(file) == ["Another", "Kept"]


def test_a_library_that_can_only_be_read(app: AppTest, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(app, "Kept")
    monkeypatch.setenv("FIRMTRADE_LIBRARY", f"sqlite:///file:{file}?mode=ro&uri=true")
    app = opened()
    assert "<b>Kept</b>" in html(app)
    save(app, "New")
    assert "can only be read" in html(app) and app.text_input(key="library_name").value == "New"
    app.button(key="library_delete_1").click().run()
    assert "Not deleted" in html(app) and names(file) == ["Kept"]


def test_a_full_library(app: AppTest, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sqlalchemy

    from pages.parts.lab import saved

    save(app, "Kept")
    full = Library(f"sqlite:///{file}")
    sqlalchemy.event.listen(full._engine, "begin", lambda c: c.exec_driver_sql("PRAGMA max_page_count = 1"))
    monkeypatch.setattr(saved, "library", lambda: full)
    app.session_state["store"].become(WAR.with_(description="word " * 199))
    for number in range(30):
        save(app, f"long {number}")
        if "Not saved" in html(app):
            break
    assert "is full: free some space" in html(app)
    assert "Kept" in names(file)


def test_a_damaged_library(app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "damaged.sqlite"
    other.write_bytes(b"not a database at all, but long enough to be looked at" * 20)
    monkeypatch.setenv("FIRMTRADE_LIBRARY", f"sqlite:///{other}")
    app = opened()
    assert "damaged or holds something else" in html(app) and "the two in numbers" in html(app)


def test_any_two_can_be_compared(app: AppTest) -> None:
    app.selectbox(key="compared_first_widget").set_value("preset eu_mercosur").run()
    assert not app.exception
    words = html(app)
    world = load_embedded_world()
    usa = world.country_index("USA")
    first, second = (run(load_preset(name), world) for name in ("eu_mercosur", "us_ten_points"))
    between = 100 * (second.exports_change[usa] / first.exports_change[usa] - 1)
    assert f"{abs(between):.0f}" in words and "The difference" in words
    app.button(key="swap").click().run()
    assert app.selectbox(key="compared_second_widget").value == "preset eu_mercosur"
    app.selectbox(key="compared_first_widget").set_value("baseline").run()
    assert "The difference" not in html(app) and not app.exception
    app.selectbox(key="compared_second_widget").set_value("baseline").run()
    assert "Two baselines" in html(app)
    app.selectbox(key="compared_first_widget").set_value("now").run()
    assert "the two in numbers" in html(app) and not app.exception


@pytest.mark.parametrize("key", ["exporters", "duties", "prices"])
def test_back_from_a_scenario_to_the_baseline(key: str) -> None:
    from firmtrade_core.figures import outcome
    from pages.compare import _reversed

    world = load_embedded_world()
    result = run(load_preset("us_ten_points"), world)
    found = outcome(result, key)
    back = _reversed(found)
    if key == "duties":
        np.testing.assert_allclose(back.change, -found.change)
    else:
        np.testing.assert_allclose(
            (1 + back.change / 100) * (1 + found.change / 100), np.where(np.isnan(found.change), np.nan, 1)
        )


@pytest.mark.browser
def test_side_by_side_in_a_browser(open_page: Opener) -> None:
    page = open_page("compare")
    page.locator(f"{MAP}[data-result]").first.wait_for()
    rested(page)
    assert page.locator(MAP).count() == 1
    choose(page, "First", "EU-Mercosur", exact=False)
    page.locator(f"{MAP}[data-result]").nth(2).wait_for()
    rested(page)
    scales = page.evaluate(
        "selector => [...document.querySelectorAll(selector)].map(f => f.querySelector('.ft-plot').layout.coloraxis.cmax)",
        MAP,
    )
    assert scales[0] == scales[1]
    titles = page.locator(f"{MAP} h3").all_inner_texts()
    assert len(set(titles[:2])) == 2
    csv = taken(page, page.locator("[data-testid=stDownloadButton]").get_by_role("button", name="CSV").last)
    head = csv.decode("utf-8-sig")
    assert "# First, in words" in head and "# Second, in words" in head
    table = pd.read_csv(io.BytesIO(csv), comment="#")
    assert len(table) == 8 * 81 and any(
        column.startswith("Difference, from the first to the second") for column in table.columns
    )
    assert not serious_findings(page)
    wide = page.evaluate(
        "(e => e.scrollWidth - e.clientWidth)(document.querySelector('[data-testid=stMain]'))"
    )
    assert wide <= 0


@pytest.mark.browser
def test_the_library_in_a_browser(open_page: Opener) -> None:
    page = open_page("compare", scheme="dark")
    rested(page)
    page.get_by_role("textbox", name="Name").fill("Minister's option")
    page.get_by_role("textbox", name="Tags").fill("cabinet")
    page.get_by_role("button", name="Save the scenario on screen").click()
    said(page, ".stMain", "Saved as Minister's option")
    assert not serious_findings(page)
    card = page.locator("[class*='st-key-ft_saved_']", has_text="Minister's option")
    yaml = taken(page, card.get_by_role("button", name="YAML")).decode()
    assert "kind: tariff" in yaml and load_embedded_world().content_hash in yaml
    card.get_by_role("button", name="Delete").click()
    rested(page)
    page.get_by_role("button", name="Undo: put Minister's option back").click()
    said(page, ".stMain", "Minister's option is back.")
    card.get_by_role("button", name="Compare").wait_for()
