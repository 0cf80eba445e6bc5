"""Cost of the home country's own firms in the engine: ``python -m benchmarks.firms_family [--json]``.

ICIO 2022, 81 economies x 28 sectors, 20,000 firms of Mexico in its goods sectors, the United States adds ten
points. Pareto, lognormal and firms are solved in turn, so that what else the machine does falls on all
alike; runs are counted from the shock as arrays to the certified result. The ratio is one of processor
seconds, which other work on the machine moves least. Without the real data, a synthetic world of the same size.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from dataclasses import asdict, dataclass

import numpy as np

from benchmarks import worlds
from firmtrade_core.equilibrium import Parameters, solve
from firmtrade_core.margins import Deviations, Firms, FirmSector, FirmShift, Lognormal, MarginFamily, Pareto

RUNS = 20
FIRMS = 20_000
TABULATION_TARGET, RATIO_TARGET = 2.0, 1.5


@dataclass(frozen=True)
class Row:
    """One measured quantity, its target and unit."""

    what: str
    best: float
    median: float
    unit: str
    target: float | None = None

    @property
    def met(self) -> bool:
        """Whether the median is within the target."""
        return self.target is None or self.median <= self.target


def home_sectors(codes: list[str]) -> dict[str, FirmSector]:
    """Firms spread evenly over sectors, with capability and fixed costs that differ from firm to firm."""
    random, count = np.random.default_rng(0), FIRMS // len(codes)
    deviations = Deviations(0.9, 1.1, 0.7, 0.3)
    return {
        code: FirmSector(random.normal(0, 1.2, count), deviations, random.normal(0, 0.4, count))
        for code in codes
    }


def measure() -> list[Row]:
    """All rows."""
    world = worlds.icio() if worlds.available("icio") else worlds.synthetic(81, 28)
    home, importer = ("MEX", "USA") if "MEX" in world.countries else world.countries[:2]
    assert world.goods is not None
    codes = [code for code, goods in zip(world.sectors, world.goods, strict=True) if goods]
    began = time.perf_counter()
    sectors = home_sectors(codes)
    error = max(sector.functions.table_error for sector in sectors.values())
    tabulation = time.perf_counter() - began
    families: dict[str, MarginFamily] = {
        "pareto": Pareto(),
        "firms": Firms(home, sectors),
        "lognormal": Lognormal(),
    }
    shock = worlds.added_tariff(world, importer, 0.10)
    seconds: dict[str, list[float]] = {name: [] for name in families}
    processor: dict[str, list[float]] = {name: [] for name in families}
    for _ in range(RUNS):
        for name, family in families.items():
            began, worked = time.perf_counter(), time.process_time()
            solve(world, shock, Parameters(4.0, family))
            seconds[name].append(time.perf_counter() - began)
            processor[name].append(time.process_time() - worked)
    ratios = [of(processor["firms"]) / of(processor["pareto"]) for of in (min, statistics.median)]
    rows = [Row("first tabulation", tabulation, tabulation, "s", TABULATION_TARGET)]
    rows += [
        Row(f"solve, {name}", min(times) * 1e3, statistics.median(times) * 1e3, "ms")
        for name, times in seconds.items()
    ]
    rows.append(Row("firms over Pareto", *ratios, "x", RATIO_TARGET))
    rows.append(Row("largest table error", error, error, "log points"))
    return [*rows, _programme(world, families["firms"], codes)]


def _programme(world: worlds.World, family: MarginFamily, codes: list[str]) -> Row:
    """A programme on a third of all firms: tables made anew and the world solved."""
    random, count = np.random.default_rng(1), FIRMS // len(codes)
    seconds = []
    for run in range(RUNS):
        moved = {code: 0.1 * (1 + run / 100) * (random.random(count) < 1 / 3) for code in codes}
        assert isinstance(family, Firms)
        began = time.perf_counter()
        shift = FirmShift({code: family.sectors[code].shifted(moved[code]) for code in codes})
        solve(world, worlds.Shock(firms=shift), Parameters(4.0, family))
        seconds.append(1e3 * (time.perf_counter() - began))
    return Row("programme: new tables and solve", min(seconds), statistics.median(seconds), "ms")


def main() -> None:
    """Print the table, or JSON; exit 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    rows = measure()
    if parser.parse_args().json:
        print(json.dumps([asdict(row) for row in rows]))
    else:
        print("| what | best | median | unit | target | met |\n|---|---|---|---|---|---|")
        for row in rows:
            target = "" if row.target is None else f"{row.target:g}"
            print(f"| {row.what} | {row.best:.3g} | {row.median:.3g} | {row.unit} | {target} | {row.met} |")
    sys.exit(not all(row.met for row in rows))


if __name__ == "__main__":
    main()
