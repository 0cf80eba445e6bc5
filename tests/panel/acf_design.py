"""The Monte Carlo design of Ackerberg, Caves and Frazer (2015, section 5): β_l = 0.6, β_k = 0.4.

Firms produce K^0.4 L^0.6 e^ω, materials in fixed proportion; ω has persistence 0.7 and standard deviation 0.3,
log wages 0.3 and 0.1, measurement error 0.1. Capital follows the optimal investment under quadratic adjustment
costs that differ by firm; labour is chosen a part b of a year before materials.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]

LABOUR, CAPITAL = 0.6, 0.4
PERSISTENCE, SPREAD = 0.7, 0.3
WAGE_PERSISTENCE, WAGE_SPREAD = 0.3, 0.1
MEASUREMENT_ERROR = 0.1
DEPRECIATION, DISCOUNT = 0.2, 0.95
COST_SPREAD = 0.6


@dataclass(frozen=True)
class Case:
    """Data-generating process 1, 2 or 3 of ACF."""

    wages_vary: bool
    #: Part of a year by which labour is chosen before materials.
    ahead: float
    #: Standard deviation of log optimisation error in labour.
    labour_error: float


CASES = {1: Case(True, 0.5, 0.0), 2: Case(False, 0.0, 0.37), 3: Case(True, 0.5, 0.37)}


def draw(case: Case, seed: int, firms: int = 1_000, years: int = 10, burn_in: int = 60) -> pd.DataFrame:
    """Logs of output, labour, capital and materials by firm and year, and true ``omega``."""
    generator = np.random.default_rng(seed)
    wage_spread = WAGE_SPREAD if case.wages_vary else 0.0
    omega, wage = SPREAD * generator.standard_normal(firms), wage_spread * generator.standard_normal(firms)
    inverse_cost = np.exp(COST_SPREAD * generator.standard_normal(firms))
    capital = np.full(firms, 1.0)
    seen = []
    for year in range(burn_in + years):
        middle, omega_next = _step(omega, case.ahead, generator)
        wage = WAGE_PERSISTENCE * wage + wage_spread * np.sqrt(
            1 - WAGE_PERSISTENCE**2
        ) * generator.standard_normal(firms)
        expected = _expected(middle, case.ahead)
        labour = capital * (LABOUR * np.exp(expected - wage)) ** (1 / (1 - LABOUR))
        employed = labour * np.exp(case.labour_error * generator.standard_normal(firms))
        produced = CAPITAL * np.log(capital) + LABOUR * np.log(employed) + omega_next
        # Materials follow labour as employed if it is chosen before them, else labour as intended.
        error = 0.0 if case.ahead else LABOUR * np.log(employed / labour)
        output = produced + MEASUREMENT_ERROR * generator.standard_normal(firms)
        if year >= burn_in:
            columns = {
                "output": output,
                "labour": np.log(employed),
                "capital": np.log(capital),
                "materials": produced - error,
            }
            seen.append(
                pd.DataFrame({"firm": np.arange(firms), "year": year, **columns, "omega": omega_next})
            )
        omega = omega_next
        capital = (1 - DEPRECIATION) * capital + _investment(omega, wage, inverse_cost, case, wage_spread)
    return pd.concat(seen, ignore_index=True)


def _step(omega: Array, ahead: float, generator: np.random.Generator) -> tuple[Array, Array]:
    """Productivity when labour is chosen, and when materials are: its persistence over a year is 0.7."""
    first, second = PERSISTENCE ** (1 - ahead), PERSISTENCE**ahead
    noise = generator.standard_normal((2, len(omega)))
    middle = first * omega + SPREAD * np.sqrt(1 - first**2) * noise[0]
    return middle, second * middle + SPREAD * np.sqrt(1 - second**2) * noise[1]


def _expected(middle: Array, ahead: float) -> Array:
    """Log of E[e^ω] given productivity when labour is chosen."""
    second = PERSISTENCE**ahead
    return second * middle + SPREAD**2 * (1 - second**2) / 2


def _investment(omega: Array, wage: Array, inverse_cost: Array, case: Case, wage_spread: float) -> Array:
    """Marginal value of capital over the slope of adjustment costs: returns are constant, so it is a sum."""
    value = np.zeros_like(omega)
    power, wage_power = 1 / (1 - LABOUR), LABOUR / (1 - LABOUR)
    for ahead in range(60):
        # Productivity when labour will be chosen, a part of a year before materials of year `ahead` + 1.
        rho = PERSISTENCE ** (ahead + 1 - case.ahead)
        mean = PERSISTENCE**case.ahead * rho * omega
        spread = SPREAD * PERSISTENCE**case.ahead * np.sqrt(1 - rho**2)
        within = SPREAD**2 * (1 - PERSISTENCE ** (2 * case.ahead)) / 2
        wage_rho = WAGE_PERSISTENCE ** (ahead + 1)
        wage_variance = wage_spread**2 * (1 - wage_rho**2)
        product = (
            power * (mean + within) + (power * spread) ** 2 / 2
            - wage_power * wage_rho * wage + wage_power**2 * wage_variance / 2
        )  # fmt: skip
        value += DISCOUNT * (DISCOUNT * (1 - DEPRECIATION)) ** ahead * np.exp(product)
    return inverse_cost * (1 - LABOUR) * LABOUR**wage_power * value
