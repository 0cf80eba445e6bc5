"""``serve``: the dashboard for many readers, by several servers behind one address."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from firmtrade_core.cli.app import ready_to_serve
from firmtrade_core.cli.gateway import Gateway, Upstream
from firmtrade_core.cli.serving import START_SECONDS, Server, free_port, serving
from firmtrade_core.paths import PROJECT, user_folder

#: Servers that one machine is asked for at most.
MOST_WORKERS = 64

#: First port of the servers behind the address, on this machine only.
BEHIND = 18501

#: Tells a server which one of several it is: its rooms say so.
ROOMS_SERVER = "FIRMTRADE_SERVER"

#: Tells servers behind a gateway the host at which readers reach them: what only this machine may see is decided by it.
PUBLIC_HOST = "FIRMTRADE_PUBLIC_HOST"


@contextmanager
def workers(
    count: int,
    host: str,
    *,
    environment: Mapping[str, str] | None = None,
    patience: float = START_SECONDS,
    project: Path = PROJECT,
) -> Iterator[list[Server]]:
    """Running servers that only a gateway on this machine reaches, all ended on leaving.

    Parameters
    ----------
    count
        How many.
    host
        At which readers reach the gateway.
    environment, patience, project
        As of `serving`.

    Raises
    ------
    ServingError
        If one of them does not start.
    """
    shared = {
        **(environment or {}),
        PUBLIC_HOST: host,
        "FIRMTRADE_SHARED": os.environ.get("FIRMTRADE_SHARED", "on"),
        # Who opened which numbers of firms, where more than one reader comes.
        "FIRMTRADE_AUDIT": os.environ.get("FIRMTRADE_AUDIT", str(user_folder() / "opened.jsonl")),
        # One secret: what one server has signed, another one reads.
        "STREAMLIT_SERVER_COOKIE_SECRET": os.environ.get("STREAMLIT_SERVER_COOKIE_SECRET")
        or secrets.token_hex(32),
        # Servers share the machine: each works on one core.
        "OPENBLAS_NUM_THREADS": os.environ.get("OPENBLAS_NUM_THREADS", "1"),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
    }
    ports: list[int] = []
    for _ in range(count):
        ports.append(free_port("127.0.0.1", ports[-1] + 1 if ports else BEHIND))
    with ExitStack() as stack, ThreadPoolExecutor(count) as pool:

        def start(port: int) -> Server:
            one = serving(
                "127.0.0.1",
                port,
                environment={**shared, ROOMS_SERVER: str(ports.index(port))},
                patience=patience,
                project=project,
                reached_at=host,
            )
            return stack.enter_context(one)

        # The first one puts in place what all of them serve; then the others start together.
        yield [start(ports[0]), *pool.map(start, ports[1:])]


def upstreams(servers: list[Server]) -> list[Upstream]:
    """Where a gateway finds servers."""
    return [Upstream("127.0.0.1", int(server.address.rsplit(":", 1)[1])) for server in servers]


def serve(
    count: Annotated[
        int, typer.Option("--workers", help="Servers behind the address.", min=1, max=MOST_WORKERS)
    ] = 2,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port, or the next free one.", min=1, max=65535)] = 8501,
) -> None:
    """Start several servers behind one address, each reader kept to one of them; Ctrl-C stops all.

    Saved scenarios and where solutions lie are shared through the database that FIRMTRADE_LIBRARY names.
    """
    from firmtrade_core.cli.serving import ServingError

    ready_to_serve(host)
    try:
        port = free_port(host, port)
        with workers(count, host) as servers:
            shown = "127.0.0.1" if host in ("0.0.0.0", "::") else (f"[{host}]" if ":" in host else host)
            typer.echo(f"firmtrade is at http://{shown}:{port} ({count} servers)")
            asyncio.run(_until_one_ends(Gateway(upstreams(servers)), host, port, servers))
            typer.echo("All servers have ended.", err=True)
            raise typer.Exit(1)
    except (ServingError, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        typer.echo("Stopped.", err=True)


async def _until_one_ends(gateway: Gateway, host: str, port: int, servers: list[Server]) -> None:
    """Serve while any server lives; those that end are said, and their readers go to the others."""
    listening = asyncio.create_task(gateway.serve(host, port))
    ended: set[int] = set()
    try:
        while len(ended) < len(servers) and not listening.done():
            await asyncio.sleep(1.0)
            for number, server in enumerate(servers):
                if number not in ended and server.process.poll() is not None:
                    ended.add(number)
                    typer.echo(f"Server {number + 1} of {len(servers)} has ended.", err=True)
        if listening.done():
            listening.result()
    finally:
        listening.cancel()
