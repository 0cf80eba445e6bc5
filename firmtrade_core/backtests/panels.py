"""Episodes that a rule chooses from a table of the world's flows by year, each predicted from earlier years only.

The rules were written before any outcome was looked at, and are applied by the code below:

- *Pair-years*: goods imports of one country from another, from a base year t to t + H, H = 1, 3, 5. Chosen where the pair's
  tariff, weighted by its own trade of year t, moved by at least `LARGE` in log (1 + tariff) and imports in year t were at
  least `LEAST` million US dollars; the rest of the world is no partner.
- *United States and China, 2018 and 2019*: all goods imports of these two by partner, from 2017.

Every prediction knows trade and tariffs up to year t, and the tariffs of year t + H. Rivals are estimated on changes that
were over by year t.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.backtests.errors import BacktestError
from firmtrade_core.backtests.predicting import Growth, goods_of, structure_of, with_tariffs
from firmtrade_core.codes.countries import REST_OF_WORLD
from firmtrade_core.scenarios import Scenario, compile
from firmtrade_core.scenarios.schema import Structure
from firmtrade_core.world.errors import WorldError
from firmtrade_core.world.world import World
from firmtrade_core.world.years import WorldYears, open_years

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Change of log (1 + tariff) from which on a pair-year is an episode, and imports before, million US dollars.
LARGE, LEAST = 0.02, 500.0

#: Years between base and outcome.
HORIZONS = (1, 3, 5)

#: Importers and years of the episode of the trade war; its base is 2017.
WAR, WAR_BASE, WAR_UNTIL = ("USA", "CHN"), 2017, (2018, 2019)


@dataclass(eq=False)
class TradePanel:
    """Worlds of several years with the same countries and sectors, and their goods trade side by side.

    Parameters
    ----------
    name
    worlds
        By year.

    Attributes
    ----------
    trade, tariff : (T, N, N, S) of the goods sectors
        Before tariffs, million US dollars; fractions.
    """

    name: str
    worlds: Mapping[int, World]
    trade: Array = field(init=False)
    tariff: Array = field(init=False)

    def __post_init__(self) -> None:
        first = next(iter(self.worlds.values()))
        for year, world in self.worlds.items():
            if (world.countries, world.sectors) != (first.countries, first.sectors):
                raise BacktestError(
                    f"{self.name}: {year} has other countries or sectors than the year before."
                )
        goods = np.flatnonzero(goods_of(first))
        self.trade = np.stack([w.border_value[:, :, goods] for w in self.worlds.values()])
        self.tariff = np.stack([w.tariff[:, :, goods] for w in self.worlds.values()])

    @property
    def years(self) -> tuple[int, ...]:
        """In order."""
        return tuple(self.worlds)

    @property
    def countries(self) -> tuple[str, ...]:
        """Of every year."""
        return next(iter(self.worlds.values())).countries

    @property
    def sectors(self) -> tuple[str, ...]:
        """Goods sectors."""
        world = next(iter(self.worlds.values()))
        return tuple(s for s, goods in zip(world.sectors, goods_of(world), strict=True) if goods)

    def at(self, year: int) -> int:
        """Place of a year."""
        return self.years.index(year)

    def imports(self, year: int) -> Array:
        """Goods imports by exporter and importer, (N, N), home sales zero."""
        value: Array = self.trade[self.at(year)].sum(2)
        return value * ~np.eye(len(value), dtype=bool)

    def tariff_change(self, since: int, until: int) -> Array:
        """Change of log (1 + tariff) by the trade of the base year, (N, N); NaN where there was none."""
        value = self.trade[self.at(since)]
        change = np.log1p(self.tariff[self.at(until)]) - np.log1p(self.tariff[self.at(since)])
        total = value.sum(2)
        return np.divide((value * change).sum(2), total, out=np.full(total.shape, np.nan), where=total > 0)

    def long_table(self) -> pd.DataFrame:
        """Exporter, importer, sector, year, trade, tariff of goods trade between countries by name."""
        named = [i for i, code in enumerate(self.countries) if code != REST_OF_WORLD]
        codes = np.array(self.countries)[named]
        years, sectors = np.array(self.years), np.array(self.sectors)
        y, i, j, s = (a.ravel() for a in np.indices((len(years), len(codes), len(codes), len(sectors))))
        kept = i != j
        cut = np.ix_(range(len(years)), named, named, range(len(sectors)))
        return pd.DataFrame(
            {
                "exporter": pd.Categorical.from_codes(i[kept], codes.tolist()),
                "importer": pd.Categorical.from_codes(j[kept], codes.tolist()),
                "sector": pd.Categorical.from_codes(s[kept], sectors.tolist()),
                "year": years[y[kept]],
                "trade": self.trade[cut].ravel()[kept],
                "tariff": self.tariff[cut].ravel()[kept],
            }
        )


def read_panel(path: str | Path, years: Sequence[int] | None = None) -> TradePanel:
    """The worlds of a table of flows by year, or of a folder of world files.

    Raises
    ------
    BacktestError
        Naming what cannot be read.
    """
    try:
        found: WorldYears = open_years(path)
        wanted = found.years if years is None else [year for year in found.years if year in years]
        worlds = {year: found.world(year) for year in wanted}
    except (WorldError, OSError) as error:
        raise BacktestError(f"{Path(path).name}: {error}") from error
    if len(worlds) < 2:
        raise BacktestError(f"{Path(path).name} holds {len(worlds)} years; a prediction needs two.")
    return TradePanel(found.name, worlds)


@dataclass(frozen=True, eq=False)
class Choice:
    """Pairs that a rule chose, from a base year to another."""

    since: int
    until: int
    chosen: Bools

    @property
    def horizon(self) -> int:
        """Years between."""
        return self.until - self.since


def large_changes(panel: TradePanel, horizon: int) -> Iterator[Choice]:
    """Pair-years of the first rule, by base year."""
    for since in panel.years:
        until = since + horizon
        if until not in panel.years:
            continue
        chosen = (np.abs(np.nan_to_num(panel.tariff_change(since, until))) >= LARGE) & _traded(panel, since)
        if chosen.any():
            yield Choice(since, until, chosen)


def trade_war(panel: TradePanel) -> Iterator[Choice]:
    """Imports of the United States and China by partner from 2017, the second rule."""
    importers = [panel.countries.index(code) for code in WAR if code in panel.countries]
    for until in WAR_UNTIL:
        if WAR_BASE in panel.years and until in panel.years and len(importers) == len(WAR):
            chosen = np.zeros((len(panel.countries),) * 2, dtype=bool)
            chosen[:, importers] = True
            yield Choice(WAR_BASE, until, chosen & _traded(panel, WAR_BASE))


def _traded(panel: TradePanel, year: int) -> Bools:
    by_name = np.array([code != REST_OF_WORLD for code in panel.countries])
    return (panel.imports(year) >= LEAST) & by_name[:, None] & by_name[None]


def model_growth(
    panel: TradePanel,
    since: int,
    until: int,
    elasticity: float | str,
    structure: Structure | None = None,
    tariff: Array | None = None,
) -> Growth:
    """The model's growth from the world of ``since`` with the goods tariffs of ``until``, or those given (N, N, S of goods).

    Parameters
    ----------
    panel
    since, until
        Years.
    elasticity
        A number for all sectors, or the name of a set.
    structure
        Family and closures; the panel's usual ones unless given.
    tariff : (N, N, S of goods), optional
        Fractions.
    """
    world = panel.worlds[since]
    compiled = compile(Scenario(structure=structure_of(elasticity, structure)), world)
    new = compiled.world.tariff.copy()
    new[:, :, goods_of(world)] = panel.tariff[panel.at(until)] if tariff is None else tariff
    return with_tariffs(compiled.world, new, compiled.parameters)


def outcome_table(panel: TradePanel, choice: Choice) -> pd.DataFrame:
    """What happened to the chosen pairs: `scoring.COLUMNS` without predictions, with ``tariff``, ``i`` and ``j``."""
    before, after = panel.imports(choice.since), panel.imports(choice.until)
    i, j = np.nonzero(choice.chosen & (after > 0))
    common = np.log(after.sum(0) / before.sum(0))
    codes = np.array(panel.countries)
    return pd.DataFrame(
        {
            "importer": codes[j],
            "partner": codes[i],
            "since": choice.since,
            "until": choice.until,
            "weight": before[i, j],
            "actual": np.log(after[i, j] / before[i, j]),
            "common": common[j],
            "tariff": panel.tariff_change(choice.since, choice.until)[i, j],
            "i": i,
            "j": j,
        }
    )


def with_model(table: pd.DataFrame, growth: Growth) -> pd.DataFrame:
    """The table with the model's predictions of its pairs."""
    i, j = table["i"].to_numpy(), table["j"].to_numpy()
    return table.assign(predicted=growth.by_pair[i, j], predicted_common=growth.common[j])


def by_sector(panel: TradePanel, choice: Choice, growth: Growth, *, moved_alone: bool = True) -> pd.DataFrame:
    """What happened to single goods sectors of the chosen pairs, and what was predicted: `scoring.COLUMNS` with ``sector``.

    Parameters
    ----------
    panel, choice
    growth
        The model's.
    moved_alone
        Only cells whose own tariff moved by `LARGE` in the panel; else all that are large enough.
    """
    here, there = panel.at(choice.since), panel.at(choice.until)
    value, later = panel.trade[here], panel.trade[there]
    moved = np.abs(np.log1p(panel.tariff[there]) - np.log1p(panel.tariff[here])) >= LARGE
    away = ~np.eye(len(value), dtype=bool)[:, :, None]
    cell = choice.chosen[:, :, None] & (moved | (not moved_alone)) & (value >= LEAST / 10) & (later > 0)
    i, j, s = np.nonzero(cell & (growth.before > 0) & (growth.after > 0))
    before, after = (value * away).sum(0), (later * away).sum(0)
    expected = (growth.after * away).sum(0) / (growth.before * away).sum(0)
    codes = np.array(panel.countries)
    return pd.DataFrame(
        {
            "importer": codes[j],
            "partner": codes[i],
            "sector": np.array(panel.sectors)[s],
            "since": choice.since,
            "until": choice.until,
            "weight": value[i, j, s],
            "actual": np.log(later[i, j, s] / value[i, j, s]),
            "common": np.log(after[j, s] / before[j, s]),
            "predicted": np.log(growth.after[i, j, s] / growth.before[i, j, s]),
            "predicted_common": np.log(expected[j, s]),
        }
    )
