"""Charts from results; no state, no screen. Each function returns a `Chart` of plain data."""

from firmtrade_core.figures.bars import sector_bars, winners_and_losers
from firmtrade_core.figures.chart import Chart
from firmtrade_core.figures.flows import (
    by_partner,
    by_product,
    replaced_bars,
    sankey,
    sankey_finding,
    trade_bars,
    trade_finding,
)
from firmtrade_core.figures.outcomes import Headline, Outcome, headlines, outcome, sector_outcomes
from firmtrade_core.figures.scale import FIXED, beyond, stable_scale
from firmtrade_core.figures.world_map import world_map

__all__ = [
    "FIXED",
    "Chart",
    "Headline",
    "Outcome",
    "beyond",
    "by_partner",
    "by_product",
    "headlines",
    "outcome",
    "replaced_bars",
    "sankey",
    "sankey_finding",
    "sector_bars",
    "sector_outcomes",
    "stable_scale",
    "trade_bars",
    "trade_finding",
    "winners_and_losers",
    "world_map",
]
