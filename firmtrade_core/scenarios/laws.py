"""Lognormal firms as a scenario's structure has them: of its own spread, or as unequal as some country's exporters."""

from __future__ import annotations

from firmtrade_core.margins import Lognormal
from firmtrade_core.scenarios.schema import Structure


def lognormal(structure: Structure) -> Lognormal:
    """The law that ``dispersion``, or ``firms_like`` in its place, names.

    Parameters
    ----------
    structure
    """
    if structure.firms_like is not None:
        return Lognormal.as_exporters_of(structure.firms_like)
    return Lognormal(structure.dispersion)
