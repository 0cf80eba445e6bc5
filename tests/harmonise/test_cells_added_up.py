"""Cells: exact sums in any order, stretches of firms, and texts kept by number."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow
import pytest

from firmtrade_core.harmonise import cells
from firmtrade_core.harmonise.annual import AnnualPlan, add_up
from firmtrade_core.harmonise.distinct import DistinctTexts, as_written, store_coded


def test_sums_do_not_hang_on_the_order_and_hold_huge_amounts() -> None:
    random = np.random.default_rng(3)
    amounts = random.lognormal(8, 4, 3000)
    amounts[1000:1010] = [1e18, 1.0, 3e17, 5e9, 1e12, 0.25, 1e18, 7.0, 1e18, 0.5]
    starts = np.array([0, 1000, 1010, 2999])
    found = cells.exact_sums(amounts, starts)
    ends = [1000, 1010, 2999, 3000]
    for begin, end, total in zip(starts, ends, found, strict=True):
        exact = sum((Fraction(float(np.rint(a * 1e9))) for a in amounts[begin:end]), Fraction(0)) / 10**9
        assert total == pytest.approx(float(exact), rel=1e-15)
    mixed = np.concatenate([random.permutation(amounts[a:b]) for a, b in zip(starts, ends, strict=True)])
    np.testing.assert_array_equal(cells.exact_sums(mixed, starts), found)
    assert cells.exact_sums(np.zeros(0), np.zeros(0, dtype=np.intp)).size == 0


def test_stretches_of_firms_give_the_same_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(5)
    n = 4000
    table = pd.DataFrame(
        {
            "file": 0, "row": range(n), "firm": [f"f{k:03d}" for k in random.integers(0, 60, n)],
            "date": pd.to_datetime("2015-01-01") + pd.to_timedelta(random.integers(0, 2000, n), "D"),
            "flow": random.choice(["export", "import"], n), "country": random.choice(["DEU", "FRA", "BRA"], n),
            "product": random.choice(["010121", "020110"], n), "value_usd": random.lognormal(8, 2, n),
            "weight_kg": np.where(random.random(n) < 0.7, random.lognormal(5, 1, n), np.nan),
            "quantity": random.integers(1, 50, n).astype(float), "unit": random.choice(["pieces", "kg"], n, p=[0.9, 0.1]),
        }
    )  # fmt: skip
    table["date"] = table["date"].dt.date
    table.to_parquet(tmp_path / "lines.parquet")

    def added(name: str) -> pd.DataFrame:
        add_up([tmp_path / "lines.parquet"], tmp_path / name, AnnualPlan(edition=None))
        return pd.read_parquet(tmp_path / name)

    whole = added("whole.parquet")
    monkeypatch.setattr(cells, "LINES_AT_ONCE", 300)
    pd.testing.assert_frame_equal(whole, added("stretches.parquet"), check_exact=True)
    keys = ["firm", "year", "flow", "country", "product"]
    pd.testing.assert_frame_equal(whole[keys], whole[keys].sort_values(keys, ignore_index=True))
    year = pd.to_datetime(table["date"]).dt.year.rename("year")
    groups = table.groupby(["firm", year, "flow", "country", "product"])
    np.testing.assert_allclose(whole["value"], groups["value_usd"].sum(), rtol=1e-12, atol=1e-8)
    weighed = groups["weight_kg"].apply(lambda kg: kg.notna().all()).to_numpy()
    one_unit = (groups["unit"].nunique() == 1).to_numpy() & ~weighed
    assert (whole["quantity_unit"].isna().to_numpy() == ~(weighed | one_unit)).all()
    np.testing.assert_allclose(
        whole.loc[weighed, "quantity"], groups["weight_kg"].sum()[weighed], rtol=1e-12, atol=1e-8
    )
    np.testing.assert_allclose(
        whole.loc[one_unit, "quantity"], groups["quantity"].sum()[one_unit], rtol=1e-12
    )


def test_coded_columns_read_as_they_were_written() -> None:
    pieces = [["a", None, " b"], ["", "a", "c", " b"], []]
    batches = [
        pyarrow.record_batch([pyarrow.array(p, pyarrow.string()), pyarrow.array([str(k) for k in range(len(p))])], ["x", "n"])
        for p in pieces
    ]  # fmt: skip
    with duckdb.connect() as connection:
        connection.execute("CREATE TEMP TABLE t_text (x INTEGER, n VARCHAR)")
        store_coded(connection, "t", ["x", "n"], ["x"], batches)
        rows = connection.execute(
            f"SELECT row, x, n FROM ({as_written('t', ['x', 'n'], ['x'])}) ORDER BY row"
        ).fetchall()
        counted = dict(connection.execute("SELECT text, lines FROM t_texts_0").fetchall())
    assert [x for _, x, _ in rows] == ["a", None, " b", "", "a", "c", " b"]
    assert counted == {"a": 2, None: 1, " b": 2, "": 1, "c": 1}
    assert DistinctTexts().table().num_rows == 0
