"""Lines to years: totals stay, codes follow the editions, fiscal years become calendar years."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmtrade_core.codes.currencies import Deflator
from firmtrade_core.codes.products import Concordance, ProductCodes
from firmtrade_core.harmonise.annual import AnnualPlan, AnnualTrade, add_up, fiscal_to_calendar
from firmtrade_core.harmonise.errors import HarmoniseError

#: 2017 code 100001 splits into 200001 and 200002 of 2022; 100003 stays.
CODES = ProductCodes(
    [Concordance.from_pairs("HS5", "HS6", [("100001", "200001"), ("100001", "200002"), ("100003", "100003")])]
)


def lines(*rows: tuple[str, str, str, float, float | None]) -> pd.DataFrame:
    """Firm, date, product, value, kilograms."""
    table = pd.DataFrame(rows, columns=["firm", "date", "product", "value_usd", "weight_kg"])
    table["date"] = pd.to_datetime(table["date"]).dt.date
    return table.assign(
        file=0, row=range(len(table)), flow="export", country="DEU", quantity=np.nan, unit=None
    ).astype({"unit": "str", "weight_kg": "float"})


def added(
    folder: Path, table: pd.DataFrame, plan: AnnualPlan, **options: object
) -> tuple[AnnualTrade, pd.DataFrame]:
    table.to_parquet(folder / "lines.parquet")
    result = add_up([folder / "lines.parquet"], folder / "trade.parquet", plan, products=CODES, **options)  # type: ignore[arg-type]
    return result, pd.read_parquet(result.path).sort_values(["firm", "year", "product"], ignore_index=True)


def test_codes_are_split_and_totals_stay(tmp_path: Path) -> None:
    table = lines(
        ("a", "2019-05-01", "100001", 10, 4), ("a", "2019-06-01", "100001", 10, 4),
        ("a", "2022-06-01", "200001", 30, None), ("a", "2022-07-01", "200001", 3, 1),
        ("a", "2022-06-01", "100001", 8, 1), ("a", "2019-06-01", "999998", 1, 1),
    )  # fmt: skip
    result, cells = added(tmp_path, table, AnnualPlan())
    assert cells["value"].sum() == pytest.approx(62)
    first = cells[(cells["year"] == 2019)].set_index("product")
    assert first.loc["200001", ["value", "quantity", "quantity_unit"]].to_list() == [10, 4, "kg"]
    assert first.loc["999999", "value"] == 1
    last = cells[cells["year"] == 2022].set_index("product")
    assert last.loc["200001", "value"] == 37 and pd.isna(last.loc["200001", "quantity"])
    assert {f.rule.key: f.rows for f in result.findings} == {
        "product.split": 2, "product.other_edition": 1, "product.unmapped": 1, "quantity.partial": 1,
    }  # fmt: skip


def test_weights_by_observed_trade(tmp_path: Path) -> None:
    table = lines(
        ("a", "2019-05-01", "100001", 10, 4), ("b", "2022-05-01", "200001", 30, 4), ("b", "2022-05-01", "200002", 10, 4)
    )  # fmt: skip
    _, cells = added(tmp_path, table, AnnualPlan(weights="observed"))
    assert cells[cells["firm"] == "a"]["value"].to_list() == pytest.approx([7.5, 2.5])


def test_families_join_what_was_split(tmp_path: Path) -> None:
    table = lines(("a", "2019-05-01", "100001", 10, 4), ("a", "2022-05-01", "200002", 5, 4))
    _, cells = added(tmp_path, table, AnnualPlan(edition="families"))
    assert cells["product"].nunique() == 1 and cells["value"].to_list() == [10, 5]


def test_years_shifts_prices_and_exclusions(tmp_path: Path) -> None:
    table = lines(("a", "2019-12-30", "100003", 10, 4), ("a", "2019-03-01", "100003", 5, 4))
    _, fiscal = added(tmp_path, table, AnnualPlan(first_month=7))
    assert dict(zip(fiscal["year"], fiscal["value"], strict=True)) == {2018: 5, 2019: 10}
    _, shifted = added(tmp_path, table, AnnualPlan(shift_days={"export": 5}))
    assert dict(zip(shifted["year"], shifted["value"], strict=True)) == {2019: 5, 2020: 10}
    deflator = Deflator({2019: 100.0, 2022: 120.0})
    _, real = added(tmp_path, table, AnnualPlan(deflator=(deflator, 2022)))
    assert real["value"].to_list() == pytest.approx([18.0])
    pd.DataFrame({"file": [0], "row": [1]}).to_parquet(tmp_path / "out.parquet")
    _, fewer = added(tmp_path, table, AnnualPlan(), excluded=tmp_path / "out.parquet")
    assert fewer["value"].to_list() == [10]
    with pytest.raises(HarmoniseError, match="needs concordances"):
        add_up([], tmp_path / "x.parquet", AnnualPlan())


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.dates(pd.Timestamp("2016-01-01").date(), pd.Timestamp("2024-01-01").date()).map(str),
            st.sampled_from(["100001", "100003", "200001", "200002", "555555"]),
            st.floats(0.01, 1e6),
            st.none() | st.floats(0.01, 1e3),
        ),
        min_size=1,
        max_size=40,
    ),
    st.sampled_from(["HS5", "HS6", "families", None]),
    st.sampled_from(["equal", "observed"]),
)
def test_totals_by_firm_and_year_are_kept(rows: list, edition: str | None, weights: str) -> None:
    table = lines(*rows)
    with tempfile.TemporaryDirectory() as folder:
        result, cells = added(Path(folder), table, AnnualPlan(edition=edition, weights=weights))  # type: ignore[arg-type]
    table["year"] = pd.to_datetime(table["date"]).dt.year
    expected = table.groupby(["firm", "year"])["value_usd"].sum()
    np.testing.assert_allclose(cells.groupby(["firm", "year"])["value"].sum(), expected)
    assert not cells.duplicated(["firm", "year", "flow", "country", "product"]).any()
    assert result.value == pytest.approx(table["value_usd"].sum())


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.lists(st.floats(0, 1e6), min_size=1, max_size=6))
def test_fiscal_years_keep_totals(first_month: int, sales: list[float]) -> None:
    table = pd.DataFrame({"firm": "a", "year": range(2010, 2010 + len(sales)), "sales": sales, "sector": "x"})
    calendar = fiscal_to_calendar(table, first_month, ["sales"])
    assert calendar["sales"].sum() == pytest.approx(sum(sales), abs=1e-6)
    assert calendar["months_covered"].sum() == 12 * len(sales)
