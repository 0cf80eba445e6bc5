"""Every variable shown anywhere: what it is called, its unit, how it is written and which equation gives it.

The screen, exports and reports read this one table, so that a number is named the same wherever it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from firmtrade_core.labels.columns import COLUMNS, Column, registered
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
COMMON_INPUTS: tuple[Input, ...] = (
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
    unit: str
    explanation: str
    equation: str
    level_unit: str | None = None
    formula: str = ""
    literature: tuple[str, ...] = ("DEK08", "CR14")

    def __post_init__(self) -> None:
        for name in (self.unit, *([self.level_unit] if self.level_unit else [])):
            unit(name)


_VARIABLES = (
    Variable(
        "real_income",
        "Real income",
        "%",
        "What a country's income buys after the change, deflated by its own consumer prices. Income is what there is to "
        "spend: wages, profits and duties less subsidies, plus the trade deficit; without the last two it is value "
        "added, which the Data page gives.",
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
        "best_rate",
        "Best rate",
        "points",
        "The points added to what is in force that serve the objective best, all else as it is and nobody answering.",
        "max over t of W(t), dW/dt = 0 by one adjoint solve (MODEL 14)",
        formula=r"t^* = \arg\max_t W_j(t), \quad \frac{dW}{dt} = W_t - \lambda' F_t",
    ),
    Variable(
        "lever_worth",
        "What a lever does",
        "m USD",
        "What one percentage point, or one per cent, of a country's levers does to an outcome at the margin, all of them together.",
        "dW/dp = W_p - λ'F_p (MODEL 14)",
        formula=r"\frac{dW}{dp} = W_p - \lambda' F_p, \quad F_x' \lambda = W_x'",
    ),
    Variable(
        "break_even_rate",
        "Gain gone at",
        "points",
        "Above the best: the points at which the country is back where it was without any.",
        "W(t) = W(0), t > t* (MODEL 14)",
        formula=r"W_j(t) = W_j(0), \quad t > t^*",
    ),
    Variable(
        "tipping_retaliation",
        "Undone by retaliation of",
        "points",
        "The points that all others add on the country's exports of the same goods, with the best rate in force, that leave it "
        "where it was.",
        "W(t*, r) = W(0, 0) (MODEL 14)",
        formula=r"W_j(t^*, r) = W_j(0, 0)",
    ),
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
