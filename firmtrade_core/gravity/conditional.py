"""Trade when trade costs change but outputs and expenditures stay: conditional general equilibrium."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firmtrade_core.world.balance import balance_flows

Array = NDArray[np.float64]


def conditional_flows(trade_cost_term: ArrayLike, output: ArrayLike, expenditure: ArrayLike) -> Array:
    """Structural gravity flows at given outputs and expenditures (Anderson and van Wincoop 2003).

    X_ij = Y_i E_j/Y · τ_ij^(1-σ) / (Π_i^(1-σ) P_j^(1-σ)): the multilateral resistances Π and P that make
    rows sum to outputs and columns to expenditures are the factors of a biproportional scaling of the
    trade-cost terms. With PPML's coefficients and the observed totals these are PPML's fitted flows.

    Parameters
    ----------
    trade_cost_term : (N, N)
        τ^(1-σ), up to any factor by row or column.
    output, expenditure : (N,)
        Y and E, with equal sums.

    Raises
    ------
    MarginError
        If no flows have these sums.
    """
    return balance_flows(trade_cost_term, output, expenditure, tolerance=1e-13).flows
