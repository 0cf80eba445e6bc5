"""The equilibrium that a solve returns: the counterfactual world, certified, with its derivatives (MODEL 3, 14)."""

from __future__ import annotations

from dataclasses import dataclass

from firmtrade_core.equilibrium.counterfactual import Counterfactual
from firmtrade_core.equilibrium.gradient import TOLERANCE, Gradient, gradient
from firmtrade_core.equilibrium.outcome import Outcome


@dataclass(frozen=True, eq=False)
class Equilibrium(Counterfactual):
    """A counterfactual equilibrium: `Counterfactual`, and what every lever does to it at the margin."""

    def gradient(
        self, outcome: Outcome, *, near: Gradient | None = None, tolerance: float = TOLERANCE
    ) -> Gradient:
        """Derivative of one outcome with respect to every tariff, subsidy, cost and productivity (MODEL 14).

        Raises
        ------
        GradientError
            As `equilibrium.gradient.gradient`.
        """
        return gradient(self, outcome, near=near, tolerance=tolerance)
