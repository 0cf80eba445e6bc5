"""A headline under alternative choices, each re-run from its real start."""

from firmtrade_core.analysis.robustness.choices import KINDS, OF_FIRMS, Choice, choices, untouched
from firmtrade_core.analysis.robustness.firm_chain import FirmChain, RawFiles, Start
from firmtrade_core.analysis.robustness.job import arguments, run_robustness
from firmtrade_core.analysis.robustness.study import EDITION, Robustness, Row, robustness

__all__ = [
    "EDITION",
    "KINDS",
    "OF_FIRMS",
    "Choice",
    "FirmChain",
    "RawFiles",
    "Robustness",
    "Row",
    "Start",
    "arguments",
    "choices",
    "robustness",
    "run_robustness",
    "untouched",
]
