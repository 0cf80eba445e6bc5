"""What an estimated gravity equation can be asked: coefficients, tests, combinations, predictions (MODEL 5, equation 11)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from firmtrade_core.gravity.errors import RegressorError
from firmtrade_core.gravity.fitting import fit
from firmtrade_core.gravity.formula import read_combination
from firmtrade_core.gravity.panel import Array
from firmtrade_core.gravity.sample import Sample, SampleCounts
from firmtrade_core.gravity.specification import GravitySpecification

RESET_TERM = "squared index"


@dataclass(frozen=True)
class HypothesisTest:
    """A test of a hypothesis: statistic, degrees of freedom and p-value.

    Parameters
    ----------
    hypothesis
        What is tested, in words.
    statistic
        Chi-squared under the hypothesis.
    degrees
    p_value
    """

    hypothesis: str
    statistic: float
    degrees: int
    p_value: float


@dataclass(frozen=True)
class Coefficient:
    """One coefficient with its clustered error, normal p-value and interval."""

    term: str
    estimate: float
    std_error: float
    statistic: float
    p_value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class GravityEstimate:
    """Coefficients of a gravity equation, their errors, and the sample they come from.

    Parameters
    ----------
    specification
    sectors
        In the sample.
    flow_values : {"consumer", "border"}
        Whether the flows include tariffs.
    counts
        Observations used, and those left out by reason.
    coefficients
        By term; the constant is called ``constant``.
    covariance : (K, K)
        In the order of the coefficients.
    collinear
        Regressors without a coefficient, because the others and the effects explain them.
    cells
        The rows used: exporter, importer, sector, year, columns that effects are grouped by, trade and fitted, in
        the panel's unit (OLS: the exponential of the fitted log).
    goodness
        Measures of fit by name.
    notes
        On the panel and the sample, in plain words with counts.
    sample
        As estimated.
    """

    specification: GravitySpecification
    sectors: tuple[str, ...]
    flow_values: Literal["consumer", "border"]
    counts: SampleCounts
    coefficients: Mapping[str, float]
    covariance: Array
    collinear: tuple[str, ...]
    cells: pd.DataFrame
    goodness: Mapping[str, float]
    notes: tuple[str, ...]
    sample: Sample

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the coefficients, in order."""
        return tuple(self.coefficients)

    @property
    def observations(self) -> int:
        """Rows used."""
        return self.counts.used

    @property
    def separated(self) -> int:
        """Zero flows left out because groups or regressors predict them perfectly."""
        return self.counts.separated

    @cached_property
    def standard_errors(self) -> Mapping[str, float]:
        """Clustered standard errors by term."""
        return dict(zip(self.terms, np.sqrt(np.diag(self.covariance)).tolist(), strict=True))

    def interval(self, term: str) -> tuple[float, float]:
        """Confidence interval of a coefficient, normal, at the specification's confidence."""
        half = _normal_quantile(self.specification.confidence) * self.standard_errors[term]
        return self.coefficients[term] - half, self.coefficients[term] + half

    def rows(self) -> tuple[Coefficient, ...]:
        """All coefficients, in order."""
        return tuple(
            _coefficient(term, value, self.standard_errors[term], self.specification.confidence)
            for term, value in self.coefficients.items()
        )

    def table(self) -> pd.DataFrame:
        """A row per term: term, estimate, std_error, statistic, p_value, low, high."""
        return pd.DataFrame([dataclasses.asdict(row) for row in self.rows()])

    def joint_test(self, terms: Sequence[str]) -> HypothesisTest:
        """Wald test that some coefficients are all zero.

        Raises
        ------
        RegressorError
        """
        from scipy.stats import chi2

        unknown = [t for t in terms if t not in self.terms]
        if unknown or not terms:
            raise RegressorError(
                f"No coefficients are called {', '.join(unknown)}; there are {', '.join(self.terms)}."
            )
        index = [self.terms.index(t) for t in terms]
        beta = np.array([self.coefficients[t] for t in terms])
        statistic = float(beta @ np.linalg.solve(self.covariance[np.ix_(index, index)], beta))
        return HypothesisTest(
            f"{', '.join(terms)} = 0", statistic, len(index), float(chi2.sf(statistic, len(index)))
        )

    def combination(self, weights: str | Mapping[str, float]) -> Coefficient:
        """A linear combination of coefficients with its error and interval: ``rta + lag(rta, 4)``, ``2*a - b``.

        Parameters
        ----------
        weights
            As read by `formula.read_combination`, or by term.

        Raises
        ------
        RegressorError
            Naming terms without a coefficient.
        """
        by_term = read_combination(weights) if isinstance(weights, str) else dict(weights)
        plain = {"".join(t.split()): t for t in self.terms}
        unknown = [t for t in by_term if "".join(t.split()) not in plain]
        if unknown or not by_term:
            raise RegressorError(
                f"No coefficients are called {', '.join(unknown)}; there are {', '.join(self.terms)}."
            )
        at = [self.terms.index(plain["".join(t.split())]) for t in by_term]
        weight = np.array([*by_term.values()])
        value = float(weight @ np.array([self.coefficients[self.terms[k]] for k in at]))
        error = float(np.sqrt(max(weight @ self.covariance[np.ix_(at, at)] @ weight, 0.0)))
        name = weights if isinstance(weights, str) else " + ".join(f"{w:g}*{t}" for t, w in by_term.items())
        return _coefficient(name, value, error, self.specification.confidence)

    def event_study(self, policy: str) -> pd.DataFrame:
        """Leads and lags of a policy as an event study shows them: horizon, estimate, low, high, cumulated.

        Horizon h is the years since the policy; with the policy and its lags together, the effect after h
        years is the sum up to h, which ``cumulated`` and its interval give.

        Raises
        ------
        RegressorError
        """
        horizons = {t: h for t in self.terms if (h := _horizon(t, policy)) is not None}
        if not horizons:
            raise RegressorError(f"The estimate has neither {policy} nor leads or lags of it.")
        order = sorted(horizons, key=lambda t: horizons[t])
        z = _normal_quantile(self.specification.confidence)
        rows = []
        for term in order:
            after = horizons[term] >= 0
            summed = [t for t in order if 0 <= horizons[t] <= horizons[term]] if after else [term]
            index = [self.terms.index(t) for t in summed]
            total = sum(self.coefficients[t] for t in summed)
            error = float(np.sqrt(self.covariance[np.ix_(index, index)].sum()))
            low, high = self.interval(term)
            rows.append(
                (
                    horizons[term],
                    self.coefficients[term],
                    low,
                    high,
                    total,
                    total - z * error,
                    total + z * error,
                )
            )
        columns = ["horizon", "estimate", "low", "high", "cumulated", "cumulated_low", "cumulated_high"]
        return pd.DataFrame(rows, columns=columns)

    def lead_test(self, policy: str) -> HypothesisTest:
        """Whether trade moves before the policy does: all lead coefficients zero (Baier and Bergstrand 2007).

        Raises
        ------
        RegressorError
        """
        leads = [t for t in self.terms if (h := _horizon(t, policy)) is not None and h < 0]
        if not leads:
            raise RegressorError(f"The estimate has no leads of {policy} to test.")
        return self.joint_test(leads)

    def reset_test(self) -> HypothesisTest:
        """RESET: the squared index, added to the equation, should explain nothing (Ramsey 1969; SST06).

        Raises
        ------
        RegressorError
        """
        index = np.log(self.cells["fitted"].to_numpy())
        # Centred and scaled, the square spans the same space and keeps the normal equations well conditioned.
        square = ((index - index.mean()) / index.std()) ** 2
        extended = dataclasses.replace(
            self.sample,
            terms=(*self.sample.terms, RESET_TERM),
            regressors=np.column_stack([self.sample.regressors, square]),
        )
        raw = fit(extended, poisson=self.specification.estimator == "ppml")
        if RESET_TERM not in raw.terms:
            raise RegressorError("RESET needs an index whose square the regressors do not already span.")
        at = raw.terms.index(RESET_TERM)
        statistic = float(raw.coefficients[at] ** 2 / raw.covariance[at, at])
        from scipy.stats import chi2

        return HypothesisTest("the squared index adds nothing", statistic, 1, float(chi2.sf(statistic, 1)))


def _coefficient(term: str, value: float, error: float, confidence: float) -> Coefficient:
    from scipy.stats import norm

    statistic = value / error if error > 0 else float("nan")
    half = _normal_quantile(confidence) * error
    return Coefficient(
        term, value, error, statistic, float(2 * norm.sf(abs(statistic))), value - half, value + half
    )


def _horizon(term: str, policy: str) -> int | None:
    """Years since the policy that a term stands for; None where it is another variable's."""
    if term == policy:
        return 0
    for word, sign in (("lag", 1), ("lead", -1)):
        start = f"{word}({policy},"
        if term.startswith(start):
            return sign * int(term[len(start) : -1])
    return None


def _normal_quantile(confidence: float) -> float:
    from scipy.stats import norm

    return float(norm.ppf(0.5 + confidence / 2))
