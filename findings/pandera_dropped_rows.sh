#!/bin/sh
# pandera's drop_invalid_rows drops by the label of a row, not by its place. Two monthly customs files put under each other
# with pandas.concat have every label twice: one bad line in the first file takes the good line of the same label in the second
# file with it, and nothing is said.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install pandera==0.35.0 pandas==3.0.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import pandas as pd
import pandera.pandas as pa

print("pandera", version("pandera"))
january = pd.DataFrame({"hs6": ["010121", "010129", "020110"], "value": [5.0, -1.0, 7.0]})
february = pd.DataFrame({"hs6": ["030111", "030119", "040110"], "value": [1.0, 2.0, 3.0]})
schema = pa.DataFrameSchema({"value": pa.Column(float, pa.Check.ge(0))}, drop_invalid_rows=True)
both = pd.concat([january, february])
kept = schema.validate(both, lazy=True)
numbered = schema.validate(both.reset_index(drop=True), lazy=True)
print("lines:", len(both), "of which below zero:", int((both["value"] < 0).sum()))
print("kept as concatenated:", list(kept["hs6"]))
print("kept when numbered anew:", list(numbered["hs6"]))
as_seen = list(kept["hs6"]) == ["010121", "020110", "030111", "040110"] and len(numbered) == 5
sys.exit(0 if as_seen else 1)
PYTHON
