"""The kinds of value a scenario holds: rates, factors, lists of codes, plain text.

Rates are fractions: 0.10 is ten percent. A text with a percent sign ("10 %") means the same. Bare
numbers that look like percent are refused, because 10 for 0.10 would be a tariff of 1000 %.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

#: A bare number above this is taken for percent and refused ...
PERCENT_SUSPECT = 2.0

#: ... unless it is so large that nobody would write it as percent: a prohibitive rate.
PROHIBITIVE = 1000.0

MOST_NAMES = 300

#: Words that stand for a whole axis, and for its goods.
EVERYTHING, ALL_GOODS = "all", "all goods"


def number(value: Any) -> float:
    """A finite number from a number or a text with a percent sign.

    Raises
    ------
    ValueError
    """
    if isinstance(value, str) and value.strip().endswith("%"):
        text = value.strip().removesuffix("%").strip().replace("\N{MINUS SIGN}", "-")
        try:
            value = float(Decimal(text) / 100)
        except InvalidOperation:
            raise ValueError(f"{text[:20]!r} is not a number; write 0.10 or '10 %'.") from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"give a fraction such as 0.10, or a text such as '10 %', not {str(value)[:20]!r}.")
    if not math.isfinite(value) or abs(value) > 1e9:
        raise ValueError("the number must be finite, at most a thousand million.")
    return float(value)


def rate(value: Any) -> float:
    """A fraction above -1, refusing bare numbers that look like percent.

    Raises
    ------
    ValueError
    """
    fraction = number(value)
    if fraction <= -1:
        hint = f" For {fraction:g} % write {fraction / 100:g}." if fraction > -100 and fraction != -1 else ""
        raise ValueError(f"a rate must be above -1 (-100 %), not {fraction:g}.{hint}")
    if not isinstance(value, str) and PERCENT_SUSPECT < fraction < PROHIBITIVE:
        raise ValueError(
            f"rates are fractions, and {fraction:g} means {fraction * 100:g} %. For {fraction:g} % write "
            f"{fraction / 100:g}; if {fraction * 100:g} % is meant, write '{fraction * 100:g} %'."
        )
    return fraction


def written(value: float) -> float | str:
    """A rate as it is written to a file: with a percent sign where the bare number would be refused."""
    if not PERCENT_SUSPECT < value < PROHIBITIVE:
        return value
    return f"{(Decimal(repr(value)) * 100).normalize():f} %"


def plain(text: str, longest: int) -> str:
    """Text without markup or control characters, at most ``longest`` characters.

    Raises
    ------
    ValueError
    """
    if len(text) > longest:
        raise ValueError(f"keep this to {longest} characters; it has {len(text)}.")
    if any(c in "<>" or (ord(c) < 32 and c != "\n") or ord(c) == 127 for c in text):
        raise ValueError("use plain text, without < or > or control characters.")
    return text


def names(value: Any) -> tuple[str, ...]:
    """One name or a list of names, each once, not empty.

    Raises
    ------
    ValueError
    """
    given = (value,) if isinstance(value, str) else value
    if not isinstance(given, list | tuple):
        raise ValueError(f"give a list of codes such as [USA, CHN], not {str(value)[:40]!r}.")
    if len(given) > MOST_NAMES:
        raise ValueError(f"the list has {len(given)} names; at most {MOST_NAMES} are read.")
    for name in given:
        if isinstance(name, bool):
            raise ValueError("a code was read as yes or no; put it in quotes.")
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f"codes are texts such as USA, not {str(name)[:40]!r}.")
        plain(name, 60)
    stripped = tuple(_token(name) for name in given)
    repeated = sorted({name for name in stripped if stripped.count(name) > 1})
    if repeated:
        raise ValueError(f"{', '.join(repeated)} is listed twice.")
    if len(stripped) > 1 and EVERYTHING in stripped:
        raise ValueError(f"{EVERYTHING!r} covers the rest of the list; name either it or the others.")
    return stripped


def _token(name: str) -> str:
    stripped = " ".join(name.split())
    return stripped.lower() if stripped.lower() in (EVERYTHING, ALL_GOODS) else stripped


def some_names(value: Any) -> tuple[str, ...]:
    """Names, at least one.

    Raises
    ------
    ValueError
        If there is none.
    """
    found = names(value)
    if not found:
        raise ValueError("the list is empty; name at least one.")
    return found


def listed(items: Iterable[str]) -> str:
    """``a, b and c``."""
    *head, last = items
    return f"{', '.join(head)} and {last}" if head else last


Rate = Annotated[float, BeforeValidator(rate), PlainSerializer(written)]
Names = Annotated[tuple[str, ...], BeforeValidator(some_names)]
NamesOrNone = Annotated[tuple[str, ...], BeforeValidator(names)]
Line = Annotated[str, AfterValidator(lambda text: plain(text, 120))]
Paragraph = Annotated[str, AfterValidator(lambda text: plain(text, 1000))]
