"""Who is compared with whom: overlap of propensities, balance of controls before and after weighting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.channels.crossfit import CrossFit
from firmtrade_core.channels.estimators import EXTREME_PROPENSITY

Array = NDArray[np.float64]

#: Standardised difference beyond which a control counts as unbalanced.
UNBALANCED = 0.10

#: Share of the firms that have an attribute and no like among the others beyond which their effect is but an
#: association, and beyond which a reader is warned.
MOST_WITHOUT_LIKE, MANY_WITHOUT_LIKE = 0.50, 0.10

_BINS = 20


@dataclass(frozen=True)
class Overlap:
    """Propensities of firms with and without a yes-or-no attribute.

    Parameters
    ----------
    edges : (B+1,)
        Of the histogram.
    with_attribute, without : (B,)
        Shares of the rows of each side.
    without_like
        Share of rows whose propensity is all but 0 or 1.
    treated_without_like
        Of rows with the attribute, the share whose propensity is all but 1: no firm without it is like them.
    """

    edges: tuple[float, ...]
    with_attribute: tuple[float, ...]
    without: tuple[float, ...]
    without_like: float
    treated_without_like: float


@dataclass(frozen=True)
class Balance:
    """How far the two sides differ in a control, in standard deviations, before and after weighting.

    Of an attribute in degrees: its correlation with the control, before and after controls are taken out.
    """

    control: str
    before: float
    after: float


def overlap(fits: CrossFit) -> Overlap | None:
    """Histogram of propensities; None for an attribute in degrees."""
    data = fits.data
    if not data.binary:
        return None
    propensity = fits.treatment().mean(0)
    edges = np.linspace(0, 1, _BINS + 1)
    sides = []
    for side in (1, 0):
        of_side = data.treatment == side
        count = np.histogram(propensity[of_side], edges, weights=data.row_weights[of_side])[0]
        sides.append(tuple((count / count.sum()).round(5).tolist()))
    far = (propensity < EXTREME_PROPENSITY) | (propensity > 1 - EXTREME_PROPENSITY)
    without_like = float(np.average(far, weights=data.row_weights))
    have = data.treatment == 1
    alone = propensity[have] > 1 - EXTREME_PROPENSITY
    return Overlap(
        tuple(edges.tolist()), sides[0], sides[1], without_like,
        float(np.average(alone, weights=data.row_weights[have])),
    )  # fmt: skip


def balance(fits: CrossFit) -> tuple[Balance, ...]:
    """Balance of every control, the worst before weighting first.

    The two sides are weighted by ``1-p`` and ``p`` (overlap weights): the comparison that the partially linear
    estimate makes.
    """
    data = fits.data
    predicted = fits.treatment().mean(0)
    rows = []
    for name in data.control_names:
        column = data.controls[name].to_numpy(float)
        if data.binary:
            before = _difference(column, data.treatment, data.row_weights)
            weights = data.row_weights * np.where(data.treatment == 1, 1 - predicted, predicted)
            after = _difference(column, data.treatment, np.maximum(weights, 0))
        else:
            before = _correlation(column, data.treatment, data.row_weights)
            after = _correlation(column, data.treatment - predicted, data.row_weights)
        rows.append(Balance(name, before, after))
    return tuple(sorted(rows, key=lambda row: -abs(row.before)))


def _difference(column: Array, treatment: Array, weights: Array) -> float:
    sides = [np.average(column[treatment == s], weights=weights[treatment == s]) for s in (1, 0)]
    spread = np.sqrt(np.mean([column[treatment == s].var() for s in (1, 0)]))
    return float((sides[0] - sides[1]) / spread) if spread > 0 else 0.0


def _correlation(first: Array, second: Array, weights: Array) -> float:
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    variance = np.cov(first, second, aweights=weights)
    return float(variance[0, 1] / np.sqrt(variance[0, 0] * variance[1, 1]))
