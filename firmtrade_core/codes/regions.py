"""Regions of a country: names for the labels that tables of firms carry, and where the regions lie."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import pycountry

from firmtrade_core.paths import asset, read_rows

#: How invented firms are placed: the first region is the one with most of them.
_NUMBERED = re.compile(r"region 0*(\d{1,2})", re.IGNORECASE)

#: What a reader must know where regions of invented firms have names.
INVENTED_PLACES = (
    "Invented firms, placed in real regions: those with most people (census of 2017) were given most firms."
)


@dataclass(frozen=True)
class Region:
    """A region of the first level.

    Parameters
    ----------
    code
        ISO 3166-2.
    name
    seat
        Its seat of government.
    latitude, longitude
        Of the seat; degrees, north and east positive.
    people
        Persons, by the census of 2017.
    """

    code: str
    name: str
    seat: str
    latitude: float
    longitude: float
    people: int


@cache
def regions(country: str) -> tuple[Region, ...]:
    """Regions of a country from north to south; empty where no places are known.

    From ``assets/codes/regions.csv``, our own table of facts: seats to a hundredth of a degree, people by Chile's census of
    2017 (INE, in the borders since 2018). There are no borders of regions in the product: maps show seats.
    """
    found = [
        Region(row["code"], row["name"], row["seat"], float(row["latitude"]), float(row["longitude"]), int(row["people"]))
        for row in read_rows(asset("codes/regions.csv"), ",")
        if row["country"] == country
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda region: -region.latitude))


def region_of(country: str, label: str, *, invented: bool = False) -> Region | None:
    """The region that a label means: an ISO 3166-2 code, a name, or the number of an invented firm's region.

    Parameters
    ----------
    country, label
    invented
        Whether the firms are: ``Region 01`` is then the region with most people, and so on. Numbers of real firms' files
        may count otherwise, and stay numbers.
    """
    text = label.strip()
    for region in regions(country):
        if text.casefold() in (region.code.casefold(), region.name.casefold()):
            return region
    number = _NUMBERED.fullmatch(text) if invented else None
    if number is None:
        return None
    ranked = sorted(regions(country), key=lambda region: -region.people)
    place = int(number[1])
    return ranked[place - 1] if 1 <= place <= len(ranked) else None


@cache
def region_name(country: str, label: str, *, invented: bool = False) -> str:
    """Plain name of a region: that of `region_of`, or of ISO 3166-2; the label as it is where neither knows it."""
    found = region_of(country, label, invented=invented)
    if found is not None:
        return found.name
    text = label.strip()
    here = pycountry.countries.get(alpha_3=country)
    if here is not None and text.startswith(f"{here.alpha_2}-"):
        known = pycountry.subdivisions.get(code=text)
        if known is not None:
            return str(known.name)
    return text[:1].upper() + text[1:] if text.islower() else text
