"""Effects straight from residuals: for parts of the sample, placebo draws and added noise, where nothing is fitted anew."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.channels.crossfit import firm_sums

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


def residual_effect(
    outcome: Array, treatment: Array, firm: Integers, generated: Array | None = None
) -> tuple[float, float]:
    """θ of ``outcome = θ treatment + e`` through the origin, (R,) each, and its error clustered by firm.

    ``generated`` (R,) is what rows do to ``Σ treatment outcome`` through an outcome that was itself estimated.
    """
    scale = float(treatment @ treatment)
    effect = float(outcome @ treatment) / scale
    moments = treatment * (outcome - effect * treatment)
    scores = firm_sums(moments if generated is None else moments + generated, firm)
    clusters = max(int((firm_sums(np.abs(treatment), firm) > 0).sum()), 2)
    return effect, float(np.sqrt((scores**2).sum() * clusters / (clusters - 1))) / scale
