#!/bin/sh
# country_converter (1.3.2 needs pandas before 3.1) matches names by English patterns and answers names in other languages with another country, without a
# warning: China's name as Spanish customs write it is Taiwan, the Dominican Republic's in French is Dominica, Equatorial Guinea's in German is
# Guinea, and the German customs' label for ships' and aircraft's supplies is the United Kingdom. A name that it does not know
# would be "not found"; these are found, so a check for what was not found lets them through.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install --only-binary :all: pandas==3.0.6 country_converter==1.3.2
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import logging
import sys
from importlib.metadata import version

import country_converter

logging.disable(logging.CRITICAL)
print("country_converter", version("country_converter"))
right = {
    "REPUBLICA POPULAR CHINA": "CHN",
    "République Dominicaine": "DOM",
    "Äquatorialguinea": "GNQ",
    "Guayana Francesa": "GUF",
    "Schiffs- und Luftfahrzeugbedarf": None,
    "Wakanda": None,
}
converter = country_converter.CountryConverter()
told = {name: converter.convert(name, to="ISO3", not_found=None) for name in right}
for name, code in told.items():
    print(f"{name} -> {code} (right: {right[name]})")
as_seen = told == {
    "REPUBLICA POPULAR CHINA": "TWN",
    "République Dominicaine": "DMA",
    "Äquatorialguinea": "GIN",
    "Guayana Francesa": "FRA",
    "Schiffs- und Luftfahrzeugbedarf": "GBR",
    "Wakanda": "Wakanda",
}
sys.exit(0 if as_seen else 1)
PYTHON
