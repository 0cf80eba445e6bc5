"""Links with absurd but lawful values: widgets stretch to show them, and the page stands."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from firmtrade_core.paths import PROJECT
from firmtrade_core.scenarios import Scenario
from firmtrade_core.scenarios.links import encode
from tests.scenarios.conftest import synthetic_world

TARIFF = {
    "kind": "tariff",
    "importers": ["USA"],
    "exporters": ["all"],
    "sectors": ["all"],
    "method": "add",
    "value": 0.1,
}
EFFECT = {"capability": 5, "fixed_cost_saving": -5, "grade": "association"}

ABSURD: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "next to no tariff": ([TARIFF | {"method": "scale", "value": 1e-9}], {}),
    "a tariff of 9900 %": ([TARIFF | {"method": "set", "value": "9900 %"}], {}),
    "a thousandth answered": ([TARIFF | {"retaliation": {"kind": "proportional", "share": 0.001, "ceiling": 0.001}}], {}),
    "900 points in answer": ([TARIFF | {"retaliation": {"kind": "list", "measures": [{"by": ["CHN"], "add": "900 %"}]}}], {}),
    "hardly any programme": ([{"kind": "programme", "policy": "quality_certification", "country": "USA", "take_up": 1.0,
                               "intensity": 0.0001, "outlay": 1e9, "effect": EFFECT}], {}),
    "labour without end": ([TARIFF], {"labour_supply_elasticity": 20.0}),
    "own elasticities": ([TARIFF], {"elasticity": {"agriculture": 0.02, "metals": 900.0, "services": 4.0}}),
}  # fmt: skip


@pytest.mark.parametrize("name", ABSURD)
def test_the_lab_stands(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.chdir(PROJECT)
    monkeypatch.delenv("FIRMTRADE_HOME", raising=False)
    synthetic_world().save(tmp_path / "small.world")
    monkeypatch.setenv("FIRMTRADE_WORLD", str(tmp_path / "small.world"))
    cards, structure = ABSURD[name]
    app = AppTest.from_file(str(PROJECT / "app.py"))
    app.query_params["s"] = encode(Scenario.parse({"name": name, "cards": cards, "structure": structure}))
    app.run()
    assert not app.exception
    app.switch_page("pages/lab.py").run()
    # What is folded away is only made when it is opened.
    for key in ("card_0_more", "structure"):
        app.session_state[key] = True
    app.run()
    assert not app.exception and app.session_state["store"].scenario.name == name
    assert "fault of its own" not in " ".join(element.proto.body for element in app.get("html"))


@pytest.mark.parametrize("page", ["firms", "channels", "attribution", "briefing", "lab", "compare"])
def test_whichever_page_a_broken_link_opens_says_so(
    page: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(PROJECT)
    monkeypatch.delenv("FIRMTRADE_HOME", raising=False)
    synthetic_world().save(tmp_path / "small.world")
    monkeypatch.setenv("FIRMTRADE_WORLD", str(tmp_path / "small.world"))
    app = AppTest.from_file(str(PROJECT / f"pages/{page}.py"))
    app.session_state["in_frame"] = True
    app.query_params["s"] = "no scenario at all"
    app.run()
    assert not app.exception
    assert any("About the link or file you opened" in element.proto.body for element in app.get("html"))
