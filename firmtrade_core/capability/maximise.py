"""Maximises the marginal likelihood over market effects and scales, given m and g (MODEL 6)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from firmtrade_core.capability.data import CapabilityData
from firmtrade_core.capability.likelihood import LEAST_TAIL, MOST_TAIL, NODES, Posterior, Scales, integrate

Array = NDArray[np.float64]

#: k where every firm is present: low enough for entry to be certain.
CERTAIN_ENTRY = -50.0

#: Steps in a row that gain less than a tenth of the tolerance before the climb ends.
IDLE_STEPS = 3

#: Prior precision of a standardised column's slope: half a log point is its standard deviation.
RIDGE = 4.0

#: Largest change of a parameter in one step.
LONGEST_STEP = 1.5

#: Bound of τ, by which the spread of tastes may follow capability.
MOST_FOLLOWS = 1.5

#: Steps remembered, bounds of the damping, and shortenings of a step before another direction is sought.
MEMORY, LEAST_DAMPING, MOST_DAMPING, MOST_HALVINGS = 12, 1e-6, 1e4, 6


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
    home : (G,), optional
        δ at home by group, where sales at home are seen.
    slopes : (2, K), optional
        Of straight lines in K columns that are added to m and to g.
    """

    demand: Array
    threshold: Array
    scales: Scales
    stretch: tuple[float, float] = (1.0, 1.0)
    fixed: tuple[str, ...] = ()
    home: Array | None = None
    slopes: Array | None = None

    def shifted(self, m: float, g: float) -> Parameters:
        """The same model once ``m`` is taken off every firm's m and ``g`` off its g."""
        certain = self.threshold <= CERTAIN_ENTRY
        threshold = np.where(certain, self.threshold, self.threshold - m - g)
        home = None if self.home is None else self.home + m
        return replace(self, demand=self.demand + m, threshold=threshold, home=home)


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
    return Parameters(demand, threshold, Scales(np.sqrt(2.0), 1.0, 1.0, 0.0), home=_home_level(data))


def _home_level(data: CapabilityData) -> Array | None:
    """Mean ln sales at home by group, (G,): firms at home are all firms, so κ averages zero there."""
    if data.home_sales is None:
        return None
    known = np.isfinite(data.home_sales)
    weight, count = data.row_weights * known, len(data.group_names)
    total = np.bincount(data.group, weights=weight * np.where(known, data.home_sales, 0.0), minlength=count)
    mass = np.bincount(data.group, weights=weight, minlength=count)
    level: Array = np.divide(total, mass, out=np.zeros(count), where=mass > 0)
    return level


def maximise(
    data: CapabilityData,
    m: Array,
    g: Array,
    parameters: Parameters,
    *,
    mode: Array | None = None,
    tolerance: float = 1e-4,
    most_steps: int = 100,
    nodes: int = NODES,
    design: Array | None = None,
) -> Fit:
    """Climb by limited-memory quasi-Newton steps (Nocedal 1980) on the information matrix as first curvature.

    The information matrix, the outer products of firms' scores (Berndt, Hall, Hall and Hausman 1974), is block
    diagonal in sectors but for the scalars. Alone it creeps along the ridge on which the scale of κ is told; the
    steps taken teach the memory how flat that ridge is.

    Parameters
    ----------
    tolerance
        Stop when the predicted gain in log likelihood falls below it, or three steps in a row gain less than a tenth of it.
    design : (R, K), optional
        Columns whose slopes in m and in g are found beside everything else, from zero; ``slopes_g`` among what is
        fixed leaves g without them.
    """
    held = tuple(name for name, index in (("stretch_m", m), ("stretch_g", g)) if not index.any())
    slopes = None if design is None else np.zeros((2, design.shape[1]))
    parameters = replace(parameters, stretch=(1.0, 1.0), fixed=(*parameters.fixed, *held), slopes=slopes)
    indices = _Indices(m, g, design)
    posterior = _pass(data, indices, parameters, mode, nodes)
    fit = Fit(parameters, posterior, _objective(data, parameters, posterior), 0)
    memory, damping, idle = _Memory(), LEAST_DAMPING, 0
    system = _System.at(data, m, g, fit, design)
    for step in range(1, most_steps + 1):
        direction = memory.direction(system, damping)
        gain = float(direction @ system.gradient) / 2
        # The information matrix may promise too little where the ridge is flat: it must be sure, or have walked.
        if abs(gain) < (tolerance if memory.pairs else tolerance / 100):
            break
        if gain <= 0:
            memory.forget()
            continue
        better = _climbed(data, indices, fit, _shortened(direction), gain, nodes)
        if better is None:
            if not memory.pairs and damping > MOST_DAMPING:
                break
            memory.forget()
            damping *= 32
            continue
        ahead = _System.at(data, m, g, better, design)
        memory.learn(_difference(fit.parameters, better.parameters), system.gradient - ahead.gradient)
        # Where cells with few sellers leave the system near-singular, its predicted gain never fades.
        idle = idle + 1 if better.log_likelihood - fit.log_likelihood < tolerance / 10 else 0
        fit, system, damping = replace(better, steps=step), ahead, max(damping / 8, LEAST_DAMPING)
        if idle == IDLE_STEPS:
            break
    return replace(fit, log_likelihood=float(data.weights @ fit.posterior.log_likelihood))


def _objective(data: CapabilityData, parameters: Parameters, posterior: Posterior) -> float:
    """Log likelihood less the ridge on slopes."""
    value = float(data.weights @ posterior.log_likelihood)
    return value if parameters.slopes is None else value - 0.5 * RIDGE * float((parameters.slopes**2).sum())


def _climbed(
    data: CapabilityData, indices: _Indices, fit: Fit, direction: Array, gain: float, nodes: int
) -> Fit | None:
    """A point along the direction that gains a fair part of what was predicted, if one is near."""
    length = 1.0
    for _ in range(MOST_HALVINGS):
        trial = _moved(fit.parameters, length * direction)
        posterior = _pass(data, indices, trial, fit.posterior.mode, nodes)
        value = _objective(data, trial, posterior)
        if np.isfinite(value) and value >= fit.log_likelihood + 1e-4 * length * min(gain, 1.0) - 1e-9:
            return Fit(trial, posterior, value, fit.steps)
        length *= 0.3
    return None


@dataclass(frozen=True, eq=False)
class _Indices:
    """m and g (R,) as given, and columns (R, K) of straight lines to add to them."""

    m: Array
    g: Array
    design: Array | None

    def at(self, parameters: Parameters) -> tuple[Array, Array]:
        of_m, of_g = parameters.stretch
        m, g = of_m * self.m, of_g * self.g
        if self.design is None or parameters.slopes is None:
            return m, g
        return m + self.design @ parameters.slopes[0], g + self.design @ parameters.slopes[1]


def _pass(
    data: CapabilityData, indices: _Indices, p: Parameters, mode: Array | None, nodes: int
) -> Posterior:
    m, g = indices.at(p)
    return integrate(data, m, g, p.demand, p.threshold, p.scales, mode=mode, nodes=nodes, home=p.home)


def _shortened(direction: Array) -> Array:
    """The same direction, no parameter moving further than the longest step."""
    return direction * min(1.0, LONGEST_STEP / max(float(np.abs(direction).max()), 1e-300))


def _moved(parameters: Parameters, step: Array) -> Parameters:
    """Parameters after a step in δ, k, δ at home and the free scalars, laid end to end."""
    shape, markets = parameters.demand.shape, 2 * parameters.demand.size
    scalars = step[markets + shape[0] :]
    demand, threshold = step[:markets].reshape(2, *shape)
    # Beyond these a scale or a correlation has run off; the likelihood is flat there.
    free = np.clip(parameters.scales.free() + scalars[:4], [-7, -7, -7, -4], [4, 4, 4, 4])
    of_m, of_g = np.exp(scalars[4:6]) * parameters.stretch
    at_home = float(np.clip(np.log(parameters.scales.sigma_home) + scalars[6], -7, 4))
    tail = parameters.scales.tail
    if tail > 0:
        tail = float(_tail_at(_free_tail(tail) + scalars[7]))
    follows = parameters.scales.follows
    if follows != 0:
        follows = float(np.clip(follows + scalars[8], -MOST_FOLLOWS, MOST_FOLLOWS))
    home, slopes = parameters.home, parameters.slopes
    return replace(
        parameters,
        demand=parameters.demand + demand,
        threshold=parameters.threshold + threshold,
        scales=Scales.from_free(free, float(np.exp(at_home)), tail, follows),
        stretch=(float(of_m), float(of_g)),
        home=None if home is None else home + step[markets : markets + shape[0]],
        slopes=None if slopes is None else slopes + scalars[len(SCALARS) :].reshape(2, -1),
    )


def _free_tail(tail: float) -> float:
    """The tail's log odds between its bounds; 0 of a normal u."""
    if tail == 0:
        return 0.0
    share = np.clip((tail - LEAST_TAIL) / (MOST_TAIL - LEAST_TAIL), 1e-3, 1 - 1e-3)
    return float(np.log(share / (1 - share)))


def _tail_at(free: float) -> float:
    """The inverse of `_free_tail`, within a thousandth of the bounds."""
    share = 1 / (1 + np.exp(-np.clip(free, -6.9, 6.9)))
    return float(LEAST_TAIL + (MOST_TAIL - LEAST_TAIL) * share)


def _tail_slope(tail: float) -> float:
    """Derivative of the tail by its log odds."""
    return max((tail - LEAST_TAIL) * (MOST_TAIL - tail) / (MOST_TAIL - LEAST_TAIL), 0.0)


def _difference(before: Parameters, after: Parameters) -> Array:
    """The step that leads from one to the other."""
    stretch = np.log(after.stretch) - np.log(before.stretch)
    slopes = np.empty(0) if before.slopes is None or after.slopes is None else after.slopes - before.slopes
    home = (
        np.zeros(len(before.demand))
        if before.home is None or after.home is None
        else after.home - before.home
    )
    return np.concatenate(
        [
            (after.demand - before.demand).ravel(),
            (after.threshold - before.threshold).ravel(),
            home,
            after.scales.free() - before.scales.free(),
            stretch,
            [np.log(after.scales.sigma_home / before.scales.sigma_home)],
            [_free_tail(after.scales.tail) - _free_tail(before.scales.tail)],
            [after.scales.follows - before.scales.follows],
            slopes.ravel(),
        ]
    )


@dataclass(eq=False)
class _Memory:
    """Steps taken and the changes of slope they met, the last `MEMORY`."""

    pairs: list[tuple[Array, Array]] = field(default_factory=list)

    def forget(self) -> None:
        self.pairs.clear()

    def learn(self, step: Array, slope_lost: Array) -> None:
        """Only where the likelihood curves down along the step."""
        if step @ slope_lost > 1e-10 * np.sqrt((step @ step) * (slope_lost @ slope_lost)):
            self.pairs.append((step, slope_lost))
            del self.pairs[:-MEMORY]

    def direction(self, system: _System, damping: float) -> Array:
        """Two-loop recursion."""
        slope, parts = system.gradient.copy(), []
        for step, lost in reversed(self.pairs):
            part = float(step @ slope) / float(step @ lost)
            parts.append(part)
            slope -= part * lost
        direction = system.step(slope, damping)
        for (step, lost), part in zip(self.pairs, reversed(parts), strict=True):
            direction = direction + step * (part - float(lost @ direction) / float(step @ lost))
        return direction


SCALARS = (
    "sigma_u",
    "sigma_xi",
    "sigma_nu",
    "correlation",
    "stretch_m",
    "stretch_g",
    "sigma_home",
    "tail",
    "follows",
)


def scalar_scores(data: CapabilityData, m: Array, g: Array, fit: Fit, design: Array | None = None) -> Array:
    """Scores (F, 9) of the scalars: free scales, logs of the stretches, ln σ_h, log odds of the tail, and τ.

    Zero where fixed or not seen; of the tail and of τ also at 0, where they are not asked for. With a ``design`` (R, K), those of its slopes in m and in g follow, (F, 9 + 2K).

    Parameters
    ----------
    data
    m, g : (R,)
        Indices.
    fit
        Parameters and the pass over firms at them.
    design : (R, K), optional
    """
    posterior = fit.posterior
    entry = -posterior.threshold_scores.sum(1)
    of_m, of_g = fit.parameters.stretch
    sales = posterior.demand_scores.sum(1) + posterior.home_score
    rows = np.column_stack([(sales + entry) * of_m * m, entry * of_g * g])
    scores = np.hstack(
        [
            posterior.scale_scores,
            np.add.reduceat(rows, data.starts[:-1]),
            posterior.home_scale_score[:, None],
            (posterior.tail_score * _tail_slope(fit.parameters.scales.tail))[:, None],
            (posterior.follows_score * (fit.parameters.scales.follows != 0))[:, None],
        ]
    )
    scores *= np.array([name not in fit.parameters.fixed for name in SCALARS])
    if design is None:
        return scores
    free = 0.0 if "slopes_g" in fit.parameters.fixed else 1.0
    lines = np.hstack([(sales + entry)[:, None] * design, free * entry[:, None] * design])
    return np.hstack([scores, np.add.reduceat(lines, data.starts[:-1])])


def block_scores(
    data: CapabilityData, posterior: Posterior
) -> list[tuple[NDArray[np.int64], NDArray[np.int64], Array]]:
    """By block: its firms (F_b,), its groups (G_b,) and their scores (F_b, 2 G_b J): δ first, then k.

    `home_scores` are those of δ at home.
    """
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


def home_scores(
    data: CapabilityData, posterior: Posterior, groups: NDArray[np.int64], firms: NDArray[np.int64]
) -> Array:
    """Scores (F_b, G_b) of δ at home of a block's firms."""
    rows = np.flatnonzero(np.isin(data.group, groups))
    scores = np.zeros((len(firms), len(groups)))
    np.add.at(
        scores,
        (np.searchsorted(firms, data.firm[rows]), np.searchsorted(groups, data.group[rows])),
        posterior.home_score[rows],
    )
    return scores


def slopes_without(
    data: CapabilityData, m: Array, g: Array, fit: Fit, design: Array, folds: NDArray[np.int64]
) -> Array:
    """Slopes (P, 2, K) of each of P folds as its own firms would leave them: one Newton step without their scores.

    Parameters
    ----------
    m, g, fit, design
        As of `maximise`.
    folds : (R,)
        A firm's rows share one.
    """
    assert fit.parameters.slopes is not None
    scores = scalar_scores(data, m, g, fit, design)[:, len(SCALARS) :]
    weighted, of_firm = scores * data.weights[:, None], folds[data.starts[:-1]]
    whole, count = weighted.T @ scores, int(folds.max()) + 1
    found = np.empty((count, *fit.parameters.slopes.shape))
    for fold in range(count):
        held = of_firm == fold
        rest = whole - weighted[held].T @ scores[held] + RIDGE * np.eye(len(whole))
        pull = weighted.sum(0) - weighted[held].sum(0) - RIDGE * fit.parameters.slopes.ravel()
        step = np.linalg.solve(_damped(rest, LEAST_DAMPING), pull)
        found[fold] = fit.parameters.slopes + step.reshape(2, -1)
    return found


def scalar_covariance(data: CapabilityData, m: Array, g: Array, fit: Fit) -> Array:
    """Covariance (9, 9) of the scalars at a maximum, market effects estimated beside them, m and g given."""
    system = _System.at(data, m, g, fit)
    corner = system.corner
    for _, information, cross in system.blocks:
        corner = corner - cross.T @ np.linalg.solve(_damped(information, 1e-9), cross)
    free = np.array([name not in fit.parameters.fixed for name in SCALARS]) & (np.diag(corner) > 1e-12)
    covariance = np.zeros_like(corner)
    covariance[np.ix_(free, free)] = np.linalg.pinv(corner[np.ix_(free, free)])
    return covariance


@dataclass(frozen=True, eq=False)
class _System:
    """Information matrix and gradient at a point: blocks of market effects, bordered by the scalars.

    Vectors lay δ, k, δ at home and the scalars end to end; a block's own lay its groups' δ, k and δ at home so.
    """

    blocks: list[tuple[NDArray[np.int64], Array, Array]]
    corner: Array
    gradient: Array
    shape: tuple[int, ...]

    @classmethod
    def at(cls, data: CapabilityData, m: Array, g: Array, fit: Fit, design: Array | None = None) -> _System:
        border, weights = scalar_scores(data, m, g, fit, design), data.weights
        shape = fit.parameters.demand.shape
        made = cls([], (border * weights[:, None]).T @ border, np.empty(0), shape)
        gradient = np.zeros(2 * shape[0] * shape[1] + shape[0])
        for firms, groups, scores in block_scores(data, fit.posterior):
            both = np.hstack([scores, home_scores(data, fit.posterior, groups, firms)])
            weighted = both * weights[firms, None]
            made.blocks.append((groups, weighted.T @ both, weighted.T @ border[firms]))
            gradient[made.places(groups)] = weighted.sum(0)
        pull = border.T @ weights
        slopes = fit.parameters.slopes
        if slopes is not None:
            places = np.arange(len(SCALARS), len(pull))
            made.corner[places, places] += RIDGE
            pull[places] -= RIDGE * slopes.ravel()
        return replace(made, gradient=np.concatenate([gradient, pull]))

    def places(self, groups: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where a block's own parameters lie in a vector."""
        count, markets = self.shape
        cells = (groups[:, None] * markets + np.arange(markets)).ravel()
        return np.concatenate([cells, count * markets + cells, 2 * count * markets + groups])

    def solve(self, right: Array, damping: float, extra: list[Array] | None = None) -> Array:
        """Information inverse times ``right``, under a common damping and an ``extra`` one by market effect."""
        count = len(self.corner)
        markets, scalars = right[:-count], right[-count:]
        corner, solved = self.corner, []
        for number, (groups, information, cross) in enumerate(self.blocks):
            own = damping if extra is None else damping + extra[number]
            by = np.linalg.solve(
                _damped(information, own), np.column_stack([markets[self.places(groups)], cross])
            )
            scalars = scalars - cross.T @ by[:, 0]
            corner = corner - cross.T @ by[:, 1:]
            solved.append(by)
        scalars = np.asarray(np.linalg.solve(_damped(corner, damping), scalars), dtype=np.float64)
        found = np.zeros(len(markets))
        for (groups, _, _), by in zip(self.blocks, solved, strict=True):
            found[self.places(groups)] = by[:, 0] - by[:, 1:] @ scalars
        return np.concatenate([found, scalars])

    def step(self, right: Array, damping: float) -> Array:
        """A step that moves no market effect too far.

        Market effects that few sellers pin down are held back one by one, so that they do not slow the scales,
        which often have far to go along a flat ridge.
        """
        extra = [np.zeros(len(information)) for _, information, _ in self.blocks]
        direction = self.solve(right, damping)
        for _ in range(20):
            far = np.abs(direction[: -len(self.corner)]) > LONGEST_STEP
            if not far.any():
                break
            for number, (groups, _, _) in enumerate(self.blocks):
                extra[number] = np.where(
                    far[self.places(groups)], np.maximum(4 * extra[number], 0.05), extra[number]
                )
            direction = self.solve(right, damping, extra)
        return direction


def _damped(matrix: Array, damping: Array | float) -> Array:
    """Diagonal raised: in proportion, by a share of its mean where few sellers tell little, by 1 where nothing does."""
    diagonal = np.diag(matrix)
    told = diagonal > 1e-12
    usual = diagonal[told].mean() if told.any() else 1.0
    return matrix + np.diag(np.where(told, damping * (diagonal + 0.1 * usual), 1.0))
