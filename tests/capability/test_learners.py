"""Learners behind one interface."""

from __future__ import annotations

from itertools import combinations
from math import factorial

import numpy as np
import pytest

from firmtrade_core.capability.attributes import theory_signs
from firmtrade_core.capability.learners import (
    Additive,
    Learner,
    Linear,
    cross_fit,
    search,
    strongest_pairs,
)
from firmtrade_core.capability.shapley import shapley_interactions

GENERATOR = np.random.default_rng(2)
X = GENERATOR.standard_normal((1500, 3))
X[GENERATOR.random(1500) < 0.1, 1] = np.nan
SIGNAL = X[:, 0] + np.sin(2 * X[:, 2]) + np.where(np.isnan(X[:, 1]), 0.8, 0.0)
Y = SIGNAL + 0.5 * GENERATOR.standard_normal(1500)
FOLDS = np.arange(1500) % 5
ONES = np.ones(1500)
NAMES = ("a", "b", "c")


@pytest.mark.parametrize(
    ("kind", "least"), [("boosting", 0.95), ("splines", 0.95), ("random_forest", 0.9), ("elastic_net", 0.75)]
)
def test_every_learner_predicts_held_out_firms(kind, least) -> None:
    learner = Learner(kind=kind, penalty=0.003 if kind == "elastic_net" else 3.0, smallest_leaf=5)
    found = cross_fit(learner, X, Y, ONES, FOLDS, NAMES, 0)
    assert np.corrcoef(found.out_of_fold, SIGNAL)[0, 1] > least


def test_held_out_predictions_do_not_see_the_fold() -> None:
    changed = np.where(FOLDS == 0, Y + 100, Y)
    before, after = (cross_fit(Learner(), X, y, ONES, FOLDS, NAMES, 0).out_of_fold for y in (Y, changed))
    np.testing.assert_array_equal(before[FOLDS == 0], after[FOLDS == 0])
    assert (before[FOLDS == 1] != after[FOLDS == 1]).any()


def test_additive_parts_add_up_exactly() -> None:
    base = Additive.fit(X, Y, ONES, 3.0, curved=True)
    np.testing.assert_allclose(base.predict(X), base.intercept + base.parts(X).sum(1))
    np.testing.assert_allclose(base.parts(X).mean(0), 0, atol=1e-10)


@pytest.mark.parametrize("kind", ["additive", "linear"])
def test_parts_and_interactions_are_shapley_values_by_brute_force(kind: str) -> None:
    """Over all coalitions; attributes not in one are averaged out over the training sample."""
    generator = np.random.default_rng(6)
    a = generator.standard_normal((400, 4))
    a[:, 2] += a[:, 1]  # so that products do not average zero
    a[generator.random(400) < 0.1, 0] = np.nan
    y, w = np.nan_to_num(a[:, 0]) + a[:, 1] * a[:, 2] + a[:, 3] ** 2, generator.random(400) + 0.5
    fitted = (
        Additive.fit(a, y, w, 3.0, curved=True, pairs=2) if kind == "additive" else Linear.fit(a, y, w, 0.003)
    )
    players = range(4)

    def value(row: np.ndarray, known: tuple[int, ...]) -> float:
        mixed = a.copy()
        mixed[:, known] = row[list(known)]
        return float(np.average(fitted.predict(mixed), weights=w))

    for row in a[:2]:
        worth = {c: value(row, c) for size in range(5) for c in combinations(players, size)}
        values, pairs = np.zeros(4), np.zeros((4, 4))
        for i in players:
            for c in worth:
                if i not in c:
                    share = factorial(len(c)) * factorial(3 - len(c)) / factorial(4)
                    values[i] += share * (worth[tuple(sorted((*c, i)))] - worth[c])
        for i, j in combinations(players, 2):
            for c in worth:
                if i not in c and j not in c:
                    share = factorial(len(c)) * factorial(2 - len(c)) / factorial(3)
                    both, one, other = (tuple(sorted({*c, *more})) for more in ((i, j), (i,), (j,)))
                    pairs[i, j] += share * (worth[both] - worth[one] - worth[other] + worth[c])
        np.testing.assert_allclose(fitted.parts(row[None])[0], values, atol=1e-9)
        assert worth[()] == pytest.approx(fitted.intercept)
        found = shapley_interactions(fitted, row[None])[0]
        np.testing.assert_allclose(np.triu(2 * found, 1), pairs, atol=1e-9)
        np.testing.assert_allclose(found.sum(1), values, atol=1e-9)
        np.testing.assert_allclose(found, found.T)
        assert bool(np.abs(pairs).max() > 0.1) is (kind == "additive")


def test_an_interaction_without_main_effects_is_found_and_split_in_halves() -> None:
    """y = 1(a > 0) x (flag - 1/2): no split on either attribute alone gains anything."""
    generator = np.random.default_rng(5)
    attributes = generator.standard_normal((3000, 6))
    attributes[:, 4] = generator.random(3000) < 0.5
    signal = np.where(attributes[:, 1] > 0, 1.0, -1.0) * (attributes[:, 4] - 0.5)
    response = signal + generator.standard_normal(3000)
    weights, names = np.ones(3000), tuple("abcdef")
    taken = np.ones(6, dtype=bool)
    assert strongest_pairs(attributes, response, weights, 1, taken) == ((1, 4),)
    taken[4] = False
    assert 4 not in strongest_pairs(attributes, response, weights, 1, taken)[0]
    base = Additive.fit(attributes, response, weights, 3.0, curved=True, pairs=1)
    parts = base.parts(attributes)
    np.testing.assert_allclose(base.predict(attributes), base.intercept + parts.sum(1))
    np.testing.assert_allclose(parts.mean(0), 0, atol=1e-10)
    together = parts - Additive.fit(attributes, response, weights, 3.0, curved=True).parts(attributes)
    assert np.corrcoef(together[:, 1], signal)[0, 1] > 0.9 and np.corrcoef(together[:, 4], signal)[0, 1] > 0.9
    folds = np.arange(3000) % 3
    found, missed = (
        cross_fit(Learner(rounds=rounds, pairs=pairs), attributes, response, weights, folds, names, 0).loss
        for rounds, pairs in ((0, 1), (20, 0))
    )
    assert found < 0.9 * missed


def test_signs_are_kept() -> None:
    learner = Learner(signs={"c": 1}, rounds=80)
    predictor = learner.fit(X, Y, ONES, NAMES, 0)
    grid = np.column_stack([np.zeros(200), np.zeros(200), np.linspace(-3, 3, 200)])
    assert (np.diff(predictor.predict(grid)) >= -1e-12).all()
    with pytest.raises(ValueError, match="cannot"):
        Learner(kind="splines", signs={"c": 1})


def test_signs_of_theory_reach_the_estimators_columns_and_stay_in_the_trace() -> None:
    names = ("log_transport_cost", "b", "quality_certificate")
    learner = Learner(signs=theory_signs(("transport_cost", "quality_certificate", "age")), rounds=40)
    assert [learner.sign(name) for name in names] == [-1, 0, 1]
    predictor = learner.fit(X, Y, ONES, names, 0)
    grid = np.column_stack([np.linspace(-3, 3, 200), np.zeros(200), np.zeros(200)])
    # The data say that a raises the response; theory says that it cannot.
    assert (np.diff(predictor.predict(grid)) <= 1e-12).all()
    chosen, trials = search(learner, X, Y, ONES, FOLDS, names, 0, most_rounds=5)
    assert all(trial.learner.signs == learner.signs for trial in trials) and chosen.signs == learner.signs


def test_search_keeps_its_trace_and_takes_the_best() -> None:
    chosen, trials = search(Learner(), X, Y, ONES, FOLDS, NAMES, 0, most_rounds=40)
    best = min(trials, key=lambda trial: trial.loss)
    assert chosen == best.learner and len(trials) == 10
    # What the search says of the rounds is what a refit at those rounds gives.
    assert cross_fit(chosen, X, Y, ONES, FOLDS, NAMES, 0).loss == pytest.approx(best.loss, rel=1e-6)
