"""What errors in the attribute do to its effect: simulation-extrapolation, and a second measurement as instrument."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from firmtrade_core.channels.crossfit import CrossFit, residuals
from firmtrade_core.channels.errors import MeasurementError
from firmtrade_core.channels.estimators import instrumented
from firmtrade_core.channels.residual import residual_effect
from firmtrade_core.channels.weak import FirstStage, first_stage

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


@dataclass(frozen=True)
class Remeasured:
    """The effect with a second measurement of the attribute as its instrument, whose errors are none of the first's.

    Parameters
    ----------
    proxy
        The second measurement.
    effect, standard_error, low, high
    first_stage
        How the second follows the first, net of controls.
    firms
        Measured twice.
    words
        What it takes for granted.
    """

    proxy: str
    effect: float
    standard_error: float
    low: float
    high: float
    first_stage: FirstStage
    firms: int
    words: str


def instrumented_by_proxy(fits: CrossFit) -> Remeasured:
    """The effect with a second, independently wrong measurement of the attribute as its instrument.

    Of a yes-or-no attribute errors are not independent of the truth: the estimate then lies beyond the effect (Black,
    Berger and Scott 2000), and the plain one short of it.

    Parameters
    ----------
    fits
        Of data whose one instrument is the second measurement, which is no control.

    Raises
    ------
    MeasurementError
        If there is not one second measurement, or it says nothing of the first.
    """
    data = fits.data
    if len(data.instrument_names) != 1:
        raise MeasurementError("Give one second measurement.")
    name = data.instrument_names[0]
    if name in data.control_names:
        raise MeasurementError(f"{name} is a control: held equal, a second measurement tells nothing.")
    strength = first_stage(residuals(fits, instruments=True), data.firm)
    if not strength.moves:
        raise MeasurementError(
            f"{name} {strength.words} of {data.name} beyond the controls: it is no second measurement of it."
        )
    found = instrumented(fits)
    words = (
        "errors of yes-or-no answers depend on the truth: it lies beyond the effect, the plain estimate short of it"
        if data.binary
        else "holds if the two measurements err independently"
    )
    return Remeasured(
        name, found.effect, found.standard_error, found.low, found.high, strength, data.firms, words
    )


def _extrapolated(added: Array, effects: Array) -> float:
    """θ(-1) of θ(λ) = b/(c+λ), fitted as ``θ λ = b - c θ``."""
    design = np.column_stack([np.ones(len(added)), -effects])
    b, c = np.linalg.lstsq(design, effects * added, rcond=None)[0]
    return float(b / (c - 1)) if c > 1 else float(effects[0])
