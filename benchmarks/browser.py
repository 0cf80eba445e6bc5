"""From slider release to redrawn map, in a real browser.

    python benchmarks/browser.py [--world FILE] [--values 20] [--programme] [--json]

Measures from ``pointerup`` to the frame after ``plotly_afterplot`` in which the map and the headline numbers
both carry the new result's content hash, over values never solved before, on a server started afresh.
Every redraw is a certified solve. With ``--programme`` the slider is the take-up of a quality programme under the
firms family with the shipped 20,000 firms: tables of the margin functions are made anew at every release, and the
clock stops when the programme's own numbers are on screen too.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from firmtrade_core.cli.serving import serving

CHROMIUM = os.environ.get("BROWSER_PATH", "/usr/bin/chromium")

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

#: Seconds that a server may take to start and a page to show, on a machine that does other work too.
PATIENCE = 600.0

#: Milliseconds that the median release of a programme's slider may take.
TARGET = 700.0

#: In the page: starts the clock at pointerup, stops it in the first frame that shows the new result.
CLOCK = """
() => {
  const shown = (selector) => document.querySelector(selector)?.dataset.result;
  const both = () => {
    const map = shown('.ft-chart[data-kind="map"]');
    if (!map || map !== shown('.ft-numbers')) return null;
    const programme = document.querySelector('[data-programme]');
    if (window.wantsProgramme && programme?.dataset.programme !== map) return null;
    return map;
  };
  window.shownResult = both;
  window.addEventListener('pointerup', () => {
    const start = performance.now();
    const before = both();
    window.timing = null;
    const look = () => {
      const now = both();
      if (now && now !== before) window.timing = { milliseconds: performance.now() - start, result: now };
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, true);
}
"""


def programme_link() -> str:
    """Address of the lab with a quality programme for the shipped firms, under the firms family."""
    from urllib.parse import urlencode

    from firmtrade_core.scenarios import Scenario
    from firmtrade_core.scenarios.links import encode
    from firmtrade_core.world.embedded import load_embedded_world

    card = {"kind": "programme", "policy": "quality_certification", "take_up": 0.3, "unit_cost": 10_000.0}
    structure = {"family": "firms", "elsewhere": "lognormal", "elasticity": 5.0}
    scenario = Scenario.parse({"cards": [card], "structure": structure})
    return "lab?" + urlencode({"s": encode(scenario, load_embedded_world()), "country": "CHL"})


def measure(address: str, values: int, *, programme: bool = False) -> list[dict[str, Any]]:
    """Milliseconds and result hash of each of so many releases of the first card's slider."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(f"{address}/{programme_link() if programme else 'lab'}")
        page.wait_for_selector('.ft-chart[data-kind="map"][data-result]')
        if programme:
            page.wait_for_selector("[data-programme]", state="attached")
        page.evaluate(f"window.wantsProgramme = {str(programme).lower()}")
        start_clock(page)
        page.wait_for_timeout(1500)
        timings = []
        # Far and near steps, none twice; the opening value (ten points) lies between two of them.
        for share in np.random.default_rng(7).permutation(np.linspace(0.05, 0.95, values)):
            timings.append(release(page, float(share)))
            page.wait_for_timeout(600)
        browser.close()
    return timings


def start_clock(page: Any) -> None:
    """Put the clock into the page."""
    page.evaluate(CLOCK)


def release(page: Any, share: float) -> dict[str, Any]:
    """Drag the first card's slider to a share of its rail, let go, and wait for the new result."""
    slider = page.locator(".st-key-ft_card_0 [data-testid=stSlider]").first
    handle = slider.locator("input[type=range]").locator("xpath=../..").bounding_box()
    rail = slider.locator("[role=group]").bounding_box()
    middle = handle["y"] + handle["height"] / 2
    page.mouse.move(handle["x"] + handle["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(rail["x"] + share * rail["width"], middle, steps=5)
    page.mouse.up()
    page.wait_for_function("window.timing")
    found: dict[str, Any] = page.evaluate("window.timing")
    return found


def first_page(address: str) -> float:
    """Seconds from asking a server nobody has visited for the lab until map and numbers are on screen."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(1000 * PATIENCE)
        start = time.perf_counter()
        page.goto(f"{address}/lab")
        page.wait_for_selector('.ft-chart[data-kind="map"][data-result]')
        taken = time.perf_counter() - start
        browser.close()
    return taken


def main() -> None:
    """Run, print, and say whether the targets are met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--world", help="a world file instead of the shipped world")
    parser.add_argument("--values", type=int, default=20)
    parser.add_argument("--programme", action="store_true", help="take-up of a programme instead of a tariff")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    environment = {"FIRMTRADE_WORLD": given.world} if given.world else {"FIRMTRADE_WORLD": ""}
    if given.programme:
        environment |= {"FIRMTRADE_HOME": ""}
    with serving("127.0.0.1", 8701, environment=environment, patience=PATIENCE) as server:
        first = first_page(server.address)
        timings = measure(server.address, given.values, programme=given.programme)
    times = np.array([timing["milliseconds"] for timing in timings])
    distinct = len({timing["result"] for timing in timings})
    report = {
        "what": "programme slider release to redrawn map and results"
        if given.programme
        else "slider release to redrawn map",
        "world": given.world or "embedded",
        "first_page_s": round(first, 2),
        "values": len(times),
        "distinct_results": distinct,
        "median_ms": round(float(np.median(times)), 1),
        "p95_ms": round(float(np.quantile(times, 0.95)), 1),
        "best_ms": round(float(times.min()), 1),
        "worst_ms": round(float(times.max()), 1),
        "all_ms": [round(float(t), 1) for t in times],
    }
    if given.json:
        print(json.dumps(report))
    else:
        print(
            f"{str(report['what']).capitalize()} ({report['world']} world): median {report['median_ms']:.0f} ms, "
            f"95th percentile {report['p95_ms']:.0f} ms, best {report['best_ms']:.0f}, worst {report['worst_ms']:.0f} "
            f"over {len(times)} values, {distinct} distinct certified results. First page on a fresh server: "
            f"{report['first_page_s']:.1f} s."
        )
    if given.programme and report["median_ms"] > TARGET:
        raise SystemExit(f"The median misses the target of {TARGET:g} ms.")
    if distinct < len(times):
        raise SystemExit("Some values were solved before: the measurement does not count.")


if __name__ == "__main__":
    main()
