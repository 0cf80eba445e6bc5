"""Starts and stops the dashboard's server; `app`, the browser tests and the browser benchmark share it."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from firmtrade_core.paths import PROJECT, asset, whole_file

MOST_PORTS = 200
#: Seconds after which a server that has not ended hangs; it takes a few, on a busy machine a minute or more.
START_SECONDS = 300.0


class ServingError(RuntimeError):
    """The dashboard could not be started. The message says what to do."""


@dataclass(frozen=True)
class Server:
    """A running dashboard.

    Parameters
    ----------
    address
        What to open in a browser.
    process
        The server's process.
    """

    address: str
    process: subprocess.Popen[bytes]


def put_plotly_in_place() -> Path:
    """Copy Plotly's script out of its Python package to where the browser may fetch it, if it is not there.

    Raises
    ------
    ServingError
        If the package is not installed.
    """
    package = find_spec("plotly")
    if package is None or package.origin is None:
        raise ServingError("The package plotly is not installed: run `make install`.")
    source = Path(package.origin).parent / "package_data" / "plotly.min.js"
    target = asset("served/plotly.min.js")
    if not target.exists() or target.stat().st_size != source.stat().st_size:
        # Two that start at once never serve half a file.
        with whole_file(target) as part:
            shutil.copyfile(source, part)
    return target


def free_port(host: str, wanted: int) -> int:
    """The wanted port or the next one that is free.

    Raises
    ------
    ServingError
        If none of the next 200 is.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in range(wanted, min(wanted + MOST_PORTS, 65536)):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except PermissionError:
                continue
            except socket.gaierror as error:
                raise ServingError(f"{host!r} is no address of this machine: {error.strerror}.") from error
            except OSError as error:
                if error.errno == 99:  # the address itself cannot be had, at any port
                    raise ServingError(f"{host} is no address of this machine.") from error
                continue
            return port
    raise ServingError(f"No port from {wanted} on is free: name another with --port.")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@contextlib.contextmanager
def serving(
    host: str,
    port: int,
    *,
    environment: Mapping[str, str] | None = None,
    patience: float = START_SECONDS,
    project: Path = PROJECT,
    reached_at: str = "",
) -> Iterator[Server]:
    """A running dashboard, stopped on leaving.

    Parameters
    ----------
    host, port
        Where to listen; the next free port where this one is taken.
    environment
        Variables set beside the present ones.
    patience
        Seconds that it may take to answer.
    project
        Another checkout, for benchmarks side by side.
    reached_at
        The host that readers name, where it is another one: that of a gateway.

    Raises
    ------
    ServingError
        If it does not answer in that time, or where only the package is installed.
    """
    if not (project / "serve.py").is_file():
        raise ServingError(
            "The dashboard is not part of the installed package: get the whole project and start it there with `make app`."
        )
    put_plotly_in_place()
    port = free_port(host, port)
    command = [sys.executable, "-m", "streamlit", "run", str(project / "serve.py")]
    options = {
        "server.address": host,
        "server.port": port,
        "server.headless": "true",
        "browser.gatherUsageStats": "false",
        "logger.hideWelcomeMessage": "true",
        "logger.level": "warning",
    }
    command += [f"--{name}={value}" for name, value in options.items()]
    if is_loopback(reached_at or host):
        # A page elsewhere that points its own name at this machine is turned away.
        command += [f"--server.allowedHosts={name}" for name in {"localhost", "127.0.0.1", host}]
    process = subprocess.Popen(
        command,
        cwd=project,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        # Its own group: Ctrl-C reaches this program alone, which then stops the server in good order.
        start_new_session=True,
    )
    try:
        shown = "127.0.0.1" if host in ("0.0.0.0", "::") else (f"[{host}]" if ":" in host else host)
        address = f"http://{shown}:{port}"
        _wait_until_it_answers(address, process, patience)
        yield Server(address, process)
    finally:
        _stop(process)


def _wait_until_it_answers(address: str, process: subprocess.Popen[bytes], patience: float) -> None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServingError("The server ended while starting; its last words are above.")
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).close()
            return
        time.sleep(0.1)
    raise ServingError(f"The server does not answer at {address} after {patience:.0f} seconds.")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
