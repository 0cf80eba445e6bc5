"""The Best policy page: opens filled, answers what is asked, refuses with the reason, hands its answers to the lab."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from firmtrade_core.paths import PROJECT
from tests.app.accessibility import serious_findings
from tests.app.conftest import choose, headline, said
from tests.app.test_pages import html


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.chdir(PROJECT)
    monkeypatch.delenv("FIRMTRADE_WORLD", raising=False)
    app = AppTest.from_file(str(PROJECT / "app.py")).run()
    app.switch_page("pages/best_policy.py").run()
    assert not app.exception
    return app


def test_it_opens_with_the_best_rate_and_what_stands_beside_it(app: AppTest) -> None:
    words = html(app)
    assert "Best rate" in words and "Gain gone at" in words and "Undone by retaliation of" in words
    assert re.search(r"\+1[0-9]\.?\d*<small>points", words) or re.search(r"\+1[0-9]<small>points", words)
    assert "At rest" in words and "first-order formula" in words
    assert app.button(key="best_open_own")


def test_the_instrument_by_sector_and_a_weighted_sector(app: AppTest) -> None:
    app.selectbox(key="best_instrument").set_value("sector").run()
    app.selectbox(key="best_objective").set_value("weighted").run()
    assert not app.exception
    words = html(app)
    assert "Best rates, simple mean" in words and "Weighted real income" in words


def test_fixed_deficits_are_refused_with_the_reason(app: AppTest) -> None:
    app.session_state["store"].edit_structure({"deficits": "fixed"})
    app.run()
    assert not app.exception
    assert "no best tariff under fixed trade deficits" in html(app)


def test_others_answer_and_agree_on_demand(app: AppTest) -> None:
    app.button(key="best_ask_war").click().run()
    assert not app.exception
    words = html(app)
    assert "Who answers, and with what" in words and "At rest" in words
    app.button(key="best_ask_together").click().run()
    assert not app.exception
    assert "Real income, together" in html(app)


def test_the_answer_becomes_the_scenario(app: AppTest) -> None:
    app.button(key="best_open_own").click().run()
    assert not app.exception
    scenario = app.session_state["store"].scenario
    assert scenario.name.startswith("Best tariff of")
    assert scenario.cards[-1].kind == "tariff" and scenario.cards[-1].value > 0.05


def test_a_budget_gets_a_rule_on_demand(app: AppTest) -> None:
    app.button(key="best_ask_budget").click().run()
    assert not app.exception
    words = html(app)
    assert "The rule: treat" in words and "On firms not used to choose it" in words
    assert "stops paying at" in words and "At random" in words


def test_it_is_painted_and_follows_the_country(open_page: Callable[..., Any]) -> None:
    page = open_page("best_policy")
    said(page, ".stMain", "Best rate")
    assert page.locator('.ft-chart[data-kind="curve"] .plotly').first.is_visible()
    assert "Best rate" in page.locator(".ft-numbers").first.inner_text()
    before = page.locator(".ft-numbers").first.get_attribute("data-result")
    choose(page, "Country", "Japan")
    headline(page, "Japan")
    assert page.locator(".ft-numbers").first.get_attribute("data-result") != before
    assert not serious_findings(page)
