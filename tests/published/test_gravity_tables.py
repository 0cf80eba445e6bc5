"""The Log of Gravity and the Advanced Guide's first table, coefficient by coefficient."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from firmtrade_core.published import replicate as replication
from firmtrade_core.published.gravity_tables import HEADINGS


@pytest.mark.data
def test_log_of_gravity_to_three_decimals(needs_data: Callable[[str], Path]) -> None:
    needs_data("log-of-gravity")
    report = replication.replicate("log-of-gravity")
    assert report.holds and len(report.rows) == 3 * 14
    assert all(abs(row.difference) <= 0.0005 + 1e-9 for row in report.rows)


@pytest.mark.data
def test_the_guides_table_with_its_clustered_errors(needs_data: Callable[[str], Path]) -> None:
    needs_data("agtpa")
    report = replication.replicate("gravity-guide")
    assert report.holds and len(report.rows) == 2 * (6 + 8 + 4 + 4)
    for row in report.rows:
        assert abs(row.difference) < (0.002 if "standard error" in row.result else 0.0005)
    assert {row.result.split(",")[0] for row in report.rows} <= set(HEADINGS.values())
