"""Bands of sources: of the same draws as a country's other bands, and each draw's sources add up to its change."""

from __future__ import annotations

import pytest

from firmtrade_core.analysis.own_numbers import bands_of_numbers
from firmtrade_core.analysis.uncertainty import UncertaintyError, bands
from firmtrade_core.attribution import IN_ALL, attribute_scenario, bands_of_sources
from firmtrade_core.jobs import CancelledError
from firmtrade_core.scenarios import Scenario, Tariff, run
from tests.scenarios.conftest import synthetic_world

DRAWS = 30

SCENARIO = Scenario(
    name="ten points",
    cards=(Tariff(importers=("USA",), exporters=("all",), method="add", value=0.1),),
)


def test_all_sources_together_have_the_band_of_exports() -> None:
    world = synthetic_world()
    centre = run(SCENARIO, world)
    country = world.countries[1]
    found = bands_of_sources(SCENARIO, world, None, country, centre, draws=DRAWS)
    parts = attribute_scenario(centre, country)
    assert [*found] == [*parts.sources, IN_ALL]
    # Another way there: exports as all bands read them, from the same draws.
    exports = bands(SCENARIO, world, draws=DRAWS, laws=False).band("exports_bn", country)
    assert found[IN_ALL].value == pytest.approx(exports.value, rel=1e-6)
    assert found[IN_ALL].low == pytest.approx(exports.low, rel=1e-6)
    assert found[IN_ALL].high == pytest.approx(exports.high, rel=1e-6)
    for key, size in zip(parts.sources, parts.parts.sum((1, 2)), strict=True):
        band = found[key]
        assert band.value == pytest.approx(size * 1e-3) and band.low < band.high and band.unit == "bn USD"


def test_no_band_without_draws_and_none_where_nobody_waits() -> None:
    world = synthetic_world()
    centre = run(SCENARIO, world)
    with pytest.raises(UncertaintyError, match="only 5 of 5"):
        bands_of_numbers(SCENARIO, world, None, lambda e: e.income[:1], unit="bn USD", centre=centre, draws=5)
    with pytest.raises(CancelledError):
        bands_of_sources(SCENARIO, world, None, "USA", centre, draws=DRAWS, stop=lambda: True)
