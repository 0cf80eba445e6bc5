#!/bin/sh
# polars.read_excel (its default engine, calamine) takes the type of a column from the first hundred rows. In a tariff schedule
# whose first lines have plain codes and rates, a later code written with points becomes null, without an error or a warning, and
# a later line of which code and rate ("Free") are both text is gone altogether, as if it were empty. polars.read_csv raises in the
# same place, and read_excel with engine="openpyxl" keeps the text.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install polars==2.1.0 fastexcel==0.21.0 openpyxl==3.1.5
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import warnings

import openpyxl
import polars as pl

print("polars", pl.__version__)
book = openpyxl.Workbook()
sheet = book.active
rows = [(10121 + line, 5.0) for line in range(150)] + [("8703.80.00", "Free"), ("8703.90.00", 2.5)]
for row in [("hs", "rate"), *rows]:
    sheet.append(row)
book.save("schedule.xlsx")
with open("schedule.csv", "w") as file:
    file.write("hs,rate\n" + "".join(f"{code},{rate}\n" for code, rate in rows))

with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    default = pl.read_excel("schedule.xlsx")
told = [str(warning.message) for warning in told if "null" in str(warning.message).lower()]
other = pl.read_excel("schedule.xlsx", engine="openpyxl")
try:
    pl.read_csv("schedule.csv")
    csv = "read"
except pl.exceptions.ComputeError as error:
    csv = type(error).__name__
print(f"default engine: {len(default)} of {len(rows)} lines, the last two {default.tail(2).rows()}, warnings {told}")
print(f"openpyxl engine: {len(other)} lines, the last two {other.tail(2).rows()}")
print("the same rows as CSV:", csv)
as_seen = (
    len(default) == len(rows) - 1
    and default.tail(2).rows() == [(10270, 5.0), (None, 2.5)]
    and not told
    and other["hs"][-2:].to_list() == ["8703.80.00", "8703.90.00"]
    and csv == "ComputeError"
)
sys.exit(0 if as_seen else 1)
PYTHON
