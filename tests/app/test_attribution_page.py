"""The Attribution page: any two years of data, and growth among firms."""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from firmtrade_core.panel.synthetic.country import make_country
from firmtrade_core.panel.synthetic.structure import SyntheticDesign
from firmtrade_core.paths import PROJECT
from tests.app.test_pages import html
from tests.limits import HANGS
from tests.scenarios.conftest import synthetic_world


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The page on a small world, with a folder of firms at hand."""
    monkeypatch.chdir(PROJECT)
    monkeypatch.delenv("FIRMTRADE_HOME", raising=False)
    monkeypatch.delenv("FIRMTRADE_EARLIER_WORLD", raising=False)
    synthetic_world().save(tmp_path / "small.world")
    monkeypatch.setenv("FIRMTRADE_WORLD", str(tmp_path / "small.world"))
    # Three hundred firms that hold a whole economy pay more than any firm does: the unit is stated.
    made = make_country(SyntheticDesign(firms=300, years=3)).panel
    panel = made.with_metadata(synthetic=False, units={"wages": "USD"})
    monkeypatch.setenv("FIRMTRADE_FIRMS", str(panel.save(tmp_path / "panel")))
    app = AppTest.from_file(str(PROJECT / "app.py")).run()
    app.switch_page("pages/attribution.py").run()
    assert not app.exception
    return app


def test_any_two_years_of_a_table(page: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = [synthetic_world(seed=year).to_long().assign(year=year) for year in (2011, 2012, 2013)]
    pd.concat(tables).to_parquet(tmp_path / "flows.parquet")
    monkeypatch.setenv("FIRMTRADE_EARLIER_WORLD", str(tmp_path / "flows.parquet"))
    page.segmented_control(key="question").set_value("growth").run()
    assert not page.exception and "Competition abroad" in html(page)
    assert page.selectbox(key="growth_to").value == "2013 (flows)"
    before = html(page)
    page.selectbox(key="growth_from").set_value("2012 (flows)").run()
    assert not page.exception and html(page) != before
    page.switch_page("pages/methods.py").run()
    page.switch_page("pages/attribution.py").run()
    assert page.selectbox(key="growth_from").value == "2012 (flows)"
    monkeypatch.setenv("FIRMTRADE_EARLIER_WORLD", str(tmp_path / "nowhere"))
    page.run()
    assert not page.exception and "cannot be read" in html(page)


def test_growth_among_real_firms_withholds_what_would_reveal_them(page: AppTest) -> None:
    page.segmented_control(key="question").set_value("firms").run()
    deadline = time.monotonic() + HANGS
    while "What firms and destinations did" not in html(page) and time.monotonic() < deadline:
        time.sleep(0.5)
        page.run()
        assert not page.exception
    words = html(page)
    assert "Same firms, same markets" in words and "cells by destination are withheld" in words
    assert "All other destinations" not in words  # by destination stands in the chart and the file alone
    page.selectbox(key="firm_growth_first").set_value(2021).run()
    assert not page.exception and "Melitz and Polanec" in html(page)
    page.segmented_control(key="firm_growth_measure").set_value("total_factor").run()
    assert not page.exception and "Weighted by sales" in html(page)
