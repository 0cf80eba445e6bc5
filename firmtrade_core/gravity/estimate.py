"""Estimating gravity equations (MODEL 5, equation 11)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd

from firmtrade_core.gravity.bias import bias_corrected
from firmtrade_core.gravity.estimated import GravityEstimate
from firmtrade_core.gravity.fitting import CONSTANT, TOLERANCE, RawFit, fit
from firmtrade_core.gravity.panel import KEYS, GravityPanel
from firmtrade_core.gravity.sample import Sample, SampleCounts, draw_sample
from firmtrade_core.gravity.specification import GravitySpecification, effect_parts, with_leads_and_lags
from firmtrade_core.labels import grouped


def estimate(
    panel: GravityPanel, specification: GravitySpecification, *, tolerance: float = TOLERANCE
) -> GravityEstimate:
    """Estimate one gravity equation; several sectors are pooled, with effects by sector.

    Parameters
    ----------
    panel, specification
    tolerance
        As in `fitting.fit`.

    Raises
    ------
    GravityError
        One of its subclasses, with counts and what to do.
    """
    sample = draw_sample(panel, specification)
    raw = fit(sample, poisson=specification.estimator == "ppml", tolerance=tolerance)
    counts = dataclasses.replace(
        sample.counts, separated_by_regressors=len(sample.rows) - len(raw.used), used=len(raw.used)
    )
    found = GravityEstimate(
        specification=specification,
        sectors=panel.sectors,
        flow_values=panel.flow_values,
        counts=counts,
        coefficients=MappingProxyType(dict(zip(raw.terms, raw.coefficients.tolist(), strict=True))),
        covariance=raw.covariance,
        collinear=raw.collinear,
        cells=_cells(panel, specification, sample, raw),
        goodness=raw.goodness,
        notes=(*panel.notes, *_notes(counts, raw)),
        sample=sample.only(raw.used),
    )
    if not specification.bias_correction:
        return found
    return bias_corrected(found)


def estimate_by_sector(
    panel: GravityPanel, specification: GravitySpecification
) -> dict[str, GravityEstimate]:
    """One equation for each sector of the panel."""
    return {sector: estimate(panel.only(sectors=[sector]), specification) for sector in panel.sectors}


def event_study(
    panel: GravityPanel,
    policy: str,
    *,
    leads: Sequence[int],
    lags: Sequence[int],
    specification: GravitySpecification,
) -> GravityEstimate:
    """Estimate with leads and lags (years) of a policy in place of the policy alone.

    Parameters
    ----------
    panel
    policy
        Column of the policy.
    leads, lags
        Years before and after.
    specification
    """
    others = tuple(r for r in specification.regressors if r != policy)
    terms = with_leads_and_lags(policy, tuple(leads), tuple(lags))
    return estimate(panel, specification.with_(regressors=(*others, *terms)))


def _cells(
    panel: GravityPanel, specification: GravitySpecification, sample: Sample, raw: RawFit
) -> pd.DataFrame:
    grouped_by = [part for effect in specification.effects for part in effect_parts(effect)]
    columns = dict.fromkeys([*KEYS, "trade", *(part for part in grouped_by if part in panel.table)])
    cells = panel.table.iloc[sample.rows[raw.used]][[*columns]].reset_index(drop=True)
    return cells.assign(fitted=np.exp(raw.index))


def _notes(counts: SampleCounts, raw: RawFit) -> list[str]:
    notes = []
    if raw.collinear:
        terms = len(raw.terms) - (CONSTANT in raw.terms) + len(raw.collinear)
        notes.append(
            f"{len(raw.collinear)} of {terms} regressors have no coefficient, because the others and the effects "
            f"explain them in all {grouped(counts.used)} observations: {', '.join(raw.collinear)}."
        )
    for count, words in (
        (counts.separated_by_effects, "zero flows are separated: all flows of one of their groups are zero"),
        (counts.separated_by_regressors, "zero flows are separated: regressors and effects predict them"),
        (counts.singletons, "observations are alone in one of their groups"),
        (counts.logarithm_of_zero, "zero flows have no logarithm"),
        (counts.missing, "observations lack a regressor"),
    ):
        if count:
            notes.append(f"{grouped(count)} of {grouped(counts.given)} {words}, and are left out.")
    return notes
