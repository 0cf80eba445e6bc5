"""The public budget, whole: what a country's government takes in and pays out (MODEL 12)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from firmtrade_core.equilibrium.results import Equilibrium

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PublicBudget:
    """One government's accounts by country, million USD; receipts are positive, outlays negative.

    Attributes
    ----------
    duties : (N,)
        On imports.
    export_subsidies : (N,)
        Negative where exports are subsidised, positive where they are taxed.
    production_subsidies : (N,)
        The same for production, home sales included.
    programme_outlay : (N,)
        G', of programmes, in current prices of the final basket.
    labour_tax : (N,)
        τ_L w'L'; negative where duties come back through it.
    """

    duties: Array
    export_subsidies: Array
    production_subsidies: Array
    programme_outlay: Array
    labour_tax: Array

    @property
    def balance(self) -> Array:
        """Their sum: what people receive from the budget, or pay into it where it is negative, (N,)."""
        return np.sum([getattr(self, item.name) for item in fields(self)], axis=0)

    def items(self) -> dict[str, Array]:
        """Every line and their sum, by name."""
        return {item.name: getattr(self, item.name) for item in fields(self)} | {"balance": self.balance}


def budget_before(equilibrium: Equilibrium) -> PublicBudget:
    """The budget of the baseline world."""
    world, tax = equilibrium.world, equilibrium.parameters.labour_tax
    exports, production = _split(world.subsidy, world.border_value, _production_rate(world.subsidy))
    labour = np.zeros_like(world.duties) if tax is None else tax * equilibrium.baseline.labour_income
    return PublicBudget(world.duties, -exports, -production, np.zeros_like(world.duties), labour)


def budget_after(equilibrium: Equilibrium) -> PublicBudget:
    """The budget of the counterfactual."""
    rate = _production_rate(equilibrium.subsidy)
    exports, production = _split(equilibrium.subsidy, equilibrium.border_value, rate)
    return PublicBudget(
        equilibrium.duties,
        -exports,
        -production,
        -equilibrium.outlay,
        equilibrium.labour_tax * equilibrium.labour_income,
    )


def _production_rate(subsidy: Array) -> Array:
    """s, (N, S), from what home sales receive: 1 - b_ii = 1/(1+s), for no subsidy on exports is paid at home."""
    return 1 / (1 - np.einsum("iis->is", subsidy)) - 1


def _split(subsidy: Array, border_value: Array, rate: Array) -> tuple[Array, Array]:
    """Outlays on exports and on production, (N,) each; 1 - b' = (1 - b)/(1 + s) on every market."""
    paid = 1 + rate[:, None, :]
    export = 1 - (1 - subsidy) * paid
    market = border_value / (1 - export)
    return (export * market).sum((1, 2)), ((paid - 1) * market).sum((1, 2))
