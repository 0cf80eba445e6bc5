"""Trade elasticities by years since a tariff changed: local projections on a panel of flows (Jordà 2005; Boehm, Levchenko, Pandalai-Nayar 2023).

For horizon H = 1, 2, ... the change of log trade over the H years from t-1 to t+H-1 is explained by the change of
log (1 + tariff) over the same years, instrumented by the change of the first of them:

    ln X_ijs,t+H-1 - ln X_ijs,t-1 = b_H [ln(1+t)_ijs,t+H-1 - ln(1+t)_ijs,t-1] + exporter-sector-year + importer-sector-year + e

Differences take out what pairs have in common, effects what exporters and importers live through. The instrument keeps
what followed from the first year's step, so that b_H is the response H years since a change began, were it to last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from firmtrade_core.gravity.errors import GravityError
from firmtrade_core.gravity.panel import Array, Integers
from firmtrade_core.gravity.projection import Projector

#: Of the columns' projections on effects, relative.
TOLERANCE = 1e-8

#: Columns of the result, one row per horizon.
COLUMNS = (
    "horizon",
    "estimate",
    "std_error",
    "low",
    "high",
    "lasting",
    "first_stage",
    "observations",
    "pairs",
)


#: Changes below which nothing is estimated.
FEWEST = 50


class LocalProjectionError(GravityError):
    """No projection can be estimated. The message says what the panel lacks."""


@dataclass(frozen=True, eq=False)
class _Wide:
    """A panel with years side by side: log trade and log (1 + tariff), (cells, years), and the cells' codes."""

    years: Integers
    trade: Array
    tariff: Array
    exporter: Integers
    importer: Integers
    sector: Integers


class Projections:
    """A panel made ready for local projections: effects belong to a base year each, so that every year is swept once.

    Parameters
    ----------
    table
        Columns exporter, importer, year, trade (before or after tariffs, and the elasticity is of that), tariff (a
        fraction) and, where there is one, sector. Home sales, and zero or missing flows, are left out. Years must be
        consecutive.
    least
        Trade below which, in the year before, a cell is left out, in the table's money.
    controls
        Whether the changes of trade and tariff in the year before are held fixed, against trends that come first.

    Raises
    ------
    LocalProjectionError
        If the table lacks a column or holds a cell twice.
    """

    def __init__(self, table: pd.DataFrame, *, least: float = 0.0, controls: bool = True) -> None:
        self._wide = _wide(table)
        self.least, self.controls = least, controls
        self._swept: dict[tuple[int, int], list[Array]] = {}

    @property
    def years(self) -> tuple[int, ...]:
        """Of the panel, in order."""
        return tuple(self._wide.years.tolist())

    def at(
        self, horizon: int, *, up_to: int | None = None, confidence: float = 0.95
    ) -> dict[str, float] | None:
        """One row of `local_projections`; None where too few years or changes allow it.

        Parameters
        ----------
        horizon
        up_to
            The last year that may be used: what a forecaster of that year could have known.
        confidence
        """
        last = len(self._wide.years) - 1 if up_to is None else up_to - int(self._wide.years[0])
        bases = range(1 if self.controls else 0, min(last, len(self._wide.years) - 1) - horizon + 1)
        found = [part for base in bases if len((part := self._parts(base, horizon))[0])]
        if not found:
            return None
        parts = [np.concatenate(columns) for columns in zip(*found, strict=True)]
        return None if len(parts[0]) < FEWEST else _estimated(parts, confidence)

    def _parts(self, base: int, horizon: int) -> list[Array]:
        """Outcome, regressor, instrument and controls of a base year less what effects explain, and the pair."""
        key = base, horizon
        if key not in self._swept:
            *columns, exporting, importing, pair = _differences(
                self._wide, base, horizon, self.least, self.controls
            )
            if len(pair):
                sweep = Projector([exporting, importing], len(pair))
                columns = [sweep.residual(v, sweep.fit(v, TOLERANCE)) for v in columns]
            self._swept[key] = [*columns, pair]
        return self._swept[key]


def local_projections(
    table: pd.DataFrame | Projections,
    horizons: Sequence[int] = (1, 2, 3, 4, 5, 6, 7, 8),
    *,
    least: float = 0.0,
    controls: bool = True,
    up_to: int | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Elasticities of trade to tariffs by years since the change.

    Parameters
    ----------
    table, least, controls
        As for `Projections`; or one made already, which has the other two.
    horizons
        Years from the last year before the change; 1 is the year of the change.
    up_to
        The last year that may be used: what a forecaster of that year could have known.
    confidence
        Of the intervals.

    Returns
    -------
    DataFrame
        `COLUMNS`: estimate (negative where tariffs lower trade) with its error clustered by pair and interval;
        ``lasting``, how much of a first year's change is left at the horizon; ``first_stage``, its F statistic (missing in the
        first year, where regressor and instrument are one). Horizons that too few years allow are missing.

    Raises
    ------
    LocalProjectionError
        If no horizon can be estimated.
    """
    ready = table if isinstance(table, Projections) else Projections(table, least=least, controls=controls)
    rows = [
        {"horizon": horizon} | row
        for horizon in horizons
        if (row := ready.at(horizon, up_to=up_to, confidence=confidence)) is not None
    ]
    if not rows:
        raise LocalProjectionError(
            f"Of {len(ready.years)} years no horizon can be estimated: a horizon of H needs H + {2 if ready.controls else 1} "
            "consecutive years and tariffs that change within pairs."
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _wide(table: pd.DataFrame) -> _Wide:
    missing = {"exporter", "importer", "year", "trade", "tariff"} - set(table.columns)
    if missing:
        raise LocalProjectionError(f"The table lacks {', '.join(sorted(missing))}.")
    exporters, importers = (table[c].astype("category").cat for c in ("exporter", "importer"))
    names = sorted({*map(str, exporters.categories), *map(str, importers.categories)})
    place_of = {name: k for k, name in enumerate(names)}
    exporter, importer = (
        np.array([place_of[str(name)] for name in c.categories], dtype=np.int64)[c.codes.to_numpy()]
        for c in (exporters, importers)
    )
    kept = exporter != importer
    if not kept.any():
        raise LocalProjectionError("No trade between countries is in the table.")
    table, exporter, importer = table[kept], exporter[kept], importer[kept]
    sector: Integers = (
        table["sector"].astype("category").cat.codes.to_numpy().astype(np.int64)
        if "sector" in table
        else np.zeros(len(table), dtype=np.int64)
    )
    sectors = int(sector.max()) + 1
    years: Integers = np.arange(int(table["year"].min()), int(table["year"].max()) + 1, dtype=np.int64)
    cells, place = np.unique((exporter * len(names) + importer) * sectors + sector, return_inverse=True)
    at = table["year"].to_numpy() - years[0]
    if np.unique(place * len(years) + at).size < len(table):
        raise LocalProjectionError("The table holds a pair, sector and year more than once.")
    trade, tariff = (np.full((len(cells), len(years)), np.nan) for _ in range(2))
    value = table["trade"].to_numpy(float)
    trade[place, at] = np.log(value, out=np.full(len(value), np.nan), where=value > 0)
    tariff[place, at] = np.log1p(table["tariff"].to_numpy(float))
    pair, sector = np.divmod(cells, sectors)
    exporter, importer = np.divmod(pair, len(names))
    return _Wide(years, trade, tariff, exporter, importer, sector)


def _differences(wide: _Wide, base: int, horizon: int, least: float, controls: bool) -> tuple[Any, ...]:
    """Changes from year ``base`` on: outcome, regressor, instrument, controls (two columns), groups, pair."""
    y = wide.trade[:, base + horizon] - wide.trade[:, base]
    x = wide.tariff[:, base + horizon] - wide.tariff[:, base]
    z = wide.tariff[:, base + 1] - wide.tariff[:, base]
    before = (
        (wide.trade[:, base] - wide.trade[:, base - 1], wide.tariff[:, base] - wide.tariff[:, base - 1])
        if controls
        else (np.zeros(len(y)), np.zeros(len(y)))
    )
    known = np.isfinite(y) & np.isfinite(x) & np.isfinite(z) & np.isfinite(before[0]) & np.isfinite(before[1])
    if least > 0:
        known &= wide.trade[:, base] >= np.log(least)
    most = int(max(wide.exporter.max(), wide.importer.max())) + 1
    pair = wide.exporter * most + wide.importer
    sectors = int(wide.sector.max()) + 1
    exporting, importing = wide.exporter * sectors + wide.sector, wide.importer * sectors + wide.sector
    return tuple(column[known] for column in (y, x, z, *before, exporting, importing, pair))


def _estimated(parts: list[Array], confidence: float) -> dict[str, float] | None:
    """Instrumental variables on columns that are swept of effects."""
    *left, pair = parts
    y, held = (
        left[0],
        np.column_stack([v for v in left[3:] if v @ v > 1e-12 * len(v)] or [np.zeros((len(left[0]), 0))]),
    )
    if held.shape[1]:
        left[:3] = [v - held @ np.linalg.lstsq(held, v, rcond=None)[0] for v in left[:3]]
    ry, rx, rz = left[:3]
    size, pull = float(rz @ rz), float(rz @ rx)
    if size <= 1e-12 * len(y) or abs(pull) <= 1e-12 * len(y):
        return None
    groups = np.unique(pair, return_inverse=True)[1]
    estimate, lasting = float(rz @ ry) / pull, pull / size
    error = _clustered(rz * (ry - estimate * rx), groups) / abs(pull)
    doubt = _clustered(rz * (rx - lasting * rz), groups) / size
    reach = float(norm.ppf(0.5 + confidence / 2)) * error
    return {
        "estimate": estimate,
        "std_error": error,
        "low": estimate - reach,
        "high": estimate + reach,
        "lasting": lasting,
        "first_stage": (lasting / doubt) ** 2 if doubt > 1e-12 else float("nan"),
        "observations": len(y),
        "pairs": int(groups.max()) + 1,
    }


def _clustered(scores: Array, groups: Integers) -> float:
    """Root of the sum of squares of the clusters' sums, times G/(G-1)."""
    sums = np.bincount(groups, weights=scores)
    return float(np.sqrt(sums @ sums * len(sums) / max(len(sums) - 1, 1)))
