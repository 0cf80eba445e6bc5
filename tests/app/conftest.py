"""One server and one browser for all browser tests of a worker; a page that refuses to leave the machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from benchmarks.browser import CHROMIUM, FLAGS
from firmtrade_core.cli.serving import Server, serving

MAP = '.ft-chart[data-kind="map"]'

#: Both the map and the numbers carry the same result, and not the one before, and no script runs that could redraw them.
SETTLED = f"""(before) => {{
  if (document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState !== 'notRunning') return null;
  const map = document.querySelector('{MAP}')?.dataset.result;
  return map && map !== before && map === document.querySelector('.ft-numbers')?.dataset.result ? map : null;
}}"""


#: Walks through a browser that are quick enough for every run; the others go with the truth tests (`make truth`).
EVERY_RUN = ("test_browser.py", "test_front_door.py", "test_presenter.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Walks through a browser wait more than they work: `make test` takes the main ones, `make truth` all others."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()) and item.path.name not in EVERY_RUN:
            item.add_marker(pytest.mark.truth)


def own_port() -> int:
    """Where a worker looks for a free port: workers start at once and must not race for the same one."""
    return 20_000 + os.getpid() % 20_000


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The dashboard on a free port, on the shipped world, with an empty library of its own."""
    library = f"sqlite:///{tmp_path_factory.mktemp('library')}/scenarios.sqlite"
    environment = {"FIRMTRADE_WORLD": "", "FIRMTRADE_LIBRARY": library}
    with serving("127.0.0.1", own_port(), environment=environment) as running:
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

    # Generous: what is waited for comes at once on a quiet machine, and late on a busy one.
    expect.set_options(timeout=30_000)
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
        page.set_default_timeout(60_000)
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


def settled(page: Any, before: str | None = None) -> str:
    """The result on screen once map and numbers agree on one other than ``before``."""
    return str(page.wait_for_function(SETTLED, arg=before).json_value())


# What readers do --------------------------------------------------------------------------------


def slide(page: Any, share: float, card: int = 0) -> None:
    """Drag a card's slider to a share of its rail and let go."""
    slider = page.locator(f".st-key-ft_card_{card} [data-testid=stSlider]").first
    slider.scroll_into_view_if_needed()
    handle = slider.locator("input[type=range]").locator("xpath=../..").bounding_box()
    rail = slider.locator("[role=group]").bounding_box()
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(rail["x"] + share * rail["width"], handle["y"] + handle["height"] / 2, steps=4)
    page.mouse.up()


def choose(page: Any, label: str, option: str) -> None:
    """Pick an option of a select box."""
    box = page.get_by_role("combobox", name=label).first
    box.click()
    box.fill(option)  # long lists show only their beginning until something is typed
    page.get_by_role("option", name=option, exact=True).click()


def add_policy(page: Any, kind: str) -> None:
    """Stack a policy."""
    choose(page, "Add a policy", kind)
