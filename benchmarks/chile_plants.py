"""Capability and its rivals on Chile's real plants: ``python -m benchmarks.chile_plants [--plants N] [--quick] [--two-indices]``.

Exports and, as their mirror, imported materials; "abroad" is the one market. Plants held out, then the last year
forecast from the years before; then what the estimated model says of published facts: how many export, exporters'
premia, how they start and go on. Attributes are employment, materials, sales per worker of the year before, the
share of imported inputs (or, of imports, whether the plant exported the year before) and the industry (three digits):
none is made of the year's own exports. Needs chile-enia in FIRMTRADE_DATA.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from firmtrade_core.capability import CapabilityData, CapabilityResults, Learner, Settings, estimate
from firmtrade_core.capability.comparison import compare
from firmtrade_core.capability.data import PRESENT
from firmtrade_core.capability.estimation import one_thread
from firmtrade_core.capability.forecast import Persistence
from firmtrade_core.capability.known import KnownComparison, compare_next_year, simulate_years
from firmtrade_core.capability.sources import from_panel
from firmtrade_core.panel import FirmPanel
from firmtrade_core.panel.enia import PLANTS, load_enia
from firmtrade_core.panel.facts import export_transitions, exporter_premia, exporter_share, top_share

Flow = Literal["export", "import"]

ATTRIBUTES = ("employment", "materials", "earlier_sales_per_worker")
OF_FLOW = {"export": "imported_input_share", "import": "exported_before"}
_AMOUNT = {"export": "exports", "import": "imports"}
QUICK = Settings(tune=False, rounds=2, learner=Learner(rounds=20))


def plants(most: int | None = None, seed: int = 0) -> FirmPanel:
    """Chile's plants with industries of three digits and the year before's sales per worker and exporter status.

    Parameters
    ----------
    most
        A random sample of this many plants; all unless given.
    """
    path = Path(os.environ.get("FIRMTRADE_DATA", "../shared/data")) / "chile-enia" / PLANTS
    panel = load_enia(path)
    table = panel.firms.copy()
    if most is not None:
        names = np.sort(table["firm"].unique().astype(str))
        chosen = np.random.default_rng(seed).choice(names, min(most, len(names)), replace=False)
        table = table[table["firm"].isin(chosen)]
    table["sector"] = table["sector"].astype(str).str[:3].astype("string")
    before = pd.DataFrame(
        {
            "firm": table["firm"],
            "year": table["year"] + 1,
            "earlier_sales_per_worker": table["sales"] / table["employment"].where(table["employment"] > 0),
            "exported_before": (table["exports"] > 0).astype(float),
        }
    )
    table = table.merge(before, on=["firm", "year"], how="left").replace([np.inf, -np.inf], np.nan)
    units = {"earlier_sales_per_worker": panel.metadata.money, "exported_before": "0 or 1"}
    metadata = replace(panel.metadata, units={**panel.metadata.units, **units})
    return FirmPanel.from_frames(table.reset_index(drop=True), metadata=metadata)


def capability_data(panel: FirmPanel, flow: Flow, *, years_are_independent: bool = True) -> CapabilityData:
    """One market, industries as shifts of capability.

    With one market a plant's lasting taste for exporting is part of u, and only its years tell u from luck: they are
    independent given u where plants are followed. (Forecasts of 1995 from the years before chose this.)
    """
    return from_panel(
        panel,
        flow=flow,
        attributes=(*ATTRIBUTES, OF_FLOW[flow]),
        sectors="shared",
        years_are_independent=years_are_independent,
    )


def facts(data: CapabilityData, panel: FirmPanel) -> pd.Series:
    """Share trading, premia within industry and year, starts, continuation, the largest traders' share."""
    rows = pd.DataFrame(
        {
            "firm": pd.array([data.firm_names[f] for f in data.firm], dtype="string"),
            "year": data.years,
            "exports": np.where(data.presence[:, 0] == PRESENT, np.exp(data.log_sales[:, 0]), 0.0),
        }
    )
    own = panel.firms[["firm", "year", "sector", "employment", "sales"]].copy()
    own["firm"] = own["firm"].astype("string")
    told = FirmPanel.from_frames(own.merge(rows, on=["firm", "year"]), metadata=panel.metadata)
    premia = exporter_premia(told)["same_sector"]
    moves = export_transitions(told).mean()
    sold = rows.loc[rows["exports"] > 0, "exports"].to_numpy(float)
    return pd.Series(
        {
            "share trading": float(exporter_share(told).mean()),
            "employment premium, log points": float(premia["employment"]),
            "sales premium, log points": float(premia["sales"]),
            "start a year later": float(moves["entry"]),
            "go on a year later": float(moves["continuation"]),
            "share of the top 5 %": top_share(sold),
        }
    )


def reproduced(
    results: CapabilityResults, panel: FirmPanel, persistence: Persistence, draws: int = 10, seed: int = 0
) -> pd.DataFrame:
    """`facts` of the data, and of panels simulated from the estimate: mean, 5th and 95th percentile."""
    generator = np.random.default_rng(seed)
    made = pd.DataFrame([facts(simulate_years(results, persistence, generator), panel) for _ in range(draws)])
    return pd.DataFrame(
        {
            "data": facts(results.data, panel),
            "model": made.mean(),
            "low": made.quantile(0.05),
            "high": made.quantile(0.95),
        }
    )


def _print_measures(title: str, table: pd.DataFrame) -> None:
    models = list(dict.fromkeys(table.index.get_level_values("model")))
    print(f"\n| {title} | " + " | ".join(models) + " |\n|---|" + "---|" * len(models))
    for measure in dict.fromkeys(table.index.get_level_values("measure")):
        cells = [table.loc[(measure, model)] for model in models]
        print(
            f"| {measure} | "
            + " | ".join(f"{c['value']:.3f} ({c['low']:.3f} to {c['high']:.3f})" for c in cells)
            + " |"
        )


def run(
    panel: FirmPanel, flow: Flow, settings: Settings | None, folds_used: int, draws: int
) -> KnownComparison:
    """Print the tables of one flow."""
    data = capability_data(panel, flow)
    print(f"\n## {_AMOUNT[flow]}: {data.firm_count:,} plants, {len(data.firm):,} plant-years", flush=True)
    # Of plants never seen, years count once: nothing is known of their u.
    once = capability_data(panel, flow, years_are_independent=False)
    held = compare(once, settings=settings, folds_used=folds_used, draws=draws)
    _print_measures("plants held out", held.table)
    later = compare_next_year(data, settings=settings, draws=draws)
    _print_measures("last year held out", later.table)
    print("\n" + " ".join(later.notes), flush=True)
    return later


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plants", type=int, help="a random sample of this many")
    parser.add_argument("--quick", action="store_true", help="no search of the learner's settings")
    parser.add_argument(
        "--two-indices", action="store_true", help="let attributes move fixed costs of entry too"
    )
    parser.add_argument("--flow", choices=["export", "import"], help="one alone")
    parser.add_argument("--folds", type=int, default=2, help="folds of plants held out in turn, of 5")
    parser.add_argument("--draws", type=int, default=40, help="of the bootstrap by plant")
    arguments = parser.parse_args()
    settings = replace(QUICK if arguments.quick else Settings(), two_indices=arguments.two_indices)
    panel = plants(arguments.plants)
    flows: tuple[Flow, ...] = ("export", "import") if arguments.flow is None else (arguments.flow,)
    found = {flow: run(panel, flow, settings, arguments.folds, arguments.draws) for flow in flows}
    if "export" not in found:
        return
    with one_thread():
        results = estimate(capability_data(panel, "export"), settings)
    chosen = found["export"].persistence
    print("\n| exports | data | model, mean of draws | 5 to 95 % |\n|---|---|---|---|")
    for name, row in reproduced(results, panel, chosen).iterrows():
        print(f"| {name} | {row['data']:.3f} | {row['model']:.3f} | {row['low']:.3f} to {row['high']:.3f} |")
    print("\n" + results.table())


if __name__ == "__main__":
    main()
