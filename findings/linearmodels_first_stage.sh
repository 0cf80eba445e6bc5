#!/bin/sh
# With its default (robust) covariance, the "f.stat" in linearmodels' first-stage diagnostics is a Wald statistic, chi2 with as
# many degrees of freedom as instruments, not divided by their number. Three weak instruments with an F of 9 are told as 31,
# well above the customary 10. With cov_type="unadjusted" the same entry is an F. Only the row "f.dist" tells.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install linearmodels==7.1 pandas==3.0.6 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
from linearmodels.iv import IV2SLS

print("linearmodels", version("linearmodels"))
random = np.random.default_rng(0)
count = 500
instruments = random.normal(size=(count, 3))
hidden = random.normal(size=count)
data = pd.DataFrame(instruments, columns=["z1", "z2", "z3"])
data["constant"] = 1.0
data["x"] = instruments.sum(axis=1) * 0.1 + hidden
data["y"] = data["x"] + hidden + random.normal(size=count)
model = IV2SLS(data["y"], data[["constant"]], data[["x"]], data[["z1", "z2", "z3"]])
told = {}
for covariance in ("robust", "unadjusted"):
    row = model.fit(cov_type=covariance).first_stage.diagnostics.loc["x"]
    told[covariance] = float(row["f.stat"])
    print(f"{covariance}: f.stat {row['f.stat']:.2f}, f.dist {row['f.dist']}")

full = data[["constant", "z1", "z2", "z3"]].to_numpy()
beta = np.linalg.lstsq(full, data["x"], rcond=None)[0]
residual = data["x"].to_numpy() - full @ beta
bread = np.linalg.inv(full.T @ full)
robust = bread @ (full.T * residual**2) @ full @ bread
by_hand = float(beta[1:] @ np.linalg.solve(robust[1:, 1:], beta[1:]) / 3)
print(f"robust F by hand (Wald / 3): {by_hand:.2f}")
as_seen = abs(told["robust"] / (3 * by_hand) - 1) < 0.02 and by_hand < 11 < 30 < told["robust"] and told["unadjusted"] < 11
sys.exit(0 if as_seen else 1)
PYTHON
