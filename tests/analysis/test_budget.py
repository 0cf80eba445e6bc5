"""Public budgets: lines add up, agree with the accounts of income, and are told where a policy pays."""

import re

import numpy as np
import pytest

from firmtrade_core.analysis.budget import BILLION, accounts, amount, budget, budgets, payers, sentence
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.scenarios import Scenario, Structure, run
from firmtrade_core.world.embedded import load_embedded_world
from tests.worlds import make_world

WORLD = make_world(4, 3, seed=5).with_(countries=("USA", "CHN", "ZAF", "DEU"))


def solved(card: dict, **structure: object) -> Equilibrium:
    return run(Scenario.parse({"cards": [card], "structure": {"elasticity": 6.0} | structure}), WORLD)


SUBSIDY = {"kind": "export_subsidy", "exporters": ["USA"], "sectors": ["all"], "value": 0.1}


@pytest.mark.parametrize("deficits", ["fixed", "proportional", "removed"])
def test_the_budget_is_what_income_holds_beyond_what_is_earned(deficits: str) -> None:
    result = solved(SUBSIDY, deficits=deficits)
    earned = result.labour_income + result.profits.sum(1) + result.deficits
    for i, code in enumerate(WORLD.countries):
        lines = budget(result, code).set_index("line")
        assert lines.after.balance == pytest.approx((result.income - earned)[i] * BILLION, rel=1e-7)
        rest = lines.drop(index="balance")
        money = ["before", "after", "change"]
        np.testing.assert_allclose(rest[money].sum(), lines.loc["balance", money].astype(float), atol=1e-12)
    table = budgets(result)
    assert set(table.country) == set(WORLD.countries)
    assert table[table.line == "balance"].after.sum() == pytest.approx(
        sum(after.sum() for _, after in accounts(result).values())
    )


def test_who_pays_is_told_with_lines_that_add_up() -> None:
    result = solved(SUBSIDY)
    assert payers(result)[0] == "USA"
    told = sentence(result, "USA")
    assert told.startswith("The budget of the United States: duties") and "pay as a lump sum" in told
    numbers = [float(n.replace("−", "-")) for n in re.findall(r"[+−]\d+\.?\d*", told)]
    assert sum(numbers[:-1]) == pytest.approx(numbers[-1], rel=0.01)
    assert amount(-189.34).startswith("−189") and amount(0.0).startswith("0")


def test_where_only_duties_move_nobody_pays() -> None:
    bare = WORLD.with_(subsidy=np.zeros(WORLD.subsidy.shape))
    card = {"kind": "tariff", "importers": ["USA"], "sectors": ["all"], "value": 0.1}
    result = run(Scenario.parse({"cards": [card], "structure": {"elasticity": 6.0}}), bare)
    assert payers(result) == [] and sentence(result, "USA") == ""
    assert list(budget(result, "USA").line) == ["duties", "balance"]


def test_an_export_subsidy_of_ten_percent_costs_the_united_states_what_the_accounts_say() -> None:
    """On the world that is shipped: 10 % of exports of goods at producers' prices, grown by a tenth and more."""
    world = load_embedded_world()
    card = {"kind": "export_subsidy", "exporters": ["USA"], "value": 0.1}
    result = run(Scenario(cards=[card], structure=Structure(family="armington", deficits="fixed")), world)
    found = budget(result, "USA").set_index("line")
    i, goods = world.country_index("USA"), np.asarray(world.goods)
    sold = result.revenue[i][:, goods].sum() - result.revenue[i, i, goods].sum()
    assert -found.after.export_subsidies == pytest.approx(0.1 * sold * BILLION, rel=1e-9)
    assert 150 < -found.after.export_subsidies < 230


def test_a_production_subsidy_is_a_line_of_its_own_and_a_tax_on_labour_can_pay_for_it() -> None:
    card = {"kind": "production_subsidy", "countries": ["USA"], "sectors": ["S00"], "value": 0.1}
    both = {"cards": [card, SUBSIDY], "structure": {"elasticity": 6.0}}
    result = run(Scenario.parse(both), WORLD)
    lines = budget(result, "USA").set_index("line")
    market = result.border_value[0] / (1 - result.shock.subsidy[0])
    assert -lines.after.production_subsidies == pytest.approx(0.1 * market[:, 0].sum() * BILLION, rel=1e-9)
    assert lines.after.export_subsidies + lines.after.production_subsidies == pytest.approx(
        -result.subsidy_outlay[0] * BILLION, rel=1e-9
    )
    taxed = solved(card, duties="labour_tax", labour_supply_elasticity=0.5)
    lines = budget(taxed, "USA").set_index("line")
    assert lines.after.labour_tax > 0 > lines.after.production_subsidies
    # What was returned before is returned still, at the new prices.
    assert lines.after.balance == pytest.approx(
        lines.before.balance * float(taxed.price_index_change[0]), rel=1e-6
    )
    assert "keeps the budget what it was" in sentence(taxed, "USA")
