"""Speed and memory of the equilibrium engine: ``python -m benchmarks.engine [--json]``.

Each case runs in a process of its own, so that peak memory is its own. A run counts from the shock as
arrays to the certified result; tolerance 1e-10. *Cold* starts from the baseline, *warm* from the solution
at one percentage point less.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from firmtrade_core.equilibrium import Equilibrium
    from firmtrade_core.world.world import World

RUNS = 20


@dataclass(frozen=True)
class Timing:
    """What one case took; seconds and megabytes."""

    case: str
    start: str
    best: float
    median: float
    target: float | None
    iterations: int
    largest_residual: float
    peak_memory_mb: float
    memory_target_mb: float

    @property
    def meets_target(self) -> bool:
        """Whether the median time and the peak memory stay within the targets."""
        quick = self.target is None or self.median <= self.target
        return quick and self.peak_memory_mb <= self.memory_target_mb


@dataclass(frozen=True)
class Case:
    """A world, the importer that adds ten points, and targets in seconds and megabytes."""

    name: str
    importer: str
    cold_target: float
    warm_target: float | None
    memory_target_mb: float
    data: str | None = None


CASES = {
    "icio": Case("ICIO 2022, 81 x 28", "USA", 0.015, 0.006, 500, "icio"),
    "wiod": Case("WIOD 2014, 44 x 50, input-output", "USA", 0.060, None, 500, "wiod-2014-io"),
    "large": Case("synthetic, 135 x 154", "C000", 0.5, None, 2000),
}


def build(key: str) -> World:
    """The world of a case."""
    from benchmarks import worlds

    return worlds.synthetic(135, 154) if key == "large" else {"icio": worlds.icio, "wiod": worlds.wiod}[key]()


def run_case(key: str, world_file: str) -> list[Timing]:
    """Time one case in this process."""
    from benchmarks.worlds import added_tariff
    from firmtrade_core.equilibrium import Parameters, solve
    from firmtrade_core.world.world import World

    case, world = CASES[key], World.load(Path(world_file))
    parameters = Parameters(trade_elasticity=4.0)
    shock, further = (added_tariff(world, case.importer, points) for points in (0.10, 0.11))
    near = solve(world, shock, parameters)

    def cold() -> Equilibrium:
        return solve(world, shock, parameters)

    def warm() -> Equilibrium:
        return solve(world, further, parameters, start=near)

    runs = [("cold", case.cold_target, *_repeat(cold)), ("warm", case.warm_target, *_repeat(warm))]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [
        Timing(
            case.name,
            start,
            min(seconds),
            statistics.median(seconds),
            target,
            result.certificate.iterations,
            result.certificate.largest,
            peak,
            case.memory_target_mb,
        )
        for start, target, seconds, result in runs
    ]


def _repeat(compute: Callable[[], Equilibrium]) -> tuple[list[float], Equilibrium]:
    seconds = []
    for _ in range(RUNS):
        began = time.perf_counter()
        result = compute()
        seconds.append(time.perf_counter() - began)
    return seconds, result


def run() -> list[Timing]:
    """Every case whose data is there, each in a process of its own."""
    from benchmarks.worlds import available

    found: list[Timing] = []
    for key, case in CASES.items():
        if case.data and not available(case.data):
            print(f"skipped: {case.name} needs {case.data} in FIRMTRADE_DATA", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "case.world"
            build(key).save(path)
            command = [sys.executable, "-m", "benchmarks.engine", "--case", key, str(path)]
            environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # small matrices: threads only wait
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        found += [Timing(**item) for item in json.loads(done.stdout)]
    return found


def table(timings: list[Timing]) -> str:
    """The timings as a Markdown table."""
    rows = [
        "| world | start | best, ms | median, ms | target, ms | iterations | largest residual | peak, MB | met |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for t in timings:
        target = "" if t.target is None else f"{1e3 * t.target:.0f}"
        rows.append(
            f"| {t.case} | {t.start} | {1e3 * t.best:.1f} | {1e3 * t.median:.1f} | {target} | {t.iterations} "
            f"| {t.largest_residual:.0e} | {t.peak_memory_mb:.0f} | {'yes' if t.meets_target else 'no'} |"
        )
    return "\n".join(rows)


def main() -> None:
    """Print the table, or JSON; exit 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--case", nargs=2, metavar=("CASE", "WORLD"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps([asdict(t) for t in run_case(*arguments.case)]))
        return
    timings = run()
    print(json.dumps([asdict(t) for t in timings]) if arguments.json else table(timings))
    sys.exit(not all(t.meets_target for t in timings))


if __name__ == "__main__":
    main()
