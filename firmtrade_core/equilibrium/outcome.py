"""Numbers of an equilibrium that are differentiated, and what a policy is judged by (MODEL 14)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium.counterfactual import Counterfactual
from firmtrade_core.equilibrium.errors import EquilibriumError

Array = NDArray[np.float64]
Kind = Literal["real_income", "equivalent_variation", "exports", "duties", "jobs", "weighted_income"]

#: An outcome's name in sentences, its unit, and by what its derivative is multiplied to be in that unit.
OUTCOMES: dict[str, tuple[str, str, float]] = {
    "real_income": ("real income", "%", 100.0),
    "equivalent_variation": ("the equivalent variation", "million USD", 1.0),
    "exports": ("exports", "million USD", 1.0),
    "duties": ("duties", "million USD", 1.0),
    "jobs": ("jobs", "%", 100.0),
    "weighted_income": ("weighted real income", "%", 100.0),
}


class GradientError(EquilibriumError):
    """A gradient that cannot be given. The message says what is asked wrongly, or why the derivative is not covered."""


@dataclass(frozen=True)
class Outcome:
    """One number of an equilibrium, to be differentiated.

    Parameters
    ----------
    kind
        real_income: Ŵ, a ratio; equivalent_variation, exports (at the border) and duties: million USD, the last two in the
        numeraire of `Equilibrium.wage_change`; jobs: ratio of labour used, by sector; weighted_income:
        [I' + Σ_s (λ_s - 1)(w'L'_s + Π'_s)]/(I P̂), a ratio: what a government wants that gives a dollar earned in sector s the
        weight λ_s (Grossman, Helpman 1994; Ossa 2014, equation 6, with duties at weight one).
    country
        Code of the country.
    sector
        Code of the sector; jobs alone have one.
    weights
        Sector and weight λ, of weighted_income; one for those not named.
    """

    kind: Kind
    country: str
    sector: str | None = None
    weights: tuple[tuple[str, float], ...] = ()

    def place(self, equilibrium: Counterfactual) -> tuple[int, int]:
        """Positions of country and sector; the sector's is 0 where there is none.

        Raises
        ------
        GradientError
            Naming what the world does not have.
        """
        world = equilibrium.world
        if self.kind not in get_args(Kind):
            raise GradientError(f"There is no outcome {self.kind!r}; choose {', '.join(get_args(Kind))}.")
        if self.country not in world.countries:
            raise GradientError(f"The world has no country {self.country!r}.")
        if (self.kind == "jobs") != (self.sector is not None):
            raise GradientError(
                "Jobs are those of a sector, and all other outcomes have none: give one or leave it."
            )
        named = [name for name, _ in self.weights] + [self.sector] * (self.sector is not None)
        for name in named:
            if name not in world.sectors:
                raise GradientError(f"The world has no sector {name!r}.")
        if self.weights and self.kind != "weighted_income":
            raise GradientError("Weights of sectors are those of weighted_income.")
        return world.countries.index(self.country), 0 if self.sector is None else world.sectors.index(
            self.sector
        )

    def value(self, equilibrium: Counterfactual) -> float:
        """The outcome itself, in the units of the derivative."""
        i, s = self.place(equilibrium)
        if self.kind == "jobs":
            return float(equilibrium.employment_change[i, s])
        if self.kind == "exports":
            border = equilibrium.border_value[i].sum(1)
            return float(border.sum() - border[i])
        if self.kind == "weighted_income":
            earned = equilibrium.baseline.labour_share[i] * equilibrium.cost[i] + equilibrium.received[i]
            if equilibrium.parameters.entry != "free" and not equilibrium.baseline.margins.competitive:
                earned = earned + equilibrium.profits[i]
            more = float((self.extra(equilibrium) * earned).sum())
            return float(equilibrium.real_income_change[i] * (1 + more / equilibrium.income[i]))
        name = {"real_income": "real_income_change"}.get(self.kind, self.kind)
        return float(getattr(equilibrium, name)[i])

    def extra(self, equilibrium: Counterfactual) -> Array:
        """λ - 1 by sector, (S,)."""
        found = np.zeros(len(equilibrium.world.sectors))
        for name, weight in self.weights:
            found[equilibrium.world.sectors.index(name)] = weight - 1
        return found
