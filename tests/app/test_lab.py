"""The lab's levers, without a browser: every card and its details, files in and out, what is read against what."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from firmtrade_core.scenarios import Scenario, load_preset, run
from firmtrade_core.scenarios.schema import CARDS
from firmtrade_core.world.embedded import load_embedded_world
from pages.parts.frame import pickers
from tests.app.test_pages import html, lab


def store(app: AppTest) -> Any:
    return app.session_state["store"]


def opened(app: AppTest, *drawers: str) -> AppTest:
    for drawer in drawers:
        app.session_state[drawer] = True
    return app.run()


def show(app: AppTest, content: dict[str, Any]) -> AppTest:
    store(app).become(Scenario.parse(content))
    return app.run()


def test_the_lab_offers_every_kind_of_card_the_engine_has() -> None:
    from pages.parts.lab.card_kinds import KINDS

    assert set(KINDS) == {str(card.model_fields["kind"].default) for card in CARDS}


def test_cards_are_copied_moved_and_taken_away_and_undo_brings_all_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = lab(monkeypatch)
    app.selectbox(key="add_card").set_value("embargo").run()
    opened(app, "card_0_more").button(key="card_0_copy").click().run()
    kinds = [card.kind for card in store(app).scenario.cards]
    assert kinds == ["tariff", "tariff", "embargo"]
    opened(app, "card_1_more").button(key="card_1_down").click().run()
    assert [card.kind for card in store(app).scenario.cards] == ["tariff", "embargo", "tariff"]
    app.button(key="card_0_remove").click().run()
    assert [card.kind for card in store(app).scenario.cards] == ["embargo", "tariff"]
    for _ in range(4):
        store(app).undo()
    app.run()
    assert [card.kind for card in store(app).scenario.cards] == ["tariff"]
    for _ in range(4):
        store(app).redo()
    assert [card.kind for card in store(app).scenario.cards] == ["embargo", "tariff"]


def test_a_card_switched_off_has_no_effect_and_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    app = lab(monkeypatch)
    app.toggle(key="card_0_enabled").set_value(False).run()
    assert "Nothing changes" in html(app)
    assert len(store(app).scenario.cards) == 1


def test_groups_are_picked_and_their_members_told(monkeypatch: pytest.MonkeyPatch) -> None:
    app = lab(monkeypatch)
    picker = app.multiselect(key="card_0_exporters")
    for label in ("European Union (27)", "ASEAN", "Mercosur", "BRICS", "OECD"):
        assert label in picker.options
    picker.set_value(["MERCOSUR"]).run()
    assert "Brazil" in app.multiselect(key="card_0_exporters").help
    assert "Mercosur" in html(app)


def test_branches_of_sectors_stand_for_all_below_them(monkeypatch: pytest.MonkeyPatch) -> None:
    app = lab(monkeypatch)
    picker = app.multiselect(key="card_0_sectors")
    whole = next(label for label in picker.options if label.startswith("Manufacturing"))
    picker.select(whole).run()
    world = load_embedded_world()
    equilibrium = run(store(app).scenario, world)
    raised = (equilibrium.tariff - world.tariff)[0, world.country_index("USA")] > 0
    assert raised.any() and not raised.all()
    assert not raised[world.sector_index("agriculture")]


def test_retaliation_has_details(monkeypatch: pytest.MonkeyPatch) -> None:
    app = lab(monkeypatch)
    app.selectbox(key="card_0_retaliation").set_value("list").run()
    opened(app, "card_0_more").slider(key="card_0_measure_0_add").set_value(25).run()
    answer = store(app).scenario.cards[0].retaliation
    assert answer.kind == "list" and answer.measures[0].add == 0.25
    app.selectbox(key="card_0_retaliation").set_value("proportional").run()
    app.slider(key="card_0_ceiling").set_value(30).run()
    app.multiselect(key="card_0_by").set_value(["EU"]).run()
    answer = store(app).scenario.cards[0].retaliation
    assert (answer.kind, answer.ceiling, answer.by) == ("proportional", 0.30, ("EU",))
    assert not app.exception


def test_a_schedule_is_edited_exporter_by_exporter(monkeypatch: pytest.MonkeyPatch) -> None:
    app = lab(monkeypatch)
    store(app).become(load_preset("us_schedule_2025_04_02"))
    app.run()
    app.selectbox(key="card_0_exporter").set_value("BRA").run()
    app.slider(key="card_0_points").set_value(33.5).run()
    card = store(app).scenario.cards[0]
    assert card.added["BRA"] == 0.335 and len(card.added) > 50 and not card.table
    assert not app.exception


def test_a_customs_union_takes_a_tariff_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    app = lab(monkeypatch)
    show(app, {"cards": [{"kind": "customs_union", "members": ["USA", "MEX"]}]})
    app.toggle(key="card_0_own_tariff").set_value(True).run()
    app.slider(key="card_0_external_tariff_Common tariff").set_value(12).run()
    assert store(app).scenario.cards[0].external_tariff == 0.12


def test_own_elasticities_by_sector(monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(lab(monkeypatch), "structure")
    app.selectbox(key="structure_elasticity").set_value("own values by sector").run()
    app.number_input(key="structure_elasticity_metals").set_value(9.5).run()
    given = store(app).scenario.structure.elasticity
    assert given["metals"] == 9.5 and given["agriculture"] == 4.0
    for family in ("eaton_kortum", "krugman", "pareto", "lognormal"):
        app.selectbox(key="structure_family").set_value(family).run()
        assert not app.exception
    app.slider(key="structure_dispersion").set_value(1.5).run()
    assert store(app).scenario.structure.dispersion == 1.5


def test_any_scenario_can_stand_in_for_the_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    from firmtrade_core.figures import headlines
    from firmtrade_core.labels import number

    app = lab(monkeypatch)
    app.selectbox(key="reference").set_value("here").run()
    app.slider(key="card_0_value_Points added").set_value(30).run()
    world = load_embedded_world()
    first = run(load_preset("us_ten_points"), world)
    second = run(store(app).scenario, world)
    expected = 100 * (second.real_income_change / first.real_income_change - 1)[world.country_index("USA")]
    found = headlines(second, "USA", "United States", first)[0].value
    assert found == pytest.approx(expected)
    assert f">{number(expected, signed=True)}<" in html(app)
    app.segmented_control(key="showing").set_value("reference").run()
    alone = 100 * (first.real_income_change - 1)[world.country_index("USA")]
    assert f">{number(alone, signed=True)}<" in html(app)
    app.selectbox(key="reference").set_value("baseline").run()
    assert store(app).reference is None and not app.exception


def test_every_view_below_the_map_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    app = lab(monkeypatch)
    for view in ("partners", "groups", "replaced", "winners"):
        app.segmented_control(key="view").set_value(view).run()
        assert not app.exception
    app.segmented_control(key="view").set_value("partners").run()
    app.segmented_control(key="direction").set_value("imports").run()
    app.selectbox(key="partner").set_value("CHN").run()
    assert not app.exception and store(app).partner == "CHN"


@pytest.mark.truth
def test_a_programme_that_names_no_country_is_of_the_firms_loaded() -> None:
    from pages.parts.lab.levers import _title

    card = {"kind": "programme", "policy": "quality_certification", "take_up": 0.3, "unit_cost": 10_000.0}
    told = Scenario.parse({"cards": [card], "structure": {"family": "firms", "elasticity": 5.0}})
    assert _title(told.cards[0], load_embedded_world()) == "Firm programme: Chile"
    elsewhere = Scenario.parse({"cards": [card | {"country": "USA"}]})
    assert _title(elsewhere.cards[0], load_embedded_world()) == "Firm programme: United States"


def test_a_firm_programme_keeps_what_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FIRMTRADE_HOME", raising=False)
    app = lab(monkeypatch)
    app.selectbox(key="add_card").set_value("programme").run()
    app.selectbox(key="card_1_policy").set_value("research").run()
    app.selectbox(key="card_1_eligible").set_value("exporters").run()
    opened(app, "card_1_more").number_input(key="card_1_phase_in").set_value(4.0).run()
    card = store(app).scenario.cards[1]
    assert (card.policy, card.eligible.exporters, card.phase_in) == ("research", "exporters", 4)
    assert not app.exception


BAD_FILES = {
    "not text": (b"\xff\xfe\x00\x01", "not text"),
    "not YAML": (b"cards: [", "not YAML"),
    "tags": (b"!!python/object/apply:os.system ['true']", "tags"),
    "aliases": (b"a: &a [x]\nb: *a\n", "anchors and aliases"),
    "markup": (b"name: <script>alert(1)</script>\ncards: []\n", "plain text"),
    "another version": (b"version: 7\ncards: []\n", "version"),
    "percent": (b"cards: [{kind: tariff, importers: [USA], value: 10}]\n", "0.1"),
    "huge": (b"# " + b"x" * 900_000, "scenario"),
    "zip": (b"PK\x03\x04" + bytes(50), "not"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_bad_file_is_refused_in_words_and_loses_nothing(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    content, words = BAD_FILES[kind]
    app = opened(lab(monkeypatch), "sharing")
    app.slider(key="card_0_value_Points added").set_value(25).run()
    app.file_uploader(key="yaml").upload("evil <b>.yaml", content, "application/yaml").run()
    assert not app.exception
    told = html(app)
    assert "Not opened" in told and words in told and "<script>" not in told and "evil <b>" not in told
    assert store(app).scenario.cards[0].value == 0.25


def test_a_good_file_is_put_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(lab(monkeypatch), "sharing")
    content = load_preset("eu_mercosur").to_yaml().encode()
    app.file_uploader(key="yaml").upload("mine.yaml", content, "application/yaml").run()
    assert not app.exception and "Not opened" not in html(app)
    assert store(app).scenario == load_preset("eu_mercosur")
    store(app).undo()
    assert store(app).scenario == load_preset("us_ten_points")


def test_ten_viewers_of_one_link_cost_one_solve(monkeypatch: pytest.MonkeyPatch) -> None:
    from firmtrade_core.scenarios import CompiledScenario
    from pages.parts.result import solving

    scenario = load_preset("us_ten_points").with_(name="Seen by ten")
    cards = (scenario.cards[0].model_copy(update={"value": 0.1234}),)
    calls = []
    solve = CompiledScenario.solve

    def counted(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        return solve(*arguments, **options)

    monkeypatch.setattr(CompiledScenario, "solve", counted)
    world = load_embedded_world()
    found = [solving.solve_scenario(scenario.with_(cards=cards), world)[0] for _ in range(10)]
    assert len(calls) == 1 and all(item is found[0] for item in found)


def test_the_store_reads_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    from pages.parts.frame import address
    from pages.parts.frame.store import Store

    world = load_embedded_world()
    one, two = (Store(load_preset("us_ten_points"), "USA") for _ in range(2))
    one.become(load_preset("eu_mercosur"))
    one.country, one.outcome, one.flows, one.view = "BRA", "wages", True, "groups"
    one.reference, one.showing = load_preset("us_ten_points"), "scenario"
    address.read(address.query(one, world), two, world)
    for name in ("country", "outcome", "flows", "view", "showing"):
        assert getattr(two, name) == getattr(one, name)
    assert two.scenario.content_hash and np.array_equal(
        run(two.scenario, world).real_income_change, run(one.scenario, world).real_income_change
    )
    assert address.query(two, world) == address.query(one, world)
    address.read("country=XXX&map=nonsense&view=9&present=%00&s=", two, world)
    assert (two.country, two.outcome, two.view, two.presenting) == ("USA", "real_income", "winners", False)


def test_what_no_link_holds_is_told_and_goes_as_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(lab(monkeypatch), "sharing")
    rng, countries = np.random.default_rng(5), load_embedded_world().countries
    cards = [
        {"kind": "schedule", "importers": ["USA"], "added": {c: float(rng.random()) for c in countries}}
        for _ in range(3)
    ]
    show(app, {"cards": cards})
    assert "No link holds this scenario" in html(app) and not app.exception


def test_colours_fit_or_are_fixed_and_what_lies_beyond_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from pages.parts.frame import address
    from pages.parts.frame.store import Store
    from pages.parts.result import redrawn, views
    from pages.parts.result.reading import read

    app = lab(monkeypatch)
    assert app.selectbox(key="fixed_scale").value == 0.0
    app.selectbox(key="fixed_scale").set_value(0.5).run()
    held, world = store(app), load_embedded_world()
    assert held.fixed_scale == 0.5 and not app.exception
    found, scale = views.shown_outcome(held, read(held, world))
    assert scale == 0.5
    words = redrawn.clipped(found, scale, world)
    assert "beyond the colours" in words and "Mexico −1.4" in words
    assert not redrawn.clipped(found, 50.0, world)
    other = Store(load_preset("us_ten_points"), "USA")
    address.read(address.query(held, world), other, world)
    assert other.fixed_scale == 0.5


def test_the_record_stands_beside_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    app = lab(monkeypatch)
    assert "Record: US imports of 2025 by partner" in html(app)
    app.segmented_control(key="view").set_value("partners").run()
    app.segmented_control(key="direction").set_value("imports").run()
    assert not app.exception
    shown = html(app)
    assert "no record to stand on" in shown and "no skill:" in shown


def test_an_elasticity_by_years_since_the_change_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    app = lab(monkeypatch)
    app.session_state["structure"] = True
    app.run().selectbox(key="structure_elasticity").set_value("BLP10").run()
    assert not app.exception
    assert "by years since the change" in html(app)
    assert app.session_state["store"].scenario.structure.elasticity == "BLP10"
    assert any("one path through the years" in c.value for c in app.caption)


def test_a_choice_that_comes_twice_is_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a browser sends before it has heard that the list is empty again still carries the choice."""
    app = lab(monkeypatch)
    now = [100.0]
    monkeypatch.setattr(pickers, "monotonic", lambda: now[0])
    for seconds, cards in ((0.0, 2), (0.4, 2), (1.5, 3)):
        now[0] += seconds
        app.selectbox(key="add_card").set_value("embargo").run()
        assert len(store(app).scenario.cards) == cards
    app.selectbox(key="add_card").set_value("free_trade_area").run()
    assert len(store(app).scenario.cards) == 4


def test_a_rate_beyond_belief_is_answered_as_a_box_can_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    app = lab(monkeypatch)
    store(app).edit_card(0, {"value": 999.99})
    words = html(app.run())
    assert "More than 200 points" in words and "write 9.9999" not in words and not app.exception
