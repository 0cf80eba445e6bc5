"""Anderson acceleration of a fixed-point iteration, with a safeguard."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Anderson:
    """Proposes the next point of x = G(x) from the last few points and residuals (type II).

    Parameters
    ----------
    memory : int
        How many past differences to combine.
    longest_step : float
        Largest absolute change of any coordinate in one step; longer proposals are scaled back.

    Notes
    -----
    When the residual has grown far beyond the best one seen, the memory is emptied and the plain
    iteration takes over, so that a bad extrapolation cannot run away. Source: Walker and Ni (2011).
    """

    def __init__(self, memory: int = 15, longest_step: float = 0.7) -> None:
        self.memory = memory
        self.longest_step = longest_step
        self._steps: list[Array] = []
        self._changes: list[Array] = []
        self._point: Array | None = None
        self._residual: Array | None = None
        self._best = np.inf

    def resume(self) -> Anderson:
        """A fresh accelerator that keeps what this one learned of the map's slopes."""
        fresh = Anderson(self.memory, self.longest_step)
        fresh._steps, fresh._changes = list(self._steps), list(self._changes)
        return fresh

    def propose(self, point: Array, residual: Array) -> Array:
        """Next point, given ``residual`` = G(point) - point."""
        size = float(np.abs(residual).max())
        if size > 10 * self._best:
            self._steps.clear()
            self._changes.clear()
            self._best = size
        elif self._point is not None and self._residual is not None:
            self._steps.append(point - self._point)
            self._changes.append(residual - self._residual)
            if len(self._steps) > self.memory:
                self._steps.pop(0)
                self._changes.pop(0)
        self._best = min(self._best, size)
        self._point, self._residual = point, residual
        step = residual
        if self._steps:
            changes = np.array(self._changes)
            gram = changes @ changes.T
            scale = np.sqrt(np.diag(gram))
            scale[scale == 0] = 1.0
            gram = gram / np.outer(scale, scale)
            gram[np.diag_indices_from(gram)] += 1e-13
            weights = np.linalg.solve(gram, changes @ residual / scale) / scale
            step = residual - weights @ (np.array(self._steps) + changes)
        length = float(np.abs(step).max())
        return point + step * min(1.0, self.longest_step / length) if length > 0 else point
