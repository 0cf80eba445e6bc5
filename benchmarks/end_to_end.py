"""From a firm panel to the world: ``python -m benchmarks.end_to_end [--misspecified] [--seeds 20]``.

All firms of a synthetic home get a certificate. The true world is solved firm by firm; the hybrid, the Pareto shortcut
and pure machine learning predict it. Errors are |predicted change - true change| / |true change|, means over seeds.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial

import numpy as np

from tests.end_to_end.programme import ESTIMATED, OUTCOMES, Outcome, follow


def _one(seed: int, variant: str) -> Outcome:
    return follow(seed, variant=variant)


def table(found: list[Outcome]) -> str:
    """Mean errors by model and outcome as a Markdown table."""
    rows = [f"| | {' | '.join(OUTCOMES)} |", "|---|---|---|---|"]
    changes = [np.mean([o.truth[name] for o in found]) for name in OUTCOMES]
    rows.append(f"| true change | {' | '.join(f'{100 * change:+.1f} %' for change in changes)} |")
    for model in found[0].predicted:
        errors = [np.mean([o.error(model, name) for o in found]) for name in OUTCOMES]
        cells = ["–" if np.isnan(error) else f"{100 * error:.1f} %" for error in errors]
        rows.append(f"| {model} | {' | '.join(cells)} |")
    widths = [np.mean([o.relative_interval(name) for o in found]) for name in OUTCOMES]
    rows.append(
        f"| own 90 % interval of {ESTIMATED}, half | {' | '.join(f'{100 * w:.1f} %' for w in widths)} |"
    )
    rows += [
        "",
        "| firms of | share of exports | adds to exports, true, points | predicted, points | error, points | of the true change | sampling error of the truth, points |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in found[0].sizes:
        own = [o.sizes[name] for o in found]
        share, true, told = (
            100 * np.mean([getattr(c, part) for c in own]) for part in ("share", "true", "told")
        )
        luck = 100 * np.sqrt(np.sum([c.sampling**2 for c in own])) / len(own)
        rows.append(
            f"| {name} persons | {share:.2f} % | {true:+.2f} | {told:+.2f} | {abs(told - true):.2f} | "
            f"{100 * abs(told - true) / abs(true):.0f} % | {luck:.2f} |"
        )
    return "\n".join(rows)


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--misspecified", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    variant = "misspecified" if arguments.misspecified else "well_specified"
    with ProcessPoolExecutor(arguments.workers) as pool:
        found = list(pool.map(partial(_one, variant=variant), range(arguments.seeds)))
    if arguments.json:
        print(
            json.dumps(
                [
                    {
                        "truth": o.truth,
                        "predicted": o.predicted,
                        "interval": o.interval,
                        "sizes": {n: asdict(c) for n, c in o.sizes.items()},
                    }
                    for o in found
                ]
            )
        )
    else:
        print(table(found))


if __name__ == "__main__":
    main()
