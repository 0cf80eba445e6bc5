"""``/briefing``: Streamlit ignores the address of the page that opens first, so its own name leads there from here."""

import streamlit as st

from pages.parts.frame import open_page

# The link's scenario is read before the address moves on.
open_page("Briefing")
st.switch_page("pages/briefing.py", query_params=dict(st.query_params))
