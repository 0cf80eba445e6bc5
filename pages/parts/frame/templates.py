"""Forms of the tables that people bring, to take away and fill in."""

from __future__ import annotations

from html import escape

import streamlit as st

from firmtrade_core.report.templates import TEMPLATES


def templates(*names: str) -> None:
    """A popover with forms of tables: what their columns hold, and a file each.

    Parameters
    ----------
    names
        Of `report.templates.TEMPLATES`; none shows nothing.
    """
    if not names:
        return
    with st.popover("Forms of tables", icon=":material/description:"):
        for name in names:
            form = TEMPLATES[name]
            head = form.text.splitlines()[0]
            st.html(
                f'<p class="ft-quiet"><b>{escape(form.title)}</b> ({escape(head)}). {escape(form.words)} The numbers are invented.</p>'
            )
            st.download_button(
                form.file,
                form.text,
                form.file,
                mime="text/csv",
                icon=":material/download:",
                type="tertiary",
                on_click="ignore",
                key=f"template_{name}",
            )
