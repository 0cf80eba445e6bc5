"""Episodes from a panel of agreements: every one with enough trade, predicted from the year before it.

The rule, written before any outcome was looked at: pairs whose indicator of a trade agreement goes from zero to one between two
years of the panel, both ways; where the two sold each other at least `LEAST` million US dollars in the year before; where the
importer's tariff is known from then or earlier; and where trade is known `AHEAD` years after. The model is told one thing: that
the members' tariffs on each other go to zero. Econometrics is told what agreements that came earlier did.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.backtests.errors import BacktestError
from firmtrade_core.backtests.predicting import with_tariffs
from firmtrade_core.equilibrium import Parameters
from firmtrade_core.gravity.errors import GravityError
from firmtrade_core.gravity.estimate import estimate
from firmtrade_core.gravity.panel import GravityPanel
from firmtrade_core.gravity.specification import GravitySpecification
from firmtrade_core.world.errors import WorldError
from firmtrade_core.world.world import World

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

LEAST, AHEAD = 500.0, 5

#: What agreements did, of years over by the forecast.
EQUATION = GravitySpecification(
    ("rta",), ("exporter_year", "importer_year", "pair"), clusters=("pair",), borders_by_year=True
)


@dataclass(frozen=True, eq=False)
class AgreementPanel:
    """Trade, home sales included, and agreements by year, (T, N, N); tariffs by the years that have them."""

    years: tuple[int, ...]
    countries: tuple[str, ...]
    trade: Array
    agreement: Bools
    tariff: dict[int, Array]
    table: pd.DataFrame

    def tariff_known(self, year: int) -> Array:
        """The latest tariffs of a year or before, (N, N), NaN where unknown."""
        known = [y for y in self.tariff if y <= year]
        return self.tariff[max(known)] if known else np.full(self.trade.shape[1:], np.nan)


def read_agreements(panel: str | Path, tariffs: str | Path) -> AgreementPanel:
    """Read tables of trade with agreements (columns exporter, importer, year, trade, rta) and of tariffs (..., MFN_TARIFF).

    Raises
    ------
    BacktestError
        Naming the file and what it lacks.
    """
    tables = []
    for path, needs in (
        (Path(panel), ("exporter", "importer", "year", "trade", "rta")),
        (Path(tariffs), ("exporter", "importer", "year", "MFN_TARIFF")),
    ):
        try:
            table = pd.read_parquet(path)
        except (OSError, ValueError) as error:
            raise BacktestError(f"{path.name} cannot be read: {error}") from error
        if missing := [c for c in needs if c not in table]:
            raise BacktestError(f"{path.name} lacks the columns {', '.join(missing)}.")
        tables.append(table.assign(year=table["year"].astype(int)))
    flows, rates = tables
    countries = tuple(sorted(set(flows["exporter"]) | set(flows["importer"])))
    years = tuple(sorted(flows["year"].unique().tolist()))
    at = {code: k for k, code in enumerate(countries)}
    place = (
        flows["year"].map({y: k for k, y in enumerate(years)}).to_numpy(),
        flows["exporter"].map(at).to_numpy(),
        flows["importer"].map(at).to_numpy(),
    )
    shape = (len(years), len(countries), len(countries))
    trade, agreement = np.zeros(shape), np.zeros(shape, dtype=bool)
    trade[place] = flows["trade"].to_numpy(float)
    agreement[place] = flows["rta"].to_numpy(float) > 0
    known: dict[int, Array] = {}
    for year, rows in rates.groupby("year"):
        level = np.full(shape[1:], np.nan)
        level[rows["exporter"].map(at).to_numpy(), rows["importer"].map(at).to_numpy()] = rows[
            "MFN_TARIFF"
        ].to_numpy(float)
        known[int(str(year))] = level
    return AgreementPanel(years, countries, trade, agreement, known, flows)


def starts(panel: AgreementPanel) -> Iterator[tuple[int, Bools]]:
    """Year before, and the pairs whose agreement begins the year after, by the rule."""
    away = ~np.eye(len(panel.countries), dtype=bool)
    for k, year in enumerate(panel.years[:-1]):
        if year + AHEAD not in panel.years:
            continue
        new = ~panel.agreement[k] & panel.agreement[k + 1]
        both = panel.trade[k] + panel.trade[k].T >= LEAST
        rate = panel.tariff_known(year)
        chosen = new & new.T & both & away & np.isfinite(rate) & np.isfinite(rate.T) & (panel.trade[k] > 0)
        if chosen.any():
            yield year, chosen


def world_of(panel: AgreementPanel, year: int) -> World:
    """One sector, the panel's tariffs where there is no agreement and they are known.

    Raises
    ------
    BacktestError
        If the year makes no world.
    """
    k = panel.years.index(year)
    rate = np.nan_to_num(panel.tariff_known(year))
    rate[panel.agreement[k]] = 0.0
    np.fill_diagonal(rate, 0.0)
    trade = panel.trade[k]
    try:
        return World(
            countries=panel.countries,
            sectors=("manufacturing",),
            expenditure=(trade * (1 + rate))[:, :, None],
            tariff=rate[:, :, None],
            subsidy=np.zeros((*trade.shape, 1)),
            name=f"Manufacturing, {year}",
        )
    except WorldError as error:
        raise BacktestError(f"The year {year} makes no world: {error}") from error


def predicted(panel: AgreementPanel, elasticity: float) -> pd.DataFrame:
    """The model's table of predictions over all starts, `AHEAD` years on; ``tariff`` is the change of log (1 + tariff).

    Raises
    ------
    BacktestError
        If no agreement has enough trade and known tariffs.
    """
    found = []
    for year, chosen in starts(panel):
        world = world_of(panel, year)
        tariff = np.where(chosen[:, :, None], 0.0, world.tariff)
        growth = with_tariffs(world, tariff, Parameters(trade_elasticity=elasticity, deficits="proportional"))
        table = outcomes(panel, year, chosen)
        i, j = table["i"].to_numpy(), table["j"].to_numpy()
        found.append(
            table.assign(
                predicted=growth.by_pair[i, j],
                predicted_common=growth.common[j],
                tariff=np.log1p(tariff[i, j, 0]) - np.log1p(world.tariff[i, j, 0]),
            )
        )
    if not found:
        raise BacktestError("No agreement of the panel has enough trade and known tariffs.")
    return pd.concat(found, ignore_index=True)


def outcomes(panel: AgreementPanel, year: int, chosen: Bools) -> pd.DataFrame:
    """What happened to imports of the chosen pairs from ``year`` on."""
    k, later = panel.years.index(year), panel.years.index(year + AHEAD)
    away = ~np.eye(len(panel.countries), dtype=bool)
    before, after = panel.trade[k] * away, panel.trade[later] * away
    i, j = np.nonzero(chosen & (after > 0))
    codes = np.array(panel.countries)
    return pd.DataFrame(
        {
            "importer": codes[j],
            "partner": codes[i],
            "since": year,
            "until": year + AHEAD,
            "weight": before[i, j],
            "actual": np.log(after[i, j] / before[i, j]),
            "common": np.log(after.sum(0) / before.sum(0))[j],
            "i": i,
            "j": j,
        }
    )


def by_earlier_agreements(panel: AgreementPanel) -> pd.DataFrame:
    """Econometrics: each pair grows by what agreements did to trade in the years up to the forecast (PPML)."""
    found = []
    for year, chosen in starts(panel):
        table = outcomes(panel, year, chosen)
        effect = _effect(panel, year)
        i, j = table["i"].to_numpy(), table["j"].to_numpy()
        change = np.where(chosen, effect, 0.0)
        before = panel.trade[panel.years.index(year)] * ~np.eye(len(panel.countries), dtype=bool)
        common = np.log((before * np.exp(change)).sum(0) / before.sum(0))
        found.append(table.assign(predicted=change[i, j], predicted_common=common[j]))
    return pd.concat(found, ignore_index=True)


def _effect(panel: AgreementPanel, up_to: int) -> float:
    """Log points that an agreement adds, of years up to one; NaN where no agreement began before."""
    seen = panel.table[panel.table["year"] <= up_to]
    try:
        flows = GravityPanel.from_table(
            seen[["exporter", "importer", "year", "trade", "rta"]], flow="trade", tariff=None, gaps="leave"
        )
        return float(estimate(flows, EQUATION).coefficients["rta"])
    except (GravityError, KeyError):
        return float("nan")
