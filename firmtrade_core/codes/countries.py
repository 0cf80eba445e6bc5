"""Countries: codes, names, and the geography between them.

Codes are ISO 3166-1 alpha-3, with ``ROW`` for the rest of the world and ``XKX`` for Kosovo. What other labels of partners
mean is told by `places`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.codes.iso import REST_OF_WORLD, country_names
from firmtrade_core.codes.places import place_name
from firmtrade_core.paths import asset, read_rows

Array = NDArray[np.float64]


#: Mean radius of the earth, km.
EARTH_RADIUS = 6371.0


#: Macrolanguages of ISO 639-3 for official languages that share their writing (Indonesian and Malay stay apart, as in
#: CEPII's table of official languages).
MACROLANGUAGE = {"yue": "zh", "nan": "zh", "hak": "zh", "cmn": "zh", "nb": "no", "nn": "no"}


@dataclass(frozen=True)
class Capital:
    """A country's seat of government and its land neighbours.

    Parameters
    ----------
    name
        Of the city.
    latitude, longitude
        Degrees, north and east positive.
    neighbours
        Codes of the countries with a common land border.
    """

    name: str
    latitude: float
    longitude: float
    neighbours: frozenset[str]


@cache
def capitals() -> dict[str, Capital]:
    """Capitals of all countries and some territories, by code.

    From ``assets/codes/capitals.csv``, our own table of facts: seats of government to a hundredth of a degree, and
    land borders (Western Sahara left out). A test holds it against the distances that CEPII publishes.
    """
    return {
        row["iso3"]: Capital(
            row["capital"],
            float(row["latitude"]),
            float(row["longitude"]),
            frozenset(row["neighbours"].split()),
        )
        for row in read_rows(asset("codes/capitals.csv"), ",")
    }


def country_name(code: str) -> str:
    """Plain name of a country, a former state or a composite (`places`); the code itself where it is unknown."""
    if code in country_names():
        return country_names()[code]
    return place_name(code)


@cache
def numeric_code(code: str) -> str | None:
    """Three digits of ISO 3166-1 numeric, as map shapes use them; None for groups such as ``ROW``."""
    import pycountry

    country = pycountry.countries.get(alpha_3=code)
    return None if country is None else str(country.numeric)


# Geography --------------------------------------------------------------------------------------


@cache
def official_languages(code: str) -> frozenset[str]:
    """Languages that are official in a country, de jure or de facto (Unicode CLDR, through babel)."""
    import pycountry
    from babel.languages import get_official_languages

    country = pycountry.countries.get(alpha_3=code)
    if country is None:
        return frozenset()
    return frozenset(get_official_languages(country.alpha_2, de_facto=True))


def distances(countries: Sequence[str]) -> Array:
    """Great-circle distances between capitals, (N, N), km.

    Between ``ROW`` and a country it is the harmonic mean over the capitals of countries that are not
    listed by themselves. The diagonal is zero.

    Raises
    ------
    KeyError
        If a country is not among `capitals`.
    """
    rest = [code for code in capitals() if code not in countries]
    places = [code for code in countries if code != REST_OF_WORLD]
    between = _great_circle(places, places)
    if len(places) == len(countries):
        return between
    to_rest = 1 / (1 / _great_circle(places, rest)).mean(1)
    index = [i for i, code in enumerate(countries) if code != REST_OF_WORLD]
    row = countries.index(REST_OF_WORLD)
    result = np.zeros((len(countries), len(countries)))
    result[np.ix_(index, index)] = between
    result[index, row] = result[row, index] = to_rest
    return result


def _great_circle(origins: Sequence[str], destinations: Sequence[str]) -> Array:
    def radians(codes: Sequence[str]) -> tuple[Array, Array]:
        table = capitals()
        return (
            np.radians([table[c].latitude for c in codes]),
            np.radians([table[c].longitude for c in codes]),
        )

    (latitude_o, longitude_o), (latitude_d, longitude_d) = radians(origins), radians(destinations)
    half_chord = (
        np.sin((latitude_o[:, None] - latitude_d) / 2) ** 2
        + np.cos(latitude_o[:, None])
        * np.cos(latitude_d)
        * np.sin((longitude_o[:, None] - longitude_d) / 2) ** 2
    )
    return 2 * EARTH_RADIUS * np.arcsin(np.sqrt(np.minimum(half_chord, 1.0)))


def contiguity(countries: Sequence[str]) -> NDArray[np.bool_]:
    """Whether two countries share a land border, (N, N); ``ROW`` borders none."""
    table = capitals()
    return np.array([[o in table and d in table[o].neighbours for d in countries] for o in countries])


def _language(tag: str) -> str:
    """Language of a tag such as ``zh_Hant``: without its script, under its macrolanguage."""
    name = tag.split("_")[0]
    return MACROLANGUAGE.get(name, name)


def common_language(countries: Sequence[str]) -> NDArray[np.bool_]:
    """Whether two countries share an official language, (N, N); false on the diagonal.

    A language counts once whatever its script and its standard (Chinese in China, Hong Kong and Singapore).
    """
    spoken = [frozenset(map(_language, official_languages(code))) for code in countries]
    shared = np.array([[bool(a & b) for b in spoken] for a in spoken])
    np.fill_diagonal(shared, False)
    return shared
