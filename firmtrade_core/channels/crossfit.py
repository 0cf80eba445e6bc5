"""Cross-fitted predictions of outcome, attribute and instruments from the controls, shared by every estimator."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.channels.data import ChannelData
from firmtrade_core.channels.errors import OverlapError
from firmtrade_core.channels.learners import Choice, choose, out_of_fold
from firmtrade_core.labels.units import in_percent

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Share of an attribute's variance that the controls must leave for an effect to be told.
LEAST_VARIATION = 0.02


@dataclass(frozen=True)
class Settings:
    """How effects are estimated.

    Parameters
    ----------
    level
        Of intervals.
    folds
        Of cross-fitting, by firm.
    repetitions
        Fresh divisions into folds; effects are their median (CCDDHNR18, definition 3.3).
    learners
        Candidates for the nuisance functions, see `learners.LEARNERS`.
    seed
    """

    level: float = 0.90
    folds: int = 5
    repetitions: int = 3
    learners: tuple[str, ...] = ("linear", "splines", "boosting")
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0.5 < self.level < 1 or not 2 <= self.folds <= 20 or not 1 <= self.repetitions <= 50:
            raise ValueError("Give a level between 0.5 and 1, 2 to 20 folds and 1 to 50 repetitions.")


@dataclass(eq=False)
class CrossFit:
    """Predictions out of fold, made once for each target and repetition and then remembered.

    Parameters
    ----------
    data
    settings
    choices
        Learner by target, filled as targets are asked for.
    """

    data: ChannelData
    settings: Settings
    choices: dict[str, Choice] = field(default_factory=dict)
    _kept: dict[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folds = firm_folds(self.data, self.settings)
        self.controls = self.data.controls.to_numpy(float)
        if not self.controls.shape[1]:
            self.controls = np.zeros((len(self.data.treatment), 1))

    def with_data(self, data: ChannelData, *forget: str) -> CrossFit:
        """The same folds, learners and predictions for data in which only the targets to ``forget`` differ."""
        kept = {name: value for name, value in self._kept.items() if name not in forget}
        return CrossFit(data, self.settings, dict(self.choices), kept)

    def predict(
        self, name: str, target: Array, *, classify: bool = False, rows: NDArray[np.bool_] | None = None
    ) -> Array:
        """Predictions (P, R), one line by repetition.

        Parameters
        ----------
        name
            Under which they are remembered.
        target : (R,)
        classify
            For a propensity.
        rows : (R,), optional
            Rows to learn from; predictions are for all.
        """
        if name not in self._kept:
            options: dict[str, Any] = {"classify": classify, "rows": rows, "weights": self.data.weights}
            seed, found = self.settings.seed, []
            if name not in self.choices:
                self.choices[name], first = choose(
                    self.settings.learners, self.controls, target, self.folds[0], name, seed=seed, **options
                )
                found.append(first)
            learner = self.choices[name].learner
            for r in range(len(found), len(self.folds)):
                found.append(
                    out_of_fold(learner, self.controls, target, self.folds[r], seed=seed + r, **options)
                )
            self._kept[name] = np.array(found)
        return self._kept[name]

    def leaning(self, lean: Array, moved: Array) -> CrossFit:
        """The same fits with capability as an estimator needs it that gives rows the weight ``lean``, (R,) each.

        Predictions stay: what controls say of capability does not depend on the estimator.
        """
        generated = self.data.outcomes.generated
        if generated is None:
            return self
        capability = generated.outcome(self.data.row_weights * lean, moved)
        return self.with_data(replace(self.data, outcomes=replace(self.data.outcomes, capability=capability)))

    def influence(self, lean: Array, moved: Array) -> Array:
        """What rows (R,) do to ``Σ weight lean outcome`` through the parameters of capability."""
        generated = self.data.outcomes.generated
        if generated is None:
            return np.zeros(len(lean))
        return generated.influence(self.data.row_weights * lean, moved)

    def outcome(self) -> Array:
        """Capability from controls, (P, R)."""
        return self.predict("outcome", self.data.outcomes.capability)

    def treatment(self) -> Array:
        """The attribute from controls, (P, R); a propensity where it is a yes-or-no one.

        Raises
        ------
        OverlapError
            If the controls leave next to nothing of it.
        """
        predicted = self.predict("treatment", self.data.treatment, classify=self.data.binary)
        weights = self.data.row_weights
        left = _variance(self.data.treatment - predicted.mean(0), weights) / _variance(
            self.data.treatment, weights
        )
        if left < LEAST_VARIATION:
            raise OverlapError(
                f"The controls fix {self.data.name} to {in_percent(1 - left)}: firms that differ in it alone do not exist. "
                "Drop the control that stands for it, or narrow the question."
            )
        return predicted

    def instruments(self) -> Array:
        """Instruments from controls, (P, R, L)."""
        columns = [
            self.predict(name, self.data.instruments[name].to_numpy(float))
            for name in self.data.instrument_names
        ]
        return np.stack(columns, axis=-1)


@dataclass(frozen=True, eq=False)
class Residuals:
    """What controls leave of outcome (R,), attribute (R,) and instruments (R, L), by predictions averaged over repetitions.

    All are multiplied by ``root``, the square root of the sampling weights, so that sums of products are weighted.

    Parameters
    ----------
    outcome, treatment, instruments
    root : (R,)
    generated : (R,)
        What rows do to ``Σ lean outcome`` through the parameters of capability; the lean is the attribute's residual,
        or the part of it that instruments draw.
    generated_moments : (R, L)
        The same for ``Σ instrument outcome``.
    """

    outcome: Array
    treatment: Array
    instruments: Array
    root: Array
    generated: Array
    generated_moments: Array

    @property
    def lean(self) -> Array:
        """What an estimator multiplies outcomes by, (R,)."""
        return drawn_to(self.treatment, self.instruments) if self.instruments.shape[1] else self.treatment


def residuals(fits: CrossFit, *, instruments: bool = False) -> Residuals:
    """Residuals of the partially linear model, for estimation with or without instruments."""
    data = fits.data
    root = np.sqrt(data.row_weights)
    treatment = data.treatment - fits.treatment().mean(0)
    left = np.empty((len(treatment), 0))
    if instruments:
        left = data.instruments.to_numpy(float) - fits.instruments().mean(0)
    moments = np.column_stack([fits.influence(each, each) for each in left.T]) if instruments else left
    lean = drawn_to(root * treatment, root[:, None] * left) / root if instruments else treatment
    outcome = fits.leaning(lean, lean).data.outcomes.capability - fits.outcome().mean(0)
    return Residuals(
        root * outcome, root * treatment, root[:, None] * left, root, fits.influence(lean, lean), moments
    )


def drawn_to(treatment: Array, instruments: Array) -> Array:
    """The part of the attribute's residual that instruments move, (R,): the first stage's fitted values."""
    fitted: Array = instruments @ np.linalg.lstsq(instruments, treatment, rcond=None)[0]
    return fitted


def firm_folds(data: ChannelData, settings: Settings) -> list[Integers]:
    """Folds (R,) by firm, anew for each repetition; firms with and without a yes-or-no attribute spread evenly."""
    generator = np.random.default_rng(settings.seed)
    ever = np.zeros(data.firms, bool)
    if data.binary:
        np.logical_or.at(ever, data.firm, data.treatment == 1)
    found = []
    for _ in range(settings.repetitions):
        fold = np.empty(data.firms, np.int64)
        for group in (ever, ~ever):
            members = generator.permutation(np.flatnonzero(group))
            fold[members] = np.arange(len(members)) % settings.folds
        found.append(fold[data.firm])
    return found


def firm_sums(values: Array, firm: Integers) -> Array:
    """Sums over each firm's rows of ``values`` (R, ...), (F, ...)."""
    if values.ndim == 1:
        return np.bincount(firm, values).astype(float)
    return np.column_stack([np.bincount(firm, column) for column in values.T])


def _variance(values: Array, weights: Array) -> float:
    return float(np.average((values - np.average(values, weights=weights)) ** 2, weights=weights))
