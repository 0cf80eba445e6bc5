"""Which scenario a session opens with: the one that FIRMTRADE_OPENING names, else the newest policy in force that ships."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from firmtrade_core.scenarios.compile import compile
from firmtrade_core.scenarios.errors import ScenarioError
from firmtrade_core.scenarios.presets import load_preset, preset_names
from firmtrade_core.scenarios.schedules import dated_tables
from firmtrade_core.scenarios.schema import Scenario, Tariff, TariffSchedule
from firmtrade_core.world.world import World

#: Names a shipped scenario, or a scenario file (YAML).
VARIABLE = "FIRMTRADE_OPENING"

#: Points on all goods by the country looked at, where the shipped policies are not of that world.
TEN_POINTS = 0.10


@cache
def newest_in_force() -> str:
    """Name of the shipped scenario that is one dated table at its newest regime.

    Raises
    ------
    ScenarioError
        If none is shipped.
    """
    newest = {name: table.regimes[-1].since for name, table in dated_tables().items()}
    for name in preset_names():
        cards = load_preset(name).cards
        card = cards[0] if len(cards) == 1 else None
        if isinstance(card, TariffSchedule) and card.table is not None and card.day == newest[card.table]:
            return name
    raise ScenarioError("No policy in force ships with this copy.")


def named_opening() -> Scenario | None:
    """The scenario that FIRMTRADE_OPENING names; None where it is unset.

    Raises
    ------
    ScenarioError
        If it is neither a shipped scenario nor a file that can be read.
    """
    name = os.environ.get(VARIABLE, "").strip()
    if not name:
        return None
    if name in preset_names():
        return load_preset(name)
    path = Path(name).expanduser()
    if not path.is_file():
        raise ScenarioError(
            f"{VARIABLE} names {name!r}: no shipped scenario and no file. Name one of the two."
        )
    try:
        return Scenario.from_yaml(path.read_bytes())
    except (OSError, ScenarioError) as error:
        raise ScenarioError(f"{VARIABLE} names {name!r}, which cannot be read: {error}") from error


def opening(world: World, country: str) -> Scenario:
    """The scenario a session opens with on a world: the named one, else `usual_opening`.

    Raises
    ------
    ScenarioError
        If FIRMTRADE_OPENING names what cannot be read.
    """
    return named_opening() or usual_opening(world, country)


def usual_opening(world: World, country: str) -> Scenario:
    """The newest policy in force where it is this country's; else ten points on all its goods imports.

    Parameters
    ----------
    world
    country
        ISO code of the country looked at first.
    """
    newest = load_preset(newest_in_force())
    card = newest.cards[0]
    if isinstance(card, TariffSchedule) and card.importers == (country,):
        try:
            compile(newest, world)
            return newest
        except ScenarioError:
            pass  # another list of sectors: what follows asks for none
    return Scenario(
        name="Own scenario", cards=(Tariff(importers=(country,), method="add", value=TEN_POINTS),)
    )
