"""The dashboard as the server runs it: `app.py` for every session, behind documents of its own.

Streamlit's document has the browser search for its server below the page's own path first, two failed requests at
every page opened directly; this one says where the server is. Every answer, whatever its path, also tells the browser by
a content policy that nothing on it may ask any other machine for anything, that it is what it says it is, and that no other
site may frame it; a page may be framed where the embedded view is asked for (``?embed=true``).
"""

from __future__ import annotations

import asyncio
import copy
import gc
import json
import os
import signal
import threading
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import streamlit
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from streamlit.starlette import App

from firmtrade_core.paths import PROJECT
from firmtrade_core.world.errors import WorldError
from pages.parts.briefing.room_server import routes as room_routes

#: All that the page loads comes from here; styles and Plotly need the inline and the data kinds.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'"
)

#: Seconds for which messages of a page wait for more of them.
BLINK = 0.02

#: Objects that may come before the youngest are looked through for garbage.
GARBAGE = 20_000


class Guarded:
    """Puts the headers that guard a reader on every answer to a request, those to unknown paths and faults included."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on; its answer gets what it does not say itself."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        framed = embedded(scope.get("query_string", b""))

        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                guard(MutableHeaders(scope=message), framed=framed)
            await send(message)

        await self.app(scope, receive, guarded)


def embedded(query: bytes) -> bool:
    """Whether an address asks for the view that other sites may frame."""
    try:
        asked = parse_qs(query.decode("ascii", "replace"), max_num_fields=50).get("embed", [""])
    except ValueError:
        return False
    return asked[-1].lower() == "true"


def guard(headers: Any, *, framed: bool) -> None:
    """Content policy, framing, sniffing and referrer on one answer's headers."""
    ancestors = "*" if framed else "'none'"
    headers["Content-Security-Policy"] = f"{POLICY}; frame-ancestors {ancestors}"
    headers["X-Content-Type-Options"] = "nosniff"
    # A link holds the scenario: no other site is told it.
    headers["Referrer-Policy"] = "same-origin"
    if not framed:
        headers["X-Frame-Options"] = "DENY"


def document(base: str) -> str:
    """Streamlit's own document, which knows where its server is."""
    text = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    where = (
        f"window.__streamlit = {{ BACKEND_BASE_URL: window.location.origin + {json.dumps(base or '/')} }};"
    )
    text = text.replace("<head>", f"<head>\n    <script>{where}</script>", 1)
    return text.replace("<title>Streamlit</title>", "<title>firmtrade</title>", 1)


async def page(request: Request) -> HTMLResponse:
    """Any page of the dashboard: which one it is, the browser tells when it connects."""
    base = streamlit.get_option("server.baseUrlPath").strip("/")
    headers = {"Cache-Control": "no-cache"}
    return HTMLResponse(document(f"/{base}" if base else ""), headers=headers)


def root() -> str:
    """The dashboard's own path before all others: nothing, unless it was told to live below one."""
    base = streamlit.get_option("server.baseUrlPath").strip("/")
    return f"/{base}" if base else ""


def paths() -> list[str]:
    """Where pages are found: the root, and one for every page file."""
    return [f"{root()}/", *(f"{root()}/{file.stem}" for file in sorted((PROJECT / "pages").glob("*.py")))]


@asynccontextmanager
async def warm(app: App) -> AsyncIterator[None]:
    """Loads all that the first page needs before the first reader is let in, its scenario solved.

    Not in a thread of its own: two threads that import the same modules at once see halves of them.
    """
    import_module("pages.parts.lab.levers")
    # Rooms that were kept are opened again off the readers' threads.
    import_module("pages.parts.briefing.room")
    worlds, solving, store = (
        import_module(f"pages.parts.{name}") for name in ("data.worlds", "result.solving", "frame.store")
    )
    # A world that cannot be read, or not be solved, is for the page to complain about.
    with suppress(WorldError, solving.UnsolvedError):
        world = worlds.shared_world()
        solving.solve_scenario(store.opening_scenario(world), world)
    _say_themes_once()
    _send_in_batches()
    _copy_places_plainly()
    # What is loaded by now stays: to look through it for garbage again and again is time taken from readers.
    gc.collect()
    gc.freeze()
    # A move makes some thousand objects that live as long as it does: looked through at every seven hundred, they are looked
    # through in vain.
    gc.set_threshold(GARBAGE, 10, 10)
    end = import_module("pages.parts.frame.private").watch()
    _end_with_the_gateway()
    try:
        yield
    finally:
        end()


def _say_themes_once() -> None:
    """Streamlit reads all theme options anew at every run of a page, a sixteenth of a slider's move; they stand still here."""
    from streamlit.runtime import app_session

    populate = getattr(app_session, "_populate_theme_msg", None)
    if populate is None:
        return
    said: dict[tuple[type, str], Any] = {}

    def once(message: Any, section: str = "theme") -> None:
        key = (type(message), section)
        if key not in said:
            said[key] = type(message)()
            populate(said[key], section)
        if said[key].ByteSize():
            message.MergeFrom(said[key])

    app_session._populate_theme_msg = once


def _send_in_batches() -> None:
    """Streamlit wakes the server's loop for each of a page's messages; here once for those of the same blink of an eye.

    Every waking hands the interpreter over and back, twenty-five times in a move. What a run says goes out in order, `BLINK` after
    it was said at the latest, and all that is left when the run ends.
    """
    from streamlit.runtime import app_session, runtime

    told = getattr(app_session.AppSession, "_call_soon_on_event_loop", None)
    heard = getattr(app_session.AppSession, "_on_scriptrunner_event", None)
    woken: Any = getattr(runtime.Runtime, "_enqueued_some_message", None)
    if told is None or heard is None or woken is None:
        return
    last = app_session.ScriptRunnerEvent.SHUTDOWN

    def hear(session: Any, sender: Any, event: Any, *more: Any, **named: Any) -> None:
        session.__dict__["_at_once"] = event == last
        heard(session, sender, event, *more, **named)

    def tell(session: Any, callback: Any) -> None:
        waiting: deque[Any] = session.__dict__.setdefault("_waiting", deque())
        begun = bool(waiting)
        waiting.append(callback)

        def send() -> None:
            while waiting:
                session._event_loop.call_soon(waiting.popleft())

        if session.__dict__.pop("_at_once", True):
            told(session, send)
        elif not begun:
            told(session, lambda: session._event_loop.call_later(BLINK, send))

    def wake(server: Any) -> None:
        loop = server._get_async_objs()
        # What tells of a message is on the loop already: it need not write to itself to hear it.
        if asyncio._get_running_loop() is loop.eventloop:
            loop.need_send_data.set()
        else:
            woken(server)

    runtime.Runtime._enqueued_some_message = wake
    app_session.AppSession._call_soon_on_event_loop = tell
    app_session.AppSession._on_scriptrunner_event = hear


def _copy_places_plainly() -> None:
    """Every part that is drawn by itself copies its place on the page, up to the root, by way of pickling: here field by field."""
    from streamlit import cursor as cursors
    from streamlit.delta_generator import DeltaGenerator

    if not all(hasattr(cursors, name) for name in ("RunningCursor", "LockedCursor", "SparseList")):
        return

    def copied(place: Any, memo: dict[int, Any]) -> Any:
        found = object.__new__(type(place))
        for name, value in vars(place).items():
            still = (
                value is None
                or type(value) is int
                or (type(value) is tuple and all(type(v) is int for v in value))
            )
            vacant = type(value) is cursors.SparseList and not len(value)
            vars(found)[name] = value if still else type(value)() if vacant else copy.deepcopy(value, memo)
        return found

    for kind in (cursors.RunningCursor, cursors.LockedCursor):
        kind.__deepcopy__ = copied

    def with_parents(part: Any, memo: dict[int, Any]) -> Any:
        # With the memory of this copying: those above several parts are copied once, as they were one.
        found = DeltaGenerator(
            root_container=part._root_container,
            cursor=copy.deepcopy(part._cursor, memo),
            parent=copy.deepcopy(part._parent, memo),
            block_type=part._block_type,
        )
        found._form_data, found._creating_fragment_id = part._form_data, part._creating_fragment_id
        return found

    DeltaGenerator.__deepcopy__ = with_parents


def _end_with_the_gateway() -> None:
    """A server behind a gateway ends when the gateway does, however that ended."""
    if not os.environ.get("FIRMTRADE_PUBLIC_HOST"):
        return
    gateway = os.getppid()

    def look() -> None:
        while os.getppid() == gateway:
            time.sleep(1.0)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=look, name="gateway", daemon=True).start()


def unexpected(error: Exception) -> bool:
    """The page's own words for a fault, in place of Streamlit's."""
    return bool(import_module("pages.parts.frame.page").unexpected(error))


app = App(
    "app.py",
    routes=[*room_routes(root()), *(Route(path, page) for path in paths())],
    middleware=[Middleware(Guarded)],
    lifespan=warm,
    on_script_error=unexpected,
)
