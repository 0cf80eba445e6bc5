"""Tables of exporting over time, to be taken away."""

from __future__ import annotations

import pandas as pd

from firmtrade_core.channels.over_time import OverTime
from firmtrade_core.report.export import Table


def over_time_tables(found: OverTime) -> list[Table]:
    """Parameters of the dynamic probit, what follows the start of exporting, and markets; those there are."""
    tables = []
    if found.sunk is not None:
        rows = found.sunk.table.reset_index(names="parameter")
        rows.columns = pd.Index(["Parameter", "Value", "Standard error", "Low", "High"])
        unit = "standard deviations"
        tables.append(
            Table("sunk_costs", "Sunk costs of entry: dynamic probit in standard deviations of yearly shocks, 90 % intervals", rows, dict.fromkeys(["Value", "Standard error", "Low", "High"], unit))
        )  # fmt: skip
    if found.learning:
        frame = pd.concat([each.table.assign(outcome=each.outcome) for each in found.learning], ignore_index=True)  # fmt: skip
        frame = frame[["outcome", "estimator", "horizon", "value", "error", "low", "high"]]
        frame.columns = pd.Index(["Outcome", "Estimator", "Years since the start", "Value", "Standard error", "Low", "High"])  # fmt: skip
        units = dict.fromkeys(["Value", "Standard error", "Low", "High"], "log points")
        tables.append(
            Table("after_the_start", "What follows the first year of exports", frame, {"Years since the start": "years", **units})
        )  # fmt: skip
    if found.markets is not None:
        names = {
            "destination": "Market", "exporters": "Exporters", "entrants": "Entrants", "entry": "Enter, of exporters", "exit": "Leave, of exporters",
            "again": "Entrants who had been there", "size": "Size at entry", "growth": "Growth of entrants that stay",
        }  # fmt: skip
        for year in (1, 2, 3):
            names |= {f"stay_{year}": f"Stay longer than {year}", f"low_{year}": f"Stay longer than {year}, low", f"high_{year}": f"Stay longer than {year}, high"}  # fmt: skip
        frame = found.markets[list(names)].rename(columns=names)
        units = {name: "share of 1" for name in map(str, frame) if str(name).startswith(("Stay", "Enter", "Leave", "Entrants who"))}  # fmt: skip
        units |= {"Exporters": "firms", "Entrants": "firms", "Size at entry": "times", "Growth of entrants that stay": "log points"}  # fmt: skip
        tables.append(Table("markets_over_time", "Coming and going by market, a year", frame, units))
    return tables
