"""The Methods page: the model told whole, published results live, and jobs that can be cancelled and resumed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from firmtrade_core.jobs import CancelledError, Checkpoints, silent
from firmtrade_core.jobs.line import turn
from firmtrade_core.paths import PROJECT
from firmtrade_core.published.replicate import stored_run
from firmtrade_core.published.replication import Report
from firmtrade_core.published.replication_job import run_replications
from firmtrade_core.report.methods import ASSUMPTIONS, GLOSSARY, PARTS, component_versions
from tests.app.accessibility import serious_findings
from tests.app.conftest import said
from tests.app.test_pages import html
from tests.limits import HANGS

Opener = Callable[..., Any]


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> AppTest:
    import streamlit

    monkeypatch.chdir(PROJECT)
    monkeypatch.delenv("FIRMTRADE_WORLD", raising=False)
    # What other tests have run is shared by all sessions.
    streamlit.cache_resource.clear()
    app = AppTest.from_file(str(PROJECT / "app.py")).run()
    app.switch_page("pages/methods.py").run()
    assert not app.exception
    return app


def until(app: AppTest, words: str) -> str:
    """What the page says once it says certain words."""
    end = time.monotonic() + HANGS
    while words not in html(app) and time.monotonic() < end:
        time.sleep(0.3)
        app.run()
    assert words in html(app)
    return html(app)


def test_model_assumptions_versions_and_citation(app: AppTest) -> None:
    words = html(app)
    assert all(part.title in words for part in PARTS) and len(app.latex) == sum(
        len(p.equations) for p in PARTS
    )
    assert words.count("<tr><th scope='row'>") >= len(ASSUMPTIONS)
    assert component_versions()["numpy"] in words and "(2026). firmtrade" in words
    assert "@software{firmtrade" in app.code[0].value


def test_the_stored_run_comes_first(app: AppTest) -> None:
    words = html(app)
    for report in stored_run().values():
        assert escape(report.title) in words and escape(report.verdict) in words
    assert words.count("not rerun here") == len(stored_run())


def test_the_glossary_is_searched(app: AppTest) -> None:
    app.text_input(key="glossary").set_value("fingerprint").run()
    assert "Content hash" in html(app) and GLOSSARY["Gravity"] not in html(app)
    app.text_input(key="glossary").set_value("<b>nothing").run()
    assert "No such term here" in html(app)


def test_missing_data_leave_the_stored_run_and_say_why(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FIRMTRADE_DATA", str(tmp_path))
    app.button(key="job_start").click().run()
    words = until(app, "could not be run here")
    assert "missing below" in words and words.count("not rerun here") == len(stored_run())
    assert app.button(key="job_start").label == "Run again"


def test_a_run_is_cancelled_and_carries_on(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FIRMTRADE_DATA", str(tmp_path))
    # In a line of its own with one place, which is taken until the run is cancelled.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("FIRMTRADE_JOBS", "1")
    with turn(lambda _: None):
        app.button(key="job_start").click().run()
        app.button(key="job_cancel").click().run()
        assert "not rerun here" in html(app) and "could not be run" not in html(app)
    app.button(key="job_resume").click().run()
    until(app, "could not be run here")


def test_finished_steps_stay_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computed = []

    def compute(name: str) -> Report:
        computed.append(name)
        return replace(stored_run()[name], rerun_here=True)

    def call_off(fraction: float, message: str) -> None:
        if fraction > 0:
            raise CancelledError

    monkeypatch.setattr("firmtrade_core.published.replication_job.replicate", compute)
    names = ("nafta", "trade-without-borders")
    kept = Checkpoints(tmp_path)
    with pytest.raises(CancelledError):
        run_replications(names, "one", progress=call_off, checkpoints=kept)
    found = run_replications(names, "one", progress=silent, checkpoints=kept)
    assert computed == list(names) and list(found) == list(names)
    run_replications(names, "two", progress=silent, checkpoints=kept)
    assert computed == [*names, *names]


@pytest.mark.data
@pytest.mark.truth
def test_a_run_made_here_replaces_the_stored_one(app: AppTest, needs_data: Callable[[str], Path]) -> None:
    needs_data("caliendo-parro-2015")
    app.button(key="job_start").click().run()
    words = until(app, "</b> · run on 20")
    assert "not rerun here" not in words and words.count("numbers within their band") == len(stored_run())


@pytest.mark.browser
@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1280), pytest.param("dark", 1920, marks=pytest.mark.truth)]
)
def test_in_a_browser(open_page: Opener, scheme: str, width: int) -> None:
    page = open_page("methods", scheme=scheme, width=width)
    page.locator(".katex-display").nth(8).wait_for()
    said(page, ".stMain", "19 of 19 numbers")
    # No equation runs out of its column.
    over = page.evaluate(
        "[...document.querySelectorAll('.katex-display > .katex')].filter(e => e.getBoundingClientRect().width > "
        "e.parentElement.getBoundingClientRect().width + 1).length"
    )
    assert over == 0
    assert not serious_findings(page)
