"""Who is reached and who gains: shares add up, laws of gains give back their known concentration, flags say the truth."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmtrade_core.analysis.programmes import variants
from firmtrade_core.home import HomeFirms
from firmtrade_core.home.inclusion import (
    FIRST_TIME,
    KINDS,
    Inclusion,
    groups_of,
    inclusion,
    programme_inclusion,
)
from firmtrade_core.scenarios import Scenario, compile
from tests.firms import make_home
from tests.scenarios.conftest import synthetic_world


def firms(count: int, *, public: bool = True) -> HomeFirms:
    home = make_home(count=count, public=public)
    random = np.random.default_rng(8)
    table = home.firms.assign(
        foreign_ownership=np.where(random.random(count) < 0.1, 0.6, 0.0),
        sales=np.exp(home.firms["capability"]),
    )
    return HomeFirms(home.country, table, home.deviations, home.presence, home.effects, home.source, public=public)  # fmt: skip


def made(gain: np.ndarray, before: np.ndarray | None = None, *, public: bool = True) -> Inclusion:
    home, count = firms(len(gain), public=public), len(gain)
    was = np.ones(count) if before is None else before
    both = {"exports": was, "sales": was}, {"exports": was + gain, "sales": was + gain}
    return Inclusion(home, np.ones(count), np.zeros(count), *both, False)  # type: ignore[arg-type]


@cache
def programme(smallest: int | None, largest: int | None) -> tuple[Inclusion, float, float]:
    """One programme's inclusion, its firms reached, and its change of exports."""
    eligible = {k: v for k, v in (("smallest", smallest), ("largest", largest)) if v is not None}
    card = {"kind": "programme", "policy": "skills", "take_up": 0.5, "eligible": eligible}
    scenario = Scenario.parse({"cards": [card], "structure": {"family": "firms", "elasticity": 5.0}})
    world, home = synthetic_world(), firms(400)
    whole, rest = variants(scenario, 0)
    plain, full = compile(rest, world, home), compile(whole, world, home)
    without, with_it = plain.solve(), full.solve()
    assert plain.treatment is not None and full.treatment is not None
    h = world.country_index("ZAF")
    abroad = np.arange(len(world.countries)) != h
    place = sorted(set(home.sector_of(world)))
    moved = (with_it.revenue - without.revenue)[h][abroad][:, place].sum()
    found = programme_inclusion(without, plain.treatment, with_it, full.treatment)
    return found, full.treatment.count[-1], float(moved)


@pytest.mark.parametrize("tail", [1.5, 2.0, 5.0])
def test_half_of_pareto_gains_goes_to_the_share_of_firms_that_the_law_says(tail: float) -> None:
    """The top share p has p^(1-1/a) of a Pareto law's gains: half goes to 2^(-a/(a-1)) of firms."""
    count = 20_000
    gain = ((np.arange(count) + 0.5) / count) ** (-1 / tail)
    found = made(np.random.default_rng(0).permutation(gain))
    half, gaining, share = found.half("exports")
    reached = np.cumsum(np.sort(gain)[::-1]) / gain.sum()
    assert gaining == count and half == pytest.approx(np.searchsorted(reached, 0.5) + 0.5, abs=0.5)
    assert half / count == pytest.approx(0.5 ** (tail / (tail - 1)), rel=0.1)
    assert share == pytest.approx(half / count, rel=1e-6)
    assert found.safeguard("exports").few == (half < 0.01 * count)


def test_gains_in_step_with_size_are_flagged_for_nobody_and_gains_of_ten_firms_are() -> None:
    size = np.random.default_rng(1).lognormal(0, 2.5, 3000)
    even = made(0.1 * size, size).safeguard("exports")
    assert not even.few and not even.left_behind and even.small == pytest.approx(even.small_before)
    ten = np.zeros(3000)
    ten[:10] = 5.0
    found = made(ten, np.ones(3000)).safeguard("exports")
    assert found.few and found.half == pytest.approx(5.0) and "The gains go to few." in found.sentence()
    nobody = made(-0.1 * size, size).safeguard("exports")
    assert nobody.sentence() == "No firm gains exports." and not nobody.flagged


@given(st.integers(0, 2**32 - 1))
def test_groups_add_up_under_every_kind(seed: int) -> None:
    random = np.random.default_rng(seed)
    found = made(random.normal(0, 1, 300), random.lognormal(0, 1, 300))
    assert set(found.groups) == set(KINDS)
    for kind in KINDS:
        table = found.table(kind)
        assert table[["share_of_firms", "share_before", "share_of_gains"]].sum().to_numpy() == pytest.approx(
            1.0
        )
        assert table["net"].sum() == pytest.approx(found.gain("exports").sum())
        assert table["gains"].sum() == pytest.approx(np.maximum(found.gain("exports"), 0).sum())


def test_a_programme_reaches_those_it_is_for_and_adds_up_to_what_it_does() -> None:
    small, count, moved = programme(None, 49)
    table = small.table("size").set_index("group")
    assert small.programme and small.reached.sum() == pytest.approx(count)
    assert table.loc[["1-9", "10-49"], "share_reached"].sum() == pytest.approx(1.0)
    assert table.loc[["50-249"], "reach"].to_numpy() == pytest.approx(0.0)
    assert small.gain("exports").sum() == pytest.approx(moved, rel=1e-6)
    large, _, _ = programme(200, None)
    safe = {name: each.safeguard("exports") for name, each in (("small", small), ("large", large))}
    assert safe["small"].small > 0.9 and safe["large"].small < 0.05
    assert safe["large"].left_behind and "left behind" in safe["large"].sentence()
    assert not safe["small"].left_behind


def test_a_scenario_is_told_against_the_baseline_and_first_time_exporters_had_none() -> None:
    card = {"kind": "trade_cost", "exporters": "ZAF", "change": -0.15}
    scenario = Scenario.parse({"cards": [card], "structure": {"family": "firms", "elasticity": 5.0}})
    compiled = compile(scenario, synthetic_world(), firms(400))
    assert compiled.treatment is not None
    found = inclusion(compiled.solve(), compiled.treatment)
    table = found.table("exporting").set_index("group")
    assert not found.programme
    assert found.safeguard("exports").first_time == pytest.approx(table.loc[FIRST_TIME, "share_of_gains"])


def test_groups_that_reveal_a_firm_are_withheld_and_what_is_not_known_has_a_name() -> None:
    random = np.random.default_rng(4)
    found = made(random.lognormal(0, 1, 300), public=False)
    found.home.firms.loc[:2, "region"] = "hamlet"
    found.home.firms.loc[5:60, "age"] = np.nan
    table = Inclusion(found.home, found.weight, found.reached, found.before, found.after, False).table(
        "region"
    )
    told = table.set_index("group")
    assert told.loc["Hamlet"].isna().all() and told["net"].isna().sum() >= 2
    assert "Age not known" in set(groups_of(found.home)["age"][0])
    one = np.zeros(300)
    one[7] = 3.0
    safe = made(one, public=False).safeguard("exports")
    assert np.isnan(safe.half) and "would reveal them" in safe.sentence()


def test_who_is_reached_tells_of_no_single_firm_and_shares_do_not_take_the_noise_off() -> None:
    random = np.random.default_rng(6)
    found = made(random.lognormal(0, 0.3, 400), public=False)
    label, _ = groups_of(found.home)["ownership"]
    kinds = sorted(set(label))
    foreign, domestic = (np.flatnonzero(label == kind) for kind in (kinds[1], kinds[0]))
    assert len(foreign) >= 20
    # A group of eight is reached, of whom one is foreign: no number tells that it is one, nor by difference from the total.
    reached = np.zeros(400)
    reached[[foreign[0], *domestic[:7]]] = 1.0
    table = Inclusion(found.home, found.weight, reached, found.before, found.after, True).table("ownership")
    assert (
        table["reached"].isna().all() and table["share_reached"].isna().all() and table["reach"].isna().all()
    )
    # With enough of both, numbers are told as the noise leaves them.
    reached[foreign[:15]] = reached[domestic[:40]] = 1.0
    table = Inclusion(found.home, found.weight, reached, found.before, found.after, True).table("ownership")
    assert table["reached"].notna().all()
    np.testing.assert_allclose(table["share_of_firms"] * 400, table["firms"])
    np.testing.assert_allclose(table["share_reached"] * reached.sum(), table["reached"])
    exact = pd.Series(label).value_counts().reindex(table["group"])
    assert (table["firms"].to_numpy() - exact.to_numpy()).any()
