"""Findings: what is wrong with records, by rule, with counts and examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from firmtrade_core.labels import grouped
from firmtrade_core.labels.units import in_percent
from firmtrade_core.paths import asset, read_rows

#: What was done with the rows: set aside, changed and logged, marked but kept, or only noted.
Action = Literal["quarantined", "repaired", "flagged", "noted"]

#: Examples kept for each rule.
EXAMPLES = 5


@dataclass(frozen=True)
class Rule:
    """A thing that may be wrong with a row.

    Parameters
    ----------
    key
        ``column.fault``, for example ``date.unreadable``.
    title
        In plain words, plural: the count comes before it.
    action
        What happens to the rows.
    advice
        What the person can do about it.
    """

    key: str
    title: str
    action: Action
    advice: str = ""


def rules_of(table: str) -> dict[str, Rule]:
    """Rules by key, of one of the tables of ``assets/records/rules.csv``: of text files, customs lines, years or firms."""
    return {
        row["key"]: Rule(row["key"], row["title"], row["action"], row["advice"])  # type: ignore[arg-type]
        for row in read_rows(asset("records/rules.csv"))
        if row["table"] == table
    }


@dataclass(frozen=True)
class Finding:
    """How often one rule was met.

    Parameters
    ----------
    rule
        Which.
    rows
        How many rows met it.
    share
        Of all rows, 0 to 1.
    value_share
        Of all value that could be read, 0 to 1; None where value plays no part.
    examples
        A few of the texts met, each with its file, line and, where there is one, the likely meaning.
    """

    rule: Rule
    rows: int
    share: float
    value_share: float | None = None
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        shown = f" For example {'; '.join(self.examples)}." if self.examples else ""
        advice = f" {self.rule.advice}" if self.rule.advice else ""
        return f"{grouped(self.rows)} {self.rule.title} ({in_percent(self.share)} of rows): {self.rule.action}.{shown}{advice}"


@dataclass(frozen=True)
class Findings:
    """Everything found in a set of records.

    Parameters
    ----------
    rows
        Rows looked at, unreadable lines included.
    found
        One entry for each rule that was met, most frequent first.
    notes
        Things worth knowing that are no faults: encodings, conventions, constants used.
    """

    rows: int
    found: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.found)

    def __getitem__(self, key: str) -> Finding:
        """The finding of a rule, with no rows where the rule was not met."""
        for finding in self.found:
            if finding.rule.key == key:
                return finding
        return Finding(Rule(key, "rows", "noted"), 0, 0.0)

    @property
    def quarantined(self) -> int:
        """Rows set aside; each is counted under one rule, the first it met."""
        return sum(finding.rows for finding in self if finding.rule.action == "quarantined")

    def to_frame(self) -> pd.DataFrame:
        """One row per rule: rule, title, action, rows, share, value_share, examples, advice."""
        return pd.DataFrame([_record(finding) for finding in self], columns=list(_record(_BLANK)))

    def to_json(self) -> dict[str, Any]:
        """Plain data for a page, a log or the command line."""
        return {"rows": self.rows, "notes": list(self.notes), "findings": [_record(f) for f in self]}

    @classmethod
    def sorted(cls, rows: int, found: Iterable[Finding], notes: Iterable[str] = ()) -> Findings:
        """Findings with the most frequent first and rules without rows left out."""
        met = (finding for finding in found if finding.rows)
        return cls(rows, tuple(sorted(met, key=lambda f: (-f.rows, f.rule.key))), tuple(notes))


_BLANK = Finding(Rule("", "", "noted"), 0, 0.0)


def _record(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule.key,
        "title": finding.rule.title,
        "action": finding.rule.action,
        "rows": finding.rows,
        "share": finding.share,
        "value_share": finding.value_share,
        "examples": list(finding.examples),
        "advice": finding.rule.advice,
    }
