#!/bin/sh
# Explainable boosting machines (interpret) take a text column whose values look like numbers for a continuous attribute. HS
# chapters kept as text, "01" to "85", are put on a line: a chapter never seen gets the effect of its neighbours on that line,
# and "1" is "01". The same column as a pandas category is nominal, and a chapter never seen is unknown.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install interpret-core==0.7.8 pandas==3.0.6 scikit-learn==1.9.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
from interpret.glassbox import ExplainableBoostingRegressor

print("interpret-core", version("interpret-core"))
random = np.random.default_rng(0)
effect = {"01": 0.0, "02": 5.0, "09": 0.0, "10": 5.0, "27": 0.0, "84": 5.0, "85": 0.0}
chapter = pd.Series(random.choice(list(effect), 1000), name="chapter").astype("str")
margin = chapter.map(effect).to_numpy(dtype=float) + 0.1 * random.normal(size=1000)
new = pd.DataFrame({"chapter": pd.Series(["83", "28"], dtype="str")})
kinds, told = [], []
for column in (chapter, chapter.astype("category")):
    model = ExplainableBoostingRegressor(interactions=0, outer_bags=1, random_state=0, n_jobs=1)
    model.fit(column.to_frame(), margin)
    kinds += list(model.feature_types_in_)
    told.append(model.predict(new))
    print(f"{column.dtype}: {kinds[-1]}; chapters 83 and 28, never seen: {told[-1].round(2)}")
as_seen = kinds == ["continuous", "nominal"] and abs(told[0][0] - told[0][1]) > 2 and told[1][0] == told[1][1]
sys.exit(0 if as_seen else 1)
PYTHON
