"""Every chart has a table, words for those who hear it, and another picture where its rows are economies."""

from __future__ import annotations

import datetime

import numpy as np
import pytest

from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.figures import outcome, sector_bars, winners_and_losers, world_map
from firmtrade_core.figures.chart import Chart, base_layout
from firmtrade_core.figures.chart_table import in_words, table_of
from firmtrade_core.figures.flows import by_partner, trade_bars
from firmtrade_core.figures.ranking import mapped, outcome_table, ranking
from firmtrade_core.figures.time_line import time_line
from firmtrade_core.figures.treemap import trade_treemap
from firmtrade_core.labels import VARIABLES
from firmtrade_core.scenarios import load_preset
from firmtrade_core.scenarios.compile import compile
from firmtrade_core.world.embedded import load_embedded_world

WORLD = load_embedded_world()
WORDS = {"subtitle": "unit", "source": "source"}


@pytest.fixture(scope="module")
def result() -> Equilibrium:
    return compile(load_preset("us_ten_points"), WORLD, None).solve(None)


def test_bars_become_a_row_each_with_the_ends_of_their_bands() -> None:
    ends = (np.array([-2.0, 0.5]), np.array([1.0, 1.5]))
    chart = sector_bars(
        WORLD,
        "USA",
        "Exports",
        np.arange(10.0) - 5,
        np.full(10, np.nan),
        ends=tuple(np.resize(end, 10) for end in ends),
        **WORDS,
    )
    table = table_of(chart)
    assert table is not None and len(table.rows) == 10
    assert table.names == ("Name", "Value", "Value, low", "Value, high") and set(table.units[1:]) == {"%"}
    assert table.rows[0][:2] == (WORLD.sector_name(WORLD.sectors[0]), -5.0)
    assert table.rows[0][2] == pytest.approx(-5.0) and table.signed == (1, 2, 3)


def test_the_map_and_winners_tell_every_economy_and_can_be_drawn_the_other_way(result: Equilibrium) -> None:
    found = outcome(result, "real_income")
    table = outcome_table(found, WORLD)
    assert len(table.rows) == 81 and len(table.codes) == 81
    values = [row[2] for row in table.rows]
    assert values == sorted(values, reverse=True)
    drawn = world_map(found, WORLD, scale=1.0, title="Title", **WORDS)
    bars = ranking(drawn, table, marked=("MEX",))
    assert len(bars.data[0]["y"]) == 81 and any(
        "<b>Mexico</b>" in t for t in bars.layout["yaxis"]["ticktext"]
    )
    back = mapped(bars, table)
    shown = {a: z for t in back.data if "coloraxis" in t for a, z in zip(t["locations"], t["z"], strict=True)}
    assert shown["MEX"] == pytest.approx(float(found.change[WORLD.country_index("MEX")]), abs=1e-6)
    assert table_of(back) is table


def test_what_is_heard_has_the_finding_the_count_and_both_ends(result: Equilibrium) -> None:
    found = outcome(result, "real_income")
    chart = world_map(found, WORLD, scale=1.0, title="Real income falls most in Mexico", **WORDS)
    words = in_words(chart, outcome_table(found, WORLD))
    assert words.startswith("Real income falls most in Mexico. 81 rows. Largest: United States")
    assert "Mexico, MEX: −1.39\u202f%" in words


def test_a_pinned_country_is_added_to_winners_and_outlined(result: Equilibrium) -> None:
    found = outcome(result, "real_income")
    chart = winners_and_losers(found, WORLD, pinned=("GRC",), **WORDS)
    assert any("Greece" in name for name in chart.layout["yaxis"]["ticktext"])
    drawn = world_map(found, WORLD, scale=1.0, pinned=("GRC",), title="t", **WORDS)
    assert any(trace.get("locations") == ["GRC"] for trace in drawn.data)


def test_partners_left_out_of_the_bars_are_in_the_table(result: Equilibrium) -> None:
    pairs = by_partner(result, "USA", "imports", ())
    table = table_of(trade_bars(pairs, title="t", **WORDS))
    assert table is not None and len(table.rows) == 80 and "USA" not in table.codes
    assert table.units == ("", "", "bn USD", "%", "bn USD", "bn USD")


def test_areas_add_up_to_exports_and_the_table_holds_every_pair(result: Equilibrium) -> None:
    chart = trade_treemap(result, "CHL", "exports", **WORDS)
    (trace,) = chart.data
    children = [v for v, parent in zip(trace["values"], trace["parents"], strict=True) if parent == "all"]
    i = WORLD.country_index("CHL")
    abroad = result.border_value[i].sum() - result.border_value[i, i].sum()
    assert sum(children) == pytest.approx(trace["values"][0]) == pytest.approx(abroad / 1000)
    assert table_of(chart) is chart.table and chart.units == {"size": "bn USD", "colour": "%"}


def test_over_days_a_line_for_each_economy_with_its_table() -> None:
    days = [datetime.date(2025, 1, 1), datetime.date(2025, 4, 10)]
    chart = time_line(
        days,
        {"USA": [0.0, -0.2], "VNM": [0.0, 0.5]},
        VARIABLES["real_income"],
        until=datetime.date(2025, 6, 1),
        **WORDS,
    )
    assert [trace["name"] for trace in chart.data] == ["United States", "Vietnam"]
    assert "10 April 2025" in chart.title and chart.data[0]["y"] == [0.0, -0.2, -0.2]
    table = table_of(chart)
    assert table is not None and table.rows[1] == ("2025-04-10", -0.2, 0.5)


@pytest.mark.parametrize(
    ("trace", "units", "names", "first"),
    [
        ({"type": "scatter", "x": [1.0, 2.0], "y": [3.0, None]}, {"x": "%", "y": "%"}, ("Across", "Up"), (1.0, 3.0)),
        (
            {"type": "sankey", "node": {"label": ["A<br>B", "C"]}, "link": {"source": [0], "target": [1], "value": [2.0]}},
            {"flow": "bn USD"},
            ("From", "To", "Value"),
            ("A B", "C", 2.0),
        ),
        ({"type": "heatmap", "x": ["a"], "y": ["b"], "z": [[4.0]]}, {"colour": "%"}, ("Row", "Column", "Value"), ("b", "a", 4.0)),
    ],
)  # fmt: skip
def test_other_kinds_of_traces(
    trace: dict[str, object], units: dict[str, str], names: tuple[str, ...], first: tuple[object, ...]
) -> None:
    table = table_of(Chart("t", "s", "f", [trace], base_layout(), units=units))
    assert table is not None and table.names == names and table.rows[0] == first


def test_what_is_no_table_has_none() -> None:
    chart = Chart("t", "s", "f", [{"type": "scattergeo", "lon": [1], "lat": [2]}], base_layout(), units={})
    assert table_of(chart) is None and in_words(chart, None) == "t."
