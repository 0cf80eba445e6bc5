"""Speed and memory of harmonising: ``python -m benchmarks.harmonise [--json] [--lines N] [--against CHECKOUT] [case ...]``.

With ``--against`` the cases also run in another checkout of the project (such as ``git worktree add ../before COMMIT``), in turn
with this one, on the same file and by the same measuring, ``--times`` times; the ratios of time are printed.

Each case runs in a process of its own, so that peak memory is its own; the customs file is generated in another. The file, the
names and the firm table are generated from a seed (``python -m benchmarks.harmonise --generate FILE`` writes only the customs file).
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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from firmtrade_core.codes.products import ProductCodes
from firmtrade_core.paths import data_folder

#: In the environment: the customs file that was made before.
_FILE = "FIRMTRADE_BENCHMARK_FILE"

LINES = 10_000_000
NAMES = 50_000
FIRMS, COLUMNS, DRAWS = 20_000, 20, 5

#: Seconds allowed, and megabytes where a limit was set.
TARGETS = {"customs": (120.0, 4096.0), "linkage": (120.0, None), "imputation": (90.0, None)}


@dataclass(frozen=True)
class Timing:
    """What one case took, without making its input; ``cpu_seconds`` over all threads tell a busy machine from slow work."""

    case: str
    seconds: float
    cpu_seconds: float
    target: float
    peak_memory_mb: float
    memory_target_mb: float | None
    detail: str

    @property
    def meets_target(self) -> bool:
        """Whether time and peak memory stay within the targets."""
        return self.seconds <= self.target and self.peak_memory_mb <= (self.memory_target_mb or np.inf)


def generate_customs(path: Path, lines: int, seed: int = 1) -> None:
    """A messy customs file: lost zeros, decimal commas, negative and zero values, retired codes, tons and kilograms."""
    from firmtrade_core.harmonise.database import passing_database

    with passing_database() as connection:
        connection.execute("SET threads = 2")
        connection.execute("SET memory_limit = '1500MB'")
        connection.execute("SET preserve_insertion_order = false")
        connection.execute(
            f"""
            COPY (
                SELECT i AS declaracion,
                    printf('%08d-%d', (f * f) // 20000, f % 9) AS rut,
                    strftime(DATE '2017-01-01' + (r1 % 2556)::INTEGER, '%d/%m/%Y') AS fecha,
                    if(r2 % 3 = 0, 'IMP', 'EXP') AS flujo,
                    ['Alemania', 'CHN', 'EE.UU.', 'Brasil', '276', 'ROM', 'Japan', 'Perú', 'MEX', 'Wakanda'][
                        least(10, 1 + (r2 % 91) // 10)] AS pais,
                    ltrim(codes[1 + (r3 % len(codes))], '0') AS partida,
                    replace(CASE r1 % 200 WHEN 0 THEN '-12.5' WHEN 1 THEN '0'
                        ELSE printf('%.2f', exp(4 + (r3 % 997) / 150.0)) END, '.', ',') AS valor_fob,
                    if(r1 % 7 = 0, 'EUR', 'US$') AS moneda,
                    printf('%d', r2 % 5000) AS cantidad,
                    if(r3 % 5 = 0, 'TON', 'KGM') AS unidad,
                    printf('%d', r3 % 9000) AS peso
                FROM (SELECT i, (hash(i + {seed}) % 1000003)::BIGINT AS r1, (hash(i * 7 + {seed}) % 1000003)::BIGINT AS r2,
                    (hash(i * 13 + {seed}) % 1000003)::BIGINT AS r3, (hash(i * 29 + {seed}) % 20000)::BIGINT AS f,
                    {_codes()} AS codes FROM range({lines}) t(i))
            ) TO '{path}' (FORMAT csv, DELIMITER ';', HEADER)
            """
        )


def _codes() -> str:
    """Product codes as an SQL list: of HS 2017 where concordances are at hand, else invented."""
    folder = data_folder() / "hs-concordance"
    if folder.is_dir():
        codes = sorted(ProductCodes.from_folder(folder).known("HS5"))[::3]
    else:
        codes = [
            f"{chapter:02d}{n:02d}{m:02d}"
            for chapter in range(1, 77)
            for n in (1, 2, 3)
            for m in (10, 20, 90)
        ]
    return str(codes)


class _Clock:
    """Seconds since it was made, by the clock and of processor over all threads."""

    def __init__(self) -> None:
        self._begin = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        return time.perf_counter() - self._begin[0], time.process_time() - self._begin[1]


def customs(folder: Path, lines: int) -> tuple[tuple[float, float], str]:
    """From a file of customs lines to an annual panel of firms, destinations and products."""
    from firmtrade_core.harmonise.annual import AnnualPlan, add_up
    from firmtrade_core.harmonise.declarations import Options, read_declarations

    path = Path(os.environ.get(_FILE, folder / "customs.csv"))
    if not path.exists():
        generate_customs(path, lines)
    size = path.stat().st_size / 1e6
    clock = _Clock()
    concordances = data_folder() / "hs-concordance"
    products = ProductCodes.from_folder(concordances) if concordances.is_dir() else None
    found = read_declarations([path], folder / "work", Options(b"salt of sixteen bytes"), products=products)
    found.save(folder / "out")
    found.connection.close()
    read, _ = clock.read()
    plan = AnnualPlan() if products else AnnualPlan(edition=None)
    trade = add_up([folder / "out" / "lines.parquet"], folder / "trade.parquet", plan, products=products)
    return (
        clock.read(),
        f"{size:,.0f} MB, {trade.lines:,} clean lines to {trade.cells:,} cells; reading {read:.0f} s",
    )


def linkage(folder: Path, lines: int) -> tuple[tuple[float, float], str]:
    """Names and addresses of two offices, linked."""
    from firmtrade_core.harmonise.example import two_offices
    from firmtrade_core.harmonise.linkage import link

    register, records, truth = two_offices(NAMES)
    clock = _Clock()
    linked = link(register, records)
    links = linked.links()
    seconds = clock.read()
    right = len(links.merge(truth, on=["left", "right"]))
    return (
        seconds,
        f"{NAMES:,} x {NAMES:,}; precision {right / len(links):.3f}, recall {right / len(truth):.3f}",
    )


def imputation(folder: Path, lines: int) -> tuple[tuple[float, float], str]:
    """A firm table with a tenth of its cells missing, completed several times."""
    import pandas as pd

    from firmtrade_core.harmonise.gaps import impute

    random = np.random.default_rng(1)
    values = random.normal(size=(FIRMS, COLUMNS)) @ random.normal(size=(COLUMNS, COLUMNS))
    table = pd.DataFrame(np.where(random.random(values.shape) < 0.1, np.nan, values)).add_prefix("column_")
    clock = _Clock()
    done = impute(table, draws=DRAWS)
    seconds = clock.read()
    return (
        seconds,
        f"{FIRMS:,} x {COLUMNS} x {done.draws} draws; largest KS {done.comparison()['ks'].max():.3f}",
    )


CASES = {"customs": customs, "linkage": linkage, "imputation": imputation}


def run_case(case: str, lines: int) -> Timing:
    """One case in this process."""
    with tempfile.TemporaryDirectory() as folder:
        (seconds, cpu_seconds), detail = CASES[case](Path(folder), lines)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Timing(
        case,
        round(seconds, 1),
        round(cpu_seconds, 1),
        TARGETS[case][0],
        round(peak),
        TARGETS[case][1],
        detail,
    )


def main() -> int:
    """Run the cases, print a table; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description="Speed and memory of harmonising.")
    parser.add_argument("cases", nargs="*", default=list(CASES))
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--generate", type=Path, help="Only write the customs file.")
    parser.add_argument("--against", type=Path, help="Another checkout, to be run in turn with this one.")
    parser.add_argument("--times", type=int, default=1, help="Rounds of both checkouts, in turn.")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.generate:
        generate_customs(arguments.generate, arguments.lines)
        return 0
    if arguments.here:
        print(json.dumps(asdict(run_case(arguments.cases[0], arguments.lines))))
        return 0
    if arguments.against:
        return _side_by_side(arguments.cases, arguments.lines, arguments.against.resolve(), arguments.times)
    timings = [measured(case, arguments.lines) for case in arguments.cases]
    if arguments.json:
        print(json.dumps([asdict(t) | {"meets_target": t.meets_target} for t in timings]))
    else:
        print(f"{'case':12} {'seconds':>8} {'cpu':>7} {'target':>7} {'peak MB':>8} {'limit':>6}  detail")
        for t in timings:
            limit = f"{t.memory_target_mb:.0f}" if t.memory_target_mb else "-"
            print(
                f"{t.case:12} {t.seconds:8.1f} {t.cpu_seconds:7.1f} {t.target:7.0f} {t.peak_memory_mb:8.0f} {limit:>6}  {t.detail}"
            )
    return 0 if all(t.meets_target for t in timings) else 1


def _side_by_side(cases: list[str], lines: int, other: Path, times: int) -> int:
    """Each case in the other checkout and here, with what the other took over what this one takes."""
    print(
        f"{'case':12} {'before s':>9} {'now s':>8} {'ratio':>6} {'before cpu':>11} {'now cpu':>8} {'ratio':>6} {'before MB':>10} {'now MB':>8}"
    )
    for case in cases:
        with _input(case, lines) as file:
            for _ in range(times):
                before, now = _apart(case, lines, file, other), _apart(case, lines, file)
                print(
                    f"{case:12} {before.seconds:9.1f} {now.seconds:8.1f} {before.seconds / now.seconds:6.2f} "
                    f"{before.cpu_seconds:11.1f} {now.cpu_seconds:8.1f} {before.cpu_seconds / now.cpu_seconds:6.2f} "
                    f"{before.peak_memory_mb:10.0f} {now.peak_memory_mb:8.0f}  {now.detail}",
                    flush=True,
                )
    return 0


def measured(case: str, lines: int) -> Timing:
    """One case, its input made in another process."""
    with _input(case, lines) as file:
        return _apart(case, lines, file)


@contextmanager
def _input(case: str, lines: int) -> Iterator[Path | None]:
    """The customs file, made in a process of its own."""
    if case != "customs":
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "customs.csv"
        command = [
            sys.executable,
            "-m",
            "benchmarks.harmonise",
            "--generate",
            str(file),
            "--lines",
            str(lines),
        ]
        subprocess.run(command, check=True)
        yield file


def _apart(case: str, lines: int, file: Path | None, checkout: Path | None = None) -> Timing:
    """One case in a process of its own: this file's measuring, with the library of the checkout."""
    root = checkout or Path(__file__).resolve().parents[1]
    # -P: modules are those of the checkout, not what lies beside this file.
    command = [sys.executable, "-P", str(Path(__file__).resolve()), case, "--here", "--lines", str(lines)]
    given = {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"} | ({_FILE: str(file)} if file else {})
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, cwd=root, env={**os.environ, **given}
    )
    return Timing(**json.loads(done.stdout.strip().splitlines()[-1]))


if __name__ == "__main__":
    sys.exit(main())
