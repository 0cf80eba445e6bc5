"""The register of units: what a number may be counted in, and how numbers are written beside their unit.

A number meets the reader with a unit of this register: tables, charts, headlines and lines of the command line ask
`unit` for theirs, which raises for any other text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from firmtrade_core.paths import asset, read_rows

MINUS = "\u2212"
#: Between thousands and before units: as narrow as a thin space, and no line ends there.
NARROW_NO_BREAK_SPACE = "\u202f"
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

Kind = Literal[
    "percent", "points", "log points", "money", "persons", "firms", "count", "share", "probability", "elasticity",
    "index", "ratio", "years", "statistic", "row",
]  # fmt: skip


class UnitError(ValueError):
    """A number would be shown without a registered unit. The message names what shows it; give it one of `UNITS`."""


@dataclass(frozen=True)
class Unit:
    """What a number is counted in.

    Parameters
    ----------
    name
        In code, in heads of columns and beside numbers: ``%``, ``bn USD``.
    kind
    size
        Of one in the kind's base: percent and points in 1, money in its currency.
    lowest, highest
        No number in this unit lies beyond.
    whole
        Whether parts of one make no sense: persons, firms.
    one
        Name beside a single one where it differs.
    """

    name: str
    kind: Kind
    size: float = 1.0
    lowest: float = -math.inf
    highest: float = math.inf
    whole: bool = False
    one: str = ""

    def holds(self, values: Iterable[float], slack: float = 1e-9) -> bool:
        """Whether numbers can be in this unit; those that are missing can."""
        known = [value for value in values if math.isfinite(value)]
        return all(self.lowest - slack <= value <= self.highest + slack for value in known)


#: In tables whose rows have units of their own, told in a column ``Unit``; of differences in ``Unit of differences``.
ROW_UNIT = "as its row says"
DIFFERENCE_UNIT = "as its row says of differences"


def _read(row: Mapping[str, str]) -> Unit:
    kind: Kind = row["kind"]  # type: ignore[assignment]
    size, lowest, highest = (
        float(row[name] or default)
        for name, default in (("size", 1.0), ("lowest", -math.inf), ("highest", math.inf))
    )
    return Unit(row["name"], kind, size, lowest, highest, bool(row["whole"]), row["one"])


#: Every unit but those of money, which `unit` builds: scale, currency, and whether it flows by year.
UNITS: dict[str, Unit] = {row["name"]: _read(row) for row in read_rows(asset("labels/units.csv"))}

#: Words before a currency, and how many of it they are.
SCALES = {"": 1.0, "thousand": 1e3, "m": 1e6, "bn": 1e9}

_MONEY = re.compile(r"(?:(thousand|m|bn) )?([A-Z]{3})( a year)?")


@cache
def unit(name: str) -> Unit:
    """The registered unit of that name.

    Raises
    ------
    UnitError
        If it is not registered.

    Examples
    --------
    >>> unit("m USD a year").size, unit("%").kind
    (1000000.0, 'percent')
    """
    if (found := UNITS.get(name)) is not None:
        return found
    if (money := _MONEY.fullmatch(name)) is not None:
        return Unit(name, "money", SCALES[money[1] or ""])
    raise UnitError(
        f"“{name}” is no registered unit. Take one of labels.UNITS, or an amount of money such as “bn USD”."
    )


def money(currency: str, scale: Literal["", "thousand", "m", "bn"] = "m", *, a_year: bool = False) -> str:
    """Name of a unit of money."""
    return f"{scale} {currency}".strip() + (" a year" if a_year else "")


def difference(name: str) -> str:
    """Unit in which two numbers of a unit differ: percent differ by points, shares by differences of either sign."""
    if unit(name).kind == "percent":
        return "points"
    return "difference of shares" if unit(name).kind == "share" else name


# How numbers are written -----------------------------------------------------------------------


def grouped(value: float, form: str = ".0f") -> str:
    """A number in full, a whole one unless told, thousands set apart: `12 000`.

    Parameters
    ----------
    value
    form
        As Python writes numbers, without the sign for thousands: ``.1f``, ``.4g``.
    """
    return f"{value:,{form}}".replace(",", NARROW_NO_BREAK_SPACE) if math.isfinite(value) else "–"


def in_powers(value: float, *, decimals: int = 0) -> str:
    """A very small or large number by a power of ten.

    Examples
    --------
    >>> in_powers(2.3e-11), in_powers(2.3e-11, decimals=1), in_powers(0.0)
    ('2·10⁻¹¹', '2.3·10⁻¹¹', '0')
    >>> in_powers(1e-9)
    '10⁻⁹'
    """
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "–"
    digits, exponent = f"{value:.{decimals}e}".replace("-", MINUS, int(value < 0)).split("e")
    power = f"10{str(int(exponent)).translate(_RAISED)}"
    return power if digits == "1" else f"{digits}·{power}"


def number(value: float, *, significant: int = 2, most_decimals: int = 2, signed: bool = False) -> str:
    """A number as the screen writes it: true minus, thin-space thousands, few digits.

    Examples
    --------
    >>> number(0.1234, signed=True), number(-4.12), number(12345.0)
    ('+0.12', '−4.1', '12\u202f000')
    """
    size = abs(value)
    if not size < math.inf:
        return "–"
    if size < _HALVES[most_decimals]:
        return "0" if size == 0 or not most_decimals else f"0.{'0' * most_decimals}"
    magnitude = math.floor(math.log10(size))
    decimals = significant - 1 - magnitude
    shown = decimals if decimals < most_decimals else most_decimals
    if shown >= 0 and size < 999 and type(size) is float:
        text = f"{size:.{shown}f}"
        # 0.996 is written 1.00: one digit fewer keeps the promise of significant digits.
        if shown and decimals <= most_decimals and float(text) >= _POWERS[magnitude + 1]:
            text = f"{float(text):.{shown - 1}f}"
    else:
        rounded = round(size, shown)
        shown = max(shown, 0)
        if shown and decimals <= most_decimals and rounded >= 10.0 ** (magnitude + 1):
            shown -= 1
        text = f"{rounded:,.{shown}f}".replace(",", NARROW_NO_BREAK_SPACE)
    return f"{MINUS}{text}" if value < 0 else f"+{text}" if signed else text


#: 10^m from thousandths of what is ever shown up to thousands, and halves of the last decimal shown.
_POWERS = {m: 10.0**m for m in range(-330, 8)}
_HALVES = [0.5 * 10.0**-decimals for decimals in range(31)]


def change(value: float, unit: str = "%") -> str:
    """A signed change with its unit, `+0.12 %`, `−4.1 bn USD`; persons and firms whole.

    Raises
    ------
    UnitError
        If the unit is not registered.
    """
    return _beside(value, unit, significant=2, signed=True)


def level(value: float, unit: str) -> str:
    """A level with its unit, three significant digits, `1 230 bn USD`; persons and firms whole.

    Raises
    ------
    UnitError
        If the unit is not registered.
    """
    return _beside(value, unit, significant=3, signed=False)


def in_unit(value: float, name: str, *, significant: int = 2, signed: bool = False) -> str:
    """The number alone, as `change` and `level` write it in that unit; its unit must then stand beside it.

    Raises
    ------
    UnitError
        If the unit is not registered.
    """
    return number(value, significant=significant, most_decimals=0 if unit(name).whole else 2, signed=signed)


def shows(value: float, name: str = "%") -> bool:
    """Whether a change is written as other than zero in its unit: a sentence names no place for a zero.

    Examples
    --------
    >>> shows(-0.004), shows(0.006), shows(0.4, "firms")
    (False, True, False)
    """
    return any(digit in "123456789" for digit in in_unit(value, name))


def in_percent(fraction: float, *, significant: int = 2, signed: bool = False) -> str:
    """A fraction in percent, two significant digits unless told, `12 %` of 0.123."""
    return with_unit(number(100 * fraction, significant=significant, signed=signed), "%")


def probability(p: float, *, named: bool = True) -> str:
    """A p-value, three decimals, and none below a thousandth.

    Parameters
    ----------
    named
        Whether ``p`` stands before it; not in a column of that name.

    Examples
    --------
    >>> probability(0.04321), probability(1e-9), probability(0.5, named=False)
    ('p\u00a0=\u00a00.043', 'p\u00a0<\u00a00.001', '0.500')
    """
    if not math.isfinite(p):
        return "–"
    sign, text = ("<", "0.001") if p < 0.001 else ("=", f"{p:.3f}")
    gap = "\u00a0"
    if named:
        return f"p{gap}{sign}{gap}{text}"
    return text if sign == "=" else f"<{gap}{text}"


def log_as_percent(logs: float) -> float:
    """Percent by which something is larger whose log is larger by ``logs``, `100 (exp(logs) - 1)`: 0.45 is 57 %."""
    return 100.0 * math.expm1(logs)


def with_unit(text: str, name: str) -> str:
    """A written number with its unit beside it. Amounts of money stay whole, `bn USD` too; longer units may go on in
    the next line."""
    single = text.lstrip(f"+{MINUS}") in ("1", "1.0")
    beside = _unit_words(name, single)
    return text if text == "–" else f"{text}{beside}"


@cache
def _unit_words(name: str, single: bool) -> str:
    """A unit as it stands behind a number, its space included."""
    found = unit(name)
    words = found.one if single and found.one else found.name
    bound = re.sub(r" ([A-Z]{3}\b)", "\u00a0\\1", words)
    # A narrow space before a word would read as none.
    gap = NARROW_NO_BREAK_SPACE if bound.startswith("%") else "\u00a0"
    return f"{gap}{bound}"


def _beside(value: float, name: str, *, significant: int, signed: bool) -> str:
    text = number(value, significant=significant, most_decimals=_decimals(name), signed=signed)
    return text if text == "–" else text + _unit_words(name, text.lstrip(_SIGNS) in _SINGLE)


@cache
def _decimals(name: str) -> int:
    return 0 if unit(name).whole else 2


_SIGNS, _SINGLE = f"+{MINUS}", frozenset({"1", "1.0"})


# Cells of tables that are texts already ---------------------------------------------------------

_BARE = re.compile(rf"[+{MINUS}-]?[\d{NARROW_NO_BREAK_SPACE},]*\.?\d+(?:e[+-]?\d+)?")


def is_bare_number(text: str) -> bool:
    """Whether a text is a number with nothing beside it."""
    return _BARE.fullmatch(text.strip()) is not None
