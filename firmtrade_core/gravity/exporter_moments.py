"""How unequal exporters are, and how many more there are in larger markets, from tables of exporters by destination.

The engine's law of firms in other countries needs three numbers (MODEL 2): the spread s of log sales, the tail ζ where firms
are Pareto, and the slope of presence in market size. Published tables give moments of exporters in each destination:

- s from quantiles: slope of log quantiles on normal quantiles (Head, Mayer, Thoenig 2014), where the table has them; else from
  the mean over the median, ``ln(mean / median) = s²/2`` of a lognormal. Of few exporters both are biased: what 20 or 200 firms
  of a known s would show is simulated, and s read off that curve.
- ζ from the share of the largest 5 %, ``0.05^(1 - 1/ζ)`` of a Pareto law, with the same correction.
- the slope of presence: by how much exporters N rise with the origin's sales R in a market, in logs with effects of years, since
  that is what the engine infers N from (after Eaton, Kortum, Kramarz 2011). Where few firms sell, the log of R falls short of
  that of expected sales, by an amount that N and s tell and that is added; N times the median, which the luck of few large firms
  does not move, is the instrument for what luck is left.

Bands come from destinations drawn with replacement. Countries differ: for one that is not in the tables the band is that of a
new draw from the same population of countries, which three countries leave wide, as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import t as student

from firmtrade_core.gravity.errors import FlowError
from firmtrade_core.world.tables import numbers, read_table, require_columns

Array = NDArray[np.float64]

#: Columns that are needed: exporter, destination, year, number of exporters, their sales, and the share of the largest 5 %.
NEEDED = ("c", "d", "y", "nf", "total_v", "top5_share")

#: Percentiles of sales over the destination's mean, where a table has them.
PERCENTILES = (5, 10, 25, 50, 75, 90, 95)

#: Fewest exporters of a destination, and destinations of a country.
FEWEST_EXPORTERS, FEWEST_DESTINATIONS = 20, 10

#: Largest share of firms, in the tables' column ``top5_share``.
TOP = 0.05

_SPREADS = np.linspace(0.6, 4.2, 25)
_TAILS = np.linspace(0.5, 4.0, 36)
_COUNTS = (20, 27, 36, 50, 70, 100, 150, 250, 500, 1000, 3000)
#: Firms simulated for a point of a curve; quantiles scale with s, so that one law serves all.
_SIMULATED = {"quantiles": 800_000, "mean over median": 60_000, "log mean": 60_000, "top share": 60_000}


@dataclass(frozen=True)
class Moment:
    """A number with its band: what a country's destinations leave open, or what countries do."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ExporterMoments:
    """What one country's exporters say of the law of firms.

    Parameters
    ----------
    country
        ISO code, or ``all``: a country not in the tables, of which the others are a sample.
    dispersion
        s: spread of log sales of exporters in a market, log points.
    tail
        ζ of a Pareto law with the same share of the largest 5 %.
    presence_slope
        Elasticity of exporters to sales in the market.
    destinations, years, exporters
        Number of destinations, first and last year, mean number of exporters in a destination and year.
    by
        What s rests on: ``quantiles`` or ``mean over median``.
    """

    country: str
    dispersion: Moment
    tail: Moment
    presence_slope: Moment
    destinations: int
    years: tuple[int, int]
    exporters: float
    by: str


def exporter_moments(
    paths: Sequence[str | Path], *, draws: int = 200, level: float = 0.90, seed: int = 0
) -> tuple[ExporterMoments, ...]:
    """Moments by country, and for a country like them.

    Parameters
    ----------
    paths
        Tables with `NEEDED`, and either ``p05_norm_exports`` to ``p95_norm_exports`` or ``med_exports``.
    draws
        Of destinations, at least 50.
    level
        Of bands.
    seed

    Raises
    ------
    FlowError
        If a table says too little: fewer than ten destinations with 20 exporters.
    """
    if draws < 50:
        raise FlowError(f"{draws} draws are too few for bands; give 50 or more.")
    rows = pd.concat([_read(Path(path)) for path in paths], ignore_index=True)
    random = np.random.default_rng(seed)
    found = tuple(
        _of_country(str(country), table, draws, level, random)
        for country, table in rows.groupby("country", sort=True)
    )
    return (*found, _of_another(found, level)) if len(found) > 1 else found


def _read(path: Path) -> pd.DataFrame:
    """By country, destination and year: log exporters, sales and size, and s and ζ from that cell's own moments."""
    raw = read_table(path)
    require_columns(raw, list(NEEDED), path.name)
    raw = raw[raw["nf"] >= FEWEST_EXPORTERS].reset_index(drop=True)
    count, sales = numbers(raw, "nf", path.name), numbers(raw, "total_v", path.name)
    quantiles = [f"p{p:02d}_norm_exports" for p in PERCENTILES]
    if {*quantiles} <= {*raw}:
        logs = np.log(raw[quantiles].astype(float).to_numpy())
        at = ndtri(np.array(PERCENTILES) / 100)
        shown: Array = logs @ (at - at.mean()) / ((at - at.mean()) ** 2).sum()
        median, by = numbers(raw, "p50_norm_exports", path.name) * sales / count, "quantiles"
    else:
        require_columns(raw, ["med_exports"], path.name)
        median = numbers(raw, "med_exports", path.name)
        ratio = sales / count / median
        shown = np.sqrt(2 * np.log(np.maximum(np.asarray(ratio, float), 1.0)))
        by = "mean over median"
    tail = numbers(raw, "top5_share", path.name)
    if (sales <= 0).any() or (median <= 0).any():
        raise FlowError(f"{path.name} has destinations without sales.")
    return pd.DataFrame(
        {
            "country": raw["c"].astype(str),
            "destination": raw["d"].astype(str),
            "year": raw["y"].astype(int),
            "exporters": count,
            "spread": _undone(np.asarray(shown, float), np.asarray(count, float), by),
            "tail": _undone(np.asarray(tail, float), np.asarray(count, float), "top share"),
            "log_exporters": np.log(count),
            "log_sales": np.log(sales),
            "log_typical": np.log(count * median),
            "by": by,
        }
    )


@lru_cache(maxsize=8)
def _curves(by: str) -> tuple[Array, Array]:
    """Mean of what so many firms of a known law would show, (counts, parameters), and the parameters."""
    random = np.random.default_rng(7)
    parameters = _TAILS if by == "top share" else _SPREADS
    shown = np.empty((len(_COUNTS), len(parameters)))
    at = ndtri(np.array(PERCENTILES) / 100)
    for row, count in enumerate(_COUNTS):
        draws = _SIMULATED[by] // count
        normal = np.sort(random.standard_normal((draws, count)), axis=1)
        log_uniform = np.log(np.sort(random.random((draws, count)), axis=1))
        if by == "quantiles":
            q = np.quantile(normal, np.array(PERCENTILES) / 100, axis=1).T
            shown[row] = parameters * (q @ (at - at.mean())).mean() / ((at - at.mean()) ** 2).sum()
            continue
        for column, value in enumerate(parameters):
            if by == "top share":
                sales = np.exp(-log_uniform / value)[:, ::-1]
                top = max(1, round(TOP * count))
                shown[row, column] = (sales[:, -top:].sum(1) / sales.sum(1)).mean()
            elif by == "log mean":
                shown[row, column] = np.log(np.exp(value * normal).mean(1)).mean() - value**2 / 2
            else:
                ratio = np.exp(value * normal).mean(1) / np.exp(value * np.median(normal, axis=1))
                shown[row, column] = np.sqrt(2 * np.log(np.maximum(ratio, 1.0))).mean()
    return shown, parameters


def _undone(shown: Array, count: Array, by: str) -> Array:
    """The parameter at which so many firms would show on average what is shown, (rows,); the grid's ends where beyond it."""
    curves, parameters = _curves(by)
    at = np.clip(
        np.interp(np.log(count), np.log(_COUNTS), np.arange(len(_COUNTS))), 0, len(_COUNTS) - 1 - 1e-9
    )
    low = at.astype(int)
    found = np.empty(len(shown))
    for i, (k, share) in enumerate(zip(low, at - low, strict=True)):
        curve = (1 - share) * curves[k] + share * curves[k + 1]
        order = np.argsort(curve)
        found[i] = np.interp(shown[i], curve[order], parameters[order])
    return found


def _of_country(
    country: str, table: pd.DataFrame, draws: int, level: float, random: np.random.Generator
) -> ExporterMoments:
    place, names = pd.factorize(table["destination"], sort=True)
    if len(names) < FEWEST_DESTINATIONS:
        raise FlowError(
            f"{country} has {len(names)} destinations with {FEWEST_EXPORTERS} exporters or more; {FEWEST_DESTINATIONS} are needed."
        )
    of = _numbers_of(table, np.asarray(place))
    point = of(np.ones(len(names)))
    times = [
        np.bincount(random.integers(0, len(names), len(names)), minlength=len(names)) for _ in range(draws)
    ]
    drawn = np.array([of(counted.astype(float)) for counted in times])
    ends = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    spread, tail, slope = (Moment(float(p), float(a), float(b)) for p, a, b in zip(point, *ends, strict=True))
    return ExporterMoments(
        country, spread, tail, slope, len(names), (int(table["year"].min()), int(table["year"].max())),
        float(table["exporters"].mean()), str(table["by"].iloc[0]),
    )  # fmt: skip


def _numbers_of(
    table: pd.DataFrame, place: NDArray[np.int64]
) -> Callable[[Array], tuple[float, float, float]]:
    """s and ζ as means over destinations of each one's mean over years, and the slope of presence with effects of years.

    A function of how often each destination counts, (destinations,).
    """
    means = table.groupby(place)[["spread", "tail"]].mean().to_numpy(float)
    year = pd.factorize(table["year"])[0]
    count, n, sales, z = table[["exporters", "log_exporters", "log_sales", "log_typical"]].to_numpy(float).T
    short = np.array([np.interp(np.log(count), np.log(_COUNTS), curve) for curve in _curves("log mean")[0].T])

    def numbers_of(counted: Array) -> tuple[float, float, float]:
        spread, tail = np.average(means, axis=0, weights=counted)
        w = counted[place]
        at = np.interp(spread, _SPREADS, np.arange(len(_SPREADS)))
        low = min(int(at), len(_SPREADS) - 2)
        r = sales - (short[low] + (at - low) * (short[low + 1] - short[low]))
        in_year = np.maximum(np.bincount(year, w), 1e-12)

        def within(values: Array) -> Array:
            return np.asarray(values - (np.bincount(year, w * values) / in_year)[year])

        instrument = w * within(z)
        return float(spread), float(tail), float(instrument @ within(n) / (instrument @ within(r)))

    return numbers_of


def _of_another(found: Sequence[ExporterMoments], level: float) -> ExporterMoments:
    """A country that is not in the tables: mean of countries, and the band of a new draw (Student's t, one more country)."""
    count = len(found)
    reach = float(student.ppf(0.5 + level / 2, count - 1)) * math.sqrt(1 + 1 / count)

    def over(values: Sequence[float]) -> Moment:
        mean, spread = float(np.mean(values)), float(np.std(values, ddof=1))
        return Moment(mean, mean - reach * spread, mean + reach * spread)

    return ExporterMoments(
        "all", over([each.dispersion.value for each in found]), over([each.tail.value for each in found]),
        over([each.presence_slope.value for each in found]), sum(each.destinations for each in found),
        (min(each.years[0] for each in found), max(each.years[1] for each in found)),
        float(np.mean([each.exporters for each in found])), "countries above",
    )  # fmt: skip


def moments_table(found: Sequence[ExporterMoments]) -> pd.DataFrame:
    """One row by country and number: ``country, quantity, value, low, high, destinations, first_year, last_year, by``."""
    rows = [
        (each.country, name, moment.value, moment.low, moment.high, each.destinations, *each.years, each.by)
        for each in found
        for name, moment in (
            ("dispersion", each.dispersion),
            ("tail", each.tail),
            ("presence_slope", each.presence_slope),
        )
    ]
    heads = ["country", "quantity", "value", "low", "high", "destinations", "first_year", "last_year", "by"]
    return pd.DataFrame(rows, columns=heads)
