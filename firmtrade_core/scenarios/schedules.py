"""Tariff schedules as tables: shipped ones with their dates, and a user's own rows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from types import MappingProxyType

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray
from pydantic import ValidationError

from firmtrade_core.codes.countries import REST_OF_WORLD, country_name
from firmtrade_core.codes.groups import group_members, group_names
from firmtrade_core.codes.places import read_place
from firmtrade_core.codes.word_lists import known_as
from firmtrade_core.home.isic import parts_of_sector
from firmtrade_core.labels import grouped, in_percent
from firmtrade_core.paths import asset, read_rows
from firmtrade_core.scenarios.atlas import Atlas, some
from firmtrade_core.scenarios.errors import ScenarioError
from firmtrade_core.scenarios.fields import ALL_GOODS
from firmtrade_core.scenarios.offers import is_by_lines, judged_partners, read_offer
from firmtrade_core.scenarios.schema import Scenario, ScheduleRow, TariffSchedule

Array = NDArray[np.float64]

#: Columns of a dated table that are not sectors.
_HEAD = ("effective_date", "exporter", "basis")

#: What columns of a user's table may be called.
_COLUMNS = known_as("schedule")

#: Heads of rates in percent: rate_percent, Tariff (%), pct.
_PERCENT = re.compile(r"(?:(?:rate|added_tariff|tariff|duty)[_(]*)?(?:percent|pct|%)\)?")


@dataclass(frozen=True)
class Regime:
    """What is in force from a day on: its legal story in two lines, and the authority it rests on."""

    since: date
    authority: str
    story: str


@dataclass(frozen=True, eq=False)
class DatedTable:
    """A shipped table of rates by exporter and sector on several dates.

    Parameters
    ----------
    name, label
    importers
        Who takes the tariffs.
    checked
        The day on which somebody last looked for newer policies.
    source, caveats
        In words.
    regimes
        By date, in order.
    lists
        By number of sectors: date, exporter, basis and a column per sector, fractions; NaN where nothing was traded.
    digest
        Twelve hexadecimal digits of the content.
    """

    name: str
    label: str
    importers: tuple[str, ...]
    checked: date
    source: str
    caveats: str
    regimes: tuple[Regime, ...]
    lists: Mapping[int, pd.DataFrame]
    digest: str

    def regime(self, day: date | None) -> Regime:
        """What was in force on a day; the last where none is given.

        Raises
        ------
        ScenarioError
            Before the first date.
        """
        if day is None:
            return self.regimes[-1]
        found = [r for r in self.regimes if r.since <= day]
        if not found:
            raise ScenarioError(
                f"{self.label}: the table begins on {in_words(self.regimes[0].since)}; {in_words(day)} is before it."
            )
        return found[-1]

    def age(self, day: date) -> str:
        """What to say where a day lies beyond what the table knows; "" where it does not."""
        last = self.regimes[-1].since
        days = (day - self.checked).days
        if days <= 0:
            return ""
        return (
            f"The table was last checked on {in_words(self.checked)}, {grouped(days)} day{'s' if days > 1 else ''} before, and its "
            f"newest entry is of {in_words(last)}: for a policy that is newer bring a table of your own."
        )

    def added(self, day: date | None, atlas: Atlas) -> Array:
        """Points added by exporter and sector of the world, (N, S), fractions."""
        since = self.regime(day).since
        table = self._list_for(atlas)
        rows = table[table["effective_date"] == since.isoformat()].set_index("exporter")
        sectors = [c for c in table.columns if c not in _HEAD]
        estimated = rows.index[rows["basis"] == "estimated"]
        here = [country_name(c) for c in estimated if c in atlas.world.countries]
        if here and since > self.regimes[0].since:
            atlas.note(
                f"{self.label}: the rates of {some(here)} are estimated by rule, not from tariff lines."
            )
        values = rows[sectors].fillna(0.0)
        of_group = {
            member: code for code in values.index if code in group_names() for member in group_members(code)
        }
        by_country = np.zeros((len(atlas.world.countries), len(sectors)))
        unlisted = []
        for i, code in enumerate(atlas.world.countries):
            source = code if code in values.index else of_group.get(code)
            if source is None:
                unlisted += [] if code in self.importers else [country_name(code)]
            else:
                by_country[i] = values.loc[source]
        if unlisted:
            atlas.note(f"{self.label}: {some(unlisted)} are not in the table; nothing is added there.")
        if REST_OF_WORLD in atlas.world.countries and REST_OF_WORLD in values.index:
            atlas.note(
                f"{self.label}: the rest of the world takes the mean of its measured members (approximate)."
            )
        result: Array = by_country @ _shares(sectors, atlas)
        return result

    def _list_for(self, atlas: Atlas) -> pd.DataFrame:
        """The list whose sectors the world's are most like."""

        def alike(table: pd.DataFrame) -> int:
            return len({*table.columns} & {*atlas.world.sectors})

        return max(self.lists.values(), key=alike)


def _shares(sectors: list[str], atlas: Atlas) -> Array:
    """Weight of each of the table's sectors in each of the world's, (K, S): the simple mean over ISIC parts."""
    weight = np.zeros((len(sectors), len(atlas.world.sectors)))
    mixed = []
    for s, (label, parts) in enumerate(zip(atlas.world.sectors, atlas.sector_parts, strict=True)):
        if label in sectors:
            weight[sectors.index(label), s] = 1.0
            continue
        for k, name in enumerate(sectors):
            weight[k, s] = len((parts_of_sector(name) or frozenset()) & parts)
        if (total := weight[:, s].sum()) > 0:
            mixed += [label] if np.count_nonzero(weight[:, s]) > 1 else []
            weight[:, s] /= total
    if mixed:
        atlas.note(f"The schedule's rates of {some(mixed)} are simple means over their parts (approximate).")
    return weight


@cache
def dated_tables() -> Mapping[str, DatedTable]:
    """Shipped tables with dates, by name."""
    return MappingProxyType(
        {path.stem: _read(path.stem) for path in sorted(asset("schedules").glob("*.yaml"))}
    )


def _read(name: str) -> DatedTable:
    head = yaml.safe_load(asset(f"schedules/{name}.yaml").read_text(encoding="utf-8"))
    digest, lists = hashlib.blake2b(digest_size=6), {}
    for path in sorted(asset("schedules").glob(f"{name}_*.csv")):
        digest.update(path.read_bytes())
        lists[int(path.stem.rsplit("_", 1)[1])] = pd.read_csv(
            path,
            dtype={"effective_date": str, "exporter": str, "basis": str},
            keep_default_na=False,
            na_values=[""],
        )
    return DatedTable(
        name=name,
        label=head["label"],
        importers=tuple(head["importers"]),
        checked=head["checked"],
        source=head["source"].strip(),
        caveats=head["caveats"].strip(),
        regimes=tuple(
            Regime(since, entry["authority"], entry["story"].strip())
            for since, entry in sorted(head["regimes"].items())
        ),
        lists=MappingProxyType(lists),
        digest=digest.hexdigest(),
    )


@cache
def load_schedule(name: str) -> Mapping[str, float]:
    """Points added by exporter's code, of a shipped table without dates.

    Raises
    ------
    ScenarioError
        If there is no such table.
    """
    shipped = {path.stem: path for path in asset("schedules").glob("*.csv")}
    dated = {f"{table}_{n}" for table in dated_tables() for n in dated_tables()[table].lists}
    plain = sorted({*shipped} - dated)
    if name not in plain:
        raise ScenarioError(
            f"No schedule is called {name!r}. There are: {', '.join([*plain, *dated_tables()])}."
        )
    return MappingProxyType(
        {row["exporter"]: float(row["added_tariff"]) for row in read_rows(shipped[name], ",")}
    )


def entries(card: TariffSchedule) -> Mapping[str, float]:
    """Points by exporter of a card without sectors, from the card or a shipped table."""
    return load_schedule(card.table) if card.table else card.added


def dated(card: TariffSchedule) -> DatedTable | None:
    """The dated table that a card names, if it names one."""
    return dated_tables().get(card.table)


def in_force(scenario: Scenario) -> str:
    """What a scenario has in force of a dated table, with the day: "US tariffs in force on 21 February 2026"; "" where nothing."""
    for card in scenario.active_cards:
        if isinstance(card, TariffSchedule) and (table := dated(card)) is not None:
            day = card.day or table.regimes[-1].since
            more = len(scenario.active_cards) - 1
            others = f" and {more} polic{'y' if more == 1 else 'ies'} more" if more else ""
            part = "" if card.share == 1 else f"{in_percent(card.share)} of "
            return f"{part}{table.label} on {in_words(day)}{others}"
    return ""


def rows_rates(card: TariffSchedule, atlas: Atlas) -> tuple[Array, Array]:
    """Rates of a card's own rows and where they apply, (N, N, S) each; later rows replace earlier ones."""
    n, s = atlas.world.shape
    rates, covered = np.zeros((n, n, s)), np.zeros((n, n, s))
    for row in card.rows:
        if card.day is not None and row.effective is not None and row.effective > card.day:
            continue
        share = atlas.cells(
            atlas.countries((row.exporter,), card.except_exporters),
            atlas.countries((row.importer,) if row.importer else card.importers),
            atlas.sectors((row.sector,), card.except_sectors),
        )
        rates = rates * (1 - share) + row.rate * share
        covered = np.maximum(covered, share)
    return rates, covered


def read_schedule(
    table: pd.DataFrame,
    trade: pd.DataFrame | None = None,
    *,
    importer: str = "",
    start: date | None = None,
) -> tuple[ScheduleRow, ...]:
    """Rows of a schedule from a user's table: exporter, rate and, where there are any, importer, sector, date, basis.

    Parameters
    ----------
    table
        Rates are fractions, or texts with a percent sign; a column named ``rate_percent`` is in percent. With a column of HS
        codes in place of sectors, a schedule of tariff lines (`offers.read_offer`), whose rows add to today's tariffs.
    trade, importer, start
        Of tariff lines: the trade that weighs them, whose imports those are, and the day of the first yearly cut.

    Raises
    ------
    ScenarioError
        Naming the row and what is wrong with it.
    """
    plain = {str(c).strip().lower().replace(" ", "_"): c for c in table.columns}
    found = {
        field: next((plain[name] for name in names if name in plain), None)
        for field, names in _COLUMNS.items()
    }
    if is_by_lines(table):
        return read_offer(table, trade, importer=importer).rows(start)
    percent = next((column for name, column in plain.items() if _PERCENT.fullmatch(name)), None)
    if found["exporter"] is None or (found["rate"] is None and percent is None):
        raise ScenarioError(
            f"A schedule needs a column exporter and a column rate (or rate_percent); this table has "
            f"{', '.join(map(str, table.columns[:12]))}."
        )
    rows = []
    sides = {
        side: judged_partners(table[column])
        for side in ("exporter", "importer")
        if (column := found[side]) is not None
    }
    judged = pd.DataFrame(sides, index=table.index).map(_with_code).to_dict("records")
    for number, (record, partners) in enumerate(zip(table.to_dict("records"), judged, strict=True), start=1):
        given = {f: _plain(record.get(c)) for f, c in found.items() if c is not None}
        given |= {str(side): text for side, text in partners.items()}
        if isinstance(rate := given.get("rate"), str) and re.fullmatch(r"\d+,\d+", rate):
            given["rate"] = float(rate.replace(",", "."))
        given = {f: v for f, v in given.items() if v not in (None, "")}
        if percent is not None:
            given["rate"] = f"{record[percent]} %"
        try:
            rows.append(ScheduleRow.model_validate({"sector": ALL_GOODS} | given))
        except ValueError as error:
            raise ScenarioError(f"Row {number} of the schedule: {_first(error)}") from None
    if not rows:
        raise ScenarioError("The schedule has no rows.")
    _refuse_two_rates(rows)
    return tuple(rows)


def _with_code(text: str) -> str:
    """A partner's number as its code; any other label as it is."""
    return read_place(text).code or text if text.isdigit() else text


def _refuse_two_rates(rows: Sequence[ScheduleRow]) -> None:
    told: dict[object, ScheduleRow] = {}
    for row in rows:
        first = told.setdefault((row.exporter, row.importer, row.sector, row.effective), row)
        if first.rate != row.rate:
            raise ScenarioError(
                f"The schedule has two rates for {row.exporter}, {row.sector}: {first.rate:g} and {row.rate:g}. Keep one, or date them."
            )


def _plain(value: object) -> object:
    """A cell as the schema reads it: no NaN, dates as days, text without blanks around."""
    if value is None or (isinstance(value, float) and np.isnan(value)) or value is pd.NaT:
        return None
    if isinstance(value, pd.Timestamp):
        return value.date()
    return (
        value.strip() if isinstance(value, str) else value.item() if isinstance(value, np.generic) else value
    )


def _first(error: ValueError) -> str:
    """The first mistake in plain words."""
    if isinstance(error, ValidationError):
        problem = error.errors(include_url=False)[0]
        if problem["loc"][:1] == ("effective",):
            return f"effective: {str(problem['input'])[:40]!r} is no day; write 2026-03-05"
        return f"{'.'.join(map(str, problem['loc']))}: {problem['msg'].removeprefix('Value error, ')}"
    return str(error)


def in_words(day: date) -> str:
    """`22 August 2026`."""
    return f"{day.day} {day:%B %Y}"
