"""Gradients held against whole solutions, by none of the gradient's own code (MODEL 14)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium.counterfactual import Counterfactual
from firmtrade_core.equilibrium.gradient import Gradient, Lever
from firmtrade_core.equilibrium.shock import Shock
from firmtrade_core.equilibrium.solver import Iteration, solve

Array = NDArray[np.float64]


def gap_from_solutions(
    gradient: Gradient, lever: Lever = "tariff", *, seed: int = 0, step: float = 1e-3
) -> float:
    """Distance of a gradient from whole solutions: a second certificate, by none of the gradient's own code.

    The lever moves in all its cells at once in a random direction, by one and by two steps to either side; their
    fourth-order difference is held against the gradient's.

    Parameters
    ----------
    gradient : Gradient
    lever
    seed
        Of the direction.
    step
        Largest move of a cell, a fraction or a logarithm; solutions are sought to 1e-12.

    Returns
    -------
    float
        Relative to the size that random signs give to such a sum.

    Raises
    ------
    GradientError
        Where there is no such lever.
    EquilibriumError
        As `solve`, where a neighbour cannot be solved.
    """
    derivative = gradient.derivative(lever)
    random, base = np.random.default_rng(seed), gradient.equilibrium
    direction = random.choice([-1.0, 1.0], derivative.shape) * random.uniform(0.2, 1, derivative.shape)
    close, slope = Iteration(tolerance=1e-12), 0.0
    for times, weight in ((-2, 1.0), (-1, -8.0), (1, 8.0), (2, -1.0)):
        shock = _moved(base, lever, times * step * direction)
        found = solve(base.world, shock, base.parameters, start=base, iteration=close)
        slope += weight * gradient.outcome.value(found) / (12 * step)
    parts = derivative * direction
    size = float(np.sqrt((parts**2).sum()))
    return abs(float(parts.sum()) - slope) / size if size > 0 else abs(slope)


def _moved(equilibrium: Counterfactual, lever: Lever, step: Array) -> Shock:
    """The equilibrium's shock with one lever moved: levels of tariffs and subsidies, logs of costs and productivity."""
    world, shock = equilibrium.world, equilibrium.shock
    name = {"export_subsidy": "subsidy"}.get(lever, lever)
    before = getattr(shock, name)
    if before is None:
        start = {
            "tariff": world.tariff,
            "subsidy": world.subsidy,
            "production_subsidy": np.zeros(world.shape),
        }
        before = start.get(name, np.ones(step.shape))
    levels = name in ("tariff", "subsidy", "production_subsidy")
    return replace(shock, **{name: before + step if levels else before * np.exp(step)})
