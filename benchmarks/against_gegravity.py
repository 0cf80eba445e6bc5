"""Side by side with the package gegravity: ``python -m benchmarks.against_gegravity [--json]``.

One-sector endowment worlds: the package's own 30-country sample, and synthetic worlds of 30, 50 and 100
countries. Timed: its ``simulate`` alone, with the baseline already built, against our ``solve`` from a cold
start, certificate included. The package keeps countries' shares of world output at their baseline inside
its full-equilibrium equations, so answers coincide where incomes do not move relative to each other: in
the symmetric worlds. Elsewhere the distance is what updating incomes adds. The package lives in an
environment of its own, ``.venv-peers``, installed on the first run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.worlds import available
from firmtrade_core.equilibrium import Parameters, Shock, solve
from firmtrade_core.gravity.conditional import conditional_flows
from firmtrade_core.gravity.estimate import estimate
from firmtrade_core.gravity.panel import GravityPanel
from firmtrade_core.gravity.specification import GravitySpecification
from firmtrade_core.paths import PROJECT, data_folder
from firmtrade_core.world.world import World

PEERS = PROJECT / ".venv-peers"
REQUIREMENT = "gegravity==0.3"
SIGMA = 5.0
RUNS = 20
#: How many times faster at 100 countries; and the agreement in percentage points where the models coincide.
RATIO_TARGET, AGREEMENT = 1000, 1e-6


@dataclass(frozen=True)
class Design:
    """A one-sector world: outputs, expenditures, ln t^(1-sigma) before and after."""

    name: str
    countries: list[str]
    output: np.ndarray
    expenditure: np.ndarray
    cost: np.ndarray
    new_cost: np.ndarray
    coincides: bool


@dataclass(frozen=True)
class Comparison:
    """Seconds of each, and the largest distance in real GDP, percentage points."""

    world: str
    countries: int
    theirs: float
    ours: float
    ratio: float
    distance: float
    coincides: bool


def synthetic(countries: int, *, symmetric: bool, seed: int = 0) -> Design:
    """Countries on a circle, all alike, or scattered with sizes and cuts in costs that differ."""
    random = np.random.default_rng(seed)
    abroad = 1.0 - np.eye(countries)
    if symmetric:
        around = np.exp(2j * np.pi * np.arange(countries) / countries)
        cost = -0.8 * np.abs(around[:, None] - around) - abroad
        size, cut = np.ones(countries), 0.3 * abroad
    else:
        place = random.uniform(0, 1, (countries, 2))
        cost = -2 * np.linalg.norm(place[:, None] - place, axis=2) - 1.5 * abroad
        size = np.exp(random.normal(0, 1, countries))
        cut = 0.3 * abroad * random.uniform(0, 1, abroad.shape)
    kind = "symmetric" if symmetric else "scattered"
    names = [f"C{i:03d}" for i in range(countries)]
    return Design(f"{kind}, {countries}", names, size, size, cost, cost + cut, symmetric)


def sample() -> Design:
    """The package's sample, its costs estimated by PPML; a new agreement between Canada and Japan."""
    table = pd.read_csv(data_folder() / "gegravity-sample" / "sample_data_set.dlm")
    terms = ["pta", "contiguity", "common_language", "lndist", "international"]
    table["pair_id"] = table.exporter + table.importer
    equation = GravitySpecification(tuple(terms), ("exporter", "importer"))
    found = estimate(GravityPanel.from_table(table), equation).coefficients
    after = table.copy()
    after.loc[table.pair_id.isin(["CANJPN", "JPNCAN"]), "pta"] = 1
    names = sorted(table.exporter.unique())

    def matrix(frame: pd.DataFrame) -> np.ndarray:
        cost = sum(frame[term] * found[term] for term in terms)
        wide = frame.assign(cost=cost).pivot_table(index="exporter", columns="importer", values="cost")
        return wide.loc[names, names].to_numpy()

    output = table.groupby("exporter").Y.first()[names].to_numpy(dtype=float)
    spending = table.groupby("importer").E.first()[names].to_numpy(dtype=float)
    spending *= output.sum() / spending.sum()
    return Design("gegravity's sample, 30", names, output, spending, matrix(table), matrix(after), False)


def _theirs(design: Design, trade: np.ndarray) -> tuple[float, np.ndarray]:
    n = len(design.countries)
    table = pd.DataFrame(
        {
            "exporter": np.repeat(design.countries, n),
            "importer": np.tile(design.countries, n),
            "year": "2006",
            "trade": trade.ravel(),
            "Y": np.repeat(design.output, n),
            "E": np.tile(design.expenditure, n),
            "cost": design.cost.ravel(),
            "new_cost": design.new_cost.ravel(),
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gravity.csv"
        table.to_csv(path, index=False)
        script = Path(__file__).with_name("gegravity_peer.py")
        command = [PEERS / "bin" / "python", script, path, str(SIGMA)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    if answer["message"] != "The solution converged.":
        raise RuntimeError(f"gegravity on {design.name}: {answer['message']}")
    return answer["seconds"], np.array([answer["real_gdp"][c] for c in design.countries])


def _ours(design: Design, trade: np.ndarray) -> tuple[float, np.ndarray]:
    flows = trade[:, :, None]
    world = World(
        tuple(design.countries), ("all",), flows, np.zeros_like(flows), np.zeros_like(flows), name=design.name
    )
    shock = Shock(trade_cost=np.exp((design.new_cost - design.cost) / (1 - SIGMA))[:, :, None])
    parameters = Parameters(trade_elasticity=SIGMA - 1, deficits="proportional")
    seconds = []
    for _ in range(RUNS):
        began = time.perf_counter()
        result = solve(world, shock, parameters)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds), 100 * (result.real_wage_change - 1)


def compare(design: Design) -> Comparison:
    """Both on one design."""
    trade = conditional_flows(np.exp(design.cost), design.output, design.expenditure)
    theirs, their_gdp = _theirs(design, trade)
    ours, our_gdp = _ours(design, trade)
    distance = float(np.abs(their_gdp - our_gdp).max())
    return Comparison(
        design.name, len(design.countries), theirs, ours, theirs / ours, distance, design.coincides
    )


def install_peer() -> None:
    """Put the package into its own environment, once."""
    if not (PEERS / "bin" / "python").exists():
        print(f"installing {REQUIREMENT} into {PEERS.name} (once) ...", file=sys.stderr)
        venv.create(PEERS, with_pip=True)
        command = [PEERS / "bin" / "python", "-m", "pip", "install", "--quiet", REQUIREMENT]
        subprocess.run(command, check=True)


def run() -> list[Comparison]:
    """All designs."""
    install_peer()
    designs = [synthetic(n, symmetric=s) for n in (30, 50, 100) for s in (True, False)]
    if available("gegravity-sample"):
        designs.insert(0, sample())
    return [compare(design) for design in designs]


def holds(comparisons: list[Comparison]) -> bool:
    """At least 1,000 times faster at 100 countries, same answer where the models coincide."""
    fast = all(c.ratio >= RATIO_TARGET for c in comparisons if c.countries >= 100)
    return fast and all(c.distance <= AGREEMENT for c in comparisons if c.coincides)


def table(comparisons: list[Comparison]) -> str:
    """The comparison as a Markdown table."""
    rows = [
        "| world | gegravity `simulate`, ms | ours cold, ms | ratio | largest distance in real GDP, points |",
        "|---|---|---|---|---|",
    ]
    rows += [
        f"| {c.world} | {1e3 * c.theirs:,.0f} | {1e3 * c.ours:.2f} | {c.ratio:,.0f} | {c.distance:.1e}"
        f"{' (models coincide)' if c.coincides else ''} |"
        for c in comparisons
    ]
    return "\n".join(rows)


def main() -> None:
    """Print the table, or JSON; exit 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = run()
    print(json.dumps([asdict(c) for c in found]) if arguments.json else table(found))
    sys.exit(not holds(found))


if __name__ == "__main__":
    main()
