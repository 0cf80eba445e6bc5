"""First-order rates from shares and elasticities alone, where a climb starts.

By Lerner's symmetry a country's uniform tariff is a tax on its exports, and a seller's best tax on its exports is the
inverse of how much more than one the demand for them falls with their price: with χ the shares of the country's exports
that go to market j in sector s, λ its share of that market and ε the trade elasticity,

    t = 1/Σ_{j,s} χ_js ε_s (1 - λ_js)

(Lashkaripour 2021, the formula without its terms for markups; with one sector and one partner it is Gros 1987, 1/(ε λ_jj)).
Wages abroad, inputs, profits and what duties do to incomes are left out: the answer's distance from it is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from firmtrade_core.analysis.optimal.problem import Problem
    from firmtrade_core.equilibrium import Equilibrium

Array = NDArray[np.float64]


def first_order(problem: Problem, found: Equilibrium) -> Array:
    """Rates by the formula at an equilibrium, in the problem's terms, (K,); none of production subsidies.

    Parameters
    ----------
    problem
    found
        From whose shares they are taken.

    Notes
    -----
    Tariffs are uniform by the formula, whatever the instrument; taxes on exports are 1/(ε (1 - λ)), averaged over the markets
    that a rate covers. Points added are those levels less what the world charges already, weighed by trade.
    """
    rates = np.zeros(len(problem.labels))
    if problem.lever == "production_subsidy":
        return rates
    i = problem.at
    sales = np.array(found.border_value[i])
    sales[i] = 0
    bought = found.flows.sum(0)
    share = np.divide(found.flows[i], bought, out=np.zeros_like(bought), where=bought > 0)
    response = problem.elasticity * (1 - share)
    reach, cells = problem.reach, problem.cells
    if problem.lever == "tariff":
        total = float((sales * response).sum())
        level = np.full(len(rates), sales.sum() / total if total > 0 else 0.0)
    else:
        weight, pull = np.zeros(reach.shape), np.zeros(reach.shape)
        weight[i], pull[i] = sales, sales * response
        top, bottom = (np.bincount(cells[reach], part[reach], len(rates)) for part in (weight, pull))
        level = np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)
    if problem.method == "add":
        known = found.tariff if problem.lever == "tariff" else -found.subsidy
        weight = found.border_value
        top, bottom = (
            np.bincount(cells[reach], part[reach], len(rates)) for part in (known * weight, weight)
        )
        level = level - np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)
    return np.clip(level, *problem.bounds)
