"""The synthetic home country beside published regularities of real exporters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from firmtrade_core.panel import facts
from firmtrade_core.panel.panel import FirmPanel

ENIA = "Chile's manufacturing survey ENIA, 1990-1996"
BRAZIL = "Steinberg, table 1(a): Brazil, mean of 627 destination-years"
EKK = "Eaton, Kortum, Kramarz 2011"


#: Destinations with fewer exporters say little about how their number follows the market's size.
FEWEST = 5


@dataclass(frozen=True)
class Regularity:
    """A published number.

    Parameters
    ----------
    key
        What `measure` calls it.
    name, source
    published
    lowest, highest
        Range that counts as near: published studies of other countries and years lie in it.
    """

    key: str
    name: str
    published: float
    lowest: float
    highest: float
    source: str

    @property
    def unit(self) -> str:
        """Of the register."""
        return _UNITS.get(self.key, "share of 1")


#: Units of those that are no shares.
_UNITS = {
    "sales_premium": "log points",
    "sales_premium_same_sector": "log points",
    "employment_premium": "log points",
    "presence_slope": "elasticity",
    "avg_num_destinations": "mean markets",
    "entrant_relative_size": "relative",
    "entrant_relative_exit_rate": "difference of shares",
}

REGULARITIES = (
    Regularity("exporter_share", "Share of firms that export", 0.21, 0.19, 0.23, f"{ENIA} (0.214 in 1996)"),
    Regularity("sales_premium", "Exporters' sales over others'", 1.97, 1.6, 2.4, ENIA),
    Regularity("sales_premium_same_sector", "The same within sectors and years", 1.68, 1.3, 2.1, ENIA),
    Regularity("employment_premium", "Exporters' employment over others'", 1.24, 0.9, 1.6, ENIA),
    Regularity("intensity", "Exports over sales of exporters, mean", 0.25, 0.18, 0.35, ENIA),
    Regularity("entry", "Non-exporters that export a year later", 0.044, 0.03, 0.06, ENIA),
    Regularity("continuation", "Exporters that export a year later", 0.876, 0.82, 0.92, ENIA),
    Regularity("top_share", "Share of exports by the top 5 % of exporters", 0.62, 0.5, 0.75, f"{ENIA} (1996)"),
    Regularity("presence_slope", "Elasticity of exporters to a market's size", 0.65, 0.5, 0.8, EKK),
    Regularity("top5_share", "Top 5 % share of sales in a destination", 0.60, 0.45, 0.75, BRAZIL),
    Regularity("avg_num_destinations", "Destinations of a destination's exporters, mean", 16.7, 12, 22, BRAZIL),
    Regularity("exit_rate", "Exit rate from a destination", 0.36, 0.30, 0.42, BRAZIL),
    Regularity("entrant_relative_size", "Entrants' sales over incumbents'", 0.38, 0.25, 0.55, BRAZIL),
    Regularity("entrant_relative_exit_rate", "Entrants' exit rate less incumbents'", 0.26, 0.18, 0.34, BRAZIL),
)  # fmt: skip


def measure(panel: FirmPanel) -> dict[str, float]:
    """The regularities of a panel, by key; see `REGULARITIES`."""
    table = facts.exporting(panel)
    sold = table[table["exporter"] & (table["sales"] > 0)]
    premia = facts.exporter_premia(panel)
    transitions = facts.export_transitions(panel)
    markets = panel.exports("country", "year")
    last = markets[(markets["year"] == markets["year"].max()) & (markets["firms"] >= FEWEST)]
    logs = np.log(last[["value", "firms"]].astype(float))
    return {
        "exporter_share": float(facts.exporter_share(panel).iloc[-1]),
        "sales_premium": float(premia["all"]["sales"]),
        "sales_premium_same_sector": float(premia["same_sector"]["sales"]),
        "employment_premium": float(premia["all"]["employment"]),
        "intensity": float((sold["exports"] / sold["sales"]).mean()),
        "entry": float(transitions["entry"].mean()),
        "continuation": float(transitions["continuation"].mean()),
        "top_share": float(facts.exports_of_the_largest(panel).iloc[-1]),
        "presence_slope": float(logs.cov().loc["value", "firms"] / logs["value"].var()),
        **{str(name): float(value) for name, value in facts.destination_facts(panel).mean().items()},
    }


def compare(panel: FirmPanel) -> pd.DataFrame:
    """Published regularities beside the panel's own.

    Returns
    -------
    DataFrame
        ``regularity``, ``published``, ``here`` (missing where too few firms trade), ``unit``, ``near`` (within the range
        that counts as near) and ``source``.
    """
    found = dict.fromkeys([r.key for r in REGULARITIES], np.nan) | measure(panel)
    rows = [
        (r.name, r.published, found[r.key], r.unit, r.lowest <= found[r.key] <= r.highest, r.source)
        for r in REGULARITIES
    ]
    return pd.DataFrame(rows, columns=["regularity", "published", "here", "unit", "near", "source"])
