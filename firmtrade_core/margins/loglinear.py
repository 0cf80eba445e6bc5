"""Families with a constant trade elasticity: Armington, Eaton-Kortum, Krugman, Pareto (MODEL 2, table)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firmtrade_core.margins.base import Array, MarginChange, Margins, TailError
from firmtrade_core.world.world import World


class LoglinearMargins(Margins):
    """ln Ŝ = -(ζ-1)Δk and ln n̂ = -ζΔk where firms select (Pareto); both zero where they do not.

    Parameters
    ----------
    elasticity_of_substitution : (S,)
        σ above 1.
    tail : (S,) or None
        ζ = θ/(σ-1) of the Pareto law; None where no firm selects into markets.
    competitive : bool
    """

    loglinear = True

    def __init__(
        self, elasticity_of_substitution: Array, *, tail: Array | None = None, competitive: bool = False
    ) -> None:
        self.elasticity_of_substitution = elasticity_of_substitution
        self.competitive = competitive
        self.selects = tail is not None
        ones = np.ones_like(elasticity_of_substitution)
        self.potential_slope = -(tail - 1) if tail is not None else 0 * ones
        self.presence_slope = -tail if tail is not None else 0 * ones
        self.constant_fixed_cost_share = (tail - 1) / tail if tail is not None else 0 * ones

    def evaluate(self, threshold_change: Array) -> MarginChange:
        """Closed forms of the table in MODEL 2."""
        if not self.selects:
            zeros = np.zeros_like(threshold_change)
            return MarginChange(zeros, zeros, zeros, zeros)
        return MarginChange(
            self.potential_slope * threshold_change,
            np.broadcast_to(self.potential_slope, threshold_change.shape),
            self.presence_slope * threshold_change,
            np.broadcast_to(self.constant_fixed_cost_share, threshold_change.shape),
        )

    def moved(self, threshold_change: Array) -> Margins:
        """Constant elasticities do not depend on where the thresholds stand."""
        return self

    def with_substitution(self, elasticity_of_substitution: Array) -> LoglinearMargins:
        """The same tail with another σ, (S,)."""
        tail = -self.presence_slope if self.selects else None
        return LoglinearMargins(elasticity_of_substitution, tail=tail, competitive=self.competitive)

    def baseline_profits(self, world: World) -> Array:
        """Π = (1-φ) R/σ with constant φ."""
        if self.competitive:
            return np.zeros_like(world.gross_output)
        return (1 - self.constant_fixed_cost_share) * world.gross_output / self.elasticity_of_substitution

    @property
    def has_thresholds(self) -> bool:
        """Only Pareto firms select into markets."""
        return self.selects


@dataclass(frozen=True)
class Armington:
    """Goods differ by origin, perfect competition; σ = 1 + ε."""

    name: str = "armington"

    def calibrate(self, world: World, trade_elasticity: Array) -> LoglinearMargins:
        """Margins that never move; see `MarginFamily`."""
        return LoglinearMargins(1 + trade_elasticity, competitive=True)


@dataclass(frozen=True)
class EatonKortum(Armington):
    """Ricardian producers with Fréchet productivity of shape θ = ε: the same equations as Armington (ACR12)."""

    name: str = "eaton_kortum"


@dataclass(frozen=True)
class Krugman:
    """Identical firms under monopolistic competition; σ = 1 + ε, profits R/σ."""

    name: str = "krugman"

    def calibrate(self, world: World, trade_elasticity: Array) -> LoglinearMargins:
        """Margins that never move; see `MarginFamily`."""
        return LoglinearMargins(1 + trade_elasticity)


@dataclass(frozen=True)
class Pareto:
    """Firms' revenue potential has a Pareto tail ζ (C08); θ = ε and σ = 1 + ε/ζ.

    Parameters
    ----------
    tail
        ζ above 1; 1.5 unless given.

    Raises
    ------
    TailError
    """

    tail: float = 1.5
    name: str = "pareto"

    def __post_init__(self) -> None:
        if not self.tail > 1:
            raise TailError(
                f"The Pareto tail ζ is {self.tail:g}; it must be above 1, or mean sales are infinite."
            )

    def calibrate(self, world: World, trade_elasticity: Array) -> LoglinearMargins:
        """σ from ε and ζ; see `MarginFamily`."""
        tail = np.full_like(trade_elasticity, self.tail)
        return LoglinearMargins(1 + trade_elasticity / tail, tail=tail)
