"""Readers on different pages at once, over Streamlit's own protocol; with ``--soak`` a browser brings worlds and runs jobs beside them.

    python -m benchmarks.mixed [--sessions 20] [--seconds 120] [--every 3] [--warm 45] [--workers 0] [--soak] [--json]

Every reader goes round all pages of the menu in an order of its own, with a scenario of its own, and moves the lab's slider three times
whenever it comes by; one act every ``--every`` seconds. A page's time runs from asking for it to the end of the run that
answers; bands and other parts that are drawn apart come after. Acts in the first ``--warm`` seconds are not counted: every page is opened
once by somebody, machine code is loaded. Memory is that of the server and all that it started.
``--against CHECKOUT`` does the same for an earlier checkout, one after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.browser import CHROMIUM, FLAGS
from benchmarks.sessions import Seen, own_link, processor_seconds, run_to_end, value_of, watch, watched
from firmtrade_core.cli.serving import Server, serving
from firmtrade_core.world.embedded import load_embedded_world
from pages.parts.frame.page import FIRST, menu

#: Moves of the slider at each visit of the lab.
MOVES = 3

#: A page at rest.
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"

#: Seconds that a page may take before a reader is said to have got no answer.
PATIENCE = 180.0


@dataclass
class Found:
    """Milliseconds by page (and of moves), and what went wrong."""

    milliseconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    brought: int = 0
    jobs: int = 0


def rounds(number: int) -> list[str]:
    """The pages in a reader's own order: every reader begins elsewhere, none follows another."""
    names = [name for name, _ in menu()] + [FIRST]
    step = (3, 5, 7, 9, 11)[number % 5]
    while np.gcd(step, len(names)) > 1:
        step += 1
    return [names[(number + step * k) % len(names)] for k in range(len(names))]


async def reader(
    address: str, number: int, found: Found, begin: float, until: float, every: float, warm: float
) -> None:
    """One session: page after page on one connection."""
    import websockets
    from streamlit.proto.BackMsg_pb2 import BackMsg

    where = address.replace("http", "ws", 1) + "/_stcore/stream"
    seen, turn = Seen(), 0
    async with websockets.connect(
        where, subprotocols=["streamlit"], origin=address, max_size=None, open_timeout=60
    ) as socket:

        async def answered(message: Any, what: str) -> None:
            nonlocal turn
            beat = begin + every * (turn + (number % 20) / 20)
            await asyncio.sleep(max(0.0, beat - time.monotonic()))
            turn = max(turn + 1, int((time.monotonic() - begin) / every))
            start = time.perf_counter()
            await socket.send(message.SerializeToString())
            try:
                async with asyncio.timeout(PATIENCE):
                    await run_to_end(socket, seen)
            except TimeoutError:
                raise TimeoutError(f"{what}: no answer within {PATIENCE:.0f} s") from None
            if beat >= begin + warm:
                found.milliseconds[what].append(1000 * (time.perf_counter() - start))
            found.errors += [f"{what}: {error}" for error in seen.errors]
            seen.errors.clear()

        while time.monotonic() < until:
            for page in rounds(number):
                if time.monotonic() >= until:
                    break
                opening = BackMsg()
                opening.rerun_script.page_name = "" if page == FIRST else page
                opening.rerun_script.query_string = own_link(number)
                seen.slider = ""
                await answered(opening, page)
                for _ in range(MOVES if page == "lab" and seen.slider else 0):
                    message = BackMsg()
                    message.rerun_script.fragment_id = seen.fragment
                    message.rerun_script.page_script_hash = seen.page
                    state = message.rerun_script.widget_states.widgets.add(id=seen.slider)
                    state.double_array_value.data.append(value_of(number, turn))
                    await answered(message, "a move in the lab")


async def all_readers(server: Server, given: argparse.Namespace, begin: float) -> Found:
    """All sessions at once."""
    found, until = Found(), begin + given.warm + given.seconds
    work = [
        reader(server.address, k, found, begin, until, given.every, given.warm) for k in range(given.sessions)
    ]
    for problem in await asyncio.gather(*work, return_exceptions=True):
        if problem is not None:
            found.errors.append(repr(problem))
    return found


def hands(address: str, until: float, found: Found) -> None:
    """One more reader, in Chromium: brings a world of three countries, looks at it, goes back, starts a job and ends it."""
    from playwright.sync_api import Error, sync_playwright

    world = load_embedded_world()
    table = world.to_long()
    names = ["BRA", "CHN", "USA"]
    flows = table[table["exporter"].isin(names) & table["importer"].isin(names)].drop(columns="subsidy")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        while time.monotonic() < until:
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            page.set_default_timeout(1000 * PATIENCE)
            try:
                page.goto(f"{address}/data")
                page.locator(IDLE).wait_for()
                chooser = page.get_by_role("combobox", name="What you have")
                # A list that is open closes when the page scrolls, as it does towards a click.
                chooser.scroll_into_view_if_needed()
                page.wait_for_timeout(500)
                chooser.click()
                page.get_by_role("option", name="A table of flows").click()
                scaled = flows.assign(
                    expenditure_musd=flows["expenditure_musd"] * (1 + 0.001 * found.brought)
                )
                file = {
                    "name": "three.csv",
                    "mimeType": "text/csv",
                    "buffer": scaled.to_csv(index=False).encode(),
                }
                page.locator(".st-key-bring_table input[type=file]").set_input_files([file])
                page.get_by_role("button", name="Use this world in this session").click()
                page.locator(".ft-world", has_text="3 economies").wait_for()
                page.get_by_role("link", name="Scenario lab").click()
                page.locator(".ft-numbers[data-result]").first.wait_for()
                found.brought += 1
                page.get_by_role("link", name="Data", exact=True).click()
                page.get_by_role("button", name="Go back to the shipped world").click()
                page.locator(".ft-world", has_text="81 economies").wait_for()
                page.goto(f"{address}/lab?view=sure")
                page.get_by_role("button", name="Run the alternatives").click()
                page.get_by_role("button", name="Cancel").first.wait_for()
                page.wait_for_timeout(4000)
                page.get_by_role("button", name="Cancel").first.click()
                page.get_by_role("button", name=re.compile("Run the alternatives|Go on")).first.wait_for()
                found.jobs += 1
            except Error as error:
                found.errors.append(f"in the browser: {str(error).splitlines()[0]}")
            finally:
                context.close()
        browser.close()


def measure(place: AbstractContextManager[Server], given: argparse.Namespace) -> dict[str, Any]:
    """All readers at once on one dashboard; returns the report."""
    memory: list[float] = []
    stop = threading.Event()
    by_hand = Found()
    with place as server:
        begin = time.monotonic() + 5.0
        watching = threading.Thread(target=watch, args=(server, stop, memory))
        handling = threading.Thread(
            target=hands if given.soak else lambda *_: None,
            args=(server.address, begin + given.warm + given.seconds, by_hand),
        )
        used = processor_seconds(server)
        for thread in (watching, handling):
            thread.start()
        found = asyncio.run(all_readers(server, given, begin))
        used = processor_seconds(server) - used
        handling.join()
        stop.set()
        watching.join()
    pages = {
        what: {
            "times": len(times),
            "median_ms": round(float(np.median(times))),
            "p95_ms": round(float(np.quantile(times, 0.95))),
            "worst_ms": round(max(times)),
        }
        for what, times in sorted(found.milliseconds.items())
    }
    acts = sum(row["times"] for row in pages.values())
    tenths = [round(float(np.median(part))) for part in np.array_split(np.array(memory), 10) if len(part)]
    return {
        "what": "readers on different pages at once",
        "sessions": given.sessions,
        "seconds": given.seconds,
        "pages": pages,
        "processor_ms_an_act": round(1000 * used / max(acts, 1)),
        "worlds_brought": by_hand.brought,
        "jobs_run": by_hand.jobs,
        "memory_mb_by_tenth": tenths,
        "memory_mb": round(max(memory, default=0.0)),
        "errors": found.errors + by_hand.errors,
    }


def told(report: dict[str, Any]) -> str:
    """The report in lines."""
    head = f"{report['sessions']} sessions, {report['seconds']:.0f} s"
    lines = [
        f"{what:<20} {row['times']:>5} times, median {row['median_ms']:>6} ms, 95th percentile {row['p95_ms']:>6} ms, "
        f"worst {row['worst_ms']:>6} ms"
        for what, row in report["pages"].items()
    ]
    foot = (
        f"{report['processor_ms_an_act']} ms of processor an act; worlds brought {report['worlds_brought']}, jobs {report['jobs_run']}; "
        f"memory by tenth of the time, MB: {report['memory_mb_by_tenth']}; {len(report['errors'])} errors."
    )
    return "\n".join([head, *lines, foot])


def main() -> None:
    """Run, print, and end with an error if any reader met one."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--every", type=float, default=3.0)
    parser.add_argument("--warm", type=float, default=45.0, help="seconds at the start that are not counted")
    parser.add_argument(
        "--workers", type=int, default=0, help="servers behind one address; 0 for one without a gateway"
    )
    parser.add_argument(
        "--soak", action="store_true", help="a browser beside them brings worlds and runs jobs"
    )
    parser.add_argument("--against", type=Path, help="an earlier checkout of the project")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "FIRMTRADE_WORLD": "",
            "FIRMTRADE_OPENING": "us_ten_points",
            "FIRMTRADE_LIBRARY": f"sqlite:///{folder}/library.sqlite",
            "XDG_DATA_HOME": folder,
        }
        reports = {"now": measure(watched(given.workers, environment), given)}
        if given.against:
            there = given.against.resolve()
            reports[there.name] = measure(
                serving("127.0.0.1", 8851, environment=environment, patience=300, project=there), given
            )
    for name, report in reports.items():
        print(json.dumps({name: report}) if given.json else f"{name}: {told(report)}")
    if reports["now"]["errors"]:
        raise SystemExit("\n".join(sorted(set(reports["now"]["errors"]))[:10]))


if __name__ == "__main__":
    main()
