"""How the engine's time grows with the world: ``python -m benchmarks.growth [--json] [--plot FILE.svg]``.

Synthetic worlds without inputs, one importer adds ten points on everything, cold start, certificate
included, best of five.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.worlds import added_tariff, synthetic
from firmtrade_core.equilibrium import Parameters, solve

COUNTRIES = (20, 40, 80, 120, 160, 200)
SECTORS = (5, 10, 20, 40, 80, 160)
FIXED_SECTORS, FIXED_COUNTRIES = 20, 60


@dataclass(frozen=True)
class Size:
    """One world: its size and the seconds its solve took."""

    countries: int
    sectors: int
    seconds: float


def measure(countries: int, sectors: int) -> Size:
    """Best of five cold solves."""
    world = synthetic(countries, sectors)
    shock = added_tariff(world, world.countries[0], 0.10)
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        solve(world, shock, Parameters(trade_elasticity=4.0))
        best = min(best, time.perf_counter() - began)
    return Size(countries, sectors, best)


def plot(by_country: list[Size], by_sector: list[Size], path: Path) -> None:
    """Both growth lines."""
    draw(
        tuple(
            Panel(heading, f"number of {what}", tuple(getattr(size, what) for size in sizes), "milliseconds, cold",
                  tuple(1e3 * size.seconds for size in sizes), "ms")
            for sizes, what, heading in (
                (by_country, "countries", f"{FIXED_SECTORS} sectors"),
                (by_sector, "sectors", f"{FIXED_COUNTRIES} countries"),
            )
        ),
        path,
        shared=True,
    )  # fmt: skip


@dataclass(frozen=True)
class Panel:
    """One growth line on logarithmic axes.

    Parameters
    ----------
    heading
    across, sizes
        Title and values of the horizontal axis.
    up, values, unit
        Title and values of the vertical axis, and what is written after each.
    slope
        Of a power law to be drawn through the points, if any: its fitted exponent goes into the heading.
    """

    heading: str
    across: str
    sizes: tuple[float, ...]
    up: str
    values: tuple[float, ...]
    unit: str
    slope: bool = False


def power_law(sizes: tuple[float, ...], values: tuple[float, ...]) -> tuple[float, float]:
    """Exponent and factor of ``value = factor size**exponent``, least squares in logs."""
    exponent, level = np.polyfit(np.log(sizes), np.log(values), 1)
    return float(exponent), float(np.exp(level))


def _round_numbers(values: Sequence[float]) -> list[float]:
    """1, 2 and 5 by powers of ten about the values; more of them where values lie close."""
    digits = (1, 2, 5) if max(values) > 4 * min(values) else (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
    powers = range(int(np.floor(np.log10(min(values)))), int(np.ceil(np.log10(max(values)))) + 1)
    return [digit * 10.0**power for power in powers for digit in digits]


def _span(values: Sequence[float], below: float, above: float) -> list[float]:
    """Ends of a logarithmic axis with room at both, as shares of its length."""
    low, high = float(np.log10(min(values))), float(np.log10(max(values)))
    return [low - below * (high - low), high + above * (high - low)]


def draw(panels: tuple[Panel, ...], path: Path, *, shared: bool = False) -> None:
    """Panels side by side into a picture; ``shared`` where they have one vertical axis."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    laws = [power_law(panel.sizes, panel.values) if panel.slope else None for panel in panels]
    headings = [
        panel.heading if law is None else f"{panel.heading}: grows as size<sup>{law[0]:.2f}</sup>"
        for panel, law in zip(panels, laws, strict=True)
    ]
    figure = make_subplots(
        cols=len(panels),
        subplot_titles=headings,
        shared_yaxes=shared,
        horizontal_spacing=0.06 if shared else 0.1,
    )
    for column, (panel, law) in enumerate(zip(panels, laws, strict=True), 1):
        words = [f"{v:,.0f} {panel.unit}" if v >= 10 else f"{v:.1f} {panel.unit}" for v in panel.values]
        fitted = [law[1] * size ** law[0] for size in panel.sizes] if law else list(panel.values)
        sides = ["top left" if v >= f else "bottom right" for v, f in zip(panel.values, fitted, strict=True)]
        sides = [*sides[:-1], "middle right"] if law else sides
        figure.add_trace(
            go.Scatter(
                x=panel.sizes, y=panel.values, text=words, textposition=sides, line={"color": "#2a5b8c"},
                mode="markers+text" if law else "lines+markers+text",
            ),
            row=1, col=column,
        )  # fmt: skip
        if law is not None:
            line = {"color": "#2a5b8c", "dash": "dot", "width": 1}
            figure.add_trace(go.Scatter(x=panel.sizes, y=fitted, mode="lines", line=line), row=1, col=column)
        # Words stand to the left of and above their points, which needs room at the ends.
        ticks = {"dtick": 1, "exponentformat": "power"} if law else {"tickvals": panel.sizes}
        across = {"type": "log", "range": _span(panel.sizes, 0.3, 0.3 if law else 0.1), **ticks}
        figure.update_xaxes(title=panel.across, **across, row=1, col=column)
        values = [v for each in panels for v in each.values] if shared else panel.values
        up = {"type": "log", "range": _span(values, 0.1, 0.15), "tickvals": _round_numbers(values)}
        figure.update_yaxes(title=panel.up if column == 1 or not shared else None, **up, row=1, col=column)
    figure.update_layout(
        template="plotly_white", showlegend=False, width=900, height=360, margin={"t": 40, "r": 20}
    )
    figure.write_image(path)


def main() -> None:
    """Print the sizes; draw them if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    by_country = [measure(n, FIXED_SECTORS) for n in COUNTRIES]
    by_sector = [measure(FIXED_COUNTRIES, s) for s in SECTORS]
    if arguments.plot:
        plot(by_country, by_sector, arguments.plot)
    if arguments.json:
        print(json.dumps([asdict(size) for size in by_country + by_sector]))
        return
    for size in by_country + by_sector:
        print(f"{size.countries:4d} countries x {size.sectors:3d} sectors  {1e3 * size.seconds:8.1f} ms")


if __name__ == "__main__":
    main()
