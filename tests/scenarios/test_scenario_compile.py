"""Levers, retaliation, and reading names onto worlds with other labels."""

import numpy as np
import pytest

from firmtrade_core.codes.countries import capitals
from firmtrade_core.equilibrium import Parameters, Shock, solve
from firmtrade_core.home.isic import parts_of_sector
from firmtrade_core.margins import Pareto
from firmtrade_core.scenarios import (
    CustomsUnion,
    Demand,
    Embargo,
    ExportSubsidy,
    FixedCost,
    Measure,
    Productivity,
    Retaliation,
    Scenario,
    ScenarioError,
    Structure,
    Tariff,
    TariffSchedule,
    TradeCost,
    WorldReference,
    compile,
    run,
)


def shock_of(world, *cards):
    return compile(Scenario(cards=cards), world).shock


def report_of(world, *cards):
    return " ".join(compile(Scenario(cards=cards), world).report)


# Levers


def test_adding_points_touches_only_what_is_named(world) -> None:
    after = shock_of(world, Tariff(importers="USA", exporters="CHN", sectors="metals", value=0.1)).tariff
    expected = world.tariff.copy()
    expected[1, 0, 1] += 0.1
    assert np.allclose(after, expected)
    assert shock_of(world, Tariff(importers="USA", value=0.1)).tariff[1, 0, 2] == 0  # services are no goods


def test_exceptions_are_taken_off(world) -> None:
    card = Tariff(importers="USA", except_exporters=["BRICS"], except_sectors=["metals"], value=0.1)
    change = shock_of(world, card).tariff - world.tariff
    usa, deu, row = (world.country_index(c) for c in ("USA", "DEU", "ROW"))
    assert change[deu, usa, 0] == pytest.approx(0.1)
    assert 0.09 < change[row, usa, 0] < 0.1  # the rest of the world less the BRICS members inside it
    assert (change[:, :, 1] == 0).all()
    assert (change[[world.country_index("CHN"), world.country_index("ZAF")]] == 0).all()


def test_scaling_and_cards_in_order(world) -> None:
    double, add = Tariff(importers="DEU", method="scale", value=2), Tariff(importers="DEU", value=0.05)
    deu = world.country_index("DEU")
    first, second = shock_of(world, double, add).tariff, shock_of(world, add, double).tariff
    goods = np.ix_([0, 1, 3, 4], [deu], [0, 1])
    assert np.allclose(first[goods], 2 * world.tariff[goods] + 0.05)
    assert np.allclose(second[goods], 2 * (world.tariff[goods] + 0.05))


def test_customs_union_shares_one_external_tariff(world) -> None:
    members = ["USA", "CHN"]
    fixed = shock_of(world, CustomsUnion(members=members, external_tariff=0.07)).tariff
    assert np.allclose(fixed[2:, :2, :2], 0.07)
    assert (fixed[:2, :2, :2] == 0).all()
    assert np.array_equal(fixed[:, 2:], world.tariff[:, 2:])
    mean = shock_of(world, CustomsUnion(members=members)).tariff
    imports = world.border_value[2:, :2, 0]
    assert np.allclose(mean[2:, :2, 0], (imports * world.tariff[2:, :2, 0]).sum() / imports.sum())


def test_subsidies_costs_and_shocks_at_home(world) -> None:
    shock = shock_of(
        world,
        ExportSubsidy(exporters="CHN", importers="USA", value=0.1),
        ExportSubsidy(exporters="CHN", importers="USA", method="set", sectors="metals", value=-0.2),
        TradeCost(exporters="CHN", importers="DEU", change=-0.05, both_directions=True),
        FixedCost(exporters="ZAF", change=0.2),
        Productivity(countries="USA", sectors="metals", change=0.02),
        Demand(countries="DEU", sectors="services", change=-0.1),
    )
    assert shock.tariff is None
    assert shock.subsidy[1, 0].tolist() == [0.1, -0.2, 0.0]
    assert shock.trade_cost[1, 2, 0] == shock.trade_cost[2, 1, 0] == 0.95
    assert (shock.trade_cost != 1).sum() == 4
    assert np.allclose(shock.fixed_cost[3, [0, 1, 2, 4], :2], 1.2)
    assert shock.productivity[0].tolist() == [1, 1.02, 1]
    assert shock.demand[2].tolist() == [1, 1, 0.9]


def test_embargo_ends_trade(world) -> None:
    result = run(Scenario(cards=[Embargo(exporters="CHN", importers="USA")]), world)
    assert (result.flows[1, 0, :2] == 0).all()
    assert (result.flows[0, 1, :2] == 0).all()
    assert (result.flows[1, 0, 2] > 0).all()
    one_way = run(Scenario(cards=[Embargo(exporters="CHN", importers="USA", both_directions=False)]), world)
    assert (one_way.flows[0, 1] > 0).all()


def test_prohibitive_tariffs_solve(world) -> None:
    result = run(Scenario(cards=[Tariff(importers="USA", exporters="CHN", value=100_000)]), world)
    assert result.certificate.holds
    assert result.flows[1, 0, :2].max() < 1e-6 * world.expenditure[1, 0, :2].max()


def test_tariffs_cannot_fall_to_minus_one(world) -> None:
    cuts = [Tariff(importers="USA", exporters="CHN", sectors="metals", value=-0.7)] * 2
    with pytest.raises(ScenarioError, match=r"Card 2 \(tariff\): .*from CHN to USA in metals"):
        shock_of(world, *cuts)


def test_a_policy_without_trade_is_refused(world) -> None:
    with pytest.raises(ScenarioError, match="touches no trade"):
        shock_of(world, Tariff(importers="DEU", exporters="EU", except_exporters=["ROW"], value=0.1))
    with pytest.raises(ScenarioError, match="leave nothing of CHN"):
        shock_of(world, Tariff(importers="USA", exporters="CHN", except_exporters=["BRICS"], value=0.1))


# Retaliation


def test_only_those_named_retaliate(world) -> None:
    answer = Retaliation(kind="mirror", by="CHN")
    change = shock_of(world, Tariff(importers="USA", value=0.1, retaliation=answer)).tariff - world.tariff
    assert np.allclose(change[0, 1, :2], 0.1)
    assert (change[0, 2:] == 0).all()


def test_cuts_are_not_retaliated(world) -> None:
    card = Tariff(importers="USA", method="set", value=0.0, retaliation="mirror")
    assert (shock_of(world, card).tariff[0] == world.tariff[0]).all()
    assert "no answer" in report_of(world, card)


def test_lists_strike_their_own_sectors(world) -> None:
    measures = [Measure(by="CHN", sectors="agriculture", add=0.3), Measure(by="ZAF", add=0.5)]
    card = Tariff(
        importers="USA",
        exporters=["CHN", "DEU"],
        sectors="metals",
        value=0.1,
        retaliation=Retaliation(kind="list", measures=measures),
    )
    change = shock_of(world, card).tariff - world.tariff
    assert change[0, 1, 0] == pytest.approx(0.3)
    assert change[0, 1, 1] == 0
    assert (change[0, 2:] == 0).all()
    assert "ZAF is not hit" in report_of(world, card)


@pytest.mark.parametrize("ceiling", [1.0, 0.05])
def test_proportional_retaliation_answers_the_losses_without_retaliation(world, ceiling) -> None:
    answer = Retaliation(kind="proportional", share=0.5, ceiling=ceiling)
    card = Tariff(importers="USA", exporters=["CHN", "DEU"], value=0.2, retaliation=answer)
    structure = Structure(family="armington", deficits="fixed")
    compiled = compile(Scenario(cards=[card], structure=structure), world)

    unanswered = world.tariff.copy()
    unanswered[1:3, 0, :2] += 0.2
    alone = solve(world, Shock(tariff=unanswered), Parameters())
    for country in (1, 2):
        lost = (world.border_value - alone.border_value)[country, 0, :2].sum()
        imports = world.border_value[0, country, :2].sum()
        expected = min(ceiling, 0.5 * lost / imports)
        assert np.allclose((compiled.shock.tariff - world.tariff)[0, country, :2], expected, rtol=1e-8)
    assert compiled.unanswered is not None
    assert np.allclose(compiled.unanswered.flows, alone.flows, rtol=1e-8)
    result = run(Scenario(cards=[card], structure=structure), world)
    assert result.certificate.holds
    assert result.real_income_change[0] < alone.real_income_change[0]


# Names onto worlds


def test_a_country_inside_the_rest_of_the_world_moves_it_by_its_share(world) -> None:
    members = len(set(capitals()) - {"USA", "CHN", "DEU", "ZAF"})
    cards = [Tariff(importers="USA", exporters="AFG", value=0.5)]
    change = shock_of(world, *cards).tariff - world.tariff
    assert np.allclose(change[4, 0, :2], 0.5 / members)
    assert "Afghanistan is named" in report_of(world, *cards)
    assert "approximate" in report_of(world, *cards)


def test_schedules_average_over_the_rest_of_the_world(world) -> None:
    members = len(set(capitals()) - {"USA", "CHN", "DEU", "ZAF"})
    card = TariffSchedule(importers="USA", added={"CHN": 0.5, "AFG": 0.3, "VNM": 0.4}, otherwise=0.1)
    change = (shock_of(world, card).tariff - world.tariff)[:, 0, 0]
    expected = [0, 0.5, 0.1, 0.1, (0.3 + 0.4 + 0.1 * (members - 2)) / members]
    assert np.allclose(change, expected)
    assert "approximate" in report_of(world, card)


def test_an_embargo_on_a_part_is_refused(world) -> None:
    with pytest.raises(ScenarioError, match="cannot hit a part"):
        shock_of(world, Embargo(exporters="BRICS", importers="USA"))
    spared = shock_of(world, Embargo(exporters="BRICS", except_exporters="ROW", importers="USA")).trade_cost
    assert np.isinf(spared[[1, 3], 0, :2]).all()
    assert np.isfinite(spared[4]).all()


def test_groups_that_a_world_merges(make_world) -> None:
    merged = make_world(("USA", "EU", "CHN"))
    change = shock_of(merged, Tariff(importers="USA", exporters="DEU", value=0.27)).tariff - merged.tariff
    assert np.allclose(change[1, 0, :2], 0.01)  # one of 27 members
    whole = shock_of(merged, Tariff(importers="USA", exporters="EU", value=0.27)).tariff - merged.tariff
    assert np.allclose(whole[1, 0, :2], 0.27)


def test_unknown_and_absent_countries(world, make_world) -> None:
    meant = shock_of(world, Tariff(importers="USA", exporters="DEU", value=0.1)).tariff
    for code in ("GER", "Germany", "Alemania"):
        assert np.array_equal(
            shock_of(world, Tariff(importers="USA", exporters=code, value=0.1)).tariff, meant
        )
    assert "'GER' is read as Germany (DEU)" in report_of(
        world, Tariff(importers="USA", exporters="GER", value=0.1)
    )
    for code, hint in (("SUN", "Soviet Union"), ("CHM", "no country of this world"), ("WLD", "total")):
        with pytest.raises(ScenarioError, match=hint) as refused:
            shock_of(world, Tariff(importers="USA", exporters=code, value=0.1))
        assert "Did you mean" not in str(refused.value)
    without_rest = make_world(("USA", "CHN", "DEU"))
    with pytest.raises(ScenarioError, match=r"France \(FRA\) is not in this world"):
        shock_of(without_rest, Tariff(importers="USA", exporters="FRA", value=0.1))
    with pytest.raises(ScenarioError, match="No member of ASEAN"):
        shock_of(without_rest, Tariff(importers="USA", exporters="ASEAN", value=0.1))
    assert "are not in this world" in report_of(
        without_rest, Tariff(importers="USA", exporters="BRICS", value=0.1)
    )


def test_sectors_split_merge_and_gaps(world, make_world) -> None:
    fine = make_world(sectors=("A01", "C24A", "C24B", "C25", "C10T12"))
    split = Tariff(importers="USA", exporters="CHN", sectors="metals", value=0.3)
    change = (shock_of(fine, split).tariff - fine.tariff)[1, 0]
    assert np.allclose(change, [0, 0.3, 0.3, 0.3, 0])
    assert "metals is read as C24A, C24B and C25 here (split)" in report_of(fine, split)

    merged = Tariff(importers="USA", exporters="CHN", sectors="C25", value=0.3)
    change = (shock_of(world, merged).tariff - world.tariff)[1, 0]
    assert np.allclose(change, [0, 0.1, 0])  # one of the three parts of metals
    assert "(merged)" in report_of(world, merged)

    with pytest.raises(ScenarioError, match="covers ISIC 02 and 03"):
        shock_of(fine, Tariff(importers="USA", sectors="agriculture", value=0.1))
    with pytest.raises(ScenarioError, match="Did you mean metals"):
        shock_of(world, Tariff(importers="USA", sectors="metal", value=0.1))


def test_worlds_with_their_own_labels(make_world) -> None:
    own = make_world(("A", "B", "C"), ("shoes", "wine"))
    change = (
        shock_of(own, Tariff(importers="A", exporters="B", sectors="wine", value=0.1)).tariff - own.tariff
    )
    assert np.argwhere(change).tolist() == [[1, 0, 1]]
    with pytest.raises(ScenarioError, match="no sector of this world"):
        shock_of(own, Tariff(importers="A", sectors="metals", value=0.1))


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        ("C10T12", {"10", "11", "12"}),
        ("C17_18", {"17", "18"}),
        ("C302T309", {"302T309"}),
        ("C30", {"301", "302T309"}),
        ("A", {"01", "02", "03"}),
        ("C01", None),  # division 01 is not in section C: another classification
        ("D999", None),
        ("shoes", None),
    ],
)
def test_isic_codes(code, parts) -> None:
    assert parts_of_sector(code) == (None if parts is None else frozenset(parts))


# Structure


def test_structure_becomes_parameters(world) -> None:
    structure = Structure(family="pareto", tail=2.0, elasticity="CP", entry="free", deficits="proportional")
    parameters = compile(Scenario(structure=structure), world).parameters
    assert parameters.family == Pareto(2.0)
    assert parameters.entry == "free"
    assert parameters.deficits == "proportional"
    assert parameters.elasticities_for(world).tolist() == [9.11, 4.54, 4.0]


def test_elasticities_follow_sectors_onto_other_worlds(make_world) -> None:
    fine = make_world(sectors=("A01", "C24A", "C24B", "C25"))
    compiled = compile(Scenario(structure=Structure(elasticity="CP", within_elasticity=None)), fine)
    assert compiled.parameters.elasticities_for(fine).tolist() == [9.11, 4.54, 4.54, 4.54]
    assert compiled.report == (
        "The trade elasticity of A01, C24A, C24B and C25 is read from the sectors they belong to.",
    )
    by_part = {"A01": 2.0, "C24": 3.0, "C25": 6.0}
    structure = Structure(elasticity=by_part, within_elasticity=None)
    mean = compile(Scenario(structure=structure), make_world(sectors=("A01", "metals")))
    assert mean.parameters.trade_elasticity.tolist() == [2.0, 4.0]
    assert "simple mean over its parts (approximate)" in mean.report[1]
    with pytest.raises(ScenarioError, match="no trade elasticity for sector A01"):
        compile(Scenario(structure=Structure(elasticity={"metals": 4.0})), fine)
    with pytest.raises(ScenarioError, match="No elasticity set is called 'XX'"):
        compile(Scenario(structure=Structure(elasticity="XX")), fine)


def test_report_says_what_does_nothing_and_what_was_meant(world) -> None:
    alike = Structure(family="krugman")
    idle = Scenario(cards=[FixedCost(exporters="CHN", change=-0.1)], structure=alike)
    assert "no role" in " ".join(compile(idle, world).report)
    elsewhere = Scenario(world=WorldReference(name="Old world", content_hash="00ff"))
    assert "written on Old world; this is synthetic" in compile(elsewhere, world).report[0]


def test_compiling_is_deterministic_and_warm_starts_do_not_matter(world) -> None:
    scenario = Scenario(cards=[Tariff(importers="USA", value=0.1, retaliation="mirror")])
    first, second = compile(scenario, world), compile(scenario, world)
    assert first.shock.content_hash == second.shock.content_hash
    cold = run(scenario, world)
    warm = run(scenario, world, start=run(Scenario(), world))
    assert np.allclose(cold.flows, warm.flows, rtol=1e-7)
