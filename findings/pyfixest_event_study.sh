#!/bin/sh
# pyfixest's event_study(..., att=False) is documented to estimate all leads and lags, and does so with estimator="saturated". With
# "twfe" it gives the one average effect all the same, without a word. With "did2s" (and in did2s itself) it ends in a
# ValueError on broadcasting as soon as one unit is seen a single time before its treatment: such rows are dropped in the
# first stage and not in the covariance.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install pyfixest==0.60.0 pandas==3.0.6 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
import pyfixest

print("pyfixest", version("pyfixest"))
random = np.random.default_rng(0)
units, years = 400, 5
unit, year = np.repeat(np.arange(units), years), np.tile(np.arange(years), units)
first = np.repeat(random.choice([0, 1, 2, 3], units), years)
effect = np.where((first > 0) & (year >= first), 0.1 * (year - first + 1), 0.0)
data = pd.DataFrame({"unit": unit, "year": year, "first": first, "y": effect + random.normal(0, 0.2, units * years)})
names = {"yname": "y", "idname": "unit", "tname": "year", "gname": "first", "cluster": "unit"}
asked = pyfixest.event_study(data, **names, att=False, estimator="twfe")
print("leads and lags asked for, twfe gives:", asked.coef().to_dict())
whole = pyfixest.event_study(data, **names, att=False, estimator="saturated")
print("saturated gives", len(whole.coef()), "coefficients")
failed = ""
try:
    pyfixest.event_study(data, **names, att=True, estimator="did2s")
except ValueError as error:
    failed = str(error)
print("did2s with units seen once before treatment:", failed or "fine")
later = pyfixest.event_study(data[data["first"] != 1], **names, att=True, estimator="did2s")
print("without those units:", later.coef().to_dict())
sys.exit(0 if len(asked.coef()) == 1 and "broadcast" in failed else 1)
PYTHON
