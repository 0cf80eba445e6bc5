"""Twenty readers at once: nineteen over Streamlit's own protocol and one in a real browser, each moving a slider.

    python benchmarks/sessions.py [--clients 19] [--seconds 60] [--every 3] [--workers 2] [--world FILE] [--json]

With ``--workers`` several servers stand behind one address (`make serve`); ``--workers 0`` is one server without a gateway.

A client's time runs from sending the slider's new value to the end of the run that answers it; the answer must carry a
new result. The browser's time is that of ``browser.py``: from release to the frame that shows it. Every value is new
to the server, so every answer is a certified solve. Memory is that of the server and its children, at its highest.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.browser import CHROMIUM, FLAGS, release, start_clock
from firmtrade_core.cli.serving import Server, free_port, serving
from firmtrade_core.paths import PROJECT
from firmtrade_core.scenarios import Tariff, load_preset
from firmtrade_core.scenarios.links import encode

SLIDER = "Points added"

MEGABYTE = 1_000_000


@dataclass
class Seen:
    """What one client knows of its session."""

    slider: str = ""
    fragment: str = ""
    page: str = ""
    results: set[str] = field(default_factory=set)
    milliseconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


async def run_to_end(socket: Any, seen: Seen) -> str:
    """Read messages until the run is over; returns the latest result that the numbers carry."""
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    result = ""
    async for raw in socket:
        message = ForwardMsg()
        message.ParseFromString(raw)
        kind = message.WhichOneof("type")
        if kind == "delta":
            result = read(message.delta, seen) or result
        elif kind == "new_session":
            seen.page = message.new_session.page_script_hash
        elif kind == "navigation":
            # Behind an entry script this is the page; the session's is then the entry's.
            seen.page = message.navigation.page_script_hash
        elif kind == "script_finished":
            # A page opened directly runs once more through the entry script.
            if message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                continue
            if message.script_finished not in (
                ForwardMsg.FINISHED_SUCCESSFULLY,
                ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY,
            ):
                seen.errors.append(f"run ended with {message.script_finished}")
            return result
    seen.errors.append("the connection ended")
    return result


def read(delta: Any, seen: Seen) -> str:
    """Note what an element says: where the slider is, which result the numbers carry, errors."""
    element = delta.new_element
    kind = element.WhichOneof("type") if delta.WhichOneof("type") == "new_element" else ""
    if kind == "slider" and element.slider.label == SLIDER and seen.slider in ("", element.slider.id):
        # A page that is drawn anew gives its parts new names.
        seen.slider, seen.fragment = element.slider.id, delta.fragment_id
    elif kind == "exception":
        seen.errors.append(element.exception.message)
    elif kind == "html":
        if 'class="ft-error" role="alert"' in element.html.body:
            seen.errors.append(re.sub(r"<[^>]+>", " ", element.html.body)[:300])
        found = re.search(r'ft-numbers[^>]* data-result="([^"]+)"', element.html.body)
        return found[1] if found else ""
    return ""


async def client(address: str, number: int, seen: Seen, begin: float, until: float, every: float) -> None:
    """One session: opens the lab, then moves its slider at its own beat."""
    import websockets
    from streamlit.proto.BackMsg_pb2 import BackMsg

    where = address.replace("http", "ws", 1) + "/_stcore/stream"
    async with websockets.connect(
        where, subprotocols=["streamlit"], origin=address, max_size=None, open_timeout=60
    ) as socket:
        opening = BackMsg()
        opening.rerun_script.page_name = "lab"
        opening.rerun_script.query_string = own_link(number)
        await socket.send(opening.SerializeToString())
        await run_to_end(socket, seen)
        if not seen.slider:
            seen.errors.append("no slider arrived")
            return
        turn = 0
        # Beats are spread evenly, so that readers do not all let go at the same moment.
        while (at := begin + every * (turn + (number % 20) / 20)) < until:
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            turn += 1
            message = BackMsg()
            message.rerun_script.fragment_id = seen.fragment
            message.rerun_script.page_script_hash = seen.page
            state = message.rerun_script.widget_states.widgets.add(id=seen.slider)
            state.double_array_value.data.append(value_of(number, turn))
            start = time.perf_counter()
            await socket.send(message.SerializeToString())
            result = await run_to_end(socket, seen)
            seen.milliseconds.append(1000 * (time.perf_counter() - start))
            if result in seen.results or not result:
                seen.errors.append(f"no new result at turn {turn}")
            seen.results.add(result)


def value_of(number: int, turn: int) -> float:
    """Whole points of a client's turn, between -20 and 100; none twice within 121 turns."""
    return float((37 * turn + 6 * number) % 121 - 20)


def own_link(number: int) -> str:
    """What a client's address holds: a second policy of its own, so that no two clients share a result."""
    scenario = load_preset("us_ten_points")
    own = Tariff(importers=("JPN",), method="add", value=0.001 * (number + 1))
    return urlencode({"s": encode(scenario.with_(cards=(*scenario.cards, own)))})


async def all_clients(address: str, clients: int, begin: float, until: float, every: float) -> list[Seen]:
    """All sessions at once."""
    seen = [Seen() for _ in range(clients)]
    work = [client(address, k, one, begin, until, every) for k, one in enumerate(seen)]
    for one, problem in zip(seen, await asyncio.gather(*work, return_exceptions=True), strict=True):
        if problem is not None:
            one.errors.append(repr(problem))
    return seen


def in_browser(address: str, begin: float, until: float, every: float, found: list[float]) -> None:
    """The twentieth reader, in Chromium, on the page that everyone sees."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{address}/lab?{own_link(19)}")
        page.wait_for_selector('.ft-chart[data-kind="map"][data-result]', timeout=60_000)
        start_clock(page)
        turn = 0
        while (at := begin + every * (turn + 19 / 20)) < until:
            page.wait_for_timeout(max(0.0, 1000 * (at - time.monotonic())))
            turn += 1
            found.append(release(page, 0.1 + 0.8 * ((0.37 * turn) % 1))["milliseconds"])
        browser.close()


def watch(server: Server, stop: threading.Event, found: list[float]) -> None:
    """Resident memory of the server and its children, megabytes, twice a second."""
    while not stop.wait(0.5):
        found.append(sum(one.memory_info().rss for one in family(server)) / MEGABYTE)


def family(server: Server) -> list[Any]:
    """A server's process and all that it started."""
    import psutil

    process = psutil.Process(server.process.pid)
    return [process, *process.children(recursive=True)]


def processor_seconds(server: Server) -> float:
    """Processor time used so far by a server and all that it started."""
    return float(sum(sum(one.cpu_times()[:2]) for one in family(server)))


def watched(workers: int, environment: dict[str, str]) -> Any:
    """A dashboard to measure: one server, or several behind a gateway in a process of its own."""
    return (
        serving("127.0.0.1", 8801, environment=environment)
        if not workers
        else behind_one_address(workers, environment)
    )


@contextmanager
def behind_one_address(workers: int, environment: dict[str, str]) -> Iterator[Server]:
    """`make serve` as a reader meets it, ended on leaving."""
    port = free_port("127.0.0.1", 8801)
    command = [
        sys.executable,
        "-m",
        "firmtrade_core",
        "serve",
        "--workers",
        str(workers),
        "--port",
        str(port),
    ]
    with tempfile.TemporaryDirectory() as folder:
        library = {"FIRMTRADE_LIBRARY": f"sqlite:///{folder}/library.sqlite"}
        process = subprocess.Popen(
            command, cwd=PROJECT, env={**os.environ, **library, **environment}, stdout=subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            if b"firmtrade is at" not in process.stdout.readline():
                raise SystemExit("The servers did not start; their last words are above.")
            yield Server(f"http://127.0.0.1:{port}", process)
        finally:
            process.terminate()
            process.wait(60)


def measure(
    server: Server, clients: int, seconds: float, every: float, *, in_chromium: bool = True
) -> dict[str, Any]:
    """All readers at once; returns the report."""
    opening = 3.0 + 0.5 * clients
    begin = time.monotonic() + opening
    until = begin + seconds
    browser_times: list[float] = []
    memory: list[float] = []
    stop = threading.Event()
    threads = [
        threading.Thread(
            target=in_browser if in_chromium else lambda *_: None,
            args=(server.address, begin, until, every, browser_times),
        ),
        threading.Thread(target=watch, args=(server, stop, memory)),
    ]
    for thread in threads:
        thread.start()
    used = processor_seconds(server)
    seen = asyncio.run(all_clients(server.address, clients, begin, until, every))
    used = processor_seconds(server) - used
    threads[0].join()
    stop.set()
    threads[1].join()
    times = np.array([t for one in seen for t in one.milliseconds] + browser_times)
    return {
        "what": "slider release to answer, all readers at once",
        "sessions": clients + in_chromium,
        "moves": len(times),
        "median_ms": round(float(np.median(times)), 1),
        "p95_ms": round(float(np.quantile(times, 0.95)), 1),
        "worst_ms": round(float(times.max()), 1),
        "browser_median_ms": round(float(np.median(browser_times)), 1) if browser_times else None,
        "browser_p95_ms": round(float(np.quantile(browser_times, 0.95)), 1) if browser_times else None,
        "processor_ms_a_move": round(1000 * used / max(len(times), 1), 1),
        "memory_mb": round(max(memory)),
        "errors": [error for one in seen for error in one.errors],
    }


def main() -> None:
    """Run, print, and end with an error if any reader met one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--clients", type=int, default=19)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--every", type=float, default=3.0)
    parser.add_argument("--world", default="", help="a world file instead of the shipped world")
    parser.add_argument(
        "--workers", type=int, default=0, help="servers behind one address; 0 for one without a gateway"
    )
    parser.add_argument("--no-browser", action="store_true", help="clients of the protocol alone")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    environment = {"FIRMTRADE_WORLD": given.world, "FIRMTRADE_OPENING": "us_ten_points"}
    with watched(given.workers, environment) as server:
        report = measure(server, given.clients, given.seconds, given.every, in_chromium=not given.no_browser)
    if given.json:
        print(json.dumps(report))
    else:
        print(
            f"{report['sessions']} sessions, {report['moves']} moves: median {report['median_ms']:.0f} ms, 95th percentile "
            f"{report['p95_ms']:.0f} ms, worst {report['worst_ms']:.0f} ms (browser: median "
            f"{report['browser_median_ms'] or 0:.0f} ms); {report['processor_ms_a_move']:.0f} ms of processor a move, openings "
            f"included; memory at most {report['memory_mb']} MB; "
            f"{len(report['errors'])} errors."
        )
    if report["errors"]:
        raise SystemExit("\n".join(sorted(set(report["errors"]))[:10]))


if __name__ == "__main__":
    main()
