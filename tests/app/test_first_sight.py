"""The first sight of any page is never empty: charts, or tables with numbers, before a single choice."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from firmtrade_core.paths import PROJECT
from tests.app.test_pages import html

#: Pages that answer by tables; all others draw charts.
TABLES = {"firm_data", "data", "methods"}

#: A page's own words for nothing to show, none of which may stand on it at first; single sections may say it of files not brought.
EMPTY = (
    "No firms to show",
    "No equilibrium to show",
    "Two years of data are needed",
    "No results of this programme",
)


def test_every_page_is_filled_before_a_choice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(PROJECT)
    for name in ("FIRMTRADE_WORLD", "FIRMTRADE_HOME", "FIRMTRADE_FIRMS", "FIRMTRADE_EARLIER_WORLD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    app = AppTest.from_file(str(PROJECT / "app.py")).run()
    pages = sorted(path.stem for path in (PROJECT / "pages").glob("*.py") if path.stem != "__init__")
    assert len(pages) == 17
    for name in pages:
        app.session_state["charts_drawn"] = set()
        app.switch_page(f"pages/{name}.py").run()
        assert not app.exception, name
        words = html(app)
        assert not any(said in words for said in EMPTY), name
        if name in TABLES:
            assert words.count("<table") >= 2, name
        else:
            assert app.session_state["charts_drawn"], name
