"""Numbers in texts follow the result; stories tell what their scenario gives."""

from __future__ import annotations

import re

import pytest

from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.figures.outcomes import outcome
from firmtrade_core.labels import change
from firmtrade_core.report.live_words import LiveWordsError, filled, offered, told
from firmtrade_core.report.stories import stories, story
from firmtrade_core.scenarios import load_preset
from firmtrade_core.scenarios.compile import compile
from firmtrade_core.world.embedded import load_embedded_world

WORLD = load_embedded_world()


@pytest.fixture(scope="module")
def result() -> Equilibrium:
    return compile(load_preset("us_ten_points"), WORLD, None).solve(None)


def test_a_place_becomes_the_number_that_the_screen_writes(result: Equilibrium) -> None:
    value = float(outcome(result, "real_income").change[WORLD.country_index("USA")])
    assert filled("It is {real_income.USA}.", result) == f"It is {change(value, '%')}."
    assert (
        filled("It {real_income.USA|verb}.", result).replace("\N{NARROW NO-BREAK SPACE}", " ")
        == "It rises by 0.21 %."
    )
    assert "bn\N{NO-BREAK SPACE}USD" in filled("{exports.USA|before} and {exports.USA|after}", result)
    assert filled("{real_income|least}", result).startswith("Mexico (")
    assert re.fullmatch(r"\d+ up, \d+ down", filled("{real_income|up} up, {real_income|down} down", result))
    assert filled("{trade.world|verb}", result).startswith("falls by ")


def test_nothing_changes_is_said(result: Equilibrium) -> None:
    assert filled("{real_income.USA|verb}", result, result) == "stays as it is"
    assert filled("{real_income.USA}", result, result) == change(0.0, "%")


@pytest.mark.parametrize(
    "text",
    ["{real_incom.USA}", "{real_income.XYZ}", "{real_income}", "{real_income.USA|often}", "{wages.USA|before}", "{wages.world}"],
)  # fmt: skip
def test_what_there_is_not_is_named(result: Equilibrium, text: str) -> None:
    with pytest.raises(LiveWordsError, match=re.escape(text)):
        filled(text, result)


def test_other_braces_stay(result: Equilibrium) -> None:
    assert filled("{a b} {} {}", result) == "{a b} {} {}"


def test_six_dated_stories_with_three_charts_and_words_that_can_be_filled() -> None:
    assert len(stories()) == 6 and story("no such") is None
    for tale in stories():
        assert len(tale.charts) == 3 and tale.country in WORLD.countries
        assert f"{tale.date:%Y}" in tale.dated
        solved = compile(tale.scenario, WORLD, None).solve(None)
        for words in tale.words:
            assert "{" not in filled(words, solved)


def test_everything_that_is_offered_can_be_told(result: Equilibrium) -> None:
    places = [place for place, _ in offered(WORLD, "VNM")]
    lines, problems = told(places, result)
    assert not problems and len(lines) == len(places) > 10
    assert not any("{" in line for line in lines)


def test_a_paragraph_that_cannot_be_told_stands_as_written_and_says_what_was_meant(
    result: Equilibrium,
) -> None:
    lines, problems = told(["It {real_incom.USA|verb}.", "Here {exports.US}.", "Fine."], result)
    assert lines == ("It {real_incom.USA|verb}.", "Here {exports.US}.", "Fine.")
    assert "Did you mean real_income?" in problems[0] and "Did you mean USA?" in problems[1]
