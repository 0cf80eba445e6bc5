"""Whether an effect on observables stands when one asks otherwise: other estimators, outcomes and reasonable controls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from firmtrade_core.channels.crossfit import CrossFit, Settings
from firmtrade_core.channels.data import encode_controls
from firmtrade_core.channels.errors import ChannelError
from firmtrade_core.channels.estimators import partially_linear


@dataclass(frozen=True)
class Otherwise:
    """The same question asked in another way.

    Parameters
    ----------
    asked
        How it was asked, such as ``with size among the controls``.
    effect, low, high
        In logs, by unit of the attribute, with the ends of its interval.
    parts
        Whether its interval and that of the effect have no value in common; of exports as outcome, whether it lies wholly
        nearer to zero or beyond it (exports answer by entry too, so that more is no contradiction).
    """

    asked: str
    effect: float
    low: float
    high: float
    parts: bool


def apart(effect: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether two intervals have no value in common."""
    return effect[1] < other[0] or other[1] < effect[0]


def falls_short(effect: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether the other interval lies wholly on the side of the effect's that is nearer to zero, or beyond zero."""
    if effect[0] > 0:
        return other[1] < effect[0]
    if effect[1] < 0:
        return other[0] > effect[1]
    return apart(effect, other) and (effect[0] + effect[1]) * (other[0] + other[1]) < 0


def with_further_controls(
    fits: CrossFit, further: Mapping[str, pd.DataFrame], effect: tuple[float, float]
) -> tuple[Otherwise, ...]:
    """The partially linear effect with further controls, one set at a time.

    Parameters
    ----------
    fits
        Whose learners serve again, on one division into folds.
    further
        Columns (R, .) by what they add, in words.
    effect
        Ends of the interval to be held against.

    Raises
    ------
    ChannelError
        If no set leaves enough of the attribute.
    """
    found, problems = [], []
    for words, columns in further.items():
        encoded, _ = encode_controls(columns.reset_index(drop=True), [str(name) for name in columns])
        known = fits.data.controls.reset_index(drop=True)
        encoded = encoded[[name for name in encoded if name not in known and encoded[name].std() > 0]]
        if encoded.empty:
            continue
        wider = pd.concat([known, encoded], axis=1)
        settings: Settings = replace(fits.settings, repetitions=1)
        other = CrossFit(replace(fits.data, controls=wider), settings, dict(fits.choices))
        try:
            estimate = partially_linear(other)
        except ChannelError as error:
            problems.append(f"{words}: {error}")
            continue
        ends = (estimate.low, estimate.high)
        found.append(Otherwise(words, estimate.effect, *ends, apart(effect, ends)))
    if problems and not found:
        raise ChannelError(" ".join(problems))
    return tuple(found)
