"""Forecasts of one's own: entered with a date and a hash in the library of scenarios, scored when data come.

What was forecast cannot be changed afterwards without its hash telling: the hash is over name, day, what is forecast, every
number and the scenario it came from, and is given out when the forecast is entered.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sql

from firmtrade_core.backtests.errors import BacktestError
from firmtrade_core.backtests.predicting import goods_of
from firmtrade_core.backtests.scoring import Score, score
from firmtrade_core.codes.artefacts import is_blank
from firmtrade_core.codes.countries import REST_OF_WORLD
from firmtrade_core.codes.place_lists import na_is_namibia, other_list
from firmtrade_core.codes.places import read_place
from firmtrade_core.codes.written_numbers import read_numbers
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.scenarios import Scenario
from firmtrade_core.scenarios.library import LONGEST_NAME, Library, NameTakenError

_TABLES = sql.MetaData()
_FORECASTS = sql.Table(
    "firmtrade_forecasts",
    _TABLES,
    sql.Column("key", sql.Integer, primary_key=True),
    sql.Column("name", sql.Unicode(LONGEST_NAME), nullable=False),
    sql.Column("folded_name", sql.Unicode(2 * LONGEST_NAME), nullable=False, unique=True),
    sql.Column("entered", sql.String(10), nullable=False),
    sql.Column("content", sql.UnicodeText, nullable=False),
    sql.Column("digest", sql.String(32), nullable=False),
)

#: What columns of a table of data may be called.
_COLUMNS = {
    "partner": ("partner", "exporter", "country", "partner_iso3", "origin"),
    "before": ("before", "imports_before", "since"),
    "after": ("after", "imports_after", "until"),
}


@dataclass(frozen=True)
class Forecast:
    """Growth of a country's goods imports by partner, as forecast on a day.

    Parameters
    ----------
    name
    entered
        The day.
    importer
    since, until
        The periods compared, in words: ``2026``, ``2026 Q1``.
    changes
        Log change of imports before duties by partner.
    weights
        Imports before, million US dollars, of the world it was made on: what all partners together do is told with them.
    scenario
        The scenario's YAML, empty where the numbers were given.
    note
    """

    name: str
    entered: date
    importer: str
    since: str
    until: str
    changes: Mapping[str, float]
    weights: Mapping[str, float]
    scenario: str = ""
    note: str = ""

    def to_json(self) -> str:
        """The content that the hash is over: keys in order, ten digits."""
        return json.dumps(
            {
                "name": self.name,
                "entered": self.entered.isoformat(),
                "importer": self.importer,
                "since": self.since,
                "until": self.until,
                "changes": {k: round(float(v), 10) for k, v in sorted(self.changes.items())},
                "weights": {k: round(float(v), 4) for k, v in sorted(self.weights.items())},
                "scenario": self.scenario,
                "note": self.note,
            },
            sort_keys=True,
            ensure_ascii=False,
            separators=(",", ":"),
            allow_nan=False,
        )

    @property
    def digest(self) -> str:
        """Thirty-two hexadecimal digits of the content."""
        return hashlib.blake2b(self.to_json().encode(), digest_size=16).hexdigest()

    @classmethod
    def from_json(cls, text: str) -> Forecast:
        """A forecast as `to_json` wrote it.

        Raises
        ------
        BacktestError
            If it is none.
        """
        try:
            content: dict[str, Any] = json.loads(text)
            made = cls(**{**content, "entered": date.fromisoformat(content["entered"])})
            made.to_json()
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise BacktestError(f"This is no forecast as it was entered: {str(error)[:100]}.") from error
        return made

    @property
    def common(self) -> float:
        """Log change of imports from all partners together, by the weights."""
        weight = np.array([self.weights.get(k, 0.0) for k in self.changes])
        change = np.exp(np.array(list(self.changes.values())))
        if weight.sum() <= 0:
            weight = np.ones(len(change))
        return float(np.log((weight * change).sum() / weight.sum()))

    def held_against(self, data: pd.DataFrame) -> tuple[Score, pd.DataFrame]:
        """The score against data, and the table of predictions.

        Parameters
        ----------
        data
            Columns partner, before, after: imports before duties of the two periods, in one money. Partners may be
            written as names.

        Raises
        ------
        BacktestError
            If columns are missing or fewer than three partners are in both.
        """
        actual = _read_data(data)
        shared = [code for code in self.changes if code in actual.index]
        if len(shared) < 3:
            raise BacktestError(
                f"{len(shared)} of the {len(self.changes)} partners of “{self.name}” are in the data; a score needs three. "
                "Name partners by their codes or plain names."
            )
        rows = actual.loc[shared]
        common = float(np.log(rows["after"].sum() / rows["before"].sum()))
        weight = np.asarray(rows["before"], dtype=np.float64)
        predicted = np.array([self.changes[code] for code in shared])
        table = pd.DataFrame(
            {
                "importer": self.importer,
                "partner": shared,
                "since": self.since,
                "until": self.until,
                "weight": weight,
                "actual": np.log(np.asarray(rows["after"], dtype=np.float64) / weight),
                "common": common,
                "predicted": predicted,
                "predicted_common": float(np.log((weight * np.exp(predicted)).sum() / weight.sum())),
            }
        )
        return score(table), table


def _read_data(data: pd.DataFrame) -> pd.DataFrame:
    plain = {str(c).strip().lower().replace(" ", "_"): c for c in data.columns}
    found = {field: next((plain[n] for n in names if n in plain), None) for field, names in _COLUMNS.items()}
    if missing := [field for field, column in found.items() if column is None]:
        raise BacktestError(
            f"The data need columns partner, before and after; {', '.join(missing)} is missing among "
            f"{', '.join(map(str, data.columns[:10]))}."
        )
    # A blank stays one through `astype(str)`: it is nobody, and its row falls out below.
    labels = data[found["partner"]].fillna("").astype(str)
    if (other := other_list(labels.unique())) is not None:
        raise BacktestError(
            other.sentence.partition(" The whole column")[0] + " Write ISO codes or plain names."
        )
    namibia, codes = na_is_namibia(labels.unique()), []
    for text in labels:
        place = read_place(text)
        unknown = place.code is None or (text.strip().upper() == "NA" and not namibia)
        codes.append(text.strip() if unknown else place.code)
    numbers = {}
    for name in ("before", "after"):
        written = read_numbers(data[found[name]])
        given = data[found[name]].astype("string").fillna("").str.strip()
        bad = np.isnan(written.values) & ~given.map(is_blank).to_numpy(bool)
        if bad.any():
            raise BacktestError(
                f"Column {found[name]} holds {given[bad].iloc[0][:40]!r} in row {int(bad.argmax()) + 1}, which is no number; {int(bad.sum())} "
                "rows in all. Write a point for decimals and no mark for thousands."
            )
        if written.doubtful.any():
            raise BacktestError(
                f"Column {found[name]} holds {given[written.doubtful].iloc[0]!r}, which could mean a thousand times more or less: no "
                "number of the column shows its decimal mark. Write a point for decimals and no mark for thousands."
            )
        numbers[name] = written.values
    table = pd.DataFrame({"partner": codes, **numbers}).groupby("partner").sum(min_count=1)
    told = np.isfinite(table["before"]) & np.isfinite(table["after"]) & (table.index != "")
    return table[told & (table["before"] > 0) & (table["after"] > 0)]


def forecast_of(
    result: Equilibrium,
    importer: str,
    name: str,
    since: str,
    until: str,
    *,
    scenario: Scenario | None = None,
    note: str = "",
    entered: date | None = None,
) -> Forecast:
    """What a solved scenario says of a country's goods imports by partner.

    Parameters
    ----------
    result : Equilibrium
    importer, name
        Whose imports, and what the forecast is called.
    since, until
        Periods that are compared, as they will be told.
    scenario, note
        What it rests on.
    entered
        Today unless given.

    Raises
    ------
    BacktestError
        If the world has no such country.
    """
    world = result.world
    if importer not in world.countries:
        raise BacktestError(f"The world has no {importer}.")
    here, goods = world.country_index(importer), np.flatnonzero(goods_of(world))
    before = world.border_value[:, here][:, goods].sum(1)
    after = result.border_value[:, here][:, goods].sum(1)
    kept = [
        i
        for i, code in enumerate(world.countries)
        if code not in (importer, REST_OF_WORLD) and before[i] > 0 and after[i] > 0
    ]
    return Forecast(
        name=_name(name),
        entered=entered or datetime.now(UTC).date(),
        importer=importer,
        since=since.strip(),
        until=until.strip(),
        changes={world.countries[i]: round(float(np.log(after[i] / before[i])), 10) for i in kept},
        weights={world.countries[i]: round(float(before[i]), 4) for i in kept},
        scenario="" if scenario is None else scenario.to_yaml(),
        note=note.strip(),
    )


def _name(name: str) -> str:
    plain = " ".join(name.split())
    if not 0 < len(plain) <= LONGEST_NAME:
        raise BacktestError(f"Give the forecast a name of 1 to {LONGEST_NAME} letters.")
    return plain


@dataclass(frozen=True)
class Entered:
    """A forecast as it lies in the library."""

    key: int
    forecast: Forecast
    digest: str

    @property
    def unchanged(self) -> bool:
        """Whether the content still has the hash it was entered with."""
        return self.forecast.digest == self.digest


class Forecasts(Library):
    """Forecasts in the library of scenarios, in a table of their own; takes what `Library` takes.

    There is no way to change one: only to enter, to read, and to take one out.
    """

    def _prepare(self) -> None:
        super()._prepare()
        if not sql.inspect(self._engine).has_table(_FORECASTS.name):
            _TABLES.create_all(self._engine)

    def enter(self, forecast: Forecast) -> Entered:
        """Keep a forecast for good.

        Raises
        ------
        NameTakenError
            If the name is in use: a forecast is never replaced.
        LibraryError
        """
        taken = sql.select(_FORECASTS.c.key).where(_FORECASTS.c.folded_name == forecast.name.casefold())
        with self._writing(forecast.name) as connection:
            if connection.execute(taken).first() is not None:
                raise NameTakenError(
                    f"A forecast is already called {forecast.name!r}. Choose another name: forecasts are never replaced."
                )
            made = connection.execute(
                _FORECASTS.insert().values(
                    name=forecast.name,
                    folded_name=forecast.name.casefold(),
                    entered=forecast.entered.isoformat(),
                    content=forecast.to_json(),
                    digest=forecast.digest,
                )
            )
            key = made.inserted_primary_key
        return Entered(int(key[0]) if key else 0, forecast, forecast.digest)

    def forecasts(self) -> list[Entered]:
        """All of them, the latest first.

        Raises
        ------
        LibraryError
        """
        query = sql.select(_FORECASTS).order_by(_FORECASTS.c.key.desc())
        with self._explained(), self._engine.connect() as connection:
            return [
                Entered(row.key, Forecast.from_json(row.content), row.digest)
                for row in connection.execute(query)
            ]

    def forecast(self, name: str) -> Entered:
        """One by its name.

        Raises
        ------
        BacktestError
            Naming those there are.
        """
        found = self.forecasts()
        for each in found:
            if each.forecast.name.casefold() == name.strip().casefold():
                return each
        there = ", ".join(each.forecast.name for each in found[:8]) or "none yet"
        raise BacktestError(f"No forecast is called {name!r}; there are: {there}.")

    def remove(self, key: int) -> None:
        """Take a forecast out."""
        with self._writing() as connection:
            connection.execute(_FORECASTS.delete().where(_FORECASTS.c.key == key))
