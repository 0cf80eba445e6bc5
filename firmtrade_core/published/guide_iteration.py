"""The Advanced Guide's own iteration to full equilibrium, to show why its published values stand off ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.gravity.conditional import conditional_flows

Array = NDArray[np.float64]

_LONGEST = 1_000


@dataclass(frozen=True, eq=False)
class GuideValues:
    """Where the guide's iteration stopped: ratios to the baseline, in the reference's consumer price.

    Parameters
    ----------
    factory_price, inward_resistance, exports : (N,)
    steps
    """

    factory_price: Array
    inward_resistance: Array
    exports: Array
    steps: int


class _Effects(NamedTuple):
    """Exporter and importer effects, the reference importer's being one."""

    exporter: Array
    importer: Array


def guide_iteration(
    fitted: Array,
    before: Array,
    after: Array,
    *,
    elasticity_of_substitution: float,
    reference: int,
    tolerance: float = 0.01,
) -> GuideValues:
    """Full-endowment equilibrium as the Advanced Guide iterates to it (chapter 2, application 1).

    Each step moves trade by the last changes of prices and resistances, re-estimates the effects, and
    reads prices off the exporter effects; output is the sum of trade, spending φ times output. The
    guide's loop tests the change of the step before, so it goes one step beyond its tolerance.

    Parameters
    ----------
    fitted : (N, N)
        Baseline flows; their row and column sums are outputs and expenditures.
    before, after : (N, N)
        Trade-cost terms τ^(1-σ).
    elasticity_of_substitution
        σ.
    reference
        Position of the country whose consumer price is the unit.
    tolerance
        The guide stops when neither the largest rise nor the standard deviation of the change of price
        factors exceeds it.
    """
    power = 1 / (1 - elasticity_of_substitution)
    output, spending = fitted.sum(1), fitted.sum(0)
    multiple = spending / output
    baseline = _effects(before, fitted, reference)
    effects = _effects(after, fitted, reference)
    trade = _predicted(after, effects)
    step_factor = price = (effects.exporter / baseline.exporter) ** power
    outward, inward = _resistances(effects, output, spending, reference)
    moved = np.ones_like(fitted)
    settled, steps = False, 0
    while steps < _LONGEST:
        steps += 1
        trade = trade * np.outer(step_factor, step_factor) / moved
        last, last_spending, was_settled, last_factor = effects, spending, settled, step_factor
        output = trade.sum(1)
        spending = multiple * output
        effects = _effects(after, trade, reference)
        trade = _predicted(after, effects)
        step_factor = (
            effects.exporter / last.exporter * last_spending[reference] / spending[reference]
        ) ** power
        price = price * step_factor
        resistances = _resistances(effects, output, spending, reference)
        moved = np.outer(resistances[0] / outward, resistances[1] / inward)
        outward, inward = resistances
        change = step_factor - last_factor
        settled = bool(change.max() <= tolerance and change.std(ddof=1) <= tolerance)
        if was_settled:
            break
    _, inward_before = _resistances(baseline, fitted.sum(1), fitted.sum(0), reference)
    exporter = baseline.exporter * price ** (1 / power) / fitted.sum(0)[reference]
    traded = after * np.outer(exporter, multiple * price * fitted.sum(1) / inward)
    abroad = ~np.eye(len(price), dtype=bool)
    exports = (traded * abroad).sum(1) / (fitted * abroad).sum(1)
    return GuideValues(price, (inward / inward_before) ** power, exports, steps)


def _effects(term: Array, trade: Array, reference: int) -> _Effects:
    """PPML's effects at given trade-cost terms: those whose flows have the sums of trade."""
    flows = conditional_flows(term, trade.sum(1), trade.sum(0))
    exporter = flows[:, reference] / term[:, reference]
    return _Effects(exporter, flows[reference] / (term[reference] * exporter[reference]))


def _predicted(term: Array, effects: _Effects) -> Array:
    return term * np.outer(effects.exporter, effects.importer)


def _resistances(effects: _Effects, output: Array, spending: Array, reference: int) -> tuple[Array, Array]:
    """Π^(1-σ) and P^(1-σ), (N,)."""
    unit = spending[reference]
    return output * unit / effects.exporter, spending / (effects.importer * unit)
