"""“Show me the code” gives the numbers of the screen for every kind of card, programmes included."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from firmtrade_core.home.default import default_home
from firmtrade_core.report.recipe import python_code
from firmtrade_core.scenarios import (
    CustomsUnion,
    Demand,
    Embargo,
    ExportSubsidy,
    FixedCost,
    FreeTradeArea,
    Productivity,
    Programme,
    Scenario,
    Tariff,
    TariffSchedule,
    TradeCost,
    run,
)
from firmtrade_core.scenarios.results import country_table
from firmtrade_core.scenarios.schema import AnyCard, ProductionSubsidy
from firmtrade_core.world.embedded import load_embedded_world

CARDS = {
    "tariff": Tariff(importers=("USA",), exporters=("all",), method="add", value=0.1),
    "schedule": TariffSchedule(importers=("USA",), added={"CHN": 0.2, "MEX": 0.05}),
    "free_trade_area": FreeTradeArea(members=("CHL", "CHN")),
    "customs_union": CustomsUnion(members=("CHL", "PER"), external_tariff=0.05),
    "export_subsidy": ExportSubsidy(exporters=("CHL",), importers=("all",), value=0.05),
    "trade_cost": TradeCost(exporters=("CHL",), importers=("all",), change=-0.05),
    "fixed_cost": FixedCost(exporters=("CHL",), importers=("all",), change=-0.2),
    "embargo": Embargo(exporters=("CHL",), importers=("PER",)),
    "production_subsidy": ProductionSubsidy(countries=("CHL",), value=0.05),
    "productivity": Productivity(countries=("CHL",), change=0.02),
    "demand": Demand(countries=("CHL",), change=0.1, sectors=("B05_06",)),
    "programme": Programme(policy="quality_certification", take_up=0.3),
}


def kinds() -> set[str]:
    """Every kind that a scenario may hold."""
    union = get_args(AnyCard)[0]
    return {str(get_args(card.model_fields["kind"].annotation)[0]) for card in get_args(union)}


def test_every_kind_has_its_code_tested() -> None:
    assert set(CARDS) == kinds()


#: Kinds that can be written in more ways than one.
VARIANTS = {
    "schedule in force": TariffSchedule(importers=("USA",), table="us_in_force", day="2026-08-22"),
    "schedule of rows": TariffSchedule(importers=("USA",), rows=({"exporter": "CHN", "rate": 0.1},)),
}


@pytest.mark.parametrize("kind", [*CARDS, *VARIANTS])
def test_the_code_gives_the_numbers(kind: str) -> None:
    world = load_embedded_world()
    home = default_home(world)
    scenario = Scenario(name=f"A {kind}", cards=((CARDS | VARIANTS)[kind],))
    names: dict[str, object] = {}
    exec(compile(python_code(scenario, world, home=home), kind, "exec"), names)
    shown = country_table(run(scenario, world, home=home))
    made = country_table(names["result"])  # type: ignore[arg-type]
    numbers = shown.select_dtypes("number").columns
    np.testing.assert_allclose(made[numbers], shown[numbers], rtol=1e-12, atol=1e-12)
    assert (made[numbers].abs().max() > 0).any()
