"""Double machine learning of one attribute's effect (MODEL 7, CCDDHNR18): doubleml's scores on shared cross-fits.

With sampling weights w the effect solves ``Σ w ψ(θ) = 0`` for doubleml's scores ψ. Errors are clustered by firm: with
folds by firm, the variance of θ̂ is ``Σ_f (Σ_{i∈f} w_i ψ_i + c_f)² / (Σ_i w_i ∂ψ_i/∂θ)²``, where c_f is what the firm does
to the scores through the parameters of capability that it helped estimate (`parameters`).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from firmtrade_core.channels.crossfit import CrossFit, drawn_to, firm_sums
from firmtrade_core.channels.errors import InstrumentError, OverlapError, TreatmentError
from firmtrade_core.labels.units import in_percent

Array = NDArray[np.float64]

Method = Literal["partially linear", "interactive", "instrumented"]

#: Propensities nearer than this to 0 or 1 belong to firms without a like.
EXTREME_PROPENSITY = 0.02

#: Share of rows without a like beyond which an average effect over all firms is not told.
MOST_EXTREME = 0.10


@dataclass(frozen=True, eq=False)
class Estimate:
    """An effect with its clustered error, the median over repetitions.

    Parameters
    ----------
    method
    effect
        Of one unit of the attribute on log revenue potential.
    standard_error
    level
        Of the interval.
    repetitions
        Effect and error of each division into folds.
    rows, firms
        It rests on.
    target
        Whose average it is.
    """

    method: Method
    effect: float
    standard_error: float
    level: float
    repetitions: tuple[tuple[float, float], ...]
    rows: int
    firms: int
    target: str

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self.effect - float(norm.ppf(0.5 + self.level / 2)) * self.standard_error

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.effect + float(norm.ppf(0.5 + self.level / 2)) * self.standard_error


def partially_linear(fits: CrossFit) -> Estimate:
    """``Y = θ D + h(X) + e``: θ from residuals of Y on residuals of D.

    Raises
    ------
    OverlapError
        If the controls leave nothing of the attribute.
    """
    lean = fits.data.treatment - fits.treatment().mean(0)
    leaning = fits.leaning(lean, lean)
    words = "firms with a like, by how much the attribute varies among them"
    return _estimate(
        fits, partially_linear_model(leaning), "partially linear", words, fits.influence(lean, lean)
    )


def partially_linear_model(fits: CrossFit) -> Any:
    """The fitted doubleml model, which also groups effects and measures sensitivity."""
    import doubleml
    from doubleml.utils import DMLDummyRegressor

    predictions = {"ml_l": fits.outcome().T, "ml_m": fits.treatment().T}
    model = doubleml.DoubleMLPLR(
        _frame(fits), DMLDummyRegressor(), DMLDummyRegressor(), draw_sample_splitting=False
    )
    return _fit(model, fits, predictions)


def instrumented(fits: CrossFit) -> Estimate:
    """``Y = θ D + h(X) + e`` with instruments for D: two-stage least squares of residuals.

    Raises
    ------
    InstrumentError
        If there is no instrument.
    """
    import doubleml
    from doubleml.utils import DMLDummyRegressor

    names = fits.data.instrument_names
    if not names:
        raise InstrumentError(
            f"There is no instrument for {fits.data.name}; name a column that moves it alone."
        )
    each = fits.instruments()
    keys = ["ml_m"] if len(names) == 1 else [f"ml_m_{name}" for name in names]
    predictions = {"ml_l": fits.outcome().T, "ml_r": fits.treatment().T}
    predictions |= {key: each[..., position].T for position, key in enumerate(keys)}
    lean = drawn_to(
        fits.data.treatment - fits.treatment().mean(0), fits.data.instruments.to_numpy(float) - each.mean(0)
    )
    leaning = fits.leaning(lean, lean)
    model = doubleml.DoubleMLPLIV(
        _frame(leaning, instruments=True), DMLDummyRegressor(), DMLDummyRegressor(), DMLDummyRegressor(),
        draw_sample_splitting=False,
    )  # fmt: skip
    words = "firms that the instrument moves"
    return _estimate(fits, _fit(model, fits, predictions), "instrumented", words, fits.influence(lean, lean))


def interactive(fits: CrossFit, score: Literal["ATE", "ATTE"] = "ATE") -> Estimate:
    """``Y = h(D, X) + e`` for a yes-or-no attribute: mean effect over all firms, or over those that have it.

    Raises
    ------
    TreatmentError
        If the attribute is not a yes-or-no one.
    OverlapError
        If too many firms have no like.
    """
    import doubleml
    from doubleml.utils import DMLDummyClassifier, DMLDummyRegressor

    data = fits.data
    if not data.binary:
        raise TreatmentError(f"{data.name} is no yes-or-no attribute: the interactive model does not apply.")
    propensity = fits.treatment()
    _refuse_no_overlap(propensity.mean(0), data.treatment, score, data.name)
    predictions = {
        "ml_m": propensity.T,
        "ml_g0": fits.predict("outcome without", data.outcomes.capability, rows=data.treatment == 0).T,
        "ml_g1": fits.predict("outcome with", data.outcomes.capability, rows=data.treatment == 1).T,
    }
    lean = _representer(propensity.mean(0), data.treatment, score)
    moved = data.treatment - propensity.mean(0)
    model = doubleml.DoubleMLIRM(
        _frame(fits.leaning(lean, moved)), DMLDummyRegressor(), DMLDummyClassifier(), score=score,
        draw_sample_splitting=False,
    )  # fmt: skip
    target = "all firms" if score == "ATE" else f"firms with {data.name}"
    return _estimate(fits, _fit(model, fits, predictions), "interactive", target, fits.influence(lean, moved))


def median_of(repetitions: list[tuple[float, float]]) -> tuple[float, float]:
    """Median effect, and its error with the spread between repetitions (CCDDHNR18, definition 3.3)."""
    effects, errors = np.array(repetitions).T
    effect = float(np.median(effects))
    return effect, float(np.sqrt(np.median(errors**2 + (effects - effect) ** 2)))


def _representer(propensity: Array, treatment: Array, score: str) -> Array:
    """Weights (R,) that the interactive model gives to outcomes; propensities cut off as doubleml does."""
    p = np.clip(propensity, 0.01, 0.99)
    if score == "ATE":
        return np.asarray(treatment / p - (1 - treatment) / (1 - p))
    return np.asarray((treatment - (1 - treatment) * p / (1 - p)) / treatment.mean())


def _refuse_no_overlap(propensity: Array, treatment: Array, score: str, name: str) -> None:
    far = (propensity < EXTREME_PROPENSITY) | (propensity > 1 - EXTREME_PROPENSITY)
    rows = np.ones(len(far), bool) if score == "ATE" else treatment == 1
    share = float((far & rows).sum() / rows.sum())
    if share > MOST_EXTREME:
        whom = "firms" if score == "ATE" else f"firms with {name}"
        raise OverlapError(
            f"{in_percent(share)} of {whom} have no like: given their controls, {name} is all but certain or all but "
            "excluded. An average over them would be invented. Narrow the sample; the partially linear estimate, "
            "which leans on firms that have a like, still stands."
        )


def _frame(fits: CrossFit, *, instruments: bool = False) -> Any:
    import doubleml

    data = fits.data
    table = pd.DataFrame({"outcome": data.outcomes.capability, "treatment": data.treatment})
    columns = [f"x{position}" for position in range(fits.controls.shape[1])]
    table[columns] = fits.controls
    names = list(data.instrument_names) if instruments else []
    table[names] = data.instruments[names].to_numpy()
    return doubleml.DoubleMLData(table, "outcome", "treatment", columns, names or None)


def _fit(model: Any, fits: CrossFit, predictions: dict[str, Array]) -> Any:
    splits = [
        [
            (np.flatnonzero(folds != fold), np.flatnonzero(folds == fold))
            for fold in range(fits.settings.folds)
        ]
        for folds in fits.folds
    ]
    model.set_sample_splitting(splits)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(external_predictions={"treatment": predictions})
    return model


def _estimate(fits: CrossFit, model: Any, method: Method, target: str, generated: Array) -> Estimate:
    """``generated`` (R,): what rows do to the sum of the scores through the parameters of capability."""
    data, weights = fits.data, fits.data.row_weights
    extra = firm_sums(generated, data.firm)
    found = []
    for repetition in range(fits.settings.repetitions):
        effect, psi, slope = weighted_score(model, repetition, weights)
        by_firm = firm_sums(weights * psi, data.firm) + extra
        error = np.sqrt((by_firm**2).sum() * data.firms / (data.firms - 1)) / abs(slope)
        found.append((effect, float(error)))
    effect, error = median_of(found)
    return Estimate(
        method, effect, error, fits.settings.level, tuple(found), len(data.treatment), data.firms, target
    )


def weighted_score(model: Any, repetition: int, weights: Array) -> tuple[float, Array, float]:
    """θ of ``Σ w (ψ_a θ + ψ_b) = 0``, the scores there (R,), and ``Σ w ψ_a``, from a fitted doubleml model."""
    psi_a, psi_b = (model.psi_elements[name][:, repetition, 0] for name in ("psi_a", "psi_b"))
    slope = float(weights @ psi_a)
    effect = -float(weights @ psi_b) / slope
    return effect, psi_a * effect + psi_b, slope
