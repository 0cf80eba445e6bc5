"""Tables to take away, each carrying its units and where its numbers come from.

Texts that a spreadsheet would run as a formula are written so that it shows them instead: names of countries, sectors
and scenarios may come from strangers.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from firmtrade_core.analysis.budget import budgets
from firmtrade_core.analysis.comparison import Comparison
from firmtrade_core.analysis.diversion import diversion
from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium.states import abroad
from firmtrade_core.labels import (
    DEFINITIONS,
    ROW_UNIT,
    VARIABLES,
    Column,
    Unit,
    UnitError,
    columns_of,
    grouped,
    in_powers,
    registered,
    unit,
)
from firmtrade_core.scenarios import Scenario
from firmtrade_core.scenarios.assumptions import assumed
from firmtrade_core.scenarios.results import write_results
from firmtrade_core.words.scenario import describe
from firmtrade_core.world.world import Provenance, World

BILLION = 1e-3  # of million USD

#: What a table says about itself: term and words, in the order of reading.
About = tuple[tuple[str, str], ...]

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n")

#: What neither XML nor a line of text may hold.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")

#: A separator before a formula sign: a spreadsheet would open a new cell there.
_HIDDEN_FORMULA = re.compile(r"([,;\t|]\s*)([=+\-@])")

_BAD_IN_SHEET_NAMES = re.compile(r"[\[\]:*?/\\']")

LONGEST_SHEET_NAME = 31

#: Rows of a sheet below its two rows of heads.
MOST_SHEET_ROWS = (1 << 20) - 2


@dataclass(frozen=True, eq=False)
class Table:
    """A table that can be taken away.

    Parameters
    ----------
    key
        Name of its file and of its sheet.
    title
    frame
        Columns by the names people read.
    units
        Registered unit of each column of numbers; where rows have units of their own (`ROW_UNIT`), a column ``Unit``
        holds registered ones.

    Raises
    ------
    UnitError
        If a column of numbers has no unit, or any unit is not registered.
    """

    key: str
    title: str
    frame: pd.DataFrame
    units: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, values in self.frame.items():
            if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
                if str(name) not in self.units:
                    raise UnitError(f"Column “{name}” of “{self.title}” holds numbers without a unit.")
                self._holds(str(name), unit(self.units[str(name)]), values)

    def _holds(self, name: str, counted_in: Unit, values: pd.Series) -> None:
        if counted_in.kind == "row":
            told = "Unit" if counted_in.name == ROW_UNIT else "Unit of differences"
            for each in self.frame[told].dropna().unique():
                unit(str(each))
        elif not counted_in.holds(values.dropna().astype(float)):
            raise UnitError(
                f"Column “{name}” of “{self.title}” runs from {values.min():g} to {values.max():g}: no "
                f"{counted_in.name} does."
            )


def table(
    key: str,
    title: str,
    frame: pd.DataFrame,
    columns: Mapping[str, str | Column] | Sequence[str] | None = None,
) -> Table:
    """A table of registered columns.

    Parameters
    ----------
    key, title
    frame
    columns
        The frame's columns in order, each with the registered column that it is (`labels.COLUMNS`); names alone where
        they are the same. As the register of tables says of ``key`` unless given (`labels.columns_of`).

    Raises
    ------
    UnitError
        If a column is not registered, or holds what its unit cannot.
    """
    if columns is None:
        columns = columns_of(key)
    named = columns if isinstance(columns, Mapping) else {name: name for name in columns}
    declared = {name: what if isinstance(what, Column) else registered(what) for name, what in named.items()}
    shown = frame[[*declared]].set_axis([column.label for column in declared.values()], axis="columns")
    return Table(key, title, shown, {c.label: c.unit for c in declared.values() if c.unit})


# Provenance -------------------------------------------------------------------------------------


def about_world(world: World) -> About:
    """Where a world's numbers come from and what share of them is estimated."""
    provenance = world.provenance
    n, s = world.shape
    return (
        ("World", f"{world.name}: {n} economies, {s} sectors"),
        ("Baseline year", str(provenance.year or "not stated")),
        ("Source", provenance.source),
        ("Licence", provenance.licence),
        ("Estimated", estimated_words(provenance)),
        *(("Mended", change) for change in provenance.changes),
        ("World's content hash", world.content_hash),
    )


def estimated_words(provenance: Provenance) -> str:
    """What of a world is estimated, in a sentence."""
    items = "; ".join(item.rstrip(".") for item in provenance.estimated) or "nothing is marked as estimated"
    if provenance.estimated_share is None:
        return f"{items}. The share of trade that is estimated is not stated."
    return f"{provenance.estimated_trade or 'no trade between countries'}. {items}."


def about_scenario(scenario: Scenario, equilibrium: Equilibrium, *, role: str = "Scenario") -> About:
    """What a scenario does, the structure of its result, and its hash."""
    world = equilibrium.world
    return (
        (role, scenario.name),
        (f"{role}, in words", describe(scenario, world)),
        (f"{role}, structure", assumed(scenario, equilibrium)),
        (f"{role}'s content hash", scenario.content_hash),
    )


def about_certificate(equilibrium: Equilibrium) -> About:
    """That the model's equations hold at the result, how well, and by which versions it was computed."""
    certificate = equilibrium.certificate
    versions = ", ".join(f"{name} {number}" for name, number in certificate.versions.items())
    return (
        (
            "Certificate",
            f"largest residual {in_powers(certificate.largest, decimals=1)} (allowed {in_powers(certificate.tolerance)}), "
            f"{certificate.iterations} iterations, {certificate.seconds:.3g} s",
        ),
        ("Versions", versions),
        ("Result's content hash", equilibrium.content_hash),
    )


def about_result(scenario: Scenario, equilibrium: Equilibrium) -> About:
    """All that a table of a scenario's results says about itself."""
    world = equilibrium.world
    return (
        *about_scenario(scenario, equilibrium),
        *about_world(world),
        *about_certificate(equilibrium),
        ("Interval", "none yet: numbers are point estimates at the structure named above"),
        written_now(),
    )


def written_now() -> tuple[str, str]:
    """When and by what a file was written."""
    return "Written", f"by firmtrade on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"


# Tables of a result -----------------------------------------------------------------------------


def country_results(equilibrium: Equilibrium) -> Table:
    """Every variable of the map by country: change, and levels before and after where it has any."""
    comparison = Comparison(equilibrium)
    columns: dict[str, Any] = _country_labels(equilibrium.world)
    units: dict[str, str] = {}
    for key, variable in VARIABLES.items():
        found = comparison.country(key)
        columns[name := f"{variable.label}, change"] = found.change
        units[name] = variable.unit
        if found.old is not None and variable.level_unit:
            for when, values in (("before", found.old), ("after", found.new)):
                columns[name := f"{variable.label}, {when}"] = values
                units[name] = variable.level_unit
    name = DEFINITIONS["equivalent_variation"].label
    columns[name], units[name] = equilibrium.equivalent_variation * BILLION, "bn USD a year"
    share = f"{name}, of baseline income"
    columns[share], units[share] = 100 * equilibrium.equivalent_variation_share, "%"
    return Table("countries", "Countries: what changes", pd.DataFrame(columns), units)


def sector_results(equilibrium: Equilibrium) -> Table:
    """Exports, imports, output and jobs of every sector of every country."""
    world = equilibrium.world
    n, s = world.shape
    columns: dict[str, Any] = {
        "Country": np.repeat([country_name(code) for code in world.countries], s),
        "Country code": np.repeat(world.countries, s),
        "Sector": np.tile([world.sector_name(code) for code in world.sectors], n),
        "Sector code": np.tile(world.sectors, n),
    }
    units: dict[str, str] = {}
    trade = abroad(world.border_value), abroad(equilibrium.border_value)
    levels = {
        "Exports": tuple(value.sum(1) for value in trade),
        "Imports": tuple(value.sum(0) for value in trade),
        "Output": (world.gross_output, equilibrium.gross_output),
    }
    for label, (before, after) in levels.items():
        columns |= {
            f"{label}, change": _percent(after, before).ravel(),
            f"{label}, before": before.ravel() * BILLION,
            f"{label}, after": after.ravel() * BILLION,
        }
        units |= {f"{label}, change": "%", f"{label}, before": "bn USD", f"{label}, after": "bn USD"}
    jobs = np.where(world.gross_output > 0, 100 * (equilibrium.employment_change - 1), np.nan)
    columns["Jobs, change"], units["Jobs, change"] = jobs.ravel(), "%"
    return Table("sectors", "Sectors of every country: what changes", pd.DataFrame(columns), units)


def pair_results(equilibrium: Equilibrium) -> Table:
    """Trade of every pair of countries at the border, all sectors and goods alone."""
    world = equilibrium.world
    n = len(world.countries)
    origin, destination = (index.ravel() for index in np.indices((n, n)))
    foreign = origin != destination
    columns: dict[str, Any] = {}
    for role, index in (("Exporter", origin), ("Importer", destination)):
        columns[role] = [country_name(world.countries[i]) for i in index[foreign]]
        columns[f"{role} code"] = [world.countries[i] for i in index[foreign]]
    units: dict[str, str] = {}
    goods = np.asarray(world.goods)
    for label, which in (("Trade", np.ones_like(goods)), ("Goods trade", goods)):
        before, after = (
            value[:, :, which].sum(2).ravel()[foreign]
            for value in (world.border_value, equilibrium.border_value)
        )
        columns |= {
            f"{label}, change": _percent(after, before),
            f"{label}, before": before * BILLION,
            f"{label}, after": after * BILLION,
        }
        units |= {f"{label}, change": "%", f"{label}, before": "bn USD", f"{label}, after": "bn USD"}
    return Table("pairs", "Trade between countries: what changes", pd.DataFrame(columns), units)


def budget_results(equilibrium: Equilibrium) -> Table:
    """Every country's public budget, line by line, and the sum that households get or pay."""
    names = {
        "name": "Country",
        "country": "Code",
        "label": "Line",
        "before": "Before",
        "after": "After",
        "change": "Change",
    }
    frame = budgets(equilibrium).rename(columns=names)[list(names.values())]
    money = dict.fromkeys(("Before", "After", "Change"), "bn USD a year")
    return Table("budget", "Public budgets: what is collected (+) and paid (-)", frame, money)


def replacement_results(equilibrium: Equilibrium, country: str) -> Table:
    """Who wins and loses a country's market: every origin, split into the market's size and shares won or lost."""
    found = diversion(equilibrium, country)
    return table("replaced", f"Who replaces whom in {country_name(country)}", found.table())


#: Tables of a result, by key, with the name people choose them by.
RESULT_TABLES = {
    "countries": ("Countries", country_results),
    "sectors": ("Sectors of every country", sector_results),
    "pairs": ("Trade between countries", pair_results),
    "budget": ("Public budgets", budget_results),
}


def comparison_tables(comparison: Comparison, first: str, second: str) -> list[Table]:
    """Two results and their difference, by country and variable; names are those of the two scenarios."""
    values = {
        "first": f"First ({first})",
        "second": f"Second ({second})",
        "difference": "Difference, from the first to the second, of the first's level",
    }
    columns: dict[str, str | Column] = {
        "variable": Column("variable", "Variable"),
        "name": "country",
        "country": "code",
        "unit": "row_unit",
        **{name: Column(name, label, ROW_UNIT) for name, label in values.items()},
    }
    return [table("comparison", f"{second} against {first}", comparison.table(), columns)]


def _country_labels(world: World) -> dict[str, Any]:
    return {"Country": [country_name(code) for code in world.countries], "Code": list(world.countries)}


def _percent(after: np.ndarray, before: np.ndarray) -> np.ndarray:
    return 100 * (np.divide(after, before, out=np.full(after.shape, np.nan), where=before > 0) - 1)


# Writing ----------------------------------------------------------------------------------------


#: What stands before a formula where semicolons, tabs or bars separate.
_SPLIT = re.compile(r"([;\t|]\s*)(?=[=+\-@])")


def neutral(text: str) -> str:
    """Text that a spreadsheet reads as text: an apostrophe stands before what would start a formula.

    Also behind signs that split a text in two where a reader's separator is another one.

    Examples
    --------
    >>> neutral("=1+1"), neutral("a;=1+1"), neutral("Chile")
    ("'=1+1", "a;'=1+1", 'Chile')
    """
    clean = _SPLIT.sub(r"\1'", _CONTROL.sub("", text))
    return f"'{clean}" if clean.startswith(FORMULA_SIGNS) else clean


def to_csv(table: Table, about: About) -> bytes:
    """CSV with the provenance in lines that start with #, units in the column names.

    ``pandas.read_csv(file, comment="#")`` reads it.
    """
    buffer = io.StringIO()
    for term, words in (("Table", table.title), *about):
        buffer.write(f"# {neutral(_one_line(term))}: {neutral(_one_line(words))}\n")
    frame = table.frame.rename(columns=lambda name: neutral(_with_unit(table, name)))
    texts = frame.select_dtypes(exclude="number").columns
    frame[texts] = frame[texts].map(lambda value: neutral(str(value)))
    # Texts in quotes, so that a # in a name starts no comment.
    frame.to_csv(buffer, index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    return buffer.getvalue().encode("utf-8-sig")


def to_excel(tables: Sequence[Table], about: About) -> bytes:
    """A workbook: a sheet for each table with units under its heads, and a sheet that says where they come from.

    Raises
    ------
    ValueError
        If a table has more rows than a sheet holds.
    """
    from openpyxl import Workbook

    for table in tables:
        if len(table.frame) > MOST_SHEET_ROWS:
            raise ValueError(
                f"{table.title}: {grouped(len(table.frame))} rows do not fit a sheet ({grouped(MOST_SHEET_ROWS)}). Take CSV."
            )

    book = Workbook(write_only=True)
    book.properties.creator = "firmtrade"
    book.properties.title = _CONTROL.sub("", tables[0].title)[:200]
    taken: set[str] = set()
    for table in tables:
        _write_table(book.create_sheet(_sheet_name(table.key, taken)), table)
    _write_about(book.create_sheet(_sheet_name("About", taken)), tables, about)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def to_parquet(equilibrium: Equilibrium, scenario: Scenario) -> bytes:
    """Every cell of the result in one long table; scenario, world, provenance, certificate in its metadata."""
    buffer = io.BytesIO()
    write_results(equilibrium, scenario, buffer)
    return buffer.getvalue()


def result_workbook(
    equilibrium: Equilibrium, scenario: Scenario, made: Callable[[Table], Table] = lambda table: table
) -> bytes:
    """All tables of a result in one workbook, with its YAML and code beside the provenance.

    Parameters
    ----------
    equilibrium, scenario
    made
        What becomes of each table first, such as bands beside its columns.
    """
    from firmtrade_core.report.recipe import python_code

    about = about_result(scenario, equilibrium)
    recipes = (
        ("Scenario as YAML", scenario.to_yaml()),
        ("The same numbers from Python", python_code(scenario, equilibrium.world)),
    )
    lines = tuple((term, line) for term, text in recipes for line in text.splitlines())
    return to_excel([made(make(equilibrium)) for _, make in RESULT_TABLES.values()], (*about, *lines))


def _with_unit(table: Table, name: str) -> str:
    named = name in table.units and unit(table.units[name]).kind != "row"
    return f"{name} ({table.units[name]})" if named else name


def _one_line(text: str) -> str:
    return _HIDDEN_FORMULA.sub(r"\1'\2", " ".join(_CONTROL.sub("", text).split()))


def _sheet_name(wanted: str, taken: set[str]) -> str:
    name = _BAD_IN_SHEET_NAMES.sub(" ", _CONTROL.sub("", wanted)).strip()[:LONGEST_SHEET_NAME] or "Table"
    while name.casefold() in taken:
        name = f"{name[: LONGEST_SHEET_NAME - 1]}{len(taken)}"
    taken.add(name.casefold())
    return name


def _write_table(sheet: Any, table: Table) -> None:
    from openpyxl.utils import get_column_letter

    frame = table.frame
    numeric = {name for name in frame.select_dtypes("number").columns}
    for position, name in enumerate(frame.columns, start=1):
        longest = (
            max([len(str(name)), *(len(str(v)) for v in frame[name].head(200))]) if name not in numeric else 0
        )
        sheet.column_dimensions[get_column_letter(position)].width = min(max(longest + 1, 14), 44)
    sheet.freeze_panes = "A3"
    sheet.append([_cell(sheet, str(name), bold=True) for name in frame.columns])
    sheet.append([_cell(sheet, table.units.get(str(name), ""), quiet=True) for name in frame.columns])
    for row in _plain_rows(frame):
        sheet.append([_cell(sheet, value) if isinstance(value, str) else value for value in row])


def _plain_rows(frame: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    """Rows with texts and numbers only; what is no finite number is left empty."""
    for row in frame.itertuples(index=False, name=None):
        yield tuple(value if isinstance(value, str) else _plain_number(value) for value in row)


def _plain_number(value: Any) -> Any:
    number = value.item() if hasattr(value, "item") else value
    if isinstance(number, float) and not np.isfinite(number):
        return None
    return number if isinstance(number, int | float) else str(number)


def _write_about(sheet: Any, tables: Sequence[Table], about: About) -> None:
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 30, 110
    for table in tables:
        sheet.append([_cell(sheet, f"Sheet {table.key}", bold=True), _cell(sheet, table.title)])
    for term, words in about:
        sheet.append([_cell(sheet, term, bold=True), _cell(sheet, words)])


def _cell(sheet: Any, text: str, *, bold: bool = False, quiet: bool = False) -> Any:
    """A cell that holds text whatever it begins with."""
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    cell = WriteOnlyCell(sheet, _CONTROL.sub("", text))
    if cell.data_type != "s":
        # A formula, an error such as #REF!, or a date: kept as the text it is.
        cell.data_type, cell.quotePrefix = "s", True
    if bold or quiet:
        cell.font = Font(bold=bold, italic=quiet, color="666666" if quiet else None)
    return cell
