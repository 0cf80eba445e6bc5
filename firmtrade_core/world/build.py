"""Building a world from a tidy table of flows, with clear refusals and stated repairs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.codes.iso import is_known
from firmtrade_core.codes.place_lists import na_in_doubt, other_list
from firmtrade_core.codes.places import explain_unknown, is_world, mended, read_place_in
from firmtrade_core.codes.sectors import is_goods, sector_totals
from firmtrade_core.labels import grouped
from firmtrade_core.labels.units import in_percent
from firmtrade_core.world.accounts import Provenance
from firmtrade_core.world.balance import close_input_rows
from firmtrade_core.world.columns import ROLE, unused_columns
from firmtrade_core.world.errors import (
    ColumnError,
    DuplicateCellError,
    EmptyMarketError,
    MissingPairsError,
    NegativeValueError,
    TariffError,
    UnknownCodeError,
    WorldError,
)
from firmtrade_core.world.joins import MOST_NAMED, named, without_home_sales, without_partner
from firmtrade_core.world.odd_units import (
    importers_in_percent,
    percent_words,
    scale_words,
    sellers_out_of_scale,
    true_or_false,
)
from firmtrade_core.world.tables import labels, numbers, require_columns

Array = NDArray[np.float64]

TariffUnit = Literal["check", "fraction", "percent"]
Missing = Literal["refuse", "zero"]
CodeRule = Literal["check", "repair", "any"]
ValueBasis = Literal["consumer", "border"]

#: More cells than any published table has; a mistaken column would ask for far more memory.
LARGEST_CELLS = 200_000_000


def fields_from_long(
    flows: pd.DataFrame,
    inputs: pd.DataFrame | None = None,
    *,
    year: int | None = None,
    tariff_unit: TariffUnit = "check",
    missing: Missing = "refuse",
    codes: CodeRule = "check",
    value: ValueBasis = "consumer",
    goods: Collection[str] | None = None,
    sector_names: Mapping[str, str] | None = None,
    close_inputs: bool = False,
    insist: bool = False,
    provenance: Provenance | None = None,
    name: str = "world",
) -> dict[str, Any]:
    """What a world of a tidy table is made of, by field; see `World.from_long` for the parameters.

    Parameters
    ----------
    flows, inputs
        Tidy tables.
    year, tariff_unit, missing, codes, value, goods, sector_names, close_inputs, insist, provenance, name
        As `World.from_long`.

    Raises
    ------
    WorldError
        One of its subclasses, naming the row, cell, country or column and what to do.
    EmptyMarketError
        If no row is left.
    TariffError
        If rates are in percent, or no rates.
    """
    repairs: list[str] = []
    table, year = _one_year(flows, year)
    where = "The table of flows"
    require_columns(table, ("exporter", "importer", "sector", "expenditure_musd", "tariff"), where)
    if table.empty:
        raise EmptyMarketError(f"{where} has no rows.")
    repairs += [str(note) for note in flows.attrs.get("notes", ())]
    if left := unused_columns(table.columns, ROLE):
        repairs.append(left)
    table = without_totals(table, codes, repairs)
    exporter, importer = (_countries(table, c, where, codes, repairs, year) for c in ("exporter", "importer"))
    countries = tuple(sorted(set(exporter.cat.categories) | set(importer.cat.categories)))
    sector = labels(table, "sector", where)
    sectors = tuple(dict.fromkeys(sector.astype(str)))
    cells = _Cells(countries, sectors, exporter, importer, sector)
    cells.refuse_duplicates()
    spending = numbers(table, "expenditure_musd", where)
    cells.refuse_negative(spending)
    table, known = _known_tariffs(table)
    if true_or_false(flows[next(c for c in flows.columns if str(c).strip() == "tariff")]):
        raise TariffError(
            "The tariff column holds true and false, which are no rates. Give rates, 0.10 for ten percent."
        )
    rates = _fractions(table, "tariff", tariff_unit, repairs)
    if not insist:
        # Who says that they are fractions has insisted already.
        if tariff_unit != "fraction" and (
            odd := importers_in_percent(importer.astype(str), sector, np.where(known, rates, np.nan))
        ):
            raise TariffError(percent_words(odd))
        if out := sellers_out_of_scale(exporter.astype(str), importer.astype(str), spending):
            raise WorldError(scale_words(out))
    tariff = cells.fill(rates)
    subsidy = (
        cells.fill(_fractions(table, "subsidy", tariff_unit, repairs))
        if "subsidy" in table
        else np.zeros_like(tariff)
    )
    expenditure = cells.fill(spending)
    cells.complete(missing, repairs, expenditure)
    cells.refuse_silent_sectors(expenditure)
    if value == "border":
        if (tariff <= -1).any():
            raise TariffError("A tariff of -100 % or less cannot turn border values into consumer values.")
        expenditure = expenditure * (1 + tariff)
        repairs.append("Border values turned into consumer values by adding the tariffs.")
    if not known.all():
        share = spending[~known].sum() / spending.sum() if spending.sum() > 0 else 0.0
        repairs.append(
            f"{grouped(int((~known).sum()))} tariffs are missing, on {100 * share:.2g} % of expenditure: they are unknown, and "
            "counted as 0."
        )
    purchases = None if inputs is None else _purchases(inputs, cells, codes, repairs, year)
    if purchases is not None and close_inputs:
        purchases = _closed(purchases, expenditure, cells, repairs)
    source = provenance or Provenance(source="a table of the user's own")
    return dict(
        countries=cells.countries,
        sectors=cells.sectors,
        expenditure=expenditure,
        tariff=tariff,
        tariff_known=cells.fill((~known).astype(float)) == 0,
        tariffs_stated=tariff_unit != "check",
        subsidy=subsidy,
        inputs=purchases,
        goods=_goods_flags(cells.sectors, goods),
        sector_names=dict(sector_names or {}),
        provenance=replace(source, year=source.year or year, changes=(*source.changes, *repairs)),
        name=name,
    )


def closed_inputs_change(
    world_inputs: Array, expenditure: Array, countries: tuple[str, ...]
) -> tuple[Array, str]:
    """Input tables closed by `close_input_rows`, and the change in plain words; "" if none was needed."""
    closing = close_input_rows(world_inputs, expenditure.sum(0), countries=countries)
    if not closing.rows_scaled:
        return closing.inputs, ""
    return closing.inputs, (
        f"Input rows scaled, value-added shares kept, until every final demand is at least 1 % of expenditure: "
        f"{closing.negative_before} final demands were negative, {closing.rows_scaled} rows shrank, by "
        f"{100 * closing.largest_change:.2g} % at most ({countries[closing.largest_change_at[0]]})."
    )


def _closed(purchases: Array, expenditure: Array, cells: _Cells, repairs: list[str]) -> Array:
    closed, change = closed_inputs_change(purchases, expenditure, cells.countries)
    if change:
        repairs.append(change)
    return closed


def _one_year(flows: pd.DataFrame, year: int | None) -> tuple[pd.DataFrame, int | None]:
    table = flows.rename(columns=lambda column: str(column).strip())
    if "year" not in table:
        return table, year
    years = sorted(int(y) for y in np.unique(numbers(table, "year", "The table of flows")))
    if year is None and len(years) > 1:
        raise WorldError(
            f"The table holds the years {years[0]} to {years[-1]}. Choose one with year={years[-1]}."
        )
    chosen = years[-1] if year is None else year
    if chosen not in years:
        raise WorldError(f"The table has no year {chosen}; it holds {', '.join(map(str, years))}.")
    return table[table["year"].astype(int) == chosen].reset_index(drop=True), chosen


def totals(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Rows whose exporter or importer is a total, a group or a partner that the source does not tell."""
    met = np.zeros(len(table), dtype=bool)
    sides = [table[column].astype(str).str.strip() for column in ("exporter", "importer")]
    # A group with sales at home is an economy of the table, not a total of others'.
    own = {label for label in sides[0][sides[0] == sides[1]].unique() if not is_world(label)}
    for column in ("exporter", "importer"):
        text = table[column].astype(str).str.strip()
        aside = [label for label in text.unique() if mended(label)[0] is None and label not in own]
        met |= text.isin(aside).to_numpy(bool)
    return met


def without_totals(table: pd.DataFrame, rule: CodeRule, repairs: list[str]) -> pd.DataFrame:
    """The table without rows of `totals`, where labels are mended; what goes is stated with its value.

    Raises
    ------
    UnknownCodeError
        If partners are numbers of another list than ISO's, of which some are ISO numbers of other countries by chance.
    EmptyMarketError
        If all rows are totals.
    """
    if rule == "any":
        return table
    partners = pd.concat([table["exporter"], table["importer"]]).astype(str).unique()
    if (other := other_list(partners)) is not None:
        raise UnknownCodeError(f"{other.sentence} In a table of flows, write ISO codes in their stead.")
    if doubt := na_in_doubt(partners):
        raise UnknownCodeError(doubt)
    table = _without_total_sectors(table, rule, repairs)
    met = totals(table) if rule == "repair" else np.zeros(len(table), dtype=bool)
    if met.any():
        gone = table[met]
        spent = pd.to_numeric(table["expenditure_musd"], errors="coerce").fillna(0.0)
        who = sorted(
            {str(c) for side in ("exporter", "importer") for c in gone[side] if mended(str(c))[0] is None}
        )
        repairs.append(
            f"{grouped(int(met.sum()))} rows left out whose partner is a total or is not told ({', '.join(who[:6])}"
            f"{f' and {len(who) - 6} more' if len(who) > 6 else ''}): {grouped(spent[met].sum(), '.6g')} of {grouped(spent.sum(), '.6g')} million USD."
        )
        table = table[~met].reset_index(drop=True)
        if table.empty:
            raise EmptyMarketError("Every row of the table of flows is a total; none is left.")
    return table


def _without_total_sectors(table: pd.DataFrame, rule: CodeRule, repairs: list[str]) -> pd.DataFrame:
    """The table without sectors that add the others up: refused where labels are checked, left out where they are mended."""
    gone = sector_totals(table["sector"].astype(str).str.strip().unique())
    if not gone:
        return table
    said = f"{' and '.join(map(repr, gone))} stands beside the sectors that it adds up: their trade would count twice"
    if rule == "check":
        raise UnknownCodeError(
            f'{said}. Leave its rows out, or pass codes="repair" to have them left out, or codes="any" if it is a sector of its own.'
        )
    repairs.append(f"{said}; its rows are left out.")
    return table[~table["sector"].astype(str).str.strip().isin(gone)].reset_index(drop=True)


def _countries(
    table: pd.DataFrame, column: str, where: str, rule: CodeRule, repairs: list[str], year: int | None
) -> pd.Series:
    """Country codes of a column, checked by the rule; repairs are noted."""
    found = labels(table, column, where)
    if rule == "any":
        return found
    renamed = {code: code.upper() for code in found.cat.categories}
    for code, upper in renamed.items():
        if is_known(upper):
            continue
        label, note = mended(code, year)
        if rule != "repair" or label is None or read_place_in(code, year).kind in ("unknown", "ambiguous"):
            raise UnknownCodeError(_unknown_codes(found, rule))
        renamed[code] = label
        if note not in repairs:
            repairs.append(note)
    return found.map(renamed).astype("category")


def _unknown_codes(found: pd.Series, rule: CodeRule) -> str:
    unknown = [code for code in found.cat.categories if not is_known(code.upper())]
    message = " ".join(explain_unknown(code) for code in unknown[:5])
    if len(unknown) > 5:
        message += f" And {len(unknown) - 5} more."
    if rule == "check":
        message += ' Pass codes="repair" to rename what is clear, or codes="any" to keep labels of your own.'
    return message


def _known_tariffs(table: pd.DataFrame) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """The table with 0 for empty tariffs, and which were given; home sales pay none, given or not."""
    empty = table["tariff"].isna() | (table["tariff"].astype("string").str.strip() == "").fillna(False)
    missing = empty.to_numpy(dtype=bool)
    home = (table["exporter"].astype(str) == table["importer"].astype(str)).to_numpy(dtype=bool)
    return table.assign(
        tariff=table["tariff"].mask(missing, 0.0)
    ) if missing.any() else table, ~missing | home


def _fractions(table: pd.DataFrame, column: str, unit: TariffUnit, repairs: list[str]) -> Array:
    values = numbers(table, column, "The table of flows")
    if unit == "percent":
        note = "Tariffs and subsidies given in percent, divided by 100."
        if note not in repairs:
            repairs.append(note)
        return values / 100
    if unit == "check" and column == "tariff" and len(values) and values.min() >= 1:
        raise TariffError(
            f"Every tariff is at least 1 (the lowest is {values.min():g}): these look like 1 + t. Subtract 1, so that "
            '0.10 is ten percent; if they are truly that high, pass tariff_unit="fraction".'
        )
    return values


@dataclass
class _Cells:
    """Which row of a table fills which cell of a world."""

    countries: tuple[str, ...]
    sectors: tuple[str, ...]
    exporter: pd.Series
    importer: pd.Series
    sector: pd.Series
    positions: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        n, s = len(self.countries), len(self.sectors)
        if n * n * s > LARGEST_CELLS:
            raise WorldError(
                f"{grouped(n)} countries and {grouped(s)} sectors make {grouped(n * n * s)} cells, too many. Aggregate the table first, or "
                "check that the right columns are called exporter, importer and sector."
            )
        origin, destination = (_index(c, self.countries) for c in (self.exporter, self.importer))
        self.positions = (origin * n + destination) * s + _index(self.sector, self.sectors)

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self.countries), len(self.countries), len(self.sectors)

    def name(self, position: int) -> str:
        i, j, s = np.unravel_index(position, self.shape)
        return f"{self.countries[i]} to {self.countries[j]}, sector {self.sectors[s]}"

    def fill(self, values: Array) -> Array:
        array = np.zeros(self.shape)
        array.ravel()[self.positions] = values
        return array

    def refuse_duplicates(self) -> None:
        repeated = pd.Series(self.positions).duplicated().to_numpy()
        if repeated.any():
            second = int(repeated.argmax())
            first = int((self.positions == self.positions[second]).argmax())
            raise DuplicateCellError(
                f"{self.name(self.positions[second])} appears more than once (rows {first + 1} and {second + 1}); "
                f"{grouped(int(repeated.sum()))} rows repeat a cell. Keep one of each, or add them up (two codes may mean one country)."
            )

    def refuse_negative(self, values: Array) -> None:
        if (values < 0).any():
            row = int(values.argmin())
            raise NegativeValueError(
                f"{grouped(int((values < 0).sum()))} flows are negative; the lowest is {self.name(self.positions[row])} (row "
                f"{row + 1}): {grouped(values[row], '.6g')} million USD. Flows must be zero or more."
            )

    def complete(self, rule: Missing, repairs: list[str], expenditure: Array) -> None:
        """Refuse or note the cells without a row; a home market is never one of them in silence."""
        present = np.zeros(self.shape, dtype=bool)
        present.ravel()[self.positions] = True
        n = len(self.countries)
        if not present[np.arange(n), np.arange(n)].any():
            raise MissingPairsError(
                "The table holds no domestic sales (exporter = importer). Add each country's sales at home: output "
                "less exports."
            )
        absent = int((~present).sum())
        if not absent:
            repairs += without_partner(self.countries, expenditure)
            return
        whole, parts = without_home_sales(self.countries, self.sectors, present, expenditure)
        if whole:
            raise MissingPairsError(
                f"No sales at home (rows with exporter = importer) are recorded for {named(whole)}, counted by what they sell "
                "abroad. A home market is not a mere missing row: add it, output less exports (0 where there is none), or leave "
                "these economies out."
            )
        if rule == "refuse":
            first = int((~present).ravel().argmax())
            pairs = int((~present.any(2)).sum())
            raise MissingPairsError(
                f"{grouped(absent)} cells are missing, {grouped(pairs)} pairs of countries altogether; the first is "
                f'{self.name(first)}. Complete the table, or pass missing="zero" if the source leaves out zeros.'
            )
        repairs.append(
            f"{grouped(absent)} missing cells ({in_percent(absent / present.size)} of all) read as zero."
        )
        if parts:
            repairs.append(
                f"Sales at home without a row, read as zero, in sectors that are exported: {named(parts)}, counted by exports."
            )
        repairs += without_partner(self.countries, expenditure)

    def refuse_silent_sectors(self, expenditure: Array) -> None:
        silent = [s for s, total in zip(self.sectors, expenditure.sum((0, 1)), strict=True) if not total > 0]
        if silent:
            raise EmptyMarketError(
                f"Nobody buys anything of: {', '.join(silent[:10])}. Leave out these sectors."
            )


def _index(values: pd.Series, order: tuple[str, ...]) -> NDArray[np.int64]:
    place = {label: i for i, label in enumerate(order)}
    lookup = np.array([place[c] for c in values.cat.categories], dtype=np.int64)
    return lookup[values.cat.codes.to_numpy()]


def _purchases(
    inputs: pd.DataFrame, cells: _Cells, rule: CodeRule, repairs: list[str], year: int | None
) -> Array:
    """Z from a tidy table with columns country, input, user, value_musd."""
    where = "The table of inputs"
    table = inputs.rename(columns=lambda column: str(column).strip())
    require_columns(table, ("country", "input", "user", "value_musd"), where)
    country = _countries(table, "country", where, rule, repairs, year)
    values = numbers(table, "value_musd", where)
    n, s = len(cells.countries), len(cells.sectors)
    axes = {"country": (country, cells.countries)}
    axes |= {c: (labels(table, c, where), cells.sectors) for c in ("input", "user")}
    for what, (column, known) in axes.items():
        strange = sorted(set(column.cat.categories) - set(known))
        if strange:
            raise UnknownCodeError(
                f"{where} names {what} {strange[0]!r}, which the table of flows does not have."
            )
    at = [_index(column, known) for column, known in axes.values()]
    positions = (at[0] * s + at[1]) * s + at[2]
    repeated = pd.Series(positions).duplicated().to_numpy()
    if repeated.any():
        row = int(repeated.argmax())
        raise DuplicateCellError(
            f"{where} repeats a cell in row {row + 1}. Keep one of each, or add them up."
        )
    purchases = np.zeros(n * s * s)
    np.add.at(purchases, positions, values)
    empty = n * s * s - len(np.unique(positions))
    if empty:
        repairs.append(f"{grouped(empty)} input cells without a row read as zero.")
    bought = np.bincount(at[0], minlength=n)
    if none := [c for c, rows in zip(cells.countries, bought, strict=True) if not rows]:
        repairs.append(
            f"No row of inputs, so production by labour alone: {', '.join(none[:MOST_NAMED])}"
            f"{f' and {len(none) - MOST_NAMED} more' if len(none) > MOST_NAMED else ''}."
        )
    return purchases.reshape(n, s, s)


def _goods_flags(sectors: tuple[str, ...], goods: Collection[str] | None) -> NDArray[np.bool_]:
    if goods is None:
        return np.array([is_goods(sector) for sector in sectors])
    strange = sorted(set(goods) - set(sectors))
    if strange:
        raise UnknownCodeError(f"goods names the sector {strange[0]!r}, which the table does not have.")
    if not goods:
        raise ColumnError("goods is empty: name at least one goods sector, or leave it out.")
    return np.array([sector in goods for sector in sectors])
