"""Products: codes as people write them, concordances that keep totals, families no revision cuts through."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmtrade_core.codes.products import (
    NOT_SPECIFIED,
    Concordance,
    ConcordanceError,
    ProductCodes,
    read_concordance,
    read_product,
    vintage_of,
)

CODES = st.sampled_from([f"{i:06d}" for i in range(10101, 10120)])
PAIRS = st.lists(st.tuples(CODES, CODES), min_size=1, max_size=40)


@settings(max_examples=40, deadline=None)
@given(PAIRS, st.dictionaries(CODES, st.just(0.0) | st.floats(0.01, 1e9)))
def test_weights_of_a_code_add_up_to_one(pairs: list[tuple[str, str]], trade: dict[str, float]) -> None:
    concordance = Concordance.from_pairs("HS5", "HS6", pairs)
    for version in (concordance, concordance.reversed(), concordance.weighted_by(trade)):
        total = version.pairs.groupby("source")["weight"].sum()
        np.testing.assert_allclose(total, 1.0)
        assert (version.pairs["weight"] > 0).all()


@settings(max_examples=40, deadline=None)
@given(PAIRS, PAIRS, st.lists(st.tuples(CODES, st.floats(0, 1e9)), min_size=1, max_size=30))
def test_conversion_keeps_totals(
    first: list[tuple[str, str]], second: list[tuple[str, str]], lines: list[tuple[str, float]]
) -> None:
    way = Concordance.from_pairs("HS4", "HS5", first).then(Concordance.from_pairs("HS5", "HS6", second))
    table = pd.DataFrame(lines, columns=["product", "value"]).assign(firm="a")
    converted = way.convert(table, "product", ["value"])
    assert converted["value"].sum() == pytest.approx(table["value"].sum())
    assert not converted.duplicated(["firm", "product"]).any()


def test_families_are_connected_components() -> None:
    # 1 splits into 2 and 3; 4 and 3 merge into 5: all of one family. 7 stays by itself.
    codes = ProductCodes(
        [
            Concordance.from_pairs("HS0", "HS1", [("000001", "000002"), ("000001", "000003"), ("000007", "000007")]),
            Concordance.from_pairs("HS2", "HS1", [("000005", "000003"), ("000005", "000004"), ("000007", "000007")]),
        ]
    )  # fmt: skip
    families = codes.families().set_index(["vintage", "code"])["family"]
    assert families["HS0", "000001"] == families["HS2", "000005"] == families["HS1", "000004"]
    assert families["HS0", "000007"] == families["HS2", "000007"] != families["HS0", "000001"]


def test_codes_as_written() -> None:
    for text, code, rule in (
        ("010121", "010121", None),
        ("10121", "010121", "product.leading_zero"),
        ("101.21", "010121", "product.leading_zero"),
        ("1012100.0", "010121", "product.leading_zero"),
        ("8703.23.00.00", "870323", None),
        ("HS 870323", "870323", None),
        ("8703", None, "product.coarse"),
        ("770000", None, "product.unknown"),
        ("wool", None, "product.unreadable"),
        ("", None, "product.unreadable"),
    ):
        reading = read_product(text)
        assert (reading.code, reading.rule) == (code, rule), text
    assert read_product("010129", frozenset({"010121"})).rule == "product.unknown"


def test_files_are_recognised_by_their_columns(tmp_path: Path) -> None:
    unsd = tmp_path / "a.csv"
    unsd.write_text("From HS 2022,To HS 2017\n10121,10121\n10122,10121\n")
    found = read_concordance(unsd)
    assert (found.source, found.target) == ("HS6", "HS5")
    assert list(found.pairs["source"]) == ["010121", "010122"]
    wits = tmp_path / "b.csv"
    wits.write_text(
        "HS 2017 Product Code,HS 2017 Product Description,ISIC Revision 3 Product Code\n010121,Horses,0121\n"
    )
    assert read_concordance(wits).target == "ISIC3"
    (tmp_path / "c.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ConcordanceError, match="must name their classifications"):
        read_concordance(tmp_path / "c.csv")
    with pytest.raises(ConcordanceError, match="holds no concordance"):
        ProductCodes.from_folder(tmp_path / "nothing")


def test_unmapped_codes_are_kept_as_not_specified() -> None:
    table = pd.DataFrame({"product": ["000001", "000009"], "value": [1.0, 2.0]})
    converted = Concordance.from_pairs("HS5", "HS6", [("000001", "000002")]).convert(
        table, "product", ["value"]
    )
    assert dict(zip(converted["product"], converted["value"], strict=True)) == {
        "000002": 1.0,
        NOT_SPECIFIED: 2.0,
    }


@pytest.mark.data
def test_published_concordances(needs_data: Callable[[str], Path]) -> None:
    codes = ProductCodes.from_folder(needs_data("hs-concordance"))
    assert codes.way("HS6", "HS4").splits == 0
    assert codes.way("HS0", "ISIC3").pairs["target"].str.len().eq(4).all()
    way = codes.way("HS3", "HS6")  # backwards: one code of 2007 may be several of 2022
    assert way.splits > 100
    np.testing.assert_allclose(way.pairs.groupby("source")["weight"].sum(), 1.0)
    families = codes.families()
    # Every revision stays within a family.
    name = families.set_index(["vintage", "code"])["family"]
    for pair in codes.way("HS6", "HS5").pairs.itertuples():
        assert name["HS6", pair.source] == name["HS5", pair.target]
    assert 3000 < families["family"].nunique() < 5200
    assert vintage_of(2019) == "HS5"
