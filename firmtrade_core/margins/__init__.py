"""Margin functions: how firms' differences shape the response of trade (MODEL 2)."""

from firmtrade_core.margins.base import (
    BalancedMargins,
    CarriedMargins,
    ElasticityError,
    ElasticityKind,
    MarginChange,
    MarginFamily,
    Margins,
    TailError,
)
from firmtrade_core.margins.firms import Deviations, Firms, FirmSector, FirmsError, FirmShift, FirmsMargins
from firmtrade_core.margins.loglinear import Armington, EatonKortum, Krugman, Pareto
from firmtrade_core.margins.lognormal import Lognormal
from firmtrade_core.margins.records import FirmRecord, TreatedRows

__all__ = [
    "Armington",
    "BalancedMargins",
    "CarriedMargins",
    "Deviations",
    "EatonKortum",
    "ElasticityError",
    "ElasticityKind",
    "FirmRecord",
    "FirmSector",
    "FirmShift",
    "Firms",
    "FirmsError",
    "FirmsMargins",
    "Krugman",
    "Lognormal",
    "MarginChange",
    "MarginFamily",
    "Margins",
    "Pareto",
    "TailError",
    "TreatedRows",
]
