"""Linkage: finds the same firm behind different spellings, says how well, and asks where it is in doubt."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import pandas as pd
import pytest

from firmtrade_core.harmonise.errors import LinkageError
from firmtrade_core.harmonise.example import two_offices
from firmtrade_core.harmonise.linkage import (
    Linkage,
    LinkagePlan,
    _letters_of_one_byte,
    find_twins,
    link,
)
from firmtrade_core.harmonise.names import plain_name


@pytest.fixture(scope="module")
def linked() -> tuple[Linkage, pd.DataFrame]:
    register, customs, truth = two_offices(1500)
    return link(register, customs), truth


def test_precision_and_recall_on_labelled_pairs(linked: tuple[Linkage, pd.DataFrame]) -> None:
    linkage, truth = linked
    links = linkage.links()
    right = links.merge(truth, on=["left", "right"])
    assert len(right) / len(links) > 0.97
    assert len(right) / len(truth) > 0.93
    assert links["left"].is_unique and links["right"].is_unique
    wrong = links.assign(right=links["right"].to_numpy()[::-1], same=False)[["left", "right", "same"]]
    table = linkage.accuracy(pd.concat([truth, wrong])).set_index("threshold")
    assert table["recall"].is_monotonic_decreasing
    assert table.loc[0.95, "precision"] > 0.97


def test_missed_pairs_lower_recall(linked: tuple[Linkage, pd.DataFrame]) -> None:
    linkage, truth = linked
    never = pd.DataFrame({"left": ["r0"], "right": ["nobody"], "same": [True]})
    assert linkage.accuracy(never)["recall"].max() == 0.0
    with pytest.raises(LinkageError, match="labelled pairs"):
        linkage.accuracy(truth.head(0))


def test_review_shows_what_is_in_doubt_and_decisions_rule(linked: tuple[Linkage, pd.DataFrame]) -> None:
    linkage, _ = linked
    shown = linkage.review()
    links = linkage.links()
    assert not set(zip(shown["left"], shown["right"], strict=True)) & set(
        zip(links["left"], links["right"], strict=True)
    )
    assert (shown["left_name"] != "").all()
    first = links.iloc[0]
    refused = pd.DataFrame({"left": [first["left"]], "right": [first["right"]], "same": [False]})
    assert linkage.links(refused).merge(refused, on=["left", "right"]).empty
    forced = pd.DataFrame(
        {"left": [links.iloc[0]["left"]], "right": [links.iloc[1]["right"]], "same": [True]}
    )
    kept = linkage.links(forced)
    assert len(kept.merge(forced, on=["left", "right"])) == 1 and kept["left"].is_unique


def test_two_pairs_as_likely_wait_for_a_person() -> None:
    pairs = pd.DataFrame(
        {
            "left": ["a", "a", "b", "b"],
            "right": ["x", "y", "z", "w"],
            "probability": [0.99, 0.985, 0.999, 0.96],
        }
    )
    linkage = Linkage(pairs, LinkagePlan(), {})
    assert linkage.links()["left"].to_list() == ["b"]
    assert dict(linkage.review().groupby("left")["reason"].first()) == {
        "a": "another pair is as likely",
        "b": "another pair is likelier",
    }
    decided = linkage.links(pd.DataFrame({"left": ["a"], "right": ["y"], "same": [True]}))
    assert set(zip(decided["left"], decided["right"], strict=True)) == {("a", "y"), ("b", "z")}


def test_twins_within_a_source() -> None:
    register, customs, truth = two_offices(400)
    both = pd.concat([register, customs], ignore_index=True)
    first = find_twins(both)
    found = (first[truth["right"]].to_numpy() == truth["left"]).mean()
    assert found > 0.85
    assert first.nunique() > 400


def test_names_alone_suffice_but_too_few_do_not() -> None:
    register, customs, truth = two_offices(600)
    links = link(register[["id", "name"]], customs[["id", "name"]]).links()
    assert len(links.merge(truth, on=["left", "right"])) / len(links) > 0.95
    with pytest.raises(LinkageError, match="at least 20"):
        link(register.head(3), customs)
    with pytest.raises(LinkageError, match="column name"):
        link(register.drop(columns="name"), customs)
    with pytest.raises(LinkageError, match="repeat"):
        link(pd.concat([register, register]), customs)
    with pytest.raises(LinkageError, match="Thresholds"):
        LinkagePlan(accept=0.2)


def test_names_lose_form_and_accents_only() -> None:
    assert (
        plain_name("Cía. Viña Ñuñoa & Hnos. S. A.") == plain_name("CIA VINA NUNOA Y HNOS SA") == "vina nunoa"
    )
    assert plain_name("The Company") == "the company"


def test_where_nothing_matches_there_are_no_links() -> None:
    register, customs, truth = two_offices(300)
    # Letters that no name of the register has in such order.
    foreign = customs.assign(
        name=[f"qx{n:04d}zj vv{n * 7:05d}" for n in range(len(customs))], address=[f"wk {n}" for n in range(len(customs))], place="Elsewhere",
    )  # fmt: skip
    found = link(register, foreign)
    assert found.links().empty and pd.isna(found.expected_precision())
    assert found.accuracy(truth)["recall"].max() == 0


@pytest.mark.parametrize("alphabet", [str, lambda name: name.translate(str.maketrans("zorya", "зорйа"))])
def test_names_in_another_alphabet_are_as_alike_as_in_latin_letters(alphabet: Callable[[str], str]) -> None:
    """DuckDB measures by bytes: "заря" and "зоря" would be 0.94 alike, "zarya" and "zorya" are 0.88."""
    written = [alphabet(name) for name in ("zarya", "zorya", "zarya")]
    table = pd.DataFrame({"name": written, "name_sorted": written, "address": [None, *written[1:]]})
    (plain,) = _letters_of_one_byte([table])
    first, second, third = plain["name"]
    assert first == third and plain["address"].isna().tolist() == [True, False, False]
    with duckdb.connect() as connection:
        alike = connection.execute("SELECT jaro_winkler_similarity(?, ?)", [first, second]).fetchone()
    assert alike is not None and alike[0] == pytest.approx(0.88)
    assert list(table["name"]) == written
