"""Gaps: where they are, whether they depend on what is seen, and filling them so that uncertainty is carried on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from threadpoolctl import threadpool_limits

from firmtrade_core.harmonise.errors import ImputationError
from firmtrade_core.jobs import Progress, silent

Array = NDArray[np.float64]

#: Donors that a missing value is drawn from in predictive mean matching.
DONORS = 10

#: Fewest observed values that a column's gaps can be filled from.
_FEWEST = 30

#: Most categories of a label that enter as indicators; the rest is one.
_MOST_CATEGORIES = 20


def missingness_map(table: pd.DataFrame, by: str = "year") -> pd.DataFrame:
    """Share missing of each column, by year or any other label: rows are columns of the table, columns its groups."""
    columns = [name for name in table if name != by]
    return table[columns].isna().groupby(table[by]).mean().T


def missingness_tests(table: pd.DataFrame, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Whether gaps depend on what is seen, which rules out that they are completely at random.

    For each column with gaps and each numeric column seen: the difference in means between rows with and without the
    gap, in standard deviations, and Welch's p-value, adjusted over all pairs (Holm).

    Returns
    -------
    DataFrame
        ``column`` (with gaps), ``seen``, ``difference``, ``p`` (adjusted), ``rows``; smallest p first. A small p says
        that gaps are not completely at random; none can say that they are.
    """
    numeric = [c for c in (columns or table.columns) if pd.api.types.is_numeric_dtype(table[c])]
    rows = []
    for gap in (c for c in numeric if table[c].isna().any() and table[c].notna().any()):
        for seen in (c for c in numeric if c != gap):
            with_gap = table.loc[table[gap].isna(), seen].dropna().to_numpy(float)
            without = table.loc[table[gap].notna(), seen].dropna().to_numpy(float)
            spread = np.std(np.concatenate([with_gap, without])) if len(with_gap) + len(without) else 0.0
            if min(len(with_gap), len(without)) < 5 or spread == 0:
                continue
            test = stats.ttest_ind(with_gap, without, equal_var=False)
            difference = (with_gap.mean() - without.mean()) / spread
            rows.append((gap, seen, difference, float(test.pvalue), len(with_gap)))
    result = pd.DataFrame(rows, columns=["column", "seen", "difference", "p", "rows"])
    result["p"] = _holm(result["p"].to_numpy())
    return result.sort_values(["p", "column", "seen"], ignore_index=True)


def _holm(p: Array) -> Array:
    order = np.argsort(p)
    adjusted = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)) if len(p) else p
    result = np.empty_like(p)
    result[order] = np.minimum(adjusted, 1.0)
    return result


@dataclass(frozen=True, eq=False)
class Imputation:
    """Several completed tables, alike but for the gaps.

    Parameters
    ----------
    table
        As given, with its gaps.
    columns
        Columns that were filled.
    values
        By column: (draws, gaps) values in the order of the table's missing rows.
    """

    table: pd.DataFrame
    columns: tuple[str, ...]
    values: Mapping[str, Array]

    @property
    def draws(self) -> int:
        """Number of completed tables."""
        return next(iter(self.values.values())).shape[0] if self.values else 1

    def completed(self, draw: int) -> pd.DataFrame:
        """One completed table."""
        filled = self.table.copy()
        for name in self.columns:
            missing = self.table[name].isna()
            filled[name] = filled[name].astype(float)
            filled.loc[missing, name] = self.values[name][draw]
        return filled

    def estimate(self, of: Callable[[pd.DataFrame], tuple[ArrayLike, ArrayLike]]) -> PooledEstimate:
        """An estimate from every completed table, put together by Rubin's rules.

        Parameters
        ----------
        of
            Takes a completed table, returns estimates and their sampling variances.
        """
        pairs = [of(self.completed(draw)) for draw in range(self.draws)]
        return pool([estimate for estimate, _ in pairs], [variance for _, variance in pairs])

    def comparison(self) -> pd.DataFrame:
        """Filled values beside observed ones, by column.

        Columns ``observed``, ``filled`` (counts), means and standard deviations of both, and the Kolmogorov-Smirnov
        distance with its p-value. They differ where gaps are not completely at random: the distance is to be
        explained, not to be zero.
        """
        rows = []
        for name in self.columns:
            seen = self.table[name].dropna().to_numpy(float)
            drawn = self.values[name]
            test = stats.ks_2samp(seen, drawn[0])
            rows.append(
                (name, len(seen), drawn.shape[1], seen.mean(), drawn.mean(), seen.std(), drawn.std(),
                 float(test.statistic), float(test.pvalue))
            )  # fmt: skip
        names = [
            "column",
            "observed",
            "filled",
            "mean_observed",
            "mean_filled",
            "sd_observed",
            "sd_filled",
            "ks",
            "p",
        ]
        return pd.DataFrame(rows, columns=names)


@dataclass(frozen=True)
class PooledEstimate:
    """An estimate over several completed tables (Rubin 1987).

    Parameters
    ----------
    value, standard_error
        Mean over draws; square root of within plus (1 + 1/m) between variance.
    degrees_of_freedom
        Of the t distribution that intervals use.
    missing_information
        Share of the variance that is due to the gaps.
    """

    value: Array
    standard_error: Array
    degrees_of_freedom: Array
    missing_information: Array

    def interval(self, level: float = 0.95) -> tuple[Array, Array]:
        """Lower and upper end of the confidence interval."""
        reach = stats.t.ppf(0.5 + level / 2, self.degrees_of_freedom) * self.standard_error
        return self.value - reach, self.value + reach


def pool(estimates: Sequence[ArrayLike], variances: Sequence[ArrayLike]) -> PooledEstimate:
    """Rubin's rules: total variance T = W + (1 + 1/m) B, degrees of freedom (m - 1)(1 + W / ((1 + 1/m) B))².

    Raises
    ------
    ImputationError
        If there are fewer than two draws.
    """
    points, within = np.asarray(estimates, dtype=float), np.asarray(variances, dtype=float)
    draws = len(points)
    if draws < 2:
        raise ImputationError("Rubin's rules need at least two completed tables; ask for more draws.")
    inside, between = within.mean(0), points.var(0, ddof=1) * (1 + 1 / draws)
    total = inside + between
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        freedom = np.where(between > 0, (draws - 1) * (1 + inside / between) ** 2, np.inf)
        share = np.where(total > 0, between / total, 0.0)
    return PooledEstimate(points.mean(0), np.sqrt(total), freedom, share)


def impute(
    table: pd.DataFrame,
    columns: Sequence[str] | None = None,
    *,
    given: Sequence[str] = (),
    draws: int = 5,
    rounds: int = 5,
    seed: int = 1,
    progress: Progress = silent,
) -> Imputation:
    """Fill gaps by chained equations with predictive mean matching.

    Each column with gaps is regressed on all others (logarithms where values are positive and skewed) by Bayesian
    linear regression; coefficients and variance are drawn from their posterior, and each gap takes the value of one
    of the `DONORS` observed rows whose prediction is nearest (van Buuren 2018, algorithm 3.3, type 1 matching). So
    filled values are always values that occur, and distributions keep their shape, bounds and heaps.

    Parameters
    ----------
    table
        Rows as they are; labels (text) may serve as predictors.
    columns
        What to fill; every numeric column with gaps unless given.
    given
        Labels and numbers without gaps that help to predict but are not filled, such as year, sector and exporter.
        The outcome of later estimates belongs here or among the columns, lest its link be weakened.
    draws, rounds
        Completed tables, and sweeps over the columns for each.

    Raises
    ------
    ImputationError
        If a column has too few observed values, or is no number.
    """
    wanted = _wanted(table, columns)
    if not wanted:
        return Imputation(table, (), {})
    # The regressions are small: several threads would only wait for each other.
    with threadpool_limits(1):
        return _chained(_Design(table, wanted, given), draws, rounds, seed, progress)


def _chained(design: _Design, draws: int, rounds: int, seed: int, progress: Progress) -> Imputation:
    table, wanted = design.table, design.wanted
    values = {name: np.empty((draws, int(table[name].isna().sum()))) for name in wanted}
    for draw in range(draws):
        random = np.random.default_rng([seed, draw])
        filled = design.start(random)
        for sweep in range(rounds):
            for number, name in enumerate(wanted):
                done = (draw + (sweep + number / len(wanted)) / rounds) / draws
                progress(done, f"Draw {draw + 1} of {draws}: {name}")
                design.refill(filled, number, random)
        for number, name in enumerate(wanted):
            missing = design.missing[:, number]
            values[name][draw] = table[name].dropna().to_numpy(float)[design.donor_rows[number][missing]]
    progress(1.0, "Filled")
    return Imputation(table, tuple(wanted), values)


def _wanted(table: pd.DataFrame, columns: Sequence[str] | None) -> list[str]:
    numeric = [str(c) for c in table if pd.api.types.is_numeric_dtype(table[c])]
    for name in columns or ():
        if name not in numeric:
            raise ImputationError(f"{name} is no numeric column of the table; only numbers are filled.")
    wanted = [c for c in (columns or numeric) if table[c].isna().any()]
    for name in wanted:
        if (seen := int(table[name].notna().sum())) < _FEWEST:
            raise ImputationError(
                f"{name} has {seen} observed values; at least {_FEWEST} are needed to fill its gaps. Leave it out."
            )
    return wanted


@dataclass
class _Design:
    """Columns on the scale that they are regressed on, and who lent each gap its value."""

    table: pd.DataFrame
    wanted: Sequence[str]
    given: Sequence[str]
    missing: NDArray[np.bool_] = field(init=False)
    scaled: Array = field(init=False)
    fixed: Array = field(init=False)
    #: By column: position among the observed rows of the donor of each row.
    donor_rows: list[NDArray[np.int64]] = field(init=False)

    def __post_init__(self) -> None:
        self.missing = self.table[list(self.wanted)].isna().to_numpy()
        self.scaled = np.column_stack([_scaled(self.table[name].to_numpy(float)) for name in self.wanted])
        complete = [c for c in self.table if c not in self.wanted and c not in self.given]
        numbers = [
            c
            for c in complete
            if pd.api.types.is_numeric_dtype(self.table[c]) and self.table[c].notna().all()
        ]
        self.fixed = np.column_stack(
            [np.ones(len(self.table)), *(_predictors(self.table[c]) for c in (*numbers, *self.given))]
        )
        self.donor_rows = [np.full(len(self.table), -1) for _ in self.wanted]

    def start(self, random: np.random.Generator) -> Array:
        """Gaps filled by values drawn at random."""
        filled = self.scaled.copy()
        for number in range(len(self.wanted)):
            gaps = self.missing[:, number]
            filled[gaps, number] = random.choice(self.scaled[~gaps, number], gaps.sum())
        return filled

    def refill(self, filled: Array, number: int, random: np.random.Generator) -> None:
        """Draw the gaps of one column anew, given the present values of all others."""
        gaps = self.missing[:, number]
        others = np.column_stack([self.fixed, np.delete(filled, number, axis=1)])
        # What never varies among observed rows has no coefficient: a sector met only where the gap is, for one.
        others = others[:, np.r_[True, others[~gaps, 1:].std(axis=0) > 1e-8]]
        seen, target = others[~gaps], self.scaled[~gaps, number]
        # A little ridge keeps columns that say the same apart.
        moments = seen.T @ seen
        moments[np.diag_indices_from(moments)] *= 1 + 1e-6
        moments[np.diag_indices_from(moments)] += 1e-9
        fitted = np.linalg.solve(moments, seen.T @ target)
        freedom = max(len(target) - len(fitted), 1)
        residual = float(((target - seen @ fitted) ** 2).sum())
        spread = np.sqrt(residual / random.chisquare(freedom))
        half = np.linalg.cholesky(moments)
        drawn = fitted + spread * np.linalg.solve(half.T, random.standard_normal(len(fitted)))
        donors = _nearest(seen @ fitted, others[gaps] @ drawn, random)
        self.donor_rows[number][gaps] = donors
        filled[gaps, number] = target[donors]


def _nearest(donors: Array, wanted: Array, random: np.random.Generator) -> NDArray[np.int64]:
    """For each wanted prediction, one of the nearest donors at random."""
    order = np.argsort(donors, kind="stable")
    size = min(DONORS, len(donors))
    # The nearest values in a sorted row lie side by side: slide the window towards the closer end.
    low = np.clip(np.searchsorted(donors[order], wanted) - size // 2, 0, len(donors) - size)
    for _ in range(size):
        after = np.minimum(low + size, len(donors) - 1)
        better = (low + size < len(donors)) & (
            np.abs(donors[order[after]] - wanted) < np.abs(donors[order[low]] - wanted)
        )
        low = low + better
    return np.asarray(order[low + random.integers(0, size, len(wanted))])


def _scaled(values: Array) -> Array:
    """Logarithm where values are not negative and skewed, then mean zero and spread one."""
    seen = values[~np.isnan(values)]
    if (seen >= 0).all() and len(seen) and stats.skew(seen) > 2:
        smallest = seen[seen > 0].min() if (seen > 0).any() else 1.0
        values = np.log(values + smallest)
        seen = values[~np.isnan(values)]
    return (values - seen.mean()) / (seen.std() or 1.0)


def _predictors(column: pd.Series) -> Array:
    if (
        pd.api.types.is_numeric_dtype(column)
        and not pd.api.types.is_bool_dtype(column)
        and column.notna().all()
    ):
        return _scaled(column.to_numpy(float))[:, None]
    text = column.astype("str").fillna("missing")
    frequent = text.value_counts().index[:_MOST_CATEGORIES]
    # Without the first: the constant stands for it.
    return np.column_stack([np.zeros(len(text)), *((text == name).to_numpy(float) for name in frequent[1:])])[
        :, 1:
    ]
