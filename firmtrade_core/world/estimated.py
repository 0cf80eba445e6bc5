"""Which cells of a world are estimated rather than observed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.world.world import World


def estimated_cells(world: World) -> NDArray[np.bool_]:
    """Trade cells abroad that are estimated, (N, N, S): the smallest ones, as many as make up the share that is stated."""
    trade = world.border_value * ~np.eye(len(world.countries), dtype=bool)[:, :, None]
    share = world.provenance.estimated_share
    if not share:
        return np.zeros(trade.shape, dtype=bool)
    values = np.sort(trade[trade > 0])
    total = np.cumsum(values)
    count = int(np.searchsorted(total, (share + 1e-9) * total[-1], side="right"))
    return (trade > 0) & (trade < (values[count] if count < len(values) else np.inf))
