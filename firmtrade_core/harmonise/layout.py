"""Which column of a customs file holds what: guessed from its name, editable, checked."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from firmtrade_core.codes.flows import whole_flow
from firmtrade_core.codes.heads import read_money_head
from firmtrade_core.codes.iso import plain_text
from firmtrade_core.harmonise.errors import LayoutError
from firmtrade_core.paths import asset, read_rows


@dataclass(frozen=True)
class Field:
    """A thing that a customs line tells.

    Parameters
    ----------
    name
        In our tables.
    label
        In plain words.
    required
        Whether lines are of no use without it.
    aliases
        Words that columns of customs offices use for it, without accents, lower case.
    """

    name: str
    label: str
    required: bool
    aliases: tuple[str, ...]


FIELDS = tuple(
    Field(row["name"], row["label"], bool(row["required"]), tuple(row["aliases"].split("|")))
    for row in read_rows(asset("records/customs_fields.csv"))
)

FIELD_NAMES = tuple(f.name for f in FIELDS)


@dataclass(frozen=True)
class Layout:
    """Columns and constants of a set of customs files.

    Parameters
    ----------
    columns
        Field to column of the file.
    constants
        Field to a text that holds for every line, such as ``{"flow": "export", "currency": "USD"}``.
    """

    columns: Mapping[str, str]
    constants: Mapping[str, str] = field(default_factory=dict)

    def check(self, present: Sequence[str], where: str) -> None:
        """Check the layout against the columns of a file.

        Raises
        ------
        LayoutError
            Naming every field that is neither mapped nor constant, and every mapped column that is missing.
        """
        if unknown := sorted((set(self.columns) | set(self.constants)) - set(FIELD_NAMES)):
            raise LayoutError(f"There is no field {', '.join(unknown)}; fields are {', '.join(FIELD_NAMES)}.")
        gaps = [
            f.label
            for f in FIELDS
            if f.required and f.name not in self.columns and f.name not in self.constants
        ]
        if gaps:
            raise LayoutError(
                f"{where}: say which column holds the {', the '.join(gaps)}, or give a constant. It has "
                f"{', '.join(map(repr, present[:20]))}{' ...' if len(present) > 20 else ''}."
            )
        if missing := {name: c for name, c in self.columns.items() if c not in present}:
            listed = ", ".join(f"{column!r} ({name})" for name, column in missing.items())
            raise LayoutError(f"{where} lacks {listed}. It has {', '.join(map(repr, present[:20]))}.")


def guess_layout(
    columns: Sequence[str],
    constants: Mapping[str, str] | None = None,
    given: Mapping[str, str] | None = None,
) -> Layout:
    """The likeliest column of each field, by its name in English, Spanish, Portuguese, French or German.

    Exact names come before contained words, those before lookalikes; each column serves one field.

    Parameters
    ----------
    given
        Field to column, as a person says: it comes before any guess, in the files that have the column.
    """
    said = columns_given(given or {}, columns, FIELD_NAMES)
    constants = {name: text for name, text in (constants or {}).items() if name not in said}
    # Columns that break a flow down serve no field.
    free = [column for column in columns if column not in said.values() and whole_flow(column) is None]
    plain = {column: plain_text(words_of(column)) for column in free}
    scores = sorted(
        (
            (_score(text, f), f.name, column)
            for column, text in plain.items()
            for f in FIELDS
            if f.name not in constants and f.name not in said
        ),
        key=lambda item: -item[0],
    )
    chosen: dict[str, str] = dict(said)
    for score, name, column in scores:
        # A month serves beside a year only, under its plain name.
        if (
            score >= (1.5 if name == "month" else 0.75)
            and name not in chosen
            and column not in chosen.values()
        ):
            chosen[name] = column
    if "month" in chosen and "date" not in chosen and "date" not in constants:
        chosen["date"] = chosen.pop("month")
    if "currency" not in chosen and "currency" not in constants:
        # A head that names the currency of its values tells it of every line.
        told = read_money_head(chosen.get("value", ""))
        constants |= {"currency": told.currency} if told is not None and told.currency else {}
    return Layout({name: chosen[name] for name in FIELD_NAMES if name in chosen}, constants)


def columns_given(given: Mapping[str, str], columns: Sequence[str], fields: Sequence[str]) -> dict[str, str]:
    """What a person says of columns, as far as a file has them and its kind knows the fields; capitals do not matter."""
    written = {column.strip().casefold(): column for column in reversed(columns)}
    return {
        name: written[column.strip().casefold()]
        for name, column in given.items()
        if name in fields and column.strip().casefold() in written
    }


def words_of(column: str) -> str:
    """A column's name with its words apart: ``primaryValue`` is primary value."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", column).replace("_", " ")


def _score(text: str, wanted: Field) -> float:
    if text in wanted.aliases:
        return 2.0 - 0.01 * wanted.aliases.index(text)
    words = text.split()
    contained = [alias for alias in wanted.aliases if set(alias.split()) <= set(words)]
    if contained:
        return 1.0 + 0.1 * max(len(alias.split()) for alias in contained) - 0.01 * len(words)
    return max(difflib.SequenceMatcher(None, text, alias).ratio() for alias in wanted.aliases) - 0.05
