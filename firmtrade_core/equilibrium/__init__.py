"""The world's equilibrium in exact changes: shocks in, certified counterfactuals out (MODEL 3)."""

from firmtrade_core.equilibrium.parameters import Parameters
from firmtrade_core.equilibrium.results import Certificate, Equilibrium
from firmtrade_core.equilibrium.shock import Shock
from firmtrade_core.equilibrium.solver import Iteration, remove_deficits, solve

__all__ = ["Certificate", "Equilibrium", "Iteration", "Parameters", "Shock", "remove_deficits", "solve"]
