"""The lab's view of which lever matters most."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from firmtrade_core.paths import PROJECT
from tests.app.test_pages import html


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.chdir(PROJECT)
    monkeypatch.delenv("FIRMTRADE_WORLD", raising=False)
    app = AppTest.from_file(str(PROJECT / "app.py")).run()
    app.session_state["store"].view = "matters"
    app.switch_page("pages/lab.py").run()
    assert not app.exception
    return app


def test_the_list_and_map_say_what_they_are(app: AppTest) -> None:
    words = html(app)
    assert "Derivatives at what is in force" in words and "nobody answering" in words
    for lever in ("productivity", "fixed_cost", "production_subsidy"):
        app.selectbox(key="matters_lever").set_value(lever).run()
        assert not app.exception


def test_jobs_of_a_sector_by_own_levers_with_the_scenario_in_force(app: AppTest) -> None:
    app.selectbox(key="matters_target").set_value("jobs").run()
    app.selectbox(key="matters_sector").set_value("metals").run()
    app.selectbox(key="matters_rows").set_value("own_partner").run()
    app.selectbox(key="matters_at").set_value("scenario").run()
    assert not app.exception
    assert "Derivatives at what is in force" in html(app)
