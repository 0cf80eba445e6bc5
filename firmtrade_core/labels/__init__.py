"""Every variable shown anywhere: what it is called, its unit, how it is written and which equation gives it.

The screen, exports and reports read this one table, so that a number is named the same wherever it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from firmtrade_core.labels.columns import COLUMNS, Column, columns_of, registered
from firmtrade_core.labels.units import (
    DIFFERENCE_UNIT,
    MINUS,
    NARROW_NO_BREAK_SPACE,
    ROW_UNIT,
    UNITS,
    Unit,
    UnitError,
    change,
    difference,
    grouped,
    in_percent,
    in_powers,
    in_unit,
    is_bare_number,
    level,
    log_as_percent,
    money,
    number,
    probability,
    shows,
    unit,
    with_unit,
)
from firmtrade_core.paths import asset, read_rows

__all__ = [
    "COLUMNS",
    "COMMON_INPUTS",
    "DEFINITIONS",
    "DIFFERENCE_UNIT",
    "MINUS",
    "NARROW_NO_BREAK_SPACE",
    "ROW_UNIT",
    "UNITS",
    "VARIABLES",
    "Column",
    "Input",
    "Unit",
    "UnitError",
    "Variable",
    "change",
    "columns_of",
    "difference",
    "grouped",
    "in_percent",
    "in_powers",
    "in_unit",
    "in_words",
    "is_bare_number",
    "level",
    "listed",
    "log_as_percent",
    "money",
    "number",
    "probability",
    "registered",
    "shows",
    "unit",
    "with_unit",
]

#: What a variable is computed from; `report.where_from` says where each comes from in a given result.
Input = Literal[
    "trade",
    "tariffs",
    "input_links",
    "elasticity",
    "markups",
    "family",
    "entry",
    "deficits",
    "labour_supply",
    "public_money",
]

#: Inputs that shape every counterfactual.
COMMON_INPUTS: tuple[Input, ...] = get_args(Input)


@dataclass(frozen=True)
class Variable:
    """One variable of the screen.

    Parameters
    ----------
    key
        Name in code, tables and links.
    label
        Name on screen, in sentence case.
    unit
        Of its change.
    explanation
        One or two plain sentences.
    equation
        Where MODEL derives it.
    level_unit
        Unit of the levels before and after, where it has meaningful ones.
    formula
        The equation in LaTeX; a hat is the ratio of the counterfactual to the baseline, a prime the counterfactual.
    literature
        Keys of `report.methods.LITERATURE` on which the definition rests.
    """

    key: str
    label: str
    unit: str
    explanation: str
    equation: str
    level_unit: str | None = None
    formula: str = ""
    literature: tuple[str, ...] = ("DEK08", "CR14")

    def __post_init__(self) -> None:
        for name in (self.unit, *([self.level_unit] if self.level_unit else [])):
            unit(name)


_ROWS = read_rows(asset("labels/variables.csv"))

#: Every variable that has a definition.
DEFINITIONS: dict[str, Variable] = {
    row["key"]: Variable(
        row["key"],
        row["label"],
        row["unit"],
        row["explanation"],
        row["equation"],
        row["level_unit"] or None,
        row["formula"],
        tuple(row["literature"].split()),
    )
    for row in _ROWS
}

#: Variables by country, which maps and comparisons offer.
VARIABLES = {row["key"]: DEFINITIONS[row["key"]] for row in _ROWS if row["by_country"]}


#: Columns whose names make poor words.
_IN_WORDS = {"rnd intensity": "R&D intensity", "on time delivery": "on-time delivery"}


def in_words(column: str) -> str:
    """A column's name as readers would write it."""
    words = column.replace("_", " ")
    return _IN_WORDS.get(words, words)


def listed(names: list[str], most: int = 3) -> str:
    """Names as a sentence lists them: `China, Japan and 3 more`."""
    if len(names) <= 1:
        return "".join(names)
    if len(names) > most:
        shown = names[: most - 1]
        return f"{', '.join(shown)} and {len(names) - len(shown)} more"
    return f"{', '.join(names[:-1])} and {names[-1]}"
