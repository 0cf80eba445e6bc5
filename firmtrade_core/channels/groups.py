"""Effects by group of firms: size, sector, whether they exported before; a test that they are the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, norm

from firmtrade_core.channels.crossfit import CrossFit, firm_sums
from firmtrade_core.channels.errors import PosteriorError, SampleError
from firmtrade_core.channels.estimators import median_of

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
        Groups too small to tell, or whose firms sell too little.
    """

    grouping: str
    effects: tuple[GroupEffect, ...]
    p_value: float
    left_out: tuple[str, ...]


def group_effects(fits: CrossFit, grouping: str, labels: NDArray[np.object_]) -> GroupEffects:
    """Effects by group: the partially linear model's residuals within each, errors clustered by firm.

    Capability is read with each group's own information: what firms that sell nowhere would do with the attribute
    is told by fewer signs than what exporters would.

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
    quantile = float(norm.ppf(0.5 + fits.settings.level / 2))
    lines, influences = [], []
    for name, rows in enough.items():
        try:
            effect, error, influence = _within(fits, rows)
        except PosteriorError:  # firms that sell next to nothing tell capability and fixed costs not apart
            continue
        influences.append(influence)
        reach = quantile * error
        lines.append(
            GroupEffect(name, effect, error, effect - reach, effect + reach, len(np.unique(data.firm[rows])))
        )
    if len(lines) < 2:
        raise SampleError(
            f"Fewer than two groups by {grouping} have {FEWEST_IN_GROUP} firms that differ in {data.name} and sell enough "
            "for capability and fixed costs to be told apart."
        )
    left_out = tuple(name for name in usable if name not in {line.group for line in lines})
    chance = _same(np.array([line.effect for line in lines]), np.array(influences))
    return GroupEffects(grouping, tuple(lines), chance, left_out)


def _within(fits: CrossFit, rows: NDArray[np.bool_]) -> tuple[float, float, Array]:
    """Effect among some rows, its error, the median over repetitions, and what firms (F,) do to it."""
    data = fits.data
    mean_lean = np.where(rows, data.treatment - fits.treatment().mean(0), 0.0)
    leaning = fits.leaning(mean_lean, mean_lean)
    generated = firm_sums(fits.influence(mean_lean, mean_lean), data.firm)
    firms = len(np.unique(data.firm[rows]))
    found, influences = [], []
    for outcome, treatment in zip(fits.outcome(), fits.treatment(), strict=True):
        d, y = data.treatment - treatment, leaning.data.outcomes.capability - outcome
        lean = np.where(rows, data.row_weights * d, 0.0)
        effect = float(lean @ y) / float(lean @ d)
        influence = (firm_sums(lean * (y - effect * d), data.firm) + generated) / float(lean @ d)
        influences.append(influence)
        found.append((effect, float(np.sqrt((influence**2).sum() * firms / (firms - 1)))))
    return *median_of(found), np.mean(influences, axis=0)


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


def _same(effects: Array, influences: Array) -> float:
    """Clustered Wald test that groups share one effect, from effects (N,) and firms' influences on them (N, F)."""
    contrast, scores = effects[1:] - effects[0], influences[1:] - influences[0]
    wald = float(contrast @ np.linalg.solve(scores @ scores.T, contrast))
    return float(chi2.sf(wald, len(contrast)))
