"""Programmes in the Scenario lab: the card, the results, their bands, what else the money would buy, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from firmtrade_core.paths import PROJECT
from firmtrade_core.scenarios import Scenario
from firmtrade_core.scenarios.links import decode, encode
from firmtrade_core.world.files import save_world
from tests.app.test_pages import html
from tests.firms import make_home
from tests.scenarios.conftest import synthetic_world

CARD = {"kind": "programme", "policy": "quality_certification", "take_up": 0.4, "unit_cost": 20_000.0}


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Opens the lab on a small world with a programme, with the home country's firms unless told otherwise."""
    monkeypatch.chdir(PROJECT)
    monkeypatch.setenv("FIRMTRADE_HOME", "none")
    save_world(synthetic_world(), tmp_path / "small.world")
    monkeypatch.setenv("FIRMTRADE_WORLD", str(tmp_path / "small.world"))

    def opened(*cards: dict[str, Any], firms: bool = True, family: str = "firms") -> AppTest:
        if firms:
            make_home().save(tmp_path / "home.parquet")
            monkeypatch.setenv("FIRMTRADE_HOME", str(tmp_path / "home.parquet"))
        app = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60).run()
        app.switch_page("pages/lab.py").run()
        scenario = {"cards": list(cards or (CARD,)), "structure": {"family": family, "elasticity": 5.0}}
        app.session_state["store"].become(Scenario.parse(scenario))
        app.run()
        assert not app.exception
        return app

    return opened


def study(app: AppTest) -> Any:
    return list(app.session_state["programmes"].studies.values())[-1]


def test_results_come_with_the_redraw_and_bands_after(lab) -> None:
    app = lab()
    words = html(app)
    assert "What the programme achieves" in words and "more export, and returns" in words
    assert "interval being worked out" in words and 'data-study="working"' in words
    found = study(app).finish()
    assert found.bands and found.own_cut is not None and found.concession is not None
    app.run()
    words = html(app)
    assert 'data-study="done"' in words and "interval being worked out" not in words and "90%:" in words
    assert "Partners cut their tariffs on goods of South Africa" in words
    # The grade stands under every number of the section.
    strip = words[words.index('data-study="done"') :]
    strip = strip[: strip.index("ft-equal")]
    assert strip.count("effect identified by an instrument") == strip.count('class="ft-number"') >= 12


def test_the_slider_moves_the_numbers(lab) -> None:
    app = lab()
    before = study(app)
    app.slider(key="card_0_take_up").set_value(80).run()
    assert not app.exception and study(app) is not before
    assert study(app).result.treated == pytest.approx(2 * before.result.treated)


def test_an_association_is_stamped_on_every_number(lab) -> None:
    app = lab(CARD | {"policy": "skills"})
    study(app).finish()
    app.run()
    words = html(app)
    strip = words[words.index('data-study="done"') : words.index("ft-equal")]
    assert strip.count("association, not a proven effect") == strip.count('class="ft-number"') >= 12
    assert "(association, not a proven effect)" in words[words.index("ft-equal") :]


def test_a_placeholder_of_the_cost_is_stamped_until_one_is_entered(lab) -> None:
    app = lab(CARD | {"cost_assumed": True})
    study(app).finish()
    app.run()
    words = html(app)
    strip = words[words.index('data-study="done"') : words.index("ft-equal")]
    # Benefit over cost, cost per exporter, cost per dollar, cost to the budget.
    assert strip.count("cost assumed; effect identified") == 4
    assert "Cost assumed; enter your own" in words and "at an assumed cost per firm" in words
    assert "an assumed 20" in words
    app.number_input(key="card_0_unit_cost").set_value(15_000.0).run()
    words = html(app)
    assert not app.exception and "assumed" not in words.lower().split("what the programme achieves")[1]
    assert "Cost assumed" not in words
    card = app.session_state["store"].scenario.cards[0]
    assert card.unit_cost == 15_000 and not card.cost_assumed


def test_another_family_is_one_click_away(lab) -> None:
    app = lab(family="pareto")
    assert "Under <i>Model choices</i> firms now follow a law as a whole" in html(app)
    app.button(key="use_own_firms").click().run()
    assert app.session_state["store"].scenario.structure.family == "firms"
    assert not app.exception and "more export" in html(app)


def test_without_firms_it_says_what_stands_for_them(lab) -> None:
    card = CARD | {"country": "ZAF", "effect": {"capability": 0.1}}
    words = html(lab(card, firms=False))
    assert "nobody can be counted one by one" in words and "No home firms are loaded" in words


def test_who_may_take_part_is_set_on_the_card(lab) -> None:
    app = lab()
    everyone = study(app).result.treated

    def opened() -> AppTest:
        # The test's browser closes a popover at every run.
        app.session_state["card_0_who"] = True
        return app.run()

    assert opened().multiselect(key="card_0_regions").options == ["north", "south", "west"]
    app.multiselect(key="card_0_regions").set_value(["north"]).run()
    north = study(app).result.treated
    assert 0 < north < everyone
    for field, value in (("smallest", 10.0), ("oldest", 20.0), ("lowest_score", 0.5)):
        opened().number_input(key=f"card_0_{field}").set_value(value).run()
    rule = app.session_state["store"].scenario.cards[0].eligible
    assert (rule.regions, rule.smallest, rule.oldest, rule.lowest_score) == (("north",), 10.0, 20.0, 0.5)
    assert 0 < study(app).result.treated < north
    opened().selectbox(key="card_0_by").set_value("propensity").run()
    assert not app.exception and app.session_state["store"].scenario.cards[0].by == "propensity"


def test_two_programmes_are_told_apart(lab) -> None:
    app = lab(CARD, CARD | {"policy": "skills"})
    first = study(app).result
    app.segmented_control(key="programme_card").set_value(1).run()
    assert not app.exception
    assert first.effect.grade == "instrument" and study(app).result.effect.grade == "association"


def test_support_of_exporters_carries_the_note_of_the_wto(lab) -> None:
    words = html(lab(CARD | {"eligible": {"exporters": "exporters"}}))
    assert "Article 3.1(a)" in words


# Bad input at the screen and in links -----------------------------------------------------------


def test_nobody_eligible_is_explained_and_nothing_is_lost(lab) -> None:
    app = lab(CARD | {"eligible": {"smallest": 1e6}})
    words = html(app)
    assert "no firm is eligible" in words and "Nothing you chose is lost" in words
    assert app.session_state["store"].scenario.cards[0].eligible.smallest == 1e6


@pytest.mark.parametrize(("field", "value"), [("take_up", 1.5), ("unit_cost", -1.0), ("outlay", -5.0)])
def test_what_no_programme_can_be_stays_a_draft(lab, field: str, value: float) -> None:
    app = lab()
    store = app.session_state["store"]
    before = store.scenario
    store.edit_card(0, {field: value})
    app.run()
    assert store.scenario == before and "Not in force yet" in html(app)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("take_up: 1.5", "take-up is a share"),
        ("unit_cost: -2", "must be from 0 to a billion"),
        ("effect: {capability: 0.1, grade: rumour}", "association"),
        ("by: lottery", "propensity"),
    ],
)
def test_yaml_names_what_cannot_be(text: str, words: str) -> None:
    from firmtrade_core.scenarios import ScenarioError

    with pytest.raises(ScenarioError, match=words):
        Scenario.from_yaml(f"cards:\n- {{kind: programme, policy: skills, {text}}}\n")


def test_a_link_carries_every_condition() -> None:
    rule = {
        "regions": ["north"],
        "smallest": 5.0,
        "oldest": 30.0,
        "lowest_score": 60.0,
        "exporters": "non_exporters",
    }
    given = Scenario.parse(
        {"cards": [CARD | {"eligible": rule, "by": "propensity"}], "structure": {"family": "firms"}}
    )
    assert decode(encode(given)) == given
