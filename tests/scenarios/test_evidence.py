"""Published evidence on programmes: nulls stay, exports are no gain, and a card that leaves the range is marked."""

from __future__ import annotations

import math

import pytest

from firmtrade_core.home.home import Effect
from firmtrade_core.scenarios import Programme, Scenario
from firmtrade_core.scenarios.evidence import (
    beyond_published,
    findings,
    published,
    published_range,
    raises_sales,
    range_words,
)
from firmtrade_core.scenarios.schema import CARDS


def test_all_findings_are_carried_with_their_sources() -> None:
    found = findings()
    assert len(found) == 58 and all(each.source and each.where for each in found)
    assert len({each.source for each in found}) >= 29
    nulls = [each for each in found if math.isnan(each.effect)]
    assert len(nulls) == 5 and all(each.nothing for each in nulls)
    assert sum(not math.isnan(each.cost) for each in found) == 1


def test_nulls_stay_in_the_range_and_removals_turn_round() -> None:
    promotion = Programme(policy="export_promotion")
    assert published_range(promotion) == (0.0, 21.0)
    assert "3 of them without a difference" in range_words(
        promotion
    ) or "without a difference" in range_words(promotion)
    assert published_range(Programme(policy="trade_finance")) == (7.0, 18.0)
    assert published_range(Programme(policy="supplier_networks")) == (8.5, 20.0)
    # What agencies bring per dollar of budget is exports, and in no range.
    assert all(each.comparable is None for each in findings() if "per dollar" in each.outcome)


def test_what_has_no_published_kin_says_so() -> None:
    for policy in ("quality_certification", "delivery_reliability", "research"):
        card = Programme(policy=policy)
        assert published(card) == () and published_range(card) is None
        assert "nothing to hold the effect against" in range_words(card)
    kinds = {kind.model_fields["kind"].default for kind in CARDS}
    with_findings = {"fixed_cost", "trade_cost"}
    assert with_findings <= kinds


def test_a_card_beyond_the_range_is_marked() -> None:
    card = Programme(policy="export_promotion")
    assert raises_sales(Effect(0.1)) == pytest.approx(10.517, abs=1e-3)
    assert beyond_published(card, Effect(0.1)) == ""
    assert beyond_published(card, Effect(0.3)) == "beyond published effects"
    assert beyond_published(card, Effect(-0.1)) == "beyond published effects"
    assert beyond_published(Programme(policy="research"), Effect(3.0)) == ""


def test_the_mark_travels_with_the_scenario() -> None:
    from firmtrade_core.scenarios import compile
    from tests.firms import make_home
    from tests.scenarios.conftest import synthetic_world

    effect = {"capability": 0.4, "grade": "observables"}
    card = {"kind": "programme", "policy": "export_promotion", "unit_cost": 1e4, "effect": effect}
    given = Scenario.parse({"cards": [card], "structure": {"family": "firms", "elasticity": 5.0}})
    found = compile(given, synthetic_world(), make_home())
    assert found.stamps == ("effect given selection on observables", "beyond published effects")
