"""Best policies: one country's best response, a war's end and its path, cooperation, and what matters most (MODEL 14)."""

from firmtrade_core.analysis.optimal.cooperation import Cooperation, cooperate, frontier
from firmtrade_core.analysis.optimal.first_order import first_order
from firmtrade_core.analysis.optimal.marginal import Ranking, rank
from firmtrade_core.analysis.optimal.problem import OptimumError, Problem
from firmtrade_core.analysis.optimal.response import (
    BestResponse,
    Curve,
    best_response,
    break_even,
    curve,
    tipping_retaliation,
)
from firmtrade_core.analysis.optimal.sureness import Sureness, sureness
from firmtrade_core.analysis.optimal.war import Nash, Step, War, nash, trade_war

__all__ = [
    "BestResponse",
    "Cooperation",
    "Curve",
    "Nash",
    "OptimumError",
    "Problem",
    "Ranking",
    "Step",
    "Sureness",
    "War",
    "best_response",
    "break_even",
    "cooperate",
    "curve",
    "first_order",
    "frontier",
    "nash",
    "rank",
    "sureness",
    "tipping_retaliation",
    "trade_war",
]
