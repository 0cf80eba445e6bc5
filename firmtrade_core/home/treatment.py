"""The home country's firms after programmes: who was reached, and by how much each has moved (MODEL 4)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.home.errors import OverlapError
from firmtrade_core.home.home import GRADES, Effect, HomeFirms
from firmtrade_core.margins import FirmSector, FirmShift, TreatedRows
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

#: Programmes that partly treat overlapping firms split them; beyond so many rows this stops.
_MOST_ROWS = 2_000_000


@dataclass(frozen=True, eq=False)
class Treatment:
    """The home country's firms after programmes; a firm treated in part stands in several rows.

    Attributes
    ----------
    home : HomeFirms
    firm : (R,) of int
        Row of the firm's table.
    capability, fixed_cost_saving, weight : (R,)
        m, g and weight afterwards; weights of a firm add up to its own.
    treated : (R,) of bool
        Whether any programme reached it.
    count : tuple of float
        Firms of the population that are treated and paid for, by programme, those included that would have done it
        anyway.
    outlay : float
        Million USD a year, at baseline prices; programmes whose cost nobody entered count nothing.
    units : tuple of float
        Units given to the mean firm whose behaviour changes, by programme; less than the intensity where the attribute ends before.
    grades : tuple of str
        Evidence of the effects used, weakest first.
    """

    home: HomeFirms
    firm: NDArray[np.intp]
    capability: Array
    fixed_cost_saving: Array
    weight: Array
    treated: NDArray[np.bool_]
    count: tuple[float, ...] = ()
    outlay: float = 0.0
    grades: tuple[str, ...] = ()
    units: tuple[float, ...] = ()

    @classmethod
    def none(cls, home: HomeFirms) -> Treatment:
        """Firms as they are."""
        table = home.firms
        m, g, w = (table[name].to_numpy(float) for name in ("capability", "fixed_cost_saving", "weight"))
        return cls(home, np.arange(len(table)), m, g, w, np.zeros(len(table), dtype=bool))

    def after(
        self,
        share: Array,
        effect: Effect,
        outlay: float,
        units: Array | None = None,
        deadweight: float = 0.0,
    ) -> Treatment:
        """One more programme, which reaches a share of each firm, (F,).

        Parameters
        ----------
        share : (F,)
            Of each firm.
        outlay
            million USD.
        effect
            Of one unit.
        units : (F,), optional
            Units that each firm gets; one unless given.
        deadweight
            Share of those reached that would have done it anyway: they count as treated and do not move.

        Raises
        ------
        OverlapError
            If too many programmes overlap with partial take-up.
        """
        given = np.ones(len(share)) if units is None else units
        own = (share * (1 - deadweight))[self.firm]
        part, whole = (own > 0) & (own < 1), own >= 1
        if len(own) + part.sum() > _MOST_ROWS:
            raise OverlapError(
                "too many programmes overlap with partial take-up; set take-up to 1 or separate whom they reach."
            )
        reached = part | whole
        kept = ~whole
        rows = np.concatenate([np.flatnonzero(kept), np.flatnonzero(reached)])
        moved = np.concatenate([np.zeros(kept.sum(), bool), np.ones(reached.sum(), bool)])
        weight = np.concatenate([(self.weight * (1 - own))[kept], (self.weight * own)[reached]])
        step = moved * given[self.firm[rows]]
        total = float((weight * moved).sum())
        mean = float((weight * step).sum()) / total if total > 0 else float(given.max(initial=0.0))
        return Treatment(
            self.home,
            self.firm[rows],
            self.capability[rows] + effect.capability * step,
            self.fixed_cost_saving[rows] + effect.fixed_cost_saving * step,
            weight,
            self.treated[rows] | moved,
            (*self.count, float((self.weight * share[self.firm]).sum())),
            self.outlay + outlay,
            tuple(grade for grade in GRADES if grade in {*self.grades, effect.grade}),
            (*self.units, mean),
        )

    def with_costs(self, relative: Array, within: Array) -> Treatment:
        """Firms whose own costs have moved against their sector's; no firm counts as treated for it.

        Capability is (σ-1) times log productivity, and fixed costs are paid in the firm's own inputs (MODEL 2, 13): m
        falls by (σ-1)r and g by r.

        Parameters
        ----------
        relative : (F,)
            r, log change of the firm's cost against its sector's mean.
        within : (F,)
            σ among firms of one country and sector.
        """
        return replace(
            self,
            capability=self.capability - ((within - 1) * relative)[self.firm],
            fixed_cost_saving=self.fixed_cost_saving - relative[self.firm],
        )

    def shift(self, world: World) -> FirmShift | None:
        """What the engine takes: the sectors whose firms a programme has reached, or whose own costs have moved."""
        place = self.home.sector_of(world)[self.firm]
        moved, treated = {}, {}
        own = (self.home.firms[c].to_numpy(float)[self.firm] for c in ("capability", "fixed_cost_saving"))
        m, g = own
        reached = self.treated | (self.capability != m) | (self.fixed_cost_saving != g)
        for s in np.unique(place[reached & (place >= 0)]):
            rows = place == s
            moved[world.sectors[s]] = FirmSector(
                self.capability[rows],
                self.home.deviations,
                self.fixed_cost_saving[rows],
                self.weight[rows],
            )
            treated[world.sectors[s]] = self.rows(world, int(s), reached & rows)
        return FirmShift(moved, treated) if moved else None

    def rows(self, world: World, sector: int, chosen: NDArray[np.bool_]) -> TreatedRows:
        """Rows of one sector, (R,) of bool, as its record numbers firms: weight, and how far m and g have moved."""
        number = np.cumsum(self.home.sector_of(world) == sector) - 1
        own = self.firm[chosen]
        m, g = (self.home.firms[c].to_numpy(float)[own] for c in ("capability", "fixed_cost_saving"))
        return TreatedRows(
            number[own].astype(np.intp),
            self.weight[chosen],
            self.capability[chosen] - m,
            self.fixed_cost_saving[chosen] - g,
        )
