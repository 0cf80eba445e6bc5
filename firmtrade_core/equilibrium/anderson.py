"""Anderson acceleration of a fixed-point iteration, with a safeguard."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: The residual may grow this much over the best one seen before the memory is emptied.
_TOLERATED_GROWTH = 10.0


class Anderson:
    """Proposes the next point of x = G(x) from the last few points and residuals (type II).

    Parameters
    ----------
    size : int
        Number of unknowns.
    memory : int
        How many past differences to combine.
    longest_step : float
        Largest absolute change of any unknown in one step; longer proposals are scaled back.

    Notes
    -----
    When the residual has grown far beyond the best one seen, the memory is emptied and the plain
    iteration takes over, so that a bad extrapolation cannot run away. Source: Walker and Ni (2011).
    """

    def __init__(self, size: int, memory: int = 15, longest_step: float = 0.7) -> None:
        self.longest_step = longest_step
        # More differences than directions would only tell of rounding.
        memory = max(1, min(memory, size // 2))
        self._steps = np.zeros((memory, size))
        self._changes = np.zeros((memory, size))
        #: Inner products of the changes, kept up to date row by row.
        self._products = np.zeros((memory, memory))
        self._filled = 0
        self._next = 0
        self._last: tuple[Array, Array] | None = None
        self._best = np.inf

    def resume(self) -> Anderson:
        """A fresh accelerator that keeps what this one learned of the map's slopes."""
        memory, size = self._steps.shape
        fresh = Anderson(size, memory, self.longest_step)
        fresh._steps[:], fresh._changes[:] = self._steps, self._changes
        fresh._products[:] = self._products
        fresh._filled, fresh._next = self._filled, self._next
        return fresh

    def forget(self) -> None:
        """Start anew from the plain iteration."""
        self._filled, self._next, self._best, self._last = 0, 0, np.inf, None

    def propose(self, point: Array, residual: Array) -> Array:
        """Next point, given ``residual`` = G(point) - point."""
        size = float(np.abs(residual).max())
        if size > _TOLERATED_GROWTH * self._best:
            self.forget()
        elif self._last is not None:
            self._steps[self._next] = point - self._last[0]
            self._changes[self._next] = residual - self._last[1]
            products = self._changes @ self._changes[self._next]
            self._products[self._next] = self._products[:, self._next] = products
            self._next = (self._next + 1) % len(self._steps)
            self._filled = min(self._filled + 1, len(self._steps))
        self._best = min(self._best, size)
        self._last = (point, residual)
        step = residual
        if self._filled:
            changes, steps = self._changes[: self._filled], self._steps[: self._filled]
            weights = self._weights(self._products[: self._filled, : self._filled], changes @ residual)
            step = residual - weights @ steps - weights @ changes
        length = float(np.abs(step).max())
        return point + step * min(1.0, self.longest_step / length) if length > 0 else point

    @staticmethod
    def _weights(products: Array, against: Array) -> Array:
        """Weights of past differences that best explain the residual, by scaled normal equations.

        Parameters
        ----------
        products : (M, M)
            Inner products of the changes.
        against : (M,)
            Theirs with the residual.
        """
        scale = np.sqrt(np.diag(products))
        scale[scale == 0] = 1.0
        gram = products / np.outer(scale, scale)
        gram[np.diag_indices_from(gram)] += 1e-13
        return np.linalg.solve(gram, against / scale) / scale
