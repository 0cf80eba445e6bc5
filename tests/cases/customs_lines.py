"""Customs lines written for a test, and what the library and the command make of them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from firmtrade_core.cli.main import app
from firmtrade_core.harmonise.declarations import Options, read_declarations
from firmtrade_core.world.loaders import load

#: The small inputs that go wrong, beside the checkout where they are there.
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "cases"

SALT = b"a salt of sixteen bytes"

HEADS = ("firm", "date", "flow", "country", "product", "value", "currency")

#: A line that has nothing wrong.
SOUND = {
    "firm": "F1", "date": "2019-03-05", "flow": "export", "country": "DE", "product": "020110", "value": "1000.5",
    "currency": "USD",
}  # fmt: skip


def shared(name: str) -> Path:
    """A file of the shared cases; the test is skipped where they are not there, and fails under FIRMTRADE_STRICT=1."""
    path = SHARED / name
    if not path.is_file():
        if os.environ.get("FIRMTRADE_STRICT") == "1":
            pytest.fail(f"{name} is not beside the checkout")
        pytest.skip(f"{name} is not beside the checkout")
    return path


@dataclass(frozen=True)
class Harmonised:
    """Lines, the rule by which each other row was set aside, findings by rule, and notes."""

    lines: pd.DataFrame
    aside: Mapping[int, str]
    rules: Mapping[str, int]
    notes: str
    accounts: Mapping[str, int]

    def column(self, name: str) -> list[Any]:
        """A column of the lines in the order of the file, with what stands for rows set aside."""
        kept = dict(zip(self.lines["row"], self.lines[name], strict=True))
        last = max([*kept, *self.aside])
        return [kept.get(row, self.aside.get(row)) for row in range(1, last + 1)]


def read(path: Path, work: Path, **options: Any) -> Harmonised:
    """A customs file through the library."""
    found = read_declarations([path], work, Options(SALT, **options))
    lines = found.connection.execute("FROM lines ORDER BY row").df()
    aside = dict(found.connection.execute("SELECT row, rule FROM quarantine").fetchall())
    rules = {finding.rule.key: finding.rows for finding in found.findings}
    accounts = found.accounts()
    found.connection.close()
    assert accounts["lost"] == 0
    return Harmonised(lines, aside, rules, " ".join(found.findings.notes), accounts)


def lines(folder: Path, *rows: Mapping[str, str], separator: str = ",", **options: Any) -> Harmonised:
    """Rows that differ from a sound line as told, through the library."""
    heads = list(dict.fromkeys([*HEADS, *(key for row in rows for key in row)]))
    path = folder / "exports.csv"
    text = [separator.join(heads)] + [
        separator.join({**SOUND, **row}.get(head, "") for head in heads) for row in rows
    ]
    path.write_text("\n".join(text) + "\n", encoding="utf-8")
    return read(path, folder / "work", **options)


def column(folder: Path, name: str, texts: Sequence[str], **options: Any) -> Harmonised:
    """A sound line for each text of a column."""
    return lines(folder, *({name: text} for text in texts), **options)


def command(path: Path, out: Path, *options: str) -> dict[str, Any]:
    """The report of the command ``harmonise``."""
    done = CliRunner().invoke(
        app, ["harmonise", str(path), "-o", str(out), "--edition", "none", "--json", *options]
    )
    report: dict[str, Any] = json.loads(done.output)
    return report


__all__ = ["Harmonised", "column", "command", "lines", "load", "read", "shared"]
