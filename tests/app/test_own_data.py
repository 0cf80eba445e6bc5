"""Own data in five minutes: one's own country's table over the world, kept through a reload, saved as a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from streamlit.testing.v1 import AppTest

from firmtrade_core.paths import PROJECT
from firmtrade_core.report.templates import TEMPLATES
from firmtrade_core.world.embedded import load_embedded_world
from firmtrade_core.world.world import World
from pages.parts.data import kept
from tests.app.conftest import choose, headline
from tests.app.test_pages import html

Opener = Callable[..., Any]

TABLE = (
    "Flujo;País destino;Capítulo;Valor FOB (USD)\n"
    "Exportación;China;74;1.500.000.000,50\nExportación;Estados Unidos;03;900.000.000,00\nImportación;Brasil;87;300.000.000,25\n"
)


def test_worlds_are_kept_under_a_secret_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    world = load_embedded_world()
    secret = kept.keep(world)
    assert len(secret) >= 32 and kept.find(secret) is world and kept.find("guess") is None
    now = kept.time.monotonic()
    monkeypatch.setattr(kept.time, "monotonic", lambda: now + kept.LONGEST + 1)
    assert kept.find(secret) is None
    secrets = [kept.keep(world) for _ in range(kept.MOST + 1)]
    assert kept.find(secrets[0]) is None and kept.find(secrets[-1]) is world
    for secret in secrets:
        kept.forget(secret)
    assert kept.find(secrets[-1]) is None


def test_every_kind_has_a_form_that_its_reader_understands() -> None:
    import io

    import pandas as pd

    from firmtrade_core.scenarios.finder import sectors_of_product
    from firmtrade_core.world.overlay import guess_roles, lay_over

    table = pd.read_csv(io.StringIO(TEMPLATES["country"].text), dtype={"product": str})
    found = lay_over(
        load_embedded_world(),
        "CHL",
        table,
        guess_roles(list(table.columns)),
        sectors_of_product=sectors_of_product,
    )
    assert found.told == (2, 1) and not found.notes


def test_a_table_is_read_told_and_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    monkeypatch.delenv("FIRMTRADE_WORLD", raising=False)
    app = AppTest.from_file(str(PROJECT / "app.py")).run()
    app.session_state["store"].country = "CHL"
    app.switch_page("pages/data.py").run()
    app.selectbox(key="bring_kind").set_value("country").run()
    app.file_uploader(key="bring_country").set_value(("aduana.csv", TABLE.encode("latin-1"), "text/csv"))
    app.run()
    assert not app.exception
    words = html(app)
    assert "3 of 3 rows tell 2 cells of exports and 1 of imports" in words and "read as decimal" in words
    app.button(key="bring_use").click().run()
    assert "own trade of Chile" in html(app)
    world = kept.find(app.session_state[kept.SECRET])
    assert world is not None and "own trade of Chile" in world.name
    kept.forget(app.session_state[kept.SECRET])


@pytest.mark.browser
def test_a_ministrys_table_becomes_a_world_that_a_reload_does_not_lose(
    open_page: Opener, tmp_path: Path
) -> None:
    page = open_page("data?country=CHL")
    choose(page, "What you have", "Your country's trade, laid over this world")
    file = {"name": "aduana.csv", "mimeType": "text/csv", "buffer": TABLE.encode("latin-1")}
    page.locator(".st-key-bring_country input[type=file]").set_input_files([file])
    told = page.locator(".ft-list").filter(has_text="cells of exports").first
    expect(told).to_contain_text("3 of 3 rows tell 2 cells of exports and 1 of imports")
    expect(told).to_contain_text("decimal")
    page.get_by_role("button", name="Use this world in this session").click()
    headline(page, "own trade of Chile")
    # The tab learns its secret with the end of the same run that draws the sentence.
    page.wait_for_function("sessionStorage.firmtradeWorld")
    page.reload()
    headline(page, "own trade of Chile")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save this world as a file").click()
    path = tmp_path / "mine.world"
    waiting.value.save_as(path)
    world = World.load(path)
    i, j = world.country_index("CHL"), world.country_index("CHN")
    assert world.border_value[i, j, world.sector_index("metals")] == pytest.approx(1500.0000005)
    # Another tab knows nothing of it; after going back, neither does this one.
    other = open_page("data")
    headline(other, "Embedded world")
    page.get_by_role("button", name="Go back to the shipped world").click()
    headline(page, "Embedded world")
    page.wait_for_function("!sessionStorage.firmtradeWorld")
    page.reload()
    headline(page, "Embedded world")
