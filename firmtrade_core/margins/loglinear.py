"""Families with a constant trade elasticity: Armington, Eaton-Kortum, Krugman, Pareto (MODEL 2, table)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firmtrade_core.margins.base import (
    Array,
    ElasticityError,
    ElasticityKind,
    MarginChange,
    Margins,
    TailError,
)
from firmtrade_core.world.world import World


class LoglinearMargins(Margins):
    """ln Ŝ = -(ζ-1)Δk and ln n̂ = -ζΔk where firms select (Pareto); both zero where they do not.

    Nested firms (MODEL 11) stay loglinear. Let v = ln M̂ + (1-γ) ln ĉτ̂T̂ and a = γ ln ĉ + (γ-1) ln τ̂ + ln f̂ + γ ln T̂
    - (σ-1) ln P̂_j - ln Ê_j. The nest's price obeys (1-γ) ln P̂_ij = v - (ζ-1)Δk, and (1') says
    Δk = a - (γ-σ) ln P̂_ij = a + (1-ρ)(v - (ζ-1)Δk), so Δk = (a + (1-ρ)v)/D with D = 1 + (1-ρ)(ζ-1). The term of (6')
    moves by ρ(1-γ) ln P̂_ij = (ρ/D)(v - (ζ-1)a), that is, with h = ρ(ζ-1)/D and 1 + h = ζ/D, by

    - ρ/D with ln M̂ (`firms_exponent`),
    - -(σ-1)(1+h) with ln τ̂: the elasticity to costs, θ of the whole,
    - -((σ-1)(1+h) + h) with ln T̂ and with ln ĉ: the elasticity to tariffs,
    - -h with ln f̂ (`effective_slope`), and h with ln Ê_j + (σ-1) ln P̂_j.

    γ = σ gives ρ = D = 1 and h = ζ-1. Given ε to costs, 1/(σ-1) = 1/ε + (ζ-1)/(ζ(γ-1)); to tariffs,
    1/(σ-1) = 1/ε + (1+ε)(ζ-1)/(ε ζ(γ-1)): positive whatever ε and γ. ρ < 1 where the elasticity to costs is below ζ(γ-1).

    Parameters
    ----------
    elasticity_of_substitution : (S,)
        σ above 1.
    tail : (S,) or None
        ζ of the Pareto law of revenue potential; None where no firm selects into markets.
    competitive : bool
    within_elasticity : (S,), optional
        γ above 1; σ unless given, and always σ under perfect competition, which knows no firms.
    """

    loglinear = True

    def __init__(
        self,
        elasticity_of_substitution: Array,
        *,
        tail: Array | None = None,
        competitive: bool = False,
        within_elasticity: Array | None = None,
    ) -> None:
        self.elasticity_of_substitution = elasticity_of_substitution
        plain = within_elasticity is None or competitive
        self.within_elasticity = (
            elasticity_of_substitution if plain or within_elasticity is None else within_elasticity
        )
        self.competitive = competitive
        self.selects = tail is not None
        ones = np.ones_like(elasticity_of_substitution)
        self.potential_slope = -(tail - 1) if tail is not None else 0 * ones
        self.presence_slope = -tail if tail is not None else 0 * ones
        self.constant_fixed_cost_share = (tail - 1) / tail if tail is not None else 0 * ones
        #: D, h and the exponent of M̂ of the class's derivation, each (S,).
        self._spread = 1 - (1 - self.nest) * self.potential_slope
        self.effective_slope = -self.nest * self.potential_slope / self._spread
        self.firms_exponent = self.nest / self._spread

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

    def threshold_change(self, index: Array) -> Array:
        """Δk = index/D."""
        return index / self._spread

    def effective(self, index: Array) -> tuple[Array, Array, Array]:
        """-h x index, -h and φ."""
        shape = index.shape
        slope = np.broadcast_to(-self.effective_slope, shape)
        return slope * index, slope, np.broadcast_to(self.constant_fixed_cost_share, shape)

    def with_substitution(
        self, elasticity_of_substitution: Array, within_elasticity: Array | None = None
    ) -> LoglinearMargins:
        """The same tail with another σ, and γ where firms are nested, both (S,)."""
        tail = -self.presence_slope if self.selects else None
        return LoglinearMargins(
            elasticity_of_substitution,
            tail=tail,
            competitive=self.competitive,
            within_elasticity=within_elasticity,
        )

    def baseline_profits(self, world: World) -> Array:
        """Π = (1-φ) R/γ with constant φ."""
        if self.competitive:
            return np.zeros_like(world.gross_output)
        return (1 - self.constant_fixed_cost_share) * world.gross_output / self.within_elasticity

    @property
    def has_thresholds(self) -> bool:
        """Only Pareto firms select into markets."""
        return self.selects


@dataclass(frozen=True)
class Armington:
    """Goods differ by origin, perfect competition; σ = 1 + ε."""

    name: str = "armington"

    def calibrate(
        self,
        world: World,
        trade_elasticity: Array,
        within_elasticity: Array | None = None,
        kind: ElasticityKind = "cost",
    ) -> LoglinearMargins:
        """Margins that never move, with costs and tariffs alike; there are no firms to nest. See `MarginFamily`."""
        return LoglinearMargins(1 + trade_elasticity, competitive=True)


@dataclass(frozen=True)
class EatonKortum(Armington):
    """Ricardian producers with Fréchet productivity of shape θ = ε: the same equations as Armington (ACR12)."""

    name: str = "eaton_kortum"


@dataclass(frozen=True)
class Krugman:
    """Identical firms under monopolistic competition; σ = 1 + ε, profits R/γ, with γ = σ unless nested."""

    name: str = "krugman"

    def calibrate(
        self,
        world: World,
        trade_elasticity: Array,
        within_elasticity: Array | None = None,
        kind: ElasticityKind = "cost",
    ) -> LoglinearMargins:
        """Margins that never move, with costs and tariffs alike; see `MarginFamily`."""
        return LoglinearMargins(1 + trade_elasticity, within_elasticity=within_elasticity)


@dataclass(frozen=True)
class Pareto:
    """Firms' revenue potential has a Pareto tail ζ (C08); θ = ε and, without a nest, σ = 1 + ε/ζ.

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

    def calibrate(
        self,
        world: World,
        trade_elasticity: Array,
        within_elasticity: Array | None = None,
        kind: ElasticityKind = "cost",
    ) -> LoglinearMargins:
        """σ from ε, ζ and γ, in closed form (`LoglinearMargins`); see `MarginFamily`.

        Raises
        ------
        ElasticityError
            Without a nest, where a tariff elasticity is not above ζ - 1, by which tariffs move trade more than costs.
        """
        tail = np.full_like(trade_elasticity, self.tail)
        if within_elasticity is not None:
            extra = (1 + trade_elasticity) / trade_elasticity if kind == "tariff" else 1.0
            inverse = 1 / trade_elasticity + extra * (tail - 1) / (tail * (within_elasticity - 1))
            return LoglinearMargins(1 + 1 / inverse, tail=tail, within_elasticity=within_elasticity)
        cost = trade_elasticity - (tail - 1 if kind == "tariff" else 0.0)
        if (cost <= 0).any():
            raise ElasticityError(cost <= 0)
        return LoglinearMargins(1 + cost / tail, tail=tail)
