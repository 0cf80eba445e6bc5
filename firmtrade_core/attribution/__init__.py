"""Where a change of exports comes from, adding up exactly (MODEL 8)."""

from firmtrade_core.attribution.firm_growth import (
    FirmGrowth,
    FirmHistory,
    ProductivityGrowth,
    attribute_firms,
    attribute_productivity,
    read_history,
)
from firmtrade_core.attribution.growth import attribute_growth
from firmtrade_core.attribution.invented import invented_earlier
from firmtrade_core.attribution.panel import growth_by_margin, melitz_polanec
from firmtrade_core.attribution.predictors import PredictedGrowth, attribute_predictors
from firmtrade_core.attribution.result import Attribution, AttributionError
from firmtrade_core.attribution.scenario import attribute_scenario
from firmtrade_core.attribution.shapley import shapley_values
from firmtrade_core.attribution.sureness import IN_ALL, bands_of_sources

__all__ = [
    "IN_ALL",
    "Attribution",
    "AttributionError",
    "FirmGrowth",
    "FirmHistory",
    "PredictedGrowth",
    "ProductivityGrowth",
    "attribute_firms",
    "attribute_growth",
    "attribute_predictors",
    "attribute_productivity",
    "attribute_scenario",
    "bands_of_sources",
    "growth_by_margin",
    "invented_earlier",
    "melitz_polanec",
    "read_history",
    "shapley_values",
]
