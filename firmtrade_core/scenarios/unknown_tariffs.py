"""What a policy on tariffs meets where nobody knows them: nothing there can be lifted, and the reader is told for whom."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.codes.countries import country_name
from firmtrade_core.labels import number
from firmtrade_core.scenarios import schema
from firmtrade_core.scenarios.atlas import Atlas, some
from firmtrade_core.scenarios.errors import ScenarioError
from firmtrade_core.scenarios.fields import EVERYTHING
from firmtrade_core.world.world import World

Array = NDArray[np.float64]


@singledispatch
def levels_reach(card: schema.Card, atlas: Atlas) -> Array | None:
    """Share of each cell whose tariff a card sets from, or in proportion to, what it was, (N, N, S); None for none."""
    return None


@levels_reach.register
def _(card: schema.Tariff, atlas: Atlas) -> Array | None:
    if card.method == "add" and card.value >= 0:
        return None
    return atlas.cells(
        atlas.countries(card.exporters, card.except_exporters),
        atlas.countries(card.importers, card.except_importers),
        atlas.sectors(card.sectors, card.except_sectors),
    )


@levels_reach.register(schema.FreeTradeArea)
@levels_reach.register(schema.CustomsUnion)
def _(card: schema.FreeTradeArea | schema.CustomsUnion, atlas: Atlas) -> Array | None:
    members = atlas.countries(card.members)
    return atlas.cells(members, members, atlas.sectors(card.sectors, card.except_sectors))


def unknown_note(card: schema.AnyCard, atlas: Atlas) -> str:
    """Where a card finds no tariff to lift, for whom, and how much trade that is; "" where it finds all.

    Raises
    ------
    ScenarioError
        If the card does not fit the world.
    """
    world = atlas.world
    if not world.tariff_unknown.any() or (reach := levels_reach(card, atlas)) is None:
        return ""
    covered = reach * world.border_value
    blank = covered * world.tariff_unknown
    if not blank.any():
        return ""
    share = (
        f"{number(float(100 * blank.sum() / covered.sum()), significant=2)}\u202f% of the trade it is about"
    )
    raised = isinstance(card, schema.Tariff) and card.method == "set" and card.value > 0
    done = "the new rate counts in full" if raised else "nothing could be lifted there"
    return f"Tariffs of and on {_whose(card, atlas, blank)} are unknown and counted as 0 ({share}): {done}."


def unknown_notes(scenario: schema.Scenario, world: World) -> tuple[str, ...]:
    """`unknown_note` of every policy of a scenario, each once; none for a card that does not fit."""
    return tuple(dict.fromkeys(_notes(scenario, Atlas(world)))) if world.tariff_unknown.any() else ()


def _notes(scenario: schema.Scenario, atlas: Atlas) -> Iterator[str]:
    for card in scenario.active_cards:
        try:
            if note := unknown_note(card, atlas):
                yield note
        except ScenarioError:
            continue


def _whose(card: schema.AnyCard, atlas: Atlas, blank: Array) -> str:
    """The few countries that all of these cells have to do with; with what of them a card names, where it names a part."""
    world, left = atlas.world, blank.sum(2)
    lost: list[int] = []
    while left.any():
        lost.append(int((left.sum(0) + left.sum(1)).argmax()))
        left[lost[-1]] = left[:, lost[-1]] = 0.0
    if 2 * len(lost) > len(world.countries):
        return "this trade"
    words = []
    for i in lost:
        label, parts = world.countries[i], atlas.country_parts[i]
        name = country_name(label)
        name = f"the {name[0].lower()}{name[1:]}" if len(parts) > 1 else name
        named = _named(card, atlas) & parts
        if len(parts) > 1 and named and named != parts:
            hidden = sorted(country_name(part) for part in named)
            name += f" (with {some(hidden)})"
        words.append(name)
    return some(words)


def _named(card: schema.AnyCard, atlas: Atlas) -> frozenset[str]:
    """Parts that a card names, on either side; empty where it names all."""
    if isinstance(card, schema.FreeTradeArea | schema.CustomsUnion):
        sides = [card.members]
    else:
        sides = [getattr(card, "exporters", ()), getattr(card, "importers", ())]
    return atlas.parts([name for side in sides for name in side if name != EVERYTHING])
