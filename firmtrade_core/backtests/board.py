"""The board: every episode's scores, misses and points, and each partner's record, as plain numbers.

It ships in ``assets/backtests/board.json``, made by ``backtest --world-panel ... --agreements ... --tariffs ... --store``;
episodes whose data ship (the United States in 2025) are made anew by every run of ``backtest``.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from firmtrade_core.backtests import agreements as treaties
from firmtrade_core.backtests import rivals, us_2025
from firmtrade_core.backtests.errors import BacktestError
from firmtrade_core.backtests.panels import (
    HORIZONS,
    LARGE,
    LEAST,
    Choice,
    TradePanel,
    by_sector,
    large_changes,
    model_growth,
    outcome_table,
    read_panel,
    trade_war,
    with_model,
)
from firmtrade_core.backtests.predicting import goods_of, structure_of
from firmtrade_core.backtests.scoring import influence, misses, record_by_partner, score
from firmtrade_core.codes.countries import REST_OF_WORLD
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.gravity.local_projections import Projections, local_projections
from firmtrade_core.paths import asset, write_whole
from firmtrade_core.scenarios.schema import Structure
from firmtrade_core.world.elasticities import elasticity_sets, horizon_sets
from firmtrade_core.world.embedded import load_embedded_world
from firmtrade_core.world.world import World

VERSION = 1

#: The elasticities at which every episode is predicted; the points of the scatter and the partners' records are of these.
NUMBERS = (1.0, 2.0, 4.0)

#: Published and estimated sets by sector at which rule-chosen episodes are predicted too.
SETS = ("CP", "FGO", "LL", "GRAV")

#: Points of an episode that are kept for its picture: those with most trade.
MOST_POINTS = 250

#: Econometrics of others: the response of imports before tariffs one and five years on, Boehm, Levchenko, Pandalai-Nayar 2023.
PUBLISHED = {1: -0.76, 5: -1.24}

#: Structure of rule-chosen episodes, whose worlds have no input-output links: competition, so that 600 solutions take a minute.
PLAIN = Structure(family="armington")

Progress = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Episode:
    """One episode of the board.

    Parameters
    ----------
    key, title
    words
        What is predicted from what, by which rule, and what to beware of.
    rows
        One per method, horizon and sample: method, label, kind (model, econometrics, learning), horizon in years,
        sample, and `Score.to_dict`.
    points
        Relative log changes by pair: importer, partner, since, until, share (of the episode's imports, 0 to 1), actual, and the
        predictions by method.
    misses
        Of the model at a trade elasticity of 4: importer, partner, since, until, missed, share of squared error.
    without
        The score with partners left out, of the same.
    sectors
        The same by sector.
    stored
        Whether it needs data that do not ship: then it is the stored run.
    """

    key: str
    title: str
    words: str
    rows: tuple[Mapping[str, Any], ...]
    points: tuple[Mapping[str, Any], ...] = ()
    misses: tuple[Mapping[str, Any], ...] = ()
    without: tuple[Mapping[str, Any], ...] = ()
    sectors: tuple[Mapping[str, Any], ...] = ()
    stored: bool = True

    def table(self) -> pd.DataFrame:
        """The rows as a table."""
        return pd.DataFrame(list(self.rows))

    def row(self, method: str, horizon: int | None = None, sample: str = "all") -> Mapping[str, Any]:
        """One method's row.

        Raises
        ------
        BacktestError
            If there is none.
        """
        for row in self.rows:
            if row["method"] == method and row["sample"] == sample and horizon in (None, row["horizon"]):
                return row
        raise BacktestError(f"{self.title} has no score of {method!r} in the sample {sample!r}.")


@dataclass(frozen=True, eq=False)
class Board:
    """All episodes, partners' records and what stands beside them.

    Parameters
    ----------
    made
        The day of the stored run.
    episodes
    partners
        By method (``model 4``): rows of `record_by_partner`.
    elasticities
        By years since the change, from local projections on the world panel: rows of `local_projections`.
    learned
        Growth of US imports in 2025 relative to all, as learners of the world panel see it, by method and partner.
    seconds
        What the stored run took.
    """

    made: date
    episodes: tuple[Episode, ...]
    partners: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    elasticities: tuple[Mapping[str, Any], ...] = ()
    learned: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    seconds: float = 0.0

    def episode(self, key: str) -> Episode:
        """One episode by its key.

        Raises
        ------
        BacktestError
            Naming those there are.
        """
        for episode in self.episodes:
            if episode.key == key:
                return episode
        raise BacktestError(
            f"There is no episode {key!r}; there are {', '.join(e.key for e in self.episodes)}."
        )

    def partner(self, code: str, elasticity: float) -> Mapping[str, Any] | None:
        """The record of a partner at the elasticity of `NUMBERS` nearest to one; None where there is none."""
        rows = {row["partner"]: row for row in self.partners.get(f"model {nearest(elasticity):g}", ())}
        found = rows.get(code) or rows.get(us_2025.partner_of(code))
        return found

    def to_json(self) -> str:
        """The board as JSON; missing numbers are null."""
        content = {
            "version": VERSION,
            "made": self.made.isoformat(),
            "seconds": self.seconds,
            "episodes": [
                {
                    "key": e.key,
                    "title": e.title,
                    "words": e.words,
                    "rows": e.rows,
                    "points": e.points,
                    "misses": e.misses,
                    "without": e.without,
                    "sectors": e.sectors,
                }
                for e in self.episodes
            ],
            "partners": self.partners,
            "elasticities": self.elasticities,
            "learned": self.learned,
        }
        return json.dumps(_plain(content), allow_nan=False, separators=(",", ":")) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Board:
        """A board as `to_json` wrote it.

        Raises
        ------
        BacktestError
            If it is of another version or damaged.
        """
        try:
            content = json.loads(text)
            if content["version"] != VERSION:
                raise BacktestError(
                    f"The board is of version {content['version']}; this program reads {VERSION}: make it again."
                )
            return cls(
                made=date.fromisoformat(content["made"]),
                seconds=float(content["seconds"]),
                episodes=tuple(_episode_of(_numbers(episode)) for episode in content["episodes"]),
                partners={k: tuple(_numbers(v)) for k, v in content["partners"].items()},
                elasticities=tuple(_numbers(content["elasticities"])),
                learned=content["learned"],
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, BacktestError):
                raise
            raise BacktestError(f"This is no board of backtests: {error}.") from error


def nearest(elasticity: float) -> float:
    """The elasticity of `NUMBERS` nearest to one, in ratio."""
    return min(NUMBERS, key=lambda e: abs(math.log(e / max(elasticity, 1e-6))))


@cache
def stored_board() -> Board:
    """The board that ships.

    Raises
    ------
    BacktestError
        If it is missing or damaged.
    """
    path = asset("backtests/board.json")
    if not path.is_file():
        raise BacktestError("The stored board is missing; make it with `backtest --store` (see Methods).")
    return Board.from_json(path.read_text(encoding="utf-8"))


# What ships -------------------------------------------------------------------------------------


def us_episode(
    world: World | None = None,
    period: us_2025.Period = "2025",
    *,
    structure: Structure | None = None,
    choices: Sequence[float | str] | None = None,
    board: Board | None = None,
) -> tuple[Episode, dict[str, pd.DataFrame]]:
    """US imports of 2025, predicted at every elasticity set, and the tables of predictions by method.

    Parameters
    ----------
    world
        The embedded world unless given.
    period
    structure
        The default structure unless given.
    choices
        Elasticities and names of sets; all that the lab offers unless given.
    board
        A stored board, for rivals that were estimated on the world panel.
    """
    world = world or load_embedded_world()
    wanted: Sequence[float | str] = (
        [*NUMBERS, *elasticity_sets(), *horizon_sets()] if choices is None else choices
    )
    rows, tables = [], {}
    for choice in wanted:
        name = f"model {choice:g}" if isinstance(choice, float) else f"model {choice}"
        try:
            table = us_2025.us_2025(world, structure_of(choice, structure), period)
        except EquilibriumError as error:
            rows.append(_row(name, _set_label(choice), "model", 1, "all", None, str(error)))
            continue
        tables[name] = table
        rows.append(_row(name, _set_label(choice), "model", 1, "all", table))
    given = next(iter(tables.values()))
    for name, label, kind, table in _us_rivals(given, board):
        tables[name] = table
        rows.append(_row(name, label, kind, 1, "all", table))
    main = tables.get("model 4", given)
    when = "calendar 2025 on 2024" if period == "2025" else "April to October 2025 on the same months of 2024"
    episode = Episode(
        key="us_2025" if period == "2025" else "us_2025_apr_oct",
        title=f"United States, {when}",
        words=(
            f"US goods imports by partner, {when}, from the embedded world and the tariffs added, weighted by days. The "
            "European Union is one partner. Weights are imports before. Early stockpiling, gold, servers from Taiwan and goods "
            "rerouted through Vietnam and Thailand are in what happened; nothing of the kind is in any prediction."
        ),
        rows=tuple(rows),
        points=_points(tables),
        misses=_misses(main),
        without=_without(main, us_2025.WITHOUT),
        stored=False,
    )
    return episode, tables


def _us_rivals(given: pd.DataFrame, board: Board | None) -> Iterable[tuple[str, str, str, pd.DataFrame]]:
    def by_number(elasticity: float) -> pd.DataFrame:
        change = elasticity * given["tariff"].to_numpy(float)
        weight = given["weight"].to_numpy(float)
        common = np.log((weight * np.exp(change)).sum() / weight.sum())
        return given.assign(predicted=change, predicted_common=common)

    yield (
        "published",
        f"{PUBLISHED[1]:g} × tariff change: Boehm et al. 2023, one year",
        "econometrics",
        by_number(PUBLISHED[1]),
    )
    static = elasticity_sets()["GRAV"]
    mean = float(np.mean([v for k, v in static.by_sector.items() if k != "services"]))
    yield (
        "ppml",
        f"−{mean + 1:.2f} × tariff change: PPML of the world panel, mean of its sectors",
        "econometrics",
        by_number(-(mean + 1)),
    )
    if board is None:
        return
    first = next((row for row in board.elasticities if row["horizon"] == 1), None)
    if first is not None:
        yield (
            "projections",
            f"{first['estimate']:.2f} × tariff change: local projections, one year".replace("-", "−"),
            "econometrics",
            by_number(float(first["estimate"])),
        )
    for which, label in (
        ("ridge", "Ridge, learned on 2011 to 2022"),
        ("boosting", "Boosted trees, learned on 2011 to 2022"),
    ):
        learned = board.learned.get(which)
        if learned:
            growth = given["partner"].map(learned).to_numpy(float)
            yield which, label, "learning", given.assign(predicted=growth, predicted_common=0.0)


def _set_label(choice: float | str) -> str:
    if isinstance(choice, float):
        return f"Model, trade elasticity {choice:g}"
    sets = {**elasticity_sets(), **horizon_sets()}
    return f"Model, {sets[choice].label}"


def current_board(*, say: Progress = lambda words: None) -> Board:
    """The stored board with the episodes whose data ship made anew.

    Raises
    ------
    BacktestError, EquilibriumError
    """
    board = stored_board()
    fresh: dict[str, Episode] = {}
    periods: tuple[us_2025.Period, ...] = ("2025", "2025-04..10")
    for period in periods:
        say(f"United States, {'2025' if period == '2025' else 'April to October 2025'}")
        episode, _ = us_episode(period=period, board=board)
        fresh[episode.key] = episode
    return replace(board, episodes=tuple(fresh.get(e.key, e) for e in board.episodes))


# What needs data --------------------------------------------------------------------------------


def full_board(
    world_panel: Path | None,
    agreements: Path | None = None,
    tariffs: Path | None = None,
    *,
    say: Progress = lambda words: None,
) -> Board:
    """Every episode that the files at hand allow.

    Parameters
    ----------
    world_panel
        A table of the world's flows by year (`read_panel`).
    agreements, tariffs
        Tables of trade with agreements and of tariffs (`agreements.read_agreements`); both or none.
    say
        Told what is being done.

    Raises
    ------
    BacktestError
    """
    began = time.perf_counter()
    if (agreements is None) != (tariffs is None):
        raise BacktestError("Agreements need their table of tariffs beside them: give both or none.")
    board = Board(date.today(), ())
    episodes: list[Episode] = []
    seen: dict[str, list[pd.DataFrame]] = {f"model {e:g}": [] for e in NUMBERS}
    if world_panel is not None:
        say(f"Reading {world_panel.name}")
        panel = read_panel(world_panel)
        say("Local projections")
        flows = Projections(panel.long_table(), least=rivals.LEAST_CELL)
        projected = local_projections(flows)
        board = replace(
            board,
            elasticities=_records(projected),
            learned=_learned(panel, load_embedded_world()),
        )
        for horizon in HORIZONS:
            say(f"Pair-years with a large tariff change, {horizon} years ahead")
            episodes.append(_pair_years(panel, flows, horizon, seen))
        say("United States and China, 2018 and 2019")
        episodes.append(_war(panel, seen))
    if agreements is not None and tariffs is not None:
        say("Agreements")
        episodes.append(_treaties(agreements, tariffs, seen))
    say("United States, 2025")
    periods: tuple[us_2025.Period, ...] = ("2025", "2025-04..10")
    for period in periods:
        own, tables = us_episode(period=period, board=board)
        episodes.insert(0 if period == "2025" else 1, own)
        if period == "2025":
            for name, found in seen.items():
                found.append(tables[name])
    partners = {
        name: _records(record_by_partner(pd.concat(found, ignore_index=True))) for name, found in seen.items()
    }
    return replace(
        board, episodes=tuple(episodes), partners=partners, seconds=round(time.perf_counter() - began, 1)
    )


def _pair_years(
    panel: TradePanel, flows: Projections, horizon: int, seen: dict[str, list[pd.DataFrame]]
) -> Episode:
    found: dict[str, list[pd.DataFrame]] = {}
    sectors: list[pd.DataFrame] = []
    for choice in large_changes(panel, horizon):
        made, cells = _predicted(panel, flows, choice, learned=True)
        for name, table in made.items():
            found.setdefault(name, []).append(table)
        sectors.append(cells)
    if not found:
        raise BacktestError(f"No tariff of the panel moves enough over {horizon} years.")
    tables = {name: pd.concat(parts, ignore_index=True) for name, parts in found.items()}
    for name in seen:
        seen[name].append(tables[name])
    main = tables["model 4"]
    return Episode(
        key=f"pair_years_{horizon}",
        title=f"Pairs with a large tariff change, {_years(horizon)} on",
        words=(
            f"All goods imports of one country from another, {_years(horizon)} on, where the pair's tariff moved by {100 * LARGE:g} log "
            f"points or more and imports were at least {LEAST / 1000:g} bn USD: {len(main)} pair-years, predicted from the year before and "
            "the tariffs of the year predicted. The rule was written before any outcome was looked at. Part of these tariff "
            "changes is the table's: rates of free-trade areas come and go in it, and trade does not follow what did not happen."
        ),
        rows=tuple(_scored(tables, horizon)),
        points=_points(tables),
        misses=_misses(main),
        without=_without(main, {}),
        sectors=_by_sector(pd.concat(sectors, ignore_index=True)),
    )


def _war(panel: TradePanel, seen: dict[str, list[pd.DataFrame]]) -> Episode:
    rows: list[Mapping[str, Any]] = []
    points: list[Mapping[str, Any]] = []
    main, told, sectors = pd.DataFrame(), {}, []
    for choice in trade_war(panel):
        made, _ = _predicted(panel, None, choice, learned=False)
        collected = _as_collected(panel, choice)
        for elasticity in NUMBERS:
            growth = model_growth(panel, choice.since, choice.until, elasticity, PLAIN, collected)
            made[f"duties {elasticity:g}"] = with_model(outcome_table(panel, choice), growth)
            if elasticity == 4.0:
                sectors.append(by_sector(panel, choice, growth, moved_alone=False))
        labels = {
            f"duties {e:g}": f"Model at {e:g}, US duties on China as collected in 2024" for e in NUMBERS
        }
        rows += _scored(made, choice.horizon, labels)
        points += _points(made)
        main = made["duties 4"]
        told = {f"model {e:g}": made[f"duties {e:g}"] for e in NUMBERS}
    if not rows:
        raise BacktestError("The panel has no 2017, 2018 and 2019 of the United States and China.")
    for name, table in told.items():
        seen[name].append(table)
    here, there = panel.countries.index("USA"), panel.countries.index("CHN")
    moved = 100 * float(panel.tariff_change(2017, 2019)[there, here])
    back = 100 * float(panel.tariff_change(2017, 2019)[here, there])
    return Episode(
        key="us_china_2018",
        title="United States and China, 2018 and 2019, from 2017",
        words=(
            f"Goods imports of the two by partner. The panel's tariffs know no trade war: US tariffs on China move by {moved:+.2f} log "
            f"points from 2017 to 2019, China's on the United States by {back:+.2f} (its source holds ordinary rates). So the model told by the panel "
            "predicts next to nothing, and is judged as that. Below it, the model told US duties on China by sector as they were "
            "collected in 2024, most of them from 2018 and 2019, without any answer by China."
        ).replace("-", "−"),
        rows=tuple(rows),
        points=tuple(points),
        misses=_misses(main),
        without=_without(main, {"without China and the United States": ("CHN", "USA")}),
        sectors=_by_sector(pd.concat(sectors, ignore_index=True)),
    )


def _as_collected(panel: TradePanel, choice: Choice) -> Any:
    """Goods tariffs of the outcome year, with US duties on China as collected in 2024, by broad sector."""
    from firmtrade_core.codes.sectors import broad_sector

    duties = pd.read_csv(asset("backtests/us_china_duties_2024.csv")).set_index("sector")["duty"]
    tariff = panel.tariff[panel.at(choice.until)].copy()
    here, there = panel.countries.index("USA"), panel.countries.index("CHN")
    for s, sector in enumerate(panel.sectors):
        broad = sector if sector in duties.index else broad_sector(sector)
        tariff[there, here, s] = max(float(duties[broad]), tariff[there, here, s])
    return tariff


def _predicted(
    panel: TradePanel, flows: Projections | None, choice: Choice, *, learned: bool
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    outcome = outcome_table(panel, choice)
    made, cells = {}, pd.DataFrame()
    for elasticity in (*NUMBERS, *SETS):
        growth = model_growth(panel, choice.since, choice.until, elasticity, PLAIN)
        name = f"model {elasticity:g}" if isinstance(elasticity, float) else f"model {elasticity}"
        made[name] = with_model(outcome, growth)
        if elasticity == 4.0:
            cells = by_sector(panel, choice, growth)
    horizon = choice.horizon
    if horizon in PUBLISHED:
        made["published"] = rivals.by_elasticity(
            panel, outcome, choice.since, choice.until, PUBLISHED[horizon]
        )
    if not learned:
        return made, cells
    known = None if flows is None else rivals.elasticity_known(flows, horizon, choice.since)
    nothing = outcome.assign(predicted=np.nan, predicted_common=np.nan)
    made["projections"] = (
        nothing if known is None else rivals.by_elasticity(panel, outcome, choice.since, choice.until, known)
    )
    learners = (
        rivals.Learners.trained(panel, horizon, choice.since) if choice.since > panel.years[0] else None
    )
    for which in ("ridge", "boosting"):
        made[which] = (
            nothing
            if learners is None
            else rivals.by_learning(panel, outcome, choice.since, choice.until, learners, which)
        )
    return made, cells


def _learned(panel: TradePanel, world: World) -> dict[str, dict[str, float]]:
    """What learners of the panel, without last year's growth, say of US imports by partner in 2025."""
    last = panel.years[-1]
    learners = rivals.Learners.trained(panel, 1, last, rivals.WITHOUT_LAST)
    if learners is None:
        return {}
    table = us_2025.us_2025(world, structure_of(4.0))
    here = world.country_index(us_2025.IMPORTER)
    weight, change = table["weight"].to_numpy(float), table["tariff"].to_numpy(float)
    goods = goods_of(world)
    value = world.border_value[:, :, goods]
    share, level = [], []
    for partner in table["partner"]:
        places = [
            i
            for i, code in enumerate(world.countries)
            if us_2025.partner_of(code) == partner and code != REST_OF_WORLD
        ]
        bought = value[places, here].sum()
        sold = value[places].sum() - sum(value[i, places].sum() for i in places)
        share.append(float(np.log(bought / sold)))
        level.append(
            float((value[places, here] * np.log1p(world.tariff[places, here][:, goods])).sum() / bought)
        )
    given = pd.DataFrame(
        {
            "tariff change": change - np.average(change, weights=weight),
            "tariff": level,
            "log imports": np.log(weight),
            "share of importer": np.log(weight / weight.sum()),
            "share of exporter": share,
        }
    )
    return {
        which: dict(zip(table["partner"], np.round(learners.predict(which, given), 4).tolist(), strict=True))
        for which in ("ridge", "boosting")
    }


def _treaties(agreements: Path, tariffs: Path, seen: dict[str, list[pd.DataFrame]]) -> Episode:
    panel = treaties.read_agreements(agreements, tariffs)
    tables = {f"model {e:g}": treaties.predicted(panel, e) for e in (*NUMBERS, 8.0)}
    for name in seen:
        seen[name].append(tables[name])
    tables["earlier agreements"] = treaties.by_earlier_agreements(panel)
    main = tables["model 4"]
    return Episode(
        key="agreements",
        title=f"Trade agreements, {treaties.AHEAD} years on",
        words=(
            f"Manufacturing imports between members of new agreements, {len(main)} pairs of 1988 to 2001, where the two sold each "
            f"other at least {treaties.LEAST / 1000:g} bn USD, {treaties.AHEAD} years on from the year before. The model knows one thing: tariffs between the "
            "members go to zero. Econometrics knows what earlier agreements did (PPML with effects of exporter-year, importer-year and "
            "pair, borders by year), the same for every pair."
        ),
        rows=tuple(_scored(tables, treaties.AHEAD)),
        points=_points(tables),
        misses=_misses(main),
        without=_without(main, {"without Mexico": ("MEX",)}),
    )


# Rows -------------------------------------------------------------------------------------------

_LABELS = {
    "published": ("econometrics", "Published response (Boehm et al. 2023) × tariff change"),
    "projections": ("econometrics", "Local projections on earlier years × tariff change"),
    "earlier agreements": ("econometrics", "What earlier agreements did (PPML)"),
    "ridge": ("learning", "Ridge, learned on earlier years"),
    "boosting": ("learning", "Boosted trees, learned on earlier years"),
}


def _scored(
    tables: Mapping[str, pd.DataFrame], horizon: int, labels: Mapping[str, str] | None = None
) -> list[Mapping[str, Any]]:
    """A row per method on all its pairs, and on the pairs that every method predicts where those are fewer."""
    known = np.logical_and.reduce([np.isfinite(t["predicted"].to_numpy(float)) for t in tables.values()])
    rows = []
    for name, table in tables.items():
        if name.startswith("model "):
            given = name.removeprefix("model ")
            kind, label = "model", _set_label(float(given) if given[0].isdigit() else given)
        elif labels and name in labels:
            kind, label = "model", labels[name]
        else:
            kind, label = _LABELS[name]
        rows.append(_row(name, label, kind, horizon, "all", table))
        if not known.all() and known.sum() >= 3:
            rows.append(_row(name, label, kind, horizon, "same pairs", table[known]))
    return rows


def _row(
    method: str, label: str, kind: str, horizon: int, sample: str, table: pd.DataFrame | None, why: str = ""
) -> Mapping[str, Any]:
    head = {"method": method, "label": label, "kind": kind, "horizon": horizon, "sample": sample}
    if table is None:
        return head | dict.fromkeys(_SCORES, float("nan")) | {"predictions": 0, "why": why}
    return head | _rounded(score(table).to_dict()) | {"why": why}


_SCORES = ("correlation", "slope", "error", "no_change", "relative_error", "equal_growth", "skill")


def _points(tables: Mapping[str, pd.DataFrame]) -> tuple[Mapping[str, Any], ...]:
    names = [n for n in tables if n.split()[0] in ("model", "duties") and n.split()[1][0].isdigit()]
    first = tables[names[0]]
    share = first["weight"] / first["weight"].sum()
    rows = []
    for at in share.sort_values(ascending=False, kind="stable").index[:MOST_POINTS]:
        row = first.loc[at]
        point: dict[str, Any] = {name: row[name] for name in ("importer", "partner", "since", "until")}
        point |= {
            "share": round(float(share[at]), 4),
            "actual": round(float(row["actual"] - row["common"]), 3),
        }
        for name in names:
            own = tables[name].loc[at]
            point[name] = round(float(own["predicted"] - own["predicted_common"]), 3)
        rows.append(point)
    return tuple(rows)


def _misses(table: pd.DataFrame) -> tuple[Mapping[str, Any], ...]:
    found = misses(table, 12)
    kept = found[["importer", "partner", "since", "until", "missed", "share"]]
    return tuple(_rounded(row) for row in kept.to_dict("records"))


def _without(table: pd.DataFrame, groups: Mapping[str, Iterable[str]]) -> tuple[Mapping[str, Any], ...]:
    found = influence(table, groups).head(len(groups) + 8)
    return tuple(_rounded(row) for row in found.to_dict("records"))


def _by_sector(cells: pd.DataFrame) -> tuple[Mapping[str, Any], ...]:
    rows = []
    for sector, own in cells.groupby("sector", sort=True):
        if len(own) >= 10:
            rows.append({"sector": sector} | _rounded(score(own).to_dict()))
    return tuple(rows)


def _rounded(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(k): round(float(v), 4) if isinstance(v, float | np.floating) else v for k, v in row.items()}


def _years(horizon: int) -> str:
    return "one year" if horizon == 1 else f"{horizon} years"


# JSON -------------------------------------------------------------------------------------------


def _episode_of(content: dict[str, Any]) -> Episode:
    return Episode(
        key=content["key"],
        title=content["title"],
        words=content["words"],
        rows=tuple(content["rows"]),
        points=tuple(content["points"]),
        misses=tuple(content["misses"]),
        without=tuple(content["without"]),
        sectors=tuple(content["sectors"]),
    )


def _records(table: pd.DataFrame) -> tuple[Mapping[str, Any], ...]:
    return tuple({str(k): v for k, v in row.items()} for row in table.to_dict("records"))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return round(value, 5) if math.isfinite(value) else None
    return value


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _numbers(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_numbers(v) for v in value]
    return float("nan") if value is None else value


#: What stands at the head of the file of elasticities by years since the change.
_HEAD = (
    "# source: Estimated by firmtrade on OECD Inter-Country Input-Output tables 2011 to 2022 (2025 edition, CC BY 4.0) with tariffs of "
    "Teti's Global Tariff Database: local projections of log imports before duties on log (1 + tariff), instrumented by the first "
    "year's change, effects of exporter-sector-year and importer-sector-year, last year's changes held fixed, errors clustered by pair.\n"
    "# command: backtest --world-panel PANEL --agreements PANEL --tariffs TABLE --store\n"
)


def store(board: Board, path: Path | None = None) -> Path:
    """Write a board to a file; where none is named, where it ships from, its elasticities beside the other estimates."""
    target = path or asset("backtests/board.json")
    write_whole(target, board.to_json())
    if path is None and board.elasticities:
        table = pd.DataFrame(list(board.elasticities))
        write_whole(
            asset("estimates/local_projections.csv"),
            _HEAD + table.to_csv(index=False, float_format="%.6g", lineterminator="\n"),
        )
        horizon_sets.cache_clear()
    return target
