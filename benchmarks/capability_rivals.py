"""Structural boosting against its rivals on MODEL 6's reference design: ``python -m benchmarks.capability_rivals``.

Firms held out, the same folds for all; then a certificate programme that gives a4 to every firm, against the true
change of entry and of exports by market. ``--misspecified`` draws fat-tailed u and sales risk that differs by firm.
"""

from __future__ import annotations

import argparse

from firmtrade_core.capability import CapabilityData, Scales
from firmtrade_core.capability.comparison import compare, compare_after_policy, forecasters
from firmtrade_core.capability.forecast import structural_forecast
from firmtrade_core.panel.synthetic.design import ReferenceDesign, draw_reference, explained_capability


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--misspecified", action="store_true")
    parser.add_argument("--firms", type=int, default=3_000)
    parser.add_argument("--markets", type=int, default=20)
    parser.add_argument("--folds", type=int, default=5, help="folds held out in turn, of 5")
    arguments = parser.parse_args()
    design = ReferenceDesign(
        firms=arguments.firms,
        markets=arguments.markets,
        variant="misspecified" if arguments.misspecified else "well_specified",
    )
    sample = draw_reference(design)
    observed, truth = sample.observed, sample.truth
    data = CapabilityData.from_arrays(observed.log_sales, observed.attributes)
    found = compare(data, folds_used=arguments.folds)
    print("| held-out firms | model | value | 90 % interval |\n|---|---|---|---|")
    for (measure, model), row in found.table.sort_index(level=0, sort_remaining=False).iterrows():
        best = " (best)" if found.best[measure] == model else ""
        print(f"| {measure} | {model}{best} | {row['value']:.3f} | {row['low']:.3f} to {row['high']:.3f} |")
    treated = observed.attributes.assign(a4=1.0)
    shift = explained_capability(treated) - explained_capability(observed.attributes)
    scales = Scales(design.sigma_u, design.sigma_xi, design.sigma_nu, design.correlation)
    # Under misspecification the normal formula is still the reference: an approximation of the true change.
    before, after = (
        structural_forecast(m, truth.g, truth.demand[None], truth.threshold[None], scales)
        for m in (truth.m, truth.m + shift)
    )
    policy = compare_after_policy(data, treated.to_numpy(float), (before, after), forecasters(data)).table
    print(
        "\n| after a programme | error of entry, points | of exports | change of entry, % | of exports, % |"
    )
    print("|---|---|---|---|---|")
    for model, row in policy.iterrows():
        print(f"| {model} | " + " | ".join(f"{value:.1f}" for value in row) + " |")


if __name__ == "__main__":
    main()
