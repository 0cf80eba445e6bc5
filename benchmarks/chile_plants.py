"""Capability and its rivals on Chile's real plants: ``python -m benchmarks.chile_plants [--plants N] [--quick] [--two-indices] [--keep FOLDER]``.

Exports and, as their mirror, imported materials; "abroad" is the one market. Plants held out, then the last year
forecast from the years before; then what the estimated model says of published facts: how many export, exporters'
premia, how they start and go on. Attributes are employment, materials, sales per worker of the year before, the
share of imported inputs (or, of imports, whether the plant exported the year before) and the industry (three digits):
none is made of the year's own exports. Settings are chosen inside the training folds, and the mixture of the hybrid
too. With ``--keep`` estimates and forecasts are kept as they come, and a run that was cut short goes on. Needs
chile-enia in FIRMTRADE_DATA.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import pandas as pd

from firmtrade_core.capability import CapabilityData, CapabilityResults, Learner, Settings, estimate
from firmtrade_core.capability.comparison import (
    MEASURES,
    Scores,
    forecast_unseen,
    forecasters_of,
    held_out,
    measure,
)
from firmtrade_core.capability.data import PRESENT
from firmtrade_core.capability.estimation import one_thread
from firmtrade_core.capability.forecast import Forecaster, Persistence
from firmtrade_core.capability.known import KnownComparison, compare_next_year, rows_of, simulate_years
from firmtrade_core.capability.sources import from_panel
from firmtrade_core.jobs.kept import keep, read
from firmtrade_core.panel import FirmPanel
from firmtrade_core.panel.enia import PLANTS, load_enia
from firmtrade_core.panel.facts import export_transitions, exporter_premia, exporter_share, top_share

Flow = Literal["export", "import"]
Made = TypeVar("Made")

#: Folds of plants, of which some are held out.
FOLDS = 5

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
    for name in dict.fromkeys(table.index.get_level_values("measure")):
        cells = [table.loc[(name, model)] for model in models]
        print(
            f"| {name} | "
            + " | ".join(f"{c['value']:.3f} ({c['low']:.3f} to {c['high']:.3f})" for c in cells)
            + " |"
        )


def kept(folder: Path | None, name: str, make: Callable[[], Made]) -> Made:
    """What was made before under this name, or made now."""
    if folder is None:
        return make()
    path = folder / f"{name}.kept"
    if not path.exists():
        keep(path, make())
    found: Made = read(path)
    return found


def place(scores: Scores) -> pd.DataFrame:
    """By measure: whether ours is best, tied (the best lies within its 90 % interval) or worst."""
    value = scores.table["value"].unstack("model")[list(scores.models)]
    own, rows = scores.table.xs(scores.ours, level="model").to_dict("index"), {}
    for name, up in MEASURES.items():
        ordered = value.loc[name].sort_values(ascending=not up)
        best = float(ordered.iloc[0])
        tied = own[name]["low"] <= best <= own[name]["high"]
        rows[name] = {
            "best": ordered.index[0] == scores.ours,
            "tied": bool(tied),
            "worst": ordered.index[-1] == scores.ours,
        }
    return pd.DataFrame(rows).T


def run(
    panel: FirmPanel, flow: Flow, settings: Settings | None, folds_used: int, draws: int, folder: Path | None
) -> tuple[KnownComparison, pd.DataFrame]:
    """Print the tables of one flow; the comparison of the last year, and `place` in both."""
    data = capability_data(panel, flow)
    print(f"\n## {_AMOUNT[flow]}: {data.firm_count:,} plants, {len(data.firm):,} plant-years", flush=True)
    # Of plants never seen, years count once: nothing is known of their u.
    once = capability_data(panel, flow, years_are_independent=False)
    known = kept(
        folder, f"{flow}_next", lambda: estimate(rows_of(data, data.years < data.years.max()), settings)
    )
    later = kept(folder, f"{flow}_next_scores", lambda: compare_next_year(data, draws=draws, results=known))
    _print_measures("last year held out", later.table)
    print("\n" + " ".join(later.notes), flush=True)
    firms, parts = held_out(once, FOLDS, 0)[:folds_used], []
    for number, out in enumerate(firms):

        def fit(rest: CapabilityData, number: int = number) -> Mapping[str, Forecaster]:
            with one_thread():
                found = kept(folder, f"{flow}_{number}", lambda: estimate(rest, settings))
            return forecasters_of(found)

        parts.append(kept(folder, f"{flow}_{number}_forecasts", partial(forecast_unseen, once, out, fit)))
    held = measure(once, firms, parts, draws=draws)
    _print_measures(f"plants held out, {sum(map(len, firms)):,}", held.table)
    places = pd.concat([place(held), place(later)])
    print(f"\nHybrid: {_counted(places)}.", flush=True)
    return later, places


def _counted(places: pd.DataFrame) -> str:
    won = int((places["best"] | places["tied"]).sum())
    return f"best or tied on {won} of {len(places)} measures, best on {int(places['best'].sum())}, worst on {int(places['worst'].sum())}"


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plants", type=int, help="a random sample of this many")
    parser.add_argument("--quick", action="store_true", help="no search of the learner's settings")
    parser.add_argument(
        "--two-indices", action="store_true", help="let attributes move fixed costs of entry too"
    )
    parser.add_argument("--flow", choices=["export", "import"], help="one alone")
    parser.add_argument("--folds", type=int, default=2, help=f"folds of plants held out in turn, of {FOLDS}")
    parser.add_argument("--draws", type=int, default=40, help="of the bootstrap by plant")
    parser.add_argument("--facts", action="store_true", help="published facts too, from one more estimate")
    parser.add_argument("--keep", type=Path, help="folder of what was estimated before")
    arguments = parser.parse_args()
    if arguments.keep is not None:
        # What was kept of other plants or settings is not taken for these.
        how = "-quick" * arguments.quick + "-two" * arguments.two_indices
        arguments.keep = arguments.keep / f"{arguments.plants or 'all'}{how}"
        arguments.keep.mkdir(parents=True, exist_ok=True)
    settings = replace(QUICK if arguments.quick else Settings(), two_indices=arguments.two_indices)
    panel = plants(arguments.plants)
    flows: tuple[Flow, ...] = ("export", "import") if arguments.flow is None else (arguments.flow,)
    found = {
        flow: run(panel, flow, settings, arguments.folds, arguments.draws, arguments.keep) for flow in flows
    }
    print(f"\nHybrid over all: {_counted(pd.concat([places for _, places in found.values()]))}.", flush=True)
    if "export" not in found or not arguments.facts:
        return
    with one_thread():
        results = kept(
            arguments.keep, "export_all", lambda: estimate(capability_data(panel, "export"), settings)
        )
    chosen = found["export"][0].persistence
    print("\n| exports | data | model, mean of draws | 5 to 95 % |\n|---|---|---|---|")
    for name, row in reproduced(results, panel, chosen).iterrows():
        print(f"| {name} | {row['data']:.3f} | {row['model']:.3f} | {row['low']:.3f} to {row['high']:.3f} |")
    print("\n" + results.table())


if __name__ == "__main__":
    main()
