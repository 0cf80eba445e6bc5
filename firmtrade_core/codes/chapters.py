"""Where the Harmonised System falls among the broad sectors: by chapter, with the headings that lie elsewhere.

Written from the texts of chapters and headings. `assets/codes/hs_chapters.csv` counts the subheadings of each chapter by broad
sector (edition of 2022, by way of ISIC Rev. 3), for simple means over tariff lines where no trade is at hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from firmtrade_core.codes.sectors import sectors_by
from firmtrade_core.paths import asset, read_rows

_OF_CHAPTER, _OF_HEADING = sectors_by("hs_chapters"), sectors_by("hs_headings")


def broad_sector_of_product(code: str) -> str | None:
    """Broad sector of a Harmonised System code of two digits or more; None for art, electricity and national chapters.

    Examples
    --------
    >>> broad_sector_of_product("870323"), broad_sector_of_product("2709"), broad_sector_of_product("99")
    ('vehicles_transport_eq', 'mining_energy', None)
    """
    if code[:4] == "2716":
        return None
    return _OF_HEADING.get(code[:4], _OF_CHAPTER.get(code[:2]))


@cache
def subheadings() -> Mapping[str, Mapping[str, int]]:
    """Number of six-digit subheadings of each chapter, by broad sector."""
    found: dict[str, dict[str, int]] = {}
    for row in read_rows(asset("codes/hs_chapters.csv"), ","):
        found.setdefault(row["chapter"], {})[row["sector"]] = int(row["subheadings"])
    return MappingProxyType(found)
