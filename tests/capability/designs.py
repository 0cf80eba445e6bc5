"""Small draws of the reference design for the tests of capability."""

from __future__ import annotations

import numpy as np

from firmtrade_core.capability import CapabilityData
from firmtrade_core.panel.synthetic.design import ReferenceDesign, Truth, draw_reference


def reference(**changes: object) -> tuple[CapabilityData, Truth]:
    """Data as estimators see them, and the truth."""
    sample = draw_reference(ReferenceDesign(**changes))  # type: ignore[arg-type]
    observed = sample.observed
    data = CapabilityData.from_arrays(observed.log_sales, observed.attributes, markets=observed.markets)
    return data, sample.truth


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.corrcoef(first, second)[0, 1])
