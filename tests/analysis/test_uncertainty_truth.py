"""Coverage: worlds are drawn from the assumed uncertainty, and bands around what is believed of them hold the truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firmtrade_core.analysis.assumed import _Held as Held
from firmtrade_core.analysis.assumed import around_structure, drawn_worlds
from firmtrade_core.analysis.uncertainty import bands, outcomes
from firmtrade_core.equilibrium import Parameters, Shock, solve
from firmtrade_core.margins import Krugman, Lognormal, MarginFamily
from tests.worlds import make_world

#: Worlds drawn, and draws of each band.
TRUTHS, DRAWS = 100, 80

#: Outcomes of the importer that raises its tariffs, and of a partner.
ASKED = (("real_income", 0), ("exports", 0), ("duties_bn", 0), ("real_income", 2), ("imports", 2))


@pytest.mark.truth
@pytest.mark.parametrize("family", [Krugman(), Lognormal()], ids=lambda f: f.name)
def test_bands_hold_the_truth_nine_times_in_ten(family: MarginFamily) -> None:
    """85 to 95 of 100 on the mean over outcomes, 80 to 98 for each one (a binomial's 95 % range is 84 to 96)."""
    believed = make_world(4, 2, seed=3, zeros=False)
    provenance = replace(believed.provenance, estimated_share=0.3, fit={"trade": 0.95})
    believed = believed.with_(provenance=provenance)
    base = Parameters(4.0, family, deficits="proportional", within_elasticity=8.0)
    tariff = believed.tariff.copy()
    tariff[1:, 0] += 0.15
    shock = Shock(tariff=tariff)
    # What is true, by the same law as draws: elasticities, markups, and a baseline behind the estimated one.
    assumed = around_structure(believed, base, shock)
    truths = assumed.sample(TRUTHS, seed=77)
    worlds, _ = drawn_worlds(Held(believed), 1234)
    middle, held = assumed.parameters, np.zeros((TRUTHS, len(ASKED)))
    for at, draw in enumerate(truths.draws):
        world = worlds[at % len(worlds)]
        true = outcomes(solve(world, shock, middle))
        # What is believed misses the truth by a draw of the estimate's own error.
        found = bands((believed, draw.parameters, shock), draws=DRAWS, seed=at, laws=False)
        for column, (key, i) in enumerate(ASKED):
            held[at, column] = found.low(key)[i] <= true[key][i] <= found.high(key)[i]
    coverage = held.mean(0)
    assert 0.85 <= coverage.mean() <= 0.95, coverage
    assert ((coverage >= 0.80) & (coverage <= 0.98)).all(), coverage
