"""The Firms page: waits for no one, shows a stored estimate section by section, names what is wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from firmtrade_core.capability import Learner, Settings
from firmtrade_core.capability.hindsight import Hindsight, Outcome, hindsight_arguments, study_hindsight
from firmtrade_core.capability.work import CapabilityReport, Request, estimate_capability
from firmtrade_core.jobs import content_hash
from firmtrade_core.jobs.kept import keep
from firmtrade_core.panel import FirmPanel
from firmtrade_core.paths import PROJECT
from pages.parts.firms.capability_bench import Bench
from tests.app.accessibility import serious_findings
from tests.app.conftest import rested, served
from tests.channels.design import draw
from tests.channels.panels import PLACES, panel_of

QUICK = Settings(tune=False, rounds=1, learner=Learner(rounds=10), folds=2, two_indices=True)


@pytest.fixture(scope="module")
def firms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return panel_of(draw(300, len(PLACES), seed=5)).save(tmp_path_factory.mktemp("firms"))


@pytest.fixture(scope="module")
def report(firms: Path) -> CapabilityReport:
    return estimate_capability(Request(firms, settings=QUICK, draws=2, folds=3, held_out=1, sample=200))


def html(app: AppTest) -> str:
    return " ".join(element.proto.body for element in app.get("html"))


def store(root: Path, request: Request, result: object, state: str = "done", message: str = "Done.") -> None:
    """A finished job, as a worker leaves it."""
    folder = root / content_hash(estimate_capability, request.arguments)
    folder.mkdir(parents=True)
    status = {"state": state, "fraction": 1.0, "message": message, "pid": 1, "updated": time.time()}
    (folder / "status.json").write_text(json.dumps(status))
    keep(folder / "result.kept", result)


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, firms: Path, tmp_path: Path) -> tuple[AppTest, Bench]:
    monkeypatch.chdir(PROJECT)
    monkeypatch.delenv("FIRMTRADE_WORLD", raising=False)
    monkeypatch.setenv("FIRMTRADE_FIRMS", str(firms))
    app = AppTest.from_file(str(PROJECT / "pages/firms.py"))
    app.session_state["in_frame"] = True
    bench = Bench(tmp_path, source="folder")
    app.session_state["capability"] = bench
    return app, bench


def test_sections_show_the_stored_estimate(page: tuple[AppTest, Bench], report: CapabilityReport) -> None:
    app, bench = page
    store(bench.private, bench.request(), report)
    expected = {
        "predicts": "Shapley values add up",
        "firm": "Chance to export anywhere",
        "well": "Against its rivals",
        "next": "Likeliest firms",
        "parameters": "What to know before believing",
    }
    for section, words in expected.items():
        bench.section = section
        app.run()
        assert not app.exception
        shown = html(app)
        assert words in shown and report.content_hash in shown and "prediction, not effect" in shown
        # How many times as much, so that nobody reads logs as per cent.
        assert "typical exporter against others" in shown and "in logs: attributes" in shown
    bench.section, bench.unit, bench.index, bench.by = "predicts", "cost", "g", "destination"
    app.run()
    assert not app.exception


def test_what_came_of_earlier_advice_is_shown(page: tuple[AppTest, Bench], report: CapabilityReport) -> None:
    app, bench = page
    store(bench.private, bench.request(), report)
    bench.section = "next"
    app.run()
    assert not app.exception and any(button.key == "hindsight_start" for button in app.button)
    found = Hindsight(
        "plants", False, 1993, 1996, 0.1, 4_000,
        (Outcome("starters", "exports", 380, 0.21, 0.14, 0.06, 0.03, 0.11, 2), Outcome("exporters", "growth", 90, 0.1, -0.2, -0.1, 0.05, 0.5, 0)),
    )  # fmt: skip
    folder = bench.private / content_hash(study_hindsight, hindsight_arguments(bench.basis))
    folder.mkdir(parents=True)
    status = {"state": "done", "fraction": 1.0, "message": "Done.", "pid": 1, "updated": time.time()}
    (folder / "status.json").write_text(json.dumps(status))
    keep(folder / "result.kept", found)
    app.run()
    assert not app.exception
    shown = html(app)
    assert "Told in 1993, seen in 1996" in shown and "Prediction, not effect: nobody was treated" in shown


def test_a_change_of_an_attribute_moves_the_prediction(
    page: tuple[AppTest, Bench], report: CapabilityReport
) -> None:
    app, bench = page
    store(bench.private, bench.request(), report)
    bench.section = "firm"
    app.run()
    assert "nothing changed" in html(app)
    app.toggle(key="firms_if_quality_certificate").set_value(True).run()
    assert not app.exception
    assert "nothing changed" not in html(app) and bench.changes == {"quality_certificate": 1.0}
    app.button(key="firms_back").click().run()
    assert "nothing changed" in html(app)


def test_real_firms_stay_unseen_beyond_this_machine(
    page: tuple[AppTest, Bench], report: CapabilityReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    app, bench = page
    store(bench.private, bench.request(), replace(report, synthetic=False))
    monkeypatch.setattr("pages.parts.firms.firm_views.on_loopback", lambda: False)
    for section in ("next", "firm"):
        bench.section = section
        app.run()
        assert not app.exception
        assert not any(name in html(app) for name in report.results.data.firm_names)
    assert len(app.selectbox(key="firms_who").options) == 3


def test_leakage_offers_to_leave_the_attribute_out(page: tuple[AppTest, Bench]) -> None:
    app, bench = page
    bench.flow = "import"
    message = (
        "LeakageError: skill_share follows total sales abroad almost exactly: it is the outcome in disguise."
    )
    store(bench.private, bench.request(), None, "failed", message)
    app.run()
    assert not app.exception
    assert "outcome in disguise" in html(app) and app.button(key="firms_leave")
    assert bench.flow == "import"


def test_a_folder_without_firms_is_named(page: tuple[AppTest, Bench], monkeypatch, tmp_path: Path) -> None:
    app, _ = page
    monkeypatch.setenv("FIRMTRADE_FIRMS", str(tmp_path / "nothing"))
    app.run()
    assert not app.exception and "The firms cannot be read" in html(app)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.truth)])
def test_the_page_in_a_browser(
    open_page: Callable[..., Any], report: CapabilityReport, tmp_path: Path, scheme: str
) -> None:
    jobs = tmp_path / "firmtrade" / "jobs"
    store(jobs, Bench(tmp_path).request(), report)
    environment = {"FIRMTRADE_WORLD": "", "FIRMTRADE_FIRMS": "", "XDG_DATA_HOME": str(tmp_path)}
    with served(environment) as running:
        page = open_page("firms", at=running.address, scheme=scheme)
        page.wait_for_selector('.ft-chart[data-kind="summary"][data-result]')
        rested(page)
        assert page.locator('.ft-chart[data-kind="summary"] .scatterlayer .point').count() > 100
        page.get_by_text("How well", exact=True).click()
        page.wait_for_selector('.ft-chart[data-kind="calibration"][data-result]')
        assert serious_findings(page) == []
        page.close()


def test_firms_that_all_trade_are_estimated_and_every_section_says_what_it_cannot_tell(
    page: tuple[AppTest, Bench], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, bench = page
    panel = panel_of(draw(300, len(PLACES), seed=5))
    trade = panel.query("SELECT * FROM trade")
    sellers = panel.firms[panel.firms["firm"].isin(trade["firm"])]
    folder = FirmPanel.from_frames(sellers, trade, metadata=panel.metadata).save(tmp_path / "sellers")
    monkeypatch.setenv("FIRMTRADE_FIRMS", str(folder))
    report = estimate_capability(Request(folder, settings=QUICK, draws=3, held_out=0, hidden=(), sample=100))
    assert any("no never-exporters" in said for said in report.results.diagnostics)
    assert not report.premium and report.premia["observed"].isna().all() and "starters" not in report.bands
    store(bench.private, bench.request(), report)
    for section, words in {"predicts": "add up", "firm": "Chance to export", "well": "One index", "next": "Every firm exports", "parameters": "never-exporters"}.items():  # fmt: skip
        bench.section = section
        app.run()
        assert not app.exception and words in html(app)
