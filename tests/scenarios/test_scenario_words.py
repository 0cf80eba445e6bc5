"""Sentences written from scenarios, and the shipped ones."""

import numpy as np
import pytest

from firmtrade_core.codes.countries import capitals
from firmtrade_core.labels import NARROW_NO_BREAK_SPACE
from firmtrade_core.scenarios import (
    CustomsUnion,
    Demand,
    Embargo,
    ExportSubsidy,
    FixedCost,
    FreeTradeArea,
    Productivity,
    Scenario,
    ScenarioError,
    Structure,
    Tariff,
    TradeCost,
    compile,
    load_preset,
    preset_names,
    run,
)
from firmtrade_core.scenarios.schedules import load_schedule
from firmtrade_core.words.scenario import describe
from firmtrade_core.world.embedded import load_embedded_world


@pytest.mark.parametrize(
    ("card", "sentence"),
    [
        (
            Tariff(importers="USA", exporters="CHN", value=0.1, retaliation="mirror"),
            "The United States adds 10 points to its tariffs on all goods from China; China answers in kind.",
        ),
        (
            Tariff(importers=["EU"], except_exporters=["USMCA"], method="set", value=0.125),
            "The EU sets its tariffs on all goods from all countries but the USMCA countries at 12.5 %.",
        ),
        (
            Tariff(importers=["DEU", "FRA"], exporters="USA", method="scale", value=0.5),
            "Germany and France cut their tariffs on all goods from the United States by 50 % of what they are.",
        ),
        (
            Tariff(importers="CHN", exporters="USA", value=-0.05, retaliation="none"),
            "China takes 5 points off its tariffs on all goods from the United States.",
        ),
        (
            Tariff(importers="USA", sectors="metals", value=0.01, retaliation={"kind": "proportional"}),
            "The United States adds 1 point to its tariffs on metals from all countries; all who are hit answer "
            "in proportion to their lost exports.",
        ),
        (
            Tariff(importers="USA", exporters="CHN", value="2500 %"),
            "The United States adds 2 500 points to its tariffs on all goods from China.",
        ),
        (
            FreeTradeArea(members=["EU", "MERCOSUR"]),
            "The EU and Mercosur form a free-trade area for all goods.",
        ),
        (
            CustomsUnion(members="ASEAN", external_tariff=0.05),
            "ASEAN forms a customs union for all goods with one tariff of 5 % towards others.",
        ),
        (
            ExportSubsidy(exporters="IND", value=-0.05),
            "India taxes its exports of all goods by a further 5 % of the price.",
        ),
        (
            TradeCost(exporters="AFCFTA", importers="AFCFTA", change=-0.05),
            "The cost of trading all goods among the AfCFTA countries falls by 5 %.",
        ),
        (
            FixedCost(exporters="VNM", importers="JPN", change=-0.1),
            "The fixed cost of exporting all goods from Vietnam to Japan falls by 10 %.",
        ),
        (
            Embargo(exporters="RUS", importers=["EU", "G7"]),
            "An embargo ends trade in all goods between Russia and the EU and the G7 countries.",
        ),
        (Productivity(countries="ROW", change=0.02), "Productivity in the rest of the world rises by 2 %."),
        (
            Demand(countries="EU", sectors="services", change=-0.1),
            "Demand for services in the EU falls by 10 % against the rest of spending.",
        ),
    ],
)
def test_sentences(world, card, sentence) -> None:
    assert describe(Scenario(cards=[card]), world).replace(NARROW_NO_BREAK_SPACE, " ") == sentence


def test_stacks_stay_one_sentence(world) -> None:
    cards = [Tariff(importers="USA", exporters="CHN", value=0.01 * i) for i in range(1, 8)]
    sentence = describe(Scenario(cards=cards), world)
    assert sentence.endswith("; and 4 more policies.")
    assert sentence.count(".") == 1
    idle = [card.model_copy(update={"enabled": False}) for card in cards]
    assert describe(Scenario(cards=idle), world) == "Nothing changes."


@pytest.fixture(scope="module")
def embedded():
    return load_embedded_world()


#: Before the first of the policies in force nothing is added.
CHANGING = [name for name in preset_names() if name != "us_in_force_2025_01_01"]


@pytest.mark.parametrize("name", CHANGING)
def test_presets_hold_on_the_embedded_world(name, embedded) -> None:
    scenario = load_preset(name)
    assert scenario.name != "Untitled scenario"
    assert scenario.description.endswith(".")
    assert Scenario.from_yaml(scenario.to_yaml()) == scenario
    assert describe(scenario, embedded)[0].isupper()
    result = run(scenario, embedded)
    assert result.certificate.holds
    assert np.abs(result.real_income_change - 1).max() > 1e-4
    selecting = scenario.with_(structure=Structure(family="pareto"))
    assert run(selecting, embedded).certificate.holds


def test_the_brief_has_its_presets() -> None:
    assert len(preset_names()) == 18
    with pytest.raises(ScenarioError, match="Did you mean us_ten_points"):
        load_preset("us_ten_point")
    with pytest.raises(ScenarioError, match="No schedule is called"):
        load_schedule("us_1930")


def test_us_schedule_replaces_ten_points_and_averages_the_rest(embedded) -> None:
    listed = load_schedule("us_2025_04_02")
    compiled = compile(load_preset("us_schedule_2025_04_02"), embedded)
    usa = embedded.country_index("USA")
    added = (compiled.shock.tariff - embedded.tariff)[:, usa, :]
    rest = [code for code in capitals() if code not in embedded.countries]
    for i, code in enumerate(embedded.countries):
        if code == "USA":
            expected = 0.0
        elif code == "ROW":
            expected = sum(listed.get(c, 0.10) for c in rest) / len(rest)
        else:
            expected = listed.get(code, 0.10)
        assert np.allclose(added[i, embedded.goods], expected, atol=1e-12), code
        assert (added[i, ~embedded.goods] == 0).all()
    assert any("Rest of the world" in note and "approximate" in note for note in compiled.report)
    others = [i for i in range(len(embedded.countries)) if i != usa]
    assert np.array_equal(compiled.shock.tariff[:, others], embedded.tariff[:, others])


#: Sectors of the OECD's inter-country tables as the product's loaders label them.
ISIC_LABELS = (
    "A01 A02 A03 B05 B06 B07 B08 B09 C10T12 C13T15 C16 C17_18 C19 C20 C21 C22 C23 C24A C24B C25 C26 C27 C28 C29 "
    "C301 C302T309 C31T33"
)


@pytest.mark.parametrize("name", CHANGING)
def test_presets_compile_onto_tables_of_28_sectors(name, make_world) -> None:
    fine = make_world(
        ("USA", "CHN", "EU", "BRA", "CAN", "GBR", "JPN", "RUS", "ZAF", "VNM", "ROW"),
        (*ISIC_LABELS.split(), "Services (aggregate)"),
    )
    scenario = load_preset(name).with_(structure=Structure(elasticity="FGO"))
    compiled = compile(scenario, fine)
    assert compiled.shock.content_hash != compile(Scenario(), fine).shock.content_hash
    if name == "embargo_on_russian_energy":
        stopped = np.isinf(compiled.shock.trade_cost).any((0, 1))
        assert [s for s, ends in zip(fine.sectors, stopped, strict=True) if ends] == ISIC_LABELS.split()[3:8]
