"""Every door that prints a number of real firms asks the one disclosure service: noise on counts, cells of few withheld."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from firmtrade_core.analysis.diversification import diversification, largest_partner, lever
from firmtrade_core.disclosure import FEWEST_FIRMS
from firmtrade_core.disclosure.groups import FARTHEST_COUNT
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.home.inclusion import inclusion
from firmtrade_core.home.treatment import Treatment
from firmtrade_core.scenarios import Scenario, compile
from tests.firms import make_home
from tests.scenarios.conftest import synthetic_world

STRUCTURE = {"family": "firms", "elasticity": 5.0}


@cache
def solved(public: bool) -> tuple[Equilibrium, Treatment]:
    world, home = synthetic_world(), make_home(public=public)
    base = compile(Scenario.parse({"structure": STRUCTURE}), world, home).solve()
    card = lever("ZAF", largest_partner(base, "ZAF"), -0.4)
    compiled = compile(Scenario.parse({"cards": [card], "structure": STRUCTURE}), world, home)
    assert compiled.treatment is not None
    return compiled.solve(), compiled.treatment


def near(told: np.ndarray, true: np.ndarray) -> bool:
    known = np.isfinite(told)
    return bool(known.any() and (np.abs(told - true)[known] <= FARTHEST_COUNT).all())


def test_who_opens_markets_is_told_with_noise_on_counts() -> None:
    groups = {
        public: diversification(solved(public)[0], "ZAF", solved(public)[1]).groups
        for public in (True, False)
    }
    moved = 0
    for kind, open_one in groups[True].items():
        told, true = groups[False][kind]["firms"].to_numpy(float), open_one["firms"].to_numpy(float)
        assert near(told, true), kind
        moved += int((np.abs(told - true) > 0.5).sum())
    assert moved > 0


def test_how_many_gain_and_who_shares_the_gains() -> None:
    for measure in ("exports", "sales"):
        told, true = (inclusion(*solved(public)).safeguard(measure) for public in (False, True))  # type: ignore[arg-type]
        assert abs(told.gaining - true.gaining) <= FARTHEST_COUNT
    found = inclusion(*solved(False))
    few = np.zeros(len(found.weight), dtype=bool)
    few[np.flatnonzero(found.gain("exports") > 0)[: FEWEST_FIRMS - 1]] = True
    assert np.isnan(found._told_share(few, "exports")) and np.isnan(found._told_share(~few, "exports"))
    assert np.isfinite(inclusion(*solved(True))._told_share(few, "exports"))


@pytest.mark.parametrize("public", [True, False])
def test_a_files_summary_counts_firms_by_sector(public: bool) -> None:
    home = make_home(public=public)
    true = home.firms["sector"].value_counts()
    told = home.summary()["sectors"]
    assert all(
        abs(int(told[name]) - int(true[name])) <= (0 if public else FARTHEST_COUNT) for name in true.index
    )
