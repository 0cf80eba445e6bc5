"""Instruments that bend: the effect is found where straight lines see no first stage, and weak ones stay weak."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.channels import ChannelData, Settings, study
from firmtrade_core.channels.any_shape import IN_ANY_SHAPE
from firmtrade_core.channels.data import Outcomes
from firmtrade_core.channels.identification import INSTRUMENTED, PARTIALLY_LINEAR

EFFECT = 0.30
QUICK = Settings(repetitions=1, learners=("linear",), folds=4)


def bent(firms: int, seed: int, pull: float) -> ChannelData:
    """Take-up goes by the square of z, by more where firms are large; errors are skewed and of uneven spread."""
    rng = np.random.default_rng(seed)
    size, z, hidden = rng.standard_normal((3, firms))
    skewed = rng.exponential(1.0, firms) - 1.0
    taken = 0.5 * size + pull * (1 + 0.5 * (size > 0)) * (z**2 - 1) + hidden + skewed
    capability = (
        EFFECT * taken + 0.6 * size + 0.8 * hidden + (0.3 + 0.3 * (size > 0)) * rng.standard_normal(firms)
    )
    frame = pd.DataFrame(
        {"firm": np.arange(firms).astype(str), "sector": "food", "taken": taken, "size": size, "z": z}
    )
    return ChannelData.from_frame(frame, Outcomes(capability), "taken", ["size"], ["z"])


def test_a_bent_first_stage_is_found() -> None:
    found = study(bent(1500, 3, 0.5), QUICK)
    instrumented, plain = found.reading(INSTRUMENTED), found.reading(PARTIALLY_LINEAR)
    assert plain is not None and plain.effect > EFFECT + 0.15
    assert (
        instrumented is not None and abs(instrumented.effect - EFFECT) < 3 * instrumented.standard_error < 0.2
    )
    assert found.instruments is not None and found.instruments.first_stage.effective_f > 50
    assert found.instruments.names == (f"z {IN_ANY_SHAPE}",)
    assert found.effect is not None and found.effect.grade == "instrument"
    assert any("any shape" in caution for caution in found.effect.cautions)


def test_an_instrument_that_moves_nothing_stays_weak() -> None:
    found = study(bent(1500, 4, 0.0), QUICK)
    assert found.instruments is not None and found.instruments.names == ("z",)
    assert found.effect is not None and found.effect.grade != "instrument"


@pytest.mark.truth
def test_intervals_hold_over_draws() -> None:
    found = [study(bent(1000, seed, 0.4), QUICK).effect for seed in range(100, 140)]
    held = [e is not None and e.capability_interval[0] < EFFECT < e.capability_interval[1] for e in found]
    assert all(e is not None and e.grade == "instrument" for e in found)
    assert 0.78 <= np.mean(held) <= 1.0
