"""Margins by destination: how many firms export and how much each, as functions of the exporter share (AAG).

With firms' heterogeneity a market that is a little larger, or cheaper to reach, has more exporters (extensive
margin) and other mean exports per exporter (intensive). How strongly depends on the share of firms that export
already, and the shape of that dependence tells distributions apart: with Pareto capabilities and common fixed costs
both elasticities are constant; with lognormal ones the extensive elasticity falls as the share rises. Where the number of potential exporters is not
known, lognormal firms far out in their tail look like Pareto's: Pareto can be rejected for lognormal, hardly the
reverse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from firmtrade_core.gravity.errors import FlowError, RegressorError
from firmtrade_core.gravity.panel import Array, Integers
from firmtrade_core.labels import grouped
from firmtrade_core.world.tables import numbers, read_table, require_columns

#: Columns that are read, and their names here.
COLUMNS = {"c": "exporter", "d": "importer", "y": "year", "nf": "exporters", "avg_exports": "mean_exports"}

#: Statistics of the published table of means, and their columns.
MEANS = {
    "num_exporters": "nf",
    "top5_share": "top5_share",
    "avg_num_destinations": "avg_nd",
    "exit_rate": "exit_rate",
    "entrant_relative_size": "erel_size",
    "entrant_relative_exit_rate": "erel_exit_rate",
}

KNOTS = 5
GRID = 25


def destination_means(path: str | Path) -> dict[str, float]:
    """Means over destinations of each one's mean over years, by the published table's names.

    Destinations count alike however many of the 627 destination-years are theirs.
    """
    table = read_table(path)
    require_columns(table, ["d", *MEANS.values()], Path(path).name)
    means = table.groupby("d")[list(MEANS.values())].mean().mean()
    return {name: float(means[column]) for name, column in MEANS.items()}


def load_destinations(paths: Sequence[str | Path]) -> pd.DataFrame:
    """Exporters by destination and year, with the log of market size and of trade barriers.

    Reads tables with the columns c, d, y, nf (number of exporters), avg_exports, popt, gdppc (population and
    income per head, relative), tau (barriers).

    Returns
    -------
    DataFrame
        exporter, importer, year, exporters, mean_exports, log_size (of GDP), log_barrier.

    Raises
    ------
    FlowError
    """
    tables = []
    for path in map(Path, paths):
        raw = read_table(path)
        require_columns(raw, [*COLUMNS, "popt", "gdppc", "tau"], path.name)
        size = numbers(raw, "popt", path.name) * numbers(raw, "gdppc", path.name)
        barrier = numbers(raw, "tau", path.name)
        bad = int(((size <= 0) | (barrier <= 0) | (raw["nf"] <= 0) | (raw["avg_exports"] <= 0)).sum())
        if bad:
            raise FlowError(
                f"{path.name}: {grouped(bad)} of {grouped(len(raw))} rows have no positive size, barrier or exports."
            )
        kept = raw[list(COLUMNS)].rename(columns=COLUMNS)
        tables.append(kept.assign(log_size=np.log(size), log_barrier=np.log(barrier)))
    return pd.concat(tables, ignore_index=True)


@dataclass(frozen=True, eq=False)
class ShapeTest:
    """A distribution against the data: how far its elasticity function is from the spline's.

    Parameters
    ----------
    distribution
    statistic
        Chi-squared with ``degrees`` degrees of freedom if the distribution is right; bootstrap covariance.
    degrees
    p_value
    """

    distribution: str
    statistic: float
    degrees: int
    p_value: float


@dataclass(frozen=True, eq=False)
class MarginFunctions:
    """Elasticities of both margins to market access, as functions of the exporter share.

    Parameters
    ----------
    functions
        DataFrame by grid point: log_share (log of exporters relative to the largest market's), extensive,
        intensive and their bands (``_low``, ``_high``), and what Pareto and lognormal imply for the extensive
        one (``pareto``, ``lognormal``).
    barrier
        Elasticities of both margins to barriers, with errors: {"extensive": (value, error), ...}.
    tests
        Of Pareto and lognormal.
    observations, destinations, draws
    """

    functions: pd.DataFrame
    barrier: dict[str, tuple[float, float]]
    tests: dict[str, ShapeTest]
    observations: int
    destinations: int
    draws: int


def estimate_margins(
    table: pd.DataFrame, *, draws: int = 200, seed: int = 0, confidence: float = 0.9
) -> MarginFunctions:
    """Semiparametric gravity of the two margins (AAG).

    ln N and ln x̄ are natural cubic splines of ln market size, with ln barriers and exporter-year effects. The
    slope of each spline is the margin's elasticity; it is read against the exporter share that the first spline
    predicts. Bands and tests rest on a bootstrap over destinations. The lognormal alternative is
    ln N = exporter-year effect + ln Φ(a + b ln size + c ln barrier), by least squares.

    Parameters
    ----------
    table
        As `load_destinations` returns.
    draws, seed
        Of the bootstrap.
    confidence
        Of the bands, pointwise.

    Raises
    ------
    RegressorError
    FlowError
        With fewer than 20 destinations.
    """
    places = table["importer"].nunique()
    if places < 20:
        raise FlowError(f"{places} destinations are too few for elasticity functions; give 20 or more.")
    if draws < 50:
        raise RegressorError(f"{draws} bootstrap draws are too few for bands and tests; give 50 or more.")
    knots = _knots(table)
    first, last = np.quantile(table["log_size"], [0.1, 0.9])
    grid = np.linspace(first, last, GRID)
    point = _fit(table, knots, grid)
    # A draw's lognormal lies near the whole sample's.
    start = (tuple(point["lognormal_at"]),)
    drawn = [_fit(t, knots, grid, start) for t in _resampled(table, draws, seed)]
    ends = [(1 - confidence) / 2, (1 + confidence) / 2]
    functions = pd.DataFrame({"log_share": point["share"]})
    for margin in ("extensive", "intensive"):
        spread = np.quantile([d[margin] for d in drawn], ends, axis=0)
        functions = functions.assign(
            **{margin: point[margin], f"{margin}_low": spread[0], f"{margin}_high": spread[1]}
        )
    functions["pareto"] = point["constant"]
    functions["lognormal"] = point["lognormal"]
    return MarginFunctions(
        functions=functions,
        barrier={
            m: (float(point["barrier"][k]), float(np.std([d["barrier"][k] for d in drawn])))
            for k, m in enumerate(("extensive", "intensive"))
        },
        tests={name: _shape_test(name, point, drawn) for name in ("pareto", "lognormal")},
        observations=len(table),
        destinations=places,
        draws=draws,
    )


def _knots(table: pd.DataFrame) -> Array:
    knots: Array = np.quantile(table.groupby("importer")["log_size"].mean(), np.linspace(0.05, 0.95, KNOTS))
    return knots


def _resampled(table: pd.DataFrame, draws: int, seed: int) -> list[pd.DataFrame]:
    rng = np.random.default_rng(seed)
    groups = [rows for _, rows in table.groupby("importer", sort=True)]
    return [
        pd.concat([groups[k] for k in rng.integers(0, len(groups), len(groups))], ignore_index=True)
        for _ in range(draws)
    ]


#: Where the search for a lognormal starts: share of exporters, and what size and barriers do to it.
_STARTS: tuple[tuple[float, ...], ...] = ((-3.0, 0.5, -0.3), (-1.0, 0.5, -0.3), (1.0, 0.5, -0.3))


def _fit(
    table: pd.DataFrame, knots: Array, grid: Array, starts: tuple[tuple[float, ...], ...] = _STARTS
) -> dict[str, Array]:
    size, barrier = table["log_size"].to_numpy(), table["log_barrier"].to_numpy()
    origin = table.groupby(["exporter", "year"], observed=True).ngroup().to_numpy().astype(np.int64)
    within = _Within(origin)
    design = within(np.column_stack([natural_spline(size, knots), barrier]))
    n, x = (np.log(table[c].to_numpy(dtype=np.float64)) for c in ("exporters", "mean_exports"))
    beta = np.linalg.lstsq(design, within(np.column_stack([n, x])), rcond=None)[0]
    slopes = natural_spline(grid, knots, slope=True) @ beta[:-1]
    straight = np.linalg.lstsq(within(np.column_stack([size, barrier])), within(n), rcond=None)[0]
    level = natural_spline(grid, knots) @ beta[:-1, 0]
    top = float((natural_spline(size, knots) @ beta[:-1, 0]).max())
    lognormal_at, lognormal = _lognormal_slopes(n, size, barrier, within, grid, starts)
    return {
        "share": level - top,
        "extensive": slopes[:, 0],
        "intensive": slopes[:, 1],
        "barrier": beta[-1],
        "constant": np.full(len(grid), straight[0]),
        "lognormal": lognormal,
        "lognormal_at": lognormal_at,
    }


class _Within:
    """Deviations from group means."""

    def __init__(self, labels: Integers) -> None:
        self._labels = labels
        self._size = np.bincount(labels)

    def __call__(self, values: Array) -> Array:
        columns = values.reshape(len(values), -1)
        means = np.column_stack([np.bincount(self._labels, weights=c) / self._size for c in columns.T])
        result: Array = (columns - means[self._labels]).reshape(values.shape)
        return result


def _lognormal_slopes(
    n: Array, size: Array, barrier: Array, within: _Within, grid: Array, starts: tuple[tuple[float, ...], ...]
) -> tuple[Array, Array]:
    """(a, b, c) of ln N = effect + ln Φ(a + b ln size + c ln barrier), and ∂ ln N / ∂ ln size at mean barriers."""
    from scipy.optimize import least_squares
    from scipy.special import log_ndtr

    y, centred = within(n), barrier - barrier.mean()

    def residual(p: Array) -> Array:
        return y - within(log_ndtr(p[0] + p[1] * size + p[2] * centred))

    fits = [least_squares(residual, s, method="lm", xtol=1e-6, ftol=1e-8, max_nfev=400) for s in starts]
    found = min(fits, key=lambda r: float(r.cost))
    a, b, _ = found.x
    z = a + b * grid
    return found.x, b * np.exp(-0.5 * z**2 - 0.5 * np.log(2 * np.pi) - log_ndtr(z))


def _shape_test(name: str, point: dict[str, Array], drawn: list[dict[str, Array]]) -> ShapeTest:
    """Spline less distribution at as many points as the spline can bend, by their bootstrap covariance."""
    from scipy.stats import chi2

    column = {"pareto": "constant", "lognormal": "lognormal"}[name]
    at = np.linspace(2, GRID - 3, KNOTS - 1).astype(int)
    gap = (point["extensive"] - point[column])[at]
    spread = np.cov(np.array([(d["extensive"] - d[column])[at] for d in drawn]).T)
    statistic = float(gap @ np.linalg.pinv(spread, rcond=1e-8) @ gap)
    return ShapeTest(name, statistic, len(at), float(chi2.sf(statistic, len(at))))


def natural_spline(x: Array, knots: Array, *, slope: bool = False) -> Array:
    """Basis of a natural cubic spline, or its slopes, (n, K - 1): linear beyond the outer knots, no constant."""
    last, before = knots[-1], knots[-2]

    def piece(knot: float) -> Array:
        power, factor = (2, 3.0) if slope else (3, 1.0)
        rising = factor * (np.maximum(x - knot, 0) ** power - np.maximum(x - last, 0) ** power)
        scaled: Array = rising / (last - knot)
        return scaled

    linear = np.ones_like(x) if slope else x
    return np.column_stack([linear, *(piece(k) - piece(before) for k in knots[:-2])])
