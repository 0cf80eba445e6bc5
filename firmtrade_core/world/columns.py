"""Which column of a table that people bring is which: a guess from its name, for the reader to confirm."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd


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


ROLES = (
    Role(
        "exporter",
        "Exporter",
        "Country of origin, as a three-letter code.",
        True,
        (
            "exporter",
            "exporteriso3",
            "origin",
            "isoo",
            "iso3o",
            "reporter",
            "reporteriso3",
            "from",
            "exp",
            "i",
        ),
    ),
    Role(
        "importer",
        "Importer",
        "Country of destination; equal to the exporter for sales at home.",
        True,
        (
            "importer",
            "importeriso3",
            "destination",
            "isod",
            "iso3d",
            "partner",
            "partneriso3",
            "to",
            "imp",
            "j",
        ),
    ),
    Role(
        "sector",
        "Sector",
        "Code or name of the sector or product.",
        True,
        ("sector", "industry", "industryid", "isic", "product", "commodity", "broadsector", "s", "k"),
    ),
    Role(
        "expenditure_musd",
        "Value",
        "What the importer spends on these goods.",
        True,
        (
            "expendituremusd",
            "expenditure",
            "trade",
            "value",
            "flow",
            "valuemusd",
            "trademusd",
            "tradevalue",
            "x",
            "v",
        ),
    ),
    Role(
        "tariff",
        "Tariff",
        "Applied ad valorem rate. Without one, all are zero.",
        False,
        ("tariff", "tariffrate", "rate", "duty", "appliedtariff", "ahs", "mfn"),
    ),
    Role(
        "subsidy",
        "Export subsidy",
        "Share of the price; negative for export taxes.",
        False,
        ("subsidy", "exportsubsidy"),
    ),
    Role("year", "Year", "Where the table holds several.", False, ("year", "yr", "t", "time")),
)

ROLE: Mapping[str, Role] = MappingProxyType({role.name: role for role in ROLES})


def guess_columns(columns: Sequence[str]) -> dict[str, str | None]:
    """The column that plays each role, None where none looks like it; no column plays two.

    Examples
    --------
    >>> guess_columns(["exporter_iso3", "importer_iso3", "industry_id", "trade"])["expenditure_musd"]
    'trade'
    """
    plain = {
        re.sub(r"[^a-z0-9]", "", str(column).casefold()): str(column) for column in reversed(list(columns))
    }
    found: dict[str, str | None] = {}
    for role in ROLES:
        found[role.name] = next((plain[name] for name in role.known_as if name in plain), None)
    return found


def with_roles(table: pd.DataFrame, roles: Mapping[str, str | None]) -> pd.DataFrame:
    """The columns that play a role, under the names that `World.from_long` reads; a missing tariff is zero."""
    kept = {column: name for name, column in roles.items() if column is not None}
    chosen = table[list(kept)].rename(columns=kept)
    if "tariff" not in chosen:
        chosen = chosen.assign(tariff=0.0)
    return chosen
