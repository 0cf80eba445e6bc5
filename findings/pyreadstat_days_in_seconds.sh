#!/bin/sh
# pandas 3 keeps days in seconds (datetime64[s]) where they come from Python dates, from days of numpy or from day numbers.
# pyreadstat writes such a column to Stata and SPSS files as 1 January 1970, every row, without an error. The same days read
# from text are in microseconds and are right.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install pyreadstat==1.3.7 pandas==3.0.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import datetime
import sys

import pandas as pd
import pyreadstat

print("pyreadstat", pyreadstat.__version__, "pandas", pd.__version__)
table = pd.DataFrame({
    "from_dates": pd.to_datetime([datetime.date(2024, 1, 31), datetime.date(2026, 8, 22)]),
    "from_text": pd.to_datetime(["2024-01-31", "2026-08-22"]),
})
print({name: str(kind) for name, kind in table.dtypes.items()})
told = {}
for kind in ("dta", "sav"):
    getattr(pyreadstat, f"write_{kind}")(table, f"table.{kind}")
    back = getattr(pyreadstat, f"read_{kind}")(f"table.{kind}")[0]
    told[kind] = {name: [str(day)[:10] for day in back[name]] for name in table}
    print(kind, told[kind])
right, wrong = ["2024-01-31", "2026-08-22"], ["1970-01-01", "1970-01-01"]
sys.exit(0 if all(each == {"from_dates": wrong, "from_text": right} for each in told.values()) else 1)
PYTHON
