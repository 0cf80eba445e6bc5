"""What other software leaves in cells: blanks by many names, a number's ``.0``, digits that are gone.

One notion for every column of keys (firm, product, country, date) and of numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from firmtrade_core.codes.word_lists import word_list

#: Texts that stand for nothing, in small letters and without blanks around.
BLANKS = word_list("blanks")

#: The blanks that a quantity or a value may be written as, for SQL: without those that hold quotes or brackets.
NUMBER_BLANKS = tuple(sorted(text for text in BLANKS if text and not set(text) & set("\\'")))

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff]")

_SCIENTIFIC = re.compile(r"([+-]?\d)(?:[.,](\d+))?[eE]\+?(\d{1,2})$")

#: Identifiers that stand for nobody: final consumers, foreigners, the public (Chile, Colombia, Ecuador, Mexico).
_NOBODY = frozenset(
    {"666666666", "555555555", "222222222222", "9999999999999", "XAXX010101000", "XEXX010101000"}
)

#: Numbers that surveys and databases write for no answer.
_NO_ANSWER = re.compile(r"-(1|9+|8+|7+)")

#: Digits that a spreadsheet keeps of a number; those behind become zeros.
_KEPT_DIGITS = 15

Fault = Literal["missing", "digits_gone", "artefact"]


def is_blank(text: str) -> bool:
    """Whether a text stands for nothing.

    Examples
    --------
    >>> [is_blank(t) for t in ("", "NULL", "#N/A", "nan", "sin información", "0", "NADA SA")]
    [True, True, True, True, True, False, False]
    """
    return unwrapped(text).casefold() in BLANKS


def unwrapped(text: str) -> str:
    """A cell's text without what a spreadsheet puts around it: an apostrophe, ``="..."``, invisible letters, blanks."""
    bare = _INVISIBLE.sub("", str(text)).replace("\u00a0", " ").replace("\u202f", " ").strip()
    if found := re.fullmatch(r'="?([^"]*)"?', bare):
        bare = found[1].strip()
    return bare[1:].strip() if bare[:1] in ("'", "\u2019") and len(bare) > 1 else bare


def whole_number(text: str) -> tuple[str, bool]:
    """A text without a number's ``.0``, and whether digits are gone for good.

    ``1.23457E+13`` lost digits; ``1.2E+1`` is 12 and lost none.

    Examples
    --------
    >>> whole_number("12345.0"), whole_number("1.23457E+13"), whole_number("1.2E+1"), whole_number("76.123.456-7")
    (('12345', False), ('1.23457E+13', True), ('12', False), ('76.123.456-7', False))
    """
    if found := re.fullmatch(r"(\d+)[.,]0+", text):
        return (text, False) if re.fullmatch(r"\d{1,3}[.,]0{3}", text) else (found[1], False)
    marked = re.search(r"[.,+]", text) is not None
    if marked and (found := _SCIENTIFIC.fullmatch(text)):
        first, rest, power = found[1], found[2] or "", int(found[3])
        # Six digits or fewer is what a spreadsheet shows of a longer number: those behind are not zeros.
        if len(rest) >= power:
            return str(int(first + rest[:power])), False
        return text, True
    return text, False


def read_identifier(text: str) -> tuple[str | None, Fault | None]:
    """A firm's identifier as it was before other software had it, and what was wrong with it.

    ``.0``, apostrophes and ``="..."`` go; blanks, zeros, rows of nines and the numbers that tax offices give to nobody in
    particular are no identifier; one in scientific notation has lost its digits and is refused.

    Examples
    --------
    >>> read_identifier("12345.0"), read_identifier("0012345"), read_identifier("1.23457E+13"), read_identifier("#N/A")
    (('12345', 'artefact'), ('0012345', None), (None, 'digits_gone'), (None, 'missing'))
    """
    bare = unwrapped(text)
    if bare.casefold() in BLANKS:
        return None, "missing"
    whole, gone = whole_number(bare)
    if gone:
        return None, "digits_gone"
    plain = "".join(c for c in whole.upper() if c.isalnum())
    if _NO_ANSWER.fullmatch(whole):
        return None, "missing"
    if not plain.strip("0") or (len(plain) >= 6 and not plain.strip("9")) or plain in _NOBODY:
        return None, "missing"
    return whole, "artefact" if whole != str(text).strip() else None


def cut_by_spreadsheets(texts: Iterable[str]) -> frozenset[str]:
    """Numbers of more than fifteen digits that all end in zeros behind the fifteenth: a spreadsheet has cut them.

    One alone is one in ten or a hundred by chance; two of them, or one with three zeros or more, are not.

    Examples
    --------
    >>> sorted(cut_by_spreadsheets(["1234567890123450", "1234567890123460", "123"]))
    ['1234567890123450', '1234567890123460']
    >>> cut_by_spreadsheets(["1234567890123450", "1234567890123461"])
    frozenset()
    """
    long = {bare for text in texts if len(bare := unwrapped(text)) > _KEPT_DIGITS and bare.isdigit()}
    cut = {number for number in long if not number[_KEPT_DIGITS:].strip("0")}
    enough = len(cut) > 1 or any(len(number) >= _KEPT_DIGITS + 3 for number in cut)
    return frozenset(cut) if cut == long and enough else frozenset()
