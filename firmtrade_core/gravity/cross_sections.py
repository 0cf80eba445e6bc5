"""Cross-sections of a world panel: what distance, borders and languages do to trade, year by year."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from firmtrade_core.codes.sectors import broad_sector, is_goods
from firmtrade_core.gravity.estimate import estimate
from firmtrade_core.gravity.geography import with_geography
from firmtrade_core.gravity.panel import GravityPanel
from firmtrade_core.gravity.specification import GravitySpecification
from firmtrade_core.paths import write_whole
from firmtrade_core.world.tables import numbers, read_table

ALL_GOODS = "all goods"

GEOGRAPHY_EQUATION = GravitySpecification(
    ("log(dist)", "contiguity", "language", "border"), ("exporter_year", "importer_year")
)

COLUMNS = ("sector", "year", "term", "estimate", "std_error", "low", "high", "observations")


def broad_goods(world_panel: Path) -> pd.DataFrame:
    """Expenditure on goods by broad sector, and on all together: exporter, importer, sector, year, trade."""
    columns = ["year", "exporter", "importer", "sector", "expenditure_musd"]
    table = read_table(world_panel, columns=columns)
    codes = {str(c): broad_sector(str(c)) for c in table["sector"].unique() if is_goods(str(c))}
    table = table[table["sector"].astype(str).isin(codes)]
    folded = table.assign(
        sector=table["sector"].astype(str).map(codes),
        trade=numbers(table, "expenditure_musd", world_panel.name),
    )
    keys = ["exporter", "importer", "sector", "year"]
    by_sector = folded.groupby(keys, observed=True, as_index=False)["trade"].sum()
    total = folded.groupby([keys[0], keys[1], keys[3]], observed=True, as_index=False)["trade"].sum()
    return pd.concat([by_sector, total.assign(sector=ALL_GOODS)], ignore_index=True)


def estimate_years(
    table: pd.DataFrame,
    *,
    specification: GravitySpecification = GEOGRAPHY_EQUATION,
    progress: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> pd.DataFrame:
    """One equation per sector and year.

    Parameters
    ----------
    table
        As `broad_goods` returns; our own `geography` is added.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, a row per sector, year and term.
    """
    panel = with_geography(GravityPanel.from_table(table, flow_values="consumer"), unknown="leave")
    cells = [(sector, year) for sector in panel.sectors for year in panel.years]
    found = []
    for done, (sector, year) in enumerate(cells, 1):
        result = estimate(panel.only(sectors=[sector], years=[year]), specification)
        found.append(result.table().assign(sector=sector, year=year, observations=result.observations))
        progress(f"{sector} {year}", done, len(cells))
    return pd.concat(found, ignore_index=True)[list(COLUMNS)]


def write_years(table: pd.DataFrame, path: Path, description: Mapping[str, str]) -> None:
    """Write estimates with their description at the head."""
    head = "".join(f"# {key}: {words}\n" for key, words in description.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, head + table.to_csv(index=False, float_format="%.5g"))


def read_years(path: Path) -> tuple[pd.DataFrame, dict[str, str]]:
    """Stored estimates and their description."""
    lines = path.read_text(encoding="utf-8").splitlines()
    head = dict(line[1:].strip().split(": ", 1) for line in lines if line.startswith("#") and ": " in line)
    return pd.read_csv(path, comment="#").astype({"year": np.int64}), head
