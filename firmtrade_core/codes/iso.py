"""Codes and names of the standard (ISO 3166-1 alpha-3), with ``ROW`` for the rest of the world and ``XKX`` for Kosovo."""

from __future__ import annotations

import unicodedata
from functools import cache

from firmtrade_core.paths import asset, read_rows

REST_OF_WORLD = "ROW"


#: Names as readers know them, where the standard's own are longer or unfamiliar.
READERS_NAMES = {row["country"]: row["name"] for row in read_rows(asset("codes/readers_names.csv"))}


@cache
def country_names() -> dict[str, str]:
    """Plain English names of all countries by code, ``ROW`` included."""
    import pycountry

    names = {
        country.alpha_3: getattr(country, "common_name", country.name) for country in pycountry.countries
    }
    return dict(sorted((names | READERS_NAMES).items(), key=lambda item: item[1]))


def is_known(code: str) -> bool:
    """Whether a code is one of a present country or of the rest of the world."""
    return code in country_names()


def plain_text(text: str) -> str:
    """Text without case, accents, punctuation and doubled spaces, for comparison."""
    # The Turkish i without a dot is what capitals of both kinds become in other languages' lower case.
    letters = unicodedata.normalize("NFKD", text.casefold().replace("ı", "i"))
    return " ".join(
        "".join(c if c.isalnum() else " " for c in letters if not unicodedata.combining(c)).split()
    )
