"""The engine against an earlier checkout, in turn, in one run: ``python -m benchmarks.side_by_side --against CHECKOUT``.

Both solve the same worlds with the same shocks, ten points on all goods by the United States, each in a process of its own
that waits while the other works, so that what else the machine does falls on both alike; times are processor seconds,
from the shock to the certified result as in `benchmarks.engine`, tolerance 1e-10. *First*: nothing of the world is known yet (calibration
included). *Cold*: from the baseline, whatever concerns the world alone remembered from earlier solves. *Warm*: from the
solution at one point less. An earlier checkout is made by ``git worktree add CHECKOUT COMMIT``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from firmtrade_core.world.world import World

RUNS = 15

#: Solves in a row at each turn, of which the median counts: the first finds the memory full of the other's numbers.
BURST = 3
STARTS = ("first", "cold", "warm")

#: World, cost elasticity, families. On WIOD profits of firms exceed value added in some sectors at this elasticity.
CASES: dict[str, tuple[float, tuple[str, ...]]] = {
    "icio": (4.0, ("armington", "krugman", "pareto", "lognormal")),
    "embedded": (6.0, ("armington", "krugman", "pareto", "lognormal")),
    "wiod": (4.0, ("armington",)),
}

#: What is asked of the ratios of medians, earlier over present.
TARGETS = {
    ("icio", "lognormal", "cold"): 15.0,
    ("icio", "lognormal", "warm"): 15.0,
    ("embedded", "lognormal", "cold"): 15.0,
    ("embedded", "lognormal", "warm"): 15.0,
    ("embedded", "armington", "cold"): 2.5,
    ("wiod", "armington", "cold"): 2.5,
}

#: No family may take longer than this many times Pareto's time, on ICIO.
OVER_PARETO = 1.5


@dataclass(frozen=True)
class Row:
    """Medians of both in processor milliseconds, and iterations."""

    world: str
    family: str
    start: str
    earlier: float | None
    present: float
    earlier_iterations: int | None
    iterations: int
    target: float | None

    @property
    def ratio(self) -> float | None:
        """How many times faster."""
        return None if self.earlier is None else self.earlier / self.present


# The side that measures: run by path with PYTHONPATH at either checkout ---------------------------------


def serve(folder: str) -> None:
    """Answer requests, one JSON line each, with processor seconds and iterations."""
    from firmtrade_core.equilibrium import Parameters, Shock, solve
    from firmtrade_core.equilibrium import solver as engine
    from firmtrade_core.margins import Armington, Krugman, Lognormal, Pareto
    from firmtrade_core.world.world import World

    laws = {"armington": Armington, "krugman": Krugman, "pareto": Pareto, "lognormal": Lognormal}
    worlds: dict[str, Any] = {}
    near: dict[tuple[str, str], Any] = {}
    for line in sys.stdin:
        name, family, start = json.loads(line)
        if name not in worlds:
            with np.load(Path(folder) / f"{name}.npz", allow_pickle=False) as held:
                arrays = {key: held[key] for key in held.files}
            labels = (tuple(map(str, arrays.pop("countries"))), tuple(map(str, arrays.pop("sectors"))))
            shocks = [arrays.pop(key) for key in ("ten", "eleven")]
            worlds[name] = World(*labels, **arrays), *(Shock(tariff=tariff) for tariff in shocks)
        world, ten, eleven = worlds[name]
        parameters = Parameters(CASES[name][0], laws[family](), deficits="proportional")
        if start == "warm" and (name, family) not in near:
            near[name, family] = solve(world, ten, parameters)
        warm = {"start": near[name, family]} if start == "warm" else {}
        taken = []
        for _ in range(BURST):
            if start == "first" and hasattr(engine, "_prepared"):
                engine._prepared.clear()
            began = time.process_time()
            result = solve(world, eleven if start == "warm" else ten, parameters, **warm)
            taken.append(time.process_time() - began)
        seconds = statistics.median(taken)
        print(json.dumps([seconds, result.certificate.iterations, result.certificate.largest]), flush=True)


class Side:
    """One checkout at work in a process of its own."""

    def __init__(self, checkout: Path, folder: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(checkout), "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, str(Path(__file__).resolve()), "--serve", folder]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=checkout
        )

    def ask(self, *request: str) -> tuple[float, int]:
        """Processor seconds and iterations of one solve."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        seconds, iterations, residual = json.loads(self.process.stdout.readline())
        assert residual <= 1e-9
        return seconds, iterations

    def stop(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def write_worlds(folder: str) -> list[str]:
    """The worlds whose data is there, as plain arrays that any checkout reads."""
    from benchmarks import worlds
    from firmtrade_core.world.embedded import load_embedded_world

    builders = {"icio": worlds.icio, "embedded": load_embedded_world, "wiod": worlds.wiod}
    needs = {"icio": "icio", "wiod": "wiod-2014-io"}
    written = []
    for name in CASES:
        if name in needs and not worlds.available(needs[name]):
            print(f"skipped: {name} needs {needs[name]} in FIRMTRADE_DATA", file=sys.stderr)
            continue
        world: World = builders[name]()
        arrays = {"expenditure": world.expenditure, "tariff": world.tariff, "subsidy": world.subsidy}
        if world.inputs is not None:
            arrays["inputs"] = world.inputs
        for key, points in (("ten", 0.10), ("eleven", 0.11)):
            tariff = worlds.added_tariff(world, "USA", points).tariff
            assert tariff is not None
            arrays[key] = tariff
        np.savez(
            Path(folder) / f"{name}.npz",
            countries=np.array(world.countries),
            sectors=np.array(world.sectors),
            **arrays,
        )
        written.append(name)
    return written


def measure(against: Path | None, runs: int) -> list[Row]:
    """All rows."""
    with tempfile.TemporaryDirectory() as folder:
        names = write_worlds(folder)
        present = Side(Path(__file__).resolve().parents[1], folder)
        earlier = None if against is None else Side(against.resolve(), folder)
        sides = [side for side in (earlier, present) if side is not None]
        rows = []
        for name in names:
            for family in CASES[name][1]:
                for side in sides:  # compiled code and caches of the libraries
                    side.ask(name, family, "first")
                for start in STARTS:
                    found = [[side.ask(name, family, start) for side in sides] for _ in range(runs)]
                    medians = [
                        1e3 * statistics.median(run[at][0] for run in found) for at in range(len(sides))
                    ]
                    steps = [found[-1][at][1] for at in range(len(sides))]
                    target = TARGETS.get((name, family, start))
                    before = (None, None) if earlier is None else (medians[0], steps[0])
                    rows.append(
                        Row(name, family, start, before[0], medians[-1], before[1], steps[-1], target)
                    )
        for side in sides:
            side.stop()
    return rows


def table(rows: list[Row]) -> str:
    """The rows as Markdown, with ratios to the earlier checkout and to Pareto."""
    lines = [
        "| world | family | start | earlier, ms | now, ms | ratio | asked | iterations, earlier and now | over Pareto's |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    pareto = {(row.world, row.start): row.present for row in rows if row.family == "pareto"}
    for row in rows:
        base = pareto.get((row.world, row.start))
        over = "" if base is None else f"{row.present / base:.2f}"
        earlier, ratio = ("", "") if row.earlier is None else (f"{row.earlier:.1f}", f"{row.ratio:.1f}")
        asked = "" if row.target is None else f"{row.target:g}"
        steps = (
            f"{row.iterations}"
            if row.earlier_iterations is None
            else f"{row.earlier_iterations}, {row.iterations}"
        )
        lines.append(
            f"| {row.world} | {row.family} | {row.start} | {earlier} | {row.present:.1f} | {ratio} | {asked} | {steps} "
            f"| {over} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Print the table, or JSON; exit 1 where a ratio misses what is asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, metavar="CHECKOUT")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", metavar="FOLDER", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return
    rows = measure(arguments.against, arguments.runs)
    print(json.dumps([asdict(row) for row in rows]) if arguments.json else table(rows))
    missed = [
        row for row in rows if row.target is not None and row.ratio is not None and row.ratio < row.target
    ]
    pareto = {row.start: row.present for row in rows if (row.world, row.family) == ("icio", "pareto")}
    missed += [
        row
        for row in rows
        if row.world == "icio" and row.start != "first" and row.present > OVER_PARETO * pareto[row.start]
    ]
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
