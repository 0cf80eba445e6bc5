"""What a scenario may say, and how it says what is wrong."""

import pytest

from firmtrade_core.scenarios import Scenario, ScenarioError, Structure, Tariff
from firmtrade_core.scenarios.fields import rate, written


def tariff(**fields: object) -> dict:
    card = {"kind": "tariff", "importers": ["USA"], "exporters": ["CHN"], "value": 0.1} | fields
    return {"cards": [card]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (tariff(value=10), r"card 1 \(tariff\), value: .*10 means 1000 %. For 10 % write 0.1; .*'1000 %'"),
        (tariff(value=-1), "must be above -1"),
        (tariff(value=-5), "For -5 % write -0.05"),
        (tariff(value=True), "give a fraction"),
        (tariff(value="ten"), "give a fraction"),
        (tariff(value="ten %"), "not a number"),
        (tariff(value=float("nan")), "finite"),
        (tariff(value=None), "give a fraction"),
        (tariff(method="scale", value=-0.5), "0 or more"),
        (tariff(method="swiss", value=0), "above 0"),
        (tariff(method="plus"), "'plus' is not one of"),
        (tariff(importers=[]), "the list is empty"),
        (tariff(importers=5), "give a list of codes"),
        (tariff(importers=["USA", "USA"]), "USA is listed twice"),
        (tariff(importers=["all", "USA"]), "covers the rest of the list"),
        (tariff(importers=[True]), "put it in quotes"),
        (tariff(exporters=["USA"]), "USA is both exporter and importer"),
        (tariff(exporter=["USA"]), "no such field. Did you mean exporters"),
        (tariff(importers=["<img src=x>"]), "plain text"),
        (tariff(retaliation="revenge"), "'revenge' is not one of"),
        (tariff(retaliation={"kind": "list"}), "a list needs at least one"),
        ({"cards": [{"kind": "quota"}]}, "no card is of kind 'quota'; the kinds are tariff, schedule"),
        ({"cards": [{"value": 1}]}, "a card needs a kind"),
        ({"cards": 7}, "give a list"),
        ({"cards": [{"kind": "free_trade_area", "members": ["USA"]}]}, "name two members or a group"),
        ({"cards": [{"kind": "free_trade_area", "members": []}]}, "the list is empty"),
        ({"cards": [{"kind": "export_subsidy", "exporters": "IND", "value": 1.5}]}, "below 1"),
        ({"cards": [{"kind": "schedule", "importers": "USA"}]}, "one of the three"),
        ({"cards": [{"kind": "schedule", "importers": "USA", "table": "../x"}]}, "pattern"),
        ({"structure": {"family": "weibull"}}, "structure, family"),
        ({"structure": {"tail": 1}}, "structure, tail"),
        ({"structure": {"elasticity": -4}}, "above 0"),
        ({"structure": {"elasticity": {"metals": "x"}}}, "elasticity of metals"),
        ({"name": "<b>bold</b>"}, "plain text"),
        ({"name": "x" * 500}, "keep this to 120 characters"),
        ({"version": 3}, "program reads versions 1 and 2"),
        ({"version": True}, "program reads versions 1 and 2"),
        ({"nme": "x"}, "Did you mean name"),
        ([1, 2], "A scenario is a mapping"),
    ],
)
def test_mistakes_are_named(content: object, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        Scenario.parse(content)


def test_all_mistakes_come_at_once() -> None:
    with pytest.raises(ScenarioError) as caught:
        Scenario.parse(tariff(value=10, importers=[], method="x"))
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("given", "fraction"), [(0.1, 0.1), ("10 %", 0.1), ("1000%", 10.0), (5000, 5000.0), (2, 2.0)]
)
def test_rates_may_be_percent_when_they_say_so(given: object, fraction: float) -> None:
    assert rate(given) == fraction
    assert rate(written(fraction)) == fraction


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "Line 1: anchors and aliases"),
        ("name: !!python/object/apply:os.system ['touch hostile']", "tags"),
        ("name: !<tag:yaml.org,2002:python/name:os.system> x", "tags"),
        ("[" * 3000, "nested more than 12 deep"),
        ("{a: " * 3000, "nested more than 12 deep"),
        ("name: " + "x" * 300_000, "at most 200\u202f000"),
        (b"\xff\xfe\x00\x01", "not text in UTF-8"),
        ("name: [unclosed", "not YAML at line 1"),
        ("name: a\nname: b", "'name' appears twice"),
        ("1: a", "must be texts"),
        ("? [a, b]\n: c", "must be texts"),
        ("a\x00b", "not YAML"),
        ("--- {name: a}\n--- {name: b}", "not YAML"),
        ("", "A scenario is a mapping"),
        ("just words", "A scenario is a mapping"),
        ("name: <script>alert(1)</script>", "plain text"),
        ("cards: [{kind: tariff, importers: [USA], value: 1" + "0" * 5000 + "}]", "."),
        ("cards: [" + "{kind: demand, countries: [USA], change: 0.1}," * 51 + "]", "at most 50"),
    ],
)
def test_hostile_yaml_is_refused(text: str | bytes, message: str, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScenarioError, match=message):
        Scenario.from_yaml(text)
    assert not list(tmp_path.iterdir())


def test_norway_is_not_no() -> None:
    scenario = Scenario.from_yaml("cards: [{kind: tariff, importers: NO, exporters: [on, y], value: 0.1}]")
    assert scenario.cards[0].importers == ("NO",)
    assert scenario.cards[0].exporters == ("on", "y")


def test_hash_follows_the_numbers_not_the_words() -> None:
    plain = Scenario(cards=[Tariff(importers="USA", value=0.1)])
    assert plain.content_hash == Scenario.from_yaml(plain.to_yaml()).content_hash
    assert plain.content_hash == plain.with_(name="Another name").content_hash
    with_idle = plain.with_(cards=[*plain.cards, Tariff(importers="CHN", value=0.5, enabled=False)])
    assert with_idle.content_hash == plain.content_hash
    others = [
        plain.with_(cards=[Tariff(importers="USA", value=0.11)]),
        plain.with_(structure=Structure(family="pareto")),
        plain.with_(cards=[]),
    ]
    assert len({s.content_hash for s in (plain, *others)}) == 4


def test_scenarios_are_frozen_and_copies_are_checked() -> None:
    scenario = Scenario()
    with pytest.raises(ValueError, match="frozen"):
        scenario.name = "changed"
    with pytest.raises(ScenarioError, match="keep this to"):
        scenario.with_(name="x" * 200)


def test_none_is_another_word_for_armington() -> None:
    assert Scenario.parse({"structure": {"family": "none"}}).structure == Structure(family="armington")
