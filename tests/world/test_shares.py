"""Closing a world from shares: a known world comes back, identities hold, bad shares are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from firmtrade_core.labels.units import in_percent
from firmtrade_core.world.errors import AccountsError, NegativeValueError, ShapeError
from firmtrade_core.world.shares import close_from_shares
from firmtrade_core.world.world import World


def shares_of(world: World) -> dict[str, Any]:
    return {
        "countries": world.countries,
        "sectors": world.sectors,
        "trade_shares": world.shares,
        "input_shares": world.input_purchases / world.gross_output[:, None, :],
        "final_shares": world.final_shares,
        "value_added": world.value_added.sum(1),
        "tariff": world.tariff,
        "subsidy": world.subsidy,
    }


@pytest.fixture(scope="module")
def known() -> World:
    """Five countries, three sectors, deficits, tariffs, subsidies and inputs; one sector without trade."""
    rng = np.random.default_rng(3)
    n, s = 5, 3
    flows = rng.lognormal(3, 1, (n, n, s)) + 200 * np.eye(n)[:, :, None]
    flows[:, :, 2] *= np.eye(n)
    tariff = rng.uniform(0, 0.4, (n, n, s)) * (1 - np.eye(n)[:, :, None])
    subsidy = rng.uniform(-0.1, 0.1, (n, n, s)) * (1 - np.eye(n)[:, :, None])
    revenue = flows / ((1 + tariff) * (1 - subsidy))
    inputs = (
        rng.dirichlet(np.ones(s + 1), (n, s))[..., :s].transpose(0, 2, 1) * revenue.sum(1)[:, None, :] * 0.5
    )
    return World(tuple("ABCDE"), ("x", "y", "z"), flows, tariff, subsidy, inputs)


def test_known_world_comes_back(known: World) -> None:
    closed = close_from_shares(**shares_of(known), supplied_expenditure=known.total_expenditure)
    for attribute in ("expenditure", "inputs", "deficits", "value_added", "final_demand", "duties"):
        np.testing.assert_allclose(
            getattr(closed, attribute), getattr(known, attribute), rtol=1e-9, atol=1e-8
        )
    assert "largest change 0.00\u202f%" in closed.provenance.changes[-1]


def test_inconsistent_shares_close_and_keep_what_is_held(known: World) -> None:
    given = shares_of(known)
    given["final_shares"] = known.final_shares**0.5 / (known.final_shares**0.5).sum(1, keepdims=True)
    closed = close_from_shares(**given, supplied_expenditure=known.total_expenditure)
    np.testing.assert_allclose(closed.value_added.sum(1), given["value_added"], rtol=1e-12)
    np.testing.assert_allclose(closed.final_shares, given["final_shares"], rtol=1e-9)
    np.testing.assert_allclose(closed.shares, known.shares, rtol=1e-12)
    assert abs(closed.deficits.sum()) < 1e-9 * closed.income.sum()
    # Every good a country buys is a final or an intermediate purchase, in each sector.
    use = closed.final_demand + closed.input_purchases.sum(2)
    np.testing.assert_allclose(use, closed.total_expenditure, rtol=1e-12)
    moved = 0.5 * np.abs(closed.total_expenditure - known.total_expenditure).sum()
    assert (
        f"{in_percent(moved / known.total_expenditure.sum())} of world expenditure moved"
        in closed.provenance.changes[-1]
    )


def test_scaling_money_scales_the_flows_alone(known: World) -> None:
    given = shares_of(known)
    once = close_from_shares(**given)
    thrice = close_from_shares(**{**given, "value_added": 3 * given["value_added"]})
    np.testing.assert_allclose(thrice.expenditure, 3 * once.expenditure, rtol=1e-12)


def test_relabelling_countries_permutes_the_world(known: World) -> None:
    order = np.array([3, 1, 4, 0, 2])
    given = shares_of(known)
    moved = {k: np.asarray(v)[order] for k, v in given.items() if k not in ("sectors", "countries")}
    for pairwise in ("trade_shares", "tariff", "subsidy"):
        moved[pairwise] = np.asarray(given[pairwise])[np.ix_(order, order)]
    names = [known.countries[i] for i in order]
    closed = close_from_shares(countries=names, sectors=known.sectors, **moved)
    expected = close_from_shares(**given).expenditure[np.ix_(order, order)]
    np.testing.assert_allclose(closed.expenditure, expected, rtol=1e-11)


def test_sector_nobody_buys_stays_empty(known: World) -> None:
    given = {k: np.array(v) for k, v in shares_of(known).items()}
    given["final_shares"][0, 1] = 0
    given["final_shares"][0] /= given["final_shares"][0].sum()
    given["input_shares"][0, 1] = 0
    given["trade_shares"][:, 0, 1] = 0
    closed = close_from_shares(**given)
    assert closed.total_expenditure[0, 1] == 0
    np.testing.assert_allclose(closed.value_added.sum(1), given["value_added"], rtol=1e-12)


def test_unusable_shares_are_refused_by_name(known: World) -> None:
    given = {k: np.array(v) for k, v in shares_of(known).items()}

    def refused(error: type[Exception], words: str, **changes: Any) -> None:
        with pytest.raises(error, match=words):
            close_from_shares(**{**given, **changes})

    def edited(name: str, cell: Any, value: float) -> Any:
        array = given[name].copy()
        array[cell] = value
        return array

    refused(AccountsError, "shares of B sum to", final_shares=edited("final_shares", (1, 0), 0.9))
    refused(
        AccountsError, "shares of C in y sum to", trade_shares=edited("trade_shares", (slice(None), 2, 1), 0)
    )
    refused(AccountsError, "D, x: input shares sum to", input_shares=edited("input_shares", (3, 0, 0), 1.0))
    refused(NegativeValueError, "final_shares", final_shares=edited("final_shares", (1, 0), -0.1))
    refused(ShapeError, "value_added has shape", value_added=np.ones(4))
    refused(AccountsError, "E: a value added of", value_added=edited("value_added", 4, 1e-6))
