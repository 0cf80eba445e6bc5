"""The Trade costs page: without a browser, and one path in a real one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from firmtrade_core.gravity.geography import geography
from firmtrade_core.paths import PROJECT
from pages.parts.costs import trade_panels
from tests.app.conftest import choose, rested, said
from tests.gravity.panels import gravity_table, phased_in

CODES = ("DEU", "FRA", "USA", "JPN", "CHN", "BRA", "IND", "GBR")


def html(app: AppTest) -> str:
    return " ".join(element.proto.body for element in app.get("html"))


def page(monkeypatch: pytest.MonkeyPatch, panel: str = "") -> AppTest:
    monkeypatch.chdir(PROJECT)
    monkeypatch.delenv("FIRMTRADE_WORLD", raising=False)
    monkeypatch.setenv("FIRMTRADE_PANEL", panel)
    app = AppTest.from_file(str(PROJECT / "app.py")).run()
    app.switch_page("pages/trade_costs.py").run()
    assert not app.exception
    return app


def charts(app: AppTest) -> list[dict[str, Any]]:
    """Every chart on the page as plain data."""
    found = (json.loads(element.proto.bytes or element.proto.json) for element in app.get("bidi_component"))
    return [spec for spec in found if "title" in spec]


def own_panel(path: Path, table: pd.DataFrame | None = None) -> Path:
    """A small panel of real countries with tariffs over some years."""
    table = gravity_table(len(CODES), noise=0.1) if table is None else table
    names = dict(zip([f"C{i:02d}" for i in range(len(CODES))], CODES, strict=True))
    table = table.replace({"exporter": names, "importer": names}).drop(columns=["dist", "contiguity"])
    table.to_parquet(path)
    return path


def test_the_shipped_world_is_estimated_with_its_caveat(monkeypatch: pytest.MonkeyPatch) -> None:
    app = page(monkeypatch)
    words = html(app)
    assert "Twice as far means" in words and "6\u202f561 of 6\u202f561 observations used" in words
    assert "gravity prior" in words and "not as evidence" in words
    keys = " ".join(element.proto.id for element in app.get("download_button"))
    for name in ("coefficients", "fitted", "gravity_years", "gravity_sets"):
        assert f"download_{name}_csv" in keys and f"download_{name}_xlsx" in keys
    app.selectbox(key="gravity_sector").set_value("metals").run()
    assert not app.exception and html(app) != words
    app.segmented_control(key="gravity_estimator").set_value("ols").run()
    assert not app.exception and "least squares on logs" in html(app)
    app.selectbox(key="gravity_map").set_value("inward").run()
    assert not app.exception and "Nothing to map" not in html(app)


def test_an_elasticity_set_goes_into_the_scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    app = page(monkeypatch)
    assert "Not usable (wrong sign or too noisy)" in html(app) and "Forestry (−5.5)" in html(app)
    app.button(key="gravity_use").click().run()
    assert app.session_state["store"].scenario.structure.elasticity == "GRAV"
    app.selectbox(key="gravity_set").set_value("FGO").run()
    assert "Not usable" not in html(app)
    app.button(key="gravity_use").click().run()
    assert app.session_state["store"].scenario.structure.elasticity == "FGO"


def test_an_estimated_effect_becomes_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    app = page(monkeypatch)
    before = len(app.session_state["store"].scenario.cards)
    app.button(key="gravity_add").click().run()
    cards = app.session_state["store"].scenario.cards
    assert len(cards) == before + 1 and cards[-1].kind == "trade_cost" and cards[-1].exporters == ("EU",)


def test_a_named_panel_has_years_tariffs_and_pair_effects(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    app = page(monkeypatch, str(own_panel(tmp_path / "own.parquet")))
    app.selectbox(key="gravity_source").set_value("named").run()
    assert not app.exception and "256 of 256 observations used" in html(app)
    app.multiselect(key="gravity_regressors").set_value(["log1p(tariff)"]).run()
    app.toggle(key="gravity_pairs").set_value(True).run()
    assert not app.exception and "pair effects" in html(app)
    # Distance is explained by the pairs: the choice is kept and the reason given.
    app.multiselect(key="gravity_regressors").set_value(["log(dist)"]).run()
    assert (
        not app.exception and "No estimate to show" in html(app) and "explained by the effects" in html(app)
    )


def test_before_and_after_a_policy_of_known_effect(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = own_panel(tmp_path / "own.parquet", phased_in(len(CODES), noise=0.02))
    app = page(monkeypatch, str(path))
    assert "Cannot be told from one year of trade" in html(app)
    app.selectbox(key="gravity_source").set_value("named").run()
    app.multiselect(key="gravity_regressors").set_value(["log1p(tariff)"])
    app.segmented_control(key="gravity_estimator").set_value("ols")
    app.session_state["gravity_event"] = True
    app.run()
    assert not app.exception
    # Every year by default, as far as the panel's ten years allow; then in steps of two.
    assert (
        app.number_input(key="gravity_leads").value == 2 and app.number_input(key="gravity_lags").value == 3
    )
    app.number_input(key="gravity_interval").set_value(2)
    app.number_input(key="gravity_leads").set_value(1)
    app.number_input(key="gravity_lags").set_value(1).run()
    assert not app.exception
    words = html(app)
    assert "Before the policy (2 years ahead)" in words and "chance of" in words
    study = next(c for c in charts(app) if c["title"].startswith("Trade agreement"))
    drawn = next(trace for trace in study["data"] if trace["mode"] == "lines" and trace["line"]["width"])
    assert drawn["x"] == [0, 2] and drawn["y"] == pytest.approx([0.3, 0.5], abs=0.05)
    assert "2 years on, trade is" in study["title"] and "own.parquet" in study["subtitle"]
    assert "Window(step=2, leads=1, lags=1)" in " ".join(c.value for c in app.code)
    app.number_input(key="gravity_lags").set_value(6).run()
    assert not app.exception and "No study to show" in html(app) and "Look less far" in html(app)


def test_a_panel_without_a_policy_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    app = page(monkeypatch, str(own_panel(tmp_path / "own.parquet")))
    app.selectbox(key="gravity_source").set_value("named").run()
    assert "no column of zeros and ones that switches within a pair" in html(app)


def test_uploads_are_read_or_refused_in_words(tmp_path: Path) -> None:
    path = own_panel(tmp_path / "own.parquet")
    found = trade_panels.read_upload("own.parquet", path.read_bytes())
    assert found.name == "own.parquet" and {"dist", "tariff"} <= set(found.panel.table)
    given = geography(CODES).loc[:, "dist"]
    assert found.panel.table["dist"].iloc[0] == given.iloc[0]
    percent = pd.read_parquet(path)
    percent["tariff"] *= 100
    percent.to_parquet(path)
    with pytest.raises(ValueError, match="look like percent"):
        trade_panels.read_upload("own.parquet", path.read_bytes())


@pytest.mark.browser
def test_charts_are_drawn_and_the_map_follows_the_choice(open_page: Callable[..., Any]) -> None:
    page = open_page("trade_costs")
    page.wait_for_selector('.ft-chart[data-kind="map"][data-result]')
    page.wait_for_selector('.ft-chart[data-result^="set"] .ft-plot svg')
    rested(page)
    before = page.locator('.ft-chart[data-kind="map"]').get_attribute("data-result")
    choose(page, "On the map", "Inward resistance (buyers)", exact=False)
    said(page, '.ft-chart[data-kind="map"] h3', "Inward resistance")
    assert page.locator('.ft-chart[data-kind="map"]').get_attribute("data-result") != before
    assert page.locator(".ft-chart[data-failed]").count() == 0


def test_a_large_sample_waits_for_a_click(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(trade_panels, "QUICK_ROWS", 100)
    app = page(monkeypatch, str(own_panel(tmp_path / "own.parquet")))
    app.selectbox(key="gravity_source").set_value("named").run()
    assert "256 observations: this takes a while" in html(app)
    app.button(key="gravity_go").click().run()
    assert not app.exception and "256 of 256 observations used" in html(app)
    assert not [button for button in app.button if button.key == "gravity_go"]
