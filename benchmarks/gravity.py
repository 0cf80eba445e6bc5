"""Time and memory of the tariff elasticities: ``python -m benchmarks.gravity [--against CHECKOUT] [--json]``.

All goods sectors of the trade tables (27) over 12 years, PPML with exporter-year, importer-year and pair effects
by sector, on two processes, nothing stored before. With ``--against`` the same equation, without borders by year, in turn
by this build, by an earlier checkout, and by pyfixest called plainly, each in a process of its own: processor seconds, ratios
and the largest distance of the coefficients. ``--sectors`` names fewer.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from firmtrade_core.paths import data_folder

PANEL = "icio/flows_2011_2022.parquet"

WORKERS, SECONDS, GIGABYTES = 2, 360.0, 6.0

#: What each side runs: coefficients by sector and processor seconds, on one process.
EARLIER_OR_THIS = """
import json, sys, tempfile, time
from pathlib import Path
from firmtrade_core.gravity.sector_runs import TARIFF_EQUATION, estimate_sectors
panel, sectors = Path(sys.argv[1]), json.loads(sys.argv[2])
import pyfixest
started = time.process_time()
with tempfile.TemporaryDirectory() as folder:
    table = estimate_sectors(
        panel, Path(folder), specification=TARIFF_EQUATION.with_(borders_by_year=False), sectors=sectors, workers=1
    )
print(json.dumps([time.process_time() - started, dict(zip(table["sector"], table["estimate"]))]))
"""

PLAIN = """
import json, sys, time, warnings
import numpy as np, pandas as pd, pyfixest
warnings.simplefilter("ignore")
panel, sectors = sys.argv[1], json.loads(sys.argv[2])
started, found = time.process_time(), {}
for sector in sectors:
    table = pd.read_parquet(panel, filters=[("sector", "==", sector)])
    table["x"] = np.log1p(table["tariff"])
    try:
        fit = pyfixest.fepois(
            "expenditure_musd ~ x | exporter^year + importer^year + exporter^importer",
            table, vcov={"CRV1": "exporter+importer"}, separation_check=["fe", "ir"],
        )
        found[sector] = float(fit.coef().iloc[0])
    except Exception as error:
        # Counted as no answer, said, and in the time all the same.
        print(f"{sector}: {type(error).__name__}: {str(error)[:200]}", file=sys.stderr)
print(json.dumps([time.process_time() - started, found]))
"""


@dataclass(frozen=True)
class Measured:
    """What the run took: seconds of the clock and of the processors, gigabytes at most of all processes together."""

    sectors: int
    seconds: float
    processor_seconds: float
    gigabytes: float
    load: float

    @property
    def meets_target(self) -> bool:
        """Whether clock and memory stay within the targets."""
        return self.seconds <= SECONDS and self.gigabytes <= GIGABYTES


def measure(panel: Path) -> Measured:
    """Run everything afresh in a folder that is thrown away."""
    from firmtrade_core.gravity.sector_runs import estimate_sectors

    load, started = os.getloadavg()[0], time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        table = estimate_sectors(
            panel,
            Path(folder),
            workers=WORKERS,
            progress=lambda s, d, n: print(f"{d}/{n} {s}", file=sys.stderr),
        )
    seconds = time.perf_counter() - started
    here, children = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return Measured(
        sectors=table["sector"].nunique(),
        seconds=seconds,
        processor_seconds=sum(u.ru_utime + u.ru_stime for u in (here, children)),
        gigabytes=(here.ru_maxrss + WORKERS * children.ru_maxrss) / 2**20,
        load=load,
    )


def side_by_side(
    panel: Path, checkout: Path, sectors: list[str]
) -> dict[str, tuple[float, dict[str, float]]]:
    """Processor seconds and coefficients of each side, run one after the other."""
    here = Path(__file__).resolve().parents[1]
    found = {}
    for name, script, root in (
        ("this build", EARLIER_OR_THIS, here),
        ("checkout", EARLIER_OR_THIS, checkout),
        ("pyfixest", PLAIN, here),
    ):
        done = subprocess.run(
            [sys.executable, "-c", script, str(panel.resolve()), json.dumps(sectors)],
            cwd=root,
            env=os.environ
            | {"PYTHONPATH": str(root)}
            | {f"{kind}_NUM_THREADS": "1" for kind in ("OMP", "OPENBLAS", "RAYON", "NUMBA")},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        seconds, coefficients = json.loads(done.stdout.splitlines()[-1])
        found[name] = (seconds, coefficients)
        print(f"  {name}: {seconds:.1f} s", file=sys.stderr)
    return found


def _print_sides(sides: dict[str, tuple[float, dict[str, float]]]) -> None:
    seconds, ours = sides["this build"]
    for name, (theirs, coefficients) in sides.items():
        distance = max(abs(ours[s] / c - 1) for s, c in coefficients.items())
        print(
            f"{name:>12}: {theirs:7.1f} processor seconds, {theirs / seconds:5.1f} times this build's; coefficients of "
            f"{len(coefficients)} of {len(ours)} sectors differ by at most {distance:.0e}"
        )


def main() -> int:
    """Print what was measured; 1 if a target is missed or data are missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--against", type=Path, metavar="CHECKOUT", help="an earlier checkout of this project"
    )
    parser.add_argument("--sectors", nargs="*", help="all goods unless given")
    chosen = parser.parse_args()
    as_json = chosen.json
    panel = data_folder() / PANEL
    if not panel.is_file():
        print(f"{panel} is missing (FIRMTRADE_DATA).", file=sys.stderr)
        return 1
    if chosen.against is not None:
        from firmtrade_core.codes.sectors import is_goods
        from firmtrade_core.gravity.panel import sectors_of_world_panel

        sectors = chosen.sectors or [*filter(is_goods, sectors_of_world_panel(panel))]
        sides = side_by_side(panel, chosen.against, sectors)
        if as_json:
            print(json.dumps(sides))
        else:
            _print_sides(sides)
        return 0
    measured = measure(panel)
    if as_json:
        print(json.dumps(asdict(measured) | {"meets_target": measured.meets_target}))
        return int(not measured.meets_target)
    print(f"{measured.sectors} sectors x 12 years, {WORKERS} processes (load before: {measured.load:.1f})")
    print(f"  clock       {measured.seconds:7.0f} s    target {SECONDS:.0f}")
    print(f"  processors  {measured.processor_seconds:7.0f} s")
    print(f"  memory      {measured.gigabytes:7.1f} GB   target {GIGABYTES:.0f}")
    return int(not measured.meets_target)


if __name__ == "__main__":
    raise SystemExit(main())
