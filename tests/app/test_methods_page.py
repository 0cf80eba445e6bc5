"""The Methods page: the model told whole, published results live, and jobs that can be cancelled and resumed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from firmtrade_core.paths import PROJECT
from firmtrade_core.report.methods import ASSUMPTIONS, GLOSSARY, PARTS, component_versions
from firmtrade_core.report.replicate import stored_run
from pages.parts.jobs import Job
from tests.app.accessibility import serious_findings
from tests.app.test_pages import html

Opener = Callable[..., Any]


def methods(monkeypatch: pytest.MonkeyPatch, job: Job | None = None) -> AppTest:
    monkeypatch.chdir(PROJECT)
    monkeypatch.delenv("FIRMTRADE_WORLD", raising=False)
    if job is not None:
        # The page file is run afresh each time: what it calls is put in its place there.
        monkeypatch.setattr("pages.parts.jobs.replication_job", lambda: job)
    app = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=30).run()
    app.switch_page("pages/methods.py").run()
    assert not app.exception
    return app


def wait(job: Job, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while job.running and time.monotonic() < until:
        time.sleep(0.05)
    assert not job.running


def test_model_assumptions_versions_and_citation(monkeypatch: pytest.MonkeyPatch) -> None:
    app = methods(monkeypatch, Job({}))
    words = html(app)
    assert all(part.title in words for part in PARTS) and len(app.latex) == sum(
        len(p.equations) for p in PARTS
    )
    assert words.count("<tr><th scope='row'>") >= len(ASSUMPTIONS)
    assert component_versions()["numpy"] in words and "(2026). firmtrade" in words
    assert "@software{firmtrade" in app.code[0].value


def test_the_stored_run_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    words = html(methods(monkeypatch, Job({})))
    for report in stored_run().values():
        assert (
            report.title in words
            and f"{len(report.rows)} of {len(report.rows)} numbers within their band" in words
        )
    assert words.count("not rerun here") == len(stored_run())


def test_the_glossary_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    app = methods(monkeypatch, Job({}))
    app.text_input(key="glossary").set_value("fingerprint").run()
    assert "Content hash" in html(app) and GLOSSARY["Gravity"] not in html(app)
    app.text_input(key="glossary").set_value("<b>nothing").run()
    assert "No such term here" in html(app)


def test_missing_data_leave_the_stored_run_and_say_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FIRMTRADE_DATA", str(tmp_path))
    job = Job({"nafta": ("replicate", "nafta", "--json")})
    app = methods(monkeypatch, job)
    app.button(key="job_start").click().run()
    wait(job)
    app.run()
    words = html(app)
    assert (
        "could not be run here" in words and "missing below" in words and words.count("not rerun here") == 2
    )


@pytest.mark.data
def test_a_run_made_here_replaces_the_stored_one(
    monkeypatch: pytest.MonkeyPatch, needs_data: Callable[[str], Path]
) -> None:
    needs_data("caliendo-parro-2015")
    job = Job({"nafta": ("replicate", "nafta", "--json")})
    app = methods(monkeypatch, job)
    app.button(key="job_start").click().run()
    assert "0 of 1 done" in " ".join(str(element.proto) for element in app.get("progress"))
    wait(job)
    app.run()
    words = html(app)
    assert words.count("not rerun here") == 1 and re.search(
        r"19 of 19 numbers within their band</b> · run on 20\d\d-", words
    )


def test_a_job_runs_in_order_and_keeps_what_is_finished() -> None:
    job = Job({"good": ("--help",), "bad": ("no-such-verb",)})
    job.start()
    assert job.running == "good"
    wait(job)
    assert job.finished["good"].code == 0 and "replicate" in job.finished["good"].output
    assert (
        job.finished["bad"].code == 2
        and "No such command" in job.finished["bad"].complaint + job.finished["bad"].output
    ) or (job.finished["bad"].complaint)


def test_a_job_is_cancelled_and_carries_on() -> None:
    job = Job({"first": ("--help",), "second": ("--help",)})
    job.start()
    while not job.finished:
        time.sleep(0.02)
    job.cancel()
    time.sleep(0.3)
    assert list(job.finished) == ["first"] and not job.running and job.seconds == 0
    first = job.finished["first"]
    job.start()
    assert job.running == "second"
    wait(job)
    assert job.finished["first"] is first and job.finished["second"].code == 0
    job.start(afresh=True)
    assert job.running == "first" and not job.finished
    job.cancel()


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1920)])
def test_in_a_browser(open_page: Opener, scheme: str, width: int) -> None:
    page = open_page("methods", scheme=scheme, width=width)
    page.locator(".katex-display").nth(8).wait_for()
    page.get_by_text("19 of 19 numbers").wait_for()
    # No equation runs out of its column.
    over = page.evaluate(
        "[...document.querySelectorAll('.katex-display > .katex')].filter(e => e.getBoundingClientRect().width > "
        "e.parentElement.getBoundingClientRect().width + 1).length"
    )
    assert over == 0
    assert not serious_findings(page)
