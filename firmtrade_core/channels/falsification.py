"""Tests that an effect ought to fail: outcomes that it cannot move, take-up dealt out at random, one sector less."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from firmtrade_core.channels.crossfit import CrossFit, residuals
from firmtrade_core.channels.data import control_source
from firmtrade_core.channels.errors import ChannelError
from firmtrade_core.channels.estimators import instrumented, partially_linear
from firmtrade_core.channels.residual import residual_effect
from firmtrade_core.channels.weak import first_stage

Array = NDArray[np.float64]

DRAWS = 500


@dataclass(frozen=True)
class Placebo:
    """The attribute's apparent effect on an outcome it cannot have moved.

    Parameters
    ----------
    outcome
    effect, standard_error
        In standard deviations of that outcome.
    p_value
    by_instrument
        Whether the instruments found it, rather than a comparison of firms alike in all controls.
    """

    outcome: str
    effect: float
    standard_error: float
    p_value: float
    by_instrument: bool = False


@dataclass(frozen=True)
class Permutation:
    """Effects of take-up dealt out at random among the firms of a sector.

    Parameters
    ----------
    p_value
        Share of draws whose effect is at least as far from zero as the estimate.
    false_alarms
        Share of draws whose interval leaves out zero: 1 - level if intervals are right.
    spread
        Standard deviation over draws.
    draws
    """

    p_value: float
    false_alarms: float
    spread: float
    draws: int


@dataclass(frozen=True)
class WithoutSector:
    """The effect without the firms of one sector."""

    sector: str
    effect: float
    low: float
    high: float


def placebo_fits(fits: CrossFit, outcome: str, values: Array) -> CrossFit:
    """Fits whose outcome was settled before take-up, such as a firm's age or its size when it was founded.

    Parameters
    ----------
    fits
    outcome
        Its name; controls made of it are left out.
    values : (R,)
        Missing values are left out.

    Raises
    ------
    ChannelError
        If the placebo never varies.
    """
    data = fits.data
    known = np.isfinite(values)
    if not known.any() or np.ptp(values[known]) == 0:
        raise ChannelError(f"The placebo outcome {outcome} never varies; choose another.")
    keep = [column for column in data.control_names if control_source(column) != outcome]
    standard = (values - values[known].mean()) / values[known].std()
    changed = replace(data.with_outcome(np.where(known, standard, 0.0)), controls=data.controls[keep])
    return CrossFit(changed.subset(known), replace(fits.settings, repetitions=1))


def placebo(fits: CrossFit, outcome: str, *, by_instrument: bool = False) -> Placebo:
    """Effect on a placebo outcome, by the estimator that the real outcome's effect comes from.

    Parameters
    ----------
    fits
        Of `placebo_fits`.
    outcome
        Its name.
    by_instrument
        By the instruments: they may move nothing but through the attribute.

    Raises
    ------
    ChannelError
        If instruments predict nothing among the firms whose placebo is known.
    """
    if by_instrument:
        strength = first_stage(residuals(fits, instruments=True), fits.data.firm)
        if not strength.moves:
            names = " and ".join(fits.data.instrument_names)
            raise ChannelError(f"Among firms whose {outcome} is known, {names} {strength.words}.")
    estimate = instrumented(fits) if by_instrument else partially_linear(fits)
    chance = float(2 * norm.sf(abs(estimate.effect) / estimate.standard_error))
    return Placebo(outcome, estimate.effect, estimate.standard_error, chance, by_instrument)


def permutation(fits: CrossFit, *, draws: int = DRAWS) -> Permutation:
    """Deal each sector's histories of the attribute out anew among its firms, and estimate again."""
    data = fits.data
    left = residuals(fits)
    effect, _ = residual_effect(left.outcome, left.treatment, data.firm)
    history = _histories(data.firm, data.year, data.treatment)
    place = np.searchsorted(np.unique(data.year), data.year)
    sector = pd.factorize(pd.Series(data.sector).groupby(data.firm).first())[0]
    cell = pd.factorize(pd.Series(list(zip(data.sector, data.year, strict=True))))[0]
    weights = data.row_weights
    per_cell = np.bincount(cell, weights)
    generator = np.random.default_rng(fits.settings.seed)
    quantile = float(norm.ppf(0.5 + fits.settings.level / 2))
    found = np.empty((draws, 2))
    for draw in range(draws):
        dealt = history[_shuffled(sector, generator)][data.firm, place]
        dealt = left.root * (dealt - (np.bincount(cell, weights * dealt) / per_cell)[cell])
        found[draw] = residual_effect(left.outcome, dealt, data.firm) if dealt.any() else (0.0, 1.0)
    further = np.abs(found[:, 0]) >= abs(effect)
    alarms = np.abs(found[:, 0]) > quantile * found[:, 1]
    return Permutation(
        float((1 + further.sum()) / (1 + draws)), float(alarms.mean()), float(found[:, 0].std()), draws
    )


def leave_one_sector_out(fits: CrossFit) -> tuple[WithoutSector, ...]:
    """The partially linear effect without each sector in turn; what controls predict is kept."""
    data = fits.data
    left = residuals(fits)
    quantile = float(norm.ppf(0.5 + fits.settings.level / 2))
    found = []
    for sector in sorted(set(data.sector)):
        rows = data.sector != sector
        if not rows.any() or np.ptp(data.treatment[rows]) == 0:
            continue
        firm = pd.factorize(data.firm[rows])[0].astype(np.int64)
        lean = np.where(rows, data.treatment - fits.treatment().mean(0), 0.0)
        generated = fits.influence(lean, lean)[rows]
        effect, error = residual_effect(left.outcome[rows], left.treatment[rows], firm, generated)
        found.append(WithoutSector(str(sector), effect, effect - quantile * error, effect + quantile * error))
    return tuple(found)


def _histories(firm: NDArray[np.int64], year: NDArray[np.int64], treatment: Array) -> Array:
    """The attribute by firm and year (F, T); years without a row take the nearest known value."""
    table = pd.DataFrame({"firm": firm, "year": year, "value": treatment})
    wide = table.pivot_table(index="firm", columns="year", values="value", aggfunc="mean")
    return np.asarray(wide.ffill(axis=1).bfill(axis=1).to_numpy(float))


def _shuffled(sector: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.int64]:
    """A permutation of firms within sectors."""
    order = np.arange(len(sector))
    for place in np.unique(sector):
        members = np.flatnonzero(sector == place)
        order[members] = generator.permutation(members)
    return order
