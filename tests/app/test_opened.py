"""The audit log: who opened which numbers of firms, once a session, no value; unwritten, nothing is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest


def _page() -> None:
    import streamlit as st

    from pages.parts.frame.opened import allowed

    if allowed("groups of firms", "0123456789abcdef0123456789", "Who gains"):
        st.write("shown")


def test_a_session_is_noted_once_and_no_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "audit" / "opened.jsonl"
    monkeypatch.setenv("FIRMTRADE_AUDIT", str(file))
    for _ in range(2):
        page = AppTest.from_function(_page).run()
        page.run()
        assert [item.value for item in page.markdown] == ["shown"]
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(lines) == 2
    for line in lines:
        assert set(line) == {"when", "who", "page", "number", "records"}
        assert line["records"] == "0123456789abcdef" and line["who"].startswith("session ")
    assert file.stat().st_mode & 0o777 == 0o600


def test_without_a_name_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FIRMTRADE_AUDIT", raising=False)
    monkeypatch.chdir(tmp_path)
    assert [item.value for item in AppTest.from_function(_page).run().markdown] == ["shown"]
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_noted_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FIRMTRADE_AUDIT", str(tmp_path / "file" / "opened.jsonl"))
    page = AppTest.from_function(_page).run()
    assert not page.markdown and not page.exception
    assert any("cannot be written" in item.proto.body for item in page.get("html"))
