"""What the distinct texts of a column mean: each is read once, however many lines repeat it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from firmtrade_core.codes.countries import plain_text
from firmtrade_core.codes.currencies import read_currency
from firmtrade_core.codes.places import explain_unknown, read_country
from firmtrade_core.codes.products import read_product
from firmtrade_core.codes.units import read_unit
from firmtrade_core.harmonise.dates import read_dates

#: Most distinct texts that are searched among countries' names: beyond it they are noise.
_MOST_NAMES = 3000

#: Texts that stand for nothing.
BLANKS = frozenset(
    {"", "-", "--", "na", "n/a", "nan", "null", "none", "nd", "n.d.", "s/i", "sin informacion", "."}
)

_FLOWS = {
    **dict.fromkeys(["e", "x", "ex", "exp", "export", "exports", "exportacion", "exportaciones", "exportacao", "salida", "ausfuhr", "2"], "export"),
    **dict.fromkeys(["i", "m", "im", "imp", "import", "imports", "importacion", "importaciones", "importacao", "ingreso", "einfuhr", "1"], "import"),
}  # fmt: skip


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
) -> Dictionary:
    """Read the distinct texts of a field, most frequent first; corrections go before reading."""
    meant = {text: corrections.get(text, text) for text in counts}
    if field == "date":
        merged: dict[str, int] = {}
        for text, count in counts.items():
            merged[meant[text]] = merged.get(meant[text], 0) + count
        reading = read_dates(merged)
        by_text = reading.table.set_index("text")
        table = by_text.loc[[meant[text] for text in counts]].reset_index(drop=True)
        table.insert(0, "text", list(counts))
        return Dictionary(_mark_corrected(field, table, corrections), {}, reading.notes)
    read = _readers(known_products)[field]
    rows = [
        (text, *(_blank_reading(field) if _is_blank(meant[text]) else read(meant[text], position)))
        for position, text in enumerate(counts)
    ]
    table = pd.DataFrame(rows, columns=["text", "meant", "rule", "size"])
    hints = (
        {text: explain_unknown(text) for text in table.loc[table["rule"] == "country.unknown", "text"][:5]}
        if field == "country"
        else {}
    )
    return Dictionary(_mark_corrected(field, table, corrections), hints)


def _mark_corrected(field: str, table: pd.DataFrame, corrections: Mapping[str, str]) -> pd.DataFrame:
    """Corrected texts that can be read count as corrected; those that cannot keep the fault."""
    good = table["text"].isin(corrections) & table["meant"].notna()
    return table.assign(rule=table["rule"].astype(object).where(~good, f"{field}.corrected"))


def _is_blank(text: str) -> bool:
    return text.strip().casefold() in BLANKS


Reading = tuple[str | None, str | None, float | None]


def _blank_reading(field: str) -> Reading:
    return None, "flow.unknown" if field == "flow" else None if field == "unit" else f"{field}.missing", None


def _readers(known_products: frozenset[str] | None) -> dict[str, Callable[[str, int], Reading]]:
    def country(text: str, position: int) -> Reading:
        if position >= _MOST_NAMES:
            return None, "country.unknown", None
        return *read_country(text), None

    def product(text: str, _: int) -> Reading:
        reading = read_product(text, known_products)
        return reading.code, reading.rule, None

    def currency(text: str, _: int) -> Reading:
        code = read_currency(text)
        return code, None if code else "currency.unknown", None

    def unit(text: str, _: int) -> Reading:
        found = read_unit(text)
        return (None, "unit.unknown", None) if found is None else (found.base, None, found.size)

    def flow(text: str, _: int) -> Reading:
        found = _FLOWS.get(plain_text(text))
        return found, None if found else "flow.unknown", None

    return {"country": country, "product": product, "currency": currency, "unit": unit, "flow": flow}
