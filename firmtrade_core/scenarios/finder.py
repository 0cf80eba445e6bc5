"""What a reader may look for in one box: economies by any of their names, products, policies, and whatever else is given.

Economies answer to all labels of `codes.places` (present and former names in several languages, codes); states that are no
more lead to the economy that holds their seat. Products are words of the Harmonised System
(``assets/codes/product_words.csv``, our own table) and lead to the sector of the world in which they fall.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from firmtrade_core.codes.chapters import broad_sector_of_product
from firmtrade_core.codes.countries import country_name
from firmtrade_core.codes.iso import plain_text
from firmtrade_core.codes.places import PRESENT, place_labels
from firmtrade_core.codes.sectors import BROAD_SECTORS
from firmtrade_core.paths import asset, read_rows
from firmtrade_core.scenarios.atlas import parts_of_sector
from firmtrade_core.scenarios.membership import economies_inside_rest, holder
from firmtrade_core.scenarios.presets import load_preset, preset_names
from firmtrade_core.world.world import World

Kind = Literal["place", "product", "policy", "kind", "page", "term"]


@dataclass(frozen=True)
class Found:
    """One thing that can be found.

    Parameters
    ----------
    kind
    target
        Code of an economy, codes of sectors joined by ``|``, name of a preset, kind of card or page.
    label
        As lists show it.
    note
        What it is or where it is told, in a few words.
    words
        Plain text of everything it answers to (`plain_text`), its label first.
    """

    kind: Kind
    target: str
    label: str
    note: str
    words: tuple[str, ...]


def findable(world: World) -> tuple[Found, ...]:
    """Economies, products and policies that a world knows, in this order; economies by name."""
    return _findable(world.countries, world.sectors, tuple(world.sector_name(code) for code in world.sectors))


@cache
def _findable(
    countries: tuple[str, ...], sectors: tuple[str, ...], names: tuple[str, ...]
) -> tuple[Found, ...]:
    named = dict(zip(sectors, names, strict=True))
    return (*_places(countries), *_former(countries), *_products(named), *_policies())


def search(text: str, among: Iterable[Found], most: int = 8) -> list[Found]:
    """What answers to a text best, best first: whole words before beginnings before parts.

    The box on the page ranks by the same rule (``assets/search.js``).

    Parameters
    ----------
    text
        As typed; case, accents and punctuation do not count.
    among
    most
        How many at most.
    """
    wanted = plain_text(text)
    if not wanted:
        return []
    ranked = [(rank, place, item) for place, item in enumerate(among) if (rank := _rank(wanted, item.words))]
    return [item for _, _, item in sorted(ranked, key=lambda found: (-found[0], found[1]))[:most]]


def _rank(wanted: str, words: tuple[str, ...]) -> int:
    """4 for a whole label, 3 for its beginning, 2 for the beginning of a word in it, 1 for a part of it, 0 for none.

    Short texts count from the beginning of words on.
    """
    best = 0
    for label in words:
        if label == wanted:
            return 4
        if label.startswith(wanted):
            best = max(best, 3)
        elif f" {wanted}" in label:
            best = max(best, 2)
        elif len(wanted) >= 4 and wanted in label:
            best = max(best, 1)
    return best


# Economies --------------------------------------------------------------------------------------


class _World:
    """As much of a world as `membership` asks of one."""

    def __init__(self, countries: tuple[str, ...]) -> None:
        self.countries = countries


def _places(countries: tuple[str, ...]) -> list[Found]:
    world: World = _World(countries)  # type: ignore[assignment]
    by_code: dict[str, list[str]] = {}
    for label, place in place_labels().items():
        if place.kind in PRESENT and place.code and not label.isdigit():
            by_code.setdefault(place.code, []).append(label)
    found = []
    for code in (*sorted(countries, key=country_name), *economies_inside_rest(world)):
        name = country_name(code)
        inside = code not in countries
        found.append(
            Found(
                "place",
                code,
                name,
                f"{code}, told in the rest of the world" if inside else code,
                tuple(dict.fromkeys((plain_text(name), plain_text(code), *by_code.get(code, ())))),
            )
        )
    return found


def _former(countries: tuple[str, ...]) -> list[Found]:
    """States that are no more lead to where their seat is told."""
    world: World = _World(countries)  # type: ignore[assignment]
    by_code: dict[str, list[str]] = {}
    stories: dict[str, tuple[str, str]] = {}
    for label, place in place_labels().items():
        if place.kind in ("former", "composite") and place.code and place.seat and not label.isdigit():
            by_code.setdefault(place.code, []).append(label)
            stories[place.code] = (place.seat, place.story)
    found = []
    for code, labels in by_code.items():
        seat, story = stories[code]
        if holder(seat, world) is None:
            continue
        told = story[0].upper() + story[1:]
        found.append(
            Found("place", seat, country_name(seat), f"{told}: see {country_name(seat)}", tuple(labels))
        )
    return found


# Products ---------------------------------------------------------------------------------------


@cache
def product_words() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Chapters and headings of the Harmonised System with the words that people say for them."""
    return tuple(
        (row["code"], tuple(row["words"].split("|"))) for row in read_rows(asset("codes/product_words.csv"))
    )


def sectors_of_product(code: str, sectors: Iterable[str]) -> tuple[str, ...]:
    """Which of a world's sectors hold a product: its broad sector, or all finer ones in it.

    Parameters
    ----------
    code
        Of the Harmonised System, two digits or more.
    sectors
        Codes of a world's sectors.
    """
    broad = broad_sector_of_product(code)
    if broad is None:
        return ()
    sectors = tuple(sectors)
    if broad in sectors:
        return (broad,)
    whole = parts_of_sector(broad) or frozenset()
    return tuple(name for name in sectors if (parts := parts_of_sector(name)) and parts <= whole)


def _products(named: dict[str, str]) -> list[Found]:
    found = []
    for code, words in product_words():
        inside = sectors_of_product(code, named)
        if not inside:
            continue
        broad = broad_sector_of_product(code) or ""
        sector = named[inside[0]] if len(inside) == 1 else BROAD_SECTORS[broad]
        label = words[0][0].upper() + words[0][1:]
        plain = tuple(plain_text(word) for word in words)
        hs = f"hs {code}"
        found.append(Found("product", "|".join(inside), label, f"HS {code}, in {sector}", (*plain, code, hs)))
    return found


# Policies ---------------------------------------------------------------------------------------


def _policies() -> list[Found]:
    found = []
    for name in preset_names():
        scenario = load_preset(name)
        note = re.split(r"(?<=\w{3}[.;:])\s", scenario.description, maxsplit=1)[0].rstrip(":;")
        words = (plain_text(scenario.name), plain_text(name), plain_text(scenario.description))
        found.append(Found("policy", name, scenario.name, note, words))
    return found
