"""Structural boosting: what makes firms export, learned inside the model of entry and sales (MODEL 6)."""

from firmtrade_core.capability.data import CapabilityData
from firmtrade_core.capability.errors import (
    CapabilityError,
    LeakageError,
    NoAttributeError,
    SampleError,
    SelectionError,
)
from firmtrade_core.capability.estimation import Settings
from firmtrade_core.capability.hybrid import HybridForecaster
from firmtrade_core.capability.imputations import PooledResults, pool_imputations
from firmtrade_core.capability.learners import Learner
from firmtrade_core.capability.likelihood import Scales
from firmtrade_core.capability.results import CapabilityResults, estimate

__all__ = [
    "CapabilityData",
    "CapabilityError",
    "CapabilityResults",
    "HybridForecaster",
    "LeakageError",
    "Learner",
    "NoAttributeError",
    "PooledResults",
    "SampleError",
    "Scales",
    "SelectionError",
    "Settings",
    "estimate",
    "pool_imputations",
]
