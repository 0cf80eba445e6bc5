"""Countries, places, products, sectors, currencies and units of quantity, however they are written."""

from typing import TYPE_CHECKING

from firmtrade_core.public import on_demand

if TYPE_CHECKING:
    from firmtrade_core.codes.countries import common_language, contiguity, country_name, distances
    from firmtrade_core.codes.currencies import ExchangeRates, read_currency
    from firmtrade_core.codes.places import Place, place_name, read_country, read_place
    from firmtrade_core.codes.sectors import broad_sector, is_goods, sector_words

__all__ = [
    "ExchangeRates",
    "Place",
    "broad_sector",
    "common_language",
    "contiguity",
    "country_name",
    "distances",
    "is_goods",
    "place_name",
    "read_country",
    "read_currency",
    "read_place",
    "sector_words",
]

__getattr__ = on_demand(
    __name__,
    {
        "ExchangeRates": "currencies",
        "Place": "places",
        "broad_sector": "sectors",
        "common_language": "countries",
        "contiguity": "countries",
        "country_name": "countries",
        "distances": "countries",
        "is_goods": "sectors",
        "place_name": "places",
        "read_country": "places",
        "read_currency": "currencies",
        "read_place": "places",
        "sector_words": "sectors",
    },
)
