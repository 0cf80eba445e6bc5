"""What exporting teaches: known effects come back cohort by cohort, and firms on their way up are seen before they start."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.channels.errors import SampleError
from firmtrade_core.channels.learning import ESTIMATORS, learning_by_exporting

Effect = Callable[[np.ndarray, np.ndarray], np.ndarray]


def plants(effect: Effect, *, ahead: float = 0.0, never: float = 0.7, seed: int = 1, count: int = 1200) -> pd.DataFrame:  # fmt: skip
    """Firms that begin in year 2, 3, 4 or 5 of seven, or never; ``ahead``: growth a year before the start."""
    random = np.random.default_rng(seed)
    years, rest = np.arange(7), 1 - never
    chances = [never, 0.4 * rest, 0.3 * rest, 0.2 * rest, 0.1 * rest]
    start = random.choice([99, 2, 3, 4, 5], count, p=chances)
    since = years[None, :] - start[:, None]
    begun = (since >= 0) & (start[:, None] < 99)
    y = random.normal(size=count)[:, None] + 0.03 * years + random.normal(0, 0.2, (count, 7))
    y += np.where(begun, effect(since, start[:, None]), 0.0)
    y += np.where((start[:, None] < 99) & ~begun, ahead * (since + 1), 0.0)
    return pd.DataFrame(
        {
            "firm": np.repeat(np.arange(count), 7), "year": np.tile(1990 + years, count),
            "exporting": begun.astype(float).ravel(), "productivity": y.ravel(),
        }
    )  # fmt: skip


def growing(since: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The first cohort learns twice as much."""
    return 0.05 * (since + 1) * np.where(start == 2, 2.0, 1.0)


def test_effects_that_differ_by_cohort_come_back_by_every_estimator_for_staggered_starts() -> None:
    """Tolerance set before: 0.05 log points at every year that all cohorts reach, by three estimators."""
    data = plants(growing)
    found = learning_by_exporting(data, "productivity", "productivity (index)")
    starts = data[data["exporting"] > 0].groupby("firm")["year"].min() - 1990
    for name in list(ESTIMATORS)[:3]:
        table = found.table[found.table["estimator"] == name].set_index("horizon")["value"]
        for horizon in (0, 1):
            truth = float(growing(np.full(len(starts), horizon), starts.to_numpy()).mean())
            assert table[horizon] == pytest.approx(truth, abs=0.05)
        assert abs(table[-2]) < 0.05
    assert found.after["cohorts"][1] > 0 and not found.selected
    assert "follows the start" in found.sentence() and "no difference is seen" in found.sentence()


@pytest.mark.truth
def test_firms_on_their_way_up_are_seen_before_they_start() -> None:
    found = learning_by_exporting(plants(lambda h, _: 0.0 * h, ahead=0.1), "productivity")
    assert found.selected and "who starts, not what" in found.sentence()


def test_refusals_say_what_is_needed() -> None:
    data = plants(growing, count=400)
    with pytest.raises(SampleError, match="begin to export"):
        learning_by_exporting(data.assign(exporting=0.0), "productivity")
    with pytest.raises(SampleError, match="no column tfp"):
        learning_by_exporting(data, "tfp")
