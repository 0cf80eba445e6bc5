"""Which firms are in use where nobody says: those that FIRMTRADE_HOME names, else the synthetic ones shipped."""

from __future__ import annotations

import os
from pathlib import Path

from firmtrade_core.home.home import HomeFirms
from firmtrade_core.margins import FirmsError
from firmtrade_core.paths import asset
from firmtrade_core.world.world import World

#: Names a file of home firms; ``none`` goes without.
VARIABLE = "FIRMTRADE_HOME"

WITHOUT = "none"


def shipped_file() -> Path:
    """The synthetic home country that `make home` writes."""
    return asset("home.parquet")


def named_file() -> Path | None:
    """The file that FIRMTRADE_HOME names; None where it is unset or ``none``."""
    name = os.environ.get(VARIABLE, "").strip()
    return Path(name).expanduser() if name and name.lower() != WITHOUT else None


def goes_without() -> bool:
    """Whether FIRMTRADE_HOME says that no firms are wanted."""
    return os.environ.get(VARIABLE, "").strip().lower() == WITHOUT


def fits(home: HomeFirms, world: World) -> bool:
    """Whether a world has the firms' country and all their sectors."""
    return home.country in world.countries and bool((home.sector_of(world) >= 0).all())


def default_home(world: World) -> HomeFirms | None:
    """The firms in use on a world.

    A file that is named is taken as it is; the shipped synthetic firms only where the world has their country and
    sectors.

    Raises
    ------
    FirmsError
        If the file that is named cannot be read.
    """
    named = named_file()
    if named is not None:
        if not named.is_file():
            raise FirmsError(f"{VARIABLE} names {named}, which cannot be read. Name a file, or none.")
        return HomeFirms.load(named)
    if goes_without() or not shipped_file().is_file():
        return None
    shipped = HomeFirms.load(shipped_file())
    return shipped if fits(shipped, world) else None
