"""The ten broad sectors of the embedded world, and where ISIC Revision 4 falls among them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from firmtrade_core.codes.iso import plain_text
from firmtrade_core.codes.word_lists import word_list
from firmtrade_core.paths import asset, read_rows

#: Broad sectors in their order, and where ISIC and the Harmonised System fall among them.
_TABLE = read_rows(asset("codes/broad_sectors.csv"))

#: Plain names of the broad sectors, in their order; services come last.
BROAD_SECTORS = {row["sector"]: row["name"] for row in _TABLE}

#: The finer sectors that tables of world trade tell apart, and what begins codes of ISIC that belong to them.
_FINER_TABLE = read_rows(asset("codes/finer_sectors.csv"))

#: Plain names of the finer sectors.
FINER_SECTORS = {row["sector"]: row["name"] for row in _FINER_TABLE}


def sectors_by(column: str) -> dict[str, str]:
    """Broad sectors by the codes of a column of ``assets/codes/broad_sectors.csv``: ``isic_2`` to ``isic_4``, ``hs_chapters``
    or ``hs_headings``."""
    return {code: row["sector"] for row in _TABLE for code in row[column].split()}


_OF_REVISION_4, _OF_REVISION_3, _OF_REVISION_2 = (sectors_by(f"isic_{revision}") for revision in (4, 3, 2))


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
    if (sector := _OF_REVISION_4.get(str(division))) is not None:
        return sector
    raise KeyError(f"ISIC Rev. 4 has no division {division} ({isic_code!r}).")


def broad_sector_of_revision_3(isic_code: str) -> str:
    """Broad sector of an ISIC Rev. 3 code, as concordances of products lead to.

    Raises
    ------
    KeyError
        If the division does not exist in ISIC Rev. 3.
    """
    division = int(isic_code[:2])
    if (sector := _OF_REVISION_3.get(str(division))) is not None:
        return sector
    raise KeyError(f"ISIC Rev. 3 has no division {division} ({isic_code!r}).")


def broad_sector_of_revision_2(isic_code: str) -> str:
    """Broad sector of an ISIC Rev. 2 code of two digits or more (three for metal products and machinery).

    Raises
    ------
    KeyError
        If the code is none of ISIC Rev. 2, or too short to tell.
    """
    text = isic_code.strip()
    for size in (3, 2, 1):
        if text.isdigit() and len(text) >= 2 and text[:size] in _OF_REVISION_2:
            return _OF_REVISION_2[text[:size]]
    raise KeyError(f"ISIC Rev. 2 has no code {isic_code!r}, or it is too short to tell its sector.")


def finer_sector(isic_code: str, revision: int) -> str:
    """Finer sector of a plant's industry code, ``services`` for any service.

    Parameters
    ----------
    isic_code
        Digits, or digits behind the letter of a section (``C2410``).
    revision
        Of ISIC: 2, 3 or 4.

    Raises
    ------
    KeyError
        If the code is none of that revision, or too short to tell its finer sector.

    Examples
    --------
    >>> finer_sector("3843", 2), finer_sector("3410", 3), finer_sector("2910", 4), finer_sector("C2410", 4)
    ('C29', 'C29', 'C29', 'C24A')
    """
    text = re.sub(r"^[A-Ua-u](?=\d)", "", isic_code.strip())
    starts = _FINER_OF[revision]
    for size in range(len(text), 1, -1):
        if text[:size] in starts:
            return starts[text[:size]]
    broad = {2: broad_sector_of_revision_2, 3: broad_sector_of_revision_3, 4: broad_sector}[revision]
    if text.isdigit() and broad(text) == "services":
        return "services"
    raise KeyError(
        f"ISIC Rev. {revision} has no code {isic_code!r}, or it is too short to tell its finer sector."
    )


_FINER_OF = {
    revision: {start: row["sector"] for row in _FINER_TABLE for start in row[f"isic_{revision}"].split()}
    for revision in (2, 3, 4)
}


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
_TOTALS = word_list("sector_totals")


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
