"""What the distinct texts of a column mean: each is read once, however many lines repeat it, beside its neighbours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from firmtrade_core.codes.artefacts import BLANKS, is_blank, unwrapped, whole_number
from firmtrade_core.codes.currencies import read_currency
from firmtrade_core.codes.flows import is_numbered, read_flow
from firmtrade_core.codes.place_lists import (
    NUMBER_LISTS,
    NumberColumn,
    OtherList,
    na_is_namibia,
    numbers_of,
    other_list,
    read_by_list,
)
from firmtrade_core.codes.places import COMTRADE_CONFLICTS, explain_unknown, read_place
from firmtrade_core.codes.products import read_products
from firmtrade_core.codes.units import read_unit
from firmtrade_core.harmonise.dates import read_dates

__all__ = ["BLANKS", "Dictionary", "build_dictionary", "list_told_by"]

#: Most distinct texts that are searched among countries' names: beyond it they are noise.
_MOST_NAMES = 3000

#: Columns by which published files tell that their partners are numbers of a list of `places.NUMBER_LISTS`.
_TOLD_BY = {"brazil": ("CO_PAIS", "CO_NCM"), "us": ("CTY_CODE",)}


@dataclass(frozen=True)
class Dictionary:
    """Meanings of a column's texts.

    Parameters
    ----------
    table
        Columns ``text``, ``meant``, ``rule`` (and ``size`` for units): one row per distinct text.
    hints
        What unknown texts may mean, by text.
    notes
        Conventions settled on.
    """

    table: pd.DataFrame
    hints: Mapping[str, str]
    notes: tuple[str, ...] = ()


def build_dictionary(
    field: str,
    counts: Mapping[str, int],
    corrections: Mapping[str, str],
    known_products: frozenset[str] | None,
    partners: Mapping[str, str] | None = None,
    list_name: str = "",
) -> Dictionary:
    """Read the distinct texts of a field, most frequent first; corrections go before reading.

    Parameters
    ----------
    partners
        Codes of countries by number, where partners are numbers of a list that is not ISO's.
    list_name
        What that list is called.
    """
    meant = {text: corrections.get(text, unwrapped(text)) for text in counts}
    if field == "date":
        merged: dict[str, int] = {}
        for text, count in counts.items():
            merged[meant[text]] = merged.get(meant[text], 0) + count
        reading = read_dates(merged)
        by_text = reading.table.set_index("text")
        table = by_text.loc[[meant[text] for text in counts]].reset_index(drop=True)
        table.insert(0, "text", list(counts))
        return Dictionary(_mark_corrected(field, table, corrections), {}, reading.notes)
    notes: tuple[str, ...] = ()
    if field == "country":
        read, notes = _country_reader(list(meant.values()), partners, list_name)
    elif field == "product":
        codes = read_products({meant[text]: count for text, count in counts.items()}, known_products)
        read = lambda text, _: (codes[text].code, codes[text].rule, None)  # noqa: E731
    else:
        read = _READERS[field]
    if field == "flow" and (numbered := sorted(text for text in meant.values() if is_numbered(text))):
        notes = (
            f"Flows {' and '.join(dict.fromkeys(numbered))} are numbers, read as the United Nations and Eurostat write them: 1 "
            "imports, 2 exports. Correct them where the office means otherwise",
        )
    rows = [
        (
            text,
            *(
                _blank_reading(field)
                if is_blank(meant[text]) and not (field == "country" and meant[text].upper() == "NA")
                else read(meant[text], position)
            ),
        )
        for position, text in enumerate(counts)
    ]
    table = pd.DataFrame(rows, columns=["text", "meant", "rule", "size"])
    strange = ("country.unknown", "country.ambiguous")
    hints = (
        {text: explain_unknown(text) for text in table.loc[table["rule"].isin(strange), "text"][:5]}
        if field == "country"
        else {}
    )
    return Dictionary(_mark_corrected(field, table, corrections), hints, notes)


def list_told_by(columns: Sequence[str]) -> str | None:
    """The list of numbers that a published file's columns tell: Brazil's ``CO_PAIS``, the Census Bureau's ``CTY_CODE``."""
    there = {column.strip().upper() for column in columns}
    return next((name for name, heads in _TOLD_BY.items() if set(heads) <= there), None)


def _mark_corrected(field: str, table: pd.DataFrame, corrections: Mapping[str, str]) -> pd.DataFrame:
    """Corrected texts that can be read count as corrected; those that cannot keep the fault."""
    good = table["text"].isin(corrections) & table["meant"].notna()
    return table.assign(rule=table["rule"].astype(object).where(~good, f"{field}.corrected"))


Reading = tuple[str | None, str | None, float | None]


def _blank_reading(field: str) -> Reading:
    return None, "flow.unknown" if field == "flow" else None if field == "unit" else f"{field}.missing", None


def _country_reader(
    texts: Sequence[str], partners: Mapping[str, str] | None, list_name: str
) -> tuple[Callable[[str, int], Reading], tuple[str, ...]]:
    """How a column of partners is read, judged by all its texts; and what was settled on."""
    column, other = numbers_of(texts), other_list(texts)
    namibia = na_is_namibia(texts)
    numbers = sum(re.fullmatch(r"\d+(\.0+)?", text) is not None for text in texts)
    mostly_numbers = 2 * numbers > sum(not is_blank(text) for text in texts)

    def read(text: str, position: int) -> Reading:
        if position >= _MOST_NAMES:
            return None, "country.unknown", None
        if text.upper() == "NA":
            return ("NAM", None, None) if namibia else (None, "country.missing", None)
        if not text.strip("0."):
            return None, "country.total" if mostly_numbers else "country.missing", None
        text = whole_number(text)[0]
        is_number = re.fullmatch(r"\d{1,5}(\.0+)?", text) is not None
        if partners is not None and (is_number or text.upper() in partners):
            place = read_by_list(text, partners)
            return place.code, place.rule or "country.list", None
        if other is not None and other.holds(text):
            return None, "country.other_list", None
        if column.comtrade and text in COMTRADE_CONFLICTS:
            text = COMTRADE_CONFLICTS[text]
        place = read_place(text)
        return place.code, place.rule, None

    return read, _country_notes(column, other, partners, list_name, namibia and "NA" in texts)


def _country_notes(
    column: NumberColumn,
    other: OtherList | None,
    partners: Mapping[str, str] | None,
    list_name: str,
    namibia: bool,
) -> tuple[str, ...]:
    notes = ["'NA' is Namibia: the other partners are codes of two letters"] if namibia else []
    if partners is not None:
        notes.append(f"Partners that are codes of it are read by {list_name or 'the list given'}")
    elif other is not None:
        notes.append(other.sentence)
    else:
        both = [n for n, count in column.fits.items() if count == column.numbers and column.numbers > 2]
        if both:
            notes.append(
                f"All {column.numbers} numbers of partners are ISO's and read so; they are in {NUMBER_LISTS[both[0]]} list "
                f"({both[0]}) too: name it if it is meant"
            )
    return tuple(notes)


def _currency(text: str, _: int) -> Reading:
    code = read_currency(text)
    return code, None if code else "currency.unknown", None


def _unit(text: str, _: int) -> Reading:
    found = read_unit(text)
    return (None, "unit.unknown", None) if found is None else (found.base, None, found.size)


def _flow(text: str, _: int) -> Reading:
    found = read_flow(text)
    if found == "again":
        return None, "flow.reexport", None
    return found, None if found else "flow.unknown", None


_READERS: dict[str, Callable[[str, int], Reading]] = {"currency": _currency, "unit": _unit, "flow": _flow}
