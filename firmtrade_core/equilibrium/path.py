"""Follows a shock from nothing to its full size where the solution is too far to reach in one go (MODEL 3, "Solver")."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium.shock import Shock
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

#: An embargo is approached as costs that grow this many times; little trade is left to end at once.
_NEAR_EMBARGO = 50.0

#: The first step, and the smallest one before the path counts as ended, as fractions of the shock.
FIRST_STRETCH, SMALLEST_STRETCH = 0.25, 2e-3

#: Stretches grow this much after one that was easy, and shrink as much after one that failed.
_STRETCH_FACTOR = 2.0

#: Iterations that count as easy.
_EASY = 25


def part_of(shock: Shock, world: World, fraction: float) -> Shock:
    """The shock at a fraction of its size, in logs: costs and wedges to that power, outlays in proportion.

    Firms under a programme stay as the programme leaves them.
    """
    changes: dict[str, Any] = {}
    for item in fields(shock):
        after = getattr(shock, item.name)
        if after is None or fraction >= 1:
            continue
        if item.name == "tariff":
            changes["tariff"] = _between(1 + world.tariff, 1 + after, fraction) - 1
        elif item.name == "subsidy":
            changes["subsidy"] = 1 - _between(1 - world.subsidy, 1 - after, fraction)
        elif item.name == "production_subsidy":
            changes[item.name] = (1 + after) ** fraction - 1
        elif item.name == "outlay":
            changes["outlay"] = fraction * after
        elif isinstance(after, np.ndarray):
            changes[item.name] = np.where(np.isposinf(after), _NEAR_EMBARGO, after) ** fraction
    return replace(shock, **changes)


def _between(before: Array, after: Array, fraction: float) -> Array:
    # Cells that do not move keep their value to the last digit.
    return np.where(after == before, before, before ** (1 - fraction) * after**fraction)


@dataclass
class Path:
    """Where along the shock the solver stands, and how far it ventures next.

    Attributes
    ----------
    point : array
        Unknowns at the last point solved; where to begin before there is one.
    reached : float
        Fraction of the shock solved; below zero before the world without it is (which removed deficits change too).
    solvency : (N,) or None
        Income over what labour earns there, by country.
    """

    point: Array
    reached: float = -1.0
    stretch: float = FIRST_STRETCH
    solvency: Array | None = None
    _before: tuple[float, Array] | None = None

    @property
    def ended(self) -> bool:
        """Whether the path leads no further."""
        return self.stretch < SMALLEST_STRETCH

    def ahead(self) -> tuple[float, Array]:
        """The next fraction to try, and unknowns on the line through the last two solutions."""
        if self.reached < 0:
            return 0.0, self.point
        fraction = min(1.0, self.reached + self.stretch)
        if self._before is None:
            return fraction, self.point
        earlier, point = self._before
        run = (fraction - self.reached) / (self.reached - earlier)
        return fraction, self.point + min(run, 2.0) * (self.point - point)

    def advance(self, fraction: float, point: Array, iterations: int) -> None:
        """A stretch has been solved."""
        if self.reached >= 0:
            self._before = (self.reached, self.point)
            self.stretch *= _STRETCH_FACTOR if iterations <= _EASY else 1.0
        self.reached, self.point = fraction, point

    def retreat(self) -> None:
        """A stretch has failed: venture less far."""
        self.stretch /= _STRETCH_FACTOR if self.reached >= 0 else np.inf
