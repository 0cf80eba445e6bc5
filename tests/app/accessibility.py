"""Accessibility of a page in the browser, as axe sees it."""

from __future__ import annotations

import time
from typing import Any

PATIENCE, TRIES = 30.0, 10
"""Seconds, and looks at least, that a page is given to come to rest."""


def serious_findings(page: Any, within: str | None = None) -> list[str]:
    """Findings that axe calls serious or critical, each with its first places.

    What is drawn inside a figure is left out unless asked for: the figure speaks for it. The page is
    judged at rest: while a script runs, or a drawer opens, its parts are dimmed, and axe reads the dimmed
    colour as too faint. A fault that is the page's own is still there when the patience is over.
    """
    until, looks = time.monotonic() + PATIENCE, 1
    while (findings := _findings(page, within)) and (looks < TRIES or time.monotonic() < until):
        page.wait_for_timeout(400)
        looks += 1
    return findings


def _findings(page: Any, within: str | None) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, context=within or {"exclude": [[".main-svg"]]})
    return [
        f"{item['id']}: {item['help']} at {[(node['target'], node['html'][:120]) for node in item['nodes'][:5]]}"
        for item in found.response["violations"]
        if item["impact"] in ("serious", "critical")
    ]
