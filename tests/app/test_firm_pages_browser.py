"""The page on the role of heterogeneity in a real Chromium: charts are painted, the choice of country redraws them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.app.conftest import choose, rested, said

pytestmark = pytest.mark.browser


def test_the_role_of_heterogeneity_is_painted_and_follows_the_country(open_page: Callable[..., Any]) -> None:
    page = open_page("heterogeneity")
    page.wait_for_selector('.ft-chart[data-kind="laws"][data-result]')
    page.wait_for_selector('.ft-chart[data-kind="elasticities"][data-result]')
    rested(page)
    assert page.locator('.ft-chart[data-kind="laws"] .scatterlayer .point').count() >= 36
    assert page.locator('.ft-chart[data-kind="margins"] .barlayer .point').count() >= 3
    before = said(page, ".ft-numbers")
    choose(page, "Country", "Mexico")
    said(page, ".ft-numbers", other_than=before)
    said(page, ".stMain", "Mexico")
