"""Draws solved together against a loop over `solve`, in turn, in one run: ``python -m benchmarks.ensembles --against CHECKOUT``.

The same draws of elasticities and markups, drawn as bands draw them, around ten points on all goods by the United States. *Together*: this
checkout's `solve_many`, certified draw by draw. *Loop*: the other checkout's `solve`, one draw after the other, from the solution in the
middle (a warm start). Each side works in a process of its own that waits while the other works. Wall seconds on the cores there
are, processor seconds beside them; the loop takes the first ``--loop`` draws and is scaled to all, since every draw costs it about
the same. An engine that knows no nests is met without them. An earlier checkout is made by ``git worktree add CHECKOUT COMMIT``.
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
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

DRAWS, RUNS, LOOP = 200, 3, 12

#: World and families.
CASES: dict[str, tuple[str, ...]] = {
    "icio": ("lognormal", "pareto", "krugman", "armington"),
    "embedded": ("lognormal", "pareto", "krugman", "armington"),
}

#: Times faster than the loop, on ICIO; seconds for all draws on the embedded world with firms that differ.
TARGET_RATIO, TARGET_SECONDS = 6.0, 0.6


def serve(folder: str) -> None:
    """Answer requests (world, family, how, draws), one JSON line each, with wall and processor seconds."""
    from firmtrade_core.equilibrium import Parameters, Shock, solve
    from firmtrade_core.margins import Armington, Krugman, Lognormal, Pareto
    from firmtrade_core.world.world import World

    laws = {"armington": Armington, "krugman": Krugman, "pareto": Pareto, "lognormal": Lognormal}
    worlds: dict[str, Any] = {}
    near: dict[tuple[str, str, bool], Any] = {}
    for line in sys.stdin:
        name, family, how, count, nested = json.loads(line)
        if how == "can nest":
            print(
                json.dumps(any(field.name == "within_elasticity" for field in fields(Parameters))), flush=True
            )
            continue
        if name not in worlds:
            with np.load(Path(folder) / f"{name}.npz", allow_pickle=False) as held:
                arrays = {key: held[key] for key in held.files}
            labels = (tuple(map(str, arrays.pop("countries"))), tuple(map(str, arrays.pop("sectors"))))
            shock = Shock(tariff=arrays.pop("shock"))
            drawn = arrays.pop("elasticity"), arrays.pop("within")
            worlds[name] = World(*labels, **arrays), shock, *drawn
        world, shock, elasticity, within = worlds[name]
        base = Parameters(elasticity[0], laws[family](), deficits="proportional")
        draws = [base.with_(trade_elasticity=e) for e in elasticity[: count + 1]]
        if nested:
            draws = [
                draw.with_(within_elasticity=g) for draw, g in zip(draws, within[: count + 1], strict=True)
            ]
        base, draws = draws[0], draws[1:]
        if (name, family, nested) not in near:
            near[name, family, nested] = solve(world, shock, base)
        centre = near[name, family, nested]
        began, work = time.perf_counter(), time.process_time()
        if how == "together":
            from firmtrade_core.equilibrium.ensembles import solve_many

            found = solve_many(world, shock, draws, _read, centre=centre)
            assert not found.failed, found.failed
            values = np.array(found.values)
            residual, iterations = float(found.residual.max()), float(found.iterations.mean())
        else:
            results = [solve(world, shock, draw, start=centre) for draw in draws]
            values = np.array([_read(result) for result in results])
            residual = max(result.certificate.largest for result in results)
            iterations = statistics.mean(result.certificate.iterations for result in results)
        seconds = time.perf_counter() - began, time.process_time() - work
        print(json.dumps([*seconds, residual, iterations, values[:LOOP].tolist()]), flush=True)


def _read(equilibrium: Any) -> Any:
    return equilibrium.real_income_change


class Side:
    """One checkout at work in a process of its own."""

    def __init__(self, checkout: Path, folder: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(checkout)}
        command = [sys.executable, str(Path(__file__).resolve()), "--serve", folder]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=checkout
        )

    def answer(self, *request: object) -> Any:
        """To one request."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def ask(self, *request: object) -> tuple[float, float, float, float, list[list[float]]]:
        """Wall and processor seconds, largest residual, mean iterations, real incomes of the first draws."""
        wall, work, residual, iterations, values = self.answer(*request)
        assert residual <= 1e-9
        return wall, work, residual, iterations, values

    def stop(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def write_worlds(folder: str, draws: int) -> list[str]:
    """The worlds whose data is there, with the draws, as plain arrays that any checkout reads; the middle comes first."""
    from benchmarks import worlds
    from firmtrade_core.analysis.assumed import around_structure
    from firmtrade_core.equilibrium import Parameters
    from firmtrade_core.margins import Lognormal
    from firmtrade_core.world.elasticities import markup_set
    from firmtrade_core.world.embedded import load_embedded_world

    written = []
    for name in CASES:
        if name == "icio" and not worlds.available("icio"):
            print("skipped: icio needs icio in FIRMTRADE_DATA", file=sys.stderr)
            continue
        world = worlds.icio() if name == "icio" else load_embedded_world()
        markups = markup_set("LL")
        elasticity = np.full(len(world.sectors), 4.0)
        within = markups.suited(world, elasticity).used
        base = Parameters(elasticity, Lognormal(), deficits="proportional", within_elasticity=within)
        shock = worlds.added_tariff(world, "USA", 0.10)
        assumed = around_structure(world, base, shock, markups=markups, services=0.2)
        sample = [draw.parameters for draw in assumed.sample(draws, 0).draws]
        arrays = {"expenditure": world.expenditure, "tariff": world.tariff, "subsidy": world.subsidy}
        if world.inputs is not None:
            arrays["inputs"] = world.inputs
        assert shock.tariff is not None
        np.savez(
            Path(folder) / f"{name}.npz",
            countries=np.array(world.countries),
            sectors=np.array(world.sectors),
            shock=shock.tariff,
            elasticity=np.array([elasticity, *(p.elasticities_for(world) for p in sample)]),
            within=np.array([within, *(p.within_for(world) for p in sample)]),
            **arrays,
        )
        written.append(name)
    return written


def main() -> None:
    """Print the table; exit 1 where what is asked is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, metavar="CHECKOUT")
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--loop", type=int, default=LOOP)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--serve", metavar="FOLDER", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
        return
    missed = False
    with tempfile.TemporaryDirectory() as folder:
        names = write_worlds(folder, given.draws)
        present = Side(Path(__file__).resolve().parents[1], folder)
        earlier = None if given.against is None else Side(given.against.resolve(), folder)
        print(
            f"{given.draws} draws | loop, s | loop, processor s | together, s | processor s | ratio | asked | iterations, loop and "
            "together | apart by at most"
        )
        # An earlier engine without nests is met without them, where there are no links: profits would take value added.
        nests = earlier is None or bool(earlier.answer("", "", "can nest", 0, False))
        for name in names:
            nested = nests or name == "embedded"
            for family in CASES[name]:
                side = earlier if nested == nests else None
                present.ask(name, family, "together", given.draws, nested)  # compiled code, calibration
                if side is not None:
                    side.ask(name, family, "loop", 2, nested)
                ours, theirs = [], []
                for _ in range(given.runs):
                    if side is not None:
                        theirs.append(side.ask(name, family, "loop", given.loop, nested))
                    ours.append(present.ask(name, family, "together", given.draws, nested))
                mine = [statistics.median(run[at] for run in ours) for at in (0, 1)]
                line = f"{name} {family}{'' if nested else ', no nest'} |"
                asked = ""
                if theirs:
                    scale = given.draws / given.loop
                    loop = [scale * statistics.median(run[at] for run in theirs) for at in (0, 1)]
                    ratio = loop[0] / mine[0]
                    rows = min(given.loop, LOOP)
                    apart = np.abs(np.array(ours[0][4])[:rows] - np.array(theirs[0][4])[:rows]).max()
                    if name == "icio":
                        asked = f"{TARGET_RATIO:g} times"
                        missed |= ratio < TARGET_RATIO
                    line += f" {loop[0]:.1f} | {loop[1]:.1f} | {mine[0]:.2f} | {mine[1]:.2f} | {ratio:.1f}"
                else:
                    apart = float("nan")
                    line += f" | | {mine[0]:.2f} | {mine[1]:.2f} |"
                if (name, family) == ("embedded", "lognormal"):
                    asked = f"{TARGET_SECONDS:g} s"
                    missed |= mine[0] > TARGET_SECONDS
                counts = (f"{theirs[0][3]:.1f}, " if theirs else "") + f"{ours[0][3]:.1f}"
                print(f"{line} | {asked} | {counts} | {apart:.0e}", flush=True)
        for side in (present, earlier):
            if side is not None:
                side.stop()
    sys.exit(missed)


if __name__ == "__main__":
    main()
