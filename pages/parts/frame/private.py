"""Where a session's own records lie on disk: a folder for each session, gone when it is.

Below one folder that only this user may enter, each session has one, named by the process that holds it and when that
process was born. It is removed when the session ends: as soon as the objects that use it are gone, or, where the browser
just closed, by a watcher that asks the server which sessions live. All of a server's folders are removed when it stops;
those of servers that were killed when the next one starts, or a next session does; and any beyond `OLDEST`.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from firmtrade_core.jobs.job import birth

Held = TypeVar("Held")

#: Seconds a closed session is waited for: a browser that lost its line comes back within Streamlit's two minutes.
GRACE = 150.0

#: Seconds after which a folder is removed whoever it belongs to, unless its session lives here.
OLDEST = 86_400.0

#: Seconds between two looks of the watcher.
EVERY = 30.0

_KEY = "private_folder"
_lock = threading.Lock()
#: Folders of this process: whose session, and since when that is closed.
_ours: dict[Path, tuple[str, float | None]] = {}


def root() -> Path:
    """The folder of all sessions' folders, which this user alone may enter.

    Raises
    ------
    PermissionError
        If somebody else made it.
    """
    path = (
        Path(tempfile.gettempdir()) / f"firmtrade-sessions-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
    )
    path.mkdir(mode=0o700, exist_ok=True)
    about = path.lstat()
    if path.is_symlink() or (hasattr(os, "getuid") and about.st_uid != os.getuid()):
        raise PermissionError(f"{path} is not this user's own; remove it.")
    path.chmod(0o700)
    return path


def session_folder(name: str) -> Path:
    """A folder of the session's own for one kind of work; made where there is none."""
    folder: Path | None = st.session_state.get(_KEY)
    if folder is None or not folder.is_dir():
        sweep()
        folder = st.session_state[_KEY] = _made(_session())
    with _lock:
        _ours[folder] = (_session(), None)
    own = folder / name
    own.mkdir(mode=0o700, exist_ok=True)
    return own


def of_session(key: str, make: Callable[[Path], Held]) -> Held:
    """What a session holds under a key, made from a folder of its own at first; the folder goes when it does."""
    if key not in st.session_state:
        folder = session_folder(key)
        made = make(folder)
        weakref.finalize(made, shutil.rmtree, folder, ignore_errors=True)
        st.session_state[key] = made
    held: Held = st.session_state[key]
    return held


def _session() -> str:
    running = get_script_run_ctx()
    return "" if running is None else str(running.session_id)


def _made(session: str) -> Path:
    folder = root() / f"{os.getpid()}-{birth(os.getpid())}-{secrets.token_hex(8)}"
    folder.mkdir(mode=0o700)
    with _lock:
        _ours[folder] = (session, None)
    return folder


def sweep(now: float | None = None) -> list[Path]:
    """Remove folders of processes that are gone, and those too old; what was removed."""
    now, gone = time.time() if now is None else now, []
    for folder in root().iterdir():
        if folder in _ours or not folder.is_dir():
            continue
        pid, _, rest = folder.name.partition("-")
        born = rest.partition("-")[0]
        here = pid.isdigit() and born.isdigit() and int(born) > 0 and birth(int(pid)) == int(born)
        try:
            old = now - folder.stat().st_mtime > OLDEST
        except OSError:
            continue
        if not here or old:
            shutil.rmtree(folder, ignore_errors=True)
            gone.append(folder)
    return gone


def sweep_closed(alive: Callable[[str], bool], now: float | None = None) -> list[Path]:
    """Remove this process's folders whose session has been closed for `GRACE`; what was removed."""
    now, gone = time.monotonic() if now is None else now, []
    with _lock:
        for folder, (session, since) in list(_ours.items()):
            if alive(session):
                _ours[folder] = (session, None)
            elif since is None:
                _ours[folder] = (session, now)
            elif now - since >= GRACE:
                gone.append(folder)
                del _ours[folder]
    for folder in gone:
        shutil.rmtree(folder, ignore_errors=True)
    return gone


def close() -> None:
    """Remove all folders of this process: the server stops."""
    with _lock:
        folders = list(_ours)
        _ours.clear()
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def watch() -> Callable[[], None]:
    """Sweep now, and look after closed sessions from now on; what is returned ends that and closes."""
    sweep()
    stopped = threading.Event()

    def look() -> None:
        while not stopped.wait(EVERY):
            if runtime.exists():
                sweep_closed(runtime.get_instance().is_active_session)

    threading.Thread(target=look, daemon=True, name="firmtrade-sweeper").start()

    def end() -> None:
        stopped.set()
        close()

    return end
