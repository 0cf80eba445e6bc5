"""Panels of bilateral trade, checked before they are trusted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.codes.places import is_world
from firmtrade_core.codes.sectors import sector_totals
from firmtrade_core.gravity.errors import (
    DuplicateObservationsError,
    FlowError,
    GapError,
    RegressorError,
    TariffUnitError,
    TooFewCountriesError,
)
from firmtrade_core.labels import grouped
from firmtrade_core.labels.units import in_percent
from firmtrade_core.world.tables import labels, numbers, read_table, require_columns

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Gaps = Literal["refuse", "leave", "zero"]

#: How tariffs are written: as fractions, refused if they look like percent; as fractions however high; in percent.
TariffUnit = Literal["check", "fraction", "percent"]

#: A mean tariff this high, where one is paid, means that percent were given for fractions; single rates may be higher. The
#: highest of the world's averages is 1.26.
PERCENT_SUSPECT = 1.5

#: Columns that identify an observation.
KEYS = ("exporter", "importer", "sector", "year")


@dataclass(frozen=True, eq=False)
class GravityPanel:
    """Bilateral flows with whatever explains them, one row per exporter, importer, sector and year.

    Build it with `from_table` or `load_world_panel`, which check it.

    Parameters
    ----------
    table
        Columns exporter, importer, sector (categories), year (integer), trade (zero or more), and regressors.
    flow_values : {"consumer", "border"}
        Whether flows include the importer's tariff: X or V of MODEL 1.
    notes
        What was found and repaired, in plain words with counts.
    """

    table: pd.DataFrame
    flow_values: Literal["consumer", "border"] = "border"
    notes: tuple[str, ...] = ()

    @classmethod
    def from_table(
        cls,
        table: pd.DataFrame,
        *,
        flow: str = "trade",
        flow_values: Literal["consumer", "border"] = "border",
        tariff: str | None = None,
        tariff_unit: TariffUnit = "check",
        gaps: Gaps = "refuse",
    ) -> GravityPanel:
        """Check a tidy table and make it a panel.

        Parameters
        ----------
        table
            Columns exporter, importer and the flow; year and sector where there are several; others are kept.
        flow
            Column of flows; called ``trade`` from here on.
        flow_values
            Whether the flows include tariffs (consumer values) or not (border values).
        tariff
            Column of ad valorem tariffs, if there is one; called ``tariff`` from here on.
        tariff_unit
            ``check``: fractions, refused where their mean by flow over the rows that pay one says that they are percent;
            ``fraction``: fractions however high; ``percent``.
        gaps
            What to do where a pair is missing in a year: refuse, leave it out, or enter a zero flow (pair
            variables are then taken from the pair's other years).

        Raises
        ------
        GravityError
            One of its subclasses, with counts.
        """
        require_columns(table, ["exporter", "importer", flow, *([tariff] if tariff else [])], "The panel")
        _refuse_currencies(table)
        table, said = _without_world(table, flow)
        kept = {c: table[c] for c in table.columns if c not in (*KEYS, flow, tariff)}
        clean = pd.DataFrame(
            {
                "exporter": labels(table, "exporter", "The panel"),
                "importer": labels(table, "importer", "The panel"),
                "sector": labels(table, "sector", "The panel")
                if "sector" in table
                else pd.Categorical(["all"] * len(table)),
                "year": numbers(table, "year", "The panel").astype(int) if "year" in table else 0,
                "trade": _flows(table, flow),
                **({"tariff": _tariffs(table, tariff, tariff_unit, flow)} if tariff else {}),
                **kept,
            }
        ).reset_index(drop=True)
        _require_countries(clean)
        _refuse_duplicates(clean)
        return cls(clean, flow_values, said)._with_gaps(gaps)._with_note_on_empty_pairs()

    def _with_gaps(self, gaps: Gaps) -> GravityPanel:
        missing = self._missing_cells()
        if len(missing) == 0 or gaps == "leave":
            note = (f"{grouped(len(missing))} pair-years are missing and left out.",) if len(missing) else ()
            return replace(self, notes=self.notes + note)
        first = ", ".join(
            str(missing[key].iloc[0]) for key in KEYS if missing[key].nunique() or key != "sector"
        )
        if gaps == "refuse":
            raise GapError(
                f"{grouped(len(missing))} of {grouped(len(missing) + len(self.table))} pair-years are missing, the first {first}. "
                'Complete the table, or pass gaps="zero" (no trade) or gaps="leave" (unknown).'
            )
        return self._filled(missing)

    def _missing_cells(self) -> pd.DataFrame:
        """Cells of pairs x sectors x years that have no row; domestic ones only where there are any."""
        frame = self.table
        axes = [frame[key].unique() for key in ("exporter", "importer", "sector", "year")]
        domestic = self.domestic.any()
        full = int(np.prod([len(axis) for axis in axes]))
        if not domestic:
            full -= len(set(axes[0]) & set(axes[1])) * len(axes[2]) * len(axes[3])
        if full == len(frame):
            return frame.iloc[:0]
        cells = pd.MultiIndex.from_product([[*map(str, a)] for a in axes[:3]] + [axes[3]], names=KEYS)
        present = pd.MultiIndex.from_arrays(
            [frame[k].astype(str) if k != "year" else frame[k] for k in KEYS], names=KEYS
        )
        missing = cells.difference(present, sort=False).to_frame(index=False)
        return missing if domestic else missing[missing["exporter"] != missing["importer"]]

    def _filled(self, missing: pd.DataFrame) -> GravityPanel:
        """The panel with zero flows in missing cells."""
        covariates = [c for c in self.table.columns if c not in (*KEYS, "trade")]
        pairs = self.table.groupby(["exporter", "importer"], observed=True)[covariates]
        varying = [str(c) for c, moves in (pairs.nunique() > 1).any().items() if moves] if covariates else []
        if varying:
            raise GapError(
                f"{grouped(len(missing))} pair-years are missing, and {', '.join(varying)} change over time, so they cannot "
                "be filled in. Complete the table."
            )
        added = missing.assign(trade=0.0)
        if covariates:
            first = pairs.first().reset_index()
            first = first.astype({"exporter": str, "importer": str})
            added = added.merge(first, on=["exporter", "importer"], how="left")
        table = pd.concat([self.table.astype({k: str for k in KEYS[:3]}), added], ignore_index=True)
        table = table.astype({k: "category" for k in KEYS[:3]})
        return replace(
            self, table=table, notes=(*self.notes, f"{grouped(len(missing))} missing pair-years set to zero.")
        )

    def _with_note_on_empty_pairs(self) -> GravityPanel:
        cell = self.code("pair", "sector")
        total = np.bincount(cell, weights=self.table["trade"])
        empty = int((total == 0).sum())
        if not empty:
            return self
        note = f"{grouped(empty)} of {grouped(len(total))} pairs (by sector) never trade; pair effects leave them out."
        return replace(self, notes=(*self.notes, note))

    # Reading -------------------------------------------------------------------------------------

    @property
    def sectors(self) -> tuple[str, ...]:
        """Sectors present, in order; ``("all",)`` where there is one unnamed."""
        return tuple(str(s) for s in self.table["sector"].cat.categories)

    @property
    def years(self) -> tuple[int, ...]:
        """Years present, in order."""
        return tuple(int(y) for y in np.unique(self.table["year"]))

    @cached_property
    def countries(self) -> tuple[str, ...]:
        """Countries that appear as exporter or importer, in order."""
        return tuple(
            sorted({*map(str, self.table["exporter"].unique()), *map(str, self.table["importer"].unique())})
        )

    @cached_property
    def domestic(self) -> NDArray[np.bool_]:
        """Which rows are a country's sales at home."""
        exporter, importer = self._country_codes
        same: NDArray[np.bool_] = exporter == importer
        return same

    @cached_property
    def _country_codes(self) -> tuple[Integers, Integers]:
        positions = {c: i for i, c in enumerate(self.countries)}

        def codes(column: str) -> Integers:
            categories = [positions.get(str(c), -1) for c in self.table[column].cat.categories]
            return np.array(categories, dtype=np.int64)[self.table[column].cat.codes.to_numpy()]

        return codes("exporter"), codes("importer")

    def code(self, *parts: str) -> Integers:
        """Integer labels of the groups that share all the named parts, from 0 without gaps, (rows,).

        Parameters
        ----------
        *parts
            Of exporter, importer, year, sector, pair (exporter and importer), symmetric_pair (either way round),
            or any column of the table.
        """
        key = np.zeros(len(self.table), dtype=np.int64)
        for part in parts:
            values = self._part(part)
            key = np.unique(key * (int(values.max(initial=0)) + 1) + values, return_inverse=True)[1]
        return key

    def _part(self, part: str) -> Integers:
        exporter, importer = self._country_codes
        n = len(self.countries)
        own: dict[str, Integers] = {
            "exporter": exporter,
            "importer": importer,
            "pair": exporter * n + importer,
            "symmetric_pair": np.minimum(exporter, importer) * n + np.maximum(exporter, importer),
            "sector": self.table["sector"].cat.codes.to_numpy().astype(np.int64),
        }
        if part in own:
            return own[part]
        if part not in self.table:
            raise RegressorError(f"The panel has no column {part!r} to group by.")
        return np.unique(self.table[part].to_numpy(), return_inverse=True)[1].astype(np.int64)

    def only(
        self, *, sectors: Collection[str] | None = None, years: Sequence[int] | None = None
    ) -> GravityPanel:
        """The rows of some sectors and years.

        Raises
        ------
        RegressorError
            Naming sectors or years that the panel lacks.
        """
        keep = np.ones(len(self.table), dtype=bool)
        for what, asked, there in (("sector", sectors, self.sectors), ("year", years, self.years)):
            if asked is None:
                continue
            unknown = [str(a) for a in asked if a not in there]
            if unknown:
                raise RegressorError(
                    f"The panel has no {what} {', '.join(unknown)}; it has {', '.join(map(str, there))}."
                )
            keep &= self.table[what].isin(list(asked)).to_numpy()
        table = self.table[keep].reset_index(drop=True)
        table["sector"] = table["sector"].cat.remove_unused_categories()
        return replace(self, table=table)


def load_world_panel(
    path: str | Path, sectors: Sequence[str] | None = None, *, tariff_unit: TariffUnit = "check"
) -> GravityPanel:
    """Read a panel in the form of the world's flows: year, exporter, importer, sector, expenditure_musd, tariff.

    Expenditure is at consumer prices: it includes the tariff (MODEL 1, X). Whether tariffs are percent is judged over all
    sectors of the file: one sector's may be several hundred percent.
    """
    path = Path(path)
    if tariff_unit == "check" and sectors is not None:
        check_tariffs_of_world_panel(path)
        tariff_unit = "fraction"
    return GravityPanel.from_table(
        _world_table(path, sectors),
        flow="expenditure_musd",
        flow_values="consumer",
        tariff="tariff",
        tariff_unit=tariff_unit,
    )


def check_tariffs_of_world_panel(path: str | Path) -> None:
    """Refuse a file whose tariffs, all sectors together, look like percent.

    Raises
    ------
    TariffUnitError
    """
    _tariffs(read_table(path, columns=["tariff", "expenditure_musd"]), "tariff", "check", "expenditure_musd")


def sectors_of_world_panel(path: str | Path) -> tuple[str, ...]:
    """Sectors of such a file, in order."""
    return tuple(sorted({str(s) for s in read_table(path, columns=["sector"])["sector"].unique()}))


#: Columns of a table of the world's flows.
WORLD_COLUMNS = ("year", "exporter", "importer", "sector", "expenditure_musd", "tariff")


def _world_table(path: Path, sectors: Sequence[str] | None) -> pd.DataFrame:
    columns = list(WORLD_COLUMNS)
    if sectors is None or path.suffix != ".parquet":
        table = read_table(path, columns=columns)
        return table if sectors is None else table[table["sector"].isin(list(sectors))]
    from pyarrow import parquet

    # One sector of a large file at a time keeps each worker small.
    selected = parquet.read_table(path, columns=columns, filters=[("sector", "in", list(sectors))])
    return selected.to_pandas(ignore_metadata=True)


def _flows(table: pd.DataFrame, flow: str) -> Array:
    values = numbers(table, flow, "The panel")
    if (values < 0).any():
        raise FlowError(
            f"{grouped(int((values < 0).sum()))} of {grouped(len(values))} flows are negative, the lowest {values.min():g}; "
            "mend the source."
        )
    if not (values > 0).any():
        raise FlowError(f"All {grouped(len(values))} flows are zero.")
    return values


def _tariffs(table: pd.DataFrame, tariff: str, unit: TariffUnit, flow: str) -> Array:
    values = numbers(table, tariff, "The panel") / (100.0 if unit == "percent" else 1.0)
    if unit == "check":
        flows = numbers(table, flow, "The panel")
        paying = (values > 0) & (flows > 0)
        mean = float(np.average(values[paying], weights=flows[paying])) if paying.any() else 0.0
        if mean > PERCENT_SUSPECT:
            raise TariffUnitError(
                f"Tariffs average {grouped(mean, '.3g')} where one is paid (the highest {values.max():g}, {grouped(int((values > PERCENT_SUSPECT).sum()))} "
                f'of {grouped(len(values))} above {in_percent(PERCENT_SUSPECT)}): these look like percent. Pass tariff_unit="percent" if they are, or '
                'tariff_unit="fraction" if they are truly that high.'
            )
    if (values <= -1).any():
        raise TariffUnitError(f"{grouped(int((values <= -1).sum()))} tariffs are -100 % or lower.")
    return values


def _refuse_currencies(table: pd.DataFrame) -> None:
    """Refuse flows in several currencies: their sizes say nothing of trade."""
    if (
        "currency" in table
        and (met := sorted({str(c).strip() for c in table["currency"].dropna()} - {""}))[1:]
    ):
        raise FlowError(
            f"The column currency tells several ({', '.join(met[:6])}): turn the flows into one, as "
            "`world.money.in_million_dollars` does, or leave the column out if they are in one already."
        )


def _without_world(table: pd.DataFrame, flow: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The table without rows whose exporter or importer is the world as a whole or whose sector adds the others up, and notes."""
    notes = tuple(str(note) for note in table.attrs.get("notes", ()))
    met = np.zeros(len(table), dtype=bool)
    for column in ("exporter", "importer"):
        text = table[column].astype(str).str.strip()
        met |= text.isin([label for label in text.unique() if is_world(label)]).to_numpy(bool)
    if "sector" in table:
        sector = table["sector"].astype(str).str.strip()
        met |= sector.isin(sector_totals(sector.unique())).to_numpy(bool)
    if not met.any() or met.all():
        return table, notes
    traded = pd.to_numeric(table[flow], errors="coerce").fillna(0.0)
    said = (
        f"{grouped(int(met.sum()))} rows of totals (the world, all sectors) left out, {100 * traded[met].sum() / max(traded.sum(), 1e-300):.2g} % of the "
        "flows in the file: they would count twice."
    )
    return table[~met].reset_index(drop=True), (*notes, said)


def _require_countries(frame: pd.DataFrame) -> None:
    exporters, importers = frame["exporter"].nunique(), frame["importer"].nunique()
    if min(exporters, importers) < 2:
        raise TooFewCountriesError(
            f"The panel has {exporters} exporter{'s' * (exporters != 1)} and {importers} "
            f"importer{'s' * (importers != 1)}: trade is compared across countries, so at least two of each are needed."
        )


def _refuse_duplicates(frame: pd.DataFrame) -> None:
    # Integer keys: ten times faster than comparing labels on millions of rows.
    key = np.zeros(len(frame), dtype=np.int64)
    for column in KEYS:
        codes = (
            frame[column].cat.codes.to_numpy().astype(np.int64)
            if column != "year"
            else frame["year"].to_numpy() - int(frame["year"].min())
        )
        key = key * (int(codes.max(initial=0)) + 1) + codes
    repeated = pd.Series(key).duplicated().to_numpy()
    if repeated.any():
        row = frame.iloc[int(repeated.argmax())]
        cell = ", ".join(str(row[k]) for k in KEYS)
        raise DuplicateObservationsError(
            f"{grouped(int(repeated.sum()))} rows repeat an exporter, importer, sector and year, the first {cell}. "
            "Keep one row of each, or add them up."
        )
