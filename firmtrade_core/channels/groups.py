"""Effects by group of firms: size, sector, whether they exported before; a test that they are the same."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

from firmtrade_core.channels.crossfit import CrossFit, firm_sums
from firmtrade_core.channels.errors import SampleError
from firmtrade_core.channels.estimators import median_of, partially_linear_model

Array = NDArray[np.float64]

#: Firms that a group needs, and of a yes-or-no attribute firms with and without it.
FEWEST_IN_GROUP, FEWEST_OF_EACH = 50, 10


@dataclass(frozen=True)
class GroupEffect:
    """The effect among some firms, with the ends of its interval."""

    group: str
    effect: float
    standard_error: float
    low: float
    high: float
    firms: int


@dataclass(frozen=True)
class GroupEffects:
    """Effects by one grouping.

    Parameters
    ----------
    grouping
        Such as ``size``.
    effects
    p_value
        That all groups share one effect.
    left_out
        Groups too small to tell.
    """

    grouping: str
    effects: tuple[GroupEffect, ...]
    p_value: float
    left_out: tuple[str, ...]


def group_effects(fits: CrossFit, grouping: str, labels: NDArray[np.object_]) -> GroupEffects:
    """Effects by group: doubleml's group averages of the partially linear model, errors clustered by firm.

    Parameters
    ----------
    fits
    grouping
        Its name, for reports.
    labels : (R,)
        Group of each row; groups ought to be fixed before firms take up the attribute.

    Raises
    ------
    SampleError
        If fewer than two groups are large enough.
    """
    data = fits.data
    usable = {str(label): labels == label for label in sorted(set(labels), key=str)}
    enough = {name: rows for name, rows in usable.items() if _enough(fits, rows)}
    left_out = tuple(name for name in usable if name not in enough)
    if len(enough) < 2:
        raise SampleError(
            f"Fewer than two groups by {grouping} have {FEWEST_IN_GROUP} firms that differ in {data.name}."
        )
    dummies = pd.DataFrame({str(i): rows for i, rows in enumerate(enough.values())})
    model = partially_linear_model(fits)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        grouped = model.gate(dummies, cov_type="cluster", cov_kwds={"groups": data.firm})
        interval = grouped.confint(level=fits.settings.level)
    lines = []
    for position, (name, rows) in enumerate(enough.items()):
        found = [(float(m.params.iloc[position]), float(m.bse.iloc[position])) for m in grouped.blp_model]
        effect, error = median_of(found)
        low, high = (float(interval.iloc[position, side]) for side in (0, 2))
        lines.append(GroupEffect(name, effect, error, low, high, len(np.unique(data.firm[rows]))))
    return GroupEffects(grouping, tuple(lines), _same(fits, list(enough.values())), left_out)


def thirds(values: Array, firm: NDArray[np.int64], words: tuple[str, str, str]) -> NDArray[np.object_]:
    """Groups of a third of firms each by their mean of ``values`` (R,); missing values are a group of their own."""
    known = np.isfinite(values)
    total = firm_sums(np.where(known, values, 0.0), firm)
    count = firm_sums(known.astype(float), firm)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    edges = np.nanquantile(mean, [1 / 3, 2 / 3])
    place = np.searchsorted(edges, mean, side="right")
    label = np.array([*words], dtype=object)[np.minimum(place, 2)]
    return np.asarray(np.where(np.isfinite(mean), label, "not stated")[firm], dtype=object)


def _enough(fits: CrossFit, rows: NDArray[np.bool_]) -> bool:
    data = fits.data
    if len(np.unique(data.firm[rows])) < FEWEST_IN_GROUP or np.ptp(data.treatment[rows]) == 0:
        return False
    if not data.binary:
        return True
    sides = [len(np.unique(data.firm[rows & (data.treatment == side)])) for side in (0, 1)]
    return min(sides) >= FEWEST_OF_EACH


def _same(fits: CrossFit, members: list[NDArray[np.bool_]]) -> float:
    """Clustered Wald test from residuals that groups share one effect."""
    data = fits.data
    y = data.outcomes.capability - fits.outcome().mean(0)
    d = data.treatment - fits.treatment().mean(0)
    effects, influence = [], []
    for rows in members:
        scale = float(d[rows] @ d[rows])
        effect = float(y[rows] @ d[rows]) / scale
        effects.append(effect)
        influence.append(firm_sums(np.where(rows, d * (y - effect * d), 0.0), data.firm) / scale)
    contrast = np.array(effects[1:]) - effects[0]
    scores = np.array(influence[1:]) - influence[0]
    wald = float(contrast @ np.linalg.solve(scores @ scores.T, contrast))
    return float(chi2.sf(wald, len(contrast)))
