"""Scores of predictions: what they measure, on predictions whose quality is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.backtests import BacktestError, influence, misses, record_by_partner, score


def table(
    n: int = 40, slope: float = 1.0, noise: float = 0.0, seed: int = 0, common: float = 0.1
) -> pd.DataFrame:
    """Predictions of which what happened is ``slope`` times them, plus noise and what all share."""
    rng = np.random.default_rng(seed)
    predicted = rng.normal(0, 0.2, n)
    weight = rng.lognormal(0, 1, n)
    predicted -= np.average(predicted, weights=weight)
    return pd.DataFrame(
        {
            "importer": "USA",
            "partner": [f"P{k:02d}" for k in range(n)],
            "since": 2000,
            "until": 2001,
            "weight": weight,
            "actual": slope * predicted + noise * rng.normal(size=n) + common,
            "common": common,
            "predicted": predicted,
            "predicted_common": 0.0,
        }
    )


def test_a_perfect_prediction_scores_one_and_a_wrong_size_its_slope() -> None:
    perfect = score(table())
    assert perfect.correlation == pytest.approx(1) and perfect.slope == pytest.approx(1)
    assert perfect.skill == pytest.approx(1) and perfect.error == pytest.approx(0.1)
    half = score(table(slope=0.5))
    assert half.correlation == pytest.approx(1) and half.slope == pytest.approx(0.5)
    # Twice too much is no better than nothing: the error is as large as the change.
    assert half.skill == pytest.approx(0, abs=1e-9)
    assert score(table(slope=-1)).skill == pytest.approx(-3)


def test_nothing_predicted_has_no_correlation_and_no_skill() -> None:
    nothing = score(table().assign(predicted=0.0))
    assert np.isnan(nothing.correlation) and np.isnan(nothing.slope)
    assert nothing.skill == pytest.approx(0) and nothing.error == pytest.approx(nothing.no_change)


def test_weights_and_missing_predictions() -> None:
    given = table(noise=0.1)
    given.loc[0, "predicted"] = np.nan
    assert score(given).predictions == 39
    given.loc[1, ["weight", "actual"]] = [1e6, given.loc[1, "predicted"] + 5]
    assert score(given).error == pytest.approx(5, rel=1e-2)
    with pytest.raises(BacktestError, match="needs three"):
        score(given.head(2))
    with pytest.raises(BacktestError, match="lacks common"):
        score(given.drop(columns="common"))


def test_one_partner_that_makes_the_correlation_is_found() -> None:
    rng = np.random.default_rng(3)
    given = table(30)
    given["actual"] = rng.normal(0, 0.1, 30)
    given["predicted"] = rng.normal(0, 0.05, 30)
    given.loc[7, ["actual", "predicted", "weight"]] = [-0.8, -0.9, 5.0]
    assert score(given).correlation > 0.6
    found = influence(given, {"without P07 and P08": ("P07", "P08")})
    assert found["without"].tolist()[:2] == ["without P07 and P08", "P07"]
    assert found.loc[1, "correlation"] < 0.4 and found.loc[1, "moved"] < -0.3
    assert len(found) == 31


def test_misses_name_the_largest_errors_and_add_up() -> None:
    given = table(noise=0.1)
    given.loc[4, "actual"] += 1.0
    given.loc[4, "weight"] = given["weight"].max()
    found = misses(given, 40)
    assert found.loc[0, "partner"] == "P04" and found["share"].sum() == pytest.approx(1)
    assert found.loc[0, "missed"] == pytest.approx(1.0, abs=0.4)


def test_each_partner_has_its_own_record() -> None:
    good, bad = table(6, noise=0.0, seed=1), table(6, slope=-1.0, seed=2)
    good["partner"], bad["partner"] = "GOOD", "BAD"
    few = table(3).head(2).assign(partner="FEW")
    found = record_by_partner(pd.concat([good, bad, few])).set_index("partner")
    assert found["verdict"].to_dict() == {"GOOD": "skill", "BAD": "no skill", "FEW": "too few"}
    assert found.loc["GOOD", "closer"] == 1 and found.loc["BAD", "closer"] == 0
    assert found.loc["BAD", "right_sign"] == 0
