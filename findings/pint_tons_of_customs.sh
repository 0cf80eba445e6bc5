#!/bin/sh
# pint reads units that customs files write as other units, without an error: "mt" (metric tons) is a milliton, one kilogram,
# so a weight comes out a thousand times too small; "ton" is the short ton of 907 kg; "doz" is a tenth of an ounce; "kt"
# (thousand tons) is a speed in knots.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install pint==0.25.3
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import pint

print("pint", pint.__version__)
units = pint.UnitRegistry()
told = {}
for text in ("1000 mt", "1000 t", "1000 ton", "12 doz"):
    quantity = units(text)
    told[text] = round(quantity.to("kg").magnitude, 2)
    print(f"{text}: {quantity.units}, {told[text]} kg")
speed = units("5 kt")
print(f"5 kt: {speed.units}, {speed.dimensionality}")
as_seen = told == {"1000 mt": 1000.0, "1000 t": 1_000_000.0, "1000 ton": 907_184.74, "12 doz": 0.03}
sys.exit(0 if as_seen and str(speed.units) == "knot" else 1)
PYTHON
