"""Bands of what lies between two scenarios: the same draws under both, so that what they share cancels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from firmtrade_core.analysis.uncertainty import FEWEST, UNITS_OF, Array, Bands, UncertaintyError

#: Percent of income, not percent changes: what lies between two of them is their difference.
_SHARES = ("duties", "welfare")


def between(first: Bands, second: Bands) -> Bands:
    """Bands from the first to the second scenario, draw by draw.

    Parameters
    ----------
    first, second
        Bands on one world from the same seed and the same assumed uncertainty.

    Returns
    -------
    Bands
        Percent changes are those of the first's level, amounts are differences.

    Raises
    ------
    UncertaintyError
        If the two were drawn from different uncertainty (another structure), so that draws do not match.
    """
    one, other = first.sample.points, second.sample.points
    if one.shape != other.shape or not np.array_equal(one, other):
        raise UncertaintyError(
            "The two scenarios rest on different model choices, whose draws do not match: read each with its own band."
        )
    both = first.kept & second.kept
    if both.sum() < FEWEST:
        raise UncertaintyError(f"Only {both.sum()} draws have an equilibrium under both scenarios.")
    rows_first, rows_second = both[first.kept], both[second.kept]
    shared = [law for law in second.laws if law in first.laws]
    return Bands(
        second.centre,
        {key: _from_to(key, first.values[key], second.values[key]) for key in UNITS_OF},
        {
            key: _from_to(key, first.draws[key][rows_first], second.draws[key][rows_second])
            for key in UNITS_OF
        },
        {
            law: {key: _from_to(key, first.laws[law][key], second.laws[law][key]) for key in UNITS_OF}
            for law in shared
        },
        second.sample,
        both,
        max(first.residual, second.residual),
        second.notes,
        first.seconds + second.seconds,
    )


def reversed_bands(found: Bands) -> Bands:
    """From a scenario back to the baseline, draw by draw."""
    return replace(
        found,
        values=_back(found.values),
        draws=_back(found.draws),
        laws={law: _back(values) for law, values in found.laws.items()},
        solutions=None,
    )


def _back(outcomes: dict[str, Array]) -> dict[str, Array]:
    return {key: _from_to(key, values, np.zeros_like(values)) for key, values in outcomes.items()}


def _from_to(key: str, first: Array, second: Array) -> Array:
    if UNITS_OF[key] == "%" and key not in _SHARES:
        return np.asarray(100 * ((1 + second / 100) / (1 + first / 100) - 1))
    return np.asarray(second - first)
