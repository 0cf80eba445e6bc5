"""One address before several servers: every reader keeps to one of them, by a cookie.

A reader's session lives in the memory of one server, so all that a browser asks has to come to the same one: pages, files
that are sent, and the socket over which a page is drawn. The gateway reads the head of the first request of a connection, picks the
server that its cookie names, else the one with the fewest connections, and passes bytes on in both directions from
then on. A room of slides lives on one server, too, whose number its address says: its socket goes there. Where a server has
ended, its readers come to another one, which opens with the scenario in their address.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

#: Name of the cookie that holds a reader's server, a number from 0.
COOKIE = "firmtrade_server"

#: Bytes that the head of a request or an answer may have, and seconds that the first one may take to come.
LONGEST_HEAD, HEAD_SECONDS = 65_536, 20.0

#: Seconds that a server has to take a connection.
CONNECT_SECONDS = 5.0

_END = b"\r\n\r\n"
_CHOSEN = re.compile(rb"(?:^|;)[ \t]*" + COOKIE.encode() + rb"=(\d{1,3})[ \t]*(?:;|$)")

_ROOM = re.compile(rb"GET [^ ?\r\n]*/room/socket/(\d{1,3})-")

_NOBODY = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
    b"X-Content-Type-Options: nosniff\r\nRetry-After: 5\r\n\r\n"
    b"No server of the dashboard answers just now. Your scenario is in the address bar: try again in a moment.\n"
)


@dataclass
class Upstream:
    """A server behind the gateway.

    Parameters
    ----------
    host, port
        Where it listens.
    connections
        Those under way.
    """

    host: str
    port: int
    connections: int = field(default=0)


class Gateway:
    """Passes connections on to servers.

    Parameters
    ----------
    upstreams
        The servers; their order is what cookies count by.
    """

    def __init__(self, upstreams: Sequence[Upstream]) -> None:
        self.upstreams = list(upstreams)

    async def serve(self, host: str, port: int, ready: asyncio.Event | None = None) -> None:
        """Listen until cancelled; raises OSError where the address is taken."""
        server = await asyncio.start_server(self._accept, host, port, limit=LONGEST_HEAD)
        if ready is not None:
            ready.set()
        async with server:
            await server.serve_forever()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                head = await reader.readuntil(_END)
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            writer.close()
            return
        room = room_of(head)
        asked = chosen(head) if room is None else room
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            for number in self._order(asked):
                upstream = self.upstreams[number]
                try:
                    async with asyncio.timeout(CONNECT_SECONDS):
                        behind = await asyncio.open_connection(
                            upstream.host, upstream.port, limit=LONGEST_HEAD
                        )
                except (OSError, TimeoutError):
                    continue
                upstream.connections += 1
                try:
                    # A room is where it is; who follows it keeps to the server of their own pages.
                    kept = number == asked or room is not None
                    await _joined((reader, writer), behind, head, None if kept else number)
                finally:
                    upstream.connections -= 1
                break
            else:
                writer.write(_NOBODY)
                await writer.drain()
        writer.close()

    def _order(self, asked: int | None) -> list[int]:
        """Servers to try: the reader's own, then those with the fewest connections."""
        order = sorted(range(len(self.upstreams)), key=lambda k: (self.upstreams[k].connections, k))
        if asked is not None and asked < len(self.upstreams):
            order.remove(asked)
            order.insert(0, asked)
        return order


def chosen(head: bytes) -> int | None:
    """The server that a request's cookie names; None where none does."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"cookie" and (found := _CHOSEN.search(value.strip())):
            return int(found[1])
    return None


def room_of(head: bytes) -> int | None:
    """The server on which the room lies that a request's path names; None where it names none."""
    found = _ROOM.match(head)
    return int(found[1]) if found else None


def remembered(head: bytes, number: int) -> bytes:
    """The head of an answer with the cookie that keeps its reader to a server."""
    first, _, rest = head.partition(b"\r\n")
    cookie = f"Set-Cookie: {COOKIE}={number}; Path=/; HttpOnly; SameSite=Lax\r\n".encode()
    return first + b"\r\n" + cookie + rest


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _joined(front: Ends, behind: Ends, head: bytes, number: int | None) -> None:
    """Pass bytes on in both directions until either side ends; the first answer tells the reader its server."""
    behind[1].write(head)
    await behind[1].drain()

    async def answers() -> None:
        if number is not None:
            front[1].write(remembered(await behind[0].readuntil(_END), number))
        await _pass_on(behind[0], front[1])

    both = [asyncio.create_task(answers()), asyncio.create_task(_pass_on(front[0], behind[1]))]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in both:
            task.cancel()
        for outcome in await asyncio.gather(*both, return_exceptions=True):
            # A side that went away ends the connection and nothing else.
            if isinstance(outcome, Exception) and not isinstance(
                outcome, OSError | asyncio.IncompleteReadError | asyncio.LimitOverrunError
            ):
                raise outcome
        behind[1].close()


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while chunk := await source.read(LONGEST_HEAD):
        target.write(chunk)
        await target.drain()
