"""Trade elasticities by sector from estimated gravity equations: flagged, shrunk, and kept as a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from firmtrade_core.gravity.errors import GravityError
from firmtrade_core.gravity.estimated import GravityEstimate
from firmtrade_core.gravity.meta_analysis import RandomEffects, random_effects
from firmtrade_core.gravity.sector_runs import TARIFF
from firmtrade_core.gravity.specification_curve import spread_of_choices
from firmtrade_core.paths import write_whole
from firmtrade_core.world.elasticities import ESTIMATED_COLUMNS, ElasticityStatus

#: Estimates that can be pooled; fewer stand as they are, and flagged ones have no value to use.
FEWEST = 3

#: Services pay no tariff that their elasticity could be learned from.
ASSUMED_FOR_SERVICES = 4.0


def tariff_elasticity(found: GravityEstimate, term: str = TARIFF) -> tuple[float, float, float]:
    """ε of consumer values to tariffs with its confidence interval: -θ, less one for border values (MODEL 3)."""
    shift = float(found.flow_values == "border")
    low, high = found.interval(term)
    return -found.coefficients[term] - shift, -high - shift, -low - shift


def elasticities_by_sector(
    estimates: pd.DataFrame, *, term: str = TARIFF, curve: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Elasticities from a table of estimates (`sector_runs.estimate_sectors`), raw and shrunk.

    Shrinkage reads sectors as draws around a common mean. A wrong sign or an interval that reaches zero is
    flagged, and the value to use is then the common mean with its prediction interval, never the estimate;
    otherwise it is the shrunk estimate. All estimates, flagged ones too, enter the mean, for leaving out the
    low ones would raise it.

    Parameters
    ----------
    estimates
        Columns sector, term, estimate, std_error, low, high, flow_values, rows_used.
    curve
        The same under other choices (`specification_curve.specification_curve`): their spread becomes part of every
        error and interval, so that an elasticity which hangs on a choice is noisy, and says so.

    Returns
    -------
    DataFrame
        A row per sector: sector, status, value, low, high (to use), raw, raw_error, raw_low, raw_high, shrunk,
        shrunk_error, observations, spread_of_choices (part of raw_error). The attribute ``attrs["pooled"]`` holds mean, error, spread, heterogeneity.
    """
    rows = estimates[estimates["term"] == term].reset_index(drop=True)
    shift = (rows["flow_values"] == "border").astype(float)
    raw, error = -rows["estimate"] - shift, rows["std_error"]
    quantile = float(((rows["high"] - rows["low"]) / (2 * error)).iloc[0])
    spread_of_choice = pd.Series(0.0, index=rows.index)
    if curve is not None:
        by_sector = spread_of_choices(curve).set_index("sector")["spread"]
        spread_of_choice = rows["sector"].map(by_sector).fillna(0.0)
        error = (error**2 + spread_of_choice**2) ** 0.5
    low, high = raw - quantile * error, raw + quantile * error
    pooled = random_effects(raw, error) if len(rows) >= FEWEST else _not_pooled(raw, error)
    status = np.select([raw <= 0, low <= 0], ["wrong sign", "too noisy"], "usable")
    usable = status == "usable"
    value = np.where(usable, pooled.shrunk, pooled.mean)
    spread = np.where(usable, pooled.shrunk_error, pooled.prediction_error)
    table = pd.DataFrame(
        {
            "sector": rows["sector"],
            "status": status,
            "value": value,
            "low": np.maximum(value - quantile * spread, 0.0),
            "high": value + quantile * spread,
            "raw": raw,
            "raw_error": error,
            "raw_low": low,
            "raw_high": high,
            "shrunk": pooled.shrunk,
            "shrunk_error": pooled.shrunk_error,
            "observations": rows["rows_used"],
            "spread_of_choices": spread_of_choice,
        }
    )
    table.attrs["pooled"] = _as_plain(pooled)
    return table


def with_services(table: pd.DataFrame, sector: str = "services") -> pd.DataFrame:
    """The table with a row for services, whose elasticity is assumed, so that a world can be solved with it."""
    if sector in set(table["sector"]):
        return table
    status: ElasticityStatus = "assumed"
    row = {"sector": sector, "status": status, "value": ASSUMED_FOR_SERVICES}
    joined = pd.concat([table, pd.DataFrame([row])], ignore_index=True)
    joined.attrs = dict(table.attrs)
    return joined


def write_set(table: pd.DataFrame, path: Path, *, name: str, label: str, source: str, note: str) -> None:
    """Write a table of elasticities as a set that `world.elasticities` reads, its description at the head.

    Parameters
    ----------
    table
        One row a sector.
    path
    name, label
        In code and on screen.
    source, note
        What the set's description says.

    Raises
    ------
    GravityError, ValueError
    """
    if lacking := [str(s) for s in table.loc[table["value"].isna(), "sector"]]:
        raise GravityError(
            f"{', '.join(lacking)} cannot be used and there are too few sectors for a common mean: estimate at least "
            f"{FEWEST} sectors."
        )
    head = {"set": name, "label": label, "kind": "tariff", "source": source, "note": note}
    for words in head.values():
        if "\n" in words:
            raise ValueError("Descriptions of a set have one line each.")
    lines = [f"# {key}: {words}" for key, words in head.items()]
    body = with_services(table)[list(ESTIMATED_COLUMNS)].to_csv(index=False, float_format="%.6g")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, "\n".join(lines) + "\n" + body)


def _not_pooled(estimates: pd.Series, errors: pd.Series) -> RandomEffects:
    unknown = float("nan")
    own, spread = estimates.to_numpy(dtype=np.float64), errors.to_numpy(dtype=np.float64)
    return RandomEffects(unknown, unknown, unknown, own, spread, unknown)


def _as_plain(pooled: RandomEffects) -> Mapping[str, float]:
    return {
        "mean": pooled.mean,
        "mean_error": pooled.mean_error,
        "spread": pooled.spread,
        "heterogeneity": pooled.heterogeneity,
    }
