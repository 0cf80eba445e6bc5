"""The public budget, whole: what a country's government takes in and pays out (MODEL 12)."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

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


def budget(
    subsidy: Array, border_value: Array, duties: Array, outlay: Array, labour_tax: Array
) -> PublicBudget:
    """A government's accounts by country.

    Parameters
    ----------
    subsidy : (N, N, S)
        b, those on production included.
    border_value : (N, N, S)
        V, million USD.
    duties, outlay, labour_tax : (N,)
        tV by importer, G of programmes, τ_L wL, million USD.
    """
    rate = _production_rate(subsidy)
    exports, production = _split(subsidy, border_value, rate)
    return PublicBudget(duties, -exports, -production, -outlay, labour_tax)


def _production_rate(subsidy: Array) -> Array:
    """s, (N, S), from what home sales receive: 1 - b_ii = 1/(1+s), for no subsidy on exports is paid at home."""
    return 1 / (1 - np.einsum("iis->is", subsidy)) - 1


def _split(subsidy: Array, border_value: Array, rate: Array) -> tuple[Array, Array]:
    """Outlays on exports and on production, (N,) each; 1 - b' = (1 - b)/(1 + s) on every market."""
    if not subsidy.any():
        return np.zeros(len(rate)), np.zeros(len(rate))
    paid = 1 + rate[:, None, :]
    export = 1 - (1 - subsidy) * paid
    market = border_value / (1 - export)
    return (export * market).sum((1, 2)), ((paid - 1) * market).sum((1, 2))
