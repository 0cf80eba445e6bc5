"""Causal effects of firms' attributes on capability and on fixed costs (MODEL 7)."""

from firmtrade_core.channels.crossfit import CrossFit, Settings
from firmtrade_core.channels.data import ChannelData, Outcomes
from firmtrade_core.channels.errors import ChannelError
from firmtrade_core.channels.identification import Reading, Study, study
from firmtrade_core.channels.table import GRADES, ChannelEffect, ChannelTable

__all__ = [
    "GRADES",
    "ChannelData",
    "ChannelEffect",
    "ChannelError",
    "ChannelTable",
    "CrossFit",
    "Outcomes",
    "Reading",
    "Settings",
    "Study",
    "study",
]
