"""Dates in whatever form, read once for each distinct text."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from firmtrade_core.codes.countries import plain_text

FIRST_YEAR, LAST_YEAR = 1950, datetime.date.today().year + 1

_MONTHS = {
    word: number
    for number, words in enumerate(
        (
            "jan ene janv jaen", "feb fev fevr", "mar mars marz", "apr abr avr", "may mai maio", "jun juin juni",
            "jul juil juli", "aug ago aout", "sep set sept", "oct out okt", "nov", "dec dic dez",
        ),
        start=1,
    )
    for word in words.split()
}  # fmt: skip

_TIME = re.compile(r"[T\s]+\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s*(Z|[+-]\d{2}:?\d{2}|[AaPp]\.?[Mm]\.?)?$")
_YEAR_FIRST = re.compile(r"(\d{4})[-/. ](\d{1,2})(?:[-/. ](\d{1,2}))?$")
_YEAR_LAST = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4}|\d{2})$")
_MONTH_NAMED = re.compile(r"(\d{1,2})[-/. ]*([a-z]{3,})[-/. ]*(\d{4}|\d{2})$")
_MONTH_LEADING = re.compile(r"([a-z]{3,})[-/. ]*(\d{1,2})[-/., ]+(\d{4})$")


@dataclass(frozen=True)
class DateReading:
    """What date texts mean.

    Parameters
    ----------
    table
        One row per distinct text: ``text``, ``meant`` (date or missing), ``rule`` (missing where none was needed).
    notes
        Forms met and the order of day and month that was settled on.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]


def read_dates(counts: Mapping[str, int]) -> DateReading:
    """Read distinct date texts, with how often each occurs.

    Year-first, day-first and month-first dates, named months, eight digits, year and month, a year alone, and
    spreadsheet serials. Where day and month could be swapped, the order of the file's unmistakable dates decides; if
    those disagree, or there are none, such dates are marked ``date.ambiguous`` (day first unless the majority says
    otherwise).
    """
    order = {"day": 0, "month": 0}
    for text, count in counts.items():
        if (found := _YEAR_LAST.match(_bare(text))) is not None:
            first, second = int(found[1]), int(found[2])
            if first > 12 >= second:
                order["day"] += count
            elif second > 12 >= first:
                order["month"] += count
    day_first = order["day"] >= order["month"]
    certain = (order["day"] == 0) != (order["month"] == 0)
    rows = [(text, *_read(text, day_first, certain)) for text in counts]
    table = pd.DataFrame(rows, columns=["text", "meant", "rule", "form"])
    forms = table.assign(rows=list(counts.values())).groupby("form", dropna=True)["rows"].sum()
    notes = [f"Dates written {form}: {rows:,}" for form, rows in forms.sort_values(ascending=False).items()]
    if order["day"] or order["month"]:
        notes.append(f"Day first in {order['day']:,} unmistakable dates, month first in {order['month']:,}")
    return DateReading(table[["text", "meant", "rule"]], tuple(notes))


def _bare(text: str) -> str:
    return _TIME.sub("", text.strip())


def _read(text: str, day_first: bool, certain: bool) -> tuple[datetime.date | None, str | None, str | None]:
    bare = _bare(text)
    if not bare:
        return None, "date.missing", None
    if found := _YEAR_LAST.match(bare):
        first, second, year = int(found[1]), int(found[2]), _full_year(found[3])
        swapped = first > 12 or (day_first and second <= 12)
        day, month = (first, second) if swapped else (second, first)
        doubtful = max(first, second) <= 12 and first != second and not certain
        return *_date(
            year, month, day, "date.ambiguous" if doubtful else None
        ), "day/month/year in some order"
    if found := _YEAR_FIRST.match(bare):
        rule = None if found[3] else "date.month_only"
        return *_date(int(found[1]), int(found[2]), int(found[3] or 1), rule), "year-month-day"
    if bare.isdigit() or re.fullmatch(r"\d{4,5}\.0", bare):
        return _digits(bare.removesuffix(".0"))
    plain = plain_text(bare)
    if found := _MONTH_NAMED.match(plain):
        return *_date(_full_year(found[3]), _month(found[2]), int(found[1]), None), "with the month's name"
    if found := _MONTH_LEADING.match(plain):
        return *_date(int(found[3]), _month(found[1]), int(found[2]), None), "with the month's name"
    return None, "date.unreadable", None


def _digits(bare: str) -> tuple[datetime.date | None, str | None, str | None]:
    if len(bare) == 8:
        date, rule = _date(int(bare[:4]), int(bare[4:6]), int(bare[6:]), None)
        if date is None:
            date, rule = _date(int(bare[4:]), int(bare[2:4]), int(bare[:2]), None)
        return date, rule, "as eight digits"
    if len(bare) == 6:
        return *_date(int(bare[:4]), int(bare[4:]), 1, "date.month_only"), "as year and month"
    if len(bare) == 5:
        serial = datetime.date(1899, 12, 30) + datetime.timedelta(days=int(bare))
        return *_date(serial.year, serial.month, serial.day, "date.serial"), "as spreadsheet serials"
    if len(bare) == 4:
        return *_date(int(bare), 1, 1, "date.year_only"), "as a year"
    return None, "date.unreadable", None


def _date(year: int, month: int, day: int, rule: str | None) -> tuple[datetime.date | None, str | None]:
    try:
        date = datetime.date(year, month, day)
    except ValueError:
        return None, "date.unreadable"
    return (date, rule) if FIRST_YEAR <= year <= LAST_YEAR else (None, "date.implausible")


def _full_year(text: str) -> int:
    year = int(text)
    return year if len(text) == 4 else year + (2000 if year < 70 else 1900)


def _month(word: str) -> int:
    """Number of a month by its name in English, Spanish, Portuguese, French or German; 0 is no month."""
    return next((_MONTHS[word[:size]] for size in (5, 4, 3) if word[:size] in _MONTHS), 0)
