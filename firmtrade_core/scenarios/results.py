"""A counterfactual as one tidy table, with what it takes to compute it again."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.paths import whole_file
from firmtrade_core.scenarios.schema import Scenario

MILLION_USD = "million USD"


def country_table(equilibrium: Equilibrium) -> pd.DataFrame:
    """Headline outcomes, one row per country.

    Returns
    -------
    DataFrame
        ``country``; changes as fractions: ``real_income``, ``real_wage``, ``prices`` (final demand),
        ``exports`` and ``imports`` (border values), ``welfare`` (equivalent variation over baseline income: real income,
        less labour's disutility where labour supply responds); million USD: ``equivalent_variation``,
        ``duties_before``, ``duties_after``, NaN where hardly a tariff is known.
    """
    before, after = _duties(equilibrium)
    return pd.DataFrame(
        {
            "country": equilibrium.world.countries,
            "real_income": equilibrium.real_income_change - 1,
            "real_wage": equilibrium.real_wage_change - 1,
            "prices": equilibrium.price_index_change - 1,
            "exports": equilibrium.exports_change - 1,
            "imports": equilibrium.imports_change - 1,
            "welfare": equilibrium.equivalent_variation_share,
            "equivalent_variation": equilibrium.equivalent_variation,
            "duties_before": before,
            "duties_after": after,
        }
    )


def results_table(equilibrium: Equilibrium) -> pd.DataFrame:
    """Everything of a counterfactual in long form.

    Returns
    -------
    DataFrame
        ``outcome, origin, destination, sector, unit, baseline, scenario``; outcomes of countries, and of their
        sectors, stand under ``origin`` with an empty destination. Indices have baseline 1. Exporters are left out
        where they are not counted.
    """
    world = equilibrium.world
    n, s = world.shape
    countries = country_table(equilibrium)
    indices = [
        _rows(name, "index", world.countries, "", "", 1.0, 1 + countries[name])
        for name in ("real_income", "real_wage", "prices", "exports", "imports")
    ]
    money = [
        _rows("duties", MILLION_USD, world.countries, "", "", *_duties(equilibrium)),
        _rows("income", MILLION_USD, world.countries, "", "", world.income, equilibrium.income),
        _rows(
            "equivalent_variation",
            MILLION_USD,
            world.countries,
            "",
            "",
            0.0,
            equilibrium.equivalent_variation,
        ),
        _rows(
            "export_subsidies",
            MILLION_USD,
            world.countries,
            "",
            "",
            world.subsidy_outlay,
            equilibrium.subsidy_outlay,
        ),
        _rows("programme_outlay", MILLION_USD, world.countries, "", "", 0.0, equilibrium.outlay),
    ]
    sectors = [
        _rows(name, unit, np.repeat(world.countries, s), "", np.tile(world.sectors, n), before, after.ravel())
        for name, unit, before, after in (
            ("output", MILLION_USD, world.gross_output.ravel(), equilibrium.gross_output),
            ("employment", "index", 1.0, equilibrium.employment_change),
        )
    ]
    origin = np.repeat(world.countries, n * s)
    destination = np.tile(np.repeat(world.countries, s), n)
    sector = np.tile(world.sectors, n * n)
    cells = [
        _rows(name, unit, origin, destination, sector, before.ravel(), after.ravel())
        for name, unit, before, after in (
            ("trade_at_the_border", MILLION_USD, world.border_value, equilibrium.border_value),
            ("tariff", "fraction", *_tariffs(equilibrium)),
        )
    ]
    if equilibrium.has_margins:
        counted = equilibrium.exporters_change.ravel()
        cells.append(_rows("exporters", "index", origin, destination, sector, 1.0, counted))
    return pd.concat([*indices, *money, *sectors, *cells], ignore_index=True)


def _duties(equilibrium: Equilibrium) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Duties before and after, (N,), million USD; NaN where hardly a tariff is known and none is set."""
    world, after = equilibrium.world, equilibrium.duties
    set_now = np.abs(after - world.duties) > 1e-9 * (1 + world.duties)
    told = world.duties_known, world.duties_known | set_now
    return np.where(told[0], world.duties, np.nan), np.where(told[1], after, np.nan)


def _tariffs(equilibrium: Equilibrium) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Tariffs before and after, (N, N, S); NaN where nobody knows them and no policy sets them."""
    world = equilibrium.world
    before = np.where(world.tariff_unknown, np.nan, world.tariff)
    untouched = world.tariff_unknown & (equilibrium.tariff == world.tariff)
    return before, np.where(untouched, np.nan, equilibrium.tariff)


def _rows(
    outcome: str,
    unit: str,
    origin: object,
    destination: object,
    sector: object,
    before: object,
    after: object,
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "outcome": outcome,
            "origin": origin,
            "destination": destination,
            "sector": sector,
            "unit": unit,
            "baseline": before,
            "scenario": after,
        }
    )


def write_results(equilibrium: Equilibrium, scenario: Scenario, target: Path | BinaryIO) -> None:
    """Writes `results_table` as Parquet; scenario, world, provenance and certificate travel in its metadata."""
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.Table.from_pandas(results_table(equilibrium), preserve_index=False)
    world, certificate = equilibrium.world, equilibrium.certificate
    about = {
        "scenario": scenario.to_yaml(),
        "world": json.dumps({"name": world.name, "content_hash": world.content_hash}),
        "provenance": json.dumps(asdict(world.provenance) | {"fit": dict(world.provenance.fit)}),
        "certificate": json.dumps(certificate_content(equilibrium)),
        "content_hash": certificate.content_hash,
    }
    kept = {**(table.schema.metadata or {}), **{f"firmtrade.{name}": text for name, text in about.items()}}
    table = table.replace_schema_metadata(kept)
    if not isinstance(target, Path):
        pyarrow.parquet.write_table(table, target)
        return
    with whole_file(target) as part:
        pyarrow.parquet.write_table(table, part)


def certificate_content(equilibrium: Equilibrium) -> dict[str, object]:
    """The certificate as plain data."""
    certificate = equilibrium.certificate
    return {
        "holds": certificate.holds,
        "largest_residual": certificate.largest,
        "worst": certificate.worst,
        "tolerance": certificate.tolerance,
        "residuals": certificate.residuals,
        "iterations": certificate.iterations,
        "seconds": certificate.seconds,
        "versions": certificate.versions,
        "content_hash": certificate.content_hash,
    }
