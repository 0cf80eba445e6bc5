"""A job on a page: how far it is, how to stop it, and what is said when it ended without a result."""

from __future__ import annotations

import time
from collections.abc import Callable
from html import escape

import streamlit as st

from firmtrade_core.jobs import JobStatus
from firmtrade_core.labels import in_percent
from pages.parts.frame.page import complain

SECONDS_BETWEEN_LOOKS = 0.7

#: Share of a job that must be seen done before its pace tells how long the rest takes.
LEAST_DONE = 0.03

_FIRST_SEEN = "jobs_first_seen"

Look = Callable[[], JobStatus | None]


def watch(look: Look, cancel: Callable[[], object], *, key: str) -> None:
    """A running job, looked at now and then while the page stays usable; the page is made again when it ends.

    Parameters
    ----------
    look
        Where the job stands.
    cancel
        Stops it; finished steps are kept.
    key
        Of the button that cancels.
    """
    st.fragment(_progress, run_every=SECONDS_BETWEEN_LOOKS)(look, cancel, key)


def _progress(look: Look, cancel: Callable[[], object], key: str) -> None:
    status = look()
    if status is None or status.finished:
        st.rerun()
        return
    row = st.container(horizontal=True, gap="small", vertical_alignment="center")
    row.progress(min(max(status.fraction, 0.02), 1.0), f"{status.message}{_left(status)}")
    row.button("Cancel", icon=":material/stop:", on_click=cancel, key=key)


def _left(status: JobStatus) -> str:
    """How long it may take still, by the pace since it was first looked at; nothing until that tells."""
    first: dict[int, tuple[float, float]] = st.session_state.setdefault(_FIRST_SEEN, {})
    since, at = first.setdefault(status.pid, (time.monotonic(), status.fraction))
    done = status.fraction - at
    if done < LEAST_DONE:
        return ""
    seconds = (time.monotonic() - since) * (1 - status.fraction) / done
    return f" · about {round(seconds / 60)} min left" if seconds >= 90 else " · about a minute left"


def say_why_not(status: JobStatus, what: str, advice: str = "Finished steps are kept.") -> None:
    """Why an ended job has no result; nothing for one that has or that still runs.

    Parameters
    ----------
    status
    what
        What a failure means here, in words.
    advice
    """
    if status.state == "failed":
        # The kind of an error is for the log; its words are for people.
        complain(what, status.message.partition(": ")[2] or status.message, advice)
    elif status.state == "lost":
        complain(what, f"{status.message} It stood at {in_percent(status.fraction)}.", advice)
    elif status.state == "cancelled":
        said = (
            f"Stopped at {in_percent(status.fraction)}. {advice}"
            if status.message in ("", "Cancelled.")
            else f"You no longer wait for this. {status.message}"
        )
        st.html(f'<p class="ft-empty">{escape(said)}</p>')
