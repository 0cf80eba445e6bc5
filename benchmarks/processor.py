"""Processor time that a server spends on a slider's move, against earlier checkouts, in turns.

    python -m benchmarks.processor --against CHECKOUT [--against CHECKOUT] [--turns 8] [--moves 12] [--every 0] [--bands]

Processor time of the server's process and all that it started, not the clock's: a machine that does other work stretches it little. One
session over Streamlit's own protocol moves the lab's slider; every value is new, so that every move is a certified solve. Bands are
drawn once a slider stands still and are left out unless ``--bands``. An earlier checkout: ``git worktree add CHECKOUT COMMIT``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.sessions import Seen, processor_seconds, run_to_end, value_of
from firmtrade_core.cli.serving import Server, serving
from firmtrade_core.paths import PROJECT, asset

#: Moves before any is counted: caches fill, machine code is loaded.
WARMING = 8


class Session:
    """One reader on the lab with the opening scenario."""

    def __init__(self, server: Server) -> None:
        self.server, self.seen, self.turn = server, Seen(), 0
        self.socket: Any = None

    async def open(self) -> None:
        """Connect and wait for the page."""
        import websockets
        from streamlit.proto.BackMsg_pb2 import BackMsg

        address = self.server.address
        where = address.replace("http", "ws", 1) + "/_stcore/stream"
        self.socket = await websockets.connect(
            where, subprotocols=["streamlit"], origin=address, max_size=None, open_timeout=60
        )
        opening = BackMsg()
        opening.rerun_script.page_name = "lab"
        await self.socket.send(opening.SerializeToString())
        await run_to_end(self.socket, self.seen)
        if not self.seen.slider:
            raise SystemExit(f"No slider arrived from {address}: {self.seen.errors}")

    async def move(self) -> None:
        """To a value that was not there before."""
        from streamlit.proto.BackMsg_pb2 import BackMsg

        self.turn += 1
        message = BackMsg()
        message.rerun_script.fragment_id = self.seen.fragment
        message.rerun_script.page_script_hash = self.seen.page
        state = message.rerun_script.widget_states.widgets.add(id=self.seen.slider)
        state.double_array_value.data.append(value_of(3, self.turn) + 0.25 * (self.turn // 121))
        await self.socket.send(message.SerializeToString())
        result = await run_to_end(self.socket, self.seen)
        if not result or result in self.seen.results:
            self.seen.errors.append(f"no new result at move {self.turn}")
        self.seen.results.add(result)


async def measure(
    servers: dict[str, Server], turns: int, moves: int, every: float
) -> dict[str, dict[str, Any]]:
    """Milliseconds of processor a move by server, a value per turn."""
    sessions = {name: Session(server) for name, server in servers.items()}
    for one in sessions.values():
        await one.open()
        for _ in range(WARMING):
            await one.move()
    found: dict[str, list[float]] = {name: [] for name in sessions}
    order = list(sessions)
    for _ in range(turns):
        for name in order:
            one = sessions[name]
            before = processor_seconds(one.server)
            for _ in range(moves):
                await one.move()
                await asyncio.sleep(every)
            found[name].append(1000 * (processor_seconds(one.server) - before) / moves)
        order.reverse()
    return {
        name: {
            "median_ms": round(float(np.median(values)), 1),
            "least_ms": round(min(values), 1),
            "turns_ms": [round(value, 1) for value in values],
            "errors": sessions[name].seen.errors,
        }
        for name, values in found.items()
    }


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--against", type=Path, action="append", default=[], help="an earlier checkout of the project"
    )
    parser.add_argument("--turns", type=int, default=8)
    parser.add_argument("--moves", type=int, default=12)
    parser.add_argument("--every", type=float, default=0.0, help="seconds between two moves")
    parser.add_argument(
        "--bands", action="store_true", help="with bands, drawn where the slider stands still"
    )
    parser.add_argument("--port", type=int, default=8741)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    environment = {"FIRMTRADE_WORLD": "", "FIRMTRADE_HOME": "", "FIRMTRADE_OPENING": "us_ten_points"}
    environment |= {} if given.bands else {"FIRMTRADE_BANDS": "off"}
    projects = {"now": PROJECT, **{path.resolve().name: path.resolve() for path in given.against}}
    with ExitStack() as stack:
        servers = {}
        for number, (name, project) in enumerate(projects.items()):
            script = project / "assets" / "served" / "plotly.min.js"
            if not script.exists():
                shutil.copyfile(asset("served/plotly.min.js"), script)
            servers[name] = stack.enter_context(
                serving(
                    "127.0.0.1",
                    given.port + 10 * number,
                    environment=environment,
                    patience=300,
                    project=project,
                )
            )
        report = asyncio.run(measure(servers, given.turns, given.moves, given.every))
    if given.json:
        print(json.dumps(report))
        return
    for name, row in report.items():
        ratio = row["median_ms"] / report["now"]["median_ms"]
        print(
            f"{name}: {row['median_ms']} ms of processor a move (least {row['least_ms']}), {ratio:.2f} times now; {len(row['errors'])} errors"
        )


if __name__ == "__main__":
    main()
