"""Numbers that no one means end in words, not in linear algebra."""

from __future__ import annotations

import pytest

from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.margins import FirmsError
from firmtrade_core.scenarios import Scenario, ScenarioError, run
from tests.firms import make_home
from tests.scenarios.conftest import synthetic_world


@pytest.mark.parametrize("intensity", [1e3, 1e6, 1e300])
def test_a_programme_of_absurd_intensity_is_told(intensity: float) -> None:
    card = {"kind": "programme", "policy": "research", "intensity": intensity, "effect": {"capability": 5.0}}
    try:
        scenario = Scenario.parse({"cards": [card], "structure": {"family": "firms"}})
        run(scenario, synthetic_world(), home=make_home(count=60))
    except (ScenarioError, EquilibriumError, FirmsError):
        pass
