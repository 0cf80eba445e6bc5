"""Raw records to clean tables: reading, linkage, gaps, errors, mirror checks, quality report."""

from typing import TYPE_CHECKING

from firmtrade_core.public import on_demand

if TYPE_CHECKING:
    from firmtrade_core.harmonise.changes import ChangeLog
    from firmtrade_core.harmonise.errors import HarmoniseError
    from firmtrade_core.harmonise.linkage import Linkage, LinkagePlan, link
    from firmtrade_core.harmonise.pipeline import Outcome, Settings

__all__ = [
    "ChangeLog",
    "HarmoniseError",
    "Linkage",
    "LinkagePlan",
    "Outcome",
    "Settings",
    "link",
]

__getattr__ = on_demand(
    __name__,
    {
        "ChangeLog": "changes",
        "HarmoniseError": "errors",
        "Linkage": "linkage",
        "LinkagePlan": "linkage",
        "Outcome": "pipeline",
        "Settings": "pipeline",
        "link": "linkage",
    },
)
