"""The same world in several years: a table of flows with a column for the year, world files in a folder, or one file."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from firmtrade_core.codes.sectors import BROAD_SECTORS, FINER_SECTORS
from firmtrade_core.world.errors import WorldError, WorldFileError
from firmtrade_core.world.files import LARGEST_META
from firmtrade_core.world.tables import SUFFIXES, read_table
from firmtrade_core.world.world import Provenance, World


@dataclass(frozen=True, eq=False)
class WorldYears:
    """Years of data and the world of each, read when asked for.

    Make one with `open_years`.

    Parameters
    ----------
    name
    files
        World file by year; empty for a table.
    table
        Flows of all years, as `World.from_long` takes them; None for files.
    """

    name: str
    files: Mapping[int, Path] = field(default_factory=dict)
    table: pd.DataFrame | None = None

    @property
    def years(self) -> tuple[int, ...]:
        """Years that can be had, in order."""
        if self.table is None:
            return tuple(sorted(self.files))
        return tuple(sorted(int(year) for year in self.table["year"].unique()))

    def world(self, year: int) -> World:
        """The world of a year; cells without a row are zero.

        Raises
        ------
        WorldError
            If there is no such year, or it makes no world.
        """
        if year not in self.years:
            raise WorldError(f"{self.name} has no year {year}; it has {', '.join(map(str, self.years))}.")
        if self.table is None:
            return World.load(self.files[year])
        names = BROAD_SECTORS | FINER_SECTORS
        # A table without sectors is refused in words where the world is built.
        told = map(str, self.table["sector"].unique()) if "sector" in self.table else ()
        return World.from_long(
            self.table,
            year=year,
            codes="any",
            missing="zero",
            sector_names={code: names[code] for code in told if code in names},
            provenance=Provenance(source=self.name),
            name=self.name,
        )


def open_years(path: str | Path) -> WorldYears:
    """Years of data at a path: a world file, a folder of them, or a table of flows with a column ``year``.

    Parameters
    ----------
    path
        Tables end in .parquet, .csv, .tsv or .dta, and have the columns that `World.from_long` takes.

    Raises
    ------
    WorldError
        If nothing there has a year, or two files are of the same one.
    """
    path = Path(path)
    if path.is_dir():
        return WorldYears(path.name, _by_year(sorted(path.glob("*.world")), path))
    if path.suffix.lower() in SUFFIXES:
        return years_of_table(read_table(path), path.stem)
    return WorldYears(path.stem, _by_year([path], path))


def years_of_table(table: pd.DataFrame, name: str) -> WorldYears:
    """Years of data in one table of flows.

    Raises
    ------
    WorldFileError
        If it has no column ``year``, or rows without one, or with what is no year.
    """
    if "year" not in table:
        raise WorldFileError(f"{name} has no column year; a single year is read with `world build`.")
    years = pd.to_numeric(table["year"], errors="coerce").to_numpy(float)
    if not np.isfinite(years).all():
        raise WorldFileError(f"{name} has {int((~np.isfinite(years)).sum())} rows without a year.")
    if odd := int(((years != np.round(years)) | (years < 1) | (years > 9999)).sum()):
        raise WorldFileError(f"{name} has {odd} rows whose year is none between 1 and 9999.")
    return WorldYears(name, table=table.assign(year=years.astype(int)))


def _by_year(paths: list[Path], place: Path) -> dict[int, Path]:
    found: dict[int, Path] = {}
    for path in paths:
        year = _year(path)
        if year in found:
            raise WorldFileError(f"{path.name} and {found[year].name} are both of {year}; keep one of them.")
        found[year] = path
    if not found:
        raise WorldFileError(f"{place} holds no file that ends in .world.")
    return found


def _year(path: Path) -> int:
    """Year of a world file, from its description alone; zero where none is stated."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("meta.json").file_size > LARGEST_META:
                raise WorldFileError(f"{path.name} has too long a description and is refused.")
            return int(json.loads(archive.read("meta.json"))["provenance"]["year"] or 0)
    except OSError as error:
        raise WorldFileError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        raise WorldFileError(f"{path.name} is no world file.") from error
