"""Production functions by control function: Levinsohn-Petrin, with the correction of Ackerberg, Caves and Frazer,
and Wooldridge's joint estimation.

Notation: output y, labour l, capital k, materials m, all in logs; ``y = β_l l + β_k k + ω + ε``. Output is value
added, or gross output where materials are in fixed proportion to it. ω is productivity, which the firm knows when it
buys materials, ``ω_t = h(ω_{t-1}) + ξ_t``; ε is what nobody foresees. Labour may be several inputs, such as skilled and unskilled
persons: each has its elasticity, and its own value of a year before as instrument.

Sources: Levinsohn, Petrin 2003; Wooldridge 2009; Ackerberg, Caves, Frazer 2015 (ACF); Kim, Luo, Su 2019.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import block_diag
from scipy.optimize import least_squares

from firmtrade_core.panel.errors import EstimationError
from firmtrade_core.panel.panel import FirmPanel

Array = NDArray[np.float64]
Positions = NDArray[np.int64]

#: Columns of the data, all in logs; labour may be several.
VARIABLES = ("output", "labour", "capital", "materials")

#: Columns of labour where persons are told by skill.
BY_SKILL = ("skilled", "unskilled")

#: Fewest observations with a year before them.
FEWEST = 50

#: Where the search starts (β_l, β_k), and how far it goes.
STARTS = ((0.5, 0.3), (0.7, 0.3), (0.3, 0.5), (0.9, 0.1))
LOWEST, HIGHEST = 0.0, 1.5

#: Moments, as correlations, that count as zero; an elasticity this close to a bound is not told by the data.
ZERO_MOMENTS, AT_BOUND = 1e-5, 0.01

#: Elasticities this far apart, and by so many standard errors, are not estimates of one production function.
PARTED, PARTED_ERRORS = 0.1, 4.0

#: A root with an elasticity below it counts only if there is no other.
SMALLEST_ELASTICITY = 0.05


@dataclass(frozen=True, eq=False)
class ProductionFunction:
    """An estimated production function.

    Parameters
    ----------
    method
    labour, capital
        Elasticities β_l, all labour together, and β_k.
    productivity : Series
        ω in logs, constant included; rows as in the data, missing where a variable was.
    expected_output : Series
        y without ε, in logs: what markups must be computed from.
    observations, firms
        Rows used in the second stage, firms in them.
    persistence
        Slope of ω on its value a year before.
    standard_errors
        By elasticity; empty where none were asked for.
    labours
        Elasticity by labour input, in the data's order.
    """

    method: str
    labour: float
    capital: float
    productivity: pd.Series
    expected_output: pd.Series
    observations: int
    firms: int
    persistence: float
    standard_errors: dict[str, float] = field(default_factory=dict)
    labours: dict[str, float] = field(default_factory=dict)

    @property
    def returns_to_scale(self) -> float:
        """β_l + β_k."""
        return self.labour + self.capital


def production_data(panel: FirmPanel, *, output: str = "value_added", by_skill: bool = False) -> pd.DataFrame:
    """Logs of a panel's output and inputs, with firm, year and sector; rows without all of them are missing.

    Parameters
    ----------
    output
        ``value_added`` or ``sales``; money must be in constant prices for the result to be productivity.
    by_skill
        Labour is two inputs, ``skilled`` and ``unskilled`` persons, by the panel's ``skill_share``; firms that have none of
        one kind are missing, as logs know no zero.

    Raises
    ------
    ColumnError
        Naming what the panel lacks.
    """
    columns = dict(zip(VARIABLES, (output, "employment", "capital", "materials"), strict=True))
    panel.need(*columns.values(), *(["skill_share"] if by_skill else []))
    table = panel.firms
    positive = {name: table[column].astype(float) for name, column in columns.items()}
    if by_skill:
        persons, share = positive.pop("labour"), table["skill_share"].astype(float)
        positive |= dict(zip(BY_SKILL, (persons * share, persons * (1 - share)), strict=True))
    logs = pd.DataFrame({name: np.log(values.where(values > 0)) for name, values in positive.items()})
    return pd.concat([table[["firm", "year", "sector"]], logs], axis=1)


def levinsohn_petrin(
    data: pd.DataFrame,
    *,
    correction: bool = True,
    degree: int = 3,
    markov_degree: int = 1,
    draws: int = 0,
    seed: int = 0,
    labour: Sequence[str] = ("labour",),
) -> ProductionFunction:
    """Estimate in two stages.

    First y on a polynomial, whose fitted values free it of ε; then elasticities such that the innovation ξ of implied
    productivity is uncorrelated with capital and, under the correction, with labour of a year before. Means of years
    are taken out of all variables.

    Parameters
    ----------
    data
        ``firm``, ``year`` and `VARIABLES` in logs; one row by firm and year.
    correction
        With it (ACF), labour enters the polynomial and β_l comes from the second stage: right where labour is chosen
        before materials or with other information. Without it (Levinsohn, Petrin), β_l comes from the first.
    degree, markov_degree
        Of the first stage's polynomial and of h.
    draws
        Bootstrap draws of firms for standard errors.
    seed
    labour
        Columns of labour inputs, such as `BY_SKILL`.

    Raises
    ------
    EstimationError
        If too few firms are seen in consecutive years, inputs do not vary, or the data do not tell the elasticities.
    """

    def estimate(sample: _Sample) -> tuple[Array, Array, float]:
        return _two_stages(sample, correction, markov_degree)

    names = (*labour, "capital")
    sample = _Sample.of(data, degree, labour)
    errors: dict[str, float] = {}
    if draws:
        generator = np.random.default_rng(seed)
        again = [estimate(_Sample.of(_resample(data, generator), degree, labour))[0] for _ in range(draws)]
        errors = _named(names, np.std(again, axis=0, ddof=1))
    method = "Levinsohn-Petrin" + (", Ackerberg-Caves-Frazer correction" if correction else "")
    found = estimate(sample)
    searched = _named(names, found[0]) if correction else {"capital": float(found[0][-1])}
    _refuse_bounds(searched, method)
    return _result(method, data, sample, names, *found, errors)


def wooldridge(
    data: pd.DataFrame, *, degree: int = 3, labour: Sequence[str] = ("labour",)
) -> ProductionFunction:
    """Estimate both equations at once by the generalised method of moments, with standard errors clustered by firm.

    ``y_t = P_t λ + ε_t`` and ``y_t = β_l l_t + β_k k_t + a + ρ (P_{t-1} λ - β_l l_{t-1} - β_k k_{t-1}) + ξ_t + ε_t``,
    P a polynomial in labour, capital and materials; instruments P_t for the first equation, (1, k_t, l_{t-1},
    ω̃_{t-1}) for the second, ω̃ the productivity that `levinsohn_petrin` implies, so that labour may be chosen before
    materials (as under ACF). Capital and materials of a year before stay out: they carry the error with which materials
    are measured, and lead to the root where implied productivity is the price of labour (0.98 and 0.02 for 0.6 and 0.4).
    Weights come from a first step.

    Parameters
    ----------
    data, degree, labour
        As in `levinsohn_petrin`.

    Raises
    ------
    EstimationError
        As there; and where the joint estimate parts from the two stages by more than their errors, as at a wrong root.
    """
    names = (*labour, "capital")
    sample = _Sample.of(data, degree, labour)
    elasticities, fitted, persistence = _two_stages(sample, True, 1)
    system = _Joint(sample, fitted - sample.inputs @ elasticities)
    theta = np.r_[system.regress(fitted), elasticities, 0.0, persistence]
    weights = system.first_weights()
    for _ in range(2):
        theta = system.minimise(theta, weights)
        weights = np.asarray(np.linalg.pinv(system.covariance(theta)))
    joint, at = theta[system.elasticities], system.elasticities
    _refuse_bounds(_named(names, joint), "Wooldridge's joint estimation")
    spread = np.sqrt(np.diag(system.spread(theta, weights)))[at]
    _refuse_another_root(names, joint, elasticities, spread)
    fitted = sample.polynomial @ theta[: at.start]
    return _result(
        "Wooldridge, joint", data, sample, names, joint, fitted, float(theta[-1]), _named(names, spread)
    )


def estimate_by_sector(
    data: pd.DataFrame, estimator: Callable[[pd.DataFrame], ProductionFunction] = levinsohn_petrin
) -> SectorFunctions:
    """One production function for each sector, as technologies differ.

    Parameters
    ----------
    data
        Of `production_data`.
    estimator
        `levinsohn_petrin`, `wooldridge`, or either with its options set.
    """
    functions: dict[str, ProductionFunction] = {}
    left_out: dict[str, str] = {}
    for sector, rows in data.groupby("sector", observed=True):
        try:
            functions[str(sector)] = estimator(rows)
        except EstimationError as error:
            left_out[str(sector)] = str(error)
    return SectorFunctions(functions, left_out, data.index)


@dataclass(frozen=True, eq=False)
class SectorFunctions:
    """Production functions by sector.

    Parameters
    ----------
    functions
        By sector.
    left_out
        Why a sector has none.
    index
        Rows of the data.
    """

    functions: dict[str, ProductionFunction]
    left_out: dict[str, str]
    index: pd.Index

    @property
    def productivity(self) -> pd.Series:
        """ω less its sector's mean, in logs, (rows,): comparable within sectors; missing in sectors left out."""
        parts = [f.productivity - f.productivity.mean() for f in self.functions.values()]
        joined = pd.concat(parts) if parts else pd.Series(dtype=float)
        return joined.reindex(self.index).rename("productivity")

    def table(self) -> pd.DataFrame:
        """Elasticities by sector: ``labour``, ``capital``, ``observations``, ``firms``."""
        rows = {
            sector: (f.labour, f.capital, f.observations, f.firms) for sector, f in self.functions.items()
        }
        return pd.DataFrame.from_dict(
            rows, orient="index", columns=["labour", "capital", "observations", "firms"]
        )


# The sample -------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Sample:
    """Complete rows less their years' means, the polynomial in inputs, and which rows follow which; labour is (rows, L)."""

    index: pd.Index
    firm: Positions
    y: Array
    labour: Array
    capital: Array
    materials: Array
    polynomial: Array
    now: Positions
    before: Positions

    @property
    def inputs(self) -> Array:
        """Labour and capital, (rows, L + 1)."""
        return np.column_stack([self.labour, self.capital])

    @classmethod
    def of(cls, data: pd.DataFrame, degree: int, kinds: Sequence[str] = ("labour",)) -> _Sample:
        variables = ["output", *kinds, "capital", "materials"]
        complete = data[["firm", "year", *variables]].replace([np.inf, -np.inf], np.nan).dropna()
        if complete.duplicated(["firm", "year"]).any():
            raise EstimationError("A firm appears twice in a year; give one row by firm and year.")
        firm, _ = pd.factorize(complete["firm"])
        year = complete["year"].to_numpy(dtype=np.int64)
        position = pd.Series(np.arange(len(complete)), index=pd.MultiIndex.from_arrays([firm, year]))
        previous = position.reindex(pd.MultiIndex.from_arrays([firm, year - 1])).to_numpy(dtype=float)
        now = np.flatnonzero(np.isfinite(previous))
        if len(now) < FEWEST:
            raise EstimationError(
                f"Only {len(now)} observations have output, labour, capital and materials in consecutive years; "
                f"{FEWEST} are needed."
            )
        logs = complete[variables].astype(float)
        y, *inputs = (logs - logs.groupby(year).transform("mean")).to_numpy().T
        flat = [name for name, row in zip(variables[1:], inputs, strict=True) if row.std() < 1e-9]
        if flat:
            raise EstimationError(f"Log {', '.join(flat)} does not vary; nothing can be estimated.")
        return cls(
            complete.index, np.asarray(firm), y, np.column_stack(inputs[:-2]), inputs[-2], inputs[-1],
            _polynomial(np.stack(inputs), degree), now,
            previous[now].astype(np.int64),
        )  # fmt: skip


def _polynomial(variables: Array, degree: int) -> Array:
    """All products of standardised variables up to a degree, constant first, (rows, terms)."""
    scaled = variables / variables.std(1, keepdims=True)
    terms = [np.ones(variables.shape[1])]
    for power in range(1, degree + 1):
        terms += [
            np.prod(scaled[list(chosen)], axis=0)
            for chosen in combinations_with_replacement(range(len(scaled)), power)
        ]
    return np.column_stack(terms)


def _resample(data: pd.DataFrame, generator: np.random.Generator) -> pd.DataFrame:
    """Firms drawn with replacement, each draw a firm of its own."""
    rows = list(data.groupby("firm", sort=False).indices.values())
    chosen = generator.integers(0, len(rows), len(rows))
    lengths = [len(rows[i]) for i in chosen]
    drawn = data.iloc[np.concatenate([rows[i] for i in chosen])]
    return drawn.assign(firm=np.repeat(np.arange(len(chosen)), lengths))


# Two stages -------------------------------------------------------------------------------------


def _two_stages(sample: _Sample, correction: bool, markov_degree: int) -> tuple[Array, Array, float]:
    """Elasticities (β_l, each, and β_k), expected output, and the persistence of productivity."""
    if correction:
        fitted = sample.polynomial @ _least_squares(sample.polynomial, sample.y)
        return _second_stage(sample, fitted, None, markov_degree)
    terms = np.column_stack([sample.labour, _polynomial(np.stack([sample.capital, sample.materials]), 3)])
    coefficients = _least_squares(terms, sample.y)
    return _second_stage(sample, terms @ coefficients, coefficients[: sample.labour.shape[1]], markov_degree)


def _second_stage(
    sample: _Sample, fitted: Array, labour: Array | None, markov_degree: int
) -> tuple[Array, Array, float]:
    now, before, kinds = sample.now, sample.before, sample.labour.shape[1]
    instruments = (
        [sample.capital[now]] if labour is not None else [*sample.labour[before].T, sample.capital[now]]
    )
    scaled, inputs = np.stack([z / z.std() for z in instruments]), sample.inputs

    def elasticities(free: Array) -> Array:
        return np.asarray(free) if labour is None else np.r_[labour, free]

    def innovation(free: Array) -> tuple[Array, float]:
        omega = fitted - inputs @ elasticities(free)
        past = omega[before]
        terms = np.vander(past - past.mean(), markov_degree + 1, increasing=True)
        slopes = _least_squares(terms, omega[now])
        return omega[now] - terms @ slopes, float(slopes[1])

    def moments(free: Array) -> Array:
        xi = innovation(free)[0]
        return np.asarray(scaled @ xi / (len(now) * xi.std()))

    if labour is not None:
        starts: list[tuple[float, ...]] = [(capital,) for _, capital in STARTS]
    else:
        starts = [(*share, capital) for total, capital in STARTS for share in _shares(total, kinds)]
    roots = [least_squares(moments, start, bounds=(LOWEST, HIGHEST), xtol=1e-10) for start in starts]
    best = min(np.abs(root.fun).max() for root in roots)
    exact = [root.x for root in roots if np.abs(root.fun).max() <= max(best, ZERO_MOMENTS)]
    inside = [x for x in exact if (elasticities(x) > SMALLEST_ELASTICITY).all()] or exact
    # Where implied productivity is the price of labour it persists less, as wages do (Kim, Luo, Su 2019).
    chosen = max(inside, key=lambda x: innovation(x)[1])
    return elasticities(chosen), fitted, innovation(chosen)[1]


def _shares(total: float, kinds: int) -> list[tuple[float, ...]]:
    """Where the search starts: labour's elasticity in equal parts, and with most of it in each input by turns."""
    if kinds == 1:
        return [(total,)]
    most = [tuple(total * (0.7 if k == j else 0.3 / (kinds - 1)) for k in range(kinds)) for j in range(kinds)]
    return [(total / kinds,) * kinds, *most]


def _least_squares(terms: Array, values: Array) -> Array:
    return np.asarray(np.linalg.lstsq(terms, values, rcond=None)[0])


# Both equations at once -------------------------------------------------------------------------


class _Joint:
    """Moments of the two equations in the parameters λ, β_l (each), β_k, a, ρ; cross products are taken once."""

    def __init__(self, sample: _Sample, implied: Array) -> None:
        """``implied`` (rows,): productivity of the two stages, whose value a year before is an instrument."""
        self.sample, self.terms, self.rows = sample, sample.polynomial, len(sample.y)
        now, before = sample.now, sample.before
        count = self.terms.shape[1]
        self.elasticities = slice(count, count + sample.inputs.shape[1])
        exogenous = (sample.capital[now], *sample.labour[before].T, implied[before])
        self.instruments = np.column_stack([np.ones(len(now)), *(z / z.std() for z in exogenous)])
        self._terms_terms = self.terms.T @ self.terms / self.rows
        self._terms_output = self.terms.T @ sample.y / self.rows
        across = self.instruments.T / self.rows
        self._output = across @ sample.y[now]
        self._inputs_now = across @ sample.inputs[now]
        self._inputs_before = across @ sample.inputs[before]
        self._terms_before = across @ self.terms[before]
        self._constant = across.sum(1)

    def regress(self, fitted: Array) -> Array:
        """λ of fitted values."""
        return _least_squares(self.terms, fitted)

    def first_weights(self) -> Array:
        """Inverse second moments of the instruments, block by block."""
        return np.asarray(
            block_diag(
                np.linalg.pinv(self._terms_terms),
                np.linalg.pinv(self.instruments.T @ self.instruments / self.rows),
            )
        )

    def _past(self, theta: Array) -> Array:
        """Instruments times last year's productivity."""
        return np.asarray(
            self._terms_before @ theta[: self.elasticities.start]
            - self._inputs_before @ theta[self.elasticities]
        )

    def moments(self, theta: Array) -> Array:
        """Mean moments."""
        constant, persistence = theta[-2:]
        second = self._output - self._inputs_now @ theta[self.elasticities] - constant * self._constant
        return np.r_[
            self._terms_output - self._terms_terms @ theta[: self.elasticities.start],
            second - persistence * self._past(theta),
        ]

    def jacobian(self, theta: Array) -> Array:
        """Derivatives of the mean moments, (moments, parameters)."""
        persistence = theta[-1]
        second = np.column_stack(
            [
                -persistence * self._terms_before,
                -self._inputs_now + persistence * self._inputs_before,
                -self._constant,
                -self._past(theta),
            ]
        )
        first = np.zeros((self.terms.shape[1], len(theta)))
        first[:, : self.elasticities.start] = -self._terms_terms
        return np.vstack([first, second])

    def minimise(self, theta: Array, weights: Array) -> Array:
        root = np.linalg.cholesky(weights + 1e-12 * np.trace(weights) * np.eye(len(weights))).T
        found = least_squares(
            lambda t: root @ self.moments(t), theta, jac=lambda t: root @ self.jacobian(t), method="lm"
        )
        return np.asarray(found.x)

    def covariance(self, theta: Array) -> Array:
        """Of the mean moments times √rows, clustered by firm."""
        s, now, before = self.sample, self.sample.now, self.sample.before
        fitted, (constant, persistence) = self.terms @ theta[: self.elasticities.start], theta[-2:]
        made = s.inputs @ theta[self.elasticities]
        explained = made[now] + constant + persistence * (fitted - made)[before]
        by_firm = np.zeros((int(s.firm.max()) + 1, self.terms.shape[1] + self.instruments.shape[1]))
        np.add.at(by_firm[:, : self.terms.shape[1]], s.firm, self.terms * (s.y - fitted)[:, None])
        np.add.at(
            by_firm[:, self.terms.shape[1] :], s.firm[now], self.instruments * (s.y[now] - explained)[:, None]
        )
        return np.asarray(by_firm.T @ by_firm / self.rows)

    def spread(self, theta: Array, weights: Array) -> Array:
        """Covariance of the parameters under efficient weights."""
        slope = self.jacobian(theta)
        return np.asarray(np.linalg.pinv(slope.T @ weights @ slope) / self.rows)


def _refuse_bounds(elasticities: dict[str, float], method: str) -> None:
    for name, value in elasticities.items():
        if not LOWEST + AT_BOUND < value < HIGHEST - AT_BOUND:
            raise EstimationError(
                f"{method}: the data do not tell the elasticity of {name} (the search ends at {value:.2f}). "
                "Estimate sector by sector, over more years, or by the other method."
            )


def _refuse_another_root(names: Sequence[str], joint: Array, two_stages: Array, errors: Array) -> None:
    """The two estimators share their moments' truth: what parts them is a root that is not the production function."""
    apart = np.abs(joint - two_stages)
    if not np.isfinite(errors).all() or ((apart > PARTED) & (apart > PARTED_ERRORS * errors)).any():
        ends = " and ".join(f"{value:.2f} for {name}" for name, value in zip(names, joint, strict=True))
        others = " and ".join(f"{value:.2f}" for value in two_stages)
        raise EstimationError(
            f"Wooldridge's joint estimation ends at {ends}, the two stages at {others}: one of them is a root that is no production function, or materials "
            "are badly measured. Use levinsohn_petrin, and say that the joint estimation does not confirm it."
        )


# Results ----------------------------------------------------------------------------------------


def _named(names: Sequence[str], values: Array) -> dict[str, float]:
    return dict(zip(names, map(float, values), strict=True))


def _result(
    method: str,
    data: pd.DataFrame,
    sample: _Sample,
    names: Sequence[str],
    elasticities: Array,
    fitted: Array,
    persistence: float,
    errors: dict[str, float],
) -> ProductionFunction:
    rows = data.loc[sample.index]
    mean = (rows["output"] - sample.y).to_numpy(dtype=float)  # the year's mean, taken out before
    expected = fitted + mean
    omega = expected - sum(value * rows[name] for name, value in _named(names, elasticities).items())
    return ProductionFunction(
        method=method,
        labour=float(elasticities[:-1].sum()),
        capital=float(elasticities[-1]),
        productivity=omega.astype(float).reindex(data.index),
        expected_output=pd.Series(expected, index=sample.index).reindex(data.index),
        observations=len(sample.now),
        firms=len(np.unique(sample.firm[sample.now])),
        persistence=persistence,
        standard_errors=errors,
        labours=_named(names[:-1], elasticities[:-1]),
    )
