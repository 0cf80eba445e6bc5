#!/bin/sh
# st.cache_data knows a table of 50,000 rows and more by a sample of 10,000 of them. A firm's exports corrected in a table of
# 60,000 firms mostly leave the hash as it was, and the total of before is given back. With 49,999 rows every value counts. The
# docstring of cache_data does not say so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install streamlit==1.67.0 pandas==3.0.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import logging
import sys

logging.disable(logging.WARNING)
import numpy as np
import pandas as pd
import streamlit as st

print("streamlit", st.__version__)


@st.cache_data(show_spinner=False)
def total(firms: pd.DataFrame) -> float:
    return float(firms["exports"].sum())


told = {}
for count in (49_999, 60_000):
    firms = pd.DataFrame({"firm": np.arange(count), "exports": np.ones(count)})
    total(firms)
    stale = 0
    for row in range(0, 500, 10):
        corrected = firms.copy()
        corrected.loc[row, "exports"] = 1_000_001.0
        stale += total(corrected) != corrected["exports"].sum()
    told[count] = stale
    print(f"{count} firms: of 50 corrections of one firm by a million, {stale} give the total of before")
sys.exit(0 if told[49_999] == 0 and told[60_000] > 25 else 1)
PYTHON
