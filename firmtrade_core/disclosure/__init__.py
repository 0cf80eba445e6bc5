"""One wall between records of firms and every number, table, sentence, map, file and refusal that is made of them."""

from firmtrade_core.disclosure.audit import bounds, exposed
from firmtrade_core.disclosure.errors import DisclosureError
from firmtrade_core.disclosure.release import Release, release
from firmtrade_core.disclosure.rules import FEWEST_FIRMS, TOP_SHARE, Rule
from firmtrade_core.disclosure.screen import IN_GROUPS, PASSED_THROUGH, Screen
from firmtrade_core.disclosure.suppression import Pattern, compare, protect

__all__ = [
    "FEWEST_FIRMS",
    "IN_GROUPS",
    "PASSED_THROUGH",
    "TOP_SHARE",
    "DisclosureError",
    "Pattern",
    "Release",
    "Rule",
    "Screen",
    "bounds",
    "compare",
    "exposed",
    "protect",
    "release",
]
