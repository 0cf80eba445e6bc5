"""The social account of a programme against sums by hand (MODEL 13)."""

from __future__ import annotations

import math
from typing import Any

import pytest

from firmtrade_core.analysis.programme_account import Account
from firmtrade_core.scenarios import Programme


def account(private_gain: float = math.nan, **card: Any) -> Account:
    """A thousand firms at 2,000 dollars: 2 m USD; duties rise by 0.1, income before paying by 9."""
    given = Programme(**{"policy": "skills", "unit_cost": 2_000.0, **card})
    return Account(given, 1000.0, 2.0 if given.unit_cost else 0.0, 0.1, 9.0, private_gain)


def test_one_year_for_all() -> None:
    found = account(cost_of_funds=0.0)
    assert found.ratio == pytest.approx(9 / 2)
    assert found.net == pytest.approx(9 - 2)
    funded = account()
    assert funded.ratio == pytest.approx((9 + 0.25 * 0.1) / (2 * 1.25))
    own = account(own_cost=1_000.0)
    assert own.ratio == pytest.approx(9.025 / (2 * 1.25 + 1))


def test_break_even_is_the_cost_at_which_nothing_is_left() -> None:
    for terms in ({}, {"cost_of_funds": 0.4, "own_cost": 3_000.0}, {"paid_years": 2, "fading": 0.2}):
        worth = account(**terms).break_even
        firms, at = 1000.0, Programme(policy="skills", unit_cost=worth, **terms)
        there = Account(at, firms, worth * firms * 1e-6, 0.1, 9.0, 1.0)
        assert there.net == pytest.approx(0, abs=1e-9) and there.ratio == pytest.approx(1)


def test_effects_last_and_fade() -> None:
    found = account(paid_years=2, fading=0.5, counted_years=4, discount_rate=0.1, cost_of_funds=0.0)
    gain = 1 + 1 / 1.1 + 0.5 / 1.1**2 + 0.25 / 1.1**3
    assert found.gain_weight == pytest.approx(gain) and found.paid_weight == pytest.approx(1 + 1 / 1.1)
    assert found.ratio == pytest.approx(9 * gain / (2 * (1 + 1 / 1.1)))
    gone = account(paid_years=1, fading=1.0)
    assert gone.gain_weight == gone.paid_weight == 1
    part = account(paid_years=1.5, counted_years=1.5)
    assert part.paid_weight == pytest.approx(1 + 0.5 / 1.03) == part.gain_weight


def test_what_firms_left_undone_reveals_a_cost_of_their_own() -> None:
    found = account(private_gain=7.0)
    assert (
        found.revealed_ratio == pytest.approx(9.025 / (2 * 1.25 + 7)) and found.revealed_ratio < found.ratio
    )
    assert found.revealed_break_even == pytest.approx(1e6 * (9.025 - 7) / (1.25 * 1000))
    assert math.isnan(account().revealed_ratio) and math.isnan(account().revealed_break_even)
    # It pays under that reading just where others gain more than the public pays.
    assert (found.revealed_ratio > 1) == (9.025 - 7 > 2.5)


def test_no_ratio_without_a_cost() -> None:
    found = account(unit_cost=None)
    assert math.isnan(found.ratio) and math.isnan(found.revealed_ratio)
    assert found.break_even == pytest.approx(1e6 * (9 + 0.25 * 0.1) / (1.25 * 1000))
    assert "not zero" in dict(found.terms())["Public cost"]
    assert account(unit_cost=0.0).known and "entered" in dict(account().terms())["Public cost"]
