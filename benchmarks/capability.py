"""Speed and memory of the capability estimator: ``python -m benchmarks.capability [--json] [--growth] [--plot FILE.svg]``.

Each size of MODEL 6's reference design is estimated from arrays to results, search of the learner's settings
included, in a process of its own, so that peak memory is its own. ``--growth`` adds the sizes between,
``--plot`` draws time and memory against cells, with the power law fitted to each, and adds them too.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.growth import Panel, draw, power_law


@dataclass(frozen=True)
class Case:
    """A size, with targets in seconds and megabytes where there are any."""

    firms: int
    markets: int
    target: float | None = None
    memory_target_mb: float | None = None


CASES = (Case(6_000, 30, 60, 3_000), Case(20_000, 60, 360, 3_000))
GROWTH = (Case(1_500, 30), Case(3_000, 30), Case(12_000, 30), Case(6_000, 60), Case(24_000, 30))


@dataclass(frozen=True)
class Timing:
    """What one size took; ``processor_seconds`` hardly depend on what else the machine does."""

    firms: int
    markets: int
    seconds: float
    processor_seconds: float
    draw_seconds: float
    target: float | None
    peak_memory_mb: float
    memory_target_mb: float | None

    @property
    def meets_target(self) -> bool:
        """Whether time and memory stay within the targets."""
        quick = self.target is None or self.seconds <= self.target
        return quick and (self.memory_target_mb is None or self.peak_memory_mb <= self.memory_target_mb)


def measure(case: Case) -> Timing:
    """Time one size in this process; compilation counts, as it does for whoever waits."""
    from firmtrade_core.capability import CapabilityData, estimate
    from firmtrade_core.panel.synthetic.design import ReferenceDesign, draw_reference

    observed = draw_reference(ReferenceDesign(firms=case.firms, markets=case.markets)).observed
    data = CapabilityData.from_arrays(observed.log_sales, observed.attributes)
    began, processor = time.perf_counter(), time.process_time()
    results = estimate(data)
    seconds, processor_seconds = time.perf_counter() - began, time.process_time() - processor
    began = time.perf_counter()
    results.with_bootstrap(2)
    draw = (time.perf_counter() - began) / 2
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Timing(
        case.firms, case.markets, seconds, processor_seconds, draw, case.target, peak, case.memory_target_mb
    )


def run(*, growth: bool = False) -> list[Timing]:
    """Every size, each in a process of its own."""
    cases = sorted((*CASES, *(GROWTH if growth else ())), key=lambda case: case.firms * case.markets)
    timings = []
    for case in cases:
        command = [
            sys.executable,
            "-m",
            "benchmarks.capability",
            "--case",
            str(case.firms),
            str(case.markets),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        timings.append(Timing(**json.loads(done.stdout)))
        print(f"{case.firms:,} x {case.markets} done", file=sys.stderr)
    return timings


def table(timings: list[Timing]) -> str:
    """The timings as a Markdown table."""
    rows = [
        "| firms x markets | seconds | processor seconds | target, s | one bootstrap draw, s | peak, MB | met |",
        "|---|---|---|---|---|---|---|",
    ]
    for t in timings:
        target = "" if t.target is None else f"{t.target:.0f}"
        rows.append(
            f"| {t.firms:,} x {t.markets} | {t.seconds:.1f} | {t.processor_seconds:.1f} | {target} "
            f"| {t.draw_seconds:.2f} | {t.peak_memory_mb:.0f} | {'yes' if t.meets_target else 'no'} |"
        )
    return "\n".join(rows)


def plot(timings: list[Timing], path: Path) -> None:
    """Processor time and peak memory against cells (firms x markets)."""
    cells = tuple(float(t.firms * t.markets) for t in timings)
    draw(
        (
            Panel("Time", "cells (firms × markets)", cells, "processor seconds", tuple(t.processor_seconds for t in timings), "s", True),
            Panel("Memory", "cells (firms × markets)", cells, "peak, MB", tuple(t.peak_memory_mb for t in timings), "MB", True),
        ),
        path,
    )  # fmt: skip


def growth_words(timings: list[Timing]) -> str:
    """The exponents of the fitted power laws."""
    cells = tuple(float(t.firms * t.markets) for t in timings)
    time_exponent, _ = power_law(cells, tuple(t.processor_seconds for t in timings))
    memory_exponent, _ = power_law(cells, tuple(t.peak_memory_mb for t in timings))
    return f"Over cells, time grows to the power {time_exponent:.2f} and memory to the power {memory_exponent:.2f}."


def main() -> None:
    """Print the table, or JSON; exit 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--growth", action="store_true", help="add the sizes between")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw time and memory against cells")
    parser.add_argument("--case", nargs=2, type=int, metavar=("FIRMS", "MARKETS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        wanted = tuple(arguments.case)
        case = next(c for c in (*CASES, *GROWTH) if (c.firms, c.markets) == wanted)
        print(json.dumps(asdict(measure(case))))
        return
    timings = run(growth=arguments.growth or arguments.plot is not None)
    if arguments.plot:
        plot(timings, arguments.plot)
    print(json.dumps([asdict(t) for t in timings]) if arguments.json else table(timings))
    if not arguments.json and len(timings) > len(CASES):
        print(f"\n{growth_words(timings)}")
    sys.exit(not all(t.meets_target for t in timings))


if __name__ == "__main__":
    main()
