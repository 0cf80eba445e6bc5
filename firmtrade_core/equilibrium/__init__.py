"""The world's equilibrium in exact changes: shocks in, certified counterfactuals out (MODEL 3)."""

from firmtrade_core.equilibrium.budget import PublicBudget
from firmtrade_core.equilibrium.counterfactual import Certificate
from firmtrade_core.equilibrium.gains import GainsFromTrade, gains_from_trade
from firmtrade_core.equilibrium.gradient import Gradient, gradients
from firmtrade_core.equilibrium.outcome import GradientError, Outcome
from firmtrade_core.equilibrium.parameters import Parameters
from firmtrade_core.equilibrium.results import Equilibrium
from firmtrade_core.equilibrium.shock import Shock, empty_home_cells
from firmtrade_core.equilibrium.solver import Iteration, remove_deficits, solve

__all__ = [
    "Certificate",
    "Equilibrium",
    "GainsFromTrade",
    "Gradient",
    "GradientError",
    "Iteration",
    "Outcome",
    "Parameters",
    "PublicBudget",
    "Shock",
    "empty_home_cells",
    "gains_from_trade",
    "gradients",
    "remove_deficits",
    "solve",
]
