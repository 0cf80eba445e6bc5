"""The structural reading of a gravity estimate: resistances, border effects, costs as tariffs (MODEL 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from firmtrade_core.gravity.conditional import conditional_flows
from firmtrade_core.gravity.errors import RegressorError
from firmtrade_core.gravity.estimate import GravityEstimate
from firmtrade_core.gravity.panel import Array


def ad_valorem_equivalent(
    found: GravityEstimate, term: str, elasticity: float, *, change: float = 1.0
) -> tuple[float, float, float]:
    """What a change of a regressor is worth as a tax on trade, a fraction: exp(-β change/ε) - 1, with its interval.

    The interval is the coefficient's; the elasticity counts as known.
    """
    if elasticity <= 0:
        raise RegressorError(f"The trade elasticity is {elasticity:g}; trade costs need one above zero.")
    low, high = found.interval(term)
    ends = sorted(-b * change / elasticity for b in (low, high))
    value, first, last = (
        float(np.expm1(x)) for x in (-found.coefficients[term] * change / elasticity, *ends)
    )
    return value, first, last


def head_ries_costs(flows: Array, elasticity: float) -> Array:
    """Trade costs that flows reveal, (N, N), fractions: (X_ii X_jj / (X_ij X_ji))^(1/2ε) - 1 (Head and Ries 2001).

    Geometric means over both directions, relative to costs at home; infinite where a flow is zero.
    """
    home = np.diag(flows)
    with np.errstate(divide="ignore"):
        ratio = np.outer(home, home) / (flows * flows.T)
    costs: Array = ratio ** (1 / (2 * elasticity)) - 1
    np.fill_diagonal(costs, 0.0)
    return costs


@dataclass(frozen=True, eq=False)
class StructuralReading:
    """One year and sector of an estimate, read as structural gravity (Anderson and van Wincoop 2003).

    X_ij = Y_i E_j / Y · τ_ij^-ε / (Π_i^-ε P_j^-ε). With exporter and importer effects PPML's fitted flows add up
    to outputs and expenditures (Fally 2015), so the effects are the resistances.

    Parameters
    ----------
    countries
    fitted : (N, N)
        Flows that the estimate predicts, home sales included; not estimated cells count as zero.
    cost_term : (N, N)
        τ^-ε: what regressors and pair effects do to trade.
    elasticity
        ε.
    reference
        Country whose inward resistance is one.
    """

    countries: tuple[str, ...]
    fitted: Array
    cost_term: Array
    elasticity: float
    reference: str

    @property
    def output(self) -> Array:
        """Y, (N,)."""
        total: Array = self.fitted.sum(1)
        return total

    @property
    def expenditure(self) -> Array:
        """E, (N,)."""
        total: Array = self.fitted.sum(0)
        return total

    @cached_property
    def resistances(self) -> pd.DataFrame:
        """By country: inward P (what consumers pay for distance) and outward Π (what producers bear), as prices.

        Relative to the reference's inward resistance.
        """
        log_origin, log_destination = self._effects
        inward = np.log(self.expenditure) - log_destination
        outward = np.log(self.output) - log_origin
        base = inward[self.countries.index(self.reference)]
        inward, outward = inward - base, outward + base - np.log(self.output.sum())
        scale = -1 / self.elasticity
        return pd.DataFrame(
            {
                "country": self.countries,
                "inward": np.exp(scale * inward),
                "outward": np.exp(scale * outward),
            }
        )

    @cached_property
    def _effects(self) -> tuple[Array, Array]:
        """Logs of a and b in fitted = a_i b_j cost_term_ij."""
        known = (self.fitted > 0) & (self.cost_term > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.where(known, np.log(self.fitted) - np.log(self.cost_term), np.nan)
        row = np.zeros(len(logs))
        for _ in range(500):
            column = np.nanmean(logs - row[:, None], 0)
            moved = np.nanmean(logs - column, 1)
            if np.abs(moved - row).max() < 1e-12:
                break
            row = moved
        return row, column

    def conditional_change(self, log_cost_term_change: Array) -> Array:
        """Ratios of flows, (N, N), when cost terms change by these logs, at given outputs and expenditures."""
        after = conditional_flows(
            self.cost_term * np.exp(log_cost_term_change), self.output, self.expenditure
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.fitted > 0, after / self.fitted, 1.0)

    def cost_change(self, log_cost_term_change: Array) -> Array:
        """τ̂, (N, N): the factor on iceberg costs that changes the cost terms by these logs."""
        factor: Array = np.exp(-log_cost_term_change / self.elasticity)
        return factor


def read_structure(
    found: GravityEstimate,
    *,
    year: int,
    sector: str | None = None,
    elasticity: float,
    reference: str | None = None,
) -> StructuralReading:
    """The reading of one year and sector.

    Parameters
    ----------
    found
        With exporter-year and importer-year effects (or exporter and importer effects of one year), home sales in.
    year, sector
        Of the panel; the only sector unless given.
    elasticity
        ε.
    reference
        The country with the largest market unless given.

    Raises
    ------
    RegressorError
        If the estimate has no such effects, cells or sales at home.
    """
    effects = set(found.specification.effects)
    if not ({"exporter_year", "importer_year"} <= effects or {"exporter", "importer"} <= effects):
        raise RegressorError(
            "Resistances are read from exporter-year and importer-year effects; estimate with them."
        )
    chosen = sector or found.sectors[0]
    mask = (found.cells["year"] == year) & (found.cells["sector"].astype(str) == chosen)
    cells = found.cells[mask]
    if cells.empty or not (cells["exporter"].astype(str) == cells["importer"].astype(str)).any():
        raise RegressorError(f"The estimate has no cells of {chosen} in {year} with sales at home.")
    countries = tuple(sorted({*cells["exporter"].astype(str), *cells["importer"].astype(str)}))
    place = {c: i for i, c in enumerate(countries)}
    at = (
        cells["exporter"].astype(str).map(place).to_numpy(),
        cells["importer"].astype(str).map(place).to_numpy(),
    )
    fitted, term = np.zeros((2, len(countries), len(countries)))
    fitted[at] = cells["fitted"]
    term[at] = np.exp(_log_cost_terms(found)[mask.to_numpy()])
    size = fitted.sum(0)
    return StructuralReading(
        countries=countries,
        fitted=fitted,
        cost_term=term,
        elasticity=elasticity,
        reference=reference or countries[int(size.argmax())],
    )


def _log_cost_terms(found: GravityEstimate) -> Array:
    """θ'x of every row used, with the pair's effect where there is one, (n,)."""
    kept = [found.sample.terms.index(t) for t in found.terms if t in found.sample.terms]
    beta = np.array([found.coefficients[found.sample.terms[k]] for k in kept])
    index: Array = found.sample.regressors[:, kept] @ beta
    pairs = [labels for name, labels in found.sample.effects.items() if "pair" in name]
    if not pairs:
        return index
    # With pair effects the rest of the index is theirs plus the country-year effects': the pair's mean is its own
    # up to terms by country, which the resistances take up.
    rest = np.log(found.cells["fitted"].to_numpy()) - index
    labels = pairs[0]
    mean = np.bincount(labels, weights=rest) / np.maximum(np.bincount(labels), 1)
    return index + mean[labels]


def policy_change(found: GravityEstimate, changes: Mapping[str, Array]) -> Array:
    """Change of log cost terms, (N, N), when regressors change by these amounts: Σ β Δx.

    Raises
    ------
    RegressorError
        Naming regressors that have no coefficient.
    """
    unknown = [t for t in changes if t not in found.coefficients]
    if unknown or not changes:
        raise RegressorError(
            f"No coefficients are called {', '.join(unknown)}; there are {', '.join(found.terms)}."
        )
    total: Array = np.sum(
        [found.coefficients[t] * np.asarray(x, dtype=np.float64) for t, x in changes.items()], axis=0
    )
    return total
