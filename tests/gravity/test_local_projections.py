"""Local projections find a known dynamic response, with intervals that cover it, before they meet data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.gravity.local_projections import COLUMNS, LocalProjectionError, local_projections

#: What a step in log (1 + tariff) does to log trade in the year of the step and each year after.
RESPONSE = (-0.8, -0.7, -0.5, -0.3, 0.0)


def panel(
    noise: float = 0.0, seed: int = 0, countries: int = 25, years: int = 12, stays: float = 1.0
) -> pd.DataFrame:
    """Trade that answers tariff steps with `RESPONSE`; a step fades by 1 - ``stays`` each year. Importers that grow cut tariffs."""
    rng = np.random.default_rng(seed)
    n, t = countries, years + len(RESPONSE)
    step = np.where(rng.random((n, n, t)) < 0.15, rng.normal(0, 0.06, (n, n, t)), 0.0)
    growth = rng.normal(0, 0.1, (1, n, t))
    step = step - 0.02 * growth
    level = np.zeros((n, n, t))
    for k in range(t):
        level[..., k] = (stays * level[..., k - 1] if k else 0.0) + step[..., k]
    change = np.diff(level, axis=2, prepend=0.0)
    answer = np.zeros_like(level)
    for lag, size in enumerate(RESPONSE):
        answer[..., lag:] += size * change[..., : t - lag]
    logs = (
        np.cumsum(answer, axis=2)
        + np.cumsum(growth, axis=2)
        + np.cumsum(rng.normal(0, 0.1, (n, 1, t)), axis=2)
        + rng.normal(0, 2, (n, n, 1))
        + noise * rng.normal(size=(n, n, t))
    )
    kept = slice(len(RESPONSE), None)
    i, j, k = np.indices((n, n, years))
    return pd.DataFrame(
        {
            "exporter": [f"C{a:02d}" for a in i.ravel()],
            "importer": [f"C{a:02d}" for a in j.ravel()],
            "year": 2000 + k.ravel(),
            "trade": np.exp(3 + logs[..., kept]).ravel(),
            "tariff": np.expm1(level[..., kept]).ravel(),
        }
    )


def test_the_known_response_is_found_by_years_since_the_change() -> None:
    found = local_projections(panel(noise=0.01, seed=4), (1, 2, 3, 4, 5)).set_index("horizon")
    truth = np.cumsum(RESPONSE)
    assert list(found.columns) == list(COLUMNS[1:])
    # Steps before the window are no part of what followed within it: the instrument sees to that.
    np.testing.assert_allclose(found["estimate"], truth, atol=4 * found["std_error"].max())
    assert (found["estimate"].diff().dropna() < 0.1).all()
    assert (found["std_error"] < 0.12).all() and (found["first_stage"].dropna() > 50).all()


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    inside = total = 0
    for seed in range(30):
        found = local_projections(panel(noise=0.1, seed=seed, countries=14), (1, 3))
        truth = np.cumsum(RESPONSE)[found["horizon"].to_numpy() - 1]
        inside += int(((found["low"] <= truth) & (truth <= found["high"])).sum())
        total += len(found)
    assert 0.85 <= inside / total <= 1.0, inside / total


def test_steps_that_fade_are_read_as_if_they_lasted() -> None:
    found = local_projections(panel(noise=0.01, seed=2, stays=0.8), (1, 2)).set_index("horizon")
    assert found.loc[2, "lasting"] < 0.9
    assert found.loc[1, "estimate"] == pytest.approx(RESPONSE[0], abs=0.1)


def test_a_forecaster_sees_no_later_year() -> None:
    table = panel(noise=0.05, seed=1, countries=14)
    later = table.copy()
    later.loc[later["year"] > 2007, "trade"] *= 100
    early = local_projections(table, (1, 2), up_to=2007)
    pd.testing.assert_frame_equal(early, local_projections(later, (1, 2), up_to=2007))


def test_what_cannot_be_estimated_says_why() -> None:
    with pytest.raises(LocalProjectionError, match="lacks tariff"):
        local_projections(panel().drop(columns="tariff"))
    with pytest.raises(LocalProjectionError, match="no horizon"):
        local_projections(panel().assign(tariff=0.1))
    table = panel(countries=5)
    with pytest.raises(LocalProjectionError, match="more than once"):
        local_projections(pd.concat([table, table]))


@pytest.mark.truth
def test_on_the_shared_panel_the_answer_grows_with_the_years(needs_data: Callable[[str], Path]) -> None:
    flows = pd.read_parquet(needs_data("icio") / "flows_2011_2022.parquet")
    flows = flows[~flows["sector"].astype(str).str.contains("erv")]
    flows["trade"] = flows["expenditure_musd"] / (1 + flows["tariff"])
    found = local_projections(flows, (1, 5), least=1.0).set_index("horizon")
    assert found.loc[1, "observations"] > 500_000
    assert found["std_error"].max() < 0.5
