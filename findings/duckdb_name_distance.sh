#!/bin/sh
# DuckDB counts bytes, not letters, in levenshtein, damerau_levenshtein, jaro_similarity, jaro_winkler_similarity and jaccard
# (while length and substr count letters). For record linkage in its SQL (splink on DuckDB) one Latin letter with an accent
# costs two edits, and all letters of a Cyrillic or Greek name share their first byte: different names look more alike than the
# same change in Latin letters, over a threshold of 0.92.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install duckdb==2.0.0 rapidfuzz==3.14.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import duckdb
import rapidfuzz
from rapidfuzz.distance import JaroWinkler, Levenshtein

print("duckdb", duckdb.__version__, "rapidfuzz", rapidfuzz.__version__)
connection = duckdb.connect()
told = {}
for left, right in (("Müller", "Muller"), ("Заря", "Зоря"), ("Zarya", "Zorya")):
    query = "SELECT levenshtein($1, $2), jaro_winkler_similarity($1, $2), length($1)"
    edits, alike, letters = connection.execute(query, [left, right]).fetchone()
    other = Levenshtein.distance(left, right), JaroWinkler.similarity(left, right)
    told[left] = edits, round(alike, 3), *(round(value, 3) for value in other)
    print(f"{left} ({letters} letters), {right}: DuckDB {edits} edits, {alike:.3f} alike; rapidfuzz {other[0]}, {other[1]:.3f}")
as_seen = told == {"Müller": (2, 0.864, 1, 0.9), "Заря": (1, 0.942, 1, 0.85), "Zarya": (1, 0.88, 1, 0.88)}
sys.exit(0 if as_seen else 1)
PYTHON
