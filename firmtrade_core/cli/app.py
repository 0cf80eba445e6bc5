"""``app``: starts the dashboard and prints its address."""

from __future__ import annotations

import json
import signal
from types import FrameType
from typing import Annotated, NoReturn

import typer


def app(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port, or the next free one.", min=1, max=65535)] = 8501,
    as_json: Annotated[bool, typer.Option("--json", help="Print the address as JSON.")] = False,
) -> None:
    """Start the dashboard (FIRMTRADE_WORLD may name a world file) and print its address; Ctrl-C stops it."""
    from firmtrade_core.cli.serving import ServingError, serving

    ready_to_serve(host)
    try:
        with serving(host, port) as server:
            typer.echo(
                json.dumps({"address": server.address}) if as_json else f"firmtrade is at {server.address}"
            )
            code = server.process.wait()
            raise typer.Exit(1 if code else 0)
    except ServingError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        typer.echo("Stopped.", err=True)


def ready_to_serve(host: str) -> None:
    """Say who can reach an address that is not this machine's own, and let a request to end stop what is served in order."""
    from firmtrade_core.cli.serving import is_loopback

    if not is_loopback(host):
        typer.echo(
            f"Warning: {host} can be reached by others. Anyone who reaches it sees what is loaded and uploaded "
            "here; keep confidential data off it.",
            err=True,
        )
    signal.signal(signal.SIGTERM, _as_interrupt)


def _as_interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
