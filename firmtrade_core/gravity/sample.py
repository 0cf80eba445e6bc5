"""From a panel and a specification to the rows and columns that are estimated."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.gravity.errors import FlowError, RegressorError
from firmtrade_core.gravity.panel import Array, GravityPanel, Integers
from firmtrade_core.gravity.specification import GravitySpecification, effect_parts
from firmtrade_core.gravity.variables import expanded, variable
from firmtrade_core.labels import grouped

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class SampleCounts:
    """How many rows of the panel were used, and why the others were not.

    Parameters
    ----------
    given
        Rows of the panel.
    not_sampled
        Left out by choice: other years, domestic sales, zeros.
    logarithm_of_zero
        Zero flows that OLS on logs cannot use.
    missing
        A regressor is unknown.
    separated_by_effects
        All flows of one of their groups are zero ("fe"): an effect of minus infinity fits them exactly.
    separated_by_regressors
        Zeros that regressors and effects together predict exactly ("ir").
    singletons
        Alone in one of their groups, hence without information.
    used
    """

    given: int
    not_sampled: int = 0
    logarithm_of_zero: int = 0
    missing: int = 0
    separated_by_effects: int = 0
    separated_by_regressors: int = 0
    singletons: int = 0
    used: int = 0

    @property
    def separated(self) -> int:
        """All separated observations."""
        return self.separated_by_effects + self.separated_by_regressors


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows and columns to estimate.

    Parameters
    ----------
    rows : (n,)
        Positions in the panel's table.
    outcome : (n,)
        Flows, or their logs.
    terms
        Names of the regressors.
    regressors : (n, K)
    effects
        By name: integer labels of groups, (n,).
    clusters
        By name: integer labels, (n,).
    counts
        Those separated by regressors are not yet known.
    """

    rows: Integers
    outcome: Array
    terms: tuple[str, ...]
    regressors: Array
    effects: dict[str, Integers]
    clusters: dict[str, Integers]
    counts: SampleCounts

    def only(self, positions: Integers) -> Sample:
        """The observations at some positions."""
        return replace(
            self,
            rows=self.rows[positions],
            outcome=self.outcome[positions],
            regressors=self.regressors[positions],
            effects={name: labels[positions] for name, labels in self.effects.items()},
            clusters={name: labels[positions] for name, labels in self.clusters.items()},
        )


def draw_sample(panel: GravityPanel, specification: GravitySpecification) -> Sample:
    """The rows that a specification uses, with its regressors, effects and clusters.

    Raises
    ------
    FlowError, RegressorError
        If nothing is left to estimate from, with counts of what was left out.
    """
    trade = panel.table["trade"].to_numpy()
    wanted = _wanted(panel, specification)
    names = expanded(panel, specification.all_regressors, wanted)
    regressors = {name: variable(panel, name) for name in names}
    regressors |= _borders_by_year(panel, specification, wanted)
    matrix = np.column_stack(list(regressors.values()))
    logs = specification.estimator != "ppml"
    usable = wanted & (trade > 0) if logs else wanted
    known = usable & np.isfinite(matrix).all(1)
    effects = {
        "_".join((name, "sector")) if len(panel.sectors) > 1 else name: panel.code(
            *effect_parts(name), "sector"
        )
        for name in specification.effects
    }
    keep, separated, singletons = _informative(known, trade, effects, poisson=not logs)
    counts = SampleCounts(
        given=len(trade),
        not_sampled=int((~wanted).sum()),
        logarithm_of_zero=int((wanted & ~usable).sum()),
        missing=int((usable & ~known).sum()),
        separated_by_effects=separated,
        singletons=singletons,
        used=int(keep.sum()),
    )
    _require_rows(counts, matrix, usable, list(regressors))
    rows = np.flatnonzero(keep)
    return Sample(
        rows=rows,
        outcome=np.log(trade[rows]) if logs else trade[rows],
        terms=tuple(regressors),
        regressors=matrix[rows],
        effects={name: labels[rows] for name, labels in effects.items()},
        clusters={name: panel.code(name)[rows] for name in specification.clusters},
        counts=counts,
    )


def _wanted(panel: GravityPanel, specification: GravitySpecification) -> Mask:
    wanted = np.ones(len(panel.table), dtype=bool)
    if specification.years is not None:
        unknown = [str(y) for y in specification.years if y not in panel.years]
        if unknown:
            raise RegressorError(
                f"The panel has no year {', '.join(unknown)}; it has {', '.join(map(str, panel.years))}."
            )
        wanted &= panel.table["year"].isin(specification.years).to_numpy()
    if not specification.domestic:
        wanted &= ~panel.domestic
    if not specification.zeros:
        wanted &= panel.table["trade"].to_numpy() > 0
    return wanted


def _borders_by_year(
    panel: GravityPanel, specification: GravitySpecification, wanted: Mask
) -> dict[str, Array]:
    if not specification.borders_by_year:
        return {}
    if not (panel.domestic & wanted).any():
        raise RegressorError("Borders by year need domestic sales in the sample.")
    year = panel.table["year"].to_numpy()
    years = np.unique(year[wanted])
    # A pair's effect takes up its border in one year: the first is the base.
    shown = years[1:] if {"pair", "symmetric_pair"} & set(specification.effects) else years
    return {f"border_{y}": (~panel.domestic & (year == y)).astype(np.float64) for y in shown}


def _informative(
    known: Mask, trade: Array, effects: dict[str, Integers], *, poisson: bool
) -> tuple[Mask, int, int]:
    """Rows left once groups without trade and groups of one row are gone, which may empty others in turn."""
    keep, separated, singletons = known.copy(), 0, 0
    while True:
        before = int(keep.sum())
        for labels in effects.values():
            if poisson:
                empty = np.bincount(labels, weights=trade * keep)[labels] == 0
                separated += int((keep & empty).sum())
                keep &= ~empty
            alone = np.bincount(labels, weights=keep)[labels] == 1
            singletons += int((keep & alone).sum())
            keep &= ~alone
        if int(keep.sum()) == before:
            return keep, separated, singletons


def _require_rows(counts: SampleCounts, matrix: Array, usable: Mask, names: list[str]) -> None:
    if counts.used > matrix.shape[1]:
        return
    lost = (~np.isfinite(matrix[usable])).sum(0)
    gaps = ", ".join(f"{n} ({grouped(k)})" for n, k in zip(names, lost, strict=True) if k)
    raise FlowError(
        f"Of {grouped(counts.given)} rows {grouped(counts.used)} are left: {grouped(counts.not_sampled)} are outside the sample, "
        f"{grouped(counts.logarithm_of_zero)} are zeros without a logarithm, {grouped(counts.missing)} lack a regressor"
        f"{f' [{gaps}]' if gaps else ''}, {grouped(counts.separated_by_effects)} belong to groups without trade, and "
        f"{grouped(counts.singletons)} are alone in their group."
    )


def as_frame(sample: Sample) -> tuple[pd.DataFrame, list[str], list[str]]:
    """The sample under plain column names, with those of regressors (x0, ...) and effects (e0, ...)."""
    x = [f"x{k}" for k in range(len(sample.terms))]
    e = [f"e{k}" for k in range(len(sample.effects))]
    columns = dict(zip(x, sample.regressors.T, strict=True)) | dict(
        zip(e, sample.effects.values(), strict=True)
    )
    return pd.DataFrame({"y": sample.outcome, **columns}), x, e
