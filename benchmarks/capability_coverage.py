"""Coverage of the bootstrap intervals of the four scales: ``python -m benchmarks.capability_coverage``.

Each replication draws 500 firms and 10 markets of MODEL 6's reference design, estimates them with the learner's
search, and makes 50 warm-started bootstrap draws of every firm's shocks. The share of replications whose 90 % interval holds the
true value should lie between 84 and 96 %. Finished replications are kept in a file; a stopped run goes on from there.

``--design`` breaks one assumption of the estimator at a time, see `DESIGNS`; the scales that then have a true value are counted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from firmtrade_core.capability import CapabilityData
    from firmtrade_core.panel.synthetic.design import ReferenceSample

FIRMS, MARKETS, REPLICATIONS, DRAWS, LEVEL = 500, 10, 200, 50, 0.90
LOWEST, HIGHEST = 0.84, 0.96
FIRST_SEED = 50_000
KEPT = ("estimate", "standard_error", "corrected", "low", "high")
SYMBOLS = ("σ_u", "σ_ξ", "σ_ν", "v_k")
TRUE = {"σ_u": 0.9, "σ_ξ": 1.1, "σ_ν": 0.7, "v_k": 0.4 * 1.1 * 0.7}


#: Errors of log sales and of a1, of the reference design's unit; how far taste's spread follows capability; firm-year shocks.
SALES_ERROR, ATTRIBUTE_ERROR, FOLLOWS, FIRM_YEAR = 0.4, 0.5, 0.3, 0.3


def _plain(sample: ReferenceSample, random: np.random.Generator) -> tuple[CapabilityData, dict[str, float]]:
    from firmtrade_core.capability import CapabilityData

    return CapabilityData.from_arrays(sample.observed.log_sales, sample.observed.attributes), TRUE


def _drawn_anew(
    sample: ReferenceSample,
    u: np.ndarray | None = None,
    xi: np.ndarray | None = None,
    shift: float | np.ndarray = 0.0,
) -> np.ndarray:
    """Log sales (F, J) of the same firms and markets with other capability or tastes."""
    truth = sample.truth
    kappa = (truth.m + (truth.u if u is None else u) + shift)[:, None]
    present = kappa + truth.g[:, None] + truth.nu >= truth.threshold
    return np.where(present, truth.demand + kappa + (truth.xi if xi is None else xi), np.nan)


def _fat_tails(
    sample: ReferenceSample, random: np.random.Generator
) -> tuple[CapabilityData, dict[str, float]]:
    """Unexplained capability is exponential (Pareto firms) with the same variance."""
    from firmtrade_core.capability import CapabilityData

    u = TRUE["σ_u"] * (random.standard_exponential(FIRMS) - 1)
    return CapabilityData.from_arrays(_drawn_anew(sample, u), sample.observed.attributes), TRUE


def _tastes_by_market(
    sample: ReferenceSample, random: np.random.Generator
) -> tuple[CapabilityData, dict[str, float]]:
    """Tastes differ more between firms in some markets than in others; σ_ξ² is their mean square over all sales made.

    One number for all markets has no other meaning: markets that sell more count for more. The mean over markets is 1.1²."""
    from firmtrade_core.capability import CapabilityData

    spread = np.linspace(0.5, 1.5, MARKETS)
    xi = sample.truth.xi * spread / np.sqrt((spread**2).mean())
    sales = _drawn_anew(sample, xi=xi)
    sold = np.isfinite(sales).sum(0)
    data = CapabilityData.from_arrays(sales, sample.observed.attributes)
    of_sales = TRUE["σ_ξ"] * float(np.sqrt(np.average(spread**2, weights=sold) / (spread**2).mean()))
    return data, {"σ_u": TRUE["σ_u"], "σ_ξ": of_sales, "σ_ν": TRUE["σ_ν"]}


def _tastes_follow(
    sample: ReferenceSample, random: np.random.Generator
) -> tuple[CapabilityData, dict[str, float]]:
    """Tastes are the more alike the more capable the firm: their spread is e^(-0.3 u/σ_u), of mean square σ_ξ²."""
    from firmtrade_core.capability import CapabilityData

    spread = np.exp(-FOLLOWS * sample.truth.u / TRUE["σ_u"] - FOLLOWS**2)
    xi = sample.truth.xi * spread[:, None]
    data = CapabilityData.from_arrays(_drawn_anew(sample, xi=xi), sample.observed.attributes)
    return data, {name: TRUE[name] for name in ("σ_u", "σ_ξ", "σ_ν")}


def _firm_years(
    sample: ReferenceSample, random: np.random.Generator
) -> tuple[CapabilityData, dict[str, float]]:
    """Two years of the same firms, tastes that last, and a shock of each firm and year that moves all its markets."""
    import pandas as pd

    from firmtrade_core.capability import CapabilityData

    years = [_drawn_anew(sample, shift=random.normal(0, FIRM_YEAR, FIRMS)) for _ in range(2)]
    names = np.tile(np.arange(FIRMS), 2)
    data = CapabilityData.from_arrays(
        np.vstack(years), pd.concat([sample.observed.attributes] * 2, ignore_index=True), firm=list(names),
        year=list(np.repeat([1, 2], FIRMS)),
    )  # fmt: skip
    # What lasts is u: the firm's shocks of single years are no capability, but nothing in the model takes them up.
    return data, {"σ_u": TRUE["σ_u"]}


def _errors(sample: ReferenceSample, random: np.random.Generator) -> tuple[CapabilityData, dict[str, float]]:
    """Sales and the strongest attribute are measured with normal errors: the scales of what is seen are known exactly."""
    from firmtrade_core.capability import CapabilityData

    observed = sample.observed
    sales = observed.log_sales + SALES_ERROR * random.standard_normal(observed.log_sales.shape)
    seen = observed.attributes.assign(
        a1=observed.attributes["a1"] + ATTRIBUTE_ERROR * random.standard_normal(FIRMS)
    )
    hidden = 0.8**2 * ATTRIBUTE_ERROR**2 / (1 + ATTRIBUTE_ERROR**2)  # Var(0.8 a1 | a1 as seen)
    truth = {
        "σ_u": float(np.hypot(TRUE["σ_u"], np.sqrt(hidden))), "σ_ξ": float(np.hypot(TRUE["σ_ξ"], SALES_ERROR)),
        "σ_ν": TRUE["σ_ν"], "v_k": TRUE["v_k"],
    }  # fmt: skip
    return CapabilityData.from_arrays(sales, seen), truth


Made = Callable[["ReferenceSample", np.random.Generator], tuple["CapabilityData", dict[str, float]]]
DESIGNS: dict[str, Made] = {
    "reference": _plain,
    "fat tails": _fat_tails,
    "tastes by market": _tastes_by_market,
    "tastes follow capability": _tastes_follow,
    "firm-year shocks": _firm_years,
    "measurement error": _errors,
}


def replicate(number: int, design: str = "reference", draws: int = DRAWS) -> dict[str, Any]:
    """One replication: estimates and intervals by symbol, and its seconds."""
    os.environ["FIRMTRADE_THREADS"] = "1"
    from firmtrade_core.capability import estimate
    from firmtrade_core.panel.synthetic.design import ReferenceDesign, draw_reference

    began, processor = time.perf_counter(), time.process_time()
    sample = draw_reference(ReferenceDesign(firms=FIRMS, markets=MARKETS, seed=FIRST_SEED + number))
    data, truth = DESIGNS[design](sample, np.random.default_rng(90_000 + number))
    results = estimate(data, draws=draws)
    parameters = results.parameters.loc[list(SYMBOLS)]
    return {
        "number": number,
        "design": design,
        "true": truth,
        "seconds": time.perf_counter() - began,
        "processor_seconds": time.process_time() - processor,
        **{name: parameters[name].to_dict() for name in KEPT},
        "errors": {
            symbol: [round(results.error_at(symbol, draw), 4) for draw in results.draws] for symbol in SYMBOLS
        },
        "draws": [
            [round(v, 4) for v in (s.sigma_u, s.sigma_xi, s.sigma_nu, s.known_demand)]
            for s in (draw.scales for draw in results.draws)
        ],
    }


def run(
    replications: int, path: Path, workers: int, design: str = "reference", draws: int = DRAWS
) -> list[dict[str, Any]]:
    """All replications up to a number, made or read; new ones are written as they finish."""
    path.parent.mkdir(parents=True, exist_ok=True)
    done = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    found = {item["number"]: item for item in done}
    missing = [number for number in range(replications) if number not in found]
    with ProcessPoolExecutor(workers) as pool, path.open("a") as file:
        for future in as_completed([pool.submit(replicate, number, design, draws) for number in missing]):
            item = future.result()
            found[item["number"]] = item
            file.write(json.dumps(item, ensure_ascii=False) + "\n")
            file.flush()
            print(f"{len(found)} of {replications}", file=sys.stderr, end="\r")
    return [found[number] for number in sorted(found) if number < replications]


def coverage(items: list[dict[str, Any]]) -> dict[str, float]:
    """Share of replications whose interval holds the truth, by symbol."""
    return {
        symbol: sum(item["low"][symbol] <= _truth(item)[symbol] <= item["high"][symbol] for item in items)
        / len(items)
        for symbol in SYMBOLS
        if symbol in _truth(items[0])
    }


def _truth(item: dict[str, Any]) -> dict[str, float]:
    found: dict[str, float] = item.get("true", TRUE)
    return found


def table(items: list[dict[str, Any]]) -> str:
    """Coverage with its binomial standard error, bias and time as a Markdown table."""
    covered = coverage(items)
    rows = [
        "| scale | true | mean estimate | mean corrected | mean width | coverage |",
        "|---|---|---|---|---|---|",
    ]
    for symbol in covered:
        mean = {
            name: sum(item[name][symbol] for item in items) / len(items)
            for name in ("estimate", "corrected", "low", "high")
        }
        truth = sum(_truth(item)[symbol] for item in items) / len(items)
        error = (covered[symbol] * (1 - covered[symbol]) / len(items)) ** 0.5
        rows.append(
            f"| {symbol} | {truth:.3f} | {mean['estimate']:.3f} | {mean['corrected']:.3f} "
            f"| {mean['high'] - mean['low']:.3f} | {covered[symbol]:.1%} (±{error:.1%}) |"
        )
    processor = sum(item["processor_seconds"] for item in items) / len(items)
    return "\n".join([*rows, f"\n{len(items)} replications, {processor:.1f} processor seconds each"])


def main() -> None:
    """Print the table, or JSON; exit 1 where coverage leaves 84 to 96 %."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--replications", type=int, default=REPLICATIONS)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--design", choices=list(DESIGNS), default="reference")
    parser.add_argument("--draws", type=int, default=DRAWS, help="bootstrap draws of a replication")
    parser.add_argument("--out", type=Path, help="file of finished replications; one by design unless given")
    arguments = parser.parse_args()
    words = "" if arguments.design == "reference" else "_" + arguments.design.replace(" ", "_")
    out = arguments.out or Path(f"output/capability_coverage{words}.jsonl")
    items = run(arguments.replications, out, arguments.workers, arguments.design, arguments.draws)
    print(json.dumps(coverage(items)) if arguments.json else table(items))
    sys.exit(not all(LOWEST <= share <= HIGHEST for share in coverage(items).values()))


if __name__ == "__main__":
    main()
