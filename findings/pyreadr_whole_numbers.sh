#!/bin/sh
# R keeps whole numbers beyond two billion as "integer64", whose 64 bits lie in a vector of doubles; data.table's fread makes a column
# of values in dollars into one by itself. pyreadr reads the bits as doubles: 12,500,000,000 dollars and 37 are 6e-314 and 2e-322,
# a column of floats that sums to nothing, without an error or a warning. rdata gives the same floats, but warns. The file here
# is written byte by byte (serialization format 2), as saveRDS(compress = FALSE) would.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install pyreadr==0.5.8 rdata==1.1.0 pandas==3.0.6 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import struct
import sys
import warnings
from importlib.metadata import version

import pyreadr
import rdata

TRUE = [12_500_000_000, 37]


def number(*values):
    return struct.pack(f">{len(values)}i", *values)


def text(words):
    letters = [word.encode() for word in words]
    return number(16, len(words)) + b"".join(number(9 | 0x40 << 12, len(word)) + word for word in letters)


def attribute(name, value):
    return number(0x402, 1) + number(9 | 0x40 << 12, len(name)) + name.encode() + value


END = number(254)
value = number(14 | 0x300, 2) + struct.pack(">2q", *TRUE) + attribute("class", text(["integer64"])) + END
columns = value + text(["0101", "0202"])
named = attribute("names", text(["value", "code"])) + attribute("class", text(["data.frame"]))
rows = attribute("row.names", number(13, 2, -(2**31), -2)) + END
with open("customs.rds", "wb") as file:
    file.write(b"X\n" + number(2, 0x30602, 0x20300) + number(19 | 0x300, 2) + columns + named + rows)

print("pyreadr", version("pyreadr"), "rdata", version("rdata"))
said = {}
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for name, read in {"pyreadr": lambda: pyreadr.read_r("customs.rds")[None], "rdata": lambda: rdata.read_rds("customs.rds")}.items():
        before = len(caught)
        table = read()
        said[name] = [str(one.message) for one in caught[before:] if "integer64" in str(one.message)]
        print(f"{name}: {table['value'].tolist()} {table['value'].dtype}, codes {table['code'].tolist()}, warnings {said[name]}")
        if name == "pyreadr":
            as_seen = str(table["value"].dtype) == "float64" and 0 < table["value"].sum() < 1e-300
            as_bits = table["value"].to_numpy().view("int64").tolist()
print("the same bits as 64-bit integers:", as_bits)
sys.exit(0 if as_seen and as_bits == TRUE and not said["pyreadr"] and said["rdata"] else 1)
PYTHON
