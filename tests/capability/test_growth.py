"""The benchmark's growth plot."""

from __future__ import annotations

from pathlib import Path

import plotly.graph_objects as go
import pytest

from benchmarks.capability import Timing, growth_words, plot
from benchmarks.growth import power_law


def test_exponents_are_fitted_in_logs() -> None:
    assert power_law((1.0, 10.0, 100.0), (3.0, 30.0 * 10**0.2, 300.0 * 10**0.4)) == pytest.approx((1.2, 3.0))


def test_time_and_memory_are_drawn_against_cells_with_their_slopes(monkeypatch: pytest.MonkeyPatch) -> None:
    timings = [
        Timing(firms, 30, 1.0, 1e-3 * firms, 1.0, None, 50 * firms**0.5, None) for firms in (1_000, 4_000)
    ]
    drawn: list[go.Figure] = []
    monkeypatch.setattr(go.Figure, "write_image", lambda figure, path: drawn.append(figure))
    plot(timings, Path("growth.svg"))
    (figure,) = drawn
    assert [note.text for note in figure.layout.annotations] == [
        "Time: grows as size<sup>1.00</sup>",
        "Memory: grows as size<sup>0.50</sup>",
    ]
    assert tuple(figure.data[0].x) == (30_000, 120_000) and figure.layout.xaxis.type == "log"
    assert tuple(figure.data[1].y) == pytest.approx(tuple(figure.data[0].y))
    assert "power 1.00 and memory to the power 0.50" in growth_words(timings)
