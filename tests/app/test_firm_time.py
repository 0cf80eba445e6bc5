"""Exporting over time on the Firms page: asked for by a click, shown once it is done, kept as data."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from firmtrade_core.channels.over_time import OverTime, over_time
from firmtrade_core.home.supplier_loss import study_suppliers
from firmtrade_core.jobs import JobStatus
from firmtrade_core.jobs.kept import keep, read
from firmtrade_core.panel.synthetic.country import make_country
from firmtrade_core.panel.synthetic.structure import SyntheticDesign
from firmtrade_core.paths import PROJECT
from firmtrade_core.report.over_time_tables import over_time_tables
from pages.parts.firms import firm_suppliers, firm_time
from pages.parts.firms.capability_bench import Bench
from tests.app.test_pages import html


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> OverTime:
    """What a job on a small synthetic country leaves, read back from disk."""
    panel = make_country(SyntheticDesign(firms=500, exporter_share=0.4)).panel
    path = tmp_path_factory.mktemp("kept") / "result.kept"
    keep(path, over_time(panel))
    result: OverTime = read(path)
    return result


def opened(monkeypatch: pytest.MonkeyPatch, folder: Path, section: str = "time") -> AppTest:
    monkeypatch.chdir(PROJECT)
    for name in ("FIRMTRADE_WORLD", "FIRMTRADE_FIRMS", "FIRMTRADE_HOME"):
        monkeypatch.delenv(name, raising=False)
    app = AppTest.from_file(str(PROJECT / "pages/firms.py"))
    app.session_state["in_frame"] = True
    app.session_state["capability"] = Bench(folder, section=section)
    return app


def test_the_years_are_studied_by_a_click_and_told_when_done(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, found: OverTime
) -> None:
    monkeypatch.setattr(firm_time.Watch, "look", lambda *_: None)
    app = opened(monkeypatch, tmp_path).run()
    assert not app.exception and [b.key for b in app.button if b.key == "over_time_start"]
    monkeypatch.setattr(firm_time.Watch, "look", lambda *_: JobStatus("done", 1.0, "Done.", 1, 0.0))
    monkeypatch.setattr(firm_time.Watch, "result", lambda _: found)
    app = opened(monkeypatch, tmp_path).run()
    words = html(app)
    assert not app.exception and "data-sunk" in words and "Exporting at all" in words
    assert "Sun and Abraham 2021" in words and "of last year" in words
    app.segmented_control(key="over_time_outcome").set_value("log_employment").run()
    assert not app.exception and app.session_state["over_time"].outcome == "log_employment"


def test_tables_to_take_away_have_units(found: OverTime) -> None:
    tables = {table.key: table for table in over_time_tables(found)}
    assert set(tables) == {"sunk_costs", "after_the_start", "markets_over_time"}
    assert tables["after_the_start"].units["Value"] == "log points"
    assert len(found.sentences()) == 4 and not found.refused


def test_suppliers_lost_together_are_found_by_a_click(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keep(tmp_path / "result.kept", study_suppliers(SyntheticDesign(firms=300), measure="exports"))
    lost = read(tmp_path / "result.kept")
    monkeypatch.setattr(firm_suppliers.Watch, "look", lambda *_: JobStatus("done", 1.0, "Done.", 1, 0.0))
    monkeypatch.setattr(firm_suppliers.Watch, "result", lambda _: lost)
    app = opened(monkeypatch, tmp_path, "suppliers").run()
    words = html(app)
    assert not app.exception and "data-suppliers" in words and "no other set costs more" in words
    monkeypatch.setattr(firm_suppliers.Watch, "look", lambda *_: None)
    app = opened(monkeypatch, tmp_path, "suppliers").run()
    assert not app.exception and [b.key for b in app.button if b.key == "suppliers_start"]
