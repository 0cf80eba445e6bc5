"""Firm panels: schema, productivity and quality, the synthetic home country, loaders of real plants (MODEL 2)."""

from firmtrade_core.panel.errors import (
    ColumnError,
    EstimationError,
    PanelError,
    PanelFileError,
    SaltError,
    SizeError,
)
from firmtrade_core.panel.panel import FirmPanel, PanelMetadata

__all__ = [
    "ColumnError",
    "EstimationError",
    "FirmPanel",
    "PanelError",
    "PanelFileError",
    "PanelMetadata",
    "SaltError",
    "SizeError",
]
