"""A world: its accounts, built from tables, read from files and written to them (MODEL 1)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from firmtrade_core.world.accounts import Accounts, Provenance
from firmtrade_core.world.build import fields_from_long
from firmtrade_core.world.files import load_accounts, save_accounts

__all__ = ["Provenance", "World"]


@dataclass(frozen=True, eq=False)
class World(Accounts):
    """Labelled, immutable, validated accounts of the world economy: `Accounts`, which tells its fields, and how one comes by them."""

    @classmethod
    def from_long(
        cls,
        flows: pd.DataFrame,
        inputs: pd.DataFrame | None = None,
        *,
        year: int | None = None,
        tariff_unit: Literal["check", "fraction", "percent"] = "check",
        missing: Literal["refuse", "zero"] = "refuse",
        codes: Literal["check", "repair", "any"] = "check",
        value: Literal["consumer", "border"] = "consumer",
        goods: Collection[str] | None = None,
        sector_names: Mapping[str, str] | None = None,
        close_inputs: bool = False,
        insist: bool = False,
        provenance: Provenance | None = None,
        name: str = "world",
    ) -> World:
        """Build a world from a tidy table, one row per exporter, importer and sector.

        Parameters
        ----------
        flows
            Columns exporter, importer, sector, expenditure_musd and tariff; subsidy and year if there are any.
            Domestic sales are the rows with exporter = importer.
        inputs
            Columns country, input, user and value_musd (consumer prices).
        year
            Which year to take where the table holds several.
        tariff_unit
            ``check``: fractions (0.10), refused where they look like percent or like 1 + t; ``fraction``: fractions however
            high; ``percent``: 10 is ten percent.
        missing
            What to do about cells without a row.
        codes
            ``check`` refuses unknown and retired country codes, suggesting the likely ones; ``repair`` renames
            those with one clear successor; ``any`` keeps labels of your own.
        value
            Whether expenditure includes the tariff (``consumer``) or not (``border``).
        goods
            Sectors that are goods; by default all but those that are services by name or ISIC code.
        close_inputs
            Scale input rows until every final demand is positive (`balance.close_input_rows`).
        insist
            Take one country's tariffs and values as they stand, although they look like another unit than the others'
            (`odd_units`).
        provenance
            Its ``changes`` receive every repair made here.

        Raises
        ------
        WorldError
            One of its subclasses, naming the row, cell, country or column and what to do.
        """
        return cls(
            **fields_from_long(
                flows,
                inputs,
                year=year,
                tariff_unit=tariff_unit,
                missing=missing,
                codes=codes,
                value=value,
                goods=goods,
                sector_names=sector_names,
                close_inputs=close_inputs,
                insist=insist,
                provenance=provenance,
                name=name,
            )
        )

    def save(self, path: str | Path, *, digits: int | None = None) -> Path:
        """Write a world file; see `firmtrade_core.world.files.save_accounts`."""
        return save_accounts(self, path, digits=digits)

    @classmethod
    def load(cls, path: str | Path) -> World:
        """Read a world file; see `firmtrade_core.world.files.load_accounts`."""
        return load_accounts(path, cls)
