"""Entry of the dashboard: navigation only. Run it by `make app`."""

import streamlit as st

PAGES = [
    st.Page("pages/briefing.py", title="Briefing", icon=":material/campaign:", default=True),
    st.Page("pages/lab.py", title="Scenario lab", icon=":material/tune:", url_path="lab"),
    st.Page("pages/data.py", title="Data", icon=":material/database:", url_path="data"),
]

st.navigation(PAGES).run()
