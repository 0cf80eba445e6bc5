"""Coverage of the bootstrap intervals of the four scales: ``python -m benchmarks.capability_coverage``.

Each replication draws 500 firms and 10 markets of MODEL 6's reference design, estimates them with the learner's
search, and makes 50 warm-started bootstrap draws of every firm's shocks. The share of replications whose 90 % interval holds the
true value should lie between 84 and 96 %. Finished replications are kept in a file; a stopped run goes on from there.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

FIRMS, MARKETS, REPLICATIONS, DRAWS, LEVEL = 500, 10, 200, 50, 0.90
LOWEST, HIGHEST = 0.84, 0.96
FIRST_SEED = 50_000
KEPT = ("estimate", "standard_error", "corrected", "low", "high")
SYMBOLS = ("σ_u", "σ_ξ", "σ_ν", "v_k")
TRUE = {"σ_u": 0.9, "σ_ξ": 1.1, "σ_ν": 0.7, "v_k": 0.4 * 1.1 * 0.7}


def replicate(number: int) -> dict[str, Any]:
    """One replication: estimates and intervals by symbol, and its seconds."""
    os.environ["FIRMTRADE_THREADS"] = "1"
    from firmtrade_core.capability import CapabilityData, estimate
    from firmtrade_core.panel.synthetic.design import ReferenceDesign, draw_reference

    began, processor = time.perf_counter(), time.process_time()
    observed = draw_reference(
        ReferenceDesign(firms=FIRMS, markets=MARKETS, seed=FIRST_SEED + number)
    ).observed
    data = CapabilityData.from_arrays(observed.log_sales, observed.attributes)
    results = estimate(data, draws=DRAWS)
    parameters = results.parameters.loc[list(SYMBOLS)]
    return {
        "number": number,
        "seconds": time.perf_counter() - began,
        "processor_seconds": time.process_time() - processor,
        **{name: parameters[name].to_dict() for name in KEPT},
        "draws": [
            [round(v, 4) for v in (s.sigma_u, s.sigma_xi, s.sigma_nu, s.known_demand)]
            for s in (draw.scales for draw in results.draws)
        ],
    }


def run(replications: int, path: Path, workers: int) -> list[dict[str, Any]]:
    """All replications up to a number, made or read; new ones are written as they finish."""
    path.parent.mkdir(parents=True, exist_ok=True)
    done = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    found = {item["number"]: item for item in done}
    missing = [number for number in range(replications) if number not in found]
    with ProcessPoolExecutor(workers) as pool, path.open("a") as file:
        for future in as_completed([pool.submit(replicate, number) for number in missing]):
            item = future.result()
            found[item["number"]] = item
            file.write(json.dumps(item, ensure_ascii=False) + "\n")
            file.flush()
            print(f"{len(found)} of {replications}", file=sys.stderr, end="\r")
    return [found[number] for number in sorted(found) if number < replications]


def coverage(items: list[dict[str, Any]]) -> dict[str, float]:
    """Share of replications whose interval holds the truth, by symbol."""
    return {
        symbol: sum(item["low"][symbol] <= TRUE[symbol] <= item["high"][symbol] for item in items)
        / len(items)
        for symbol in SYMBOLS
    }


def table(items: list[dict[str, Any]]) -> str:
    """Coverage, bias and time as a Markdown table."""
    covered = coverage(items)
    rows = [
        "| scale | true | mean estimate | mean corrected | mean width | coverage |",
        "|---|---|---|---|---|---|",
    ]
    for symbol in SYMBOLS:
        mean = {
            name: sum(item[name][symbol] for item in items) / len(items)
            for name in ("estimate", "corrected", "low", "high")
        }
        rows.append(
            f"| {symbol} | {TRUE[symbol]:.3f} | {mean['estimate']:.3f} | {mean['corrected']:.3f} "
            f"| {mean['high'] - mean['low']:.3f} | {covered[symbol]:.1%} |"
        )
    processor = sum(item["processor_seconds"] for item in items) / len(items)
    return "\n".join([*rows, f"\n{len(items)} replications, {processor:.1f} processor seconds each"])


def main() -> None:
    """Print the table, or JSON; exit 1 where coverage leaves 84 to 96 %."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--replications", type=int, default=REPLICATIONS)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=Path("output/capability_coverage.jsonl"))
    arguments = parser.parse_args()
    items = run(arguments.replications, arguments.out, arguments.workers)
    print(json.dumps(coverage(items)) if arguments.json else table(items))
    sys.exit(not all(LOWEST <= share <= HIGHEST for share in coverage(items).values()))


if __name__ == "__main__":
    main()
