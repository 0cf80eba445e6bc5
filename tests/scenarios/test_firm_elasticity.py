"""One σ for words about firms: the engine's own, by structure and by whose exports."""

from __future__ import annotations

import numpy as np
import pytest

from firmtrade_core.scenarios import Scenario, compile
from firmtrade_core.scenarios.firm_elasticity import firm_elasticity
from firmtrade_core.scenarios.schema import Structure
from firmtrade_core.world.embedded import load_embedded_world


def test_it_lies_among_the_engines_own() -> None:
    world = load_embedded_world()
    within = compile(Scenario(), world).parameters.within_for(world)
    assert within is not None and world.goods is not None
    for country in ("CHL", "USA", "nowhere"):
        assert within[world.goods].min() < firm_elasticity(world, country=country) < within[world.goods].max()


def test_without_a_nest_it_is_the_elasticity_between_countries() -> None:
    pareto = Structure(family="pareto", tail=1.5, elasticity=4.0, within_elasticity=None)
    assert firm_elasticity(structure=pareto) == pytest.approx(1 + 4.0 / 1.5)
    alike = Structure(family="krugman", elasticity=4.0, within_elasticity=None)
    assert firm_elasticity(structure=alike) == pytest.approx(5.0)


def test_markups_set_it() -> None:
    close, far = (
        firm_elasticity(structure=Structure(family="krugman", elasticity=3.0, within_elasticity=g))
        for g in (9.0, 6.0)
    )
    assert np.allclose([close, far], [9.0, 6.0])


def test_own_firms_take_the_law_elsewhere() -> None:
    assert firm_elasticity(structure=Structure(family="firms")) == pytest.approx(firm_elasticity())
