"""Tariff elasticities of every sector of a world panel: several processes, resumable, stored as Parquet."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from firmtrade_core.codes.sectors import is_goods
from firmtrade_core.gravity.errors import GravityError
from firmtrade_core.gravity.estimate import estimate
from firmtrade_core.gravity.estimated import GravityEstimate
from firmtrade_core.gravity.panel import (
    TariffUnit,
    check_tariffs_of_world_panel,
    load_world_panel,
    sectors_of_world_panel,
)
from firmtrade_core.gravity.specification import GravitySpecification
from firmtrade_core.paths import whole_file
from firmtrade_core.world.tables import read_table

#: Raised when results of the same specification would come out differently.
VERSION = 3

TARIFF = "log1p(tariff)"

#: Tariffs vary within pairs over time, so that what pairs have in common does not bias their effect; tariffs fell while
#: borders of all kinds fell, so that the border has an effect of its own in every year.
TARIFF_EQUATION = GravitySpecification(
    (TARIFF,), ("exporter_year", "importer_year", "pair"), borders_by_year=True
)

ESTIMATES = "estimates.parquet"

Progress = Callable[[str, int, int], None]


def estimate_sectors(
    world_panel: Path,
    folder: Path,
    *,
    specification: GravitySpecification = TARIFF_EQUATION,
    sectors: Sequence[str] | None = None,
    workers: int | None = None,
    tariff_unit: TariffUnit = "check",
    progress: Progress = lambda sector, done, total: None,
) -> pd.DataFrame:
    """Estimate one equation per sector; what an earlier run has stored is not estimated again.

    Parameters
    ----------
    world_panel
        A table of the world's flows over years (`load_world_panel`), best as Parquet.
    folder
        Receives a folder named by the content of panel and specification, with one file per sector, and
        ``estimates.parquet`` with all of them.
    specification
    sectors
        All goods sectors of the panel, unless given.
    workers
        Processes; as many as there are processors unless given.
    tariff_unit
        As for `GravityPanel.from_table`; judged over all sectors together.
    progress
        Called with the sector, how many are done, and how many there are.

    Returns
    -------
    DataFrame
        A row per sector and term: sector, term, estimate, std_error, statistic, p_value, low, high, flow_values,
        observations and those left out by reason, goodness of fit, seconds, notes.

    Raises
    ------
    GravityError
        Naming the sector.
    """
    wanted = [*(sectors or filter(is_goods, sectors_of_world_panel(world_panel)))]
    if tariff_unit == "check":
        check_tariffs_of_world_panel(world_panel)
        tariff_unit = "fraction"
    store = folder / run_key(world_panel, specification, tariff_unit)
    store.mkdir(parents=True, exist_ok=True)
    missing = [s for s in wanted if not _file(store, s).is_file()]
    done = len(wanted) - len(missing)
    if done:
        progress("stored before", done, len(wanted))
    workers = min(workers or os.cpu_count() or 1, max(len(missing), 1))
    for sector in _run(world_panel, specification, missing, store, workers, tariff_unit):
        done += 1
        progress(sector, done, len(wanted))
    table = pd.concat([pd.read_parquet(_file(store, s)) for s in wanted], ignore_index=True)
    with whole_file(store / ESTIMATES) as part:
        table.to_parquet(part, index=False)
    return table


def years_of_world_panel(world_panel: Path) -> tuple[int, ...]:
    """Years of a table of the world's flows, in order."""
    return tuple(sorted({int(y) for y in read_table(world_panel, columns=["year"])["year"].unique()}))


def run_key(world_panel: Path, specification: GravitySpecification, tariff_unit: TariffUnit = "check") -> str:
    """Sixteen hexadecimal digits of the panel's content, the specification and this code's version."""
    unit = tariff_unit if tariff_unit == "percent" else ""
    digest = hashlib.blake2b(f"{VERSION}{specification.content_hash}{unit}".encode(), digest_size=8)
    with world_panel.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def as_record_table(sector: str, found: GravityEstimate, seconds: float) -> pd.DataFrame:
    """An estimate's table with what a reader asks of its sample, one row per term."""
    counts = {f"rows_{name}": value for name, value in asdict(found.counts).items()}
    goodness = {name.replace(" ", "_"): value for name, value in found.goodness.items()}
    return found.table().assign(
        sector=sector,
        flow_values=found.flow_values,
        **counts,
        **goodness,
        seconds=seconds,
        notes=" ".join(found.notes),
    )


def _run(
    world_panel: Path,
    specification: GravitySpecification,
    sectors: list[str],
    store: Path,
    workers: int,
    tariff_unit: TariffUnit,
) -> Iterator[str]:
    if workers == 1:
        for sector in sectors:
            yield _estimate_and_store(world_panel, specification, sector, store, tariff_unit)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_one_thread) as pool:
        jobs = [
            pool.submit(_estimate_and_store, world_panel, specification, sector, store, tariff_unit)
            for sector in sectors
        ]
        try:
            for job in as_completed(jobs):
                yield job.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _one_thread() -> None:
    """Processes share the processors; threads on top of them only get in each other's way."""
    for name in ("OMP", "OPENBLAS", "RAYON", "NUMBA"):
        os.environ[f"{name}_NUM_THREADS"] = "1"


def _estimate_and_store(
    world_panel: Path, specification: GravitySpecification, sector: str, store: Path, tariff_unit: TariffUnit
) -> str:
    started = time.perf_counter()
    try:
        found = estimate(load_world_panel(world_panel, [sector], tariff_unit=tariff_unit), specification)
    except GravityError as error:
        raise type(error)(f"{sector}: {error}") from error
    table = as_record_table(sector, found, time.perf_counter() - started)
    with whole_file(_file(store, sector)) as part:
        table.to_parquet(part, index=False)
    return sector


def _file(store: Path, sector: str) -> Path:
    safe = "".join(c if c.isalnum() else "_" for c in sector)
    return store / f"sector_{safe}.parquet"
