#!/bin/sh
# stochtree takes missing covariates with a continuous outcome, and trees split on them; with a binary outcome (probit link) the
# same table ends in "OverflowError: Range exceeds valid bounds" once enough cells are missing, and not where few are: the
# error names neither the column nor the gap.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install stochtree==0.4.5 numpy==2.4.6 pandas==3.0.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import warnings
from importlib.metadata import version

import numpy as np
from stochtree import BARTModel, OutcomeModel

warnings.simplefilter("ignore")
print("stochtree", version("stochtree"))


def fitted(share: float, link: str) -> str:
    random = np.random.default_rng(0)
    table = random.normal(size=(2000, 8))
    sells = (table[:, 0] + random.normal(size=2000) > 0.8).astype(float)
    table[random.random(table.shape) < share] = np.nan
    settings = {"random_seed": 0}
    if link == "probit":
        settings["outcome_model"] = OutcomeModel(outcome="binary", link="probit")
    try:
        BARTModel().sample(
            X_train=table, y_train=sells, num_gfr=10, num_burnin=0, num_mcmc=100, general_params=settings
        )
    except OverflowError as error:
        return f"OverflowError: {error}"
    return "fitted"


seen = {(share, link): fitted(share, link) for share in (0.02, 0.3) for link in ("identity", "probit")}
for (share, link), outcome in seen.items():
    print(f"{share:.0%} of cells missing, {link} link: {outcome}")
wrong = seen.pop((0.3, "probit"))
sys.exit(0 if wrong.startswith("OverflowError") and set(seen.values()) == {"fitted"} else 1)
PYTHON
