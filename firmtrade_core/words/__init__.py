"""Sentences that findings are told in: scenarios, gravity, capability and channels, in the units of `labels`."""

from typing import TYPE_CHECKING

from firmtrade_core.public import on_demand

if TYPE_CHECKING:
    from firmtrade_core.words.gravity import equation_words, term_name
    from firmtrade_core.words.scenario import clause, describe

__all__ = [
    "clause",
    "describe",
    "equation_words",
    "term_name",
]

__getattr__ = on_demand(
    __name__,
    {
        "clause": "scenario",
        "describe": "scenario",
        "equation_words": "gravity",
        "term_name": "gravity",
    },
)
