"""A record of predictions: what the model says from earlier data, held against what happened (MODEL 9, issue of record)."""

from firmtrade_core.backtests.errors import BacktestError
from firmtrade_core.backtests.scoring import Score, influence, misses, record_by_partner, score

__all__ = ["BacktestError", "Score", "influence", "misses", "record_by_partner", "score"]
