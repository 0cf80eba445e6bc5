"""Who gains: accounts add up, indices follow their definitions, cutting off hurts."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmtrade_core.analysis.who_gains import (
    Safeguards,
    concentration,
    cut_off,
    exposed_suppliers,
    firm_groups,
    partners,
    safeguards,
    sectors_table,
    single_sources,
    worst_cut_off,
    worst_together,
    worth_of_trade,
    worth_sentence,
)
from firmtrade_core.equilibrium import Equilibrium, Parameters, Shock, solve
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.equilibrium.states import herfindahl
from firmtrade_core.home.outcomes import firm_outcomes
from firmtrade_core.scenarios import Scenario, compile
from tests.firms import make_home
from tests.scenarios.conftest import synthetic_world
from tests.worlds import make_world


def test_wages_bills_add_up_to_labour_income(raised: Equilibrium) -> None:
    table = sectors_table(raised, "C00")
    real = raised.labour_income[0] / raised.price_index_change[0]
    assert table.wages_bill_change.sum() * 1e3 == pytest.approx(real - raised.baseline.labour_income[0])
    assert (table.share * (1 + table.jobs / 100)).sum() == pytest.approx(1)


def test_safeguards_count_workers_within_the_country(raised: Equilibrium) -> None:
    found = safeguards(raised, "C00")
    income, growth = raised.baseline.labour_income[0] * 1e-3, raised.real_wage_change[0] - 1
    assert found.wages == pytest.approx(income * growth) and found.real_wage == pytest.approx(100 * growth)
    assert found.gain == pytest.approx(raised.equivalent_variation[0] * 1e-3)
    table = sectors_table(raised, "C00")
    leaving = -(table.share * table.jobs.clip(upper=0)).sum()
    assert found.jobs_share == pytest.approx(leaving) and set(found.shrinking) == set(
        table.name[table.jobs < 0]
    )
    still = safeguards(solve(raised.world, Shock(), raised.parameters), "C00")
    assert "stay as they are" in still.sentence("C00") and "Hardly anyone" in still.sentence("C00")


@given(st.floats(-5, 5), st.floats(-40, 40), st.floats(0, 3))
def test_what_safeguards_say_is_true(real_wage: float, gain: float, moving: float) -> None:
    """A loss inside the gain is never set against it: workers can be made whole exactly where the country gains."""
    income = 8.0
    found = Safeguards(real_wage, income * real_wage / 100, ("Steel",), moving, gain)
    text = found.sentence("Chile")
    assert "cover" not in text
    assert ("fall by" in text) == (real_wage <= -0.005) and ("rise by" in text) == (real_wage >= 0.005)
    assert ("enough to make workers whole." in text) == (real_wage <= -0.005 and gain >= 0)
    assert ("for the country as a whole loses" in text) == (real_wage <= -0.005 and gain < 0)
    assert found.wages + found.rest == pytest.approx(gain)
    if "enough to make workers whole." in text:
        assert found.rest >= -found.wages - 1e-12
    if "not enough" in text:
        assert found.rest <= -found.wages
    assert ("leave shrinking" in text) == (moving >= 0.005)


def test_herfindahl_by_hand() -> None:
    assert herfindahl(np.array([1.0, 1.0, 2.0])) == pytest.approx((1 + 1 + 4) / 16)
    assert herfindahl(np.array([5.0, 0.0])) == 1 and herfindahl(np.zeros(3)) == 0


def test_an_embargo_concentrates_what_is_left(embargoed: Equilibrium) -> None:
    found = concentration(embargoed, "C00").set_index("what")
    exports = embargoed.border_value[0].sum(1)
    exports[0] = 0
    assert found.after["Exports by partner"] == pytest.approx(herfindahl(exports))
    assert found.after["Exports by partner"] > found.before["Exports by partner"]


def test_cutting_off_ends_trade_both_ways_and_hurts(raised: Equilibrium) -> None:
    without = cut_off(raised, "C00", "C02")
    assert without.flows[0, 2].sum() == without.flows[2, 0].sum() == 0
    table = worst_cut_off(raised, "C00", 3)
    assert len(table) == 3 and (np.diff(table.real_income) >= 0).all() and (table.real_income < 0).all()
    assert set(table.partner) == set(partners(raised.to_world(), "C00")[:3])
    row = table[table.partner == "C02"]
    if len(row):
        ratio = without.real_income_change[0] / raised.real_income_change[0]
        assert row.real_income.item() == pytest.approx(100 * (ratio - 1), abs=1e-6)
    with pytest.raises(EquilibriumError, match="itself"):
        cut_off(raised, "C00", "C00")


def test_partners_lost_together_cost_more_than_one_by_one(raised: Equilibrium) -> None:
    alone = worst_cut_off(raised, "C00", 3)
    found = worst_together(raised, "C00", alone)
    known = alone.dropna()
    assert found.together.tolist() == list(range(1, len(found) + 1)) and len(found) >= 2
    assert found.real_income.iloc[0] == pytest.approx(known.real_income.iloc[0], abs=1e-6)
    assert found.beyond.iloc[0] == pytest.approx(0.0, abs=1e-6)
    assert (np.diff(found.real_income) < 0).all() and found.beyond.iloc[1] < 0
    assert found.sets.tolist() == [3, 3, 1][: len(found)] and found.exact.all()


def test_all_sets_of_partners_are_tried_where_few_and_never_beaten_by_one_by_one(
    raised: Equilibrium, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = worst_cut_off(raised, "C00", 4)
    whole = worst_together(raised, "C00", alone)
    monkeypatch.setattr("firmtrade_core.analysis.who_gains._MOST_SETS", 5)
    greedy = worst_together(raised, "C00", alone)
    assert whole.exact.all() and not greedy.exact.any()
    assert (whole.real_income.to_numpy()[: len(greedy)] <= greedy.real_income.to_numpy() + 1e-9).all()
    assert whole.sets.tolist()[:2] == [4, 6] and greedy.sets.tolist()[:2] == [4, 3]
    i = raised.world.country_index("C00")
    pairs = [
        cut_off(cut_off(raised, "C00", a), "C00", b).real_income_change[i]
        for a, b in combinations(alone.partner, 2)
    ]
    worst = 100 * (min(pairs) / raised.real_income_change[i] - 1)
    assert whole.real_income.iloc[1] == pytest.approx(worst, abs=1e-6)


def test_suppliers_of_shrinking_industries(raised: Equilibrium) -> None:
    found = exposed_suppliers(raised, "C00").set_index("sector")
    world = raised.world
    assert world.inputs is not None
    falls = raised.gross_output[0] / raised.price_index_change[0] < world.gross_output[0] * (1 - 5e-5)
    sold = world.inputs[0] * world.shares[0, 0][:, None]
    np.testing.assert_allclose(
        found.loc[list(world.sectors)].exposure, sold[:, falls].sum(1) / world.gross_output[0]
    )
    alone = exposed_suppliers(solve(world.with_(inputs=None), Shock(), raised.parameters), "C00")
    assert alone.empty


def test_single_sources_are_over_half(raised: Equilibrium) -> None:
    found = single_sources(raised, "C00")
    assert (found.share_of_imports > 0.5).all() and (found.share_of_use <= found.share_of_imports).all()


def test_groups_of_firms_and_confidentiality() -> None:
    world, home = synthetic_world(), make_home()
    home.firms.loc[:2, "region"] = "hamlet"
    compiled = compile(
        Scenario.parse(
            {
                "cards": [{"kind": "trade_cost", "exporters": "ZAF", "change": -0.15}],
                "structure": {"family": "firms", "elasticity": 5.0},
            }
        ),
        world,
        home,
    )
    result = solve(world, compiled.shock, compiled.parameters)
    assert compiled.treatment is not None
    outcomes = firm_outcomes(result, compiled.treatment)
    groups = firm_groups(outcomes, float(result.wage_change[world.country_index("ZAF")]))
    assert set(groups) == {"class", "size", "exporting", "region", "skill"}
    assert next(iter(groups["class"].label)) == "Micro, 1 to 9"
    # Persons add up to all that firms employ; of confidential firms they are told by no group.
    assert outcomes.jobs is not None
    employed = outcomes.jobs[outcomes.sector >= 0, 0].sum()
    assert groups["class"].persons.sum() == pytest.approx(employed)
    secret = replace(outcomes, home=replace(home, source="a register", public=False))
    told = firm_groups(secret, float(result.wage_change[world.country_index("ZAF")]))["class"]
    assert told.persons.isna().all() and told.percent.notna().any()
    size = groups["size"].set_index("group").percent
    assert size[10] > 0 > size[1]
    region = groups["region"].set_index("group")
    assert np.isnan(region.percent["hamlet"]) and region.percent.isna().sum() >= 2


def test_what_trade_is_worth_is_the_way_to_autarky_and_names_what_bars_it() -> None:
    world = make_world(4, 2, seed=3, subsidies=False, tariffs=False, inputs=False).with_(
        countries=("USA", "CHN", "ZAF", "DEU")
    )
    result = solve(world, Shock(), Parameters(trade_elasticity=5.0))
    table = worth_of_trade(result).set_index("country")
    cost = np.full(world.tariff.shape, np.inf)
    cost[np.arange(4), np.arange(4)] = 1.0
    balanced = Parameters(trade_elasticity=5.0, deficits="removed")
    here, alone = (solve(world, shock, balanced) for shock in (Shock(), Shock(trade_cost=cost)))
    expected = 100 * (here.real_income_change / alone.real_income_change - 1)
    np.testing.assert_allclose(table.gain[list(world.countries)], expected, rtol=1e-6)
    said = worth_sentence(table.reset_index(), "USA")
    assert "Without any trade" in said and "of 4" in said
    flows = world.expenditure.copy()
    flows[1, 1, 0] = 0.0
    lacking = worth_of_trade(solve(world.with_(expenditure=flows), Shock(), Parameters(trade_elasticity=5.0)))
    row = lacking.set_index("country").loc["CHN"]
    assert np.isnan(row.gain) and row.missing
    assert "is not defined" in worth_sentence(lacking, "CHN") and row.missing.lower() in worth_sentence(
        lacking, "CHN"
    )
