"""What sector codes stand for: the finest parts of ISIC Revision 4 that tables of world trade tell apart.

Scenarios and worlds may use different cuts of the same classification; their common parts connect them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from firmtrade_core.codes.sectors import BROAD_SECTORS, broad_sector

#: Divisions of each section.
_SECTIONS = {
    "A": range(1, 4),
    "B": range(5, 10),
    "C": range(10, 34),
    "D": range(35, 36),
    "E": range(36, 40),
    "F": range(41, 44),
    "G": range(45, 48),
    "H": range(49, 54),
    "I": range(55, 57),
    "J": range(58, 64),
    "K": range(64, 67),
    "L": range(68, 69),
    "M": range(69, 76),
    "N": range(77, 83),
    "O": range(84, 85),
    "P": range(85, 86),
    "Q": range(86, 89),
    "R": range(90, 94),
    "S": range(94, 97),
    "T": range(97, 99),
    "U": range(99, 100),
}

_SECTION_OF = {division: section for section, divisions in _SECTIONS.items() for division in divisions}

#: Divisions that the inter-country tables split: basic metals into steel and other, transport equipment into ships and other.
_FINER = {24: ("24A", "24B"), 30: ("301", "302T309")}


@cache
def parts_of_sector(code: str) -> frozenset[str] | None:
    """Parts of ISIC Rev. 4 that a code stands for; None where it is no code of that classification.

    Examples
    --------
    >>> sorted(parts_of_sector("C10T12")), sorted(parts_of_sector("metals")), parts_of_sector("shoes")
    (['10', '11', '12'], ['24A', '24B', '25'], None)
    """
    text = code.strip()
    if text in BROAD_SECTORS:
        return _parts(d for d in _SECTION_OF if broad_sector(f"{d:02d}") == text)
    if text.casefold().startswith("services"):
        return parts_of_sector("services")
    if text.upper() in _SECTIONS:
        return _parts(_SECTIONS[text.upper()])
    found = re.fullmatch(r"([A-U])([0-9A-BT_]+)", text.upper())
    return None if found is None else _numbered(*found.groups())


def _numbered(section: str, numbers: str) -> frozenset[str] | None:
    finest = {part: division for division, parts in _FINER.items() for part in parts}
    if numbers in finest:
        return frozenset({numbers}) if _SECTION_OF[finest[numbers]] == section else None
    divisions: set[int] = set()
    for item in numbers.split("_"):
        ends = re.fullmatch(r"(\d\d)(?:T(\d\d))?", item)
        if ends is None:
            return None
        divisions.update(range(int(ends[1]), int(ends[2] or ends[1]) + 1))
    if _SECTION_OF.get(min(divisions, default=0)) != section:
        return None
    return _parts(d for d in divisions if d in _SECTION_OF)


def _parts(divisions: Iterable[int]) -> frozenset[str]:
    return frozenset(part for d in divisions for part in _FINER.get(d, (f"{d:02d}",)))
