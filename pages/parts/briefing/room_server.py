"""What the server answers for rooms: the page, its files, and the socket over which a room is led and followed."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from html import escape
from importlib import import_module
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

import streamlit
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from firmtrade_core.cli.serving import is_loopback
from firmtrade_core.paths import asset
from firmtrade_core.report.room import LONGEST_MESSAGE, Person, Room, RoomError, find_room

#: Files of the page, by name; the chart component is the product's own.
_FILES = {
    "room.js": ("room.js",),
    "slides.js": ("slides.js",),
    "map.js": ("map.js",),
    "numbers.js": ("numbers.js",),
}
_CHART = ("chart_tools.js", "chart_files.js", "chart.js")

#: Seconds that somebody has to say who they are.
GREETING = 20.0

#: What a closed connection says: no such room; not from here.
CLOSED, FOREIGN = 4404, 4403


def routes(base: str) -> list[Route | WebSocketRoute]:
    """Routes of rooms below a base path such as ``/dash``, or ""."""
    return [
        Route(f"{base}/room/files/{{name}}", _file),
        WebSocketRoute(f"{base}/room/socket/{{name}}", _socket),
        Route(f"{base}/room/{{name}}", _page(base)),
    ]


def _page(base: str) -> Callable[[Request], Response]:
    def page(request: Request) -> Response:
        filled = Template(asset("room/room.html").read_text(encoding="utf-8")).substitute(
            base=escape(base),
            font=escape(f"{base}/static/media/{_font()}"),
            hosts=escape(json.dumps(_hosts()), quote=True),
            reach=escape(_reach(), quote=True),
        )
        return HTMLResponse(filled, headers={"Cache-Control": "no-store"})

    return page


@cache
def _font() -> str:
    media = Path(streamlit.__file__).parent / "static" / "static" / "media"
    return next((file.name for file in media.glob("SourceSansVF-Upright*.woff2")), "")


def _file(request: Request) -> Response:
    name = request.path_params["name"]
    headers = {"Cache-Control": "no-cache"}
    if name in _FILES:
        text = asset(f"room/{name}").read_text(encoding="utf-8")
        return Response(text, media_type="text/javascript", headers=headers)
    if name == "chart.js":
        text = "\n".join(asset(part).read_text(encoding="utf-8") for part in _CHART)
        return Response(text, media_type="text/javascript", headers=headers)
    if name == "room.css":
        return Response(asset("room/room.css").read_bytes(), media_type="text/css", headers=headers)
    if name == "icon.svg":
        return Response(asset("icon.svg").read_bytes(), media_type="image/svg+xml", headers=headers)
    return PlainTextResponse("There is no such file.", 404)


def _listens() -> str:
    return os.environ.get("FIRMTRADE_PUBLIC_HOST") or str(streamlit.get_option("server.address") or "0.0.0.0")


def _hosts() -> list[str]:
    """Names under which others reach this machine, where it listens to them."""
    host = _listens()
    if is_loopback(host):
        return []
    if host not in ("0.0.0.0", "::"):
        return [host]
    # Which address this machine would send from: nothing is sent.
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return [probe.getsockname()[0]]
    return []


def _reach() -> str:
    if is_loopback(_listens()):
        return (
            "This dashboard listens on this machine alone. For others to follow, start it with "
            "HOST=0.0.0.0, such as make app HOST=0.0.0.0."
        )
    return "Everyone on your network who has the link can follow."


async def _socket(connection: WebSocket) -> None:
    await connection.accept()
    if not _from_here(connection):
        await connection.close(FOREIGN, "Rooms are entered from the dashboard's own pages.")
        return
    try:
        room = await _found(connection.path_params["name"])
        async with asyncio.timeout(GREETING):
            said = json.loads((await connection.receive_text())[:LONGEST_MESSAGE])
        key, name = (str(said.get(field, "")) for field in ("key", "name"))
        person = room.enter(key, name)
    except RoomError as error:
        await connection.close(CLOSED, str(error)[:120])
        return
    except (AttributeError, TimeoutError, ValueError, RecursionError, WebSocketDisconnect):
        with suppress(RuntimeError):
            await connection.close(FOREIGN, "Nobody came in.")
        return
    try:
        await _joined(connection, room, person)
    finally:
        room.leave(person)


async def _found(name: str) -> Room:
    """The room of an id; one that was kept is opened again beside the loop, with pages' own parts, loaded by then."""
    with suppress(RoomError):
        return find_room(name)
    again: Callable[[str], Room] = import_module("pages.parts.briefing.room").room_of
    return await asyncio.to_thread(again, name)


async def _joined(connection: WebSocket, room: Room, person: Person) -> None:
    """Pass messages on both ways until either side ends."""

    async def listening() -> None:
        with suppress(WebSocketDisconnect, KeyError):
            while True:
                room.hear(person, await connection.receive_text())

    async def telling() -> None:
        while (message := await person.next()) is not None:
            await connection.send_text(message)

    both = [asyncio.create_task(listening()), asyncio.create_task(telling())]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)


def _from_here(connection: WebSocket) -> bool:
    """Whether the page that asks is one of ours: another site's script may not walk in with a reader's browser."""
    origin = connection.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == connection.headers.get("host", "")
