"""How often effects' intervals hold the truth: ``python -m benchmarks.channels_coverage``; interrupted, it goes on."""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from firmtrade_core.paths import PROJECT
from tests.channels.coverage import CASES, FIRMS, MARKETS, Outcome, replicate, summarise

STORE = PROJECT / "output" / "channels_coverage.jsonl"


def run(replications: int, workers: int, store: Path) -> list[Outcome]:
    """Replications by seed from 0, those stored before read back."""
    store.parent.mkdir(parents=True, exist_ok=True)
    done = _stored(store)
    missing = [seed for seed in range(replications) if seed not in done]
    with ProcessPoolExecutor(workers) as pool, store.open("a") as file:
        for seed, made in zip(missing, pool.map(replicate, missing), strict=True):
            done[seed] = made
            file.write(json.dumps({"seed": seed, "effects": made.effects, "covered": made.covered}) + "\n")
            file.flush()
    return [done[seed] for seed in range(replications)]


def _stored(store: Path) -> dict[int, Outcome]:
    if not store.is_file():
        return {}
    rows = [json.loads(line) for line in store.read_text().splitlines() if line.endswith("}")]
    return {row["seed"]: Outcome(row["effects"], row["covered"]) for row in rows}


def main() -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--store", type=Path, default=STORE)
    given = parser.parse_args()
    began = time.perf_counter()
    found = summarise(run(given.replications, given.workers, given.store))
    print(f"{given.replications} replications of {FIRMS} firms x {MARKETS} markets, nominal 90 %")
    print(f"{'':34}{'median estimate':>16}{'covered':>9}")
    for case in CASES:
        estimate, covered = found[case]
        print(f"{case:34}{estimate:>16.3f}{covered:>9.1%}")
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
