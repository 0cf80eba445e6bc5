"""Random worlds, random shocks: none may fail: ``python -m benchmarks.random_worlds --count 100000 --seed 0``.

Worlds of 2 to 9 countries and 1 to 6 sectors with tariffs, subsidies, empty cells and input-output links, every lever
moved at random, under every family and closure. A case counts as *certified*; as *refused* where there is no equilibrium:
a fixed surplus or an outlay outgrows a country's income, or deficits are removed from a country that buys abroad and, by the
world's zeros, sells nothing there (checked here by powers of the matrix of who sells to whom); or as *failed*: anything
else, printed with what repeats it. Counts are kept in a file, so that a run stopped early goes on where it was (``--file``).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from firmtrade_core.equilibrium import Parameters, Shock, solve
from firmtrade_core.equilibrium.errors import EquilibriumError, InsolvencyError, OneWayTradeError
from firmtrade_core.margins import Armington, EatonKortum, Krugman, Lognormal, MarginFamily, Pareto
from firmtrade_core.world.world import World
from tests.equilibrium.test_identities import random_shock
from tests.worlds import make_world

FAMILIES: dict[str, Callable[[], MarginFamily]] = {
    "armington": Armington,
    "eaton_kortum": EatonKortum,
    "krugman": Krugman,
    "pareto 1.5": lambda: Pareto(1.5),
    "pareto 2": lambda: Pareto(2.0),
    "lognormal 2.4": lambda: Lognormal(2.4),
}
CLOSURES = ("fixed", "proportional", "removed")

#: Counts are written after so many cases.
_WRITE_EVERY = 500


@dataclass(frozen=True)
class Case:
    """One random world, shock and structure."""

    family: str
    seed: int
    countries: int
    sectors: int
    closure: str
    labour: float
    elasticity: float
    size: float
    within: float | None = None

    def world(self) -> World:
        """The world."""
        return make_world(self.countries, self.sectors, seed=self.seed)

    def shock(self, world: World) -> Shock:
        """Every lever at random."""
        return random_shock(world, self.seed, self.size)

    def parameters(self) -> Parameters:
        """The structure."""
        return Parameters(
            self.elasticity,
            FAMILIES[self.family](),
            deficits=self.closure,  # type: ignore[arg-type]
            labour_supply_elasticity=self.labour,
            within_elasticity=self.within,
        )

    def outcome(self) -> tuple[str, int, str]:
        """Certified, refused or failed; iterations; what was said."""
        world = self.world()
        try:
            found = solve(world, self.shock(world), self.parameters()).certificate
        except InsolvencyError as error:
            # The only closure under which a surplus can outgrow an income.
            return ("refused" if self.closure == "fixed" else "failed"), 0, str(error)
        except OneWayTradeError as error:
            proven = self.closure == "removed" and not returns(world)
            return ("refused" if proven else "failed"), 0, str(error)
        except EquilibriumError as error:
            return "failed", 0, f"{type(error).__name__}: {error}"
        return ("certified" if found.holds else "failed"), found.iterations, found.worst


def returns(world: World) -> bool:
    """Whether every sale abroad has a way back, directly or through other countries."""
    sells = (world.expenditure.sum(2) > 0).astype(float)
    reach = np.linalg.matrix_power(sells, len(sells)) > 0
    return bool((reach == reach.T).all())


def draw(seed: int, number: int) -> Case:
    """Case ``number`` of a run, the same whatever was run before it.

    Single sectors and few countries, where iterations are hardest, are drawn as often as all others together; values
    at the ends of the ranges, which searches by hand like to try, come with one chance in ten. Firms are nested within their
    country in three worlds of ten.
    """
    random = np.random.default_rng([seed, number])

    def between(low: float, high: float) -> float:
        ends = random.random() < 0.1
        return float(random.choice([low, high]) if ends else random.uniform(low, high))

    small = random.random() < 0.5
    elasticity = between(4.0, 12.0)
    within = 1 + elasticity * float(random.uniform(1, 4)) if random.random() < 0.3 else None
    return Case(
        family=str(random.choice(list(FAMILIES))),
        seed=int(random.integers(0, 10**6)),
        countries=int(random.integers(2, 5 if small else 10)),
        sectors=1 if small else int(random.integers(1, 7)),
        closure=str(random.choice(CLOSURES)),
        labour=between(0.0, 0.5),
        elasticity=elasticity,
        size=between(0.0, 0.4),
        within=within,
    )


@dataclass
class Tally:
    """Counts by family so far, and every failure."""

    seed: int
    done: int = 0
    seconds: float = 0.0
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    most_iterations: int = 0
    failures: list[dict[str, object]] = field(default_factory=list)

    def add(self, case: Case, outcome: str, iterations: int, words: str) -> None:
        """Count one case."""
        row = self.counts.setdefault(case.family, {"certified": 0, "refused": 0, "failed": 0})
        row[outcome] += 1
        self.done += 1
        self.most_iterations = max(self.most_iterations, iterations)
        if outcome == "failed":
            self.failures.append({**asdict(case), "words": words})
            print(f"failed: {case}: {words}", file=sys.stderr, flush=True)

    def write(self, path: Path) -> None:
        """Keep the counts; the file is never half written."""
        part = path.with_suffix(".part")
        part.write_text(json.dumps(asdict(self), indent=1))
        os.replace(part, path)

    def table(self) -> str:
        """Counts by family, as Markdown."""
        rows = ["| family | certified | refused (no equilibrium) | failed |", "|---|---|---|---|"]
        total = {"certified": 0, "refused": 0, "failed": 0}
        for family, row in sorted(self.counts.items()):
            rows.append(f"| {family} | {row['certified']} | {row['refused']} | {row['failed']} |")
            total = {key: total[key] + row[key] for key in total}
        rows.append(f"| **{self.done}** | {total['certified']} | {total['refused']} | {total['failed']} |")
        rate = 1e3 * self.seconds / max(self.done, 1)
        return "\n".join([*rows, f"{rate:.1f} ms a world; at most {self.most_iterations} iterations."])


def read(path: Path, seed: int) -> Tally:
    """The counts of an earlier run with the same seed, or none."""
    if path.exists():
        found = Tally(**json.loads(path.read_text()))
        if found.seed == seed:
            return found
    return Tally(seed)


def run(count: int, seed: int, path: Path | None) -> Tally:
    """Cases up to ``count``, going on from the file where there is one."""
    tally = Tally(seed) if path is None else read(path, seed)
    began = time.perf_counter()
    while tally.done < count:
        case = draw(seed, tally.done)
        tally.add(case, *case.outcome())
        if path is not None and (tally.done % _WRITE_EVERY == 0 or tally.done == count):
            tally.seconds += time.perf_counter() - began
            began = time.perf_counter()
            tally.write(path)
    if path is None:
        tally.seconds = time.perf_counter() - began
    return tally


def main() -> None:
    """Run, print counts by family; exit 1 where a world failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--file", type=Path, help="keeps the counts, so that a run can be resumed")
    arguments = parser.parse_args()
    tally = run(arguments.count, arguments.seed, arguments.file)
    print(tally.table())
    sys.exit(bool(tally.failures))


if __name__ == "__main__":
    main()
