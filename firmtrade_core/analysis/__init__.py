"""Reading equilibria against each other: comparison, trade diversion, flows between groups (MODEL 8)."""

from typing import TYPE_CHECKING

from firmtrade_core.public import on_demand

if TYPE_CHECKING:
    from firmtrade_core.analysis.comparison import Comparison
    from firmtrade_core.analysis.heterogeneity import Laws, compare_laws
    from firmtrade_core.analysis.programmes import ProgrammeResult, evaluate_programme
    from firmtrade_core.analysis.uncertainty import Band, Bands, UncertaintyError, bands
    from firmtrade_core.analysis.who_gains import Safeguards, safeguards

__all__ = [
    "Band",
    "Bands",
    "Comparison",
    "Laws",
    "ProgrammeResult",
    "Safeguards",
    "UncertaintyError",
    "bands",
    "compare_laws",
    "evaluate_programme",
    "safeguards",
]

__getattr__ = on_demand(
    __name__,
    {
        "Band": "uncertainty",
        "Bands": "uncertainty",
        "Comparison": "comparison",
        "Laws": "heterogeneity",
        "ProgrammeResult": "programmes",
        "Safeguards": "who_gains",
        "UncertaintyError": "uncertainty",
        "bands": "uncertainty",
        "compare_laws": "heterogeneity",
        "evaluate_programme": "programmes",
        "safeguards": "who_gains",
    },
)
