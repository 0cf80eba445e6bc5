"""How unequal firms of other countries are, and how presence goes with sales, as exporters by destination show it.

Moments of exporters of three countries (`firms moments` makes them from the tables again), and of a country that is not
among them: the mean of the three, with the ends of the 90 % band of one more country, which three leave wide. They stand in
place of the spread of French exporters (2.4) and the slope of 0.65 (EKK11) where a scenario's structure asks for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

#: Of the numbers below.
SOURCE = (
    "Exporters by destination of Brazil (1997 to 2007), Mexico (2001 to 2005) and Peru (1994 to 2008), from the replication data "
    "of Steinberg's work on exporters by destination; estimated here"
)


@dataclass(frozen=True)
class ExporterLaw:
    """A spread and a slope of presence that belong together.

    Parameters
    ----------
    label
        In words.
    dispersion
        s, standard deviation of log sales, log points.
    presence_slope
        Elasticity of the share of firms present to sales in the market.
    dispersion_band, presence_band
        90 %.
    """

    label: str
    dispersion: float
    presence_slope: float
    dispersion_band: tuple[float, float]
    presence_band: tuple[float, float]


_BRA, _MEX, _PER = (1.74, 1.89), (2.15, 2.31), (2.07, 2.31)
_ALL, _SLOPE = (1.30, 2.85), (0.26, 0.96)

#: By the name that a structure gives.
EXPORTER_LAWS: Mapping[str, ExporterLaw] = MappingProxyType(
    {
        "BRA": ExporterLaw("exporters of Brazil", 1.81, 0.62, _BRA, (0.56, 0.68)),
        "MEX": ExporterLaw("exporters of Mexico", 2.23, 0.70, _MEX, (0.64, 0.80)),
        "PER": ExporterLaw("exporters of Peru", 2.19, 0.50, _PER, (0.37, 0.64)),
        "mean": ExporterLaw("exporters of three countries, mean", 2.07, 0.61, _ALL, _SLOPE),
        "low": ExporterLaw("exporters, low end of the band", _ALL[0], 0.61, _ALL, _SLOPE),
        "high": ExporterLaw("exporters, high end of the band", _ALL[1], 0.61, _ALL, _SLOPE),
    }
)
