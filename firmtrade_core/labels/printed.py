"""Reads printed text as a person does: which of its numbers have no unit beside them.

The command line prints lines, not tables of the register; `unitless` holds each of its verbs against the same rule
(`tests/cli/test_cli_units.py`), and tables of texts on screen ask `head_unit` for the unit of a column of bare numbers.
"""

from __future__ import annotations

import re

from firmtrade_core.labels.units import MINUS, NARROW_NO_BREAK_SPACE, UNITS, UnitError, unit
from firmtrade_core.paths import asset

_SPACE = rf"[\s\u00a0{NARROW_NO_BREAK_SPACE}]"

#: A number that is no part of a word, a path, a date, a hash, a code of a product or another number.
_NUMBER = re.compile(
    rf"(?<![\w.:/#=–§…{MINUS}+-])[+{MINUS}-]?\d[\d,{NARROW_NO_BREAK_SPACE}]*(?:\.\d+)?(?:e[+-]?\d+)?(?![\w:/]|\.\d|-\w)"
)

#: What is counted in words that are no units of the register: nouns, and what stands for a unit in a technical line.
_COUNTED = tuple(asset("labels/counted.txt").read_text(encoding="utf-8").split("\n")[:-1])

_MONEY = r"(?:(?:thousand|m|bn|million)\s)?(?:USD|EUR|CLP|[A-Z]{3}\b)|dollars?"

_UNIT_BEHIND = re.compile(
    rf"{_SPACE}*(?:\)|\]|\||%|‰)?{_SPACE}*(?:{'|'.join(sorted(map(re.escape, UNITS), key=len, reverse=True))}|{_MONEY}|"
    rf"(?:{'|'.join(_COUNTED)})(?!\w))|{_SPACE}*%|(?:st|nd|rd|th)\b"
)

#: Names that say what kind of number follows.
_NAME_BEFORE = re.compile(
    r"(?:Article|BY|firms|trade|links|seed|v_k is|outside|outside 0 to|likelihood|elasticity|spread|σ|γ|ρ|ε|θ|ζ|κ|χ²|I²|R²|F|p|z|mean|hash|seed|place|table|index|residual|gap|step|move|year|years|from|"
    r"supply|HS|ISIC|rev\.?|version|chance|error|s\.e\.|best|within|of|for|Region|Firm|counted as|MODEL)[\s:=(\[±]*$",
    re.IGNORECASE,
)


def unitless(text: str) -> list[str]:
    """Lines that hold a number without a unit, in a printed text.

    A number passes with a registered unit or a counted noun behind it, with a name that says what kind it is before it,
    as a year, or in a row beneath a head that carries units.

    Examples
    --------
    >>> unitless("Exports 103 bn USD to 99.7 bn USD")
    []
    >>> unitless("output: 199171.3")
    ['output: 199171.3']
    """
    found, headed = [], False
    for line in text.splitlines():
        if not line.strip():
            headed = False
            continue
        if _is_head(line):
            headed = True
            continue
        if headed or re.search(r"\((?:19|20)\d\d\)\. ", line):
            # A row beneath a head with units, or a work cited.
            continue
        if _TABLE_ROW.search(line) and _ends_in_unit(line):
            # A row of columns whose last one says the unit of all.
            continue
        # Codes are quoted, not counted.
        line = re.sub(r"\(-9(?:, -9+)* \.\.\.\)", "", line)
        bare = [match for match in _NUMBER.finditer(line) if not _told(line, match)]
        if bare:
            found.append(line.strip())
    return found


#: Numbers set in columns.
_TABLE_ROW = re.compile(r"\d\]?\s{2,}\S*\d")


def _ends_in_unit(line: str) -> bool:
    return any(line.rstrip().endswith(f" {name}") for name in UNITS)


def _told(line: str, match: re.Match[str]) -> bool:
    before, behind = line[: match.start()], line[match.end() :]
    text = match[0].rstrip(",")
    if re.fullmatch(r"(?:19|20)\d\d", text):
        return True
    if before.endswith("(") and behind.startswith(")") and text.isdigit():
        return True  # an equation's number
    if re.match(r" of \d+\b", behind) or re.search(r"\d of $", before):
        return True  # so many of so many
    if re.search(r"e-\d+$", text) and re.search(r"residual|certificate|additivity", line, re.IGNORECASE):
        return True
    if re.search(rf"(?:^|\s)(?:{'|'.join(_COUNTED)}):\s*$", before):
        return True
    # An interval, or a number with its error, has one unit behind all of it.
    behind = re.sub(
        rf"^(?:{_SPACE}*(?:to|and|or|of|,|/|\||–|±|\(|\[)?{_SPACE}*(?:s\.e\.{_SPACE}*)?[+{MINUS}-]?[\d.,]+(?:e[+-]?\d+)?[\])]*)+",
        "",
        behind,
    )
    return _UNIT_BEHIND.match(behind) is not None or _NAME_BEFORE.search(before) is not None


def _is_head(line: str) -> bool:
    """Whether a line is the head of a table whose columns say their units: words alone, a registered unit among them."""
    if _NUMBER.search(re.sub(r"\d+ ?%|share of 1\b|0 to 1\b", "", line)):
        return False
    columns = re.split(r"\s{2,}|\||┃|│", line.strip())
    # One column of numbers stands apart from the names at its left.
    several = len([c for c in columns if c.strip()]) > 1 or line.startswith("  ")
    return several and any(head_unit(c) for c in columns)


def head_unit(head: str) -> str:
    """The registered unit that a column's head ends in, after a comma or in brackets; empty where it names none."""
    text = head.strip()
    parts = re.findall(r"\(([^()]*)\)\s*$", text)
    cuts = [text[at.end() :] for at in re.finditer(r", ", text)]
    for part in [*parts, *cuts, text]:
        for words in (part.strip(), part.strip()[:1].lower() + part.strip()[1:]):
            try:
                return unit(words).name
            except UnitError:
                continue
    return ""
