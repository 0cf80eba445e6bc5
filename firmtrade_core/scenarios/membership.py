"""Who is in a group, as a world tells its countries apart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from firmtrade_core.codes.countries import REST_OF_WORLD, country_name
from firmtrade_core.codes.groups import group_label, group_members, group_names
from firmtrade_core.scenarios import fields
from firmtrade_core.scenarios.atlas import Atlas, parts_of_countries
from firmtrade_core.world.world import World


@dataclass(frozen=True)
class Membership:
    """A group's members in a world.

    Parameters
    ----------
    group, label
        Key in scenarios, and name on screen.
    listed
        Members that the world lists by themselves, by name.
    in_rest
        Members that are part of the rest of the world, by name; policies reach them in proportion.
    absent
        Members that are nowhere in this world.
    """

    group: str
    label: str
    listed: tuple[str, ...]
    in_rest: tuple[str, ...]
    absent: tuple[str, ...]

    @property
    def usable(self) -> bool:
        """Whether a policy on the group reaches anyone here."""
        return bool(self.listed or self.in_rest)

    def sentence(self) -> str:
        """Who is in it, in full, for a help text."""
        parts = [f"{self.label}: {fields.listed(self.listed)}."] if self.listed else [f"{self.label}."]
        if self.in_rest:
            parts.append(
                f"Part of the rest of the world, reached in proportion: {fields.listed(self.in_rest)}."
            )
        if self.absent:
            parts.append(f"Not in this world: {fields.listed(self.absent)}.")
        return " ".join(parts)


def who_is_in(group: str, world: World) -> Membership:
    """Members of a group in a world.

    Raises
    ------
    KeyError
        Naming the groups that look alike.
    """
    members = group_members(group)
    present = frozenset().union(*Atlas(world).country_parts)
    here = [code for code in members if code in world.countries]
    in_rest = [code for code in members if code in present and code not in here]
    absent = [code for code in members if code not in present]
    return Membership(group, group_label(group), _names(here), _names(in_rest), _names(absent))


def groups_here(world: World) -> tuple[Membership, ...]:
    """All groups with at least one member in the world, in the order in which lists show them."""
    return tuple(found for name in group_names() if (found := who_is_in(name, world)).usable)


def holder(code: str, world: World) -> str | None:
    """Which country of a world an economy is told in: itself, the rest of the world, or none."""
    if code in world.countries:
        return code
    if REST_OF_WORLD in world.countries and code in _inside(world.countries):
        return REST_OF_WORLD
    return None


def economies_inside_rest(world: World) -> tuple[str, ...]:
    """Codes of the economies that a world tells in the rest of the world only, by name."""
    return tuple(sorted(_inside(world.countries), key=country_name))


@cache
def _inside(countries: tuple[str, ...]) -> frozenset[str]:
    if REST_OF_WORLD not in countries:
        return frozenset()
    return parts_of_countries(countries)[countries.index(REST_OF_WORLD)] - {REST_OF_WORLD}


def place_words(code: str, world: World) -> str:
    """An economy as lists offer it; one that is inside the rest of the world says so, with its code.

    Examples
    --------
    "Germany", "Kenya (KEN, rest of the world)"
    """
    name = country_name(code)
    return name if holder(code, world) == code else f"{name} ({code}, rest of the world)"


def groups_of(country: str) -> tuple[str, ...]:
    """Keys of the groups that a country belongs to."""
    return tuple(name for name in group_names() if country in group_members(name))


def _names(codes: list[str]) -> tuple[str, ...]:
    return tuple(sorted(country_name(code) for code in codes))
