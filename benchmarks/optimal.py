"""Best policies against a loop over ``solve``: ``python -m benchmarks.optimal [--against CHECKOUT] [--json]``.

The loop is what one writes around an earlier checkout's ``solve``: a quasi-Newton method (L-BFGS-B) on finite differences, each solve started from
the last; for Nash, every country's best rate in turn by a bounded line search, until none moves by 1e-4. The other side is `best_response` and
`nash` of this checkout, without and with the random tries of the certificate. Each runs in a process of its own while the other waits; times are
processor seconds, compiled code and baseline accounts warm. Both sides' gains are shown: equal to the digits that the loop can reach.
An earlier checkout is made by ``git worktree add CHECKOUT COMMIT``.
"""

from __future__ import annotations

import argparse
import json
import os
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

#: Case: world, what is asked of the ratio, of the seconds.
CASES: dict[str, tuple[str, float | None, float | None]] = {
    "sectors of one country": ("wiod", 20.0, None),
    "Nash of all countries": ("wiod", 10.0, None),
    "sectors of one country, 81 x 28": ("icio", None, 1.0),
}
ELASTICITY = 4.0


@dataclass(frozen=True)
class Row:
    """One case on both sides: processor seconds, equilibria, and the gain (of the country, or the sum over players), %."""

    case: str
    size: str
    loop: float | None
    loop_solves: int | None
    loop_gain: float | None
    bare: float
    certified: float
    solves: int
    gain: float
    holds: bool
    asked_ratio: float | None
    asked_seconds: float | None

    @property
    def ratio(self) -> float | None:
        """How many times faster, without the certificate's random tries, which the loop has not."""
        return None if self.loop is None else self.loop / self.bare


# Sides: run by path with PYTHONPATH at either checkout -------------------------------------------------


def _setting(folder: str, world: str) -> tuple[Any, Any, str]:
    from firmtrade_core.equilibrium import Parameters, Shock, solve
    from firmtrade_core.margins import Armington
    from firmtrade_core.world.world import World

    with np.load(Path(folder) / f"{world}.npz", allow_pickle=False) as held:
        arrays = {key: held[key] for key in held.files}
    labels = (tuple(map(str, arrays.pop("countries"))), tuple(map(str, arrays.pop("sectors"))))
    read = World(*labels, **arrays)
    parameters = Parameters(ELASTICITY, Armington(), deficits="proportional")
    solve(read, Shock(), parameters)
    return read, parameters, "USA" if "USA" in read.countries else read.countries[0]


def loop(folder: str, case: str) -> dict[str, Any]:
    """The case by a loop over ``solve``."""
    from scipy.optimize import minimize, minimize_scalar

    from firmtrade_core.equilibrium import Shock, solve

    world, parameters, home = _setting(folder, CASES[case][0])
    solves, near = 0, solve(world, Shock(), parameters)

    def at(tariff: Any) -> Any:
        nonlocal solves, near
        near = solve(world, Shock(tariff=tariff), parameters, start=near)
        solves += 1
        return near

    began = time.process_time()
    if not case.startswith("Nash"):
        j = world.countries.index(home)
        abroad = np.arange(len(world.countries)) != j

        def worse(rates: Any) -> float:
            tariff = np.array(world.tariff)
            tariff[abroad, j] += rates
            return -float(np.log(at(tariff).real_income_change[j]))

        found = minimize(
            worse,
            np.full(len(world.sectors), 0.1),
            method="L-BFGS-B",
            bounds=[(-0.25, 2.0)] * len(world.sectors),
            options={"eps": 1e-5, "ftol": 1e-12, "gtol": 1e-7, "maxfun": 10_000},
        )
        return {
            "seconds": time.process_time() - began,
            "solves": solves,
            "gain": 100 * float(np.expm1(-found.fun)),
        }
    count = len(world.countries)
    rates = np.zeros(count)

    def tariffs(given: Any) -> Any:
        tariff = world.tariff + given[None, :, None]
        tariff[np.arange(count), np.arange(count)] = world.tariff[np.arange(count), np.arange(count)]
        return tariff

    for _ in range(20):
        before = rates.copy()
        for j in range(count):

            def worse_of(rate: float, j: int = j) -> float:
                tried = rates.copy()
                tried[j] = rate
                return -float(np.log(at(tariffs(tried)).real_income_change[j]))

            rates[j] = minimize_scalar(
                worse_of, bounds=(-0.25, 2.0), method="bounded", options={"xatol": 1e-5}
            ).x
        if np.abs(rates - before).max() <= 1e-4:
            break
    end = at(tariffs(rates)).real_income_change
    return {"seconds": time.process_time() - began, "solves": solves, "gain": 100 * float((end - 1).sum())}


def present(folder: str, case: str) -> dict[str, Any]:
    """The case by `best_response` or `nash`, without and with random tries."""
    from firmtrade_core.analysis.optimal import best_response, nash

    world, parameters, home = _setting(folder, CASES[case][0])
    taken = []
    for tries in (0, 4):
        began = time.process_time()
        if case.startswith("Nash"):
            war = nash(world, parameters, world.countries, sectors=list(world.sectors), tries=tries)
            gain, solves, holds = float(sum(war.gains.values())), war.solves, war.holds
        else:
            best = best_response(
                world,
                parameters,
                home,
                instrument="sector",
                sectors=list(world.sectors),
                tries=tries,
                starts=0,
            )
            gain, solves, holds = best.gain, best.solves, best.holds
        taken.append(time.process_time() - began)
    return {"bare": taken[0], "certified": taken[1], "solves": solves, "gain": gain, "holds": holds}


def _ask(checkout: Path, side: str, folder: str, case: str) -> dict[str, Any]:
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, str(Path(__file__).resolve()), "--side", side, folder, case]
    done = subprocess.run(command, env=environment, cwd=checkout, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def measure(against: Path | None) -> list[Row]:
    """All rows whose data is there."""
    from benchmarks import worlds

    builders = {"icio": (worlds.icio, "icio"), "wiod": (worlds.wiod, "wiod-2014-io")}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for case, (name, asked, seconds) in CASES.items():
            build, needs = builders[name]
            if not worlds.available(needs):
                print(f"skipped: {name} needs {needs} in FIRMTRADE_DATA", file=sys.stderr)
                continue
            world: World = build()
            arrays = {"expenditure": world.expenditure, "tariff": world.tariff, "subsidy": world.subsidy}
            if world.inputs is not None:
                arrays["inputs"] = world.inputs
            np.savez(
                Path(folder) / f"{name}.npz",
                countries=np.array(world.countries),
                sectors=np.array(world.sectors),
                **arrays,
            )
            earlier = None if against is None else _ask(against.resolve(), "loop", folder, case)
            now = _ask(Path(__file__).resolve().parents[1], "present", folder, case)
            size = " x ".join(map(str, world.shape))
            old = (
                (None, None, None)
                if earlier is None
                else (earlier["seconds"], earlier["solves"], earlier["gain"])
            )
            rows.append(
                Row(
                    case,
                    size,
                    *old,
                    now["bare"],
                    now["certified"],
                    now["solves"],
                    now["gain"],
                    now["holds"],
                    asked,
                    seconds,
                )
            )
    return rows


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = [
        "| case | world | loop, s | its solves | now, s | with certificate's tries, s | solves | ratio | asked | gain by the loop, % | gain, % |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        asked = f"{row.asked_ratio:g} times" if row.asked_ratio else f"under {row.asked_seconds:g} s"
        old = ("", "", "", "")
        if row.loop is not None and row.loop_gain is not None:
            old = (f"{row.loop:.1f}", f"{row.loop_solves}", f"{row.ratio:.0f}", f"{row.loop_gain:.5f}")
        lines.append(
            f"| {row.case} | {row.size} | {old[0]} | {old[1]} | {row.bare:.2f} | {row.certified:.2f} | {row.solves} | {old[2]} "
            f"| {asked} | {old[3]} | {row.gain:.5f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Print the table, or JSON; exit 1 where a figure misses what is asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, metavar="CHECKOUT")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        side, folder, case = arguments.side
        print(json.dumps(loop(folder, case) if side == "loop" else present(folder, case)))
        return
    rows = measure(arguments.against)
    print(json.dumps([asdict(row) for row in rows]) if arguments.json else table(rows))
    missed = [
        row
        for row in rows
        if not row.holds
        or (row.asked_ratio and row.ratio is not None and row.ratio < row.asked_ratio)
        or (row.asked_seconds and row.bare > row.asked_seconds)
    ]
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
