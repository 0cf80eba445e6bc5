"""What a counterfactual changes, country by country and sector by sector, in the units of the screen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.analysis.comparison import Comparison, Difference
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium.states import abroad as foreign
from firmtrade_core.labels import DEFINITIONS, UnitError, change, unit

Array = NDArray[np.float64]

BILLION = 1e-3  # of million USD

#: One variable for all countries, as charts take it.
Outcome = Difference

__all__ = [
    "BILLION",
    "SECTOR_MEASURES",
    "Headline",
    "Outcome",
    "foreign",
    "headlines",
    "outcome",
    "sector_outcomes",
]


@dataclass(frozen=True)
class Headline:
    """A number for the head of a page.

    Parameters
    ----------
    label, value, unit
        ``value`` in ``unit``, signed.
    detail
        A second reading in small type.
    variable
        Key in `labels.DEFINITIONS` whose explanation applies.
    band, verdict
        Its interval and what that says of the sign, in words; "" where none is drawn.

    Raises
    ------
    UnitError
        If the unit or the variable is not registered.
    """

    label: str
    value: float
    unit: str
    detail: str
    variable: str
    band: str = ""
    verdict: str = ""

    def __post_init__(self) -> None:
        unit(self.unit)
        if self.variable not in DEFINITIONS:
            raise UnitError(
                f"“{self.variable}” is no registered variable: the headline “{self.label}” has none."
            )


def outcome(equilibrium: Equilibrium, key: str, first: Equilibrium | None = None) -> Outcome:
    """A variable of the map.

    Parameters
    ----------
    equilibrium
    key
        Of `labels.VARIABLES`.
    first
        What it is read against; the baseline unless given.

    Raises
    ------
    KeyError
        If there is no such variable.
    """
    return Comparison(equilibrium, first).country(key)


# Sectors of one country -------------------------------------------------------------------------

SECTOR_MEASURES = {
    "exports": "Exports",
    "imports": "Imports",
    "output": "Output",
    "employment": "Jobs",
}


def sector_outcomes(
    equilibrium: Equilibrium, country: str, measure: str, first: Equilibrium | None = None
) -> tuple[Array, Array]:
    """Change in percent (S,) and in billion USD (S,) of a measure by sector in one country.

    Jobs have no dollars: their second array is NaN.

    Parameters
    ----------
    equilibrium
    country
        Code.
    measure
        Of `SECTOR_MEASURES`.
    first
        What it is read against; the baseline unless given.

    Raises
    ------
    KeyError, UnknownCodeError
    """
    i = equilibrium.world.country_index(country)
    found = Comparison(equilibrium, first).sectors(measure)
    return found.percent[i], found.dollars[i]


# Numbers for the head of a page -----------------------------------------------------------------


def headlines(
    equilibrium: Equilibrium, country: str, name: str, first: Equilibrium | None = None
) -> list[Headline]:
    """Six numbers: four of one country, two of the world.

    Parameters
    ----------
    equilibrium
    country, name
        Code, and what the country is called.
    first
        What it is read against; the baseline unless given.
    """
    world = equilibrium.world
    i = world.country_index(country)
    read = Comparison(equilibrium, first)
    trade = {key: read.country(key) for key in ("exports", "imports", "duties")}

    def dollars(key: str) -> float:
        found = trade[key]
        assert found.old is not None and found.new is not None
        return float(found.new[i] - found.old[i])

    variation = equilibrium.equivalent_variation * BILLION
    before = float(world.income.sum()) * BILLION
    if first is not None:
        # Percent of what the first result leaves the world with, as every other change against it.
        before += float(first.equivalent_variation.sum()) * BILLION
        variation = variation - first.equivalent_variation * BILLION
    money = f"{change(float(variation[i]), 'bn USD')} a year"
    if any(side is not None and side.parameters.labour_supply_elasticity for side in (equilibrium, first)):
        # Where people work more or less, real income is not welfare (MODEL 12).
        money = f"welfare {change(float(100 * variation[i] / (world.income[i] * BILLION)))}, {money}"
    old_trade, new_trade = (state.goods_traded * BILLION for state in (read.before, read.after))
    return [
        Headline(
            f"Real income, {name}",
            float(read.country("real_income").change[i]),
            "%",
            money,
            "real_income",
        ),
        Headline(
            "Exports", float(trade["exports"].change[i]), "%", change(dollars("exports"), "bn USD"), "exports"
        ),
        Headline(
            "Imports", float(trade["imports"].change[i]), "%", change(dollars("imports"), "bn USD"), "imports"
        ),
        Headline(
            "Tariff revenue",
            dollars("duties"),
            "bn USD",
            f"{change(float(trade['duties'].change[i]), '%')} of income",
            "duties",
        ),
        Headline(
            "Real income, world",
            float(100 * variation.sum() / before),
            "%",
            f"{change(float(variation.sum()), 'bn USD')} a year",
            "world_real_income",
        ),
        Headline(
            "World goods trade",
            float(100 * (new_trade / old_trade - 1)) if old_trade > 0 else float("nan"),
            "%",
            change(float(new_trade - old_trade), "bn USD"),
            "world_goods_trade",
        ),
    ]
