"""Published results computed again and held against the papers' own numbers, row by row (MODEL 9).

Each table is a `Replication`: what it needs, where the public finds it, and the rows it computes. `replicate` gathers them.
"""

from typing import TYPE_CHECKING

from firmtrade_core.public import on_demand

if TYPE_CHECKING:
    from firmtrade_core.published.replicate import MissingDataError, UnknownReplicationError, replications
    from firmtrade_core.published.replication import Replication, Report, Row

__all__ = [
    "MissingDataError",
    "Replication",
    "Report",
    "Row",
    "UnknownReplicationError",
    "replications",
]

__getattr__ = on_demand(
    __name__,
    {
        "MissingDataError": "replicate",
        "Replication": "replication",
        "Report": "replication",
        "Row": "replication",
        "UnknownReplicationError": "replicate",
        "replications": "replicate",
    },
)
