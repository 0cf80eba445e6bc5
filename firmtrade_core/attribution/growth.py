"""Sources of past growth: the structure of trade in two years of data (MODEL 8).

Shares of two years obey π̂_ij = Â_i B̂_ij P_j with A the origin's costs and firms, B what trade costs do and P the
destination's competition; home trade is free, B_jj = 1. Tariffs are data. Other costs are symmetric by pair up to
a remainder, which identifies A up to a common factor (Head and Ries 2001); the factor parts
supply from competition abroad alike everywhere, and is set so that mean supply stands still. Where a country
sells nothing at home, what would be measured against home sales counts as unexplained.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.attribution.result import Attribution, AttributionError
from firmtrade_core.attribution.shapley import shapley_values
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

_SOURCES = ("demand", "resistance", "tariffs", "trade_costs", "supply", "residual")


def attribute_growth(
    first: World, second: World, country: str, trade_elasticity: float | Array = 4.0, name: str = ""
) -> Attribution:
    """Split the growth of a country's exports between two years of data.

    Parameters
    ----------
    first, second : World
        Of the same countries and sectors.
    trade_elasticity : float or (S,)
        ε; tariffs move consumer values by -ε here.

    Raises
    ------
    AttributionError
        If the two do not share labels.
    """
    if (first.countries, first.sectors) != (second.countries, second.sectors):
        odd = sorted({*first.countries, *first.sectors} ^ {*second.countries, *second.sectors})[:5]
        raise AttributionError(
            f"The two worlds differ in their countries or sectors ({', '.join(odd) or 'their order'}); bring them to one "
            "list with `world aggregate` first."
        )
    i = first.country_index(country)
    elasticity = np.broadcast_to(np.asarray(trade_elasticity, dtype=float), (len(first.sectors),))
    before, after = (np.array(world.border_value[i]) for world in (first, second))
    before[i] = after[i] = 0.0
    both = (before > 0) & (after > 0)
    terms = _terms(first, second, i, elasticity)
    start = np.where(both, before, 0.0)

    def exports(members: frozenset[int]) -> Array:
        total = sum((terms[_SOURCES[p]] for p in members), np.zeros_like(start))
        return start * np.exp(np.where(both, total, 0.0))

    parts = shapley_values(len(_SOURCES), exports)
    appeared = np.where(both, 0.0, after - before)
    sources: tuple[str, ...] = _SOURCES
    if appeared.any():
        sources, parts = (
            (*_SOURCES[:-1], "new_flows", "residual"),
            np.concatenate([parts[:-1], appeared[None], parts[-1:]]),
        )
    years = [str(w.provenance.year or w.name) for w in (first, second)]
    return Attribution(
        first,
        country,
        sources,
        before,
        after,
        parts,
        name or f"{years[0]} to {years[1]}",
        f"Trade elasticity {elasticity.mean():.3g} on tariffs; other trade costs are taken to move alike in both directions "
        "of a pair, what differs by direction is shown apart. Growth in dollars, world inflation included.",
    )


def _terms(first: World, second: World, i: int, elasticity: Array) -> dict[str, Array]:
    """What each source adds to ln V between the years, (N, S)."""
    n, s = first.shape
    home = np.arange(n)
    shares = [_log(world.shares) for world in (first, second)]
    spending = [_log(world.total_expenditure) for world in (first, second)]
    change = shares[1] - shares[0]
    own = change[home, home]
    tariff = np.log1p(second.tariff) - np.log1p(first.tariff)
    # y_ij = a_i - a_j + b_ij, with b_ij = b_ji up to the remainder.
    relative = change - own[None, :, :] + elasticity * tariff
    weight = np.sqrt(first.border_value * first.border_value.swapaxes(0, 1))
    usable = np.isfinite(relative) & np.isfinite(relative.swapaxes(0, 1))
    weight = np.where(usable, weight, 0.0)
    relative = np.where(usable, relative, 0.0)
    supply = np.stack([_supply(relative[:, :, k], weight[:, :, k]) for k in range(s)], axis=1)
    # Where a destination sells nothing at home its competition is not seen apart from its supply.
    seen = np.where(np.isfinite(own), own, 0.0)
    one_way = np.where(np.isfinite(change[i]), change[i] - seen + elasticity * tariff[i], 0.0)
    symmetric = np.where(usable[i], (relative[i] + relative[:, i]) / 2, 0.0)
    # V = X/(1+t): a tariff takes its own rate off the border value besides moving trade.
    terms = {
        "demand": spending[1] - spending[0],
        "resistance": seen - supply,
        "tariffs": -(1 + elasticity) * tariff[i],
        "trade_costs": symmetric,
        "supply": np.broadcast_to(supply[i], (n, s)),
        "residual": one_way - (supply[i] - supply) - symmetric,
    }
    return {name: np.where(np.isfinite(term), term, 0.0) for name, term in terms.items()}


def _log(values: Array) -> Array:
    """ln, NaN where there is nothing."""
    return np.asarray(np.log(np.where(values > 0, values, np.nan)))


def _supply(relative: Array, weight: Array) -> Array:
    """a with (y_ij - y_ji)/2 nearest to a_i - a_j by weighted least squares, (N,); trade-weighted mean zero."""
    half = (relative - relative.T) / 2
    both = weight + weight.T
    np.fill_diagonal(both, 0.0)
    laplacian = np.diag(both.sum(1)) - both
    found = np.linalg.lstsq(laplacian, (both * half).sum(1), rcond=1e-12)[0]
    total = both.sum()
    return np.asarray(found - ((both.sum(1) @ found) / total if total > 0 else 0.0))
