"""An estimated policy as a card: the flows of the full equilibrium move as the estimate says."""

from __future__ import annotations

import numpy as np
import pytest

from firmtrade_core.equilibrium import solve
from firmtrade_core.gravity.estimate import estimate
from firmtrade_core.gravity.geography import panel_of_world
from firmtrade_core.gravity.specification import GravitySpecification
from firmtrade_core.scenarios import Scenario, compile
from firmtrade_core.scenarios.estimated_policy import estimated_policy
from firmtrade_core.world.embedded import load_embedded_world


def test_switching_a_tie_off_moves_odds_of_trade_by_its_coefficient() -> None:
    world = load_embedded_world()
    equation = GravitySpecification(("log(dist)", "contiguity", "language", "border"))
    found = estimate(panel_of_world(world, pooled=True), equation)
    card = estimated_policy(found, "contiguity", ["DEU", "FRA"], 5.0)
    beta = found.coefficients["contiguity"]
    assert card.change == pytest.approx(np.exp(beta / 5) - 1, abs=1e-6) and card.change > 0
    structure = {"family": "armington", "elasticity": 5.0}
    scenario = Scenario.parse({"name": "x", "cards": [card.model_dump()], "structure": structure})
    compiled = compile(scenario, world)
    after = solve(world, compiled.shock, compiled.parameters)
    i, j, k = (world.country_index(c) for c in ("DEU", "FRA", "USA"))
    goods = world.sector_index("metals")
    ratio = after.flows[:, :, goods] / world.expenditure[:, :, goods]
    # Third countries compare: importer and exporter terms cancel in the odds.
    odds = ratio[i, j] * ratio[k, k] / (ratio[i, k] * ratio[k, j])
    assert np.log(odds) == pytest.approx(-beta, abs=1e-4)
    on = estimated_policy(found, "contiguity", ["DEU", "FRA"], 5.0, change=1.0)
    assert (1 + on.change) * (1 + card.change) == pytest.approx(1, abs=1e-5)
