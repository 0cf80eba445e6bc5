"""Structural boosting against its rivals on MODEL 6's reference design: ``python -m benchmarks.capability_rivals``.

Firms held out, the same folds for all; then a certificate programme that gives a4 to every firm, against the true
change of entry and of exports by market, intervals by refits on bootstrap samples of firms. ``--known`` adds known
firms' cells hidden, and whole markets left out whose effects come from two noisy features. ``--misspecified`` draws
fat-tailed u and sales risk that differs by firm.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from firmtrade_core.capability import CapabilityData, Scales
from firmtrade_core.capability.comparison import STRUCTURE, compare, compare_after_policy, forecasters, refits
from firmtrade_core.capability.forecast import StructuralForecaster, structural_forecast
from firmtrade_core.capability.known import compare_in_known_markets, compare_in_new_markets
from firmtrade_core.panel.synthetic.design import ReferenceDesign, draw_reference, explained_capability


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--misspecified", action="store_true")
    parser.add_argument("--firms", type=int, default=3_000)
    parser.add_argument("--markets", type=int, default=20)
    parser.add_argument("--folds", type=int, default=5, help="folds held out in turn, of 5")
    parser.add_argument("--known", action="store_true", help="known firms in hidden and in new markets too")
    parser.add_argument("--draws", type=int, default=10, help="refits for the programme's intervals")
    parser.add_argument("--seed", type=int, default=ReferenceDesign().seed)
    arguments = parser.parse_args()
    design = ReferenceDesign(
        firms=arguments.firms,
        markets=arguments.markets,
        seed=arguments.seed,
        variant="misspecified" if arguments.misspecified else "well_specified",
    )
    sample = draw_reference(design)
    observed, truth = sample.observed, sample.truth
    data = CapabilityData.from_arrays(observed.log_sales, observed.attributes)
    _print("held-out firms", compare(data, folds_used=arguments.folds).table)
    if arguments.known:
        _print("known firms, hidden cells", compare_in_known_markets(data, folds_used=arguments.folds).table)
        noise = 0.3 * np.random.default_rng(arguments.seed).standard_normal((2, design.markets))
        features = pd.DataFrame(
            {"size": truth.demand + noise[0], "cost": truth.threshold + noise[1]}, index=list(data.markets)
        )
        new = compare_in_new_markets(data, features, markets_used=arguments.folds)
        _print("known firms, new markets", new.table)
    treated = observed.attributes.assign(a4=1.0)
    shift = explained_capability(treated) - explained_capability(observed.attributes)
    scales = Scales(design.sigma_u, design.sigma_xi, design.sigma_nu, design.correlation)
    # Under misspecification the normal formula is still the reference: an approximation of the true change.
    before, after = (
        structural_forecast(m, truth.g, truth.demand[None], truth.threshold[None], scales)
        for m in (truth.m, truth.m + shift)
    )
    models = forecasters(data)
    structure = models[STRUCTURE]
    assert isinstance(structure, StructuralForecaster)
    again = refits(data, structure, arguments.draws) if arguments.draws else None
    policy = compare_after_policy(
        data, treated.to_numpy(float), (before, after), models, refitted=again
    ).table
    print(
        "\n| after a programme | error of entry, points | of exports | change of entry, % | of exports, % |"
    )
    print("|---|---|---|---|---|")
    for model, row in policy.iterrows():
        cells = [f"{row['entry error']:.1f}", f"{row['exports error']:.1f}"]
        for what in ("entry", "exports"):
            band = f" ({row[f'{what} low']:.1f} to {row[f'{what} high']:.1f})" if f"{what} low" in row else ""
            cells.append(f"{row[f'{what} change']:.1f}{band if model != 'truth' else ''}")
        print(f"| {model} | " + " | ".join(cells) + " |")


def _print(title: str, table: pd.DataFrame) -> None:
    models = list(dict.fromkeys(table.index.get_level_values("model")))
    print(f"\n| {title} | " + " | ".join(models) + " |\n|---|" + "---|" * len(models))
    for measure in dict.fromkeys(table.index.get_level_values("measure")):
        rows = [table.loc[(measure, model)] for model in models]
        cells = [f"{row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f})" for row in rows]
        print(f"| {measure} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
