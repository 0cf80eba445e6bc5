"""Learners of the nuisance functions, chosen by their loss out of fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Names of the learners that a choice compares, the cheapest first.
LEARNERS = ("linear", "splines", "boosting", "forest")

#: Values up to which a column stays as it is rather than being bent by splines.
FEW_VALUES = 10


@dataclass(frozen=True)
class Choice:
    """Which learner serves a nuisance function, and the losses that decided it.

    Parameters
    ----------
    target
        What it predicts: the outcome, the attribute or an instrument.
    learner
        The one with the smallest loss.
    losses
        Out-of-fold loss by learner: mean squared error over the variance, or log loss over that of the mean.
    """

    target: str
    learner: str
    losses: tuple[tuple[str, float], ...]

    @property
    def explained(self) -> float:
        """Share of the variance (or of the log loss) that the learner explains out of fold; may be negative."""
        return 1 - dict(self.losses)[self.learner]


def make_learner(name: str, *, classify: bool = False, seed: int = 0) -> Any:
    """A scikit-learn estimator.

    Parameters
    ----------
    name
        One of `LEARNERS`.
    classify
        For the propensity of a yes-or-no attribute.

    Raises
    ------
    ValueError
        If there is no such learner.
    """
    from sklearn.ensemble import (
        HistGradientBoostingClassifier,
        HistGradientBoostingRegressor,
        RandomForestClassifier,
        RandomForestRegressor,
    )

    if name == "boosting":
        kind: Any = HistGradientBoostingClassifier if classify else HistGradientBoostingRegressor
        return kind(max_iter=120, learning_rate=0.06, max_leaf_nodes=8, min_samples_leaf=20, l2_regularization=1.0,
                    early_stopping=False, random_state=seed)  # fmt: skip
    if name == "forest":
        kind = RandomForestClassifier if classify else RandomForestRegressor
        return kind(n_estimators=150, min_samples_leaf=10, max_features=0.5, random_state=seed, n_jobs=1)
    if name in ("linear", "splines"):
        return _penalised(curved=name == "splines", classify=classify)
    raise ValueError(f"{name} is no learner; choose among {', '.join(LEARNERS)}.")


def _penalised(*, curved: bool, classify: bool) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import SplineTransformer, StandardScaler

    final = LogisticRegression(C=1.0, max_iter=2000) if classify else RidgeCV(alphas=np.logspace(-2, 3, 11))
    if not curved:
        return make_pipeline(StandardScaler(), final)
    bend = SplineTransformer(n_knots=5, degree=3, knots="quantile", extrapolation="linear")
    columns = ColumnTransformer([("bend", bend, many_valued)], remainder="passthrough")
    return make_pipeline(columns, StandardScaler(), final)


def many_valued(controls: Array) -> list[int]:
    """Columns with so many different quantiles that a spline can follow them."""
    table = np.asarray(controls)
    grid = np.quantile(table, np.linspace(0, 1, FEW_VALUES), axis=0)
    return [column for column in range(table.shape[1]) if len(np.unique(grid[:, column])) >= FEW_VALUES - 2]


def out_of_fold(
    name: str,
    controls: Array,
    target: Array,
    folds: Integers,
    *,
    classify: bool,
    seed: int,
    rows: NDArray[np.bool_] | None = None,
    weights: Array | None = None,
) -> Array:
    """Predictions (R,) of each fold by a learner that has not seen its firms; it learns from ``rows`` alone where given.

    Parameters
    ----------
    name
        One of `LEARNERS`.
    controls : (R, K)
    target, folds : (R,)
    classify
        Whether the target is a chance.
    seed
    rows : (R,) of bool, optional
        Rows it learns from.
    weights : (R,), optional
    """
    predicted = np.empty(len(target))
    learn_from = np.ones(len(target), bool) if rows is None else rows
    # One thread: on a shared machine waiting for each other costs more than a second core brings.
    with threadpool_limits(1):
        for fold in range(int(folds.max()) + 1):
            held = folds == fold
            used = ~held & learn_from
            learner = make_learner(name, classify=classify, seed=seed)
            learner.fit(controls[used], target[used], **_weighed(learner, weights, used))
            predicted[held] = (
                learner.predict_proba(controls[held])[:, 1] if classify else learner.predict(controls[held])
            )
    return predicted


def choose(
    candidates: Sequence[str],
    controls: Array,
    target: Array,
    folds: Integers,
    words: str,
    *,
    classify: bool = False,
    seed: int = 0,
    rows: NDArray[np.bool_] | None = None,
    weights: Array | None = None,
) -> tuple[Choice, Array]:
    """The learner with the smallest out-of-fold loss, relative to a constant's, and its predictions (R,).

    Parameters
    ----------
    candidates
        Some of `LEARNERS`; a single one is taken without comparison but its loss is measured all the same.
    controls : (R, K)
    target : (R,)
    folds : (R,)
        By firm.
    words
        What is predicted, for reports.
    rows : (R,), optional
        Rows to learn from and to be judged by; predictions are for all.
    weights : (R,), optional
        Of sampling.
    """
    judged = np.ones(len(target), bool) if rows is None else rows
    truth, counts = target[judged], None if weights is None else weights[judged]
    constant = np.full(len(truth), np.average(truth, weights=counts))
    losses, made = [], {}
    for name in candidates:
        made[name] = out_of_fold(
            name, controls, target, folds, classify=classify, seed=seed, rows=rows, weights=weights
        )
        loss = _loss(truth, made[name][judged], classify, counts)
        losses.append((name, loss / _loss(truth, constant, classify, counts)))
    best = min(losses, key=lambda pair: pair[1])[0]
    return Choice(words, best, tuple(losses)), made[best]


def _weighed(learner: Any, weights: Array | None, used: NDArray[np.bool_]) -> dict[str, Array]:
    """Sampling weights as the learner, or the last step of its pipeline, takes them."""
    if weights is None:
        return {}
    last = f"{learner.steps[-1][0]}__" if hasattr(learner, "steps") else ""
    return {f"{last}sample_weight": weights[used]}


def _loss(target: Array, predicted: Array, classify: bool, weights: Array | None) -> float:
    if not classify:
        return float(np.average((target - predicted) ** 2, weights=weights))
    sure = np.clip(predicted, 1e-6, 1 - 1e-6)
    return float(-np.average(target * np.log(sure) + (1 - target) * np.log(1 - sure), weights=weights))
