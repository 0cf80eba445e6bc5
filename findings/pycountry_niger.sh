#!/bin/sh
# pycountry's search_fuzzy gives the likeliest country first, by its documentation. For "Niger" that is Nigeria, a name that only begins
# with what was asked, before the country of exactly that name; for "Guinea" and "Dominica" the exact name is first. A column
# of partners read by its first answer moves all trade of Niger to its neighbour. lookup("Niger") is right.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install pycountry==26.2.16
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import pycountry

print("pycountry", version("pycountry"))
told = {name: [found.alpha_3 for found in pycountry.countries.search_fuzzy(name)] for name in ("Niger", "Korea", "Guinea", "Dominica")}
for name, codes in told.items():
    print(f"{name}: {' '.join(codes[:4])}")
print("lookup of Niger:", pycountry.countries.lookup("Niger").alpha_3)
as_seen = [told["Niger"][0], told["Korea"][0], told["Guinea"][0], told["Dominica"][0]] == ["NGA", "PRK", "GIN", "DMA"]
sys.exit(0 if as_seen and pycountry.countries.lookup("Niger").alpha_3 == "NER" else 1)
PYTHON
