"""Pages that show what firms do to the world: without and with a home country's firms."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from firmtrade_core.paths import PROJECT
from tests.app.test_pages import html
from tests.firms import make_home
from tests.scenarios.conftest import synthetic_world

WORLD = synthetic_world()


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Opens a page on a small world, with the home country's firms where asked."""
    monkeypatch.chdir(PROJECT)
    monkeypatch.delenv("FIRMTRADE_HOME", raising=False)
    WORLD.save(tmp_path / "small.world")
    monkeypatch.setenv("FIRMTRADE_WORLD", str(tmp_path / "small.world"))

    def opened(page: str, *, firms: bool = False) -> AppTest:
        if firms:
            make_home().save(tmp_path / "home.parquet")
            monkeypatch.setenv("FIRMTRADE_HOME", str(tmp_path / "home.parquet"))
        app = AppTest.from_file(str(PROJECT / "app.py")).run()
        app.switch_page(f"pages/{page}.py").run()
        assert not app.exception
        return app

    return opened


def downloads(app: AppTest) -> set[str]:
    """Names of the tables that can be taken away, as CSV and as Excel."""
    keys = [element.proto.id.rpartition("download_")[2] for element in app.get("download_button")]
    csv, excel = ({k.rpartition("_")[0] for k in keys if k.endswith(kind)} for kind in ("_csv", "_xlsx"))
    assert csv == excel
    return csv


def test_heterogeneity_without_firms_says_so(start) -> None:
    app = start("heterogeneity")
    words = html(app)
    assert downloads(app) == {"laws_laws_of_firms", "laws_elasticities_by_market", "laws_steps"}
    assert (
        "Firms move the answer for the United States" in words
        and "this scenario" in words
        and "No firms of a home country are loaded" in words
    )
    assert "Lognormal firms" in words and "Home&#x27;s own firms" not in words


def test_heterogeneity_with_firms_shows_all_laws(start) -> None:
    app = start("heterogeneity", firms=True)
    app.selectbox(key="country_heterogeneity").set_value("ZAF").run()
    words = html(app)
    assert "own firms" in words and "400 of South Africa" in words
    assert app.session_state["store"].country == "ZAF"


def test_a_file_of_firms_that_cannot_be_read_is_explained(start, monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "bad.parquet").write_bytes(b"nothing")
    monkeypatch.setenv("FIRMTRADE_HOME", str(tmp_path / "bad.parquet"))
    assert "no file of home firms" in html(start("heterogeneity"))


def test_who_gains_shows_the_firms_own_distribution_by_default(start) -> None:
    app = start("who_gains", firms=True)
    assert "The firms loaded are of South Africa" in html(app)
    app.button(key="look_at_home").click().run()
    assert app.session_state["store"].country == "ZAF"
    words = html(app)
    assert "Safeguards" in words and "Firms of South Africa" in words
    # Firms that are data are the scenario's own law: nothing is solved apart for this page.
    assert "own firms of South Africa, elsewhere lognormal firms" in words and "own distribution" not in words
    assert app.session_state["store"].scenario.structure.family != "firms"
    app.session_state["store"].edit_structure({"family": "firms", "elasticity": 5.0})
    app.run()
    words = html(app)
    assert "who_gains_firm_groups" in downloads(app)
    assert not app.exception and "Firms of South Africa" in words and "own distribution" not in words


def test_who_gains_without_firms(start) -> None:
    app = start("who_gains")
    words = html(app)
    tables = {"sectors_at_home", "cut_off", "concentration", "single_sources", "exposed_suppliers"}
    tables |= {"gains_from_trade", "value_chain_partners", "value_chain_sectors"}
    assert downloads(app) == {f"who_gains_{name}" for name in tables} | {"diversification_diversification"}
    assert (
        "Concentration of trade" in words
        and "Single points of failure" in words
        and "What trade is worth" in words
    )
    assert "no input-output links" in words


def test_attribution_of_the_scenario_and_of_growth(start, tmp_path: Path, monkeypatch) -> None:
    app = start("attribution")
    assert "sources of the change" in html(app)
    app.segmented_control(key="question").set_value("growth").run()
    # Filled before anybody brings data: an earlier year that is invented, and says so.
    assert 'data-label="invented"' in html(app) and not app.exception
    synthetic_world(seed=2).save(tmp_path / "earlier.world")
    monkeypatch.setenv("FIRMTRADE_EARLIER_WORLD", str(tmp_path / "earlier.world"))
    app.run()
    words = html(app)
    assert downloads(app) == {"attribution_sources_of_change", "attribution_change_by_cell"}
    assert not app.exception and "Competition abroad" in words and "Costs and firms at home" in words
    monkeypatch.setenv("FIRMTRADE_EARLIER_WORLD", str(tmp_path / "nowhere.world"))
    app.run()
    assert "cannot be read" in html(app)


def test_the_lab_carries_programmes_and_the_firms_family(start) -> None:
    app = start("lab", firms=True)
    card = {"kind": "programme", "policy": "quality_certification", "take_up": 0.4, "unit_cost": 1000}
    app.session_state["store"].edit_structure({"family": "firms", "elasticity": 5.0})
    app.session_state["store"].add_card(card)
    app.run()
    assert not app.exception
    assert "quality certification" in html(app)
    app.slider(key="card_1_take_up").set_value(60).run()
    assert not app.exception and "60\u202f% of" in html(app)


def test_a_programme_without_firms_moves_the_law_as_a_whole(start) -> None:
    app = start("lab")
    app.selectbox(key="add_card").set_value("programme").run()
    words = html(app)
    assert not app.exception and "moves lognormal firms of a sector as a whole" in words
    assert "is assumed, not estimated" in words and "No cost of quality certification is entered" in words
