"""Bands of many scenarios on one and two workers of a cluster, and what a thousand draws of a thousand scenarios cost.

``python -m benchmarks.cluster [--scenarios 8] [--draws 25,50,100]`` starts a scheduler and workers on this machine, gives them
the same scenarios in turn, and holds every answer against the serial one, to the last digit. Wall seconds say how work
scales, processor seconds what it costs. The model fitted: processor seconds = scenarios x (a + b x draws); wall =
start + processor / (workers x efficiency). A machine shared with other work gives wall seconds that are too long: ratios are taken in one run.
"""

from __future__ import annotations

import argparse
import os
import time
from typing import Any

import numpy as np

TARGET_EFFICIENCY = 0.8  # of two workers, where both have a core of their own


def _scenarios(count: int) -> list[Any]:
    """Tariffs of the United States between 1 and 20 points."""
    from firmtrade_core.scenarios import Scenario, Tariff

    return [
        Scenario(name=f"{rate:.1f} points", cards=[Tariff(importers=["USA"], method="add", value=rate / 100)])
        for rate in np.linspace(1, 20, count)
    ]


def main() -> None:
    """Measure, compare, fit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", type=int, default=8)
    parser.add_argument("--draws", default="25,50,100")
    given = parser.parse_args()
    from distributed import LocalCluster

    from firmtrade_core.analysis.many_scenarios import bands_of_many
    from firmtrade_core.jobs import spread as seam
    from firmtrade_core.paths import PROJECT
    from firmtrade_core.world.embedded import load_embedded_world

    world, scenarios = load_embedded_world(), _scenarios(given.scenarios)
    counts = [int(text) for text in given.draws.split(",")]
    environment = {"PYTHONPATH": str(PROJECT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    rows: list[tuple[int, int, float, float]] = []
    serial: dict[int, Any] = {}
    print("workers | draws | wall s | processor s | same to the last digit", flush=True)
    for workers in (0, 1, 2):
        cluster = None
        os.environ.pop(seam.VARIABLE, None)
        if workers:
            cluster = LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=None, env=environment
            )
            os.environ[seam.VARIABLE] = cluster.scheduler_address
            bands_of_many(scenarios[: 2 * workers], world, draws=25)  # workers load the program once
        for draws in counts:
            began = time.perf_counter()
            found = bands_of_many(scenarios, world, draws=draws)
            wall, processor = time.perf_counter() - began, sum(found.seconds)
            same = "–"
            if not workers:
                serial[draws] = found
            else:
                columns = ["value", "low", "high", "positive"]
                equal = np.array_equal(
                    found.table[columns].to_numpy(), serial[draws].table[columns].to_numpy()
                )
                same = "yes" if equal else "NO"
            rows.append((workers, draws, wall, processor))
            print(f"{workers or 'none'} | {draws} | {wall:.2f} | {processor:.2f} | {same}", flush=True)
        seam.close()
        if cluster is not None:
            cluster.close()
    each = np.array([(draws, processor / len(scenarios)) for _, draws, _, processor in rows])
    slope, fixed = np.polyfit(each[:, 0], each[:, 1], 1)
    left = each[:, 1] - (fixed + slope * each[:, 0])
    print(
        f"Fitted: {fixed:.3f} s a scenario + {1e3 * slope:.2f} ms a draw (processor; residual up to {np.abs(left).max():.3f} s)"
    )
    walls = {workers: np.array([w for n, _, w, _ in rows if n == workers]) for workers in (0, 1, 2)}
    gain = float((walls[1] / walls[2]).mean())
    print(
        f"Two workers against one: {gain:.2f} times (efficiency {gain / 2:.2f}; asked {TARGET_EFFICIENCY:g} with a core each)"
    )
    print(f"One worker against none: {float((walls[1] / walls[0]).mean()):.2f} times the wall time")
    whole = 1000 * (fixed + slope * 1000)
    print(f"A thousand draws of a thousand scenarios: {whole / 3600:.2f} hours of processor")
    for workers in (1, 2, 16, 64):
        efficiency = 1.0 if workers == 1 else gain / 2
        print(f"  on {workers} workers: {whole / workers / efficiency / 3600:.2f} hours")


if __name__ == "__main__":
    main()
