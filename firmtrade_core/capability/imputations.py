"""Results on panels whose gaps were filled several times, pooled by Rubin's rules (Rubin 1987; MODEL 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.capability.bootstrap import FEWEST_DRAWS
from firmtrade_core.capability.errors import CapabilityError
from firmtrade_core.capability.results import CapabilityResults

Array = NDArray[np.float64]

#: Degrees of freedom beyond which Student's t is the normal.
_MOST_FREEDOM = 1e6


@dataclass(frozen=True, eq=False)
class PooledResults:
    """What several completed panels say together.

    Parameters
    ----------
    imputations
        Panels pooled.
    parameters : DataFrame
        By symbol, as of `rubin`.
    markets : DataFrame
        By group and market: ``demand`` and ``threshold``, each with ``_error``, ``_low``, ``_high`` and
        ``_missing_information``.
    firms : DataFrame
        By firm and year: ``capability`` and its ``spread``, by the posterior's and the imputations' variance.
    """

    imputations: int
    parameters: pd.DataFrame
    markets: pd.DataFrame
    firms: pd.DataFrame


def pool_imputations(results: Sequence[CapabilityResults]) -> PooledResults:
    """Results on multiply-imputed panels, each with bootstrap draws, in one.

    Raises
    ------
    CapabilityError
        With fewer than two results, too few draws of one, or different firms or markets.
    """
    if len(results) < 2 or any(len(r.draws) < FEWEST_DRAWS for r in results):
        raise CapabilityError(
            f"Rubin's rules need results of at least two completed panels, each with {FEWEST_DRAWS} bootstrap draws."
        )
    first = results[0]
    shape = (first.data.firm_names, first.data.markets, first.data.group_names)
    if any((r.data.firm_names, r.data.markets, r.data.group_names) != shape for r in results):
        raise CapabilityError(
            "The completed panels have different firms or markets: complete one and the same panel."
        )
    tables = [r.parameters for r in results]
    parameters = _pooled_parameters(tables, first.level)
    groups, markets = np.nonzero(first.data.cell_counts[0] > 0)
    places = pd.DataFrame(
        {
            "group": [first.data.group_names[g] for g in groups],
            "market": [first.data.markets[j] for j in markets],
        }
    )
    for name in ("demand", "threshold"):
        values = np.array([getattr(r.state.fit.parameters, name)[groups, markets] for r in results])
        drawn = [np.array([getattr(d.parameters, name)[groups, markets] for d in r.draws]) for r in results]
        told = rubin(values, np.array([d.var(axis=0, ddof=1) for d in drawn]), first.level)
        places[name] = told["estimate"]
        for column, word in (("standard_error", "error"), ("low", "low"), ("high", "high"),
                             ("missing_information", "missing_information")):  # fmt: skip
            places[f"{name}_{word}"] = told[column]
    capability = rubin(
        np.array([r.capability for r in results]),
        np.array([r.capability_spread for r in results]) ** 2,
        first.level,
    )
    firms = first.firms[["firm", "year"]].assign(
        capability=capability["estimate"], spread=capability["standard_error"]
    )
    return PooledResults(len(results), parameters.set_index(tables[0].index), places, firms)


def _pooled_parameters(tables: list[pd.DataFrame], level: float) -> pd.DataFrame:
    """Rubin's rules on the logs of what cannot be negative, so that no interval goes below zero."""
    values = np.array([t["estimate"] for t in tables], dtype=float)
    errors = np.array([t["standard_error"] for t in tables], dtype=float)
    logs = np.array([name not in ("v_k", "ρ") for name in tables[0].index]) & (values > 0).all(0)
    scale = np.where(logs, values, 1.0)
    told = rubin(np.where(logs, np.log(scale), values), (errors / scale) ** 2, level)
    centre = np.exp(np.where(logs, told["estimate"], 0.0))
    for name in ("estimate", "low", "high"):
        told[name] = np.where(logs, np.exp(np.where(logs, told[name], 0.0)), told[name])
    told["standard_error"] *= np.where(logs, centre, 1.0)
    return told


def rubin(estimates: Array, variances: Array, level: float = 0.90) -> pd.DataFrame:
    """Rubin's rules.

    Parameters
    ----------
    estimates, variances : (M, N)
        Of N numbers on each of M completed panels.
    level

    Returns
    -------
    DataFrame (N, .)
        ``estimate``, ``standard_error``, ``low``, ``high`` by Student's t with Rubin's degrees of freedom, and
        ``missing_information``, the share of variance due to imputation.
    """
    from scipy.stats import t as student

    count = len(estimates)
    between = (1 + 1 / count) * estimates.var(axis=0, ddof=1)
    total = variances.mean(axis=0) + between
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = (count - 1) * (total / between) ** 2
        missing = np.where(total > 0, between / total, 0.0)
    centre, error = estimates.mean(axis=0), np.sqrt(total)
    reach = student.ppf((1 + level) / 2, np.minimum(freedom, _MOST_FREEDOM)) * error
    return pd.DataFrame(
        {
            "estimate": centre,
            "standard_error": error,
            "low": centre - reach,
            "high": centre + reach,
            "missing_information": missing,
        }
    )
