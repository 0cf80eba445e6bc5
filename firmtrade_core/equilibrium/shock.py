"""What changes between baseline and counterfactual, as arrays (MODEL 4)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium.errors import ShockError
from firmtrade_core.margins import FirmShift
from firmtrade_core.world.accounts import sector_blocks
from firmtrade_core.world.world import World

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Shock:
    """Changes to a world; None leaves the baseline as it is.

    Parameters
    ----------
    tariff : (N, N, S), optional
        t': new tariff levels, fractions above -1. Very high ones end the pair's trade.
    subsidy : (N, N, S), optional
        b': new export subsidy levels, fractions below 1; negative values tax exports.
    production_subsidy : (N, S), optional
        s: paid to the country's producers out of its budget, as a fraction of their market revenue, on top of what the
        baseline pays; above -1, negative values tax production. It enters (1) and (6) as an export subsidy on all
        markets, the home one included: 1 - b' = (1 - b)/(1 + s).
    trade_cost : (N, N, S), optional
        τ̂: factors on iceberg costs, above 0. Infinity is an embargo.
    fixed_cost : (N, N, S), optional
        f̂: factors on the fixed cost of serving a market, above 0.
    productivity : (N, S), optional
        Â: factors on productivity, above 0.
    demand : (N, S), optional
        Factors on final demand shares α, above 0; shares are renormalised.
    outlay : (N,), optional
        G: programme outlay at baseline prices of the country's final basket, million USD, at least 0.
    firms : FirmShift, optional
        What programmes do to the home country's firms; needs the firms family.
    """

    tariff: Array | None = None
    subsidy: Array | None = None
    trade_cost: Array | None = None
    fixed_cost: Array | None = None
    productivity: Array | None = None
    demand: Array | None = None
    outlay: Array | None = None
    firms: FirmShift | None = None
    production_subsidy: Array | None = None

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if value is not None and item.name != "firms":
                array = np.array(value, dtype=np.float64)
                array = sector_blocks(array) if array.ndim == 3 else array
                array.setflags(write=False)
                object.__setattr__(self, item.name, array)

    def check(self, world: World) -> None:
        """Hold the shock against the world it is meant for.

        Raises
        ------
        ShockError
            Naming the array, the cell and the allowed range.
        """
        n, s = world.shape
        cells, makers = (n, n, s), (n, s)
        rules: dict[str, tuple[tuple[int, ...], Callable[[Array], NDArray[np.bool_]], str]] = {
            "tariff": (cells, lambda a: a > -1, "above -1 (-100 %)"),
            "subsidy": (cells, lambda a: a < 1, "below 1 (100 %)"),
            "production_subsidy": (makers, lambda a: a > -1, "above -1 (-100 %)"),
            "trade_cost": (cells, lambda a: a > 0, "above 0"),
            "fixed_cost": (cells, lambda a: a > 0, "above 0"),
            "productivity": (makers, lambda a: a > 0, "above 0"),
            "demand": (makers, lambda a: a > 0, "above 0"),
            "outlay": ((n,), lambda a: a >= 0, "0 or more"),
        }
        for name, (shape, allowed, words) in rules.items():
            array = getattr(self, name)
            if array is None:
                continue
            if array.shape != shape:
                raise ShockError(f"{name} has shape {array.shape}; this world calls for {shape}.")
            finite = np.isfinite(array) if name != "trade_cost" else ~np.isnan(array)
            bad = ~(finite & allowed(array))
            if bad.any():
                first = np.argwhere(bad)[0]
                labels = [world.countries[i] for i in first[: 2 if len(shape) == 3 else 1]]
                labels += [world.sectors[first[-1]]] if len(shape) > 1 else []
                raise ShockError(
                    f"{name} of {', '.join(labels)} is {array[tuple(first)]:g}; it must be finite and {words}."
                )

    def check_sellers(self, world: World) -> None:
        """Hold embargoes against who sells what.

        Raises
        ------
        ShockError
            Naming countries and sectors in which embargoes leave nobody to buy from.
        """
        if self.trade_cost is None or not np.isposinf(self.trade_cost).any():
            return
        left = ((world.expenditure > 0) & np.isfinite(self.trade_cost)).any(0)
        bare = np.argwhere((world.total_expenditure > 0) & ~left)
        if len(bare):
            names = "; ".join(
                f"{world.countries[j]}: {', '.join(world.sector_name(world.sectors[s]) for s in bare[bare[:, 0] == j, 1])}"
                for j in dict.fromkeys(bare[:, 0].tolist())
            )
            raise ShockError(
                f"The embargoes leave nobody to buy from, at home or abroad, in {names}. Without these goods there is no "
                "equilibrium: leave a seller, use broader sectors, or merge the country with another."
            )

    def subsidy_in_force(self, world: World) -> Array:
        """b', export and production subsidies together as a fraction of what firms receive, (N, N, S)."""
        export = world.subsidy if self.subsidy is None else self.subsidy
        if self.production_subsidy is None:
            return export
        paid = self.production_subsidy[:, None, :]
        return np.where(paid == 0, export, 1 - (1 - export) / (1 + paid))

    @cached_property
    def content_hash(self) -> str:
        """Sixteen hexadecimal digits that identify the shock."""
        digest = hashlib.sha256()
        for item in fields(self):
            array = getattr(self, item.name)
            if item.name == "production_subsidy" and array is None:
                continue
            if item.name == "firms":
                digest.update(b"" if array is None else array.content_hash.encode())
                continue
            # Cells are stored sector by sector (see sector_blocks): moved so, they are one stretch of memory.
            digest.update(b"none" if array is None else np.ascontiguousarray(np.moveaxis(array, -1, 0)).data)
        return digest.hexdigest()[:16]


def empty_home_cells(world: World) -> dict[str, tuple[str, ...]]:
    """Sectors that a country buys and does not sell at home, by country: they bar autarky."""
    home = np.einsum("iis->is", world.expenditure)
    empty = (world.total_expenditure > 0) & (home <= 0)
    return {
        world.countries[i]: tuple(world.sectors[s] for s in np.flatnonzero(empty[i]))
        for i in np.flatnonzero(empty.any(1))
    }
