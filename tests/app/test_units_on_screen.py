"""Every table and chart of every page and report, for a tariff, a subsidy and a firm programme: unit against size.

Quick: one scenario on the pages that policies fill, and every report table for all three. The whole round over all
pages is a truth test.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import pages.parts.frame.page as frame
from firmtrade_core.analysis.heterogeneity import compare_laws
from firmtrade_core.analysis.who_gains import worst_cut_off
from firmtrade_core.attribution import attribute_scenario
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.figures import Chart, Headline, headlines
from firmtrade_core.figures.chart import value_axes
from firmtrade_core.home.default import default_home
from firmtrade_core.labels import ROW_UNIT, unit
from firmtrade_core.paths import PROJECT
from firmtrade_core.report.export import RESULT_TABLES, Table, replacement_results
from firmtrade_core.report.page_tables import attribution_tables, law_tables, who_gains_tables
from firmtrade_core.scenarios import ExportSubsidy, Programme, Scenario, Tariff, run
from firmtrade_core.world.embedded import load_embedded_world

SCENARIOS = {
    "tariff": Scenario(
        name="A tariff", cards=(Tariff(importers=("USA",), exporters=("all",), method="add", value=0.1),)
    ),
    "subsidy": Scenario(
        name="A subsidy", cards=(ExportSubsidy(exporters=("CHL",), importers=("all",), value=0.05),)
    ),
    "programme": Scenario(
        name="A programme", cards=(Programme(policy="quality_certification", take_up=0.3, unit_cost=5000),)
    ),
}

#: No policy here changes anything by more than this: percent, points, and log points.
MOST_PERCENT, MOST_LOGS = 1e4, 30.0

#: Persons and firms are written whole.
_BROKEN = re.compile(r"\d\.\d+[\s\u00a0\u202f](persons?|firms?|firm-market)\b")

#: What must never meet a reader.
_RAW = re.compile(r"\b(nan|None|inf|e[+-]\d{2})\b")


@dataclass
class Seen:
    """What pages built while they ran."""

    charts: list[Chart] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    headlines: list[Headline] = field(default_factory=list)
    cells: list[tuple[str, str, str]] = field(default_factory=list)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    found = Seen()
    for kind, kept in ((Chart, found.charts), (Table, found.tables), (Headline, found.headlines)):
        checked = kind.__post_init__

        def note(self: Any, kept: list[Any] = kept, checked: Any = checked) -> None:
            checked(self)
            kept.append(self)

        monkeypatch.setattr(kind, "__post_init__", note)
    drawn = frame._row

    def row(cells: Any, kinds: Any) -> str:
        found.cells += [("", "", str(cell)) for cell in cells]
        return drawn(cells, kinds)

    monkeypatch.setattr(frame, "_row", row)
    return found


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    monkeypatch.chdir(PROJECT)
    for name in ("FIRMTRADE_WORLD", "FIRMTRADE_HOME"):
        monkeypatch.delenv(name, raising=False)
    yield AppTest.from_file(str(PROJECT / "app.py")).run()


def plausible(values: list[float], counted_in: str, most_money: float, where: str) -> None:
    """Numbers within what their unit and the world allow: no money beyond the gross output of all economies."""
    known = [abs(v) for v in values if math.isfinite(v)]
    if not known:
        return
    found, most = unit(counted_in), max(known)
    assert found.holds(values), f"{where}: {most:g} {counted_in}"
    if found.kind in ("percent", "points"):
        assert most <= MOST_PERCENT, f"{where}: {most:g} {counted_in}"
    if found.kind == "log points":
        assert most <= MOST_LOGS, f"{where}: {most:g} {counted_in}"
    if found.kind == "money":
        assert most * found.size <= most_money, f"{where}: {most:g} {counted_in}"


def check_chart(chart: Chart, most_money: float) -> None:
    named = {"x": "xaxis", "y": "yaxis"}
    for axis in value_axes(chart.data, chart.layout):
        key = {"colour": "z", "flow": "value"}.get(axis, axis)
        for trace in chart.data:
            holder = trace.get("link", trace) if axis == "flow" else trace
            if axis in named and "ticktext" in chart.layout.get(named[axis], {}):
                continue
            raw = np.ravel(np.array(holder.get(key, []), dtype=object))
            numbers = [float(v) for v in raw if isinstance(v, int | float)]
            plausible(numbers, chart.units[axis], most_money, f"{chart.title}, {axis}")
    words = [chart.title, chart.subtitle, *_texts(chart.data), *_texts(chart.layout)]
    for text in words:
        assert not _BROKEN.search(text), f"{chart.title}: {text}"
        assert not re.search(r"\bnan\b", text), f"{chart.title}: {text}"


def _texts(item: Any) -> list[str]:
    if isinstance(item, str):
        return [item]
    if isinstance(item, dict):
        return [text for key, value in item.items() if key != "hovertemplate" for text in _texts(value)]
    return [text for value in item for text in _texts(value)] if isinstance(item, list | tuple) else []


def check_table(table: Table, most_money: float) -> None:
    for name, values in table.frame.select_dtypes("number").items():
        counted_in = table.units[str(name)]
        if unit(counted_in).kind == "row":
            told = table.frame["Unit" if counted_in == ROW_UNIT else "Unit of differences"]
            for each, own in values.groupby(told):
                plausible([*own.astype(float)], str(each), most_money, f"{table.title}, {name}")
        else:
            plausible([*values.astype(float)], counted_in, most_money, f"{table.title}, {name}")


def check(seen: Seen, most_money: float) -> None:
    for chart in seen.charts:
        check_chart(chart, most_money)
    for table in seen.tables:
        check_table(table, most_money)
    for item in seen.headlines:
        plausible([item.value], item.unit, most_money, item.label)
    for _, _, cell in seen.cells:
        assert not _BROKEN.search(cell) and not _RAW.search(cell), cell


@pytest.fixture(scope="module")
def results() -> dict[str, Equilibrium]:
    world = load_embedded_world()
    home = default_home(world)
    return {name: run(scenario, world, home=home) for name, scenario in SCENARIOS.items()}


@pytest.mark.parametrize("name", SCENARIOS)
def test_tables_of_reports_have_units_that_fit_and_money_that_adds_up(
    name: str, results: dict[str, Equilibrium]
) -> None:
    result, scenario = results[name], SCENARIOS[name]
    world = result.world
    most_money = 1e6 * float(world.gross_output.sum())
    made = {key: make(result) for key, (_, make) in RESULT_TABLES.items()}
    cut_off = worst_cut_off(result, "CHL", 1)
    tables = [*made.values(), replacement_results(result, "CHL"), *who_gains_tables(result, "CHL", cut_off)]
    found = attribute_scenario(result, "CHL", scenario.name)
    tables += attribution_tables(found)
    for table in tables:
        check_table(table, most_money)
    for item in headlines(result, "CHL", "Chile"):
        plausible([item.value], item.unit, most_money, item.label)
    # Known totals, in billions.
    countries, sectors, pairs = (made[key].frame for key in ("countries", "sectors", "pairs"))
    trade = 1e-3 * float(sum(v.sum() - np.trace(v) for v in np.moveaxis(world.border_value, 2, 0)))
    assert countries["Real income, before"].sum() == pytest.approx(1e-3 * world.income.sum())
    for column in (countries["Exports, before"], countries["Imports, before"], sectors["Exports, before"]):
        assert column.sum() == pytest.approx(trade)
    assert pairs["Trade, before"].sum() == pytest.approx(trade)
    assert sectors["Output, before"].sum() == pytest.approx(1e-3 * world.gross_output.sum())
    change = tables[-2].frame["Change"].sum()
    assert change == pytest.approx(1e-3 * found.change)
    assert tables[-1].frame["Change"].sum() == pytest.approx(1e3 * change)


def test_tables_of_laws_have_units_that_fit() -> None:
    world = load_embedded_world()
    laws = compare_laws(SCENARIOS["tariff"], world, "USA", None)
    for table in law_tables(laws):
        check_table(table, 1e6 * float(world.gross_output.sum()))


def _round(app: AppTest, seen: Seen, scenario: Scenario, names: tuple[str, ...]) -> None:
    app.session_state["store"].become(scenario)
    for name in names:
        app.switch_page(f"pages/{name}.py").run()
        assert not app.exception, name
    most_money = 1e6 * float(load_embedded_world().gross_output.sum())
    assert seen.charts and seen.headlines
    check(seen, most_money)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.truth] * (name == "programme")) for name in SCENARIOS]
)
def test_pages_that_policies_fill(name: str, app: AppTest, seen: Seen) -> None:
    _round(app, seen, SCENARIOS[name], ("briefing", "lab", "who_gains"))


@pytest.mark.truth
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_page(name: str, app: AppTest, seen: Seen) -> None:
    _round(app, seen, SCENARIOS[name], tuple(page for pages in frame.PAGES.values() for page, _ in pages))
