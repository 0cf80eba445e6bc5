"""The ten broad sectors of the embedded world, and where ISIC Revision 4 falls among them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from firmtrade_core.codes.iso import plain_text

#: Plain names of the broad sectors, in their order; services come last.
BROAD_SECTORS = {
    "agriculture": "Agriculture, forestry and fishing",
    "mining_energy": "Mining and energy",
    "food_beverages_tobacco": "Food, beverages and tobacco",
    "textiles_apparel_leather": "Textiles, apparel and leather",
    "wood_paper_other_mfg": "Wood, paper and other manufacturing",
    "fuels_chemicals_plastics_minerals": "Fuels, chemicals, plastics and minerals",
    "metals": "Metals",
    "electronics_machinery": "Electronics and machinery",
    "vehicles_transport_eq": "Vehicles and transport equipment",
    "services": "Services",
}

#: Plain names of the finer sectors that tables of world trade tell apart.
FINER_SECTORS = {
    "A01": "Crops and animals",
    "A02": "Forestry",
    "A03": "Fishing",
    "B05": "Coal",
    "B06": "Oil and gas",
    "B07": "Metal ores",
    "B08": "Other mining",
    "B09": "Mining support",
    "C10T12": "Food, beverages and tobacco",
    "C13T15": "Textiles, apparel and leather",
    "C16": "Wood",
    "C17_18": "Paper and printing",
    "C19": "Refined fuels",
    "C20": "Chemicals",
    "C21": "Pharmaceuticals",
    "C22": "Rubber and plastics",
    "C23": "Other minerals",
    "C24A": "Iron and steel",
    "C24B": "Other metals",
    "C25": "Metal products",
    "C26": "Electronics",
    "C27": "Electrical equipment",
    "C28": "Machinery",
    "C29": "Motor vehicles",
    "C301": "Ships",
    "C302T309": "Other transport equipment",
    "C31T33": "Other manufacturing",
}

_SECTOR_OF_DIVISION = {
    "agriculture": range(1, 4),
    "mining_energy": range(5, 10),
    "food_beverages_tobacco": range(10, 13),
    "textiles_apparel_leather": range(13, 16),
    "wood_paper_other_mfg": (16, 17, 18, 31, 32, 33),
    "fuels_chemicals_plastics_minerals": range(19, 24),
    "metals": (24, 25),
    "electronics_machinery": (26, 27, 28),
    "vehicles_transport_eq": (29, 30),
    "services": range(35, 100),
}


def broad_sector(isic_code: str) -> str:
    """Broad sector of an ISIC Rev. 4 code as statistical offices write it: ``C10T12``, ``A01_02``, ``26``.

    The first division named decides; labels that name none, such as ``Services (aggregate)``, are services.

    Raises
    ------
    KeyError
        If the division does not exist in ISIC Rev. 4.
    """
    digits = "".join(c if c.isdigit() else " " for c in isic_code).split()
    if not digits:
        return "services"
    division = int(digits[0][:2])
    for sector, divisions in _SECTOR_OF_DIVISION.items():
        if division in divisions:
            return sector
    raise KeyError(f"ISIC Rev. 4 has no division {division} ({isic_code!r}).")


_SECTOR_OF_REVISION_3 = {
    "agriculture": (1, 2, 5),
    "mining_energy": range(10, 15),
    "food_beverages_tobacco": (15, 16),
    "textiles_apparel_leather": (17, 18, 19),
    "wood_paper_other_mfg": (20, 21, 22, 36, 37),
    "fuels_chemicals_plastics_minerals": range(23, 27),
    "metals": (27, 28),
    "electronics_machinery": range(29, 34),
    "vehicles_transport_eq": (34, 35),
    "services": range(40, 100),
}


def broad_sector_of_revision_3(isic_code: str) -> str:
    """Broad sector of an ISIC Rev. 3 code, as concordances of products lead to.

    Raises
    ------
    KeyError
        If the division does not exist in ISIC Rev. 3.
    """
    division = int(isic_code[:2])
    for sector, divisions in _SECTOR_OF_REVISION_3.items():
        if division in divisions:
            return sector
    raise KeyError(f"ISIC Rev. 3 has no division {division} ({isic_code!r}).")


#: Divisions and major groups of ISIC Revision 2; the longest that begins a code decides.
_SECTOR_OF_REVISION_2 = {
    "agriculture": ("1",),
    "mining_energy": ("2",),
    "food_beverages_tobacco": ("31",),
    "textiles_apparel_leather": ("32",),
    "wood_paper_other_mfg": ("33", "34", "39"),
    "fuels_chemicals_plastics_minerals": ("35", "36"),
    "metals": ("37", "381"),
    "electronics_machinery": ("382", "383", "385"),
    "vehicles_transport_eq": ("384",),
    "services": ("4", "5", "6", "7", "8", "9"),
}


def broad_sector_of_revision_2(isic_code: str) -> str:
    """Broad sector of an ISIC Rev. 2 code of two digits or more (three for metal products and machinery).

    Raises
    ------
    KeyError
        If the code is none of ISIC Rev. 2, or too short to tell.
    """
    text = isic_code.strip()
    starts = {start: sector for sector, given in _SECTOR_OF_REVISION_2.items() for start in given}
    for size in (3, 2, 1):
        if text.isdigit() and len(text) >= 2 and text[:size] in starts:
            return starts[text[:size]]
    raise KeyError(f"ISIC Rev. 2 has no code {isic_code!r}, or it is too short to tell its sector.")


def sector_words(sector: str) -> str:
    """A broad sector's plain name; other labels as words."""
    return BROAD_SECTORS.get(sector, sector.replace("_", " "))


def is_goods(sector: str) -> bool:
    """Whether a sector label names goods: not services by name, nor an ISIC division from 35 on.

    Labels that follow neither habit count as goods.
    """
    text = sector.strip().casefold()
    if text.startswith("serv"):
        return False
    if re.match(r"[a-u]\d\d", text):
        try:
            return broad_sector(text) != "services"
        except KeyError:
            return True
    # Sections D to U of ISIC without a division, as in OECD's "D", "F" or "T".
    return not re.fullmatch(r"[d-u]", text)


#: Labels that add sectors up, in plain text.
_TOTALS = frozenset(
    {
        "total", "totals", "totales", "totaux", "all", "all sectors", "all industries", "all goods", "all products", "total economy",
        "total all sectors", "grand total", "total general", "sum", "suma", "summe", "tot", "ttl", "todos", "todos los sectores",
        "todos os setores", "tous", "tous secteurs", "tous les secteurs", "insgesamt", "gesamt", "alle", "alle sektoren", "total trade",
        "total goods and services", "economy", "whole economy",
    }
)  # fmt: skip


def sector_totals(labels: Iterable[str]) -> tuple[str, ...]:
    """Labels among several that add the others up; none where no other is left beside them.

    Examples
    --------
    >>> sector_totals(["goods", "services", "Total"]), sector_totals(["Total"])
    (('Total',), ())
    """
    met = dict.fromkeys(map(str, labels))
    found = tuple(label for label in met if plain_text(label) in _TOTALS)
    return found if len(found) < len(met) else ()
