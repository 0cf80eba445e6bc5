#!/bin/sh
# pyfixest's clustered errors of one formula on one table differ between two starts of Python where the parts of its fixed
# effects are joined by "+" without blanks and one of them is the cluster: which effect counts as nested in the clusters, and so the
# small-sample factor, follows the order of a set of strings, which Python shuffles at every start. Coefficients agree. The
# same formula with blanks around "+" gives one number.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install pyfixest==0.60.0 pandas==3.0.6 numpy==2.4.6
cd "$folder"
cat > one.py <<'PYTHON'
import sys

import numpy as np
import pandas as pd
import pyfixest

random = np.random.default_rng(0)
count = 2_000
data = pd.DataFrame({"cost": random.normal(size=count), "seller": random.integers(0, 30, count), "buyer": random.integers(0, 30, count)})
data["trade"] = random.poisson(np.exp(0.3 * data["cost"] + 0.5 * random.normal(size=count)))
data["pair"] = data["seller"].astype(str) + "-" + data["buyer"].astype(str)
found = pyfixest.fepois(sys.argv[1], data, vcov={"CRV1": "pair"})
print(f"{found.coef().iloc[0]:.8f} {found.se().iloc[0]:.8f}")
PYTHON
"$folder/venv/bin/python" - <<'PYTHON'
import os
import subprocess
import sys
from importlib.metadata import version

print("pyfixest", version("pyfixest"))
told = {}
for formula in ("trade~cost|pair+seller+buyer", "trade ~ cost | pair + seller + buyer"):
    lines = []
    for seed in range(8):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
        run = [sys.executable, "-W", "ignore", "one.py", formula]
        lines.append(subprocess.run(run, env=environment, check=True, capture_output=True, text=True).stdout.split())
    told[formula] = {error for _, error in lines}
    print(f"{formula}: coefficient {', '.join(sorted({c for c, _ in lines}))}; standard error {', '.join(sorted(told[formula]))}")
close, apart = told.values()
sys.exit(0 if len(close) == 2 and len(apart) == 1 else 1)
PYTHON
