"""The interface between firms' heterogeneity and the world's equilibrium (MODEL 2).

A *family* (Pareto, lognormal, the firms themselves) is calibrated once to a world and its trade
elasticities; the calibrated *margins* answer what happens to each cell when its entry threshold moves.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.world.world import World

Array = NDArray[np.float64]


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
        σ.
    competitive : bool
        Perfect competition: no profits, entry plays no role.
    loglinear : bool
        Whether ln Ŝ = slope x Δk with a slope constant within each sector, so that the market share
        equation factorises into origin, pair and destination terms.
    """

    elasticity_of_substitution: Array
    competitive: bool = False
    loglinear: bool = False

    @abstractmethod
    def evaluate(self, threshold_change: Array) -> MarginChange:
        """Margins when thresholds move by ``threshold_change`` = Δk, (N, N, S), in logs."""

    def without_presence(self, threshold_change: Array) -> tuple[Array, Array, Array]:
        """ln Ŝ, ∂ln S/∂k and φ of `evaluate`: all that the equations read, in every iteration."""
        found = self.evaluate(threshold_change)
        return found.log_potential, found.potential_slope, found.fixed_cost_share

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
        """Π_is = Σ_j (1-φ) R_ijs/σ at the baseline, equation (7), (N, S), million USD."""
        share = self.evaluate(np.zeros(world.revenue.shape)).fixed_cost_share
        return np.asarray(((1 - share) * world.revenue).sum(1) / self.elasticity_of_substitution)

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

    def calibrate(self, world: World, trade_elasticity: Array) -> Margins:
        """Margins whose cost elasticity of trade is ``trade_elasticity`` (S,), as MODEL 3 defines it."""
        ...


@dataclass(frozen=True)
class CarriedMargins:
    """Margins carried over from an earlier equilibrium, so that shocks in steps compose (MODEL 10)."""

    margins: Margins
    name: str = "carried"

    def calibrate(self, world: World, trade_elasticity: Array) -> Margins:
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
