"""What errors in the attribute do to its effect: simulation-extrapolation, and a second measurement as instrument."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from firmtrade_core.channels.crossfit import CrossFit, residuals
from firmtrade_core.channels.errors import MeasurementError
from firmtrade_core.channels.estimators import Estimate, instrumented
from firmtrade_core.channels.residual import residual_effect

Array = NDArray[np.float64]

_ADDED = (0.0, 0.5, 1.0, 1.5, 2.0)
_DRAWS = 60


@dataclass(frozen=True)
class Simex:
    """Simulation-extrapolation (Cook and Stefanski 1994).

    Parameters
    ----------
    reliability
        Share of the attribute's variance that is no error, as stated.
    added
        Multiples λ of the error variance added.
    effects
        Mean effect at each.
    corrected, standard_error
        At λ = -1, no error, by the extrapolant b/(c+λ), which attenuation follows.
    low, high
    """

    reliability: float
    added: tuple[float, ...]
    effects: tuple[float, ...]
    corrected: float
    standard_error: float
    low: float
    high: float


def simex(fits: CrossFit, reliability: float) -> Simex:
    """The effect as it would be without classical error in the attribute.

    Noise is added to the attribute's residual: independent noise leaves what controls predict of it as it is.

    Parameters
    ----------
    reliability
        Between 0 and 1: of repeated surveys, the correlation between two answers.

    Raises
    ------
    MeasurementError
        If the attribute is a yes-or-no one, or the controls leave less of it than the error would be.
    """
    data = fits.data
    if data.binary:
        raise MeasurementError(
            f"{data.name} is yes or no: errors in it are mixed-up firms, not noise. Use a second measurement instead."
        )
    if not 0 < reliability <= 1:
        raise MeasurementError(f"A reliability of {reliability:g} is no share; give one between 0 and 1.")
    left = residuals(fits)
    weights = data.row_weights
    spread = float(
        np.average((data.treatment - np.average(data.treatment, weights=weights)) ** 2, weights=weights)
    )
    remaining, noise = float(np.mean(left.treatment**2)), (1 - reliability) * spread
    if noise >= remaining:
        least = 1 - remaining / spread
        raise MeasurementError(
            f"With a reliability of {reliability:.2f} all that controls leave of {data.name} would be error. It must be "
            f"above {least:.2f}."
        )
    generator = np.random.default_rng(fits.settings.seed)
    first, error = residual_effect(left.outcome, left.treatment, data.firm, left.generated)
    effects = [first]
    for multiple in _ADDED[1:]:
        draws = [
            residual_effect(
                left.outcome, left.treatment + left.root * np.sqrt(multiple * noise) * drawn, data.firm
            )[0]
            for drawn in generator.standard_normal((_DRAWS, len(left.treatment)))
        ]
        effects.append(float(np.mean(draws)))
    corrected = _extrapolated(np.array(_ADDED), np.array(effects)) if reliability < 1 else first
    error *= abs(corrected / first) if first else 1.0
    reach = float(norm.ppf(0.5 + fits.settings.level / 2)) * error
    return Simex(reliability, _ADDED, tuple(effects), corrected, error, corrected - reach, corrected + reach)


def instrumented_by_proxy(fits: CrossFit, proxy: str) -> Estimate:
    """The effect with a second, independently wrong measurement of the attribute as its instrument.

    Parameters
    ----------
    fits
        Of data whose instruments hold ``proxy``.
    """
    data = fits.data
    if proxy not in data.instruments:
        raise MeasurementError(f"{proxy} is not among the instruments; name the second measurement there.")
    only = replace(data, instruments=data.instruments[[proxy]])
    return instrumented(fits.with_data(only))


def _extrapolated(added: Array, effects: Array) -> float:
    """θ(-1) of θ(λ) = b/(c+λ), fitted as ``θ λ = b - c θ``."""
    design = np.column_stack([np.ones(len(added)), -effects])
    b, c = np.linalg.lstsq(design, effects * added, rcond=None)[0]
    return float(b / (c - 1)) if c > 1 else float(effects[0])
