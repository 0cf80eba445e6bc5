"""The interface between firms' heterogeneity and the world's equilibrium (MODEL 2).

A *family* (Pareto, lognormal, the firms themselves) is calibrated once to a world and its trade
elasticities; the calibrated *margins* answer what happens to each cell when its entry threshold moves.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.world.world import World

Array = NDArray[np.float64]

#: Whether an elasticity of trade says what iceberg costs do to consumer values, or what tariffs do (MODEL 3).
ElasticityKind = Literal["cost", "tariff"]

#: Newton steps within a cell before its threshold counts as found; some five are enough.
_MOST_STEPS = 60

#: Thresholds are not sought further out than this, in logs: nobody is present there, or everybody.
_FURTHEST = 300.0

#: Closest that ρ may come to where a market's trade would react without bound.
_SMALLEST_MARGIN = 1e-9


class ElasticityError(ValueError):
    """A trade elasticity that this family cannot have. The message names the sectors and what would work."""


class TailError(ValueError):
    """Firms' sizes would have no finite mean. Give a tail ζ above 1 or a dispersion above 0."""


class MarginChange(NamedTuple):
    """Margins at thresholds moved by Δk, each (N, N, S) or broadcastable to it.

    Attributes
    ----------
    log_potential
        ln Ŝ: change in the joint revenue potential of the firms present.
    potential_slope
        ∂ln S/∂k, at most zero.
    log_presence
        ln n̂: change in the share of firms present.
    fixed_cost_share
        φ: fixed costs over variable profit, in [0, 1).
    """

    log_potential: Array
    potential_slope: Array
    log_presence: Array
    fixed_cost_share: Array


class Margins(ABC):
    """Margin functions calibrated to a world.

    Attributes
    ----------
    elasticity_of_substitution : (S,)
        σ, between countries.
    within_elasticity : (S,)
        γ, between the firms of one country (MODEL 11); σ itself where firms are not nested.
    competitive : bool
        Perfect competition: no profits, entry plays no role.
    loglinear : bool
        Whether ln Ŝ = slope x Δk with a slope constant within each sector, so that the market share
        equation factorises into origin, pair and destination terms.
    """

    elasticity_of_substitution: Array
    within_elasticity: Array
    competitive: bool = False
    loglinear: bool = False

    @property
    def nest(self) -> Array:
        """ρ = (σ-1)/(γ-1), (S,): one without a nest, below one where free entry is interior."""
        return (self.elasticity_of_substitution - 1) / (self.within_elasticity - 1)

    @property
    def nested(self) -> bool:
        """Whether firms of one country are any closer to one another than to those of other countries."""
        return bool((self.within_elasticity != self.elasticity_of_substitution).any())

    @abstractmethod
    def evaluate(self, threshold_change: Array) -> MarginChange:
        """Margins when thresholds move by ``threshold_change`` = Δk, (N, N, S), in logs."""

    def without_presence(self, threshold_change: Array) -> tuple[Array, Array, Array]:
        """ln Ŝ, ∂ln S/∂k and φ of `evaluate`: all that the equations read, in every iteration."""
        found = self.evaluate(threshold_change)
        return found.log_potential, found.potential_slope, found.fixed_cost_share

    def threshold_change(self, index: Array) -> Array:
        """Δk of (1'), where the *index* is Δk as (1) has it plus (1-ρ) ln M̂; both (N, N, S).

        With the nest's price P̂_ij^(1-γ) = M̂ (ĉτ̂T̂)^(1-γ) Ŝ, (1') less (1) is -(γ-σ)(ln P̂_ij - ln ĉτ̂T̂), so that
        Δk - (1-ρ) ln Ŝ(Δk) = index: one scalar equation per cell.
        """
        if not self.nested:
            return index

        def functions(at: Array) -> tuple[Array, Array]:
            return self.without_presence(at)[:2]

        return solve_nest(functions, index, self.nest)

    def effective(self, index: Array) -> tuple[Array, Array, Array]:
        """ρ ln Ŝ, its slope in the index of `threshold_change`, and φ: what equations (6') and (7) read.

        Without a nest the index is Δk, and these are the functions of `without_presence`.
        """
        found = self.without_presence(self.threshold_change(index))
        return found if not self.nested else in_the_index(found, self.nest)

    def verified(self, threshold_change: Array) -> MarginChange:
        """The same as `evaluate`, for the certificate: by code that the solver does not run where there is a table."""
        return self.evaluate(threshold_change)

    def table_gap(self, threshold_change: Array) -> Array:
        """Distance of tabulated functions from exact ones where it matters, (N, S); zeros without tables."""
        return np.zeros(threshold_change.shape[1:])

    @abstractmethod
    def moved(self, threshold_change: Array) -> Margins:
        """The same margins with the thresholds after the change as their baseline."""

    def baseline_profits(self, world: World) -> Array:
        """Π_is = Σ_j (1-φ) R_ijs/γ at the baseline, equation (7), (N, S), million USD."""
        share = self.evaluate(np.zeros(world.revenue.shape)).fixed_cost_share
        return np.asarray(((1 - share) * world.revenue).sum(1) / self.within_elasticity)

    @property
    def has_thresholds(self) -> bool:
        """Whether firms select into markets at all."""
        return not self.competitive


@runtime_checkable
class MarginFamily(Protocol):
    """What a user chooses: a family with its own parameters, not yet tied to a world."""

    @property
    def name(self) -> str:
        """What the family is called in scenarios."""
        ...

    def calibrate(
        self,
        world: World,
        trade_elasticity: Array,
        within_elasticity: Array | None = None,
        kind: ElasticityKind = "cost",
    ) -> Margins:
        """Margins whose elasticity of trade to costs, or to tariffs, is ``trade_elasticity`` (S,) (MODEL 3, 11).

        ``within_elasticity`` is γ (S,); None leaves firms without a nest, γ = σ.
        """
        ...


@dataclass(frozen=True)
class CarriedMargins:
    """Margins carried over from an earlier equilibrium, so that shocks in steps compose (MODEL 10)."""

    margins: Margins
    name: str = "carried"

    def calibrate(
        self,
        world: World,
        trade_elasticity: Array,
        within_elasticity: Array | None = None,
        kind: ElasticityKind = "cost",
    ) -> Margins:
        """The margins as carried; world and elasticities have already shaped them."""
        return self.margins


@dataclass(frozen=True, repr=False)
class BalancedMargins(CarriedMargins):
    """Margins carried to a world whose trade has been balanced, knowing where they come from.

    Parameters
    ----------
    origin, law
        The world before balancing, and the family as chosen.
    identity
        Of origin and structure; it stands for the margins in content hashes.
    """

    origin: World | None = None
    law: MarginFamily | None = None
    identity: str = ""

    def __repr__(self) -> str:
        return f"BalancedMargins({self.name}, {self.identity})"


def solve_nest(functions: Callable[[Array], tuple[Array, Array]], index: Array, nest: Array) -> Array:
    """Δk at which Δk - (1-ρ) ln Ŝ(Δk) = index, by Newton's method in all cells at once.

    The left side rises wherever (1-ρ) ∂ln S/∂k < 1: everywhere with ρ below one; with ρ above one only as long as
    few firms react, and beyond that a market has no interior answer.

    Parameters
    ----------
    functions
        ln Ŝ and ∂ln S/∂k at Δk.
    index : array
    nest : array, broadcastable
        ρ.
    """
    at = np.where(nest > 1, np.minimum(index, 0.0), index)
    for _ in range(_MOST_STEPS):
        log_potential, slope = functions(at)
        gap = at - (1 - nest) * log_potential - index
        moved = np.clip(at - gap / np.maximum(1 - (1 - nest) * slope, 0.02), -_FURTHEST, _FURTHEST)
        done = np.abs(moved - at).max(initial=0.0) < 1e-13
        at = moved
        if done:
            break
    return at


def in_the_index(found: tuple[Array, Array, Array], nest: Array) -> tuple[Array, Array, Array]:
    """ρ ln Ŝ, its slope in the index and φ, from ln Ŝ, ∂ln S/∂k and φ at the solution of `solve_nest`.

    With s = ∂ln S/∂k, dΔk/d index = 1/(1-(1-ρ)s), so the slope is ρs/(1-(1-ρ)s) = -h.
    """
    log_potential, slope, fixed_share = found
    return nest * log_potential, nest * slope / np.maximum(1 - (1 - nest) * slope, 0.02), fixed_share


def substitution_between(
    trade_elasticity: Array,
    within_elasticity: Array | None,
    kind: ElasticityKind,
    slope: Array,
    trade: Array,
) -> Array:
    """σ - 1 for which the trade-weighted mean of the elasticity of trade is the one asked for, (S,).

    In a market where ∂ln S/∂k = -s, the terms of (6') move with h = ρs/(1+(1-ρ)s): by -(σ-1)(1+h) with iceberg costs
    and by -((σ-1)(1+h) + h) with tariffs. Without a nest ρ = 1 and h = s. Given γ, both rise from zero without bound
    in σ, so that every elasticity has its σ.

    Parameters
    ----------
    trade_elasticity : (S,)
    within_elasticity : (S,) or None
        γ; None for γ = σ.
    kind
        Of the elasticity.
    slope, trade : (cells, S)
        ∂ln S/∂k, and the weight of each cell.

    Raises
    ------
    ElasticityError
        Without a nest, where a tariff elasticity is below what selection alone makes of it; its argument is the
        mask of sectors.
    """
    total = trade.sum(0)
    share = np.where(total > 0, trade / np.where(total > 0, total, 1.0), 0.0)
    s = np.where(share > 0, -slope, 0.0)
    if within_elasticity is None:
        mean = (share * s).sum(0)
        found = (trade_elasticity - (mean if kind == "tariff" else 0.0)) / (1 + mean)
        if (found <= 0).any():
            raise ElasticityError(found <= 0)
        return np.asarray(found)
    closeness = within_elasticity - 1
    most = s.max(0)
    ceiling = np.where(most > 0, (1 + most) / np.where(most > 0, most, 1.0), np.inf) * closeness
    # Convex and rising in σ - 1: Newton from above comes down to the root.
    x = np.minimum(trade_elasticity, ceiling * (1 - _SMALLEST_MARGIN))
    weight = np.where(total > 0, share, 1 / len(share))
    for _ in range(200):
        divisor = 1 + s - s * x / closeness
        ratio = weight * (1 + s) / divisor
        extra = 1 / closeness if kind == "tariff" else 0.0
        # x (1+s)/(1+s-sρ) for costs; tariffs add h = ρs/(1+s-sρ).
        value = (ratio * x * (1 + extra * s / (1 + s))).sum(0)
        steep = (ratio * (1 + extra * s / (1 + s)) * (1 + s) / divisor).sum(0)
        moved = np.clip(x - (value - trade_elasticity) / steep, x / 4, ceiling * (1 - _SMALLEST_MARGIN))
        done = np.abs(moved / x - 1).max() < 1e-14
        x = moved
        if done:
            break
    return np.asarray(x)
