"""Audits suppression on many tables and prints the counts: ``python -m benchmarks.disclosure [--tables N] [--seed S]``.

Small tables (two and three columns) are solved by the product's method, by the textbook's hypercubes and, exactly, by an
integer programme; larger and linked ones by the product's method alone. Every pattern goes through the exact audit.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np
import pandas as pd

from firmtrade_core.disclosure import DisclosureError, Release, compare, exposed, protect, release
from firmtrade_core.disclosure.suppression import optimal


def drawn(seed: int, shape: tuple[int, ...], firms: int, spread: float = 1.2) -> pd.DataFrame:
    """Firms of skewed size over skewed labels."""
    draw = np.random.default_rng(seed)
    labels = {f"c{d}": draw.choice(n, firms, p=draw.dirichlet(np.full(n, 3.0))) for d, n in enumerate(shape)}
    return pd.DataFrame(labels | {"firm": np.arange(firms), "value": draw.lognormal(0, spread, firms)})


def small_tables(count: int, seed: int = 0) -> Iterator[Release]:
    """Tables small enough for the exact method whose primary cells can be protected while their totals stand."""
    draw, made = np.random.default_rng(seed), 0
    while made < count:
        shape = tuple(int(n) for n in draw.integers(3, 6, 2)) if draw.random() < 0.7 else (3, 3, 2)
        data = drawn(int(draw.integers(1 << 30)), shape, int(draw.integers(60, 200)))
        given = release(data, [[c for c in data if str(c).startswith("c")]], "value")
        if not 0 < given.primary.sum() <= 9:
            continue
        try:
            optimal(given)
        except DisclosureError:
            continue
        made += 1
        yield given


def main() -> None:
    """Print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    lost: dict[str, int] = {}
    bare: dict[str, int] = {}
    primary, start = 0, time.perf_counter()
    for table in small_tables(given.tables, given.seed):
        primary += int(table.primary.sum())
        for name, (cells, open_cells) in compare(table).items():
            lost[name], bare[name] = lost.get(name, 0) + cells, bare.get(name, 0) + open_cells
    print(
        f"{given.tables} small tables, {primary} cells that reveal a firm, {time.perf_counter() - start:.0f} s"
    )
    for name in lost:
        print(
            f"  {name:10} {lost[name]:5} further cells withheld, {bare[name]} primary cells exposed in the exact audit"
        )
    best = min(lost["optimal"], lost["hypercube"])
    print(f"  here against the best of them: {lost['here'] / max(best, 1) - 1:+.1%} (asked: at most +5 %)")
    for title, shape, tables in (
        ("15 x 12", (15, 12), [["c0", "c1"]]),
        ("8 x 6 x 3", (8, 6, 3), [["c0", "c1", "c2"]]),
        ("linked 6 x 4, 6 x 5, 4 x 5", (6, 4, 5), [["c0", "c1"], ["c0", "c2"], ["c1", "c2"]]),
    ):
        start = time.perf_counter()
        table = release(drawn(given.seed, shape, 2_000 if len(tables) == 1 else 400), tables, "value")
        pattern = protect(table)
        left = set(exposed(table, pattern.hidden)) - set(pattern.exposed)
        print(
            f"{title}: {int(table.cells.sum())} numbers, {int(table.primary.sum())} primary, "
            f"{int(pattern.complementary.sum())} further withheld, {len(left)} exposed, "
            f"{len(pattern.exposed)} given away by totals alone, {time.perf_counter() - start:.1f} s"
        )


if __name__ == "__main__":
    main()
