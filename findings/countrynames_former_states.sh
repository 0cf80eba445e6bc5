#!/bin/sh
# countrynames finds former states, but has no three-letter codes of them. to_code_3 gives four letters for some ("CSXX" for
# Serbia and Montenegro, "YUCS" for Yugoslavia), which join with no table of three-letter codes, and raises a KeyError for
# others that to_code knows (East Germany), which stops a loop over a column of partners. For names that it does not know at
# all it gives None.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install --only-binary :all: countrynames==1.16.10
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import warnings
from importlib.metadata import version

warnings.simplefilter("ignore")  # a hint to install ICU
import countrynames

print("countrynames", version("countrynames"))
told = {}
for name in ("Serbia and Montenegro", "Yugoslavia", "East Germany", "Areas, nes"):
    try:
        three = countrynames.to_code_3(name)
    except KeyError as error:
        three = f"KeyError {error}"
    told[name] = countrynames.to_code(name), three
    print(name, "->", *told[name])
as_seen = told == {
    "Serbia and Montenegro": ("CSXX", "CSXX"),
    "Yugoslavia": ("YUCS", "YUCS"),
    "East Germany": ("DD", "KeyError 'DD'"),
    "Areas, nes": (None, None),
}
sys.exit(0 if as_seen else 1)
PYTHON
