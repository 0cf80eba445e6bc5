"""Structural gravity: PPML and OLS with effects, elasticities, resistances, and what an estimate can be asked (MODEL 5)."""

from typing import TYPE_CHECKING

from firmtrade_core.public import on_demand

if TYPE_CHECKING:
    from firmtrade_core.gravity.errors import GravityError
    from firmtrade_core.gravity.estimated import Coefficient, GravityEstimate, HypothesisTest
    from firmtrade_core.gravity.events import EventStudy, Window
    from firmtrade_core.gravity.panel import GravityPanel, load_world_panel
    from firmtrade_core.gravity.specification import GravitySpecification
    from firmtrade_core.gravity.structure import StructuralReading, read_structure

__all__ = [
    "Coefficient",
    "EventStudy",
    "GravityError",
    "GravityEstimate",
    "GravityPanel",
    "GravitySpecification",
    "HypothesisTest",
    "StructuralReading",
    "Window",
    "load_world_panel",
    "read_structure",
]

__getattr__ = on_demand(
    __name__,
    {
        "Coefficient": "estimated",
        "EventStudy": "events",
        "GravityError": "errors",
        "GravityEstimate": "estimated",
        "GravityPanel": "panel",
        "GravitySpecification": "specification",
        "HypothesisTest": "estimated",
        "StructuralReading": "structure",
        "Window": "events",
        "load_world_panel": "panel",
        "read_structure": "structure",
    },
)
