"""Where a lever has been: solutions along one line of shocks, and the point that they lead to expect further on.

A slider moves a world along a line: each of its positions is a shock between two others, and the solution between theirs. A
polynomial through the nearest ones starts the search closer than the latest one does; the answer is certified as any other.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium.parameters import Parameters
from firmtrade_core.equilibrium.shock import Shock
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

#: Points that are remembered, in how many bytes at most, and that a polynomial goes through at most.
_MOST, _MOST_BYTES, _THROUGH = 32, 8_000_000, 6

#: Projections that tell shocks apart: any fixed weights do, by cell and around a prime number of them.
_WEIGHTS = np.random.default_rng(0).standard_normal((3, 4099))

#: How far points may lie off the line, relative to the shocks' size, and how many there must be: straight ones if three are known,
#: else what a floor at zero tariffs or a ceiling has bent.
_BENDS = ((1e-9, 3), (0.3, 2))

#: Largest sum of absolute weights: beyond it a polynomial would carry errors further than it brings the start nearer.
_LARGEST_WEIGHT = 30.0


@dataclass(frozen=True, eq=False)
class Trail:
    """Solved points of one world under one structure.

    Parameters
    ----------
    of : str
        Of which world and structure.
    marks : tuple of (3,)
        Projections of each point's shock, the latest last.
    vectors : tuple of (U,)
        The points, in logs.
    """

    of: str = ""
    marks: tuple[Array, ...] = ()
    vectors: tuple[Array, ...] = ()

    def after(self, of: str, mark: Array | None, vector: Array) -> Trail:
        """The trail with one more point; a new one where it is of another world or structure."""
        if mark is None:
            return Trail()
        marks, vectors = (self.marks, self.vectors) if self.of == of else ((), ())
        most = max(min(_MOST, _MOST_BYTES // max(vector.nbytes, 1)), 2)
        kept = [k for k, known in enumerate(marks) if not np.array_equal(known, mark)][1 - most :]
        return Trail(of, (*(marks[k] for k in kept), mark), (*(vectors[k] for k in kept), vector))

    def leads_to(self, of: str, mark: Array | None) -> Array | None:
        """The point that solutions on the line from the closest one to a shock lead to expect there, (U,); None where none lie on it."""
        if mark is None or self.of != of or len(self.marks) < 2:
            return None
        marks = np.array(self.marks)
        closest = int(((marks - mark) ** 2).sum(1).argmin())
        line, away = mark - marks[closest], marks - marks[closest]
        length = float(line @ line)
        if length == 0:
            return self.vectors[closest]
        places = away @ line / length
        beside = np.abs(away - places[:, None] * line).max(1)
        size = np.maximum(np.abs(marks).max(1), np.abs(mark).max())
        for bend, fewest in _BENDS:
            near = np.flatnonzero(beside <= bend * size)
            near = near[np.argsort(np.abs(places[near] - 1.0), kind="stable")]
            for count in range(min(_THROUGH, len(near)), fewest - 1, -1):
                chosen = near[:count]
                weights = _lagrange(places[chosen], 1.0)
                if np.abs(weights).sum() <= _LARGEST_WEIGHT:
                    return np.asarray(weights @ np.array([self.vectors[k] for k in chosen]))
        return None


def _lagrange(places: Array, at: float) -> Array:
    """Weights of the polynomial through values at ``places``, read at ``at``; not finite where two places are one."""
    apart = places[:, None] - places[None, :]
    np.fill_diagonal(apart, 1.0)
    ahead = np.repeat(at - places[None, :], len(places), 0)
    np.fill_diagonal(ahead, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((ahead / apart).prod(1))


def trail_key(world: World, parameters: Parameters) -> str:
    """Of which world and structure points are."""
    return f"{world.content_hash} {parameters.content_hash(world)}"


def mark_of(shock: Shock, world: World) -> Array | None:
    """Projections of all that a shock changes, in levels, (3,); None where it cannot lie on a line: an embargo, treated firms."""
    found = np.zeros(len(_WEIGHTS))
    before = {"tariff": world.tariff, "subsidy": world.subsidy}
    for number, item in enumerate(fields(shock)):
        after = getattr(shock, item.name)
        if after is None:
            continue
        if item.name == "firms":
            return None
        neutral = 0.0 if item.name in ("production_subsidy", "outlay") else 1.0
        moves = np.asarray(after - before.get(item.name, neutral)).ravel(order="K")
        cells = np.flatnonzero(moves)
        if not np.isfinite(moves[cells]).all():
            return None
        found += _WEIGHTS[:, (cells + 811 * number) % _WEIGHTS.shape[1]] @ moves[cells]
    return found
