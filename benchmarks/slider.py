"""The lab's slider against an earlier checkout, move by move: ``python -m benchmarks.slider --against CHECKOUT``.

Both dashboards run on ports of their own with the embedded world and their default structure; the United States' tariff slider
is moved on one and on the other in short turns, so that what else the machine does falls on both alike. Times
are from the slider's release to the frame in which map and numbers carry the new result (`benchmarks.browser`), and the
processor time that the server spent on the move. An earlier checkout is made by ``git worktree add CHECKOUT COMMIT``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.browser import CHROMIUM, FLAGS, PATIENCE, release, start_clock
from firmtrade_core.cli.serving import Server, serving
from firmtrade_core.paths import PROJECT, asset

#: Moves on one server before the other's turn.
A_TURN = 5

#: Milliseconds that a page or a move may take on a machine that does other work too.
MOST_MS = 120_000

_TICKS = os.sysconf("SC_CLK_TCK")


def processor_ms(server: Server) -> float:
    """Processor time that a server has used, all its threads, in milliseconds."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return 1000.0 * (int(fields[11]) + int(fields[12])) / _TICKS


def moved(page: Any, share: float) -> dict[str, Any]:
    """A release that reached the slider; where it finds the value that stood there already, the next one."""
    from playwright.sync_api import TimeoutError as LateError

    page.set_default_timeout(MOST_MS / 6)
    try:
        for nudge in (0.0, 0.03, -0.04):
            try:
                return release(page, share + nudge)
            except LateError:
                page.wait_for_timeout(2000)
        return release(page, share + 0.06)
    finally:
        page.set_default_timeout(MOST_MS)


def measure(servers: dict[str, Server], values: int) -> dict[str, list[dict[str, Any]]]:
    """Releases by server, in turns of a few moves on each, first one and then the other; each value once."""
    from playwright.sync_api import sync_playwright

    found: dict[str, list[dict[str, Any]]] = {name: [] for name in servers}
    shares = np.random.default_rng(7).permutation(np.linspace(0.05, 0.95, values))
    order = list(servers)
    with sync_playwright() as playwright:
        for first in range(0, values, A_TURN):
            for name in order:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
                page = browser.new_page(viewport={"width": 1280, "height": 900})
                page.set_default_timeout(MOST_MS)
                page.goto(f"{servers[name].address}/lab")
                page.wait_for_selector('.ft-chart[data-kind="map"][data-result]')
                start_clock(page)
                page.wait_for_timeout(1500)
                # From afar, not counted: the first move of a turn finds caches empty.
                moved(page, float(0.04 + 0.92 * ((shares[first] + 0.5) % 1)))
                for share in shares[first : first + A_TURN]:
                    page.wait_for_timeout(500)
                    began = processor_ms(servers[name])
                    timing = moved(page, float(share))
                    page.wait_for_timeout(500)
                    found[name].append({**timing, "processor_ms": processor_ms(servers[name]) - began})
                browser.close()
            order.reverse()
    return found


def report(found: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, float]]:
    """Medians and 95th percentiles by server."""
    content = {}
    for name, timings in found.items():
        times = np.array([t["milliseconds"] for t in timings])
        content[name] = {
            "values": len(times),
            "distinct_results": len({t["result"] for t in timings}),
            "median_ms": round(float(np.median(times)), 1),
            "p95_ms": round(float(np.quantile(times, 0.95)), 1),
            "server_processor_ms": round(float(np.median([t["processor_ms"] for t in timings])), 1),
        }
    return content


def main() -> None:
    """Run and print; exits 1 where the median is above the earlier checkout's."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--against", type=Path, required=True, help="an earlier checkout of the project")
    parser.add_argument("--values", type=int, default=20)
    parser.add_argument("--port", type=int, default=8741)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    earlier = given.against.resolve()
    script = earlier / "assets" / "served" / "plotly.min.js"
    if not script.exists():
        shutil.copyfile(asset("served/plotly.min.js"), script)
    environment = {"FIRMTRADE_WORLD": "", "FIRMTRADE_HOME": "", "FIRMTRADE_OPENING": "us_ten_points"}
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(
                serving("127.0.0.1", port, environment=environment, patience=PATIENCE, project=project)
            )
            for name, port, project in (("now", given.port, PROJECT), ("earlier", given.port + 20, earlier))
        }
        content = report(measure(servers, given.values))
    if given.json:
        print(json.dumps(content))
    else:
        print("| | median | 95th percentile | server's processor time | distinct results |")
        print("|---|---|---|---|---|")
        for name, row in content.items():
            print(
                f"| {name} | {row['median_ms']:.0f} ms | {row['p95_ms']:.0f} ms | {row['server_processor_ms']:.0f} ms | "
                f"{row['distinct_results']:.0f} of {row['values']:.0f} |"
            )
    if content["now"]["median_ms"] > content["earlier"]["median_ms"]:
        raise SystemExit("The median is above the earlier checkout's.")


if __name__ == "__main__":
    main()
