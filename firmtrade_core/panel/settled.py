"""Numbers as estimates take them in: without the last bits, which hang on the order in which sums were made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Significant digits that enter an estimate: far more than any record has, far fewer than a computer keeps.
DIGITS = 9


def settled(values: Array, digits: int = DIGITS) -> Array:
    """Values in so many significant digits; what is missing or infinite stays.

    Two sums of the same amounts, made in another order, differ by a part in 10^16. An estimate that chooses (a split of a tree, a
    step to take, when to stop) can turn that into another second digit of an effect. In nine digits both are one number, but for
    one pair in ten million that lies on the edge between two.

    Examples
    --------
    >>> settled(np.array([0.1 + 0.2, 0.3]))
    array([0.3, 0.3])
    """
    values = np.asarray(values, dtype=np.float64)
    usual = np.isfinite(values) & (values != 0)
    size = np.floor(np.log10(np.abs(values), out=np.zeros_like(values), where=usual))
    # Powers of ten that a double can hold, whatever the size.
    scale = 10.0 ** np.clip(digits - 1 - size, -290, 290)
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = np.round(values * scale) / scale
    return np.where(usual & np.isfinite(rounded) & (rounded != 0), rounded, values)
