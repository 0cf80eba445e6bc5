"""Countries: codes, names, retired codes, and the geography between them.

Codes are ISO 3166-1 alpha-3, with ``ROW`` for the rest of the world and ``XKX`` for Kosovo.
"""

from __future__ import annotations

import csv
import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.paths import asset

Array = NDArray[np.float64]

REST_OF_WORLD = "ROW"

#: Mean radius of the earth, km.
EARTH_RADIUS = 6371.0

#: Names as readers know them, where the standard's own are longer or unfamiliar.
READERS_NAMES = {
    REST_OF_WORLD: "Rest of the world",
    "BOL": "Bolivia",
    "BRN": "Brunei",
    "COD": "DR Congo",
    "COG": "Congo",
    "CIV": "Côte d'Ivoire",
    "CZE": "Czechia",
    "FSM": "Micronesia",
    "GBR": "United Kingdom",
    "HKG": "Hong Kong",
    "IRN": "Iran",
    "KOR": "South Korea",
    "LAO": "Laos",
    "MAC": "Macao",
    "MDA": "Moldova",
    "PRK": "North Korea",
    "PSE": "Palestine",
    "RUS": "Russia",
    "STP": "São Tomé and Príncipe",
    "SYR": "Syria",
    "TUR": "Türkiye",
    "TWN": "Taiwan",
    "TZA": "Tanzania",
    "USA": "United States",
    "VEN": "Venezuela",
    "VNM": "Vietnam",
    "XKX": "Kosovo",
}

#: Codes that were retired or are used in trade data by habit: what to use now, and what happened.
RETIRED_CODES: dict[str, tuple[tuple[str, ...], str]] = {
    "ROM": (("ROU",), "Romania's code until 2002"),
    "ZAR": (("COD",), "Zaire, now DR Congo"),
    "YUG": (("SRB", "MNE"), "Yugoslavia, dissolved 1992 to 2003"),
    "SCG": (("SRB", "MNE"), "Serbia and Montenegro until 2006"),
    "SER": (("SRB",), "an unofficial code of Serbia"),
    "SUN": (("RUS",), "the Soviet Union, dissolved in 1991"),
    "CSK": (("CZE", "SVK"), "Czechoslovakia, dissolved in 1993"),
    "DDR": (("DEU",), "East Germany, part of Germany since 1990"),
    "BRD": (("DEU",), "an unofficial code of West Germany"),
    "GER": (("DEU",), "not the ISO code of Germany"),
    "BLX": (("BEL", "LUX"), "Belgium-Luxembourg, reported as one until 1998"),
    "ANT": (("CUW", "SXM", "BES"), "the Netherlands Antilles, dissolved in 2010"),
    "BUR": (("MMR",), "Burma, now Myanmar"),
    "TMP": (("TLS",), "East Timor's code until 2002"),
    "PAL": (("PSE",), "an unofficial code of Palestine"),
    "KSV": (("XKX",), "an unofficial code of Kosovo"),
    "SUD": (("SDN", "SSD"), "Sudan before 2011"),
    "HVO": (("BFA",), "Upper Volta, now Burkina Faso"),
    "DHY": (("BEN",), "Dahomey, now Benin"),
    "RHO": (("ZWE",), "Rhodesia, now Zimbabwe"),
    "VDR": (("VNM",), "North Vietnam, part of Vietnam since 1976"),
    "YMD": (("YEM",), "South Yemen, part of Yemen since 1990"),
    "ROW_": ((REST_OF_WORLD,), "the rest of the world"),
    "WLD": ((REST_OF_WORLD,), "the world, which is not a country"),
}


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
    with asset("codes/capitals.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["iso3"]: Capital(
                row["capital"],
                float(row["latitude"]),
                float(row["longitude"]),
                frozenset(row["neighbours"].split()),
            )
            for row in csv.DictReader(file)
        }


@cache
def country_names() -> dict[str, str]:
    """Plain English names of all countries by code, ``ROW`` included."""
    import pycountry

    names = {
        country.alpha_3: getattr(country, "common_name", country.name) for country in pycountry.countries
    }
    return dict(sorted((names | READERS_NAMES).items(), key=lambda item: item[1]))


def country_name(code: str) -> str:
    """Plain name of a country; the code itself where it is unknown."""
    return country_names().get(code, code)


@cache
def numeric_code(code: str) -> str | None:
    """Three digits of ISO 3166-1 numeric, as map shapes use them; None for groups such as ``ROW``."""
    import pycountry

    country = pycountry.countries.get(alpha_3=code)
    return None if country is None else str(country.numeric)


def is_known(code: str) -> bool:
    """Whether a code is one of a present country or of the rest of the world."""
    return code in country_names()


@cache
def suggest(code: str) -> tuple[str, ...]:
    """Likely codes for one that is unknown: its successors, the country of that name, or lookalikes.

    Examples
    --------
    >>> suggest("ROM"), suggest("Germany"), suggest("usa")
    (('ROU',), ('DEU',), ('USA',))
    """
    text = str(code).strip()
    upper = text.upper()
    if upper in RETIRED_CODES:
        return RETIRED_CODES[upper][0]
    if is_known(upper):
        return (upper,)
    by_name = {name.casefold(): iso for iso, name in country_names().items()}
    if text.casefold() in by_name:
        return (by_name[text.casefold()],)
    if len(text) != 3 and (found := _spellings().get(plain_text(text)) or _by_name(text)):
        return (found,)
    if len(text) > 3:
        names = difflib.get_close_matches(text.casefold(), by_name, n=3, cutoff=0.7)
        return tuple(by_name[name] for name in names)
    return tuple(difflib.get_close_matches(upper, country_names(), n=3, cutoff=0.6))


#: Abbreviations that are in no standard.
_HABITS = {"uk": "GBR", "eeuu": "USA", "ee uu": "USA", "eua": "USA", "uae": "ARE", "rok": "KOR", "prc": "CHN"}

#: Languages in which customs offices write countries' names.
_NAME_LANGUAGES = ("en", "es", "fr", "pt", "de", "it", "nl")


@cache
def _spellings() -> dict[str, str]:
    """Codes by everything a country is called exactly: codes of two and three letters, numbers, names in languages."""
    import pycountry
    from babel import Locale

    spellings: dict[str, str] = {}
    for language in _NAME_LANGUAGES:
        territories = Locale(language).territories
        for country in pycountry.countries:
            if country.alpha_2 in territories:
                spellings.setdefault(plain_text(territories[country.alpha_2]), country.alpha_3)
    for country in pycountry.countries:
        for kind in ("alpha_2", "alpha_3", "numeric", "name", "official_name", "common_name"):
            if text := getattr(country, kind, None):
                spellings[plain_text(text)] = country.alpha_3
        spellings[str(int(country.numeric))] = country.alpha_3
    spellings |= {plain_text(name): code for code, name in country_names().items()}
    return spellings | {code.casefold(): code for code in country_names()} | _HABITS


def plain_text(text: str) -> str:
    """Text without case, accents, punctuation and doubled spaces, for comparison."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(
        "".join(c if c.isalnum() else " " for c in letters if not unicodedata.combining(c)).split()
    )


def read_country(text: str) -> tuple[str | None, str | None]:
    """Code of a country however it was written, and the rule that was needed.

    Returns
    -------
    tuple
        The code, None where it is unknown; and ``country.retired`` (one successor), ``country.split`` (several: the
        first is taken), ``country.unknown``, or None for a code or a name in a language of `_NAME_LANGUAGES`.

    Examples
    --------
    >>> read_country("Alemania"), read_country("276"), read_country("ROM"), read_country("Wakanda")
    (('DEU', None), ('DEU', None), ('ROU', 'country.retired'), (None, 'country.unknown'))
    """
    upper = text.strip().upper()
    if upper in RETIRED_CODES and upper not in country_names():
        successors = RETIRED_CODES[upper][0]
        return successors[0], "country.retired" if len(successors) == 1 else "country.split"
    plain = plain_text(text)
    if plain in _spellings():
        return _spellings()[plain], None
    if len(plain) > 3 and not plain.isdigit() and (found := _by_name(text.strip()[:80])):
        return found, None
    return None, "country.unknown"


def closest_text(text: str, known: Iterable[str]) -> list[str]:
    """Up to three of the known texts that look like the given one."""
    return difflib.get_close_matches(text, list(known), n=3, cutoff=0.5)


def explain_unknown(code: str) -> str:
    """One sentence on a code that is unknown or retired, with what to use instead."""
    likely = suggest(code)
    upper = str(code).strip().upper()
    if upper in RETIRED_CODES:
        return f"{upper} is retired ({RETIRED_CODES[upper][1]}): use {' or '.join(likely)}."
    hint = f" Did you mean {' or '.join(likely)}?" if likely else ""
    return f"{str(code)[:40]!r} is not a country code.{hint}"


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """What countries' names look like, in many spellings: the expressions of country_converter, compiled once."""
    import country_converter

    table = country_converter.CountryConverter().data
    rows = zip(table["regex"], table["ISO3"], strict=True)
    return tuple((re.compile(text, re.IGNORECASE), code) for text, code in rows if is_known(str(code)))


def _by_name(text: str) -> str | None:
    """Code of the one country that a name looks like."""
    found = {code for pattern, code in _patterns() if pattern.search(text)}
    return found.pop() if len(found) == 1 else None


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


def common_language(countries: Sequence[str]) -> NDArray[np.bool_]:
    """Whether two countries share an official language, (N, N); false on the diagonal."""
    spoken = [official_languages(code) for code in countries]
    shared = np.array([[bool(a & b) for b in spoken] for a in spoken])
    np.fill_diagonal(shared, False)
    return shared
