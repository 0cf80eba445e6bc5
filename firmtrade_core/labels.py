"""Every variable shown anywhere: what it is called, its unit, how it is written and which equation gives it.

The screen, exports and reports read this one table, so that a number is named the same wherever it stands.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

MINUS = "\u2212"
#: Between thousands and before units: as narrow as a thin space, and no line ends there.
NARROW_NO_BREAK_SPACE = "\u202f"

Unit = Literal["%", "bn USD", "points", "% of income", "firms"]

#: What a variable is computed from; `report.where_from` says where each comes from in a given result.
Input = Literal[
    "trade", "tariffs", "input_links", "elasticity", "family", "entry", "deficits", "labour_supply"
]

#: Inputs that shape every counterfactual.
COMMON_INPUTS: tuple[Input, ...] = (
    "trade",
    "tariffs",
    "input_links",
    "elasticity",
    "family",
    "entry",
    "deficits",
    "labour_supply",
)


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
    unit: Unit
    explanation: str
    equation: str
    level_unit: str | None = None
    formula: str = ""
    literature: tuple[str, ...] = ("DEK08", "CR14")


_VARIABLES = (
    Variable(
        "real_income",
        "Real income",
        "%",
        "What a country's income buys after the change: wages, profits and duties, deflated by its own "
        "consumer prices.",
        "Ŵ = Î / Π P̂^α (MODEL 3)",
        "bn USD",
        r"\hat W_j = \hat I_j \,/\, \prod_s \hat P_{js}^{\,\alpha_{js}}",
    ),
    Variable(
        "real_wage",
        "Real wages",
        "%",
        "What an hour of work buys: the wage deflated by consumer prices.",
        "ŵ / Π P̂^α (MODEL 3)",
        formula=r"\hat w_j \,/\, \prod_s \hat P_{js}^{\,\alpha_{js}}",
    ),
    Variable(
        "exports",
        "Exports",
        "%",
        "Sales abroad at the border, before the buyer's tariff. In units of the world's average wage.",
        "V = X/(1+t), summed over foreign destinations (MODEL 1)",
        "bn USD",
        r"\sum_{j \neq i,\, s} V'_{ijs} \,/\, \sum_{j \neq i,\, s} V_{ijs}, \qquad V = X/(1+t)",
    ),
    Variable(
        "imports",
        "Imports",
        "%",
        "Purchases from abroad at the border, before the country's own tariff. In units of the world's average wage.",
        "V = X/(1+t), summed over foreign origins (MODEL 1)",
        "bn USD",
        r"\sum_{i \neq j,\, s} V'_{ijs} \,/\, \sum_{i \neq j,\, s} V_{ijs}, \qquad V = X/(1+t)",
    ),
    Variable(
        "exporters",
        "Exporters",
        "%",
        "Number of firms selling abroad: the mean over a country's foreign markets and sectors, weighted by "
        "what they bought before the change.",
        "M̂ n̂ (MODEL 2 and 3)",
        formula=r"\sum_{j \neq i,\, s} V_{ijs}\, \hat M_{is}\, \hat n_{ijs} \,/\, \sum_{j \neq i,\, s} V_{ijs}",
        literature=("M03", "C08", "AAG"),
    ),
    Variable(
        "wages",
        "Wages",
        "%",
        "The wage relative to the world's average wage, before consumer prices are taken into account.",
        "ŵ, with Σ ŵ wL = Σ wL (MODEL 3, equation 10)",
        formula=r"\hat w_i, \qquad \sum_i \hat w_i\, w_i L_i = \sum_i w_i L_i",
    ),
    Variable(
        "prices",
        "Consumer prices",
        "%",
        "The cost of the baseline's consumer basket relative to the world's average wage.",
        "Π P̂^α (MODEL 3)",
        formula=r"\prod_s \hat P_{js}^{\,\alpha_{js}}",
    ),
    Variable(
        "duties",
        "Duties",
        "% of income",
        "Tariff revenue collected by the importing country: its change, as a share of the country's baseline income.",
        "Σ tV (MODEL 1)",
        "bn USD",
        r"\Big( \sum_{i,s} t'_{ijs} V'_{ijs} - \sum_{i,s} t_{ijs} V_{ijs} \Big) \,/\, I_j",
    ),
)

#: Variables by country, which maps and comparisons offer.
VARIABLES: dict[str, Variable] = {variable.key: variable for variable in _VARIABLES}

_OTHERS = (
    Variable(
        "equivalent_variation",
        "Equivalent variation",
        "bn USD",
        "The yearly income that, given at baseline prices, would have moved the country's welfare as much.",
        "I (Ŵ − 1), less labour's disutility where supply responds (MODEL 3, equation 9)",
        formula=r"EV_j = I_j (\hat W_j - 1) - \tfrac{\kappa_L}{1+\kappa_L}\, w_j L_j"
        r"\Big( \tfrac{\hat w_j \hat L_j}{\prod_s \hat P_{js}^{\alpha_{js}}} - 1 \Big)",
    ),
    Variable(
        "world_real_income",
        "Real income, world",
        "%",
        "The sum of all countries' equivalent variations, as a share of world income before the change.",
        "Σ EV / Σ I (MODEL 3)",
        formula=r"\sum_j EV_j \,/\, \sum_j I_j",
    ),
    Variable(
        "world_goods_trade",
        "World goods trade",
        "%",
        "Trade in goods between all countries at the border. In units of the world's average wage.",
        "V = X/(1+t), summed over foreign pairs and goods (MODEL 1)",
        "bn USD",
        r"\sum_{i \neq j,\, s \in \text{goods}} V'_{ijs} \,/\, \sum_{i \neq j,\, s \in \text{goods}} V_{ijs}",
    ),
    Variable(
        "output",
        "Output",
        "%",
        "What a sector's producers receive from all buyers, at home and abroad. In units of the world's average wage.",
        "R = X/T, summed over destinations (MODEL 1)",
        "bn USD",
        r"R_{is} = \sum_j X_{ijs} / T_{ijs}, \qquad T = (1+t)(1-b)",
    ),
    Variable(
        "employment",
        "Jobs",
        "%",
        "Labour that a sector uses. Workers move between sectors without cost: this is where the long run leads.",
        "βC' / ŵ over βC (MODEL 3, equation 9)",
        formula=r"\hat L_{is} = \hat C_{is} / \hat w_i",
    ),
)

#: Every variable that has a definition.
DEFINITIONS: dict[str, Variable] = VARIABLES | {variable.key: variable for variable in _OTHERS}


# How numbers are written -----------------------------------------------------------------------


def grouped(value: float, form: str = ".0f") -> str:
    """A number in full, a whole one unless told, thousands set apart: `12 000`.

    Parameters
    ----------
    value
    form
        As Python writes numbers, without the sign for thousands: ``.1f``, ``.4g``.
    """
    return f"{value:,{form}}".replace(",", NARROW_NO_BREAK_SPACE) if math.isfinite(value) else "–"


def number(value: float, *, significant: int = 2, most_decimals: int = 2, signed: bool = False) -> str:
    """A number as the screen writes it: true minus, thin-space thousands, few digits.

    Examples
    --------
    >>> number(0.1234, signed=True), number(-4.12), number(12345.0)
    ('+0.12', '−4.1', '12\u202f000')
    """
    if not math.isfinite(value):
        return "–"
    if value == 0 or abs(value) < 0.5 * 10.0**-most_decimals:
        return "0" if value == 0 else f"0.{'0' * most_decimals}"
    magnitude = math.floor(math.log10(abs(value)))
    decimals = significant - 1 - magnitude
    rounded = round(abs(value), min(decimals, most_decimals))
    shown = max(0, min(decimals, most_decimals))
    # 0.996 rounds to 1.00: one digit fewer keeps the promise of significant digits.
    if rounded >= 10.0 ** (magnitude + 1) and 0 < shown < most_decimals + 1 and decimals <= most_decimals:
        shown -= 1
    text = grouped(rounded, f".{shown}f")
    sign = MINUS if value < 0 else ("+" if signed else "")
    return sign + text


def change(value: float, unit: str = "%") -> str:
    """A signed change with its unit, `+0.12 %`, `−4.1 bn USD`."""
    return _with_unit(number(value, signed=True), unit)


def level(value: float, unit: str) -> str:
    """A level with its unit, three significant digits, `1 230 bn USD`."""
    return _with_unit(number(value, significant=3), unit)


def in_percent(fraction: float) -> str:
    """A fraction in percent, two significant digits, `12 %` of 0.123."""
    return _with_unit(number(100 * fraction), "%")


def _with_unit(text: str, unit: str) -> str:
    """Amounts of money stay whole, `bn USD` too; longer units may go on in the next line."""
    bound = unit.replace(" USD", "\u00a0USD")
    # A narrow space before a word would read as none.
    gap = NARROW_NO_BREAK_SPACE if unit.startswith("%") else "\u00a0"
    return text if text == "–" else f"{text}{gap}{bound}"


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
