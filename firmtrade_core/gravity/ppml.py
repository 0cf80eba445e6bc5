"""Structural gravity by Poisson pseudo-maximum likelihood (MODEL 5, equation 11; SST06)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class GravityEstimate:
    """Coefficients of a gravity equation.

    Parameters
    ----------
    formula
        As pyfixest read it.
    coefficients, standard_errors
        By covariate; errors clustered by pair.
    observations
        Used in the estimation.
    separated
        Left out, because their fixed effects or covariates predict a zero perfectly.
    """

    formula: str
    coefficients: Mapping[str, float]
    standard_errors: Mapping[str, float]
    observations: int
    separated: int


def estimate_gravity(
    table: pd.DataFrame,
    covariates: Sequence[str],
    *,
    outcome: str = "trade",
    effects: Sequence[str] = ("exporter", "importer"),
    cluster: str = "pair_id",
) -> GravityEstimate:
    """Estimate equation (11): outcome = exp(effects + covariates) x error, zeros included.

    Parameters
    ----------
    table
        One row per observation, domestic sales included; holds all columns named.
    covariates
        Columns that enter the exponent, logs already taken.
    outcome
        Column of flows, zero or more.
    effects
        Columns whose values have an intercept each.
    cluster
        Column of pairs, within which errors may be correlated.
    """
    import pyfixest  # takes seconds to import

    formula = f"{outcome} ~ {' + '.join(covariates)} | {' + '.join(effects)}"
    fit = pyfixest.fepois(
        formula, table, vcov={"CRV1": cluster}, iwls_tol=1e-12, separation_check=["fe", "ir"]
    )
    summary = fit.tidy()
    observations = int(fit._N)
    return GravityEstimate(
        formula=formula,
        coefficients=summary["Estimate"].to_dict(),
        standard_errors=summary["Std. Error"].to_dict(),
        observations=observations,
        separated=len(table) - observations,
    )
