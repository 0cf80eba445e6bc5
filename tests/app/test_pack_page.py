"""The briefing pack from the page: one click, four files and the scenario."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.app.conftest import headline, settled

pytestmark = pytest.mark.browser


def test_one_click_brings_all_files_and_the_page_opens_without_internet(
    open_page: Callable[..., Any], browser: Any, tmp_path: Path
) -> None:
    page = open_page("briefing")
    result = settled(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Briefing pack").click()
    archive = zipfile.ZipFile(waiting.value.path())
    endings = {name.rsplit(".", 1)[1] for name in archive.namelist()}
    assert endings == {"pdf", "pptx", "docx", "html", "yaml"}
    name = next(name for name in archive.namelist() if name.endswith(".html"))
    archive.extract(name, tmp_path)
    context = browser.new_context(offline=True)
    alone = context.new_page()
    asked: list[str] = []
    alone.on("request", lambda request: asked.append(request.url))
    alone.goto((tmp_path / name).as_uri())
    assert alone.locator("svg path").count() > 150 and alone.locator(".row").count() > 20
    text = alone.locator("body").inner_text()
    assert result[:8] in text and "90 %" in text.replace("\u202f", " ").replace("\u00a0", " ")
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert headline(page)[:40] in text
    context.close()
