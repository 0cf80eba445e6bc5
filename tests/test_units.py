"""A number without a registered unit does not render; numbers that cannot be in their unit neither."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.figures import Chart, Headline
from firmtrade_core.labels import (
    COLUMNS,
    ROW_UNIT,
    UNITS,
    Column,
    UnitError,
    Variable,
    change,
    difference,
    level,
    log_as_percent,
    money,
    unit,
)
from firmtrade_core.paths import PROJECT
from firmtrade_core.report.export import Table, table


@pytest.mark.parametrize("name", ["bn dollars", "Percent", "million USD", "", "% of something"])
def test_unregistered_units_are_refused_everywhere(name: str) -> None:
    with pytest.raises(UnitError, match="no registered unit"):
        unit(name)
    for write in (change, level):
        with pytest.raises(UnitError):
            write(1.0, name)
    with pytest.raises(UnitError):
        Variable("x", "X", name, "Words.", "MODEL 1")
    with pytest.raises(UnitError):
        Table("x", "X", pd.DataFrame({"a": [1.0]}), {"a": name})


def test_money_has_scale_currency_and_year() -> None:
    assert [unit(name).size for name in ("USD", "thousand EUR", "m CLP", "bn USD a year")] == [
        1,
        1e3,
        1e6,
        1e9,
    ]
    assert money("EUR", "thousand") == "thousand EUR" and money("USD", "bn", a_year=True) == "bn USD a year"
    assert all(unit(money("USD", scale)).kind == "money" for scale in ("", "thousand", "m", "bn"))


def test_a_column_of_numbers_needs_a_unit_and_must_fit_it() -> None:
    frame = pd.DataFrame({"name": ["a"], "share": [1.4], "yes": [True]})
    with pytest.raises(UnitError, match="“share” of “T” holds numbers without a unit"):
        Table("t", "T", frame)
    with pytest.raises(UnitError, match=r"runs from 1\.4"):
        Table("t", "T", frame, {"share": "share of 1"})
    assert Table("t", "T", frame, {"share": "relative"}).units == {"share": "relative"}


def test_rows_with_units_of_their_own_are_checked_too() -> None:
    frame = pd.DataFrame({"Measure": ["a", "b"], "Value": [1.0, 2.0], "Unit": ["%", "bn USD"]})
    Table("t", "T", frame, {"Value": ROW_UNIT})
    with pytest.raises(UnitError, match="“pairs”"):
        Table("t", "T", frame.assign(Unit=["%", "pairs"]), {"Value": ROW_UNIT})


def test_declared_tables_take_label_and_unit_from_the_register() -> None:
    frame = pd.DataFrame({"name": ["Chile"], "change": [1.5]})
    made = table("t", "T", frame, {"name": "country", "change": "change"})
    assert list(made.frame.columns) == ["Country", "Change"] and made.units == {"Change": "bn USD"}
    with pytest.raises(UnitError, match="no registered column"):
        table("t", "T", frame, {"name": "country", "change": "chnage"})
    with pytest.raises(UnitError):
        Column("x", "X", "dollars")


def test_every_registered_column_and_unit_is_sound() -> None:
    assert all(column.unit == "" or unit(column.unit) for column in COLUMNS.values())
    assert all(key == column.key and column.label for key, column in COLUMNS.items())
    assert all(each.lowest < each.highest for each in UNITS.values())


def test_persons_and_firms_are_whole_and_one_is_one() -> None:
    assert (
        change(3.0, "firms") == "+3\u00a0firms" and change(-3200.4, "persons") == "−3\u202f200\u00a0persons"
    )
    assert change(0.3, "firms") == "0\u00a0firms" and level(1.0, "firms") == "1\u00a0firm"
    assert change(1.2, "expected firms") == "+1.2\u00a0expected\u00a0firms".replace(
        "expected\u00a0", "expected "
    )


def test_percent_differ_by_points_and_logs_are_no_percent() -> None:
    assert difference("%") == "points" and difference("bn USD") == "bn USD"
    assert log_as_percent(0.45) == pytest.approx(56.8, abs=0.1)
    assert log_as_percent(-0.45) == pytest.approx(-36.2, abs=0.1)
    assert np.isclose(log_as_percent(1e-9), 1e-7)


def test_a_chart_without_a_unit_on_an_axis_of_numbers_does_not_render() -> None:
    bars = {"type": "bar", "orientation": "h", "x": [1.0, -2.0], "y": [0, 1]}
    named = {"yaxis": {"tickvals": [0, 1], "ticktext": ["a", "b"]}}
    with pytest.raises(UnitError, match="“T” shows numbers without a unit on: x"):
        Chart("T", "", "", [bars], named, units={})
    with pytest.raises(UnitError, match="on: y"):
        Chart("T", "", "", [bars], {}, units={"x": "%"})
    with pytest.raises(UnitError, match="no registered unit"):
        Chart("T", "", "", [bars], named, units={"x": "percent"})
    assert Chart("T", "", "", [bars], named, units={"x": "%"}).to_dict()["units"] == {"x": "%"}
    areas = {"type": "choropleth", "z": [1.0], "coloraxis": "coloraxis"}
    with pytest.raises(UnitError, match="colour"):
        Chart("T", "", "", [areas], {}, units={})
    with pytest.raises(UnitError, match="flow"):
        Chart("T", "", "", [{"type": "sankey"}], {}, units={})


def test_headlines_carry_registered_units_and_variables() -> None:
    Headline("Exports", 1.0, "%", "", "exports")
    with pytest.raises(UnitError):
        Headline("Exports", 1.0, "percent", "", "exports")
    with pytest.raises(UnitError, match="no registered variable"):
        Headline("Exports", 1.0, "%", "", "export")


def test_a_table_of_texts_needs_units_for_bare_numbers_too() -> None:
    from pages.parts.frame.page import table as drawn

    with pytest.raises(UnitError, match="“Before” of “T” holds numbers"):
        drawn("T", ("What", "Before"), [("Herfindahl", "0.52")])
    drawn("T", ("What", "Before"), [("Herfindahl", "0.52")], units={"Before": "index, 0 to 1"})
    drawn("T", ("What", "Sold, m USD", "Share (%)"), [("x", "0.52", "3.1")])
    with pytest.raises(UnitError, match="no registered unit"):
        drawn("T", ("What", "Before"), [("x", "0.52")], units={"Before": "million dollars"})


#: What stands in the shipped world's own file, and raw records as other software writes them.
OTHERS = ("largest of {n", '.replace(",", " ")')


def test_no_number_is_written_beside_the_one_style() -> None:
    """Thousands are set apart by `grouped`, with its narrow space; charts' own templates are written by the browser."""
    found = [
        f"{path.relative_to(PROJECT)}:{at}"
        for room in ("firmtrade_core", "pages")
        for path in (PROJECT / room).rglob("*.py")
        for at, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"[^%]\{[^{}]+:,(\.\d[efg])?\}", line)
        and "%{" not in line
        and not any(words in line for words in OTHERS)
    ]
    assert found == []
