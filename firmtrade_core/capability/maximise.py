"""Maximises the marginal likelihood over market effects and scales, given m and g (MODEL 6)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from firmtrade_core.capability.data import CapabilityData
from firmtrade_core.capability.likelihood import NODES, Posterior, Scales, integrate

Array = NDArray[np.float64]

#: k where every firm is present: low enough for entry to be certain.
CERTAIN_ENTRY = -50.0

#: Steps in a row that gain less than a tenth of the tolerance before the climb ends.
IDLE_STEPS = 3

#: Largest change of a parameter in one step.
LONGEST_STEP = 1.5


@dataclass(frozen=True, eq=False)
class Parameters:
    """Market effects and scales.

    Parameters
    ----------
    demand, threshold : (G, J)
        δ and k by group and market; NaN-free, with arbitrary values where a cell is not observed.
    scales
    stretch : (float, float)
        Factors on the m and g given: their scale is a parameter like any other, and the data know it far better
        than a learner that shrinks (parameter expansion).
    fixed : tuple of str
        What is held at its value: names of `SCALARS`.
    """

    demand: Array
    threshold: Array
    scales: Scales
    stretch: tuple[float, float] = (1.0, 1.0)
    fixed: tuple[str, ...] = ()

    def shifted(self, m: float, g: float) -> Parameters:
        """The same model once ``m`` is taken off every firm's m and ``g`` off its g."""
        certain = self.threshold <= CERTAIN_ENTRY
        threshold = np.where(certain, self.threshold, self.threshold - m - g)
        return replace(self, demand=self.demand + m, threshold=threshold)


@dataclass(frozen=True, eq=False)
class Fit:
    """A point of the parameter space with the pass over firms made there."""

    parameters: Parameters
    posterior: Posterior
    log_likelihood: float
    steps: int


def start(data: CapabilityData) -> Parameters:
    """Rough parameters: unit scales, thresholds from shares present, demand net of selection."""
    sellers, seen = data.cell_counts
    share = np.clip((sellers + 0.5) / (seen + 1.0), 1e-4, 1 - 1e-4)
    spread = np.sqrt(3.0)
    threshold = -spread * ndtri(share)
    # Mean κ of those present, with Var(κ) = 2 of the index's variance 3.
    selected = 2.0 / spread * np.exp(-0.5 * (threshold / spread) ** 2) / np.sqrt(2 * np.pi) / share
    total = np.zeros_like(share)
    np.add.at(total, data.group, data.log_sales)
    demand = np.where(sellers > 0, total / np.maximum(sellers, 1), 0.0) - selected
    threshold = np.where((sellers == seen) & (seen > 0), CERTAIN_ENTRY, threshold)
    return Parameters(demand, threshold, Scales(np.sqrt(2.0), 1.0, 1.0, 0.0))


def maximise(
    data: CapabilityData,
    m: Array,
    g: Array,
    parameters: Parameters,
    *,
    mode: Array | None = None,
    tolerance: float = 1e-4,
    most_steps: int = 60,
    nodes: int = NODES,
) -> Fit:
    """Climb by outer products of firms' scores (Berndt, Hall, Hall and Hausman 1974), damped.

    Each step solves one system with the information matrix, which is block diagonal in sectors but for the four
    scales; damping rises until the likelihood does not fall.

    Parameters
    ----------
    tolerance
        Stop when the predicted gain in log likelihood falls below it, or three steps in a row gain less than a tenth of it.
    """
    held = tuple(name for name, index in (("stretch_m", m), ("stretch_g", g)) if not index.any())
    parameters = replace(parameters, stretch=(1.0, 1.0), fixed=(*parameters.fixed, *held))
    posterior = _pass(data, m, g, parameters, mode, nodes)
    fit = Fit(parameters, posterior, float(data.weights @ posterior.log_likelihood), 0)
    damping, idle = 1e-4, 0
    for step in range(1, most_steps + 1):
        system = _System.at(data, m, g, fit)
        if system.solve(1e-6)[1] < tolerance:
            break
        better = None
        for _ in range(10):
            trial = system.step(damping).apply(fit.parameters)
            posterior = _pass(data, m, g, trial, fit.posterior.mode, nodes)
            value = float(data.weights @ posterior.log_likelihood)
            if np.isfinite(value) and value >= fit.log_likelihood - 1e-9:
                better = Fit(trial, posterior, value, step)
                break
            damping *= 8
        if better is None:
            break
        # Where cells with few sellers leave the system near-singular, its predicted gain never fades.
        idle = idle + 1 if better.log_likelihood - fit.log_likelihood < tolerance / 10 else 0
        fit, damping = better, max(damping / 8, 1e-6)
        if idle == IDLE_STEPS:
            break
    return fit


def _pass(
    data: CapabilityData, m: Array, g: Array, parameters: Parameters, mode: Array | None, nodes: int
) -> Posterior:
    of_m, of_g = parameters.stretch
    p = parameters
    return integrate(data, of_m * m, of_g * g, p.demand, p.threshold, p.scales, mode=mode, nodes=nodes)


@dataclass(frozen=True, eq=False)
class _Direction:
    demand: Array
    threshold: Array
    scalars: Array

    @property
    def flat(self) -> Array:
        return np.concatenate([self.demand.ravel(), self.threshold.ravel(), self.scalars])

    def shortened(self) -> _Direction:
        """The same direction, no parameter moving further than the longest step."""
        length = min(1.0, LONGEST_STEP / max(float(np.abs(self.flat).max()), 1e-300))
        return _Direction(length * self.demand, length * self.threshold, length * self.scalars)

    def apply(self, parameters: Parameters) -> Parameters:
        free = parameters.scales.free() + self.scalars[:4]
        of_m, of_g = np.exp(self.scalars[4:]) * parameters.stretch
        # Beyond these a scale or a correlation has run off; the likelihood is flat there.
        free = np.clip(free, [-7, -7, -7, -4], [4, 4, 4, 4])
        return replace(
            parameters,
            demand=parameters.demand + self.demand,
            threshold=parameters.threshold + self.threshold,
            scales=Scales.from_free(free),
            stretch=(float(of_m), float(of_g)),
        )


SCALARS = ("sigma_u", "sigma_xi", "sigma_nu", "correlation", "stretch_m", "stretch_g")


def scalar_scores(data: CapabilityData, m: Array, g: Array, fit: Fit) -> Array:
    """Scores (F, 6) of the scalars: free scales, and logs of the stretches; zero where fixed."""
    entry = -fit.posterior.threshold_scores.sum(1)
    of_m, of_g = fit.parameters.stretch
    rows = np.column_stack([(fit.posterior.demand_scores.sum(1) + entry) * of_m * m, entry * of_g * g])
    scores = np.hstack([fit.posterior.scale_scores, np.add.reduceat(rows, data.starts[:-1])])
    return scores * np.array([name not in fit.parameters.fixed for name in SCALARS])


def block_scores(
    data: CapabilityData, posterior: Posterior
) -> list[tuple[NDArray[np.int64], NDArray[np.int64], Array]]:
    """By block: its firms (F_b,), its groups (G_b,) and their scores (F_b, 2 G_b J), δ first, then k."""
    markets = len(data.markets)
    found = []
    of_row = data.block[data.group]
    for block in np.unique(of_row):
        rows = np.flatnonzero(of_row == block)
        firms, local = np.unique(data.firm[rows], return_inverse=True)
        groups = np.flatnonzero(data.block == block)
        place = np.searchsorted(groups, data.group[rows])
        scores = np.zeros((len(firms), 2, len(groups), markets))
        scores[local, 0, place] = posterior.demand_scores[rows]
        scores[local, 1, place] = posterior.threshold_scores[rows]
        found.append((firms, groups, scores.reshape(len(firms), -1)))
    return found


@dataclass(frozen=True, eq=False)
class _System:
    """Information matrix and gradient at a point: blocks of market effects, bordered by the scalars."""

    blocks: list[tuple[NDArray[np.int64], Array, Array, Array]]
    corner: Array
    gradient: Array
    shape: tuple[int, ...]

    @classmethod
    def at(cls, data: CapabilityData, m: Array, g: Array, fit: Fit) -> _System:
        border, weights = scalar_scores(data, m, g, fit), data.weights
        blocks = []
        for firms, groups, scores in block_scores(data, fit.posterior):
            weighted = scores * weights[firms, None]
            blocks.append((groups, weighted.T @ scores, weighted.T @ border[firms], weighted.sum(0)))
        corner = (border * weights[:, None]).T @ border
        return cls(blocks, corner, border.T @ weights, fit.parameters.demand.shape)

    def solve(self, damping: float, extra: list[Array] | None = None) -> tuple[_Direction, float]:
        """The step under a common damping and an ``extra`` one by market effect, and the gain it predicts."""
        corner, right, solved = self.corner, self.gradient, []
        for number, (_, information, cross, gradient) in enumerate(self.blocks):
            own = damping if extra is None else damping + extra[number]
            by = np.linalg.solve(_damped(information, own), np.column_stack([gradient, cross]))
            right = right - cross.T @ by[:, 0]
            corner = corner - cross.T @ by[:, 1:]
            solved.append(by)
        scalars: Array = np.linalg.solve(_damped(corner, damping), right).astype(np.float64)
        demand, threshold = np.zeros(self.shape), np.zeros(self.shape)
        gain = float(scalars @ self.gradient)
        for (groups, _, _, gradient), by in zip(self.blocks, solved, strict=True):
            part = by[:, 0] - by[:, 1:] @ scalars
            gain += float(part @ gradient)
            demand[groups], threshold[groups] = part.reshape(2, len(groups), -1)
        return _Direction(demand, threshold, scalars), gain / 2

    def step(self, damping: float) -> _Direction:
        """A step that moves no parameter too far.

        Market effects that few sellers pin down are held back one by one, so that they do not slow the scales,
        which often have far to go along a flat ridge.
        """
        extra = [np.zeros(len(gradient)) for _, _, _, gradient in self.blocks]
        for _ in range(20):
            direction, _ = self.solve(damping, extra)
            moves = np.stack([direction.demand, direction.threshold])
            far = np.abs(moves) > LONGEST_STEP
            if not far.any():
                break
            for number, (groups, _, _, _) in enumerate(self.blocks):
                here = far[:, groups].ravel()
                extra[number] = np.where(here, np.maximum(4 * extra[number], 0.05), extra[number])
        return direction.shortened()


def _damped(matrix: Array, damping: Array | float) -> Array:
    """Diagonal raised: in proportion, by a share of its mean where few sellers tell little, by 1 where nothing does."""
    diagonal = np.diag(matrix)
    told = diagonal > 1e-12
    usual = diagonal[told].mean() if told.any() else 1.0
    return matrix + np.diag(np.where(told, damping * (diagonal + 0.1 * usual), 1.0))
