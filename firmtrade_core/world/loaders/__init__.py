"""Loaders of published data sets, by name.

Each module reads one public format from the files as their publishers issue them and returns a `World`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import pandas as pd

from firmtrade_core.codes.artefacts import is_blank
from firmtrade_core.paths import asset, read_rows
from firmtrade_core.world.accounts import closest
from firmtrade_core.world.columns import said_of
from firmtrade_core.world.errors import ColumnError, UnknownCodeError, WorldError
from firmtrade_core.world.tables import require_columns
from firmtrade_core.world.world import World


@dataclass(frozen=True)
class Loader:
    """A published data set that can be read.

    Parameters
    ----------
    module
        Where its ``load`` function lives.
    title, files, origin
        What it is, which files it comes in, and where the public finds them.
    """

    module: str
    title: str
    files: str
    origin: str


LOADERS = {row.pop("key"): Loader(**row) for row in read_rows(asset("records/loaders.csv"))}

#: Tables that lie beside a published file, and their columns.
_BESIDE = {
    "tariffs": ("exporter", "importer", "sector", "tariff"),
    "output": ("country", "sector", "output_musd"),
    "concordance": ("product", "sector"),
    "sectors": ("sector", "group"),
}


def load(name: str, path: str | Path, **options: Any) -> World:
    """Read a published data set.

    Parameters
    ----------
    name
        One of `LOADERS`.
    path
        The file as published.
    **options
        What the loader takes; see its module. Here ``sectors`` may be a table, too (columns sector, group). What was skipped in
        the tables beside the file, and their columns without a use, are told among the world's changes.

    Raises
    ------
    UnknownCodeError
        If there is no loader of that name.
    WorldError
        If the file is not of the format, or an option is unknown or missing.
    """
    key = name.strip().lower().replace("_", "-")
    if key not in LOADERS:
        alike = closest(key, LOADERS) or list(LOADERS)
        raise UnknownCodeError(f"There is no loader {name!r}. Choose {' or '.join(alike)}.")
    said: list[str] = []
    for role, used in _BESIDE.items():
        if isinstance(table := options.get(role), pd.DataFrame):
            said += said_of(table, used, f"The table of {role}")
    if isinstance(folds := options.get("sectors"), pd.DataFrame):
        require_columns(folds, _BESIDE["sectors"], "The table of sectors")
        pairs = (folds[column].astype(str) for column in _BESIDE["sectors"])
        options["sectors"] = _folds(*pairs)
    module = import_module(f"{__name__}.{LOADERS[key].module}")
    try:
        signature(module.load).bind(path, **options)
    except TypeError as error:
        raise WorldError(f"The loader {key}: {error}.") from error
    world: World = module.load(path, **options)
    if not said:
        return world
    source = world.provenance
    return world.with_(provenance=replace(source, changes=(*source.changes, *said)))


def _folds(sectors: pd.Series, groups: pd.Series) -> dict[str, str]:
    """Group of each sector.

    Raises
    ------
    ColumnError
        If a sector has no group, or two.
    """
    found: dict[str, str] = {}
    for sector, group in zip(sectors.str.strip(), groups.str.strip(), strict=True):
        if not sector and not group:
            continue
        if not sector or is_blank(group):
            raise ColumnError(
                f"The table of sectors leaves {sector or group} without a {'group' if sector else 'sector'}: fill it in."
            )
        if found.setdefault(sector, group) != group:
            raise ColumnError(
                f"The table of sectors puts {sector} into {found[sector]} and {group}: keep one."
            )
    return found
