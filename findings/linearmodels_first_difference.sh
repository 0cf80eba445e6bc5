#!/bin/sh
# linearmodels' FirstDifferenceOLS differences along the years that occur anywhere in the table. Where a survey skipped 2002
# for all, 2003 less 2001 counts as one difference. One row of one more firm in 2002, which has no difference of its own, takes
# these away: fewer observations and another coefficient for firms whose own rows have not changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install linearmodels==7.1 pandas==3.0.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import pandas as pd
from linearmodels.panel import FirstDifferenceOLS

print("linearmodels", version("linearmodels"))
rows = [
    ("A", 2000, 1.0, 1.0), ("A", 2001, 2.0, 2.5), ("A", 2003, 5.0, 4.0), ("A", 2004, 7.0, 7.0),
    ("B", 2000, 2.0, 1.0), ("B", 2001, 3.0, 2.0), ("B", 2003, 4.0, 5.0), ("B", 2004, 6.0, 8.0),
]


def estimate(rows: list[tuple[str, int, float, float]]) -> tuple[int, float]:
    table = pd.DataFrame(rows, columns=["firm", "year", "x", "y"]).set_index(["firm", "year"])
    result = FirstDifferenceOLS(table["y"], table[["x"]]).fit()
    return int(result.nobs), round(float(result.params["x"]), 4)


without, beside = estimate(rows), estimate([*rows, ("C", 2002, 1.0, 1.0)])
print("two firms without 2002:", without)
print("with one row of a third firm in 2002:", beside)
sys.exit(0 if without == (6, 1.1) and beside == (4, 1.45) else 1)
PYTHON
