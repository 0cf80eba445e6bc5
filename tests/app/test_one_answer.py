"""One question, one answer: a scenario shows the same number on every page, in every file and on the command line."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from firmtrade_core.cli.main import app as command
from firmtrade_core.labels import change, number
from firmtrade_core.paths import PROJECT
from firmtrade_core.report.export import about_result, country_results, to_csv
from firmtrade_core.report.recipe import python_code
from firmtrade_core.scenarios import CompiledScenario, Scenario, load_preset
from firmtrade_core.scenarios.assumptions import assumed
from firmtrade_core.scenarios.links import decode, encode
from firmtrade_core.world.embedded import load_embedded_world
from tests.app.test_pages import html

TARIFF = {"kind": "tariff", "importers": ["USA"], "value": 0.1}
SUBSIDY = {"kind": "export_subsidy", "exporters": ["USA"], "value": 0.1}

#: A scenario for each closure and for several laws of firms; the first is what a fresh start opens with.
SCENARIOS = {
    "opening": load_preset("us_ten_points").to_dict(),
    "removed": {"cards": [TARIFF], "structure": {"deficits": "removed"}},
    "fixed, alike": {"cards": [TARIFF, SUBSIDY], "structure": {"family": "krugman", "deficits": "fixed"}},
    "pareto": {"cards": [SUBSIDY], "structure": {"family": "pareto", "elasticity": 5.0}},
}


@pytest.fixture(params=SCENARIOS)
def scenario(request: pytest.FixtureRequest) -> Scenario:
    return Scenario.parse(SCENARIOS[request.param])


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    monkeypatch.chdir(PROJECT)
    for name in ("FIRMTRADE_WORLD", "FIRMTRADE_HOME"):
        monkeypatch.delenv(name, raising=False)
    yield AppTest.from_file(str(PROJECT / "app.py")).run()


def headline(words: str, label: str) -> str:
    """The number under a label, as the screen writes it."""
    found = re.search(rf'ft-label">{re.escape(label)}[^<]*</span><span class="ft-value">([^<]+)<', words)
    assert found, label
    return found.group(1)


def test_every_page_file_and_command_gives_one_number(
    scenario: Scenario, app: AppTest, tmp_path: Any
) -> None:
    world = load_embedded_world()
    result = decode(encode(scenario, world)) and _from_code(scenario)
    i = world.country_index("USA")
    value = 100 * (float(result.real_income_change[i]) - 1)
    spoken, line = number(value, signed=True), assumed(scenario, result)

    app.session_state["store"].become(scenario)
    for page in ("briefing", "lab", "who_gains"):
        words = html(app.switch_page(f"pages/{page}.py").run())
        assert not app.exception
        assert headline(words, "Real income, United States") == spoken, page
        assert line in words, page
    words = html(app.switch_page("pages/heterogeneity.py").run())
    own = re.search(r'ft-label">([^<]*) · this scenario</span><span class="ft-value">([^<]+)<', words)
    assert own and own.group(2) == spoken and line in words
    words = html(app.switch_page("pages/compare.py").run())
    row = re.search(r"<th scope=row>Real income</th>(.*?)</tr>", words)
    assert row and change(value) in row.group(1) and line in words
    words = html(app.switch_page("pages/attribution.py").run())
    assert line in words and result.content_hash in words

    file = to_csv(country_results(result), about_result(scenario, result))
    table = pd.read_csv(io.BytesIO(file), comment="#").set_index(
        "Code" if b'"Code"' in file else "Country code"
    )
    column = next(name for name in table if name.startswith("Real income, change"))
    assert table.loc["USA", column] == pytest.approx(value, abs=1e-9)
    assert line.encode() in file

    (tmp_path / "scenario.yaml").write_text(scenario.to_yaml())
    printed = CliRunner().invoke(command, ["solve", str(tmp_path / "scenario.yaml"), "--json"])
    content = json.loads(printed.output)
    told = {row["country"]: row["real_income"] for row in content["countries"]}
    assert 100 * told["USA"] == pytest.approx(value, abs=1e-7) and content["scenario"]["assumed"] == line
    page = CliRunner().invoke(command, ["solve", str(tmp_path / "scenario.yaml")]).output
    assert line in page


def _from_code(scenario: Scenario) -> Any:
    """The result of the script that the product offers for it."""
    space: dict[str, Any] = {}
    code = python_code(scenario, load_embedded_world())
    space["print"] = lambda *_: None
    exec(compile(code, "recipe", "exec"), space)
    return space["result"]


def test_without_deficits_the_answer_is_the_policys_alone(app: AppTest) -> None:
    """Balancing used to be mixed in: the United States at -4.3 %, Ireland at +79 %."""
    result = _from_code(Scenario.parse(SCENARIOS["removed"]))
    moved = 100 * (result.real_income_change - 1)
    assert np.abs(moved).max() < 10
    store = app.session_state["store"]
    store.become(Scenario.parse(SCENARIOS["removed"]))
    words = html(app.switch_page("pages/lab.py").run())
    assert "trade balanced before and after" in words and "policies" in words


def test_a_lever_costs_one_solve_and_another_page_none(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With firms that differ, too: nothing on the way from lever to screen solves more often than needed."""
    calls: list[str] = []
    solve = CompiledScenario.solve

    def counted(compiled: CompiledScenario, *arguments: Any) -> Any:
        calls.append(compiled.scenario.structure.family)
        return solve(compiled, *arguments)

    app = app.switch_page("pages/lab.py").run()
    monkeypatch.setattr(CompiledScenario, "solve", counted)
    slider = next(s for s in app.slider if s.label == "Points added")
    slider.set_value(13).run()
    assert calls == ["lognormal"]
    app.switch_page("pages/attribution.py").run()
    app.switch_page("pages/lab.py").run()
    assert calls == ["lognormal"]
