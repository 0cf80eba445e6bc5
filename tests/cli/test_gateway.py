"""The gateway: readers keep to their server, sockets pass through, a server that ended is replaced, nobody is an answer."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from firmtrade_core.cli.gateway import COOKIE, Gateway, Upstream, chosen, remembered, room_of
from tests.limits import HANGS, own_port


@asynccontextmanager
async def behind(*names: str) -> AsyncIterator[tuple[int, list[asyncio.Server]]]:
    """Servers that answer with their name, then give back what they get; and a gateway before them."""

    def answering(name: str):  # type: ignore[no-untyped-def]
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            if b"upgrade" in head.lower():
                writer.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
                while chunk := await reader.read(100):
                    writer.write(name.encode() + b":" + chunk)
                    await writer.drain()
            else:
                body = name.encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
                await writer.drain()
            writer.close()

        return answer

    servers = [await asyncio.start_server(answering(name), "127.0.0.1", 0) for name in names]
    gateway = Gateway([Upstream("127.0.0.1", one.sockets[0].getsockname()[1]) for one in servers])
    port, ready = own_port(), asyncio.Event()
    task = asyncio.create_task(gateway.serve("127.0.0.1", port, ready))
    await asyncio.wait_for(ready.wait(), HANGS)
    try:
        yield port, servers
    finally:
        task.cancel()
        for one in servers:
            one.close()


async def get(port: int, cookie: str = "") -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    asked = f"Cookie: other=1; {COOKIE}={cookie}\r\n" if cookie else ""
    writer.write(f"GET / HTTP/1.1\r\nHost: here\r\n{asked}\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), HANGS)
    writer.close()
    return answer.decode()


def test_a_reader_keeps_to_one_server() -> None:
    async def scene() -> None:
        async with behind("first", "second") as (port, _):
            fresh = await get(port)
            assert (
                fresh.endswith("first") and f"Set-Cookie: {COOKIE}=0; Path=/; HttpOnly; SameSite=Lax" in fresh
            )
            for _ in range(3):
                own = await get(port, "1")
                assert own.endswith("second") and "Set-Cookie" not in own
            # A server that never was: another one, which is remembered.
            assert f"{COOKIE}=0" in await get(port, "7")

    asyncio.run(scene())


def test_a_new_reader_goes_where_the_fewest_are() -> None:
    async def scene() -> None:
        async with behind("first", "second") as (port, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /stream HTTP/1.1\r\nUpgrade: websocket\r\n\r\n")
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            assert head.startswith(b"HTTP/1.1 101") and f"{COOKIE}=0".encode() in head
            writer.write(b"moved")
            assert await asyncio.wait_for(reader.readexactly(11), 5) == b"first:moved"
            assert (await get(port)).endswith("second")
            writer.close()

    asyncio.run(scene())


def test_a_server_that_ended_is_replaced_and_none_left_is_said() -> None:
    async def scene() -> None:
        async with behind("first", "second") as (port, servers):
            servers[1].close()
            await servers[1].wait_closed()
            moved = await get(port, "1")
            assert moved.endswith("first") and f"{COOKIE}=0" in moved
            servers[0].close()
            await servers[0].wait_closed()
            assert (await get(port)).startswith("HTTP/1.1 503")

    asyncio.run(scene())


def test_a_head_without_end_is_let_go() -> None:
    async def scene() -> None:
        async with behind("first") as (port, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000)
            with pytest.raises(ConnectionError):
                assert await asyncio.wait_for(reader.read(), HANGS) == b""
                raise ConnectionError
            assert (await get(port)).endswith("first")

    asyncio.run(scene())


def test_cookies_are_read_and_written() -> None:
    assert chosen(b"GET / HTTP/1.1\r\ncookie: a=b;firmtrade_server=12\r\n\r\n") == 12
    assert chosen(b"GET / HTTP/1.1\r\nCookie: xfirmtrade_server=1\r\n\r\n") is None
    assert chosen(b"GET / HTTP/1.1\r\nCookie: firmtrade_server=9999\r\n\r\n") is None
    assert remembered(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n", 3).startswith(
        b"HTTP/1.1 200 OK\r\nSet-Cookie: firmtrade_server=3;"
    )


def test_servers_end_with_their_gateway() -> None:
    """A server watches who started it, and ends when that one was killed."""
    child = "import serve, time; serve._end_with_the_gateway(); print('up', flush=True); time.sleep(120); print('never ended')"
    parent = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}]); sys.stdin.read()"
    started = subprocess.Popen(
        [sys.executable, "-c", parent],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "FIRMTRADE_PUBLIC_HOST": "127.0.0.1"},
    )
    assert started.stdout is not None
    assert started.stdout.readline().strip() == b"up"
    os.kill(started.pid, signal.SIGKILL)
    started.wait()
    # The child held the other end of the pipe: the end of it is the end of the child.
    assert started.stdout.read() == b""


def test_a_room_is_found_on_its_own_server_whoever_asks() -> None:
    async def asks() -> list[str]:
        async with behind("one", "two") as (port, _):
            found = []
            for path, cookie in (
                ("/room/socket/1-abc", "0"),
                ("/base/room/socket/0-abc", "1"),
                ("/room/1-abc", "0"),
            ):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(f"GET {path} HTTP/1.1\r\nCookie: {COOKIE}={cookie}\r\n\r\n".encode())
                found.append((await asyncio.wait_for(reader.read(), HANGS)).decode())
                writer.close()
            return found

    second, first, own = asyncio.run(asks())
    assert second.endswith("two") and first.endswith("one") and own.endswith("one")
    assert "Set-Cookie" not in second and "Set-Cookie" not in first


@pytest.mark.parametrize("path", ["/room/socket/abc", "/x?y=/room/socket/1-a", "/room/socket/1234-a"])
def test_other_addresses_name_no_server(path: str) -> None:
    assert room_of(f"GET {path} HTTP/1.1\r\n\r\n".encode()) is None
