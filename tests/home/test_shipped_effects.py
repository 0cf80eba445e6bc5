"""Effects that ship with the product hold what the generator that made their firms does, or are graded as associations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from firmtrade_core.home.home import HomeFirms
from firmtrade_core.home.making import HomeRequest
from firmtrade_core.panel.synthetic.country import make_country
from firmtrade_core.panel.synthetic.firms import capability_index, fixed_cost_index
from firmtrade_core.panel.synthetic.structure import SyntheticDesign
from firmtrade_core.paths import asset
from firmtrade_core.report.stored_estimates import stored

BINARY = ("quality_certificate", "trade_finance")


def firms_of(count: int) -> pd.DataFrame:
    """The last year of the country, as it is."""
    table = make_country(SyntheticDesign(firms=count)).truth.table
    return table[table["year"] == table["year"].max()]


def true_effects(firms: pd.DataFrame, attribute: str, step: float) -> tuple[float, float]:
    """What a step of an attribute adds to κ and to g, mean over the population."""
    here = firms[attribute].to_numpy(float)
    low = np.zeros_like(here) if attribute in BINARY else np.maximum(here - step / 2, 0)
    high = np.ones_like(here) if attribute in BINARY else low + step
    attributes = {name: firms[name].to_numpy(float) for name in firms.select_dtypes("number")}
    found = []
    for index in (capability_index, fixed_cost_index):
        ends = [index({**attributes, attribute: values}) for values in (low, high)]
        found.append(float(np.average(ends[1] - ends[0], weights=firms["weight"])))
    return found[0], found[1]


@pytest.mark.truth
def test_effects_of_the_shipped_home_hold_the_truth_or_are_graded_as_associations() -> None:
    """Three of six effects given selection on observables missed: managers, whom nobody sees, move attributes and capability."""
    home, firms = HomeFirms.load(asset("home.parquet")), firms_of(HomeRequest.firms)
    reach, missed, claimed = float(norm.ppf(0.95)), set(), set()
    for name, effect in home.effects.items():
        truth = true_effects(firms, name, effect.step)
        told = (
            (effect.capability, effect.capability_error),
            (effect.fixed_cost_saving, effect.fixed_cost_error),
        )
        if any(abs(value - true) > reach * error for true, (value, error) in zip(truth, told, strict=True)):
            missed.add(name)
        if effect.grade != "association":
            claimed.add(name)
    assert not missed & claimed
    assert {"trade_finance", "quality_certificate"} <= missed | claimed and claimed


@pytest.mark.truth
def test_effects_that_the_channels_page_opens_with_hold_the_truth_or_are_graded_as_associations() -> None:
    found = stored("channels")
    assert found is not None and found.current
    firms = firms_of(found.firms)
    for effect in found.result.table.effects:
        if effect.grade == "association":
            continue
        size = effect.step[0]
        truth, by_step = true_effects(firms, effect.attribute, size), effect.by_step()
        ends = (by_step.capability_interval, by_step.fixed_cost_interval)
        for true, (low, high) in zip(truth, ends, strict=True):
            assert low <= true <= high, effect.attribute
