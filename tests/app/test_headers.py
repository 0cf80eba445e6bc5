"""Headers that guard a reader, on whatever path a server answers."""

from __future__ import annotations

from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from firmtrade_core.cli.serving import Server
from tests.limits import HANGS

PATHS = [
    "", "lab", "briefing", "no/such/page", "lab/deeper", "_stcore/health", "_stcore/nothing", "app/static/plotly.min.js",
    "app/static/nothing.js", "static/nothing.js", "media/nothing", "component/nothing", "?s=nonsense", "%00", "~/+/", "index.html",
]  # fmt: skip


def headers(server: Server, path: str) -> dict[str, str]:
    try:
        with urlopen(f"{server.address.rstrip('/')}/{path}", timeout=HANGS) as answer:
            return {name.lower(): value for name, value in answer.headers.items()}
    except HTTPError as error:
        return {name.lower(): value for name, value in error.headers.items()}


@pytest.mark.parametrize("path", PATHS)
def test_every_path_guards_its_reader(server: Server, path: str) -> None:
    found = headers(server, path)
    assert "default-src 'self'" in found["content-security-policy"]
    assert "frame-ancestors 'none'" in found["content-security-policy"]
    assert found["x-frame-options"] == "DENY" and found["x-content-type-options"] == "nosniff"
    assert found["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("query", "framed"),
    [("embed=true", True), ("embed=1", False), ("embed=true&embed=false", False), ("embedding=true", False)],
)
def test_only_the_embedded_view_may_be_framed(server: Server, query: str, framed: bool) -> None:
    found = headers(server, f"lab?{query}")
    assert ("x-frame-options" not in found) == framed
    assert (
        f"frame-ancestors {'*' if framed else chr(39) + 'none' + chr(39)}" in found["content-security-policy"]
    )
