"""Many structures of one world solved together: draws for bands, each with its own certificate (MODEL 14)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.equilibrium.parameters import Parameters
from firmtrade_core.equilibrium.results import Equilibrium
from firmtrade_core.equilibrium.shock import Shock
from firmtrade_core.equilibrium.solver import solve
from firmtrade_core.world.world import World

Array = NDArray[np.float64]
Read = TypeVar("Read")

#: Threads that work on draws unless told otherwise.
THREADS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True, eq=False)
class Draw:
    """One structure of an ensemble.

    Parameters
    ----------
    parameters : Parameters
    shock : Shock, optional
        Where it differs from the ensemble's: an effect of policy that is itself uncertain.
    world : World, optional
        Where the baseline itself is drawn.
    """

    parameters: Parameters
    shock: Shock | None = None
    world: World | None = None


@dataclass(frozen=True, eq=False)
class Solutions(Generic[Read]):
    """What was read off every draw.

    Attributes
    ----------
    values : list
        One per draw, None where it failed.
    residual : (D,)
        Largest residual of each draw's certificate; NaN where it failed.
    iterations : (D,)
    failed : dict of int to str
        Draws without a certified equilibrium, and why.
    """

    values: list[Read | None]
    residual: Array
    iterations: NDArray[np.intp]
    failed: dict[int, str] = field(default_factory=dict)


def solve_many(
    world: World,
    shock: Shock,
    draws: Sequence[Draw | Parameters],
    read: Callable[[Equilibrium], Read],
    *,
    centre: Equilibrium | None = None,
    threads: int = THREADS,
) -> Solutions[Read]:
    """The world after a shock under many structures.

    Parameters
    ----------
    world : World
    shock : Shock
    draws : sequence of Draw or Parameters
    read : callable
        What is kept of each certified equilibrium, which itself is not: one takes megabytes. Called from several threads.
    centre : Equilibrium, optional
        The answer under the structure in the middle, from which all draws start.
    threads : int

    Returns
    -------
    Solutions
        Draws that have no certified equilibrium are named, with the reason.
    """
    given = [draw if isinstance(draw, Draw) else Draw(draw) for draw in draws]

    def one(draw: Draw) -> tuple[Read | None, float, int, str]:
        try:
            found = solve(draw.world or world, draw.shock or shock, draw.parameters, start=centre)
        except EquilibriumError as error:
            return None, np.nan, 0, str(error)
        return read(found), found.certificate.largest, found.certificate.iterations, ""

    with ThreadPoolExecutor(max(1, threads)) as pool:
        rows = list(pool.map(one, given))
    return Solutions(
        [row[0] for row in rows],
        np.array([row[1] for row in rows]),
        np.array([row[2] for row in rows], dtype=np.intp),
        {at: row[3] for at, row in enumerate(rows) if row[3]},
    )
