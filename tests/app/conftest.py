"""One server and one browser for all browser tests of a worker; a page that refuses to leave the machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from benchmarks.browser import CHROMIUM, FLAGS
from firmtrade_core.cli.serving import Server, serving
from tests.limits import HANGS, own_port

MAP = '.ft-chart[data-kind="map"]'

#: Milliseconds after which a page hangs.
PATIENCE = 1000 * HANGS / 2

#: Put into every page: `firmtradeOwed` says that the server has not yet answered what the page asked it to run. Streamlit's own
#: state still reads "notRunning" between a click and the begin of the run that it asks for. Messages are told by their first
#: fields: 11 asks for a run, 4 begins one, 6 ends one (with 2: to begin anew).
OWED = """(() => {
  const varint = (bytes, at) => { let value = 0, shift = 0; for (;;) { const byte = bytes[at++]; value |= (byte & 127) << shift; if (byte < 128) return [value, at]; shift += 7; } };
  const kind = (bytes) => {
    let at = 0;
    while (bytes[at] === 0x0a || bytes[at] === 0x12) { const [length, next] = varint(bytes, at + 1); at = next + length; }
    return [bytes[at] >> 3, bytes[at + 1]];
  };
  let asked = 0, begun = 0;
  window.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => {
        if (!(data instanceof ArrayBuffer)) return;
        const [what, how] = kind(new Uint8Array(data));
        if (what === 4) begun = asked;
        // Once what has arrived is drawn.
        if (what === 6 && how !== 2 && begun === asked) setTimeout(() => requestAnimationFrame(() => { if (begun === asked) window.firmtradeOwed = false; }));
      });
    }
    send(data) {
      if (data instanceof Uint8Array && kind(data)[0] === 11) { asked += 1; window.firmtradeOwed = true; }
      super.send(data);
    }
  };
})()"""

#: In a page: no run is asked for or going on, nothing of the one before stands there, and every chart is drawn.
RESTED = """() => document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === 'notRunning' && !window.firmtradeOwed
  && !document.querySelector('[data-stale="true"], [data-testid="stSkeleton"], .ft-chart:not([data-result]):not([data-failed]), '
    + '[class*="st-key-chart_"] [data-testid^="stBidi"]:not(:has(.ft-chart))')"""

#: Both the map and the numbers carry the same result, and not the one before, in a page at rest.
SETTLED = f"""(before) => {{
  if (!({RESTED})()) return null;
  const map = document.querySelector('{MAP}')?.dataset.result;
  return map && map !== before && map === document.querySelector('.ft-numbers')?.dataset.result ? map : null;
}}"""

#: What the only element of its kind says in a page at rest, once it says certain words.
SAYS = f"""([selector, words, not]) => {{
  const found = ({RESTED})() ? [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility()) : [];
  const said = found.length === 1 ? found[0].innerText : "";
  return said && said.includes(words) && said !== not ? said : null;
}}"""


def _patient(
    app: AppTest, state: Any = None, timeout: float | None = None, *, run: Any = AppTest._run
) -> AppTest:
    return run(app, state, HANGS)


# Streamlit gives a page without a browser three seconds unless told otherwise; a busy machine takes them for imports alone.
AppTest._run = _patient  # type: ignore[method-assign]


#: Walks through a browser that are quick enough for every run; the others go with the truth tests (`make truth`).
EVERY_RUN = ("test_browser.py", "test_front_door.py", "test_presenter.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Walks through a browser wait more than they work: `make test` takes the main ones, `make truth` all others."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()) and item.path.name not in EVERY_RUN:
            item.add_marker(pytest.mark.truth)


def served(environment: Mapping[str, str], port: int = 0) -> AbstractContextManager[Server]:
    """A server of a test's own, which is given time to start; at a port of its own unless one is named."""
    return serving("127.0.0.1", port or own_port(), environment=environment, patience=HANGS)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The dashboard on a free port, on the shipped world, with an empty library of its own."""
    library = f"sqlite:///{tmp_path_factory.mktemp('library')}/scenarios.sqlite"
    environment = {"FIRMTRADE_WORLD": "", "FIRMTRADE_LIBRARY": library}
    with served(environment) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium; skips where there is none, fails under FIRMTRADE_STRICT=1."""
    if not Path(CHROMIUM).exists():
        reason = f"{CHROMIUM} is missing: install Debian's chromium, or name a Chromium in BROWSER_PATH"
        if os.environ.get("FIRMTRADE_STRICT") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield running
        running.close()


@pytest.fixture
def open_page(browser: Any, server: Server) -> Iterator[Callable[..., Any]]:
    """Opens a page of the dashboard; fails the test if a request would leave the machine, fails, or a script complains."""
    strangers: list[str] = []
    errors: list[str] = []
    contexts = []

    def note(request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.hostname not in ("127.0.0.1", "localhost"):
            strangers.append(request.url)

    def opened(
        path: str, *, scheme: str = "light", width: int = 1280, height: int = 900, at: str = ""
    ) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.add_init_script(OWED)
        page.on("request", note)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: line.type == "error" and errors.append(line.text))
        page.on("response", lambda got: got.status >= 400 and errors.append(f"{got.status} {got.url}"))
        page.goto(f"{at or server.address}/{path}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not strangers, f"requests left the machine: {strangers}"
    assert not errors, f"errors in the browser: {errors}"


def rested(page: Any) -> None:
    """Wait until a page is at rest: all that was asked for is answered, drawn, and nothing of the run before is left."""
    page.wait_for_function(RESTED)


def settled(page: Any, before: str | None = None) -> str:
    """The result on screen once the page is at rest and map and numbers agree on one other than ``before``."""
    return str(page.wait_for_function(SETTLED, arg=before).json_value())


def painted(page: Any) -> None:
    """Let the browser paint: what a step set in motion within the page has happened."""
    page.evaluate(
        "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
    )


def said(page: Any, selector: str, words: str = "", other_than: str = "") -> str:
    """What the one visible element of its kind says, in a page at rest, once it says certain words and others than before.

    Streamlit draws over what the run before has left: for moments there may be two, or the old one alone.
    """
    from playwright.sync_api import TimeoutError as Late

    try:
        return str(page.wait_for_function(SAYS, arg=[selector, words, other_than]).json_value())
    except Late:
        pytest.fail(f"{selector} does not say “{words}”: {page.locator(selector).all_inner_texts()}")


def headline(page: Any, words: str = "") -> str:
    """A page's one headline, at rest, once it says certain words."""
    return said(page, "h1.ft-sentence", words)


# What readers do --------------------------------------------------------------------------------


def go(page: Any, link: str) -> None:
    """Click a page's link in the menu and wait until that page is at rest."""
    page.get_by_role("link", name=link, exact=True).click()
    rested(page)


def slide(page: Any, share: float, card: int = 0) -> None:
    """Drag a card's slider to a share of its rail and let go."""
    rested(page)
    slider = page.locator(f".st-key-ft_card_{card} [data-testid=stSlider]").first
    slider.scroll_into_view_if_needed()
    handle = slider.locator("input[type=range]").locator("xpath=../..").bounding_box()
    rail = slider.locator("[role=group]").bounding_box()
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(rail["x"] + share * rail["width"], handle["y"] + handle["height"] / 2, steps=4)
    page.mouse.up()


def choose(page: Any, label: str, option: str, *, exact: bool = True) -> None:
    """Pick an option of a select box, and wait until what comes of it is drawn."""
    rested(page)
    box = page.get_by_role("combobox", name=label).first
    # A list that is open closes when the page scrolls, as it does towards a click.
    box.scroll_into_view_if_needed()
    painted(page)
    box.click()
    box.fill(option)  # long lists show only their beginning until something is typed
    page.get_by_role("option", name=option, exact=exact).first.click()
    rested(page)


def add_policy(page: Any, kind: str) -> None:
    """Stack a policy."""
    choose(page, "Add a policy", kind)
