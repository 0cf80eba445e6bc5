"""A policy scenario as data: schema, presets, compilation to shocks, words (MODEL 4)."""

from firmtrade_core.scenarios.compile import CompiledScenario, compile, resolved, run
from firmtrade_core.scenarios.errors import ScenarioError
from firmtrade_core.scenarios.presets import load_preset, preset_names
from firmtrade_core.scenarios.schema import (
    Card,
    CustomsUnion,
    Demand,
    Eligibility,
    Embargo,
    ExportSubsidy,
    FixedCost,
    FreeTradeArea,
    Measure,
    ProductionSubsidy,
    Productivity,
    Programme,
    ProgrammeEffect,
    Retaliation,
    Scenario,
    Structure,
    Tariff,
    TariffSchedule,
    TradeCost,
    WorldReference,
)
from firmtrade_core.scenarios.words import describe

__all__ = [
    "Card",
    "CompiledScenario",
    "CustomsUnion",
    "Demand",
    "Eligibility",
    "Embargo",
    "ExportSubsidy",
    "FixedCost",
    "FreeTradeArea",
    "Measure",
    "ProductionSubsidy",
    "Productivity",
    "Programme",
    "ProgrammeEffect",
    "Retaliation",
    "Scenario",
    "ScenarioError",
    "Structure",
    "Tariff",
    "TariffSchedule",
    "TradeCost",
    "WorldReference",
    "compile",
    "describe",
    "load_preset",
    "preset_names",
    "resolved",
    "run",
]
