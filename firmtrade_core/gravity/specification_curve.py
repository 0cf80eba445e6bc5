"""The same elasticity under the choices a referee would make: how much hangs on each (Simonsohn et al. 2020)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from firmtrade_core.gravity.sector_runs import TARIFF, TARIFF_EQUATION, estimate_sectors, years_of_world_panel
from firmtrade_core.gravity.specification import GravitySpecification, every

#: Years after which a phased-in tariff counts as effective.
PHASE = 3

#: The choice whose estimates are used; the others say how far they can be trusted.
BASE = "borders by year"

Progress = Callable[[str, int, int], None]


def choices(years: Sequence[int]) -> dict[str, GravitySpecification]:
    """Equations by name: the base first, each other departing from it in one respect.

    Parameters
    ----------
    years
        Of the panel; a short one leaves out what it cannot tell.
    """
    base = TARIFF_EQUATION
    found = {
        BASE: base,
        "one border for all years": base.with_(borders_by_year=False),
        "without sales at home": base.with_(borders_by_year=False, domestic=False),
        "corrected for bias": base.with_(bias_correction=True),
        "every third year": base.with_(years=every(3, min(years), max(years))),
    }
    # Two years at least must know the tariff of some years before.
    if max(years) - min(years) > PHASE:
        found[f"phased in over {PHASE} years"] = base.with_(regressors=(TARIFF, f"change({TARIFF}, {PHASE})"))
    return found


def specification_curve(
    world_panel: Path,
    folder: Path,
    *,
    sectors: Sequence[str] | None = None,
    workers: int | None = None,
    progress: Progress = lambda sector, done, total: None,
) -> pd.DataFrame:
    """Tariff elasticities of consumer values by sector and choice; resumable, as `estimate_sectors` is.

    Parameters
    ----------
    world_panel
        Table of the world's flows over years.
    folder
        Of what is estimated already.
    sectors
        All unless given.
    workers
        Processes; as many as cores unless given.
    progress

    Returns
    -------
    DataFrame
        A row per choice and sector: choice, sector, estimate, std_error, low, high, observations; the estimate is ε
        (above zero where tariffs lower trade).
    """
    tables = []
    for name, equation in choices(years_of_world_panel(world_panel)).items():
        found = estimate_sectors(
            world_panel, folder, specification=equation, sectors=sectors, workers=workers, progress=progress
        )
        own = found[found["term"] == TARIFF]
        shift = (own["flow_values"] == "border").astype(float)
        tables.append(
            pd.DataFrame(
                {
                    "choice": name,
                    "sector": own["sector"],
                    "estimate": -own["estimate"] - shift,
                    "std_error": own["std_error"],
                    "low": -own["high"] - shift,
                    "high": -own["low"] - shift,
                    "observations": own["rows_used"],
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def spread_of_choices(curve: pd.DataFrame) -> pd.DataFrame:
    """By sector: spread (standard deviation over choices around the base), share of choices above zero, and how many.

    Parameters
    ----------
    curve
        As `specification_curve` returns it.
    """
    base = curve[curve["choice"] == BASE].set_index("sector")["estimate"]
    gap = curve["estimate"] - curve["sector"].map(base)
    grouped = curve.assign(square=gap**2, above=curve["low"] > 0).groupby("sector", sort=False)
    counts = grouped["choice"].size()
    # The base's own distance is zero and tells nothing: it does not count.
    spread = (grouped["square"].sum() / (counts - 1).clip(lower=1)) ** 0.5
    return pd.DataFrame(
        {"spread": spread, "above_zero": grouped["above"].mean(), "choices": counts}
    ).reset_index()
