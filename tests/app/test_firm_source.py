"""Whose firms the pages on firms study: the session's own panel comes first, and gives way when it goes."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from firmtrade_core.harmonise.pipeline import Outcome
from firmtrade_core.paths import PROJECT
from pages.parts.firms.desk import Desk
from tests.channels.panels import panel_of


class Harmonised(Desk):
    """A desk on which a panel lies, or did."""

    def outcome(self) -> Outcome | None:
        if not (self.folder / "panel").is_dir():
            return None
        return Outcome(self.folder, (), (), (), (), ())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    panel_of().save(tmp_path / "panel")
    return Harmonised(tmp_path)


def opened(page: str, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.chdir(PROJECT)
    for name in ("FIRMTRADE_WORLD", "FIRMTRADE_FIRMS"):
        monkeypatch.delenv(name, raising=False)
    app = AppTest.from_file(str(PROJECT / f"pages/{page}.py"))
    app.session_state["in_frame"] = True
    app.session_state["desk"] = desk
    return app.run()


@pytest.mark.parametrize(("page", "key"), [("firms", "firms"), ("channels", "effects")])
def test_what_a_session_harmonised_is_studied_first(
    page: str, key: str, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(page, desk, monkeypatch)
    assert not app.exception
    chosen = app.selectbox(key=f"{key}_source")
    assert chosen.value == "harmonised" and len(chosen.options) == 2
    bench = app.session_state["capability" if page == "firms" else "effects"]
    assert bench.jobs == bench.private
    # The desk is cleared: what was made of it is gone, and the page says nothing of it.
    (desk.folder / "panel").rename(desk.folder / "gone")
    app.run()
    assert not app.exception
    assert app.selectbox(key=f"{key}_source").value == "synthetic"


def test_a_reader_asks_for_other_attributes_instruments_and_reliability(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened("channels", desk, monkeypatch)
    bench = app.session_state["effects"]
    app.multiselect(key="effects_studied").set_value(["initial_employment"]).run()
    app.slider(key="effects_reliability_initial_employment").set_value(0.8).run()
    app.multiselect(key="effects_instruments_initial_employment").set_value(["instrument_lottery"]).run()
    assert not app.exception
    assert bench.studied == ("initial_employment",)
    assert bench.instruments == {"initial_employment": ("instrument_lottery",)}
    assert bench.reliability == {"initial_employment": 0.8}
    app.multiselect(key="effects_studied").set_value([]).run()
    assert not app.exception and app.button(key="effects_start").disabled
    app.button(key="effects_usual").click().run()
    assert not app.exception and bench.studied is None and not bench.instruments
