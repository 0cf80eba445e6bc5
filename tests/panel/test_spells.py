"""Spells of exporting: a known hazard comes back though the data end, and nothing tells a firm."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.panel import PanelError
from firmtrade_core.panel.spells import ANYWHERE, export_spells, market_dynamics


def flows(seed: int = 0, count: int = 3000, years: int = 8, leave: float = 0.35) -> pd.DataFrame:
    """Firms that enter one of two markets in some year, stay with a chance of 1 - leave a year, and double as they stay."""
    random = np.random.default_rng(seed)
    start = random.integers(-6, years, count)
    length = random.geometric(leave, count)
    rows = [
        (f"F{i}", ("DEU", "FRA")[i % 2], year, 2.0 ** (year - s))
        for i, (s, n) in enumerate(zip(start, length, strict=True))
        for year in range(max(s, 0), min(s + n, years))
    ]
    return pd.DataFrame(rows, columns=["firm", "destination", "year", "exports"])


def test_spells_by_hand() -> None:
    rows = [("a", "DEU", y, 1.0) for y in (1, 2, 4)] + [("b", "DEU", y, y) for y in (2, 3, 4)] + [("c", "FRA", 1, 1.0)]  # fmt: skip
    found = export_spells(pd.DataFrame(rows, columns=["firm", "destination", "year", "exports"]))
    told = found.set_index(["firm", "start"])
    assert told.loc[("a", 1), ["length", "ended", "known", "again"]].tolist() == [2, True, False, False]
    assert told.loc[("a", 4), ["length", "ended", "known", "again"]].tolist() == [1, False, True, True]
    assert told.loc[("b", 2), ["length", "ended", "first", "second"]].tolist() == [3, False, 2.0, 3.0]


def test_a_known_hazard_comes_back_though_many_are_still_there() -> None:
    """Tolerance set before: the truth lies within the 90 % intervals widened by half, and within 0.03."""
    found = market_dynamics(flows(), synthetic=True).set_index("destination")
    for year in (1, 2, 3):
        truth = 0.65**year
        row = found.loc[ANYWHERE]
        assert row[f"stay_{year}"] == pytest.approx(truth, abs=0.03)
        assert row[f"low_{year}"] - 0.01 < truth < row[f"high_{year}"] + 0.01
    assert found.loc[ANYWHERE, "growth"] == pytest.approx(np.log(2))
    assert found.loc[ANYWHERE, "exit"] == pytest.approx(0.35, abs=0.03)
    assert found.loc["DEU", "size"] < 1 and list(found.index[:1]) == [ANYWHERE]


def test_entrants_and_leavers_add_up_to_the_change_of_exporters() -> None:
    data = flows(3)
    found = market_dynamics(data, synthetic=True).set_index("destination")
    by_year = data.groupby("year")["firm"].nunique()
    spells = export_spells(data[["firm", "year", "exports"]].assign(destination=ANYWHERE))
    entered, left = int(spells["known"].sum()), int(spells["ended"].sum())
    assert entered - left == by_year.iloc[-1] - by_year.iloc[0]
    assert found.loc[ANYWHERE, "entrants"] == pytest.approx(entered / (len(by_year) - 1))


def test_markets_that_tell_a_firm_are_left_out() -> None:
    few = pd.DataFrame({"firm": ["x", "y", "x"], "destination": "ISL", "year": [0, 1, 3], "exports": 1.0})
    data = pd.concat([flows(), few])
    assert "ISL" in set(market_dynamics(data, synthetic=True)["destination"])
    assert "ISL" not in set(market_dynamics(data, synthetic=False)["destination"])
    giant = data.assign(exports=np.where((data["destination"] == "FRA") & (data["firm"] == "F1"), 1e9, 1.0))
    assert len(market_dynamics(giant, synthetic=False)) < len(market_dynamics(giant, synthetic=True))
    with pytest.raises(PanelError, match="One year alone"):
        export_spells(data[data["year"] == 2])
