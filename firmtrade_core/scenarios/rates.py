"""Rates of tariffs in tables that people bring: fractions or percent, told by the whole column."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

#: Rates of which most are at least 1 (100 %), and one this high, are percent unless somebody says that they are fractions.
_HIGH = 3.0


def look_like_percent(rates: Iterable[float]) -> bool:
    """Whether rates that are read as fractions look like percent: most of those other than zero are 1 or more, one 3 or more.

    Tariffs of 125 and 145 % are fractions of 1.25 and 1.45; a column 6, 0, 10 is in percent.

    Examples
    --------
    >>> look_like_percent([6, 0, 10]), look_like_percent([1.25, 1.45, 0.1]), look_like_percent([0.05, 3.5, 0.2])
    (True, False, False)
    """
    paid = np.abs(np.fromiter(rates, dtype=float))
    paid = paid[np.isfinite(paid) & (paid != 0)]
    return bool(paid.size) and bool((paid >= 1).mean() > 0.5) and bool(paid.max() >= _HIGH)
