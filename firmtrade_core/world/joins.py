"""Who is missing where tables are joined: named, with what they are worth, never taken for zero in silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.labels import grouped

Array = NDArray[np.float64]

#: Economies that are named one by one; the others are counted.
MOST_NAMED = 8


def named(values: Mapping[str, float], most: int = MOST_NAMED) -> str:
    """Economies with their values, million US dollars, the largest first.

    Examples
    --------
    >>> named({"FRA": 20.0, "ZMB": 1500.0})
    'ZMB (1,500 million USD), FRA (20 million USD)'
    """
    order = sorted(values, key=lambda name: (-values[name], name))
    listed = ", ".join(f"{name} ({grouped(values[name], '.4g')} million USD)" for name in order[:most])
    left = order[most:]
    if not left:
        return listed
    return f"{listed} and {len(left)} more ({grouped(sum(values[name] for name in left), '.4g')} million USD)"


def without_partner(countries: Sequence[str], border: Array) -> list[str]:
    """What there is to say of economies that trade with nobody, or in one direction only.

    Parameters
    ----------
    border : (N, N, S)
        Flows, million US dollars.
    """
    total = border.sum(2)
    home = total.diagonal()
    exports, imports = total.sum(1) - home, total.sum(0) - home
    said = []
    for missing, words, worth in (
        (
            (exports == 0) & (imports == 0),
            "No trade with any other economy, only sales at home: {}",
            home,
        ),
        ((exports == 0) & (imports > 0), "No exports in any sector, though imports of: {}", imports),
        ((imports == 0) & (exports > 0), "No imports in any sector, though exports of: {}", exports),
    ):
        who = {countries[int(i)]: float(worth[i]) for i in np.flatnonzero(missing)}
        # Of one economy alone none has a partner.
        if who and len(countries) > 1:
            said.append(words.format(named(who)) + ".")
    return said


def without_home_sales(
    countries: Sequence[str], sectors: Sequence[str], present: NDArray[np.bool_], sales: Array
) -> tuple[dict[str, float], dict[str, float]]:
    """Economies whose home market is missing from a table that holds other economies' home markets.

    Parameters
    ----------
    present : (N, N, S) of bool
        Whether the table has a row for the cell.
    sales : (N, N, S)
        Flows, million US dollars.

    Returns
    -------
    tuple
        Economies without a row for their sales at home in any sector, with what they sell abroad; and country and sector
        of those that lack them in some sectors which they export, with what they export of these.
    """
    n = len(countries)
    at = np.arange(n)
    home = present[at, at]
    abroad = sales.sum(1) - sales[at, at]
    whole = {countries[int(i)]: float(abroad[i].sum()) for i in np.flatnonzero(~home.any(1))}
    parts = {
        f"{countries[i]} {sectors[s]}": float(abroad[i, s])
        for i, s in zip(*np.nonzero(~home & (abroad > 0)), strict=True)
        if countries[i] not in whole
    }
    return whole, parts
