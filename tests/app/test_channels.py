"""The Channels page: waits for no one, estimates in a job, shows what came out; bad folders are named."""

from __future__ import annotations

import time
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from firmtrade_core.panel import FirmPanel
from firmtrade_core.paths import PROJECT
from tests.app.conftest import rested, served
from tests.channels.panels import panel_of
from tests.limits import HANGS


@pytest.fixture(scope="module")
def firms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return panel_of().save(tmp_path_factory.mktemp("firms"))


def html(app: AppTest) -> str:
    return " ".join(element.proto.body for element in app.get("html"))


def opened(monkeypatch: pytest.MonkeyPatch, folder: Path | str) -> AppTest:
    monkeypatch.chdir(PROJECT)
    monkeypatch.delenv("FIRMTRADE_WORLD", raising=False)
    monkeypatch.setenv("FIRMTRADE_FIRMS", str(folder))
    app = AppTest.from_file(str(PROJECT / "app.py")).run()
    app.switch_page("pages/channels.py").run()
    assert not app.exception
    return app


def test_a_job_gives_effects_beside_predictions(monkeypatch: pytest.MonkeyPatch, firms: Path) -> None:
    app = opened(monkeypatch, firms)
    assert "Nothing is estimated yet" in html(app)
    app.button(key="effects_start").click().run()
    assert not app.exception
    bench = app.session_state["effects"]
    deadline = time.monotonic() + HANGS
    while not bench.look().finished and time.monotonic() < deadline:
        time.sleep(0.5)
    app.run()
    assert not app.exception
    shown = html(app)
    assert "Effect on capability" in shown and "Synthetic firms: no such firm exists" not in shown
    assert "Leaving one sector out" in shown and "Placebo" in shown and "Every attribute" in shown
    assert "What it rests on" in shown and "Placebo, instrumented" not in shown
    report = bench.report()
    assert "the engine's σ" in unescape(shown) and report.capability[0] in shown
    bench.attribute = "skill_share"
    app.run()
    assert not app.exception
    assert "of 10 points more" in html(app)


def test_the_reader_leaves_out_and_names_a_second_measurement(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    panel = panel_of()
    sized = FirmPanel.from_frames(panel.firms.assign(employment=12.0), panel.trade, metadata=panel.metadata)
    app = opened(monkeypatch, sized.save(tmp_path))
    bench = app.session_state["effects"]
    app.multiselect(key="effects_left_out").set_value(["age"]).run()
    app.selectbox(key="effects_detailed").set_value("skill_share").run()
    app.selectbox(key="effects_proxy_skill_share").set_value("initial_employment").run()
    assert not app.exception
    request = bench.request()
    assert request.leave_out == ("age",)
    question = next(each for each in request.questions if each.attribute == "skill_share")
    assert question.proxy == "initial_employment"
    # What is asked about itself is neither left out nor a measurement of something else.
    app.multiselect(key="effects_studied").set_value(["skill_share", "initial_employment", "age"]).run()
    assert not app.exception
    request = bench.request()
    assert request.leave_out == () and not any(each.proxy for each in request.questions)
    # Productivity of the year before may be asked about once it explains; no longer when it does not.
    assert bench.with_earlier(True)  # of a named folder it does unless switched off
    app.multiselect(key="effects_studied").set_value(["earlier_employment"]).run()
    assert not app.exception and [q.attribute for q in bench.questions()] == ["earlier_employment"]
    app.toggle(key="effects_earlier").set_value(False).run()
    assert not app.exception and bench.questions() == ()
    app.button(key="effects_usual").click().run()
    assert not app.exception and bench.asks_the_usual


def test_a_folder_without_firms_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "holds no firms.parquet" in html(opened(monkeypatch, tmp_path))


@pytest.mark.truth
@pytest.mark.browser
def test_the_page_in_a_browser(open_page: Callable[..., Any], firms: Path) -> None:
    environment = {"FIRMTRADE_WORLD": "", "FIRMTRADE_FIRMS": str(firms)}
    with served(environment) as running:
        page = open_page("channels", at=running.address)
        rested(page)
        page.get_by_role("button", name="Estimate effects").click()
        page.wait_for_selector(".ft-number .ft-value")
        page.wait_for_selector(".ft-chart[data-result]")
        rested(page)
        assert "Evidence" in page.locator(".ft-numbers").inner_text()
        assert page.get_by_role("button", name="Model card").is_visible()
        # Before its server goes, or the page complains of that.
        page.close()


def test_shocks_to_own_markets_are_told_or_refused(monkeypatch: pytest.MonkeyPatch, firms: Path) -> None:
    app = opened(monkeypatch, firms)
    app.toggle(key="effects_shocks").set_value(True).run()
    assert not app.exception
    assert "No shocks to show" in html(app)  # one year of firms, no products
    monkeypatch.delenv("FIRMTRADE_FIRMS")
    monkeypatch.chdir(PROJECT)
    app = AppTest.from_file(str(PROJECT / "app.py")).run()
    app.switch_page("pages/channels.py").run()
    app.toggle(key="effects_shocks").set_value(True).run()
    app.selectbox(key="shocks_through").set_value("imports").run()
    assert not app.exception
    shown = unescape(html(app))
    assert (
        "set over shocks" in shown
        and "As many equal clusters" in shown
        and "synthetic, no such firm exists" in shown
    )
