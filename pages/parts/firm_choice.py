"""Which firm the firm view is about, and whether single firms may be shown at all."""

from __future__ import annotations

from dataclasses import dataclass, field

import streamlit as st

from firmtrade_core.home import HomeFirms
from pages.parts.desk import on_loopback
from pages.parts.store import Store

_KEY = "firm_view"


@dataclass(eq=False)
class Choice:
    """A session's choice; it is never written into the address.

    Parameters
    ----------
    kind
        ``profile`` or ``firm``.
    sector
        Position in the world.
    row
        Of the firms' table.
    values
        Attributes of the profile that were changed.
    """

    kind: str = "profile"
    sector: int = -1
    row: int = -1
    values: dict[str, float] = field(default_factory=dict)


def current_choice() -> Choice:
    """The session's choice."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = Choice()
    found: Choice = st.session_state[_KEY]
    return found


def may_show_single_firms(home: HomeFirms, store: Store) -> bool:
    """Synthetic firms are nobody's secret; real ones are shown on this machine alone, and never to a room."""
    return home.synthetic or (on_loopback() and not store.presenting)
