"""What several years of the same firms say of capability, under each way to treat the years (MODEL 6).

What ties a firm's years together may be capability or a lasting taste for the market. Where a firm's years count once,
capability is told from luck by selection and by other markets alone. Where years are taken as independent given u, every
lasting difference between firms counts as capability u. With many markets the two agree; with one they are the two ends
of what the data allow, and neither alone is an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from firmtrade_core.capability.boundary import profile_of_unexplained
from firmtrade_core.capability.data import CapabilityData
from firmtrade_core.capability.estimation import Settings
from firmtrade_core.capability.results import CapabilityResults, estimate
from firmtrade_core.labels.units import in_percent

ONCE, LASTING, LAST = "a firm's years count once", "lasting differences are capability", "the last year alone"


@dataclass(frozen=True, eq=False)
class YearTreatments:
    """Estimates under each treatment of years.

    Parameters
    ----------
    table : DataFrame
        By treatment: ``firm_years``, ``sigma_u``, ``explained``, and ``low`` and ``high`` of the share explained by
        profile likelihood.
    """

    table: pd.DataFrame

    @property
    def words(self) -> str:
        """The range of the share explained, in one sentence."""
        lowest, highest = self.table["explained"].min(), self.table["explained"].max()
        parts = ", ".join(
            f"{in_percent(row['explained'])} where {name}" for name, row in self.table.iterrows()
        )
        return (
            f"Attributes explain {in_percent(lowest)} to {in_percent(min(highest, 0.99))} of capability, depending on what the years are "
            f"taken for: {parts}."
        )


def treatments_of_years(
    data: CapabilityData,
    settings: Settings | None = None,
    *,
    known: CapabilityResults | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> YearTreatments | None:
    """Estimate under each treatment; None where every firm is seen in one year.

    Parameters
    ----------
    data
    settings
    known
        An estimate of the same data under its own treatment, not to be made again.
    """
    years = np.unique(data.years)
    if data.firm_count == len(data.firm) or len(years) < 2:
        return None
    last = data.years == years[-1]
    ways = {
        ONCE: with_years(data, independent=False),
        LASTING: with_years(data, independent=True),
        LAST: _rows(data, last),
    }
    rows = {}
    for number, (name, of) in enumerate(ways.items()):
        if progress is not None:
            progress(f"Years: {name}", number / len(ways))
        same = known is not None and known.data is data and (name == ONCE) == data.years_count_once
        results = known if same and name != LAST and known is not None else estimate(of, settings)
        profile = profile_of_unexplained(results.data, results.state, results.level)
        rows[name] = {
            "firm_years": len(of.firm),
            "sigma_u": results.scales.sigma_u,
            "explained": float(results.variances["share of capability explained"]),
            "low": profile.explained_low,
            "high": profile.explained_high,
        }
    return YearTreatments(pd.DataFrame(rows).T)


def with_years(data: CapabilityData, *, independent: bool) -> CapabilityData:
    """The same data with a firm's years as independent observations given u, or counting once."""
    spell = np.diff(data.starts)[data.firm]
    return replace(data, temper=np.ones(len(data.firm)) if independent else 1.0 / spell)


def _rows(data: CapabilityData, kept: np.ndarray) -> CapabilityData:
    from firmtrade_core.capability.known import rows_of

    return rows_of(data, kept)
