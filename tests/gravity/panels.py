"""Panels that obey gravity with known coefficients."""

from __future__ import annotations

import numpy as np
import pandas as pd


def gravity_table(
    countries: int = 12,
    years: tuple[int, ...] = (2000, 2001, 2002, 2003),
    *,
    distance: float = -0.9,
    tariff: float = -4.0,
    border: float = -1.0,
    noise: float = 0.0,
    own_costs: float = 0.5,
    seed: int = 3,
) -> pd.DataFrame:
    """Exporter, importer, year, trade, dist, contiguity, tariff: trade is exp(effects + θ'x) x error.

    Tariffs vary within pairs over time and are zero at home; the error is lognormal with mean one and the same
    spread in logs everywhere, so PPML and OLS on logs are both consistent.
    """
    rng = np.random.default_rng(seed)
    n, t = countries, len(years)
    place = rng.uniform(0, 10, (n, 2))
    dist = 1 + np.linalg.norm(place[:, None] - place, axis=2)
    close = (dist < np.quantile(dist, 0.25)).astype(float)
    abroad = 1 - np.eye(n)
    rate = rng.uniform(0, 0.25, (n, n, t)) * abroad[:, :, None]
    index = (distance * np.log(dist) + 0.4 * close + border * abroad)[:, :, None] + tariff * np.log1p(rate)
    index = (
        index
        + rng.normal(6, 1, (n, 1, t))
        + rng.normal(0, 1, (1, n, t))
        + rng.normal(0, own_costs, (n, n, 1))
    )
    error = np.exp(noise * rng.normal(size=index.shape) - noise**2 / 2)
    codes = [f"C{i:02d}" for i in range(n)]
    return pd.DataFrame(
        {
            "exporter": np.repeat(codes, n * t),
            "importer": np.tile(np.repeat(codes, t), n),
            "year": np.tile(years, n * n),
            "trade": (np.exp(index) * error).ravel(),
            "dist": np.repeat(dist.ravel(), t),
            "contiguity": np.repeat(close.ravel(), t),
            "tariff": rate.ravel(),
        }
    )


def phased_in(
    countries: int = 14,
    *,
    at_once: float = 0.3,
    later: float = 0.2,
    anticipated: float = 0.0,
    noise: float = 0.05,
    seed: int = 5,
) -> pd.DataFrame:
    """Ten years of `gravity_table` with ``rta``, which pairs switch on in some year or never.

    It adds ``at_once`` to log trade, ``later`` more from two years on, and ``anticipated`` in the two years before.
    """
    table = gravity_table(countries, tuple(range(2000, 2010)), noise=noise, seed=seed)
    start = np.random.default_rng(1).choice([2003, 2004, 2005, 2006, 9999], countries**2)
    since = table["year"] - start.repeat(10)
    abroad = table["exporter"] != table["importer"]
    table["rta"] = ((since >= 0) & abroad).astype(float)
    effect = at_once * (since >= 0) + later * (since >= 2) + anticipated * ((since >= -2) & (since < 0))
    table["trade"] *= np.exp(effect * abroad)
    return table
