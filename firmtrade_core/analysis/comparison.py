"""Any two results on one world against each other; the first may be the baseline or any scenario.

Changes are those from the first to the second: percent of the first's level, so that a scenario can stand in for
the baseline everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium.states import State, abroad, before_and_after
from firmtrade_core.labels import VARIABLES, Variable

Array = NDArray[np.float64]

BILLION = 1e-3  # of million USD

#: Measures by sector, in the order of the screen.
SECTOR_MEASURES = ("exports", "imports", "output", "employment")

_NOT_COUNTED = "Exporters are counted where firms select into markets: choose Pareto or lognormal under Model choices in both."


@dataclass(frozen=True, eq=False)
class Difference:
    """One variable for all countries, from the first to the second result.

    Parameters
    ----------
    variable
    change : (N,)
        In the variable's unit; NaN where there is none.
    old, new : (N,), optional
        Levels in the variable's level unit.
    missing
        Why there are no values, in words for people; empty where there are.
    low, high : (N,), optional
        Ends of the 90 % band of the change, where one was drawn.
    """

    variable: Variable
    change: Array
    old: Array | None = None
    new: Array | None = None
    missing: str = ""
    low: Array | None = None
    high: Array | None = None


@dataclass(frozen=True, eq=False)
class SectorDifference:
    """One measure for all countries and sectors.

    Parameters
    ----------
    measure
        Of `SECTOR_MEASURES`.
    percent : (N, S)
        Change; NaN where there was nothing before.
    dollars : (N, S)
        Change in billion USD; NaN for jobs, which have none.
    """

    measure: str
    percent: Array
    dollars: Array


class Comparison:
    """Two results on one world.

    Parameters
    ----------
    second : Equilibrium
    first : Equilibrium, optional
        What it is read against; the world's baseline unless given.

    Raises
    ------
    ComparisonError
        If they stand on different worlds.
    """

    def __init__(self, second: Equilibrium, first: Equilibrium | None = None) -> None:
        self.before, self.after = before_and_after(second, first)
        self.world = self.after.world

    def country(self, key: str) -> Difference:
        """Change of a variable of `labels.VARIABLES` by country; raises KeyError where there is none."""
        return _READERS[key](VARIABLES[key], self.before, self.after)

    def sides(self, key: str) -> tuple[Difference, Difference]:
        """Each of the two against the world's baseline, for maps side by side."""
        baseline = State(self.world)
        read, variable = _READERS[key], VARIABLES[key]
        return read(variable, baseline, self.before), read(variable, baseline, self.after)

    def common_values(self, key: str) -> Array:
        """Every change that the two sides show, (2N,): what a common colour scale must hold."""
        return np.concatenate([side.change for side in self.sides(key)])

    def sectors(self, measure: str) -> SectorDifference:
        """Change of a measure by country and sector; raises KeyError where there is none."""
        if measure == "employment":
            produced = self.before.accounts("gross_output") > 0
            percent = np.where(produced, _percent(self.after.employment, self.before.employment), np.nan)
            return SectorDifference(measure, percent, np.full(self.world.shape, np.nan))
        old, new = (_SECTOR_LEVELS[measure](state) for state in (self.before, self.after))
        return SectorDifference(measure, _percent(new, old), (new - old) * BILLION)

    def table(self) -> pd.DataFrame:
        """Every variable by country.

        Returns
        -------
        DataFrame
            variable, country, name, unit; first and second (each against the world's baseline) and difference
            (from the first to the second), all in ``unit``.
        """
        return pd.concat([self._rows(key) for key in VARIABLES], ignore_index=True)

    def _rows(self, key: str) -> pd.DataFrame:
        first, second = self.sides(key)
        return pd.DataFrame(
            {
                "variable": VARIABLES[key].label,
                "country": self.world.countries,
                "name": [country_name(code) for code in self.world.countries],
                "unit": VARIABLES[key].unit,
                "first": first.change,
                "second": second.change,
                "difference": self.country(key).change,
            }
        )

    def sector_table(self, country: str) -> pd.DataFrame:
        """Every measure by sector in one country: measure, sector, name, percent, billion_usd."""
        i = self.world.country_index(country)
        return pd.concat(
            [
                pd.DataFrame(
                    {
                        "measure": measure,
                        "sector": self.world.sectors,
                        "name": [self.world.sector_name(code) for code in self.world.sectors],
                        "percent": (found := self.sectors(measure)).percent[i],
                        "billion_usd": found.dollars[i],
                    }
                )
                for measure in SECTOR_MEASURES
            ],
            ignore_index=True,
        )


# Variables by country ---------------------------------------------------------------------------

_Reader = Callable[[Variable, State, State], Difference]


def _percent(new: Array, old: Array) -> Array:
    return 100 * (np.divide(new, old, out=np.full(new.shape, np.nan), where=old > 0) - 1)


def _index(attribute: str) -> _Reader:
    def read(variable: Variable, before: State, after: State) -> Difference:
        return Difference(variable, _percent(after.country_index(attribute), before.country_index(attribute)))

    return read


def _real_income(variable: Variable, before: State, after: State) -> Difference:
    income = before.world.income * BILLION
    old, new = (income * state.country_index("real_income_change") for state in (before, after))
    return Difference(variable, _percent(new, old), old, new)


def _traded(axes: tuple[int, int]) -> _Reader:
    def read(variable: Variable, before: State, after: State) -> Difference:
        old, new = (state.traded_abroad(axes) * BILLION for state in (before, after))
        return Difference(variable, _percent(new, old), old, new)

    return read


def _exporters(variable: Variable, before: State, after: State) -> Difference:
    if not (before.counts_exporters and after.counts_exporters):
        return Difference(variable, np.full(len(before.world.countries), np.nan), missing=_NOT_COUNTED)
    weight = abroad(before.accounts("border_value"))
    there = weight > 0
    ratio = np.divide(after.exporters, before.exporters, out=np.zeros(weight.shape), where=there)
    return Difference(variable, _percent((weight * ratio).sum((1, 2)), weight.sum((1, 2))))


def _duties(variable: Variable, before: State, after: State) -> Difference:
    """Duties, over income before; NaN where hardly a tariff is known and none is set."""
    old, new = (state.accounts("duties") * BILLION for state in (before, after))
    told = before.world.duties_known | (np.abs(new - old) > 1e-9 * (1 + old))
    old, new = np.where(before.world.duties_known, old, np.nan), np.where(told, new, np.nan)
    change = (new - np.nan_to_num(old)) / (before.accounts("income") * BILLION)
    return Difference(variable, 100 * change, old, new)


_READERS: dict[str, _Reader] = {
    "real_income": _real_income,
    "real_wage": _index("real_wage_change"),
    "exports": _traded((1, 2)),
    "imports": _traded((0, 2)),
    "exporters": _exporters,
    "wages": _index("wage_change"),
    "prices": _index("price_index_change"),
    "duties": _duties,
}

_SECTOR_LEVELS: dict[str, Callable[[State], Array]] = {
    "exports": lambda state: state.traded_abroad((1,)),
    "imports": lambda state: state.traded_abroad((0,)),
    "output": lambda state: state.accounts("gross_output"),
}
