"""Time and memory of the tariff elasticities: ``python -m benchmarks.gravity [--json]``.

All goods sectors of the trade tables (27) over 12 years, PPML with exporter-year, importer-year and pair effects
by sector, on two processes, nothing stored before. Where R and fixest are installed, one sector beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from firmtrade_core.paths import data_folder

PANEL = "icio/flows_2011_2022.parquet"

WORKERS, SECONDS, GIGABYTES = 2, 360.0, 6.0

#: Compared with R's fixest where there is one.
SECTOR = "C13T15"

R_SCRIPT = """
library(fixest)
setFixest_nthreads(2)
table <- read.csv(commandArgs(TRUE)[1])
started <- Sys.time()
found <- fepois(trade ~ log1p(tariff) | exporter^year + importer^year + exporter^importer, table,
                glm.tol = 1e-10, fixef.tol = 1e-10)
cat(coef(found), as.numeric(Sys.time() - started, units = "secs"))
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


def beside_fixest(panel: Path) -> dict[str, float] | None:
    """One sector by pyfixest and by R's fixest: coefficients and seconds; None where R or fixest is missing."""
    if shutil.which("Rscript") is None:
        return None
    probe = subprocess.run(["Rscript", "-e", "library(fixest)"], capture_output=True, check=False)
    if probe.returncode:
        return None
    from firmtrade_core.gravity.estimate import estimate
    from firmtrade_core.gravity.panel import load_world_panel
    from firmtrade_core.gravity.sector_runs import TARIFF, TARIFF_EQUATION, TOLERANCE

    data = load_world_panel(panel, [SECTOR])
    started = time.perf_counter()
    ours = estimate(data, TARIFF_EQUATION, tolerance=TOLERANCE).coefficients[TARIFF]
    seconds = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder:
        table, script = Path(folder) / "panel.csv", Path(folder) / "fixest.R"
        data.table.to_csv(table, index=False)
        script.write_text(R_SCRIPT)
        done = subprocess.run(
            ["Rscript", str(script), str(table)], capture_output=True, text=True, check=True
        )
    theirs, their_seconds = map(float, done.stdout.split())
    return {"pyfixest": ours, "pyfixest_seconds": seconds, "fixest": theirs, "fixest_seconds": their_seconds}


def main() -> int:
    """Print what was measured; 1 if a target is missed or data are missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    panel = data_folder() / PANEL
    if not panel.is_file():
        print(f"{panel} is missing (FIRMTRADE_DATA).", file=sys.stderr)
        return 1
    measured, fixest = measure(panel), beside_fixest(panel)
    if as_json:
        print(json.dumps(asdict(measured) | {"meets_target": measured.meets_target, "fixest": fixest}))
        return int(not measured.meets_target)
    print(f"{measured.sectors} sectors x 12 years, {WORKERS} processes (load before: {measured.load:.1f})")
    print(f"  clock       {measured.seconds:7.0f} s    target {SECONDS:.0f}")
    print(f"  processors  {measured.processor_seconds:7.0f} s")
    print(f"  memory      {measured.gigabytes:7.1f} GB   target {GIGABYTES:.0f}")
    if fixest is None:
        print("R's fixest is not installed: not compared.")
    else:
        print(f"{SECTOR}: pyfixest {fixest['pyfixest']:.8f} in {fixest['pyfixest_seconds']:.1f} s, ", end="")
        print(f"R's fixest {fixest['fixest']:.8f} in {fixest['fixest_seconds']:.1f} s")
    return int(not measured.meets_target)


if __name__ == "__main__":
    raise SystemExit(main())
