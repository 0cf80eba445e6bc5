"""Suspicious lines and outlying firms: planted ones are found, others are left alone, every change can be undone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmtrade_core.harmonise.changes import ChangeLog
from firmtrade_core.harmonise.errors import HarmoniseError
from firmtrade_core.harmonise.outliers import find_outliers, robust_distance, set_outliers_missing
from firmtrade_core.harmonise.suspicions import examine


def usual_lines(count: int = 600) -> pd.DataFrame:
    random = np.random.default_rng(1)
    product = random.choice(["870321", "100190"], count)
    price = np.where(product == "870321", 20.0, 0.3) * np.exp(random.normal(0, 0.2, count))
    weight = random.uniform(10, 1000, count)
    return pd.DataFrame(
        {
            "file": 0, "row": range(count), "declaration": [f"d{n}" for n in range(count)],
            "firm": random.choice(["f1", "f2"], count), "date": pd.Timestamp("2019-05-01").date(), "flow": "export",
            "country": "DEU", "product": product, "value_usd": price * weight, "quantity": np.nan,
            "unit": pd.Series([None] * count, dtype="str"), "weight_kg": weight,
        }
    )  # fmt: skip


def found_in(
    folder: Path, *tables: pd.DataFrame, **options: object
) -> tuple[dict[str, int], pd.DataFrame, pd.DataFrame]:
    paths = []
    for n, table in enumerate(tables):
        paths.append(folder / f"lines_{n}.parquet")
        table.assign(file=n).to_parquet(paths[-1])
    findings, excluded = examine(paths, folder / "suspicions.parquet", **options)  # type: ignore[arg-type]
    rows = pd.read_parquet(folder / "suspicions.parquet")
    return {f.rule.key: f.rows for f in findings}, rows, pd.read_parquet(excluded)


def test_usual_lines_raise_nothing(tmp_path: Path) -> None:
    counts, _, excluded = found_in(tmp_path, usual_lines())
    assert counts == {} and excluded.empty


def test_planted_faults_are_found(tmp_path: Path) -> None:
    table = usual_lines()
    cars = table.index[table["product"] == "870321"]
    table.loc[cars[0], "weight_kg"] /= 1000  # tons for kilograms
    lone = table.loc[[cars[1]]].assign(product="870323", row=900, declaration="x")
    mirror = table.loc[[cars[2]]].assign(flow="import", row=901, declaration="y")
    counts, rows, excluded = found_in(tmp_path, pd.concat([table, lone, mirror]), table.iloc[3:5])
    assert counts == {
        "value.unit_value": 1, "product.misclassified": 1, "line.mirrored": 1, "line.entered_twice": 2,
    }  # fmt: skip
    assert rows.set_index("rule").loc["product.misclassified", "suggestion"] == "870321"
    assert rows.set_index("rule").loc["value.unit_value", "row"] == cars[0]
    assert excluded["file"].to_list() == [1, 1]
    _, _, more = found_in(
        tmp_path, pd.concat([table, lone, mirror]), act_on={"line.mirrored", "value.unit_value"}
    )
    assert sorted(more["row"]) == sorted([901, int(cars[0])])


def firms() -> pd.DataFrame:
    random = np.random.default_rng(2)
    return pd.DataFrame(
        {"year": 2019, "sector": np.repeat(["a", "b"], 200), "sales": np.exp(np.repeat([3.0, 8.0], 200) + random.normal(0, 1, 400))}
    )  # fmt: skip


def test_outliers_are_told_by_sector() -> None:
    table = firms()
    table.loc[0, "sales"] = np.exp(9.0)  # usual in b, not in a
    found = find_outliers(table, ["sales"])
    assert found["row"].to_list() == [0]
    log = ChangeLog()
    cleaned = set_outliers_missing(table, found, log)
    assert np.isnan(cleaned.loc[0, "sales"]) and log.counts()["cells"].to_list() == [1]
    pd.testing.assert_frame_equal(log.revert(cleaned), table)


def test_small_groups_are_held_against_the_year() -> None:
    table = firms()
    table.loc[5, "sector"] = "alone"
    assert robust_distance(table, "sales").notna().all()
    assert robust_distance(table.assign(sales=0.0), "sales").isna().all()


CELLS = st.one_of(st.none(), st.floats(-5, 5, allow_nan=False).map(lambda x: round(x, 1)))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=15),
    st.lists(st.tuples(st.sampled_from(["a", "b", "*"]), st.floats(-4, 4), CELLS), max_size=6),
)
def test_reversing_the_log_gives_back_the_input(rows: list, steps: list) -> None:
    table = pd.DataFrame(rows, columns=["a", "b"], dtype=float)
    log, changed, cells = ChangeLog(), table, 0
    for number, (column, threshold, value) in enumerate(steps):
        if column == "*":
            before = len(changed)
            changed = log.remove(changed, changed["a"] > threshold, step="s", rule=f"r{number}")
            cells += before - len(changed)
        else:
            new = np.nan if value is None else value
            after = log.replace(
                changed, column, changed[column] > threshold, new, step="s", rule=f"r{number}"
            )
            same = (after[column] == changed[column]) | (after[column].isna() & changed[column].isna())
            cells += int((~same).sum())
            changed = after
    assert len(log) == cells == int(log.counts()["cells"].sum())
    pd.testing.assert_frame_equal(log.revert(changed), table)


def test_one_rule_can_be_taken_back(tmp_path: Path) -> None:
    table, log = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}), ChangeLog()
    once = log.replace(table, "a", [True, False], 9.0, step="s", rule="first")
    twice = log.replace(once, "b", [True, True], np.nan, step="s", rule="second")
    assert log.revert(twice, ["second"])["b"].to_list() == [3.0, 4.0]
    assert log.revert(twice, ["second"])["a"].to_list() == [9.0, 2.0]
    with pytest.raises(HarmoniseError, match="no changes by third"):
        log.revert(twice, ["third"])
    log.to_parquet(tmp_path / "log.parquet")
    assert len(pd.read_parquet(tmp_path / "log.parquet")) == 3
