"""Who opened which numbers that rest on firms' records, where a server is shared: a line a time, and never a value.

``FIRMTRADE_AUDIT`` names the file (`make serve` keeps one in the user's data folder); without it nothing is written. Each line
is JSON: when (UTC), who (the address signed in with, else a mark of the session), the page, the kind of number, and the mark of the
records it rests on. A line is appended in one write, so that several servers may share the file.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.parts.frame import access

VARIABLE = "FIRMTRADE_AUDIT"

#: What this session has opened already: a page that is drawn again is not opened again.
_SEEN = "opened"


def opened(number: str, records: str, page: str) -> None:
    """Note that a session looks at numbers made of real firms' records.

    Parameters
    ----------
    number
        What kind of number, in words.
    records
        Content hash of the records, or another mark of them that tells nothing.
    page
        Its name.
    """
    file = os.environ.get(VARIABLE, "").strip()
    if not file:
        return
    seen: set[tuple[str, str, str]] = st.session_state.setdefault(_SEEN, set())
    this = (page, number, records)
    if this in seen:
        return
    seen.add(this)
    line = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "who": _reader(),
        "page": page,
        "number": number,
        "records": records[:16],
    }
    _append(Path(file).expanduser(), line)


def _append(file: Path, line: dict[str, str]) -> None:
    content = (json.dumps(line, ensure_ascii=False) + "\n").encode()
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, content)
        finally:
            os.close(handle)
    except OSError as error:
        # Nobody may look unseen because a disk is full: the reader waits until it can be written.
        logging.getLogger("firmtrade").error("The audit log %s cannot be written: %s", file, error)
        raise UnwrittenError(
            f"Who looks at firms' records is noted here, and the log cannot be written ({error.strerror}). Ask whoever "
            "runs the server to make room for it."
        ) from error


class UnwrittenError(Exception):
    """The audit log cannot be written, so nothing is shown. The message says what to do."""


def allowed(number: str, records: str, page: str) -> bool:
    """As `opened`; says so on the page where the log cannot be written, and tells to show nothing."""
    # The frame imports much that this file's readers import too.
    from pages.parts.frame.page import complain

    try:
        opened(number, records, page)
    except UnwrittenError as problem:
        complain("Not shown", str(problem))
        return False
    return True


def _reader() -> str:
    if known := access.me():
        return known
    context = get_script_run_ctx()
    return (
        "nobody"
        if context is None
        else f"session {hashlib.sha256(context.session_id.encode()).hexdigest()[:12]}"
    )
