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
from firmtrade_core.margins.firm_functions import Deviations, FirmSector, FirmsError
from firmtrade_core.margins.firm_record import FirmRecord, TreatedRows
from firmtrade_core.margins.firms import Firms, FirmShift, FirmsMargins
from firmtrade_core.margins.loglinear import Armington, EatonKortum, Krugman, Pareto
from firmtrade_core.margins.lognormal import Lognormal

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
