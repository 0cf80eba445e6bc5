"""The year that a published file is of, from its name: not its edition's, nor the day it was fetched on."""

from __future__ import annotations

import re

from firmtrade_core.world.errors import WorldError

#: Years in which the OECD published editions; only there is the number behind ICIO doubtful.
_EDITIONS = frozenset({2013, 2015, 2016, 2018, 2021, 2023, 2025})

_YEAR = r"(?:19|20)\d\d"

#: What looks like a year in a name and is none, in the order in which it is taken out.
_NOT_DATA = (
    # Days, and days with a time: 2025-11-03, 20251103, 03.11.2025.
    rf"(?<!\d){_YEAR}[-_.]?(?:0[1-9]|1[0-2])[-_.]?(?:0[1-9]|[12]\d|3[01])(?!\d)",
    rf"(?<!\d)(?:0[1-9]|[12]\d|3[01])[-_.](?:0[1-9]|1[0-2])[-_.]{_YEAR}(?!\d)",
    # Editions and releases: 2023ed, ed2023, edition_2023, release 2016, October16.
    rf"(?<!\d){_YEAR}\s?[-_ ]?(?:ed|edition|release|rel)(?![a-z])",
    rf"(?<![a-z0-9])(?:ed|edition|release|rel|rev|revised|updated|version|v)[-_ ]?{_YEAR}\d{{0,2}}[a-z]?(?!\d)",
    # Spans of years, as archives are named by: 2016-2022.
    rf"(?<!\d){_YEAR}\s?(?:-|to|–)\s?{_YEAR}(?=[-_. ]|$)(?=.*{_YEAR})",
)

_ICIO_EDITION = re.compile(rf"icio[-_ ]?(?:[a-z]+[-_ ]?)?({_YEAR})(?!\d)", re.IGNORECASE)


def year_in_name(stem: str) -> int | None:
    """The year of the data in a file's name; None where the name holds none.

    An edition (``ICIO2018_2010`` is of 2010), a span of years, a release and a day are no years of data.

    Raises
    ------
    WorldError
        If two years are left, or the only one may be the edition's.

    Examples
    --------
    >>> [year_in_name(name) for name in ("2022_SML", "ICIO2018_2010", "ICIO-2023-2015", "WIOT2014_October16_ROW")]
    [2022, 2010, 2015, 2014]
    """
    text = stem
    for pattern in _NOT_DATA:
        text = re.sub(pattern, " ", text, flags=re.IGNORECASE)
    met = list(map(int, re.findall(rf"(?<!\d){_YEAR}(?!\d)", text)))
    years = list(dict.fromkeys(met))
    edition = _ICIO_EDITION.search(text)
    if edition and int(edition.group(1)) in _EDITIONS:
        others = [year for year in years if year != int(edition.group(1))]
        if len(others) == 1:
            return others[0]
        if len(met) == 2 and not others:
            return met[0]
        if not others:
            raise WorldError(
                f"The name {stem[:60]} tells the edition, {edition.group(1)}, and may or may not tell the year. Say which year the "
                f"data are of with year=, for instance year={edition.group(1)}."
            )
    if len(years) == 2 and max(years) in _EDITIONS:
        # Data are older than the edition that they come in.
        return min(years)
    if len(years) > 1:
        raise WorldError(
            f"The name {stem[:60]} holds the years {', '.join(map(str, years))}. Say which the data are of with "
            f"year={years[-1]}."
        )
    return years[0] if years else None
