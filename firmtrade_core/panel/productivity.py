"""Productivity by index number, and markups from production functions."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.panel.control_function import ProductionFunction
from firmtrade_core.panel.errors import EstimationError
from firmtrade_core.panel.panel import FirmPanel

Array = NDArray[np.float64]

INPUTS = ("employment", "capital", "materials")


def productivity_index(panel: FirmPanel) -> pd.Series:
    """Total factor productivity of every firm and year against its sector's average firm of the first year.

    The chained multilateral index of Caves, Christensen and Diewert (1982), extended over time by Good, Nadiri and
    Sickles (1997)::

        ln A_it = (y_it - ȳ_t) + Σ_τ (ȳ_τ - ȳ_τ-1)
                - Σ_n ½ (s_nit + s̄_nt)(x_nit - x̄_nt) - Σ_τ Σ_n ½ (s̄_nτ + s̄_nτ-1)(x̄_nτ - x̄_nτ-1)

    with bars for means over the sector's firms of a year. Shares are of sales: wages, materials, and capital the rest
    (constant returns).

    Returns
    -------
    Series
        Log points, rows as in ``panel.firms``; missing where an input or output is, or where wages and materials
        together exceed sales.

    Raises
    ------
    ColumnError
        Naming what the panel lacks.
    """
    panel.need("sales", "wages", *INPUTS)
    table = panel.firms
    numbers = table[["sales", "wages", *INPUTS]].astype(float)
    share = pd.DataFrame(
        {
            "employment": numbers["wages"] / numbers["sales"],
            "materials": numbers["materials"] / numbers["sales"],
        }
    )
    share["capital"] = 1 - share["employment"] - share["materials"]
    usable = (numbers > 0).all(axis=1) & (share["capital"] >= 0)
    index = pd.Series(np.nan, index=table.index, name="productivity_index")
    for _, rows in table[usable].groupby("sector", observed=True).groups.items():
        logs = np.log(numbers.loc[rows, ["sales", *INPUTS]].to_numpy())
        index.loc[rows] = _chained(
            logs[:, 0],
            logs[:, 1:],
            share.loc[rows, list(INPUTS)].to_numpy(),
            table.loc[rows, "year"].to_numpy(),
        )
    return index


def _chained(output: Array, inputs: Array, shares: Array, year: NDArray[np.int64]) -> Array:
    years, position = np.unique(year, return_inverse=True)
    count = np.bincount(position)

    def mean(values: Array) -> Array:
        columns = values.reshape(len(values), -1).T
        return np.column_stack([np.bincount(position, column) / count for column in columns])

    y, x, s = mean(output), mean(inputs), mean(shares)
    drift = np.zeros(len(years))
    drift[1:] = (np.diff(y[:, 0]) - (0.5 * (s[1:] + s[:-1]) * np.diff(x, axis=0)).sum(1)).cumsum()
    weights = 0.5 * (shares + s[position])
    own = (output - y[position, 0]) - (weights * (inputs - x[position])).sum(1)
    return np.asarray(own + drift[position])


def markups(
    panel: FirmPanel,
    function: ProductionFunction,
    *,
    elasticity: float | None = None,
    cost: str = "wages",
    revenue: str = "value_added",
) -> pd.Series:
    """Price over marginal cost of every firm and year (De Loecker, Warzynski 2012).

    ``μ = θ / α``: the output elasticity of an input chosen freely over its share in revenue, the latter without what
    nobody foresaw, ``α = cost / (revenue e^-ε)``.

    Parameters
    ----------
    function
        Estimated on the panel's own rows (`control_function.production_data`).
    elasticity
        θ; labour's unless given.
    cost, revenue
        Columns of what the input cost, and of the output that the function explains.

    Raises
    ------
    ColumnError, EstimationError
        Where a column is missing, or the function belongs to other rows.
    """
    panel.need(cost, revenue)
    table = panel.firms
    if not table.index.equals(function.expected_output.index):
        raise EstimationError(
            "The production function was estimated on other rows; estimate it on this panel."
        )
    theta = function.labour if elasticity is None else elasticity
    expected = np.exp(function.expected_output)
    paid = table[cost].astype(float)
    return (theta * expected / paid.where(paid > 0)).rename("markup")
