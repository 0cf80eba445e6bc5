"""Where the Harmonised System falls among the broad sectors: by chapter, with the headings that lie elsewhere.

Written from the texts of chapters and headings. `assets/codes/hs_chapters.csv` counts the subheadings of each chapter by broad
sector (edition of 2022, by way of ISIC Rev. 3), for simple means over tariff lines where no trade is at hand.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from firmtrade_core.paths import asset

_AGRICULTURE, _MINING, _FOOD = "agriculture", "mining_energy", "food_beverages_tobacco"
_TEXTILES, _OTHER = "textiles_apparel_leather", "wood_paper_other_mfg"
_CHEMICALS, _METALS = "fuels_chemicals_plastics_minerals", "metals"
_MACHINES, _VEHICLES = "electronics_machinery", "vehicles_transport_eq"

#: Chapters by broad sector; 97 (art), 98 and 99 belong to none.
_CHAPTERS: tuple[tuple[str, tuple[int, ...]], ...] = (
    (_AGRICULTURE, (1, 6, 7, 8, 9, 10, 12, 13, 14)),
    (_FOOD, (2, 3, 4, 5, 11, *range(15, 25))),
    (_MINING, (25, 26)),
    (_CHEMICALS, (27, *range(28, 41), 68, 69, 70)),
    (_TEXTILES, (41, 42, 43, *range(50, 66))),
    (_OTHER, (44, 45, 46, 47, 48, 49, 66, 67, 92, 94, 95, 96)),
    (_METALS, (71, 72, 73, 74, 75, 76, 78, 79, 80, 81, 82, 83)),
    (_MACHINES, (84, 85, 90, 91, 93)),
    (_VEHICLES, (86, 87, 88, 89)),
)

#: Headings that lie in another sector than their chapter.
_HEADINGS: tuple[tuple[str, str], ...] = (
    (_AGRICULTURE, "0301 0302 0407 0409 0410 0511 1302 1801 2401 4001 4301 4401 4403 4501 5001 5101 5102 5201"),
    (_FOOD, "0710 0711 0712 0811 0812 0814 1006 1208 4101 4102 4103"),
    (_MINING, "2701 2702 2703 2709 2711 2714 7101 7102 7103"),
    (_CHEMICALS, "2523 5402 5403 5404 5501 5503 5504"),
    (_TEXTILES, "4202 9404"),
    (_METALS, "2618 2619 2620 8402 8404"),
    (_OTHER, "7113 7114 7116 7117 7118 8715 9606"),
    (_MACHINES, "7321 8701 8710 9402 9405"),
    (_VEHICLES, "8407 8408 8713"),
)  # fmt: skip

_OF_CHAPTER = {f"{chapter:02d}": sector for sector, chapters in _CHAPTERS for chapter in chapters}
_OF_HEADING = {heading: sector for sector, headings in _HEADINGS for heading in headings.split()}


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
    with asset("codes/hs_chapters.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["chapter"], {})[row["sector"]] = int(row["subheadings"])
    return MappingProxyType(found)
