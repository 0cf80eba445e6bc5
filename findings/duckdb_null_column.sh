#!/bin/sh
# DuckDB 2.0 keeps a column that is NULL throughout as a type of its own, "NULL", in tables and in Parquet. A file with such a
# column read beside one in which the column is text then fails or works by the order in which the files are named: the first
# file's type is tried on the others.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install duckdb==2.0.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import duckdb

print("duckdb", duckdb.__version__)
connection = duckdb.connect()
connection.execute("COPY (SELECT nullif(NULL, '') AS d, 1 AS x) TO 'without.parquet' (FORMAT parquet)")
connection.execute("COPY (SELECT 'b' AS d, 2 AS x) TO 'with.parquet' (FORMAT parquet)")
kind = connection.execute("DESCRIBE FROM 'without.parquet'").fetchall()[0][1]
print("type of the column without values:", kind)


def rows(first: str, second: str) -> str:
    try:
        return f"{len(connection.execute(f'FROM read_parquet([{first!r}, {second!r}])').fetchall())} rows"
    except duckdb.Error as error:
        return type(error).__name__


told = {order: rows(*order) for order in (("without.parquet", "with.parquet"), ("with.parquet", "without.parquet"))}
for order, result in told.items():
    print(" then ".join(order), "->", result)
as_seen = kind == '"NULL"' and list(told.values()) == ["ConversionException", "2 rows"]
sys.exit(0 if as_seen else 1)
PYTHON
