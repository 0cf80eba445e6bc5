"""A lever's earlier positions bring the search nearer, and leave the answer as it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firmtrade_core.equilibrium import Parameters, Shock, solve
from firmtrade_core.equilibrium.trail import Trail, mark_of
from tests.worlds import make_world


def _added(world, points):  # type: ignore[no-untyped-def]
    tariff = np.array(world.tariff)
    tariff[1:, 0, :] += points
    return Shock(tariff=tariff)


def test_a_polynomial_through_known_points_finds_a_polynomial():
    marks = [np.array([1.0, 2.0, -1.0]) * t for t in (0.0, 1.0, 2.0, 3.0)]
    trail = Trail()
    for mark in marks:
        t = mark[0]
        trail = trail.after("w", mark, np.array([1 + t - t**3, 2 * t**2]))
    at = 1.5
    expected = np.array([1 + at - at**3, 2 * at**2])
    np.testing.assert_allclose(trail.leads_to("w", np.array([1.0, 2.0, -1.0]) * at), expected, rtol=1e-12)
    # Another line, another structure, nothing known: no guess.
    assert trail.leads_to("w", np.array([1.0, 40.0, 7.0])) is None
    assert trail.leads_to("other", marks[1]) is None
    assert Trail().leads_to("", marks[1]) is None
    np.testing.assert_array_equal(trail.leads_to("w", marks[2]), trail.vectors[2])


def test_a_trail_is_bounded_and_ends_with_its_structure():
    trail = Trail()
    for k in range(60):
        trail = trail.after("w", np.full(3, float(k)), np.full(4, float(k)))
    assert len(trail.marks) == len(trail.vectors) == 32
    assert trail.after("other", np.ones(3), np.ones(4)).marks[0].tolist() == [1.0, 1.0, 1.0]
    assert trail.after("w", None, np.ones(4)).marks == ()
    heavy = trail.after("w", np.zeros(3), np.zeros(3_000_000))
    assert len(heavy.marks) == 2


def test_shocks_of_one_slider_lie_on_one_line():
    world = make_world(5, 3, seed=4)
    one, two, three = (mark_of(_added(world, points), world) for points in (0.1, 0.2, 0.4))
    np.testing.assert_allclose(three - two, 2 * (two - one), rtol=1e-9)
    cost = np.ones((5, 5, 3))
    cost[0, 1] = np.inf
    assert mark_of(Shock(trade_cost=cost), world) is None


@pytest.mark.parametrize("entry", ["restricted", "free"])
def test_the_answer_is_the_one_found_from_the_baseline(entry: str):
    world = make_world(6, 3, seed=11)
    parameters = Parameters(entry=entry)
    found, steps, plain = None, [], []
    for points in (0.05, 0.3, 0.15, 0.22, 0.1, 0.26, 0.12, 0.19):
        shock = _added(world, points)
        before, found = found, solve(world, shock, parameters, start=found)
        steps.append(found.certificate.iterations)
        if before is not None:
            forgetful = replace(before, state=replace(before.state, trail=Trail()))
            plain.append(solve(world, shock, parameters, start=forgetful).certificate.iterations)
    afresh = solve(world, shock, parameters)
    assert found.certificate.holds
    np.testing.assert_allclose(found.real_income_change, afresh.real_income_change, rtol=1e-8)
    np.testing.assert_allclose(found.flows, afresh.flows, rtol=1e-7, atol=1e-7 * afresh.flows.max())
    assert sum(steps[4:]) < sum(plain[3:])
