"""Closes a world from its shares: the mending step (b) of MODEL 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firmtrade_core.labels import grouped
from firmtrade_core.labels.units import in_percent
from firmtrade_core.world.errors import AccountsError, NegativeValueError, ShapeError
from firmtrade_core.world.world import Provenance, World

Array = NDArray[np.float64]

#: How far shares that should sum to one may be off before they are refused; below it they are rescaled.
SHARE_TOLERANCE = 1e-4

_CONVERGED = 1e-15
_LONGEST = 100_000


def close_from_shares(
    *,
    countries: Sequence[str],
    sectors: Sequence[str],
    trade_shares: ArrayLike,
    input_shares: ArrayLike,
    final_shares: ArrayLike,
    value_added: ArrayLike,
    tariff: ArrayLike,
    subsidy: ArrayLike | None = None,
    supplied_expenditure: ArrayLike | None = None,
    provenance: Provenance | None = None,
    **labels: Any,
) -> World:
    """The flows at which every account closes, given shares and value added (MODEL 1, step b).

    Shares that were rounded, averaged or stripped of negative entries no longer agree with the flows
    they came from, and a counterfactual would mix the shock with that disagreement. Here shares and
    value added are held, and expenditures E and final spending Y solve

        E_jk = α_jk Y_j + Σ_s γ_jks R_js,   R_is = Σ_j π_ijs E_js / T_ijs,   Σ_s β_is R_is = VA_i,

    with labour's share β = 1 - Σ_k γ and cost equal to revenue (competitive production). Deficits
    follow, D = Y - VA - duties + subsidy outlay, and sum to zero: value added is held rather than
    deficits, because it is what wages are measured against, and deficits are residuals in every source.

    Parameters
    ----------
    countries, sectors
        N and S codes.
    trade_shares : (N, N, S)
        π: share of each origin in the destination's expenditure at consumer prices.
    input_shares : (N, S, S)
        γ: share of input k (axis 1) in the cost of user s (axis 2); the rest is labour's.
    final_shares : (N, S)
        α: shares of final demand.
    value_added : (N,)
        Million USD.
    tariff, subsidy : (N, N, S)
        Fractions; no subsidies unless given.
    supplied_expenditure : (N, S), optional
        E as the source gives it, million USD; the provenance then states how far the closed world is from it.
    provenance : Provenance, optional
    **labels
        Further fields of `World`: name, goods, sector_names.

    Raises
    ------
    ShapeError, NegativeValueError
        Where an array does not fit the labels, or holds a negative share.
    AccountsError
        Where shares do not sum to one, labour's share is zero, a sector is bought but has no seller,
        or a country's value added cannot be earned from these shares; names the country and sector.
    """
    n, s = len(countries), len(sectors)
    names = (tuple(countries), tuple(sectors))
    pi = _given(trade_shares, (n, n, s), "trade_shares")
    gamma = _given(input_shares, (n, s, s), "input_shares")
    alpha = _summing_to_one(_given(final_shares, (n, s), "final_shares"), names)
    earned = _given(value_added, (n,), "value_added")
    t = np.asarray(tariff, dtype=np.float64)
    b = np.zeros((n, n, s)) if subsidy is None else np.asarray(subsidy, dtype=np.float64)
    beta = _labour_shares(gamma, names)
    pi = _market_shares(pi, (alpha > 0) | (gamma.sum(2) > 0), names)
    received = pi / ((1 + t) * (1 - b))
    response = _expenditure_response(alpha, gamma, received)
    final_spending = _final_spending(beta, received, response, earned, names[0])
    spending = response @ final_spending
    revenue = np.einsum("ijs,js->is", received, spending)
    note = "closed from shares, holding trade, input and final-demand shares and value added"
    if supplied_expenditure is not None:
        supplied = _given(supplied_expenditure, (n, s), "supplied_expenditure")
        note += f"; {_distance(spending, supplied, names)}"
    source = provenance or Provenance()
    return World(
        countries=names[0],
        sectors=names[1],
        expenditure=pi * spending,
        tariff=t,
        subsidy=b,
        inputs=gamma * revenue[:, None, :],
        provenance=replace(source, changes=(*source.changes, note)),
        **labels,
    )


def _expenditure_response(alpha: Array, gamma: Array, received: Array) -> Array:
    """E per unit of each country's final spending, (N, S, N): the Leontief series summed to the last digit."""
    n, s = alpha.shape
    direct = np.zeros((n, s, n))
    direct[np.arange(n), :, np.arange(n)] = alpha
    per_sector = np.ascontiguousarray(received.transpose(2, 0, 1))
    total, layer = direct.copy(), direct
    for _ in range(_LONGEST):
        revenue = (per_sector @ layer.transpose(1, 0, 2)).transpose(1, 0, 2)
        layer = gamma @ revenue
        total += layer
        if layer.max() <= _CONVERGED * total.max():
            return total
    raise AccountsError("Input shares are so close to one that rounds of input purchases never end.")


def _final_spending(
    beta: Array, received: Array, response: Array, value_added: Array, countries: tuple[str, ...]
) -> Array:
    """Y, (N,): the final spending at which each country earns its value added."""
    earnings = np.einsum("is,ijs,jsm->im", beta, received, response, optimize=True)
    try:
        spending: Array = np.linalg.solve(earnings, value_added)
    except np.linalg.LinAlgError:
        raise AccountsError(
            "These trade shares leave some country without sales, so its value added cannot be earned."
        ) from None
    if not (spending > 0).all():
        worst = int(spending.argmin())
        raise AccountsError(
            f"{countries[worst]}: a value added of {grouped(value_added[worst], '.6g')} million USD calls for final spending of "
            f"{grouped(spending[worst], '.6g')}. Check its value added against its trade shares."
        )
    return spending


def _given(values: ArrayLike, shape: tuple[int, ...], name: str) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != shape:
        raise ShapeError(f"{name} has shape {array.shape}, but the labels call for {shape}.")
    if not (np.isfinite(array).all() and (array >= 0).all()):
        raise NegativeValueError(
            f"{name} must hold finite numbers, zero or more. Set negative shares to zero and rescale the rest."
        )
    return array


def _summing_to_one(shares: Array, names: tuple[tuple[str, ...], tuple[str, ...]]) -> Array:
    sums = shares.sum(1)
    off = np.abs(sums - 1)
    if off.max() > SHARE_TOLERANCE:
        worst = int(off.argmax())
        raise AccountsError(f"Final-demand shares of {names[0][worst]} sum to {sums[worst]:.6g}, not to one.")
    return shares / sums[:, None]


def _labour_shares(gamma: Array, names: tuple[tuple[str, ...], tuple[str, ...]]) -> Array:
    beta = 1 - gamma.sum(1)
    if (beta <= 0).any():
        i, s = (int(k) for k in np.unravel_index(int(beta.argmin()), beta.shape))
        raise AccountsError(
            f"{names[0][i]}, {names[1][s]}: input shares sum to {1 - beta[i, s]:.6g} and leave labour nothing."
        )
    return beta


def _market_shares(
    pi: Array, bought: NDArray[np.bool_], names: tuple[tuple[str, ...], tuple[str, ...]]
) -> Array:
    """Trade shares summing to one wherever something is bought."""
    sums = pi.sum(0)
    off = np.abs(np.where(bought | (sums > 0), sums, 1.0) - 1)
    if off.max() > SHARE_TOLERANCE:
        j, s = (int(k) for k in np.unravel_index(int(off.argmax()), off.shape))
        raise AccountsError(
            f"Trade shares of {names[0][j]} in {names[1][s]} sum to {sums[j, s]:.6g}, not to one."
        )
    return pi / np.where(sums > 0, sums, 1.0)


def _distance(spending: Array, supplied: Array, names: tuple[tuple[str, ...], tuple[str, ...]]) -> str:
    change = np.abs(spending - supplied) / supplied.sum(1, keepdims=True)
    j, k = (int(i) for i in np.unravel_index(int(change.argmax()), change.shape))
    moved = 0.5 * np.abs(spending - supplied).sum() / supplied.sum()
    return (
        f"largest change {in_percent(change[j, k])} of the country's expenditure ({names[0][j]}, {names[1][k]}), "
        f"{in_percent(moved)} of world expenditure moved"
    )
