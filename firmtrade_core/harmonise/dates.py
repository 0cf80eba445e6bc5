"""Dates in whatever form, read once for each distinct text."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from firmtrade_core.codes.artefacts import is_blank, whole_number
from firmtrade_core.codes.currencies import BUSINESS_YEAR, WEEK, business_years
from firmtrade_core.codes.iso import plain_text
from firmtrade_core.labels import grouped

FIRST_YEAR, LAST_YEAR = 1950, datetime.date.today().year + 1

_MONTHS = {
    word: number
    for number, words in enumerate(
        (
            "jan ene janv jaen gen", "feb fev fevr", "mar mars marz maart", "apr abr avr", "may mai maio mag mei", "jun juin juni giu",
            "jul juil juli lug", "aug ago aout", "sep set sept", "oct out okt ott", "nov", "dec dic dez",
        ),
        start=1,
    )
    for word in words.split()
}  # fmt: skip

_TIME = re.compile(r"[T\s:]+\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*(Z|[+-]\d{2}:?\d{2}|[AaPp]\.?[Mm]\.?)?$")
_YEAR_FIRST = re.compile(r"(\d{4})[-/. ](\d{1,2})(?:[-/. ](\d{1,2}))?$")
_YEAR_LAST = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4}|\d{2})$")
_BUSINESS_YEARS = re.compile(
    r"(?:fy|financial year|fiscal year|ejercicio)[-' ]*\d{2,4}(?:[-/]\d{2,4})?$|(\d{4})[-/](\d{4})$", re.I
)
_SHORT = re.compile(r"(\d{2})[-/. ](\d{2})[-/. ](\d{2})$")
_MONTH_YEAR = re.compile(r"(\d{1,2})[-/. ](\d{4})$")
_YEAR_M = re.compile(r"(\d{4})[-/. ]?[mM](\d{1,2})$")
_QUARTER = re.compile(r"(\d{4})[-/. ]?(?:[qQtT]|trim\.?|trimestre|quarter)[-/. ]?([1-4])$", re.I)
_HALF = re.compile(r"(\d{4})[-/. ]?(?:[hHsS]|sem\.?|semestre|semester|half)[-/. ]?([12])$", re.I)
_WEEK_WORD = r"(?:weeks?|wk|w|kw|kalenderwoche|woche|semanas?|semaine|settimana)\.?"
_WEEK = re.compile(rf"(\d{{4}})[-/., ]*{_WEEK_WORD}[-/. ]*(\d{{1,2}})(?:-([1-7]))?$", re.I)
_WEEK_FIRST = re.compile(rf"{_WEEK_WORD}[-/. ]*(\d{{1,2}})[-/., ]*(?:of |de |del |di )?(\d{{4}})$", re.I)
_WEEK_NUMBERED = re.compile(
    rf"(\d{{1,2}})(?:st|nd|rd|th|e|o|a|º|ª|\.)?[-/. ]*{_WEEK_WORD}[-/., ]*(?:of |de |del |di )?(\d{{4}})$",
    re.I,
)
_PART_FIRST = re.compile(
    r"(?:([1-4])(?:er|st|nd|rd|th|e|o|º|\.)?[-/. ]?([qts]|h|trim\.?|trimestre|quarter|sem\.?|semestre|half)|([qtsh])[-/. ]?([1-4]))[-/. ]*(?:de |del )?(\d{4})$",
    re.I,
)
_MONTH_NAMED = re.compile(
    r"(\d{1,2})(?:(?:er|st|nd|rd|th|o|a)(?=[\s.]))?(?:\.|\s+(?:de|of))?[-/. ]*([a-z]{3,})(?:\s+del?)?[-/. ]*(\d{4}|\d{2})$"
)
_MONTH_LEADING = re.compile(r"([a-z]{3,})[-/. ]*(\d{1,2})[-/., ]+(\d{4})$")
_MONTH_ALONE = re.compile(r"([a-z]{3,})(?:\s+(?:de|del))?[-/. ]*(\d{4}|\d{2})$")
_POINT_MONTH = re.compile(r"(\d{4})\.(\d{1,2})$")
_YEAR_MONTH_NAMED = re.compile(r"(\d{4})[-/. ]*([a-z]{3,})$")

#: Months of a period that a date stands for, by rule; other dates are days. A week, which no number of months tells, is `WEEK`.
MONTHS = {
    "date.week_only": WEEK,
    "date.month_only": 1.0,
    "date.quarter_only": 3.0,
    "date.half_only": 6.0,
    "date.year_only": 12.0,
}

#: The day from which spreadsheets count.
_SPREADSHEET = datetime.date(1899, 12, 30)

#: Orders in which digits without marks between them are dates.
_ORDERS = ("ymd", "dmy", "mdy")


@dataclass(frozen=True)
class DateReading:
    """What date texts mean.

    Parameters
    ----------
    table
        One row per distinct text: ``text``, ``meant`` (date or missing; of a period its first day), ``rule`` (missing
        where none was needed) and ``size`` (months of the period, `WEEK` for a week, 0 for a day).
    notes
        Forms met and the order of day and month that was settled on.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Habit:
    """What a column's unmistakable dates tell of the others.

    Parameters
    ----------
    day_first, certain
        Whether the day comes before the month, and whether all unmistakable dates agree on it.
    eight
        The order of dates of eight digits.
    six
        ``ym`` or ``my`` for year and month, else the order of dates of six digits.
    five
        Whether dates of five digits lost the zero of six.
    october
        What ``2019.1`` is, a number that may have lost the zero of 10: the month, 0 where it cannot be told.
    serial
        Whether numbers of five digits are days of a spreadsheet; else nobody tells from which day they count.
    short
        Whether dates of three times two digits begin with the year (19-03-31).
    business
        Whether ``2009-10`` is a business year and no October, as it is beside ``2010-11`` or ``2012-13``.
    """

    day_first: bool
    certain: bool
    eight: str
    six: str
    five: bool
    october: int = 1
    serial: bool = True
    short: bool = False
    business: bool = False


def read_dates(counts: Mapping[str, int]) -> DateReading:
    """Read distinct date texts, with how often each occurs.

    Year-first, day-first and month-first dates, named months, digits without marks (eight, or seven that lost a zero; six),
    year and month, a week, a quarter, a year alone, and spreadsheet serials. Where day and month could be swapped, the order of the
    file's unmistakable dates decides; if those disagree, or there are none, such dates are marked ``date.ambiguous`` (day
    first unless the majority says otherwise).
    """
    habit, order = _habit_of(counts)
    rows = [(text, *_read(text, habit)) for text in counts]
    table = pd.DataFrame(rows, columns=["text", "meant", "rule", "form"])
    forms = table.assign(rows=list(counts.values())).groupby("form", dropna=True)["rows"].sum()
    notes = [
        f"Dates written {form}: {grouped(rows)} values"
        for form, rows in forms.sort_values(ascending=False).items()
    ]
    if order["day"] or order["month"]:
        notes.append(
            f"Day first in {grouped(order['day'])} values without doubt, month first in {grouped(order['month'])} values"
        )
    return DateReading(
        table[["text", "meant", "rule"]].assign(size=table["rule"].map(MONTHS).fillna(0.0)), tuple(notes)
    )


def _habit_of(counts: Mapping[str, int]) -> tuple[_Habit, dict[str, int]]:
    order = {"day": 0, "month": 0}
    digits: dict[int, dict[str, int]] = {5: {}, 6: {}, 7: {}, 8: {}}
    texts = {_bare(text) for text in counts}
    short = _year_comes_first(texts)
    for text, count in counts.items():
        bare = _bare(text)
        if short and _SHORT.match(bare):
            continue
        if (found := _YEAR_LAST.match(bare)) is not None:
            first, second = int(found[1]), int(found[2])
            if first > 12 >= second:
                order["day"] += count
            elif second > 12 >= first:
                order["month"] += count
        elif bare.isdigit() and len(bare) in digits:
            digits[len(bare)][bare] = digits[len(bare)].get(bare, 0) + count
    day_first = order["day"] >= order["month"]
    eight = _likeliest({**digits[8], **{t.zfill(8): n for t, n in digits[7].items()}}, ("ymd", "dmy", "mdy"))
    six = _six_digits(digits[6], digits[5])
    five = six == "my" or (six != "ym" and bool(digits[6]))
    habit = _Habit(
        day_first, (order["day"] == 0) != (order["month"] == 0), eight, six, five,
        _point_one(texts), five or _counts_from_1900(digits[5]), short, business_years(texts),
    )  # fmt: skip
    return habit, order


def _year_comes_first(texts: set[str]) -> bool:
    """Whether dates of three times two digits begin with the year: more of them are dates that way, or they have far fewer years."""
    met = [(found[1], found[2], found[3]) for text in texts if (found := _SHORT.match(text))]
    written = {"ymd": 0, "dmy": 0, "mdy": 0}
    for order in written:
        written[order] = sum(_parts("".join(parts), order) is not None for parts in met)
    last = max(written["dmy"], written["mdy"])
    few = 4 * len({parts[0] for parts in met}) <= len({parts[2] for parts in met})
    return written["ymd"] > last or (written["ymd"] == last > 0 and few)


def _six_digits(six: Mapping[str, int], five: Mapping[str, int]) -> str:
    """The order of dates of six digits; of a month and a year those of five digits lost a zero."""
    if six and all(_parts(text, "ym") is not None for text in six):
        return "ym"
    both = [*six, *(text.zfill(6) for text in five)]
    if len(both) > 1 and all(_parts(text, "my") is not None for text in both):
        return "my"
    return _likeliest(six, ("dmy", "mdy", "ymd")) if six else "ym"


def _point_one(texts: set[str]) -> int:
    """What ``2019.1`` is beside its neighbours ``2019.01``, ``2019.2``, ``2019.11``: a month, 0 where it cannot be told."""
    parts = {found[2] for text in texts if (found := _POINT_MONTH.match(text))}
    if any(part[0] == "0" for part in parts) and not {part for part in parts if len(part) == 1} - {"1"}:
        return 10
    return 0 if {"11", "12"} & parts and "10" not in parts else 1


def _counts_from_1900(five: Mapping[str, int]) -> bool:
    """Whether numbers of days are a spreadsheet's: others count from 1960 (Stata, SAS) or 1970 (R), and fall before 1985 as its."""
    first = (datetime.date(1985, 1, 1) - _SPREADSHEET).days
    return not five or any(int(text) >= first for text in five)


def _likeliest(texts: Mapping[str, int], orders: tuple[str, ...]) -> str:
    """The order in which most digits are dates, the first of those that do as well."""
    fits = {o: sum(n for t, n in texts.items() if _parts(t, o) is not None) for o in orders}
    return max(orders, key=lambda o: (fits[o], -orders.index(o)))


def _parts(text: str, order: str) -> datetime.date | None:
    """The date of digits without marks in an order; None where they are none between `FIRST_YEAR` and `LAST_YEAR`."""
    if order in ("ym", "my"):
        year, month = (text[:4], text[4:]) if order == "ym" else (text[2:], text[:2])
        day = "1"
    else:
        size = len(text) - 4
        cuts = {"ymd": (size, 2, 2), "dmy": (2, 2, size), "mdy": (2, 2, size)}[order]
        pieces = (text[: cuts[0]], text[cuts[0] : cuts[0] + cuts[1]], text[cuts[0] + cuts[1] :])
        year, month, day = (dict(zip(order, pieces, strict=True))[part] for part in "ymd")
    try:
        date = datetime.date(_full_year(year), int(month), int(day))
    except ValueError:
        return None
    return date if FIRST_YEAR <= date.year <= LAST_YEAR else None


def _bare(text: str) -> str:
    bare = _TIME.sub("", text.strip())
    # Days of a spreadsheet carry the hour behind the point.
    return re.sub(r"^(\d{4,8})[.,]0+$|^(\d{5})[.,]\d+$", r"\1\2", bare)


Read = tuple[datetime.date | None, str | None, str | None]


def _read(text: str, habit: _Habit) -> Read:
    bare = _bare(text)
    if is_blank(bare) or not bare.strip("0-/. :"):
        return None, "date.missing", None
    whole, gone = whole_number(bare)
    if gone:
        return None, "date.unreadable", None
    bare = whole
    if (habit.business and BUSINESS_YEAR.fullmatch(bare)) or _BUSINESS_YEARS.match(bare):
        return None, "date.business_year", "as business years"
    if habit.short and (found := _SHORT.match(bare)):
        form = "year-month-day, the year with two digits"
        return *_date(_full_year(found[1]), int(found[2]), int(found[3]), None), form
    if found := _YEAR_LAST.match(bare):
        first, second, year = int(found[1]), int(found[2]), _full_year(found[3])
        swapped = first > 12 or (habit.day_first and second <= 12)
        day, month = (first, second) if swapped else (second, first)
        doubtful = max(first, second) <= 12 and first != second and not habit.certain
        return *_date(
            year, month, day, "date.ambiguous" if doubtful else None
        ), "day/month/year in some order"
    if (found := _POINT_MONTH.match(bare)) and found[2] == "1":
        month = habit.october
        return (
            (*_date(int(found[1]), month, 1, "date.month_only"), "as year and month")
            if month
            else (None, "date.unreadable", "as year and month")
        )
    if found := _YEAR_FIRST.match(bare):
        rule = None if found[3] else "date.month_only"
        return *_date(int(found[1]), int(found[2]), int(found[3] or 1), rule), "year-month-day"
    if bare.isdigit():
        return _digits(bare, habit)
    if found := _MONTH_YEAR.match(bare):
        return *_date(int(found[2]), int(found[1]), 1, "date.month_only"), "as month and year"
    if found := _YEAR_M.match(bare):
        return *_date(int(found[1]), int(found[2]), 1, "date.month_only"), "as year and month"
    if found := _WEEK.match(bare):
        return _week(int(found[1]), int(found[2]), found[3])
    if found := _WEEK_FIRST.match(bare) or _WEEK_NUMBERED.match(bare):
        return _week(int(found[2]), int(found[1]), None)
    if found := _QUARTER.match(bare):
        return *_date(int(found[1]), 3 * int(found[2]) - 2, 1, "date.quarter_only"), "as a quarter"
    if found := _HALF.match(bare):
        return *_date(int(found[1]), 6 * int(found[2]) - 5, 1, "date.half_only"), "as half a year"
    if found := _PART_FIRST.match(bare):
        kind, number = (found[2] or found[3]).casefold(), int(found[1] or found[4])
        if kind[0] in "sh":
            month = 6 * number - 5
            return (
                (*_date(int(found[5]), month, 1, "date.half_only"), "as half a year")
                if number < 3
                else (None, "date.unreadable", None)
            )
        return *_date(int(found[5]), 3 * number - 2, 1, "date.quarter_only"), "as a quarter"
    return _named(bare)


def _week(year: int, number: int, day: str | None) -> Read:
    """A week as ISO 8601 counts them (Monday to Sunday, in the year of its Thursday), or a day of it; days of the year before are left out."""
    try:
        date = datetime.date.fromisocalendar(year, number, int(day or 1))
    except ValueError:
        return None, "date.unreadable", "as a week"
    if day is None:
        date = max(date, datetime.date(year, 1, 1))
    return *_date(date.year, date.month, date.day, None if day else "date.week_only"), "as a week"


def _named(bare: str) -> Read:
    """Dates with the month's name."""
    plain, form = plain_text(bare), "with the month's name"
    if (found := _MONTH_NAMED.match(plain)) and _month(found[2]):
        return *_date(_full_year(found[3]), _month(found[2]), int(found[1]), None), form
    if found := _MONTH_LEADING.match(plain):
        return *_date(int(found[3]), _month(found[1]), int(found[2]), None), form
    for pattern, month, year in ((_MONTH_ALONE, 1, 2), (_YEAR_MONTH_NAMED, 2, 1)):
        if (found := pattern.match(plain)) and _month(found[month]):
            return *_date(_full_year(found[year]), _month(found[month]), 1, "date.month_only"), form
    return None, "date.unreadable", None


def _digits(bare: str, habit: _Habit) -> Read:
    size = len(bare)
    if size in (7, 8):
        whole = bare.zfill(8)
        lost = "date.lost_zero" if size == 7 else None
        for order in dict.fromkeys((habit.eight, *_ORDERS)):
            # A year that comes first has no zero to lose.
            if (date := _parts(whole, order)) is not None and not (lost and order == "ymd"):
                return date, lost, "as eight digits"
        return None, "date.unreadable", "as eight digits"
    if size == 6 or (size == 5 and habit.five):
        whole = bare.zfill(6)
        rule = "date.month_only" if habit.six in ("ym", "my") else "date.lost_zero" if size == 5 else None
        form = "as year and month" if habit.six in ("ym", "my") else "as six digits"
        date = _parts(whole, habit.six)
        return (date, rule, form) if date else (None, "date.unreadable", form)
    if size == 5:
        if not habit.serial:
            return None, "date.origin", "as numbers of days"
        serial = _SPREADSHEET + datetime.timedelta(days=int(bare))
        return *_date(serial.year, serial.month, serial.day, "date.serial"), "as spreadsheet serials"
    if size == 4:
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
