"""Waterfalls: bars from zero where the steps can be seen so; else the cut is drawn and said."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.figures.attribution import waterfall


def drawn(before: float, steps: list[float]) -> Any:
    table = pd.DataFrame(
        {"label": [f"step {i}" for i in range(len(steps))], "explanation": "", "change": steps}
    )
    found: Any = SimpleNamespace(
        before=np.array([before * 1e3]),
        after=np.array([(before + sum(steps)) * 1e3]),
        waterfall=lambda: table,
        sentence=lambda: "Exports fall.",
    )
    return waterfall(found, subtitle="bn USD", source="s")


def test_bars_of_levels_are_as_long_as_their_levels() -> None:
    chart = drawn(100.0, [-9.0, -3.0])
    bars = chart.data[0]
    assert bars["base"][0] == bars["base"][-1] == 0.0
    assert bars["x"][0] / bars["x"][-1] == pytest.approx(100 / 88)
    assert "cut" not in chart.subtitle and not chart.layout["shapes"]


def test_a_cut_is_drawn_and_said() -> None:
    chart = drawn(1000.0, [2.0, -1.0])
    assert chart.data[0]["base"][0] > 0
    assert len(chart.layout["shapes"]) == 2 and "are cut and begin at" in chart.subtitle
    # The steps stay on one scale, and start where the level ends.
    assert chart.data[0]["base"][1] == 1000.0 and chart.data[0]["x"][1] == 2.0
