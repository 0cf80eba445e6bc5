"""Every variable shown anywhere: what it is called, its unit, how it is written and which equation gives it.

The screen, exports and reports read this one table, so that a number is named the same wherever it stands.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

MINUS = "\u2212"
THIN_SPACE = "\u2009"
NARROW_NO_BREAK_SPACE = "\u202f"

Unit = Literal["%", "bn USD", "points", "% of income"]


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
    """

    key: str
    label: str
    unit: Unit
    explanation: str
    equation: str
    level_unit: str | None = None


_VARIABLES = (
    Variable(
        "real_income",
        "Real income",
        "%",
        "What a country's income buys after the change: wages, profits and duties, deflated by its own "
        "consumer prices.",
        "Ŵ = Î / Π P̂^α (MODEL 3)",
        "bn USD",
    ),
    Variable(
        "real_wage",
        "Real wages",
        "%",
        "What an hour of work buys: the wage deflated by consumer prices.",
        "ŵ / Π P̂^α (MODEL 3)",
    ),
    Variable(
        "exports",
        "Exports",
        "%",
        "Sales abroad at the border, before the buyer's tariff. In units of the world's average wage.",
        "V = X/(1+t), summed over foreign destinations (MODEL 1)",
        "bn USD",
    ),
    Variable(
        "imports",
        "Imports",
        "%",
        "Purchases from abroad at the border, before the country's own tariff. In units of the world's average wage.",
        "V = X/(1+t), summed over foreign origins (MODEL 1)",
        "bn USD",
    ),
    Variable(
        "exporters",
        "Exporters",
        "%",
        "Number of firms selling abroad: the mean over a country's foreign markets and sectors, weighted by "
        "what they bought before the change.",
        "M̂ n̂ (MODEL 2 and 3)",
    ),
    Variable(
        "wages",
        "Wages",
        "%",
        "The wage relative to the world's average wage, before consumer prices are taken into account.",
        "ŵ, with Σ ŵ wL = Σ wL (MODEL 3, equation 10)",
    ),
    Variable(
        "prices",
        "Consumer prices",
        "%",
        "The cost of the baseline's consumer basket relative to the world's average wage.",
        "Π P̂^α (MODEL 3)",
    ),
    Variable(
        "duties",
        "Duties",
        "% of income",
        "Tariff revenue collected by the importing country: its change, as a share of the country's baseline income.",
        "Σ tV (MODEL 1)",
        "bn USD",
    ),
)

VARIABLES: dict[str, Variable] = {variable.key: variable for variable in _VARIABLES}


# How numbers are written -----------------------------------------------------------------------


def number(value: float, *, significant: int = 2, most_decimals: int = 2, signed: bool = False) -> str:
    """A number as the screen writes it: true minus, thin-space thousands, few digits.

    Examples
    --------
    >>> number(0.1234, signed=True), number(-4.12), number(12345.0)
    ('+0.12', '−4.1', '12\u2009000')
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
    text = f"{rounded:,.{shown}f}".replace(",", THIN_SPACE)
    sign = MINUS if value < 0 else ("+" if signed else "")
    return sign + text


def change(value: float, unit: str = "%") -> str:
    """A signed change with its unit, `+0.12 %`, `−4.1 bn USD`."""
    text = number(value, signed=True)
    return text if text == "–" else f"{text}{NARROW_NO_BREAK_SPACE}{unit}"


def level(value: float, unit: str) -> str:
    """A level with its unit, three significant digits, `1 230 bn USD`."""
    text = number(value, significant=3)
    return text if text == "–" else f"{text}{NARROW_NO_BREAK_SPACE}{unit}"


def listed(names: list[str], most: int = 3) -> str:
    """Names as a sentence lists them: `China, Japan and 3 more`."""
    if len(names) <= 1:
        return "".join(names)
    if len(names) > most:
        shown = names[: most - 1]
        return f"{', '.join(shown)} and {len(names) - len(shown)} more"
    return f"{', '.join(names[:-1])} and {names[-1]}"
