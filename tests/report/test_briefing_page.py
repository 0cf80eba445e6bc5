"""The pipeline's briefing: every column under its own unit."""

from __future__ import annotations

import re

import pandas as pd

from firmtrade_core.report.briefing_page import _barred


def test_columns_keep_their_own_units():
    names = pd.Series(["China", "Japan"])
    html = _barred(
        ("Destination", "", "Exports", "Firms there"),
        names,
        (pd.Series([-3200.0, 2.5]), "m USD"),
        (pd.Series([-12.0, 13.0]), "firms"),
    )
    cells = [re.sub("<[^>]+>", "", cell) for cell in re.findall("<td>(.*?)</td>", html)]
    assert cells == [
        "China", "", "−3\u202f200\u00a0m\u00a0USD", "−12\u00a0firms",
        "Japan", "", "+2.5\u00a0m\u00a0USD", "+13\u00a0firms",
    ]  # fmt: skip
