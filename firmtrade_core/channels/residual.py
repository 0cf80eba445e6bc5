"""Effects straight from residuals: for parts of the sample, placebo draws and added noise, where nothing is fitted anew."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.channels.crossfit import Residuals, firm_sums

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


def residual_effect(outcome: Array, treatment: Array, firm: Integers) -> tuple[float, float]:
    """θ of ``outcome = θ treatment + e`` through the origin, (R,) each, and its error clustered by firm."""
    scale = float(treatment @ treatment)
    effect = float(outcome @ treatment) / scale
    scores = firm_sums(treatment * (outcome - effect * treatment), firm)
    clusters = max(int((firm_sums(np.abs(treatment), firm) > 0).sum()), 2)
    return effect, float(np.sqrt((scores**2).sum() * clusters / (clusters - 1))) / scale


def drawn_to(residuals: Residuals) -> Array:
    """The part of the attribute's residual that instruments move, (R,): the first stage's fitted values."""
    z = residuals.instruments
    fitted: Array = z @ np.linalg.lstsq(z, residuals.treatment, rcond=None)[0]
    return fitted
