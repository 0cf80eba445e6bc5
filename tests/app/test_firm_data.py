"""The page Firm data: from files to a panel, and what it says when something is missing."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from firmtrade_core.harmonise.example import messy_folder
from firmtrade_core.paths import PROJECT
from tests.app.conftest import choose, said
from tests.limits import HANGS


def html(app: AppTest) -> str:
    return " ".join(element.proto.body for element in app.get("html"))


def opened(monkeypatch: pytest.MonkeyPatch, folder: Path) -> AppTest:
    monkeypatch.chdir(PROJECT)
    monkeypatch.delenv("FIRMTRADE_WORLD", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(folder))
    app = AppTest.from_file(str(PROJECT / "app.py")).run()
    app.switch_page("pages/firm_data.py").run()
    assert not app.exception
    return app


@pytest.mark.truth
def test_from_files_to_panel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    app = opened(monkeypatch, tmp_path)
    # Before anything is brought: what would come out, told of invented records; the desk stays empty.
    assert "No firm data yet" in html(app) and "invented customs office" in html(app)
    assert "Before and after each step" in html(app) and not app.session_state["desk"].files
    next(b for b in app.button if b.label.startswith("Try it")).click().run()
    assert not app.exception and "files on the desk" in html(app)
    desk = app.session_state["desk"]
    assert desk.columns["aduana_2018.csv"]["country"] == "Pais destino"
    app.button(key="harmonise").click().run()
    assert desk.job.wait(HANGS).state == "done", desk.job.status().message
    app.run()
    assert not app.exception
    words = html(app)
    for told in (
        "rows make the panel",
        "Completeness",
        "Before → after",
        "firms linked by name",
        "SHA-256",
        "not scaled",
    ):
        assert told in words
    assert "(invented example)" in words and "The firms of the panel" in words
    drawn = desk.pictures(lambda: {})
    assert set(drawn) == {"sizes", "premia", "missing"} and not any(
        isinstance(c, str) for c in drawn.values()
    )
    desk.clear()
    assert not list(desk.folder.iterdir())


def test_a_missing_column_is_asked_for_and_can_be_held_constant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    app = opened(monkeypatch, tmp_path)
    desk = app.session_state["desk"]
    desk.put("x.csv", b"rut;fecha;pais;partida;fob\n1;2019-01-05;DEU;870321;5\n")
    app.run()
    assert desk.gaps() == {"x.csv": ["flow", "currency"]}
    assert app.button(key="harmonise").disabled
    app.text_input(key="constant_x.csv_flow").input("export").run()
    app.text_input(key="constant_x.csv_currency").input("USD").run()
    assert desk.gaps() == {} and not app.button(key="harmonise").disabled
    app.selectbox(key="column_x.csv_value").select("(not in this file)").run()
    assert desk.gaps() == {"x.csv": ["value"]}
    folder = desk.folder
    assert folder.stat().st_mode & 0o077 == 0


def test_in_the_browser(open_page: Callable[..., Any], tmp_path: Path) -> None:
    files = sorted(messy_folder(tmp_path / "in", 60).iterdir())
    page = open_page("firm_data")
    said(page, ".stMain", "No firm data yet")
    page.locator("input[type=file]").set_input_files([str(p) for p in files])
    said(page, ".stMain", "registro.csv: firms by year")
    choose(page, "Reporting country", "Chile")
    page.get_by_role("button", name="Harmonise", exact=True).click()
    said(page, ".stMain", "rows make the panel")
    with page.expect_download() as event:
        page.get_by_role("button", name="Download panel, log").click()
    event.value.save_as(tmp_path / "panel.zip")
    with zipfile.ZipFile(tmp_path / "panel.zip") as packed:
        assert {"panel/firms.parquet", "panel/trade.parquet", "log.parquet", "scorecard.json"} <= set(
            packed.namelist()
        )
    wide = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    assert wide <= page.evaluate("document.querySelector('[data-testid=stMain]').clientWidth")
