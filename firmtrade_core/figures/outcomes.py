"""What a counterfactual changes, country by country and sector by sector, in the units of the screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.labels import VARIABLES, Variable
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

BILLION = 1e-3  # of million USD


@dataclass(frozen=True, eq=False)
class Outcome:
    """One variable for all countries.

    Parameters
    ----------
    variable
    change : (N,)
        In the variable's unit; NaN where there is none.
    old, new : (N,), optional
        Levels in the variable's level unit.
    missing
        Why there are no values, in words for people; empty where there are.
    """

    variable: Variable
    change: Array
    old: Array | None = None
    new: Array | None = None
    missing: str = ""


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
    """

    label: str
    value: float
    unit: str
    detail: str
    variable: str


def outcome(equilibrium: Equilibrium, key: str) -> Outcome:
    """A variable of the map.

    Parameters
    ----------
    equilibrium
    key
        Of `labels.VARIABLES`.

    Raises
    ------
    KeyError
        If there is no such variable.
    """
    return _OUTCOMES[key](equilibrium, VARIABLES[key])


def foreign(values: Array) -> Array:
    """Values between different countries, (N, N, S), with home sales set to zero."""
    abroad = values.copy()
    diagonal = np.arange(len(values))
    abroad[diagonal, diagonal] = 0.0
    return abroad


def _percent(ratio: Array) -> Array:
    return 100 * (ratio - 1)


def _ratio(new: Array, old: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(old > 0, new / np.where(old > 0, old, 1.0), np.nan)


def _real_income(equilibrium: Equilibrium, variable: Variable) -> Outcome:
    old = equilibrium.world.income * BILLION
    hat = equilibrium.real_income_change
    return Outcome(variable, _percent(hat), old, old * hat)


def _hats(attribute: str) -> Callable[[Equilibrium, Variable], Outcome]:
    def read(equilibrium: Equilibrium, variable: Variable) -> Outcome:
        return Outcome(variable, _percent(getattr(equilibrium, attribute)))

    return read


def _traded(axes: tuple[int, int]) -> Callable[[Equilibrium, Variable], Outcome]:
    def read(equilibrium: Equilibrium, variable: Variable) -> Outcome:
        old = foreign(equilibrium.world.border_value).sum(axes) * BILLION
        new = foreign(equilibrium.border_value).sum(axes) * BILLION
        return Outcome(variable, _percent(_ratio(new, old)), old, new)

    return read


def _exporters(equilibrium: Equilibrium, variable: Variable) -> Outcome:
    n = len(equilibrium.world.countries)
    if not equilibrium.has_margins:
        return Outcome(
            variable,
            np.full(n, np.nan),
            missing="All firms export in this family: choose Pareto or lognormal under Model choices to see them enter "
            "and leave markets.",
        )
    weight = foreign(equilibrium.world.border_value)
    total = weight.sum((1, 2))
    mean = (weight * np.nan_to_num(equilibrium.exporters_change)).sum((1, 2)) / np.where(
        total > 0, total, 1.0
    )
    return Outcome(variable, np.where(total > 0, _percent(mean), np.nan))


def _duties(equilibrium: Equilibrium, variable: Variable) -> Outcome:
    world = equilibrium.world
    old, new = world.duties * BILLION, equilibrium.duties * BILLION
    return Outcome(variable, 100 * (new - old) / (world.income * BILLION), old, new)


_OUTCOMES: dict[str, Callable[[Equilibrium, Variable], Outcome]] = {
    "real_income": _real_income,
    "real_wage": _hats("real_wage_change"),
    "exports": _traded((1, 2)),
    "imports": _traded((0, 2)),
    "exporters": _exporters,
    "wages": _hats("wage_change"),
    "prices": _hats("price_index_change"),
    "duties": _duties,
}


# Sectors of one country -------------------------------------------------------------------------

SECTOR_MEASURES = {
    "exports": "Exports",
    "imports": "Imports",
    "output": "Output",
    "employment": "Jobs",
}


def sector_outcomes(equilibrium: Equilibrium, country: str, measure: str) -> tuple[Array, Array]:
    """Change in percent (S,) and in billion USD (S,) of a measure by sector in one country.

    Jobs have no dollars: their second array is NaN.

    Parameters
    ----------
    equilibrium
    country
        Code.
    measure
        Of `SECTOR_MEASURES`.

    Raises
    ------
    KeyError, UnknownCodeError
    """
    world = equilibrium.world
    i = world.country_index(country)
    if measure == "employment":
        hat = equilibrium.employment_change[i]
        return _percent(np.where(world.gross_output[i] > 0, hat, np.nan)), np.full(len(world.sectors), np.nan)
    old, new = _SECTOR_LEVELS[measure](world, equilibrium, i)
    return _percent(_ratio(new, old)), (new - old) * BILLION


def _sector_exports(world: World, equilibrium: Equilibrium, i: int) -> tuple[Array, Array]:
    return foreign(world.border_value)[i].sum(0), foreign(equilibrium.border_value)[i].sum(0)


def _sector_imports(world: World, equilibrium: Equilibrium, i: int) -> tuple[Array, Array]:
    return foreign(world.border_value)[:, i].sum(0), foreign(equilibrium.border_value)[:, i].sum(0)


def _sector_output(world: World, equilibrium: Equilibrium, i: int) -> tuple[Array, Array]:
    return world.gross_output[i], equilibrium.gross_output[i]


_SECTOR_LEVELS: dict[str, Callable[[World, Equilibrium, int], tuple[Array, Array]]] = {
    "exports": _sector_exports,
    "imports": _sector_imports,
    "output": _sector_output,
}


# Numbers for the head of a page -----------------------------------------------------------------


def headlines(equilibrium: Equilibrium, country: str, name: str) -> list[Headline]:
    """Six numbers: four of one country, two of the world."""
    from firmtrade_core.labels import change

    world = equilibrium.world
    i = world.country_index(country)
    trade = {key: outcome(equilibrium, key) for key in ("exports", "imports", "duties")}

    def dollars(key: str) -> float:
        found = trade[key]
        assert found.old is not None and found.new is not None
        return float(found.new[i] - found.old[i])

    variation = equilibrium.equivalent_variation * BILLION
    world_income = world.income.sum() * BILLION
    goods = np.asarray(world.goods)
    old_trade = foreign(world.border_value)[:, :, goods].sum() * BILLION
    new_trade = foreign(equilibrium.border_value)[:, :, goods].sum() * BILLION
    return [
        Headline(
            f"Real income, {name}",
            float(_percent(equilibrium.real_income_change)[i]),
            "%",
            f"{change(float(variation[i]), 'bn USD')} a year",
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
            float(100 * variation.sum() / world_income),
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
