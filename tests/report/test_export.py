"""Files taken away open, carry units and provenance, and run nothing; their code gives the same numbers."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from firmtrade_core.analysis.comparison import Comparison
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.paths import PROJECT
from firmtrade_core.report.export import (
    RESULT_TABLES,
    Table,
    about_result,
    comparison_tables,
    neutral,
    replacement_results,
    result_workbook,
    to_csv,
    to_excel,
    to_parquet,
)
from firmtrade_core.report.recipe import _inside_quotes, command_line, python_code
from firmtrade_core.scenarios import Scenario, Tariff, load_preset, run
from firmtrade_core.scenarios.results import results_table
from firmtrade_core.world.embedded import load_embedded_world
from tests.limits import HANGS
from tests.worlds import make_world

OWN = Scenario(
    name='=cmd|"/c calc"!A1 """ \\ ',
    description="Says 'hello'\nYAML\nand goes on.",
    cards=(Tariff(importers=("USA",), exporters=("CHN",), method="add", value=0.123456789012345),),
)


@pytest.fixture(scope="module")
def result() -> Equilibrium:
    return run(OWN, load_embedded_world())


@pytest.mark.parametrize("key", RESULT_TABLES)
def test_csv_reads_back_with_units_and_provenance(result: Equilibrium, key: str) -> None:
    table = RESULT_TABLES[key][1](result)
    content = to_csv(table, about_result(OWN, result))
    head = [line for line in content.decode("utf-8-sig").splitlines() if line.startswith("#")]
    words = "\n".join(head)
    assert (
        "OECD Inter-Country" in words
        and "of the value of trade between countries, services included" in words
    )
    assert result.content_hash in words and "largest residual" in words
    read = pd.read_csv(io.BytesIO(content), comment="#", float_precision="round_trip")
    assert len(read) == len(table.frame)
    for name, unit in table.units.items():
        np.testing.assert_array_equal(
            read[f"{name} ({unit})"].to_numpy(float), table.frame[name].to_numpy(float)
        )


def test_country_results_are_the_equilibriums(result: Equilibrium) -> None:
    frame = RESULT_TABLES["countries"][1](result).frame
    world = result.world
    usa = world.country_index("USA")
    row = frame[frame["Code"] == "USA"].iloc[0]
    assert row["Real income, change"] == pytest.approx(100 * (result.real_income_change[usa] - 1), abs=1e-10)
    assert row["Duties, after"] == pytest.approx(result.duties[usa] / 1e3)
    pairs = RESULT_TABLES["pairs"][1](result).frame
    assert len(pairs) == 81 * 80
    exports = pairs[pairs["Exporter code"] == "USA"]["Trade, after"].sum()
    assert exports == pytest.approx(row["Exports, after"])
    sectors = RESULT_TABLES["sectors"][1](result).frame
    assert sectors[sectors["Country code"] == "USA"]["Exports, after"].sum() == pytest.approx(exports)


def test_who_replaces_whom_adds_up(result: Equilibrium) -> None:
    table = replacement_results(result, "USA")
    frame = table.frame
    assert table.units["Change"] == "bn USD" and "United States" in table.title
    np.testing.assert_allclose(
        frame["Change"], frame["of which the market's size"] + frame["of which shares won or lost"], atol=1e-9
    )
    assert frame["of which shares won or lost"].sum() == pytest.approx(0, abs=1e-9)
    assert frame.iloc[0]["Code"] == "CHN"


def test_workbook_holds_units_provenance_and_no_formula(result: Equilibrium) -> None:
    book = load_workbook(io.BytesIO(result_workbook(result, OWN)))
    assert book.sheetnames == ["countries", "sectors", "pairs", "budget", "About"]
    countries = book["countries"]
    heads = [cell.value for cell in countries[1]]
    units = [cell.value for cell in countries[2]]
    assert units[heads.index("Real income, change")] == "%"
    assert units[heads.index("Exports, before")] == "bn USD"
    row = next(r for r in countries.iter_rows(min_row=3, values_only=True) if r[1] == "USA")
    usa = result.world.country_index("USA")
    assert row[heads.index("Wages, change")] == pytest.approx(100 * (result.wage_change[usa] - 1), abs=1e-10)
    about = {row[0]: row[1] for row in book["About"].iter_rows(values_only=True)}
    assert about["World's content hash"] == result.world.content_hash
    assert "of the value of trade between countries, services included" in about["Estimated"]
    assert about["Scenario"] == OWN.name
    cells = [cell for sheet in book for line in sheet.iter_rows() for cell in line]
    assert not [cell.coordinate for cell in cells if cell.data_type in ("f", "e")]


def test_names_from_strangers_stay_text() -> None:
    names = ["=1+1", "+2", "-3", "@SUM(A1)", "\t=1", "#REF!", "a\x00b", '"=1"', "plain", "No. #7, =1"]
    table = Table("=evil/name", "t", pd.DataFrame({"=name": names, "value": "@1.5"}))
    about = (("Source", "harmless, =HYPERLINK(1);\t@x\nnext\n=2"),)
    lines = to_csv(table, about).decode("utf-8-sig").splitlines()
    assert lines[1] == "# Source: harmless, '=HYPERLINK(1); '@x next =2"
    read = pd.read_csv(io.StringIO("\n".join(lines)), comment="#")
    assert not read.iloc[:, 0].str.match(r"^[=+\-@\t]").any()
    assert list(read.columns) == ["'=name", "value"] and len(read) == len(names)
    assert read.iloc[-1, 0] == "No. #7, =1"
    book = load_workbook(io.BytesIO(to_excel([table, table], about)))
    assert book.sheetnames == ["=evil name", "=evil name1", "About"]
    sheet = book.worksheets[0]
    assert [row[0].data_type for row in sheet.iter_rows(min_row=3)] == ["s"] * len(names)
    assert [row[0].value for row in sheet.iter_rows(min_row=3)][:4] == names[:4]
    assert neutral("−5 is no formula") == "−5 is no formula"


def test_a_comparison_carries_both_names(result: Equilibrium) -> None:
    table = comparison_tables(Comparison(result), "Baseline", OWN.name)[0]
    book = load_workbook(io.BytesIO(to_excel([table], about_result(OWN, result))))
    heads = [cell.value for cell in book["comparison"][1]]
    assert heads[4] == "First (Baseline)" and OWN.name in heads[5] and len(heads) == 7


@given(st.text())
def test_text_cannot_leave_its_quotes(text: str) -> None:
    written = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    assert ast.literal_eval(f'"""\\\n{_inside_quotes(written)}\n"""') == f"{written}\n"


def _same(found: pd.DataFrame, result: Equilibrium) -> None:
    expected = results_table(result)
    assert list(found["outcome"]) == list(expected["outcome"])
    # A gain in dollars and what a budget takes are small differences of large incomes: exact to 1e-11 of these. Machine
    # code made in this process and code read from its store may add in another order.
    incomes = dict.fromkeys(("equivalent_variation", "duties"), result.world.income.max())
    size = expected["outcome"].map(incomes).fillna(1.0)
    for column in ("baseline", "scenario"):
        gap = (found[column] - expected[column]).abs()
        assert (found[column].isna() == expected[column].isna()).all()
        assert (gap.fillna(0.0) <= 1e-11 * (size + expected[column].abs()).fillna(1.0)).all()


def _in_a_shell(text: str, folder: Path) -> None:
    command = text.replace("python -m", f"PYTHONPATH={PROJECT} {sys.executable} -m")
    subprocess.run(["bash", "-c", command], cwd=folder, check=True, capture_output=True, timeout=HANGS)


def test_the_command_line_gives_exactly_these_numbers(result: Equilibrium, tmp_path: Path) -> None:
    _in_a_shell(command_line(OWN, result.world), tmp_path)
    _same(pd.read_parquet(tmp_path / "results.parquet"), result)
    exported = pd.read_parquet(io.BytesIO(to_parquet(result, OWN)))
    _same(exported, result)
    preset = load_preset("us_ten_points")
    assert command_line(preset, result.world) == (
        "python -m firmtrade_core solve --preset us_ten_points --out results.parquet\n"
    )


def test_the_script_gives_exactly_these_numbers_on_a_world_of_ones_own(tmp_path: Path) -> None:
    world = make_world(3, 2)
    place = world.save(tmp_path / "it's mine.world")
    scenario = OWN.with_(cards=(Tariff(importers=("C00",), value=0.1, method="add"),))
    script = python_code(scenario, world, place) + "result_of_script = result\n"
    names: dict[str, object] = {}
    exec(compile(script, "script", "exec"), names)
    found = names["result_of_script"]
    assert isinstance(found, Equilibrium)
    _same(results_table(found), run(scenario, world))
    _in_a_shell(command_line(scenario, world, place), tmp_path)
    _same(pd.read_parquet(tmp_path / "results.parquet"), found)


def test_the_script_refuses_another_world(tmp_path: Path) -> None:
    place = make_world(3, 2, seed=1).save(tmp_path / "other.world")
    script = python_code(OWN, make_world(3, 2), place)
    with pytest.raises(AssertionError, match="another world"):
        exec(compile(script, "script", "exec"), {})


def test_labels_are_no_formulas_whatever_separates() -> None:
    from firmtrade_core.report.export import neutral

    for text in ("=1+1", "a;=1+1", "a\t+1", "a; @x", "a|-1", "-1"):
        assert not any(
            part.strip().startswith(("=", "+", "-", "@"))
            for part in neutral(text).replace("\t", ";").replace("|", ";").split(";")
        )
    assert neutral("Chile; Peru") == "Chile; Peru"
