"""Groups of countries that policies are written for.

From country_converter where it has them (EU, OECD, G7, G20, APEC). The others are our own table of members:
ASEAN (2025, with Timor-Leste), Mercosur (2024, Bolivia in, Venezuela suspended), CPTPP (2024, with the United
Kingdom), RCEP (2022), AfCFTA (signatories, 2024: the African Union without Eritrea), BRICS (2025), USMCA (2020), EFTA,
GCC, and the World Bank's income groups of its fiscal year 2025 (July 2024).
"""

from __future__ import annotations

from functools import cache

from firmtrade_core.codes.countries import country_names
from firmtrade_core.codes.iso import plain_text
from firmtrade_core.paths import asset, read_rows

#: Label, words within a sentence, other names, and members or the name of country_converter's column, by key.
_GROUPS = {row["key"]: row for row in read_rows(asset("codes/groups.csv"))}


def group_names() -> tuple[str, ...]:
    """Keys of all groups, in the order in which lists show them."""
    return tuple(_GROUPS)


def group_label(name: str) -> str:
    """What a group is called on screen."""
    return _GROUPS[_key(name)]["label"]


def spoken_group(name: str) -> str:
    """What a group is called within a sentence: ``the Gulf states``."""
    return _GROUPS[_key(name)]["spoken"]


def group_of(name: str) -> str | None:
    """Key of the group that a text names, by key, label or customary name in any case; None where it names none.

    Examples
    --------
    >>> group_of("eu"), group_of("European Union"), group_of("UE"), group_of("Europe")
    ('EU', 'EU', 'EU', None)
    """
    return _by_name().get(plain_text(str(name)))


@cache
def _by_name() -> dict[str, str]:
    names = {
        plain_text(name): key for key, group in _GROUPS.items() for name in group["also"].split("|") if name
    }
    for key, label in ((key, group["label"]) for key, group in _GROUPS.items()):
        names |= {plain_text(key): key, plain_text(label): key, plain_text(label.split(" (")[0]): key}
    return names


def group_members(name: str) -> tuple[str, ...]:
    """Codes of a group's members, sorted; the name in any case.

    Raises
    ------
    KeyError
        Naming the groups there are.
    """
    return _members(_key(name))


def _key(name: str) -> str:
    key = group_of(name)
    if key is None:
        raise KeyError(f"There is no group {str(name)[:40]!r}. Choose {' or '.join(_GROUPS)}.")
    return key


@cache
def _members(key: str) -> tuple[str, ...]:
    if members := _GROUPS[key]["members"]:
        return tuple(sorted(members.split()))
    import country_converter

    table = country_converter.CountryConverter().data
    codes = table.loc[table[_GROUPS[key]["converter"]].notna(), "ISO3"]
    return tuple(sorted(code for code in codes if code in country_names()))
