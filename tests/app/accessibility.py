"""Accessibility of a page in the browser, as axe sees it."""

from __future__ import annotations

from typing import Any


def serious_findings(page: Any, within: str | None = None) -> list[str]:
    """Findings that axe calls serious or critical, each with its first places.

    What is drawn inside a figure is left out unless asked for: the figure speaks for it.
    """
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, context=within or {"exclude": [[".main-svg"]]})
    return [
        f"{item['id']}: {item['help']} at {[(node['target'], node['html'][:120]) for node in item['nodes'][:5]]}"
        for item in found.response["violations"]
        if item["impact"] in ("serious", "critical")
    ]
