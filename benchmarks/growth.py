"""How the engine's time grows with the world: ``python -m benchmarks.growth [--json] [--plot FILE.svg]``.

Synthetic worlds without inputs, one importer adds ten points on everything, cold start, certificate
included, best of five.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

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
    """Both growth lines, logarithmic axes."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    figure = make_subplots(
        cols=2,
        subplot_titles=(f"{FIXED_SECTORS} sectors", f"{FIXED_COUNTRIES} countries"),
        shared_yaxes=True,
        horizontal_spacing=0.06,
    )
    lines = ((by_country, "countries", 1), (by_sector, "sectors", 2))
    for sizes, what, column in lines:
        x, y = [getattr(size, what) for size in sizes], [1e3 * size.seconds for size in sizes]
        words = [f"{v:.0f} ms" if v >= 10 else f"{v:.1f} ms" for v in y]
        style = {"color": "#2a5b8c"}
        figure.add_trace(
            go.Scatter(x=x, y=y, text=words, mode="lines+markers+text", textposition="top left", line=style),
            row=1,
            col=column,
        )
        figure.update_xaxes(title=f"number of {what}", type="log", tickvals=x, row=1, col=column)
    figure.update_yaxes(title="milliseconds, cold", type="log", row=1, col=1)
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
