"""What a page says of a job: running with a way out, failed, lost, stopped."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.test_pages import html


def _panel(state: str, message: str) -> AppTest:
    def page(state: str, message: str) -> None:
        import streamlit as st

        from firmtrade_core.jobs import JobStatus
        from pages.parts.frame.jobs import say_why_not, watch

        kept = st.session_state.setdefault("state", state)
        status = JobStatus(kept, 0.4, message, 1, 0.0)

        def stop() -> None:
            st.session_state["state"] = "cancelled"

        if not status.finished:
            watch(lambda: status, stop, key="stop")
        else:
            say_why_not(status, "No result", "Try again.")

    return AppTest.from_function(page, args=(state, message)).run()


def test_a_running_job_shows_how_far_it_is_and_can_be_stopped() -> None:
    app = _panel("running", "Estimating food")
    assert not app.exception and app.get("progress")[0].proto.value == 40
    assert app.get("progress")[0].proto.text == "Estimating food"
    app.button(key="stop").click().run()
    assert not app.button and "You no longer wait for this. Estimating food" in html(app)


@pytest.mark.parametrize(
    ("state", "message", "told"),
    [
        ("failed", "PanelError: no firms <b>here</b>", "<p>no firms &lt;b&gt;here&lt;/b&gt;</p>"),
        ("lost", "The process ended unexpectedly.", "ended unexpectedly. It stood at 40\u202f%."),
        ("done", "", ""),
    ],
)
def test_what_is_said_of_an_ended_job(state: str, message: str, told: str) -> None:
    app = _panel(state, message)
    assert not app.exception and told in html(app)
    assert ("No result" in html(app)) == (state != "done")
