"""Responses of structures beside one: each step closes most of a structure's own gaps, and nothing depends on who else is solved."""

from __future__ import annotations

import numpy as np
import pytest

from firmtrade_core.equilibrium import Parameters, Shock, solve
from firmtrade_core.equilibrium.baseline import calibrate
from firmtrade_core.equilibrium.batch import Batch
from firmtrade_core.equilibrium.ensembles import _around
from firmtrade_core.equilibrium.leaning import Leaning
from firmtrade_core.margins import Lognormal, Pareto
from tests.worlds import make_world


@pytest.mark.parametrize("inputs", [True, False], ids=["linked", "unlinked"])
@pytest.mark.parametrize("family", [Lognormal(), Pareto(1.5)], ids=lambda f: f.name)
def test_a_step_closes_most_of_what_is_open(family, inputs) -> None:
    world = make_world(6, 3, seed=4, inputs=inputs)
    shock = Shock(tariff=world.tariff + 0.1 * (world.tariff > 0))
    base = Parameters(4.0, family, deficits="proportional", within_elasticity=8.0)
    random = np.random.default_rng(1)
    draws = [
        base.with_(
            trade_elasticity=4.0 * np.exp(0.3 * random.standard_normal(3)),
            within_elasticity=1 + 7 * np.exp(0.15 * random.standard_normal(3)),
        )
        for _ in range(4)
    ]
    centre = solve(world, shock, base)
    baselines = [calibrate(world, draw) for draw in draws]
    batch = Batch(world, shock, draws, baselines)
    lean = Leaning(_around(centre), centre.baseline, baselines)
    points = np.array([centre.state.vector] * 4)  # type: ignore[attr-defined]
    left = [batch.largest_gaps(now := batch.evaluate(points))]
    for _ in range(3):
        points = points + lean.steps(batch, now)
        left.append(batch.largest_gaps(now := batch.evaluate(points)))
    # Elasticities three tenths of a log apart, no acceleration: a fifth of the gaps may stay at every step, and half of them where
    # terms factorise and steps are not corrected.
    stays = 0.2 if family == Lognormal() else 0.5
    assert (left[3] < stays**3 * left[0]).all()
    some = lean.only(np.array([1, 3]))
    np.testing.assert_array_equal(some.mean, lean.mean[..., [1, 3]])
    np.testing.assert_array_equal(some.wage_inverses, lean.wage_inverses[[1, 3]])
