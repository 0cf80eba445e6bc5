"""Where a solution lies, as a line of numbers: what one program found, another starts from and certifies for itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium.anderson import Anderson
from firmtrade_core.equilibrium.results import Equilibrium
from firmtrade_core.equilibrium.solver import Iteration, Place, State
from firmtrade_core.world.world import World

Array = NDArray[np.float64]


def place_of(equilibrium: Equilibrium) -> Array | None:
    """The point at which the solver came to rest, (U,) logs; None for what was not solved here."""
    return equilibrium.state.vector if isinstance(equilibrium.state, State) else None


def near(world: World, point: Array) -> Place:
    """A place to start from on a world.

    Parameters
    ----------
    world
    point : (U,)
        Of `place_of`, for the same world and structure; of another length it is passed by.

    Raises
    ------
    ValueError
        If it is no line of finite numbers.
    """
    given = np.array(point, dtype=np.float64)
    if given.ndim != 1 or not np.isfinite(given).all():
        raise ValueError("A place to start from is a line of finite numbers.")
    return Place(State(world.content_hash, given, Anderson(len(given), Iteration().memory)))
