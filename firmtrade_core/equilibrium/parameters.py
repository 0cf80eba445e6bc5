"""The structure under which a counterfactual is computed (MODEL 2 and 3)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium.errors import ParameterError
from firmtrade_core.margins import Armington, ElasticityKind, MarginFamily
from firmtrade_core.world.world import World

Array = NDArray[np.float64]
Entry = Literal["restricted", "free"]
DeficitClosure = Literal["fixed", "proportional", "removed"]
Duties = Literal["lump_sum", "labour_tax"]


@dataclass(frozen=True, eq=False)
class Parameters:
    """Structural choices, each with the product's default.

    Parameters
    ----------
    trade_elasticity : float, mapping of sector to float, or (S,)
        ε above 0: elasticity of trade on consumer values (MODEL 3, "Elasticities say what they are").
    family : MarginFamily
        How firms differ: Armington, EatonKortum, Krugman, Pareto or Lognormal.
    entry : {"restricted", "free"}
        Whether the number of firms is given (profits are income) or adjusts until profits pay for entry.
    deficits : {"fixed", "proportional", "removed"}
        Deficit closure of MODEL 1.
    labour_supply_elasticity : float
        κ_L, 0 or more.
    within_elasticity : float, mapping of sector to float, or (S,), optional
        γ above 1: elasticity between firms of one country, which sets markups γ/(γ-1), profits and the scale effect
        1/(γ-1) of free entry apart from trade (MODEL 11). None: firms are not nested, γ = σ.
    elasticity_kind : {"cost", "tariff"}
        What ε is the elasticity to; they differ where firms select into markets.
    duties : {"lump_sum", "labour_tax"}
        How the budget closes (MODEL 12): people receive or pay what is left, or a tax on labour keeps it, in units of the
        country's final basket, where it was. The two differ where labour supply is elastic.
    fixed_cost_abroad : float
        ν, from 0 to 1: share of the fixed costs of serving a market that is paid to the destination's labour.
    labour_tax : (N,), optional
        τ_L in force at the baseline, as an earlier equilibrium left it; none unless given.
    """

    trade_elasticity: float | Mapping[str, float] | Array = 4.0
    family: MarginFamily = field(default_factory=Armington)
    entry: Entry = "restricted"
    deficits: DeficitClosure = "fixed"
    labour_supply_elasticity: float = 0.0
    within_elasticity: float | Mapping[str, float] | Array | None = None
    elasticity_kind: ElasticityKind = "cost"
    duties: Duties = "lump_sum"
    fixed_cost_abroad: float = 0.0
    labour_tax: Array | None = None

    def __post_init__(self) -> None:
        if self.entry not in ("restricted", "free"):
            raise ParameterError(f"Entry is {self.entry!r}; choose restricted or free.")
        if self.deficits not in ("fixed", "proportional", "removed"):
            raise ParameterError(f"Deficits are {self.deficits!r}; choose fixed, proportional or removed.")
        if self.elasticity_kind not in ("cost", "tariff"):
            raise ParameterError(f"Elasticities are to {self.elasticity_kind!r}; choose cost or tariff.")
        if self.duties not in ("lump_sum", "labour_tax"):
            raise ParameterError(f"Duties come back by {self.duties!r}; choose lump_sum or labour_tax.")
        if not 0 <= self.fixed_cost_abroad <= 1:
            raise ParameterError(
                f"The share of fixed costs paid abroad is {self.fixed_cost_abroad:g}; give one from 0 to 1."
            )
        if not 0 <= self.labour_supply_elasticity <= 20:
            raise ParameterError(
                f"The labour-supply elasticity is {self.labour_supply_elasticity:g}; give one from 0 to 20."
            )

    def elasticities_for(self, world: World) -> Array:
        """ε for each sector of a world, (S,).

        Raises
        ------
        ParameterError
            Naming the sectors without a positive elasticity.
        """
        return self._by_sector(world, self.trade_elasticity, "trade elasticity", "Trade elasticities", 0.0)

    def within_for(self, world: World) -> Array | None:
        """γ for each sector of a world, (S,); None where firms are not nested.

        Raises
        ------
        ParameterError
            Naming the sectors without one above 1.
        """
        if self.within_elasticity is None:
            return None
        names = ("within-country elasticity", "Within-country elasticities")
        return self._by_sector(world, self.within_elasticity, *names, 1.0)

    @staticmethod
    def _by_sector(
        world: World, given: float | Mapping[str, float] | Array, one: str, many: str, above: float
    ) -> Array:
        if isinstance(given, Mapping):
            missing = [world.sector_name(s) for s in world.sectors if s not in given]
            if missing:
                raise ParameterError(f"No {one} is given for: {', '.join(missing)}.")
            values = np.array([float(given[s]) for s in world.sectors])
        else:
            values = np.asarray(given, dtype=np.float64)
            if values.ndim > 1 or (values.ndim == 1 and len(values) != len(world.sectors)):
                raise ParameterError(
                    f"{many} have shape {values.shape}; give one number or one per sector "
                    f"({len(world.sectors)})."
                )
            values = np.broadcast_to(values, (len(world.sectors),)).copy()
        bad = ~(np.isfinite(values) & (values > above))
        if bad.any():
            names = ", ".join(
                f"{world.sector_name(world.sectors[i])} ({values[i]:g})" for i in np.flatnonzero(bad)
            )
            raise ParameterError(f"{many} must be numbers above {above:g}; these are not: {names}.")
        return values

    def with_(self, **changes: Any) -> Parameters:
        """A copy with some choices replaced."""
        return replace(self, **changes)

    def content_hash(self, world: World) -> str:
        """Sixteen hexadecimal digits that identify the choices for this world."""
        known: dict[str, str] = self.__dict__.setdefault("_hashes", {})
        if world.content_hash not in known:
            known[world.content_hash] = self._hash(world)
        return known[world.content_hash]

    def _hash(self, world: World) -> str:
        digest = hashlib.blake2b(digest_size=8)
        digest.update(self.elasticities_for(world).tobytes())
        choices: tuple[object, ...] = (
            repr(self.family),
            self.entry,
            self.deficits,
            float(self.labour_supply_elasticity),
        )
        within = self.within_for(world)
        if within is not None or self.elasticity_kind != "cost":
            choices += (self.elasticity_kind, None if within is None else within.tobytes())
        if self.duties != "lump_sum" or self.fixed_cost_abroad or self.labour_tax is not None:
            tax = None if self.labour_tax is None else np.asarray(self.labour_tax).tobytes()
            choices += (self.duties, float(self.fixed_cost_abroad), tax)
        digest.update(repr(choices).encode())
        return digest.hexdigest()
