"""Sunk costs told from what firms are: known parameters come back, also where what firms are has another law."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from firmtrade_core.capability import CapabilityError
from firmtrade_core.capability.state_dependence import state_dependence


def plants(
    seed: int,
    *,
    rho: float = 0.8,
    beta: float = 0.5,
    spread: float = 0.8,
    law: str = "normal",
    lasting: float = 0.0,
    count: int = 3000,
    years: int = 7,
) -> pd.DataFrame:
    """Firms whose history began long before the panel does; what they are goes with a lasting part of x."""
    random = np.random.default_rng(seed)
    steady = random.normal(size=count)
    x = 0.7 * steady[:, None] + 0.7 * random.normal(size=(count, years))
    known = (
        random.normal(size=count) if law == "normal" else (random.gamma(1.5, 1, count) - 1.5) / np.sqrt(1.5)
    )
    firms = -1.0 + 0.5 * steady + spread * known
    exported, shock, found = np.zeros(count), random.normal(size=count), np.zeros((count, years))
    for year in range(-15, years):
        shock = lasting * shock + np.sqrt(1 - lasting**2) * random.normal(size=count)
        now = x[:, year] if year >= 0 else 0.7 * steady + 0.7 * random.normal(size=count)
        exported = (rho * exported + beta * now + firms + shock > 0).astype(float)
        if year >= 0:
            found[:, year] = exported
    return pd.DataFrame(
        {
            "firm": np.repeat(np.arange(count), years), "year": np.tile(np.arange(years), count),
            "exporting": found.ravel(), "log_workers": x.ravel(),
        }
    )  # fmt: skip


@pytest.mark.parametrize("law", ["normal", "gamma"])
def test_known_parameters_come_back(law: str) -> None:
    """Within 10 % (a tolerance set before), also where what firms are is skewed; the pooled probit is far off."""
    found = state_dependence(plants(1, law=law), ["log_workers"])
    value = found.table["value"].to_dict()
    assert value["last year"] == pytest.approx(0.8, rel=0.1)
    assert value["log_workers"] == pytest.approx(0.5, rel=0.1)
    assert found.worth["log_workers"] == pytest.approx(0.8 / 0.5, rel=0.15)
    assert found.pooled[0] > 1.5 * found.effect[2]
    assert 0 < found.share_of_persistence < 0.5 and "upper bound" in found.sentence()


def test_persistence_of_firms_alone_is_no_sunk_cost() -> None:
    found = state_dependence(plants(2, rho=0.0), ["log_workers"])
    assert abs(found.table["value"]["last year"]) < 0.12
    assert found.effect[1] < 0 < found.effect[2] and found.pooled[1] > 0.1
    assert "no sunk cost of entry can be told" in found.sentence()


def test_effect_is_that_of_the_firms_themselves() -> None:
    """What each firm's chance would be with and without last year's presence, from what it is; within 10 %."""
    rho, spread = 1.2, 0.6
    data = plants(3, rho=rho, spread=spread)
    random = np.random.default_rng(9)
    steady = random.normal(size=200_000)
    index = -1.0 + 0.5 * (0.7 * steady + 0.7 * random.normal(size=200_000)) + 0.5 * steady
    index = index + spread * random.normal(size=200_000)
    truth = float((norm.cdf(index + rho) - norm.cdf(index)).mean())
    assert state_dependence(data, ["log_workers"]).effect[0] == pytest.approx(truth, rel=0.1)


def test_shocks_that_last_pass_for_sunk_cost_as_the_words_say() -> None:
    """Not a success: an autocorrelation of 0.4 nearly doubles ρ. The estimate is an upper bound, and says so."""
    found = state_dependence(plants(4, lasting=0.4), ["log_workers"])
    assert 1.2 < found.table["value"]["last year"] < 1.8


def test_gaps_weights_and_refusals() -> None:
    data = plants(5, count=1200, years=5)
    doubled = data.assign(weight=3.0)
    one, three = (state_dependence(each, ["log_workers"]) for each in (data, doubled))
    pd.testing.assert_frame_equal(one.table[["value"]], three.table[["value"]], rtol=1e-6)
    holes = data[~((data["firm"] % 3 == 0) & (data["year"] == 2))]
    assert state_dependence(holes, ["log_workers"]).rows == one.rows - 400 * 3
    with pytest.raises(CapabilityError, match="fewer than 30"):
        state_dependence(data.assign(exporting=(data["firm"] % 2).astype(float)))
    with pytest.raises(CapabilityError, match="no column age"):
        state_dependence(data, ["age"])
    with pytest.raises(CapabilityError, match="two years running"):
        state_dependence(data[data["year"] == 1])
