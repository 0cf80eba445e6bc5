"""Which column of a table that people bring is which: a guess from its name, for the reader to confirm."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from firmtrade_core.codes.heads import read_money_head
from firmtrade_core.paths import asset, read_rows
from firmtrade_core.world.errors import ColumnError


@dataclass(frozen=True)
class Role:
    """What a table of flows needs a column for.

    Parameters
    ----------
    name
        As `World.from_long` calls it.
    label, help
        For people.
    needed
        Whether a table is useless without it.
    known_as
        Names in published data sets, in lower case without separators.
    """

    name: str
    label: str
    help: str
    needed: bool
    known_as: tuple[str, ...]


ROLES = tuple(
    Role(row["name"], row["label"], row["help"], bool(row["needed"]), tuple(row["known_as"].split("|")))
    for row in read_rows(asset("records/flow_columns.csv"))
)

ROLE: Mapping[str, Role] = MappingProxyType({role.name: role for role in ROLES})


def guess_columns(columns: Sequence[str]) -> dict[str, str | None]:
    """The column that plays each role, None where none looks like it; no column plays two.

    Examples
    --------
    >>> guess_columns(["exporter_iso3", "importer_iso3", "industry_id", "trade"])["expenditure_musd"]
    'trade'
    """
    # Also by what is left of a head without its money, `Value (thousand EUR)`; names as they stand come first.
    heads = {str(column): read_money_head(str(column)) for column in reversed(list(columns))}
    plain = {re.sub(r"[^a-z0-9]", "", head.name): column for column, head in heads.items() if head}
    plain |= {re.sub(r"[^a-z0-9]", "", column.casefold()): column for column in heads}
    found: dict[str, str | None] = {}
    for role in ROLES:
        found[role.name] = next((plain[name] for name in role.known_as if name in plain), None)
    return found


def with_roles(table: pd.DataFrame, roles: Mapping[str, str | None]) -> pd.DataFrame:
    """The columns that play a role, under the names that `World.from_long` reads; a missing tariff is unknown."""
    kept = {column: name for name, column in roles.items() if column is not None}
    chosen = table[list(kept)].rename(columns=kept)
    if "tariff" not in chosen:
        chosen = chosen.assign(tariff=np.nan)
    return chosen


def with_given_columns(table: pd.DataFrame, given: Mapping[str, str], where: str) -> pd.DataFrame:
    """A table with its columns under the names of their roles, as a person says and else by their names.

    Parameters
    ----------
    given
        Role to column, such as ``{"exporter": "origin"}``.

    Raises
    ------
    ColumnError
        If there is no such role, or no such column.
    """
    if strange := sorted(set(given) - set(ROLE)):
        raise ColumnError(f"There is no role {', '.join(strange)}; roles are {', '.join(ROLE)}.")
    plain = {str(column).strip().casefold(): str(column) for column in table.columns}
    if absent := sorted(c for c in given.values() if c.strip().casefold() not in plain):
        raise ColumnError(
            f"{where} has no column {', '.join(map(repr, absent))}; it has {', '.join(map(str, table.columns))}."
        )
    named = {name: plain[column.strip().casefold()] for name, column in given.items()}
    roles = {role: column for role, column in guess_columns(list(table.columns)).items() if role not in named}
    chosen = {c: role for role, c in roles.items() if c is not None and c not in named.values()}
    chosen |= {column: role for role, column in named.items()}
    # A column that already bears a role's name but plays none gives way.
    table = table.drop(columns=[c for c in table.columns if c in ROLE and c not in chosen])
    return table.rename(columns=chosen)


def renamed_columns(table: pd.DataFrame, given: Mapping[str, str], where: str) -> pd.DataFrame:
    """A table with columns under the names that a person gives them; one that bears the name already gives way.

    Raises
    ------
    ColumnError
        If there is no such column.
    """
    plain = {str(column).strip().casefold(): str(column) for column in table.columns}
    if absent := sorted(c for c in given.values() if c.strip().casefold() not in plain):
        raise ColumnError(
            f"{where} has no column {', '.join(map(repr, absent))}; it has {', '.join(map(str, table.columns))}."
        )
    names = {plain[column.strip().casefold()]: name for name, column in given.items()}
    kept = table.drop(columns=[c for c in table.columns if c in given and c not in names])
    renamed = kept.rename(columns=names)
    renamed.attrs = dict(table.attrs)
    return renamed


def said_of(table: pd.DataFrame, used: Iterable[str], what: str) -> list[str]:
    """What is to be said of a table as it was read: what was skipped above its heads, sheets, columns without a use.

    Parameters
    ----------
    what
        What the table is called before each sentence; "" for the main one.
    """
    notes = [*map(str, table.attrs.get("notes", ())), unused_columns(table.columns, used)]
    return [f"{what}: {note}" if what else note for note in notes if note]


def unused_columns(present: Iterable[object], used: Iterable[str], most: int = 12) -> str:
    """A sentence that names the columns of a table that nothing is read from; "" where all serve.

    Examples
    --------
    >>> unused_columns(["exporter", "note", "colour"], ["exporter"])
    'Columns not used: note, colour.'
    """
    taken = set(used)
    left = [str(name) for name in present if str(name) not in taken]
    if not left:
        return ""
    more = f" and {len(left) - most} more" if len(left) > most else ""
    return f"Columns not used: {', '.join(name[:40] for name in left[:most])}{more}."
