"""Programmes in the Scenario lab: the card, the results, their bands, what else the money would buy, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from firmtrade_core.paths import PROJECT
from firmtrade_core.scenarios import Scenario
from firmtrade_core.scenarios.links import decode, encode
from pages.parts.lab.programme_card import POLICIES
from tests.app.test_pages import html
from tests.firms import make_home
from tests.scenarios.conftest import synthetic_world

CARD = {"kind": "programme", "policy": "quality_certification", "take_up": 0.4, "unit_cost": 20_000.0}


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Opens the lab on a small world with a programme, with the home country's firms unless told otherwise."""
    monkeypatch.chdir(PROJECT)
    monkeypatch.setenv("FIRMTRADE_HOME", "none")
    synthetic_world().save(tmp_path / "small.world")
    monkeypatch.setenv("FIRMTRADE_WORLD", str(tmp_path / "small.world"))

    def opened(*cards: dict[str, Any], firms: bool = True, family: str = "firms") -> AppTest:
        if firms:
            make_home().save(tmp_path / "home.parquet")
            monkeypatch.setenv("FIRMTRADE_HOME", str(tmp_path / "home.parquet"))
        app = AppTest.from_file(str(PROJECT / "app.py")).run()
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
    assert (
        "What the programme achieves" in words
        and "more export, and returns" in words
        and "dollar that people pay" in words
    )
    assert "interval being worked out" in words and 'data-study="working"' in words
    found = study(app).finish()
    assert found.bands and found.own_cut is not None and found.concession is not None
    app.run()
    words = html(app)
    assert 'data-study="done"' in words and "interval being worked out" not in words and "90\u202f%:" in words
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
    assert "(association, not a proven effect; beyond published effects)" in words[words.index("ft-equal") :]


def test_a_cost_not_entered_is_not_zero(lab) -> None:
    app = lab({name: value for name, value in CARD.items() if name != "unit_cost"})
    study(app).finish()
    app.run()
    words = html(app)
    strip = words[words.index('data-study="done"') :]
    assert "Income per dollar" not in strip and "Cost per new exporter" not in strip
    assert "Worth up to, per firm treated" in strip and "Income gained before any cost" in strip
    assert "would pay for itself up to" in words and "nothing can cost the same" in strip
    assert "cost not entered" in strip and "at a cost not entered" in words
    app.number_input(key="card_0_unit_cost").set_value(15_000.0).run()
    words = html(app)
    assert not app.exception and "cost not entered" not in words.split("What the programme achieves")[1]
    assert "Income per dollar that people pay" in words
    assert app.session_state["store"].scenario.cards[0].unit_cost == 15_000


def test_a_placeholder_of_earlier_links_is_no_cost() -> None:
    old = Scenario.parse({"cards": [CARD | {"cost_assumed": True}]}).cards[0]
    assert old.unit_cost is None and not old.cost_known
    assert Scenario.parse({"cards": [CARD | {"cost_assumed": False}]}).cards[0].unit_cost == 20_000


def test_every_programme_in_the_list_answers(lab) -> None:
    """Export promotion asked for an effect that its own field held: where nobody has estimated one, it is assumed."""
    app = lab()
    for policy in POLICIES:
        app.selectbox(key="card_0_policy").set_value(policy).run()
        card = app.session_state["store"].scenario.cards[0]
        assert not app.exception and card.policy == policy, policy
        words = html(app)
        assert "No results of this programme" not in words and "makes" in words, policy
        known = policy in ("quality_certification", "skills")
        assert (card.effect is None) == known, policy
        assert ("effect assumed, not estimated" in words) == (not known), policy
    app.number_input(key="card_0_capability").set_value(0.10).run()
    assert app.session_state["store"].scenario.cards[0].effect.capability == 0.10


def test_what_people_pay_is_set_on_the_card(lab) -> None:
    app = lab()
    before = study(app).result.account.ratio

    def opened() -> AppTest:
        app.session_state["card_0_account"] = True
        return app.run()

    opened().number_input(key="card_0_cost_of_funds").set_value(0.5).run()
    assert study(app).result.account.ratio == pytest.approx(before * 1.25 / 1.5, rel=0.01)
    opened().number_input(key="card_0_deadweight").set_value(40.0).run()
    opened().number_input(key="card_0_paid_years").set_value(1.0).run()
    opened().number_input(key="card_0_fading").set_value(30.0).run()
    card = app.session_state["store"].scenario.cards[0]
    assert (card.deadweight, card.paid_years, card.fading) == (0.4, 1.0, 0.3)
    assert not app.exception and "over the years" in html(app)


def test_briefing_and_the_room_show_the_programme_and_its_stamps(lab) -> None:
    app = lab(CARD | {"policy": "skills"})
    app.switch_page("pages/briefing.py").run()
    words = html(app)
    assert not app.exception and "What the programme achieves" in words and "makes" in words
    # Beside the headline numbers, and in the subtitles of charts, which print and pictures carry.
    assert "programmes: association, not a proven effect; beyond published effects" in words


def test_published_evidence_stands_on_the_card(lab) -> None:
    app = lab(CARD | {"policy": "supplier_networks", "effect": {"capability": 0.4, "grade": "observables"}})
    app.session_state["card_0_evidence"] = True
    words = html(app.run())
    assert "beyond published effects" in words and "from +8.50 % to +20.0 %" in words.replace("\u202f", " ")
    assert "Arraiz" in words and "not printed" in words and "yes (16.0, 11.2, 8.5 in years 1, 2, 3)" in words
    plain = lab(CARD)
    assert "nothing to hold the effect against" in html(plain)


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

    assert opened().multiselect(key="card_0_regions").options == ["North", "South", "West"]
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
