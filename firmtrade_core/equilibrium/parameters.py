"""The structure under which a counterfactual is computed (MODEL 2 and 3)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium.errors import ParameterError
from firmtrade_core.margins import Armington, MarginFamily
from firmtrade_core.world.world import World

Array = NDArray[np.float64]
Entry = Literal["restricted", "free"]
DeficitClosure = Literal["fixed", "proportional", "removed"]


@dataclass(frozen=True, eq=False)
class Parameters:
    """Structural choices, each with the product's default.

    Parameters
    ----------
    trade_elasticity : float, mapping of sector to float, or (S,)
        ε above 0: cost elasticity of trade on consumer values (MODEL 3, "Elasticities say what they are").
    family : MarginFamily
        How firms differ: Armington, EatonKortum, Krugman, Pareto or Lognormal.
    entry : {"restricted", "free"}
        Whether the number of firms is given (profits are income) or adjusts until profits pay for entry.
    deficits : {"fixed", "proportional", "removed"}
        Deficit closure of MODEL 1.
    labour_supply_elasticity : float
        κ_L, 0 or more.
    """

    trade_elasticity: float | Mapping[str, float] | Array = 4.0
    family: MarginFamily = field(default_factory=Armington)
    entry: Entry = "restricted"
    deficits: DeficitClosure = "fixed"
    labour_supply_elasticity: float = 0.0

    def __post_init__(self) -> None:
        if self.entry not in ("restricted", "free"):
            raise ParameterError(f"Entry is {self.entry!r}; choose restricted or free.")
        if self.deficits not in ("fixed", "proportional", "removed"):
            raise ParameterError(f"Deficits are {self.deficits!r}; choose fixed, proportional or removed.")
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
        given = self.trade_elasticity
        if isinstance(given, Mapping):
            missing = [s for s in world.sectors if s not in given]
            if missing:
                raise ParameterError(f"No trade elasticity is given for: {', '.join(missing)}.")
            values = np.array([float(given[s]) for s in world.sectors])
        else:
            values = np.asarray(given, dtype=np.float64)
            if values.ndim > 1 or (values.ndim == 1 and len(values) != len(world.sectors)):
                raise ParameterError(
                    f"Trade elasticities have shape {values.shape}; give one number or one per sector "
                    f"({len(world.sectors)})."
                )
            values = np.broadcast_to(values, (len(world.sectors),)).copy()
        bad = ~(np.isfinite(values) & (values > 0))
        if bad.any():
            names = ", ".join(f"{world.sectors[i]} ({values[i]:g})" for i in np.flatnonzero(bad))
            raise ParameterError(f"Trade elasticities must be positive numbers; these are not: {names}.")
        return values

    def with_(self, **changes: Any) -> Parameters:
        """A copy with some choices replaced."""
        return replace(self, **changes)

    def content_hash(self, world: World) -> str:
        """Sixteen hexadecimal digits that identify the choices for this world."""
        digest = hashlib.blake2b(digest_size=8)
        digest.update(self.elasticities_for(world).tobytes())
        choices = (repr(self.family), self.entry, self.deficits, float(self.labour_supply_elasticity))
        digest.update(repr(choices).encode())
        return digest.hexdigest()
