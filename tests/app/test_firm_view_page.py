"""The firm view: profiles for everyone, single real firms on this machine alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from firmtrade_core.home import HomeFirms
from firmtrade_core.home.profile import firm_profile
from firmtrade_core.home.view import firm_view
from firmtrade_core.paths import PROJECT
from firmtrade_core.report.firm_tables import PrivateError, about_view, destinations_table, upgrades_table
from firmtrade_core.scenarios import Scenario, run
from tests.app.test_pages import html
from tests.firms import make_home
from tests.scenarios.conftest import synthetic_world

WORLD = synthetic_world()
REAL = make_home()
SYNTHETIC = replace(
    REAL,
    source="synthetic firms, invented for tests",
    firms=REAL.firms.assign(
        served="USA", markets=1, posterior=REAL.firms["capability"], posterior_spread=0.5
    ),
)


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Opens the page with firms of a home country, served at an address."""
    monkeypatch.chdir(PROJECT)
    WORLD.save(tmp_path / "small.world")
    monkeypatch.setenv("FIRMTRADE_WORLD", str(tmp_path / "small.world"))

    def opened(home: HomeFirms | None, address: str = "127.0.0.1") -> AppTest:
        monkeypatch.setattr(
            st,
            "get_option",
            lambda name, own=st.get_option: address if name == "server.address" else own(name),
        )
        monkeypatch.setenv("FIRMTRADE_HOME", "none")
        if home is not None:
            home.save(tmp_path / "home.parquet")
            monkeypatch.setenv("FIRMTRADE_HOME", str(tmp_path / "home.parquet"))
        app = AppTest.from_file(str(PROJECT / "app.py")).run()
        app.switch_page("pages/firm_view.py").run()
        assert not app.exception
        return app

    return opened


def controls(app: AppTest) -> set[str]:
    return {control.key for control in app.segmented_control}


def test_without_firms_the_page_says_how_to_get_some(start) -> None:
    assert "No firms of a home country are loaded" in html(start(None))


def test_a_profile_is_shown_and_answers_to_its_attributes(start) -> None:
    app = start(REAL)
    words = html(app)
    for part in (
        "could export next to",
        "What stands in the way",
        "Pays up to",
        "Profit lost if it is cut off",
    ):
        assert part in words
    assert "association, not a proven effect" in words and "Solved here with the home country" in words
    numbers = words[words.index("ft-numbers") :][:900]
    app.toggle(key="firm_has_quality_certificate").set_value(True).run()
    assert not app.exception
    changed = html(app)
    assert changed[changed.index("ft-numbers") :][:900] != numbers
    assert "Quality certificate" not in changed[changed.index("Pays up to") :]
    app.switch_page("pages/methods.py").run()
    app.switch_page("pages/firm_view.py").run()
    assert app.toggle(key="firm_has_quality_certificate").value is True


def test_single_real_firms_stay_on_this_machine(start) -> None:
    app = start(REAL)
    assert "firm_kind" in controls(app)
    app.segmented_control(key="firm_kind").set_value("firm").run()
    assert not app.exception
    words = html(app)
    assert "Firm " in words and "no file, no link" in words and not app.get("download_button")
    assert "F00" not in words  # identifiers
    app.session_state["store"].presenting = True
    app.run()
    assert "firm_kind" not in controls(app) and "never while presenting" in html(app)
    elsewhere = start(REAL, address="0.0.0.0")
    assert "firm_kind" not in controls(elsewhere)


def test_synthetic_firms_are_nobodys_secret(start) -> None:
    app = start(SYNTHETIC, address="0.0.0.0")
    app.segmented_control(key="firm_kind").set_value("firm").run()
    assert not app.exception and "It serves 1 market already" in html(app)
    first = app.selectbox(key="firm_row").value
    app.selectbox(key="firm_row").select_index(7).run()
    assert not app.exception and app.session_state["firm_view"].row != first


def test_files_hold_no_single_real_firm() -> None:
    scenario = Scenario.model_validate(
        {"name": "x", "cards": [], "structure": {"family": "firms", "elasticity": 5.0}}
    )
    view = firm_view(run(scenario, WORLD, home=REAL), REAL, firm_profile(REAL, WORLD, 2))
    with pytest.raises(PrivateError, match="Single real firms"):
        about_view(view, scenario)
    invented = firm_view(run(scenario, WORLD, home=SYNTHETIC), SYNTHETIC, firm_profile(SYNTHETIC, WORLD, 2))
    assert dict(about_view(invented, scenario))["Firms"].startswith("synthetic")
    table, upgrades = destinations_table(invented), upgrades_table(invented)
    assert table.units["Chance, scenario"] == "%" and len(table.frame) == len(invented.destinations)
    assert list(upgrades.frame["Upgrade"]) and upgrades.units["Pays up to, low"] == "m USD a year"
