"""A grade falls when reasonable controls, outcomes or estimators part; intervals carry what hidden traits could do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.channels import ChannelData, Settings, study
from firmtrade_core.channels.data import Outcomes
from firmtrade_core.channels.identification import PARTIALLY_LINEAR
from firmtrade_core.channels.robustness import apart, falls_short
from firmtrade_core.channels.table import usual_step

QUICK = Settings(repetitions=1, learners=("linear",), folds=4)
FIRMS = 1200


def imports_of_large_firms(own_effect: float) -> tuple[ChannelData, pd.DataFrame]:
    """Large firms import and export; the share of imported inputs itself does ``own_effect``. Sizes are Pareto."""
    rng = np.random.default_rng(5)
    employment = 5 * (1 - rng.random(FIRMS)) ** (-1 / 1.3)
    size = np.log(employment)
    share = np.clip(0.15 * size + 0.2 * rng.random(FIRMS) - 0.1, 0, 1)
    skill = rng.random(FIRMS)
    capability = own_effect * share + 0.8 * size + 0.3 * skill + 0.4 * rng.standard_t(5, FIRMS)
    frame = pd.DataFrame(
        {"firm": np.arange(FIRMS).astype(str), "sector": np.where(rng.random(FIRMS) < 0.5, "a", "b"),
         "imported_input_share": share, "skill": skill}
    )  # fmt: skip
    data = ChannelData.from_frame(
        frame, Outcomes(capability), "imported_input_share", ["skill"], unit="share (0 to 1)"
    )
    return data, pd.DataFrame({"employment": size})


def test_an_effect_that_size_takes_away_is_an_association() -> None:
    data, size = imports_of_large_firms(0.0)
    alone = study(data, QUICK)
    held = study(data, QUICK, further={"with size among the controls": size})
    assert alone.effect is not None and alone.effect.grade == "observables"
    assert held.effect is not None and held.effect.grade == "association"
    assert "with size among the controls" in held.effect.cautions[0]
    way = next(w for w in held.otherwise if "size" in w.asked)
    assert way.parts and abs(way.effect) < 0.5 < held.effect.capability


def test_an_effect_that_stands_keeps_its_grade() -> None:
    data, _ = imports_of_large_firms(2.0)
    noise = pd.DataFrame({"noise": np.random.default_rng(1).standard_normal(FIRMS)})
    kept = study(data, QUICK, further={"with noise among the controls": noise})
    assert kept.effect is not None and kept.effect.grade == "observables"
    assert not any(way.parts for way in kept.otherwise)


def test_intervals_carry_what_a_hidden_trait_could_do() -> None:
    data, _ = imports_of_large_firms(2.0)
    found = study(data, QUICK)
    reading, effect = found.reading(PARTIALLY_LINEAR), found.effect
    assert effect is not None and reading is not None and found.sensitivity is not None
    low, high = effect.capability_interval
    assert low <= reading.low and high >= reading.high and high - low > reading.high - reading.low
    assert (low, high) == pytest.approx((found.sensitivity.low, found.sensitivity.high))
    assert any("hidden trait" in caution for caution in effect.cautions)


def test_exports_may_answer_more_but_not_less() -> None:
    assert apart((2.5, 6.4), (-0.2, 2.1)) and not apart((0.1, 0.3), (0.2, 0.9))
    assert falls_short((2.5, 6.4), (-0.4, 0.7)) and not falls_short((0.1, 0.3), (0.5, 0.9))
    assert falls_short((-0.3, -0.1), (0.1, 0.2)) and not falls_short((-0.1, 0.1), (-0.2, 0.3))


@pytest.mark.parametrize(
    ("unit", "spread", "binary", "size", "words"),
    [
        ("0 or 1", 0.4, True, 1.0, "having it"),
        ("share (0 to 1)", 0.2, False, 0.10, "10 points more"),
        ("index (0 to 1)", 0.2, False, 0.10, "a tenth of the index more"),
        ("share of sales", 0.02, False, 0.02, "2 points more (one standard deviation)"),
        ("firms", 6.0, False, 6.0, "6 firms more (one standard deviation)"),
        ("firms", 2.58, False, 3.0, "3 firms more (about one standard deviation)"),
    ],
)
def test_steps_are_sensible(unit: str, spread: float, binary: bool, size: float, words: str) -> None:
    assert usual_step(unit, spread, binary) == (pytest.approx(size), words)


def test_a_table_tells_effects_of_a_usual_step() -> None:
    data, _ = imports_of_large_firms(2.0)
    effect = study(data, QUICK).effect
    assert effect is not None and effect.step == (0.10, "10 points more")
    scaled = effect.by_step()
    assert scaled.capability == pytest.approx(0.1 * effect.capability)
    assert -25 < scaled.ad_valorem(5.0)[0] < 0
