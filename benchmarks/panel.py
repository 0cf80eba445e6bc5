"""Speed and memory of the synthetic home country: ``python -m benchmarks.panel [--json]``.

Each case runs in a process of its own, so that peak memory is its own; times are from nothing to the finished result,
imports and the world's file included. Processor seconds tell the work apart from waiting on a busy machine.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from firmtrade_core.panel.validation import validate


@dataclass(frozen=True)
class Timing:
    """What one case took; seconds and megabytes."""

    case: str
    seconds: float
    processor_seconds: float
    target: float | None
    peak_memory_mb: float
    size: str

    @property
    def meets_target(self) -> bool:
        """Whether the time stays within the target, where there is one."""
        return self.target is None or self.seconds <= self.target


def _generate(firms: int) -> Callable[[], str]:
    def run() -> str:
        from firmtrade_core.panel.synthetic.country import make_country
        from firmtrade_core.panel.synthetic.structure import SyntheticDesign

        panel = make_country(SyntheticDesign(firms=firms)).panel
        return ", ".join(f"{panel.count(table):,} {table}" for table in panel.tables)

    return run


def _raw() -> str:
    from firmtrade_core.panel.synthetic.country import make_country
    from firmtrade_core.panel.synthetic.raw import write_raw

    with tempfile.TemporaryDirectory() as folder:
        files = write_raw(make_country(), folder)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*"))
        return f"{len(files.customs)} customs years, {size / 1e6:.0f} MB of files"


def _validate() -> str:
    from firmtrade_core.panel.synthetic.country import make_country

    report = validate(make_country().panel)
    return f"{sum(report.rows.values()):,} rows held against their rules"


def _functions() -> str:
    from firmtrade_core.panel.control_function import levinsohn_petrin, production_data, wooldridge
    from firmtrade_core.panel.synthetic.country import make_country

    data = production_data(make_country().panel)
    levinsohn_petrin(data)
    return f"{wooldridge(data).observations:,} observations, two estimators"


#: Name, target in seconds, and what to do.
CASES: dict[str, tuple[str, float | None, Callable[[], str]]] = {
    "generate": ("20,000 firms x 6 years", 20.0, _generate(20_000)),
    "large": ("100,000 firms x 6 years", None, _generate(100_000)),
    "raw": ("20,000 firms and their messy files", None, _raw),
    "validate": ("20,000 firms, and validation", None, _validate),
    "functions": ("20,000 firms, and production functions", None, _functions),
}


def run_case(key: str) -> Timing:
    """Time one case in this process."""
    name, target, work = CASES[key]
    began = time.perf_counter()
    size = work()
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Timing(name, seconds, time.process_time(), target, peak, size)


def run() -> list[Timing]:
    """Every case, each in a process of its own."""
    found = []
    for key in CASES:
        command = [sys.executable, "-m", "benchmarks.panel", "--case", key]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found.append(Timing(**json.loads(done.stdout)))
    return found


def table(timings: list[Timing]) -> str:
    """The timings as a Markdown table."""
    rows = ["| case | seconds | processor seconds | target | peak, MB | size | met |", "|---" * 7 + "|"]
    for t in timings:
        target = "" if t.target is None else f"{t.target:.0f}"
        met = "yes" if t.meets_target else "no"
        rows.append(
            f"| {t.case} | {t.seconds:.1f} | {t.processor_seconds:.1f} | {target} | {t.peak_memory_mb:.0f} | {t.size} | {met} |"
        )
    return "\n".join(rows)


def main() -> None:
    """Print the table, or JSON; exit 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(asdict(run_case(arguments.case))))
        return
    timings = run()
    print(json.dumps([asdict(t) for t in timings]) if arguments.json else table(timings))
    sys.exit(not all(t.meets_target for t in timings))


if __name__ == "__main__":
    main()
