"""How good records are, in six plain numbers, each with what it rests on."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from firmtrade_core.codes.countries import country_name
from firmtrade_core.harmonise.findings import Finding
from firmtrade_core.harmonise.mirror import MirrorComparison
from firmtrade_core.labels import grouped
from firmtrade_core.labels.units import in_percent

#: Months after which records begin to age, and after which they are worth nothing for the present.
FRESH, STALE = 12, 72

#: Rules that mean the same line twice.
_REPEATS = ("line.duplicate", "line.repeated", "line.entered_twice", "firm.twice")

#: Rules that mean that parts of a line do not fit each other.
_CONFLICTS = (
    "value.unit_value", "product.misclassified", "line.mirrored", "line.cancelled", "value.ambiguous",
    "date.ambiguous", "product.other_edition", "cell.outlier",
)  # fmt: skip


@dataclass(frozen=True)
class Score:
    """One dimension of quality.

    Parameters
    ----------
    dimension
        Completeness, validity, uniqueness, consistency, timeliness or coverage.
    value
        0 to 1; None where it cannot be told.
    meaning
        What the number is, in words.
    evidence
        What lowers it, largest first.
    """

    dimension: str
    value: float | None
    meaning: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scorecard:
    """All six dimensions."""

    scores: tuple[Score, ...]

    def __getitem__(self, dimension: str) -> Score:
        return next(score for score in self.scores if score.dimension == dimension)

    def to_json(self) -> list[dict[str, Any]]:
        """Plain data."""
        return [asdict(score) for score in self.scores]


def score(
    *,
    rows: int,
    findings: Iterable[Finding],
    filled: Mapping[str, float],
    last_day: datetime.date | None,
    today: datetime.date,
    comparison: MirrorComparison | None = None,
) -> Scorecard:
    """Judge records.

    Parameters
    ----------
    rows
        That came in, broken lines included.
    findings
        Everything found, of files and of clean lines.
    filled
        Share of rows with a value, by field.
    last_day
        Latest date in the records.
    comparison
        With the world's flows.
    """
    found = list(findings)
    gaps = sorted(((1 - share, name) for name, share in filled.items() if share < 1), reverse=True)
    return Scorecard(
        (
            Score(
                "completeness",
                sum(filled.values()) / len(filled) if filled else None,
                "mean share of rows that have a value, over all fields",
                tuple(f"{name}: {in_percent(gap)} missing" for gap, name in gaps[:5]),
            ),
            _by_rules("validity", rows, [f for f in found if _invalid(f)], "share of rows that break no rule"),
            _by_rules(
                "uniqueness", rows, [f for f in found if f.rule.key in _REPEATS], "share of rows that repeat no other"
            ),
            _by_rules(
                "consistency", rows, [f for f in found if f.rule.key in _CONFLICTS], "share of rows whose parts fit each other"
            ),
            _timeliness(last_day, today),
            _coverage(comparison),
        )
    )  # fmt: skip


def _invalid(finding: Finding) -> bool:
    return finding.rule.action == "quarantined" and finding.rule.key not in (*_REPEATS, *_CONFLICTS)


def _by_rules(dimension: str, rows: int, found: list[Finding], meaning: str) -> Score:
    if not rows:
        return Score(dimension, None, meaning, ("There are no rows.",))
    found = sorted(found, key=lambda f: -f.rows)
    # A row may break several rules; shares then overlap and their sum is an upper bound.
    value = max(0.0, 1 - sum(f.rows for f in found) / rows)
    return Score(dimension, value, meaning, tuple(f"{grouped(f.rows)} {f.rule.title}" for f in found[:5]))


def _timeliness(last_day: datetime.date | None, today: datetime.date) -> Score:
    meaning = f"1 up to {FRESH} months after the last record, falling to 0 at {STALE}"
    if last_day is None:
        return Score("timeliness", None, meaning, ("There is no date.",))
    months = max((today - last_day).days / 30.44, 0.0)
    value = min(1.0, max(0.0, (STALE - months) / (STALE - FRESH)))
    return Score(
        "timeliness",
        value,
        meaning,
        (f"The last record is of {last_day:%d %B %Y}, {months:.0f} months ago",),
    )


def _coverage(comparison: MirrorComparison | None) -> Score:
    meaning = "share of the world's flows that the records reproduce, partner by partner and sector by sector"
    if comparison is None:
        return Score("coverage", None, meaning, ("Not compared with the world's accounts.",))
    evidence = [
        f"Customs hold {in_percent(comparison.ratio)} of the world's {comparison.flow}s of {country_name(comparison.home)}"
    ]
    if comparison.world_year and comparison.world_year != comparison.year:
        evidence.append(f"Customs are of {comparison.year}, the world's accounts of {comparison.world_year}")
    evidence += [
        f"{grouped(reason['world'])} m USD not reached: {reason['reason']}"
        for reason in comparison.reasons().head(2).to_dict("records")
        if reason["world"] >= 1
    ]
    value = comparison.overlap
    return Score("coverage", None if math.isnan(value) else min(value, 1.0), meaning, tuple(evidence))
