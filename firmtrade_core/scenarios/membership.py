"""Who is in a group, as a world tells its countries apart."""

from __future__ import annotations

from dataclasses import dataclass

from firmtrade_core.codes.countries import country_name
from firmtrade_core.codes.groups import group_label, group_members, group_names
from firmtrade_core.scenarios import fields
from firmtrade_core.scenarios.atlas import Atlas
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


def groups_of(country: str) -> tuple[str, ...]:
    """Keys of the groups that a country belongs to."""
    return tuple(name for name in group_names() if country in group_members(name))


def _names(codes: list[str]) -> tuple[str, ...]:
    return tuple(sorted(country_name(code) for code in codes))
